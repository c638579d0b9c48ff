"""Words for who looks for a name of torch.optim."""

from __future__ import annotations

from .._hints import give_hints

_INSTEAD = {
    "lr_scheduler": "optim.Scheduler(optimizer, schedule) with optim.Step, MultiStep, Exponential, Cosine, OneCycle, Linear "
    "or Noam as the schedule, or optim.ReduceLROnPlateau",
    "LBFGS": "optim.minimize_lbfgs",
    "Adamax": "optim.Adam", "NAdam": "optim.Adam", "RAdam": "optim.Adam with a warm-up, optim.Linear(steps)",
    "SparseAdam": "optim.Adam(..., lazy=True)", "swa_utils": "optim.EMA", "Adadelta": "optim.RMSprop",
}  # fmt: skip

give_hints(__package__, _INSTEAD)
