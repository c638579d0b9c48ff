"""`Watch` looks into a model while it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import _core, nn
from .._arguments import integer
from ..autograd import grad_values
from ..optim import Optimizer
from ..train import Callback
from ._layer import finite_or_inf
from ._passes import Passes
from ._records import Record, Records
from ._report import Report, judge, label

__all__ = ["Watch"]


class Watch(Callback):
    """A watch on the layers of a model that records each step, and says what is wrong.

    Of each layer's output: mean, standard deviation, shares of zeros, of saturated and of finite values, and the norm of
    its gradient; of each parameter: the norm of its gradient (as it stands in `.grad`, before clipping), and the ratio of
    the step's change of the weights to the weights. Layers are the modules without modules inside, but for Identity,
    Flatten and Dropout, and the calls of `ops.relu`, `ops.tanh` and `ops.sigmoid` in other modules ("features.relu"); they
    come in the order of their first call. Of a layer that returns a tuple the first Tensor counts.

    A Watch is a callback of `train.Trainer`, or works by hand, between `start` and `stop` or in a `with` block. The data are
    in `history` and `dead`; `report()` is the judgement. After a run that stopped at numbers that are not finite, the report
    includes the step that failed.

    Args:
        model: an `nn.Module`.
        optimizer: its `step` records; without one call `record()` after each backward. A Trainer brings its own.
        layers: patterns as in `fnmatch` ("encoder.*"): only these layers, modules with modules inside included; None is all.
        every: record one step of that many. 1 takes a quarter more time for steps of some ms; those below 1 ms double.
        window: how many records, the last ones, the report is about; a unit is dead that was zero in as many passes.
        keep: how many records are kept. When there are more, every second one is dropped, and `every` doubles: a long run
            stays in memory, from its beginning to its end.
        evaluation: also record passes in evaluation mode.

    Raises:
        TypeError: for what is no model or optimiser.
        ValueError: for options out of range, or a pattern that no layer matches.

    >>> import numpy as np
    >>> from seqnn import diagnose, nn, ops
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model[0].bias.data[:] = -100
    >>> with diagnose.Watch(model) as watch:
    ...     ops.cross_entropy(model(np.ones((16, 4), np.float32)), np.zeros(16, np.int64)).backward()
    ...     watch.record()
    >>> [finding.kind for finding in watch.report().findings]
    ['dead', 'zero gradient']
    >>> watch.history["zeros"]["1"]
    array([1.])
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer | None = None,
        *,
        layers: str | Sequence[str] | None = None,
        every: int = 1,
        window: int = 100,
        keep: int = 1000,
        evaluation: bool = False,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model: expected an nn.Module, got {type(model).__name__}")
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer: expected one of seqnn.optim, got {type(optimizer).__name__}")
        self.model, self.optimizer, self.evaluation = model, optimizer, bool(evaluation)
        self.window = integer("window", window, 1)
        self._passes = Passes(model, layers, self.window, self._active)
        self._records = Records(integer("every", every, 1), integer("keep", keep, 2))
        self._detach: Callable[[], None] | None = None
        self._step = 0
        self._by_trainer = False
        self._before: dict[str, np.ndarray] = {}  # the weights before the step

    # On and off.

    def start(self) -> Self:
        """Begin to watch; what was recorded before stays.

        Returns:
            The Watch.
        """
        if not self._passes.started:
            self._passes.start()
            if self.optimizer is not None:
                self._attach(self.optimizer)
        return self

    def stop(self) -> None:
        """Take all hooks off; what was recorded stays."""
        self._passes.stop()
        if self._detach is not None:
            self._detach()
            self._detach = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def record(self) -> None:
        """Close a step by hand: after backward, before the gradients are cleared.

        Raises:
            RuntimeError: where the Watch is not started, an optimiser records already, or there was no forward pass.
        """
        if not self._passes.started:
            raise RuntimeError("record: the Watch is not started; call start() or use `with Watch(model) as watch:`")
        if self._detach is not None:
            raise RuntimeError("record: each step of the optimizer is recorded already")
        if self._due and not self._passes.seen:
            raise RuntimeError(f"record: no forward pass {self._where} since the last record")
        self._close({})

    # As a callback of the Trainer.

    def on_train_begin(self, trainer: Any) -> None:
        """Watch the trainer's model and optimiser.

        Args:
            trainer: a `train.Trainer`.

        Raises:
            TypeError: for what is no trainer.
            ValueError: where it trains another model.
        """
        optimizer = getattr(trainer, "optimizer", None)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"Watch: expected a train.Trainer, got {type(trainer).__name__}")
        if all(module is not self.model for module in trainer.model.modules()):
            raise ValueError("Watch: the model of this trainer is not the one that is watched")
        self._by_trainer = self._by_trainer or not self._passes.started
        self.start()
        if self._detach is None:
            self._attach(optimizer)
        self._step = trainer.steps

    def on_train_end(self, trainer: Any) -> None:
        """Stop, unless the Watch was started by hand.

        Args:
            trainer: a `train.Trainer`.
        """
        if self._by_trainer:
            self.stop()
            self._by_trainer = False

    # The data.

    @property
    def layers(self) -> dict[str, str]:
        """Path -> type of the layers seen so far, in the order of their first call."""
        return dict(self._passes.types)

    def label(self, name: str) -> str:
        """Return a layer's path with its type, "0 (Linear)"; other names stay as they are.

        Args:
            name: the path.
        """
        return label(name, self._passes.types[name]) if name in self._passes.types else name

    @property
    def history(self) -> dict[str, Any]:
        """Everything recorded, as arrays with one number a record; NaN for what a step did not show.

        The norm of a gradient that is not finite is infinity.

        "step" [R]: the numbers of the steps; "mean", "std", "zeros", "saturated" (of tanh and sigmoid), "finite" and
        "gradient": {layer: [R]}; "weight_gradient" and "update" (|change| / |weights|): {parameter: [R]}.
        """
        return self._records.history(list(self._passes.layers))

    @property
    def dead(self) -> dict[str, np.ndarray]:
        """{layer: bool [units]} of the ReLU layers: which units were zero everywhere in the last `window` passes."""
        return {name: layer.dead for name, layer in self._passes.layers.items() if layer.dead is not None}

    def report(self, *, limit: float = 100.0) -> Report:
        """Say what is wrong, in words with advice: print it.

        Args:
            limit: as for `gradient_flow`.

        Returns:
            A `Report`.

        Raises:
            RuntimeError: where nothing was recorded yet.
        """
        open_step = [self._row({})] if self._passes.seen else []
        history = self._records.history(list(self._passes.layers), open_step)
        if not len(history["step"]):
            raise RuntimeError(
                f"report: nothing was recorded yet: no forward pass {self._where}, or no record() or step()"
            )
        return judge(history, self._passes.types, list(self._passes.layers.values()), self.window, limit)

    @property
    def _due(self) -> bool:
        return self._step % self._records.every == 0

    def _active(self) -> bool:
        return self._due and (self.model.training or self.evaluation)

    @property
    def _where(self) -> str:
        return "" if self.evaluation else "in training mode"

    # Steps.

    def _attach(self, optimizer: Optimizer) -> None:
        """Put a function around the optimiser's `step` that reads the gradients before it and the weights after it."""
        before = vars(optimizer).get("step")
        step = optimizer.step

        def watched_step(*args: Any, **options: Any) -> Any:
            held = self._hold() if self._due else {}
            result = step(*args, **options)
            weights = [p.data for p, _ in held.values()]
            self._close(_each(_core.watch_change, list(held), weights, [before for _, before in held.values()]))
            return result

        def detach() -> None:
            if before is None:
                del optimizer.step
            else:
                optimizer.step = before

        optimizer.step = watched_step
        self._detach = detach

    def _trained(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]

    def _hold(self) -> dict[str, tuple[nn.Parameter, np.ndarray]]:
        """Copy the parameters as they are now, at every step into the same memory; return each with its copy."""
        held = {}
        for name, p in self._trained():
            before = self._before.get(name)
            if before is None or before.shape != p.shape or before.dtype != p.dtype:
                before = self._before[name] = np.empty_like(p.data)
            np.copyto(before, p.data)
            held[name] = p, before
        return held

    def _row(self, updates: dict[str, float]) -> Record:
        found = {name: grad_values(p) for name, p in self._trained()}
        there = {name: g for name, g in found.items() if g is not None}
        norms = _each(_core.gradients_norms, list(there), list(there.values()))
        gradients = {name: finite_or_inf(norms[name]) if name in norms else np.nan for name in found}
        figures = {name: layer.figures() for name, layer in self._passes.layers.items()}
        return Record(self._step, figures, gradients, updates)

    def _close(self, updates: dict[str, float]) -> None:
        """End a step: record it, and begin a new one."""
        if self._due and self._passes.seen:
            self._records.add(self._row(updates))
        for layer in self._passes.layers.values():
            layer.clear()
        self._step += 1


def _each(kernel: Callable, names: list[str], *lists: list[np.ndarray]) -> dict[str, float]:
    """Collect what the kernel says of each array, by its name: one call for all of a dtype."""
    found: dict[str, float] = {}
    for dtype in {array.dtype for array in lists[0]}:
        chosen = [k for k, array in enumerate(lists[0]) if array.dtype == dtype]
        numbers = kernel(*[[arrays[k] for k in chosen] for arrays in lists], len(chosen))
        found |= zip([names[k] for k in chosen], numbers.tolist(), strict=True)
    return found
