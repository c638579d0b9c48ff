"""Passes through the layers of a model: hooks on its modules, and the functions that run between them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import Any

from .. import nn
from ..autograd import Tensor, watch
from ._layer import Layer

_KINDS = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
_CONVOLUTIONS = nn.Conv1d | nn.Conv2d
_PASSED_ON = nn.Identity | nn.Flatten | nn.Dropout


class Passes:
    """A set of hooks that show every output, and the gradient at it, to the `Layer` it belongs to, while `active()` says so.

    `patterns` as in `fnmatch` say which layers; None: all modules without modules inside.
    """

    def __init__(
        self, model: nn.Module, patterns: str | Sequence[str] | None, window: int, active: Callable[[], bool]
    ) -> None:
        self.model, self.window, self.active = model, window, active
        self.layers: dict[str, Layer] = {}
        self.types: dict[str, str] = {}
        self._patterns = None if patterns is None else [patterns] if isinstance(patterns, str) else list(patterns)
        self._names = {m: name or type(m).__name__ for name, m in model.named_modules()}
        self._watched = {m: name for m, name in self._names.items() if self._wanted(name, m)}
        for pattern in self._patterns or ():
            # "features.relu" is known only when it is called.
            if not (fnmatch.filter(self._names.values(), pattern) or pattern.endswith(tuple(_KINDS.values()))):
                raise ValueError(f"layers: no layer matches {pattern!r}; there are {list(self._names.values())}")
        self._watch = watch(self._computed)
        self._undo: list[Callable[[], None]] = []
        self._inside: list[nn.Module] = []
        self._calls: dict[str, int] = {}  # of functions, in this forward pass
        self._axis = -1

    @property
    def started(self) -> bool:
        return bool(self._undo)

    @property
    def seen(self) -> bool:
        """Whether there was an output since the step began."""
        return any(layer.count for layer in self.layers.values())

    def start(self) -> None:
        for module in self._names:
            self._undo.append(module.register_forward_pre_hook(self._enter))
            self._undo.append(module.register_forward_hook(self._leave))

    def stop(self) -> None:
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._watch.stop()
        self._inside.clear()

    def _wanted(self, name: str, module: nn.Module | None) -> bool:
        if self._patterns is not None:
            return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)
        return module is None or not (any(module.children()) or isinstance(module, _PASSED_ON))

    def _enter(self, module: nn.Module, _inputs: tuple) -> None:
        if module is self.model:
            self._inside.clear()
            self._calls.clear()
            self._axis = -1
            if self.active():
                self._watch.start()
        self._inside.append(module)

    def _leave(self, module: nn.Module, _inputs: tuple, output: Any) -> None:
        if self._inside:
            self._inside.pop()
        if module is self.model:
            self._watch.stop()
        if isinstance(module, _CONVOLUTIONS | nn.Linear | nn.Embedding):
            self._axis = 1 if isinstance(module, _CONVOLUTIONS) else -1
        if not self.active() or module not in self._watched:
            return
        parts = output if isinstance(output, tuple) else (output,)
        tensor = next((p for p in parts if isinstance(p, Tensor)), None)
        if tensor is None or tensor.dtype.kind != "f":
            return
        layer = self._layer(self._watched[module], type(module).__name__, _KINDS.get(type(module), "other"))
        layer.see(tensor.data, self._axis)
        if tensor.requires_grad and not tensor.is_leaf:
            tensor.register_hook(layer.see_gradient)

    def _computed(self, function: Callable, _arrays: list, out: Any) -> None:
        """Note that a function ran inside a module that is no layer for it."""
        kind = function.__name__
        if kind not in _KINDS.values() or not self._inside or type(self._inside[-1]) in _KINDS or not self.active():
            return
        path = self._names.get(self._inside[-1], "")
        place = kind if self._inside[-1] is self.model else f"{path}.{kind}"
        number = self._calls[place] = self._calls.get(place, 0) + 1
        name = place if number == 1 else f"{place}.{number}"
        if self._wanted(name, None):
            self._layer(name, kind, kind).see(out, self._axis)

    def _layer(self, name: str, type_name: str, kind: str) -> Layer:
        if name not in self.layers:
            self.layers[name], self.types[name] = Layer(name, kind, self.window), type_name
        return self.layers[name]
