"""`Watch` looks into a model while it trains."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import nn
from .._arguments import integer
from ..autograd import Tensor
from ..autograd._tape import WATCH, mode, watcher
from ..nn._conv import _Conv
from ..optim import Optimizer, grad_norm
from ..train import Callback
from ._layer import Layer, finite_or_inf, norm
from ._records import Record, Records
from ._report import Report, judge, label

__all__ = ["Watch"]

_KINDS = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
_PASSED_ON = nn.Identity | nn.Flatten | nn.Dropout


class Watch(Callback):
    """Records what happens in the layers of a model, step by step, and says what is wrong.

    Of each layer's output: mean, standard deviation, shares of zeros, of saturated and of finite values, and the norm of
    its gradient; of each parameter: the norm of its gradient (as it stands in `.grad`, before clipping), and the ratio of
    the step's change of the weights to the weights. Layers are the modules without modules inside, but for Identity,
    Flatten and Dropout, and the calls of `ops.relu`, `ops.tanh` and `ops.sigmoid` in other modules ("features.relu"); they
    come in the order of their first call. Of a layer that returns a tuple the first Tensor counts.

    model       an `nn.Module`
    optimizer   its `step` records; without one call `record()` after each backward. A Trainer brings its own
    layers      patterns as in `fnmatch` ("encoder.*"): only these layers, modules with modules inside included
    every       record each so many steps (default 1: it may double the time of a small network's step; 10 adds a tenth)
    window      the report is about the last so many records; a unit is dead that was zero in so many forward passes
    keep        so many records are kept (default 1000). When there are more, every second one is dropped, and `every`
                doubles: a long run stays in memory, from its beginning to its end
    evaluation  also record passes in evaluation mode (default: only those in training mode)

    A Watch is a callback of `train.Trainer`, or works by hand, between `start` and `stop` or in a `with` block. The data are
    in `history` and `dead`; `report()` is the judgement. After a run that stopped at numbers that are not finite, the report
    includes the step that failed.

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
        self._patterns = None if layers is None else [layers] if isinstance(layers, str) else list(layers)
        self._names = {m: name or type(m).__name__ for name, m in model.named_modules()}
        self._watched = {m: name for m, name in self._names.items() if self._wanted(name, m)}
        for pattern in self._patterns or ():
            # "features.relu" is known only when it is called.
            if not (fnmatch.filter(self._names.values(), pattern) or pattern.endswith(tuple(_KINDS.values()))):
                raise ValueError(f"layers: no layer matches {pattern!r}; there are {list(self._names.values())}")
        self._records = Records(integer("every", every, 1), integer("keep", keep, 2))
        self._layers: dict[str, Layer] = {}
        self._types: dict[str, str] = {}
        self._undo: list[Callable[[], None]] = []
        self._detach: Callable[[], None] | None = None
        self._step = 0
        self._inside: list[nn.Module] = []
        self._calls: dict[str, int] = {}  # of functions, in this forward pass
        self._axis = -1
        self._by_trainer = False

    # On and off.

    def start(self) -> Self:
        """Begin to watch; what was recorded before stays. Returns the Watch."""
        if not self._undo:
            for module in self._names:
                self._undo.append(module.register_forward_pre_hook(self._enter))
                self._undo.append(module.register_forward_hook(self._leave))
            if self.optimizer is not None:
                self._attach(self.optimizer)
        return self

    def stop(self) -> None:
        """Take all hooks off; what was recorded stays."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._end_of_pass()
        self._inside.clear()
        if self._detach is not None:
            self._detach()
            self._detach = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def record(self) -> None:
        """Close a step by hand: after backward, before the gradients are cleared. (Not with an optimizer: it records.)"""
        if not self._undo:
            raise RuntimeError("record: the Watch is not started; call start() or use `with Watch(model) as watch:`")
        if self._detach is not None:
            raise RuntimeError("record: each step of the optimizer is recorded already")
        if self._due and not any(layer.count for layer in self._layers.values()):
            raise RuntimeError(f"record: no forward pass {self._where} since the last record")
        self._close({})

    # As a callback of the Trainer.

    def on_train_begin(self, trainer: Any) -> None:
        """Watch the trainer's model and optimiser."""
        optimizer = getattr(trainer, "optimizer", None)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"Watch: expected a train.Trainer, got {type(trainer).__name__}")
        if all(module is not self.model for module in trainer.model.modules()):
            raise ValueError("Watch: the model of this trainer is not the one that is watched")
        self._by_trainer = self._by_trainer or not self._undo
        self.start()
        if self._detach is None:
            self._attach(optimizer)
        self._step = trainer.steps

    def on_train_end(self, trainer: Any) -> None:
        """Stop, unless the Watch was started by hand."""
        if self._by_trainer:
            self.stop()
            self._by_trainer = False

    # The data.

    @property
    def layers(self) -> dict[str, str]:
        """Path -> type of the layers seen so far, in the order of their first call."""
        return dict(self._types)

    def label(self, name: str) -> str:
        """A layer's path with its type, "0 (Linear)"; other names as they are."""
        return label(name, self._types[name]) if name in self._types else name

    @property
    def history(self) -> dict[str, Any]:
        """Everything recorded, as arrays with one number a record; NaN for what a step did not show.

        The norm of a gradient that is not finite is infinity.

        "step" [R]: the numbers of the steps; "mean", "std", "zeros", "saturated" (of tanh and sigmoid), "finite" and
        "gradient": {layer: [R]}; "weight_gradient" and "update" (|change| / |weights|): {parameter: [R]}.
        """
        return self._records.history(list(self._layers))

    @property
    def dead(self) -> dict[str, np.ndarray]:
        """{layer: bool [units]} of the ReLU layers: which units were zero everywhere in the last `window` passes."""
        return {name: layer.dead for name, layer in self._layers.items() if layer.dead is not None}

    def report(self, *, limit: float = 100.0) -> Report:
        """What is wrong, in words with advice: print it. `limit` is that of `gradient_flow`."""
        open_step = [self._row({})] if any(layer.count for layer in self._layers.values()) else []
        history = self._records.history(list(self._layers), open_step)
        if not len(history["step"]):
            raise RuntimeError(
                f"report: nothing was recorded yet: no forward pass {self._where}, or no record() or step()"
            )
        return judge(history, self._types, list(self._layers.values()), self.window, limit)

    # What the hooks do.

    @property
    def _due(self) -> bool:
        return self._step % self._records.every == 0

    @property
    def _active(self) -> bool:
        return self._due and (self.model.training or self.evaluation)

    @property
    def _where(self) -> str:
        return "" if self.evaluation else "in training mode"

    def _wanted(self, name: str, module: nn.Module | None) -> bool:
        if self._patterns is not None:
            return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)
        return module is None or not (any(module.children()) or isinstance(module, _PASSED_ON))

    def _enter(self, module: nn.Module, _inputs: tuple) -> None:
        if module is self.model:
            self._inside.clear()
            self._calls.clear()
            self._axis = -1
            if self._active and not mode.get() & WATCH:  # not inside a block of somebody else's
                watcher.set(self._computed)
                mode.set(mode.get() | WATCH)
        self._inside.append(module)

    def _leave(self, module: nn.Module, _inputs: tuple, output: Any) -> None:
        if self._inside:
            self._inside.pop()
        if module is self.model:
            self._end_of_pass()
        if isinstance(module, _Conv | nn.Linear | nn.Embedding):
            self._axis = 1 if isinstance(module, _Conv) else -1
        if not self._active or module not in self._watched:
            return
        parts = output if isinstance(output, tuple) else (output,)
        tensor = next((p for p in parts if isinstance(p, Tensor)), None)
        if tensor is None or tensor.dtype.kind != "f":
            return
        layer = self._layer(self._watched[module], type(module).__name__, _KINDS.get(type(module), "other"))
        layer.see(tensor.data, self._axis)
        if tensor.requires_grad and not tensor.is_leaf:
            tensor.register_hook(layer.see_gradient)

    def _end_of_pass(self) -> None:
        if watcher.get(None) == self._computed:
            mode.set(mode.get() & ~WATCH)

    def _computed(self, function: Callable, _arrays: list, out: Any) -> None:
        """A function ran inside a module that is no layer for it."""
        kind = function.__name__
        if kind not in _KINDS.values() or not self._inside or type(self._inside[-1]) in _KINDS or not self._active:
            return
        path = self._names.get(self._inside[-1], "")
        place = kind if self._inside[-1] is self.model else f"{path}.{kind}"
        number = self._calls[place] = self._calls.get(place, 0) + 1
        name = place if number == 1 else f"{place}.{number}"
        if self._wanted(name, None):
            self._layer(name, kind, kind).see(out, self._axis)

    def _layer(self, name: str, type_name: str, kind: str) -> Layer:
        if name not in self._layers:
            self._layers[name], self._types[name] = Layer(name, kind, self.window), type_name
        return self._layers[name]

    # Steps.

    def _attach(self, optimizer: Optimizer) -> None:
        """Put a function around the optimiser's `step` that reads the gradients before it and the weights after it."""
        before = vars(optimizer).get("step")
        step = optimizer.step

        def watched_step(*args: Any, **options: Any) -> Any:
            held = {name: (p, p.data.copy()) for name, p in self._trained()} if self._due else {}
            result = step(*args, **options)
            self._close({name: _ratio(p.data, old) for name, (p, old) in held.items()})
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

    def _row(self, updates: dict[str, float]) -> Record:
        gradients = {name: np.nan if p.grad is None else finite_or_inf(grad_norm([p])) for name, p in self._trained()}
        figures = {name: layer.figures() for name, layer in self._layers.items()}
        return Record(self._step, figures, gradients, updates)

    def _close(self, updates: dict[str, float]) -> None:
        """The step is over."""
        if self._due and any(layer.count for layer in self._layers.values()):
            self._records.add(self._row(updates))
        for layer in self._layers.values():
            layer.clear()
        self._step += 1


def _ratio(new: np.ndarray, old: np.ndarray) -> float:
    """|new - old| / |old|; `old` is overwritten."""
    size = norm(old)
    np.subtract(new, old, out=old)
    return norm(old) / size if size > 0 else np.nan
