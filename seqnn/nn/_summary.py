"""A table of a model: shapes, parameters and units, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor, no_grad, watch
from ._parameter import Parameter

_ELEMENTWISE = {"add", "subtract", "multiply", "divide"}


@dataclass(frozen=True)
class Layer:
    """A row of the table. `shape` and `units` are None for a layer that was not called."""

    name: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    units: int | None


@dataclass(frozen=True)
class Summary:
    """A table of the layers of a model, made by `Module.summary`.

    Units are the activations: the elements of the floating inputs, and of every array that an op computes. Views
    (transpose, reshape, slices) compute nothing, and a scaling or shift by a single number belongs to what it scales. So
    one attention head of width 64 on 10 tokens counts 4,040: input, queries, keys, values, weighted sum and output have
    10 * 64 each, the scores and their softmax 10 * 10 each. A fused op counts what it returns.

    Args:
        layers: a row for each module that has parameters or computes something itself: name, type, shape, parameters,
            units.
        parameters: how many there are; shared ones count once, where they are first.
        trainable: how many of them have a gradient.
        inputs: the shapes of the floating inputs.
        units: how many there are, or None where the model was not run.

    >>> from seqnn import nn
    >>> nn.Linear(4, 8).summary((3, 4)).parameters
    40
    """

    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    inputs: tuple[tuple[int, ...], ...]
    units: int | None

    def __str__(self) -> str:
        rows = [("layer", "type", "output", "parameters", "units")]
        rows += [("", "input", _text(shape), "", f"{int(np.prod(shape)):,}") for shape in self.inputs]
        rows += [(r.name, r.type, _text(r.shape), f"{r.parameters:,}", _text(r.units)) for r in self.layers]
        rows.append(("total", "", "", f"{self.parameters:,}", _text(self.units)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(_pad(c, w, i > 2) for i, (c, w) in enumerate(zip(r, widths, strict=True))) for r in rows]
        rule = "-" * len(lines[0])
        text = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
        if self.trainable != self.parameters:
            text.append(f"trainable: {self.trainable:,}")
        return "\n".join(line.rstrip() for line in text)

    __repr__ = __str__


def summarize(module: Any, inputs: tuple, dtype: npt.DTypeLike) -> Summary:
    """Do what `Module.summary` promises."""
    parameters = list(module.parameters())
    if dtype is None:
        dtype = next((p.dtype for p in parameters), np.float32)
    samples = [np.zeros(x, dtype) if isinstance(x, tuple) else x for x in inputs]
    entered = [np.asarray(x) for x in samples if isinstance(x, np.ndarray | Tensor)]
    entered = [x for x in entered if x.dtype.kind == "f"]
    units, shapes = _run(module, samples) if samples else (Counter(), {})
    counted: set[int] = set()
    layers = []
    for name, layer in module.named_modules():
        own = {id(p): p for p in vars(layer).values() if isinstance(p, Parameter) and id(p) not in counted}
        counted.update(own)
        if own or units[layer] or (layer in shapes and not list(layer.children())):
            size = sum(p.size for p in own.values())
            layers.append(Layer(name, type(layer).__name__, shapes.get(layer), size, units[layer] if samples else None))
    return Summary(
        tuple(layers),
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        tuple(x.shape for x in entered),
        sum(units.values()) + sum(x.size for x in entered) if samples else None,
    )


def _run(module: Any, samples: list) -> tuple[Counter, dict[Any, tuple[int, ...]]]:
    """Run the module; count the units that each module makes itself, and note the shape of what it returned last."""
    units: Counter = Counter()
    shapes: dict[Any, tuple[int, ...]] = {}
    inside = [module]

    def enter(layer: Any, _inputs: tuple) -> None:
        inside.append(layer)

    def leave(layer: Any, _inputs: tuple, output: Any) -> None:
        inside.pop()
        shapes[layer] = np.shape(output[0] if isinstance(output, tuple) else output)

    def computed(function: Callable, arrays: list, out: Any) -> None:
        given = [np.asarray(a) for a in arrays if a is not None]
        if function.__name__ in _ELEMENTWISE and any(a.size == 1 for a in given):
            return
        for array in out if isinstance(out, tuple) else (out,):
            if not any(np.may_share_memory(array, a) for a in given):
                units[inside[-1]] += array.size

    training = {layer: layer.training for layer in module.modules()}
    undo = [f(h) for m in training for f, h in ((m.register_forward_pre_hook, enter), (m.register_forward_hook, leave))]
    try:
        module.eval()
        with no_grad(), watch(computed):
            module(*samples)
    finally:
        for remove in undo:
            remove()
        for layer, mode in training.items():
            layer.training = mode
    return units, shapes


def _text(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(list(value))


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)
