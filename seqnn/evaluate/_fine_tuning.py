"""Fine-tuning of an encoder with a head on the rows of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import optim, random
from .._arguments import integer, number
from ..models import WithHead
from ..train import Batches, fit
from ._reading import as_batch

__all__ = ["fine_tune"]


def fine_tune(
    network: WithHead,
    rows: Sequence[np.ndarray],
    targets: np.ndarray,
    loss: Callable[..., Any],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    warmup: float,
    weight_decay: float,
    seed: int,
    verbose: int,
) -> dict[str, list[Any]]:
    """Train all parameters by AdamW; the learning rate rises, then falls to 0, in straight lines.

    Biases and norms have no weight decay, gradients are clipped to norm 1. The arguments are those of `run_glue`.

    Returns:
        The history: a list for each figure, one value an epoch.

    Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019, appendix A.3.
    """
    data = Batches(
        [*rows], targets, batch_size=batch_size, seed=seed, lengths=[len(row) for row in rows],
        collate=lambda pairs: (*as_batch([row for row, _ in pairs]), np.stack([target for _, target in pairs])),
    )  # fmt: skip
    steps = integer("epochs", epochs, 1) * len(data)
    rise = round(number("warmup", warmup, minimum=0, below=1) * steps)
    named = [*network.named_parameters()]
    groups = [
        {"params": [(name, p) for name, p in named if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [(name, p) for name, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = optim.AdamW(groups, lr=learning_rate)

    def schedule(step: int) -> float:
        return (step + 1) / rise if step < rise else (steps - step) / (steps - rise)

    with random.seeded(seed):
        return fit(network, loss, data, epochs, optimizer, schedule=schedule, clip_norm=1.0, verbose=verbose)
