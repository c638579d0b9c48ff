"""Jacobians of a recurrent net through time, for states of one part or of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad
from ..nn import Module, Recurrent
from ..ops import concatenate
from ._chain import Jacobians, Norm, as_samples, evaluation, measure_of
from ._jacobian import jacobians

__all__ = ["time_jacobians"]


def time_jacobians(
    cell: Callable[[Tensor, Any], Any], x: Any, state: Any = None, *, norm: Norm = "spectral"
) -> Jacobians:
    """Measure d h[T] / d h[t] against t: how much of what a recurrent net saw at step t is left at the end.

    Exact: every step is differentiated by its own backward kernels, with respect to the whole state, one pass a unit; the
    products over the steps are made in float64, so that they vanish or explode without underflow. `local` is the norm of
    d h[t+1] / d h[t], `products` that of d h[T] / d h[t]. Of a state of several parts, (h, c) of an LSTM or (h, short,
    long) of an STLM, `parts` has d h[T] / d part[t] for each: what a cell remembers goes through its memory.

    Args:
        cell: a cell (`nn.RNNCell`, `LSTMCell`, `GRUCell`, `STLMCell`), a function (x[t] [N, ...], state) -> state, or one
            of the layers `nn.RNN`, `LSTM`, `GRU`, `STLM`, not bidirectional (of several layers, h is that of all). Run in
            evaluation mode.
        x: [N, T, ...], for layers too, whatever their batch_first. Some ten samples suffice.
        state: the state at step 0: h [N, H], or a tuple of parts, each [N, ...]; None for zeros (cells and layers only).
        norm: "spectral" (largest growth of a small change) or "frobenius" (all directions together).

    Returns:
        The norms, as `Jacobians`.

    Raises:
        TypeError: where the layer is bidirectional.
        ValueError: where shapes do not fit.

    Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> from seqnn.diagnose import time_jacobians
    >>> found = time_jacobians(lambda x, h: 2 * h + x, np.zeros((1, 4, 2)), np.zeros((1, 2)))
    >>> found.products[:, 0]
    array([16.,  8.,  4.,  2.])
    >>> found = time_jacobians(nn.LSTMCell(3, 4), np.ones((2, 40, 3), np.float32))
    >>> list(found.parts), found.flow().kind
    (['h', 'c'], 'vanishing')
    """
    sequence = as_samples(x)
    if sequence.ndim < 2:
        raise ValueError(f"x: expected [N, T, ...], got {list(sequence.shape)}")
    samples, steps = sequence.shape[:2]
    if steps == 0:
        raise ValueError("x: expected at least one step, got none")
    measure = measure_of(norm)
    step = _layer_step(cell) if isinstance(cell, Recurrent) else cell
    with evaluation([cell] if isinstance(cell, Module) else []), enable_grad():
        now = _parts(step(sequence[:, 0], None) if state is None else state, samples)
        if state is None:
            now = tuple(Tensor(np.zeros_like(part.data)) for part in now)
        names = getattr(cell, "states", None) or ("h", *(f"part {i}" for i in range(1, len(now))))
        matrices = []
        for t in range(steps):
            sources = tuple(Tensor(part.data, requires_grad=True) for part in now)
            now = _parts(step(sequence[:, t], sources if len(sources) > 1 else sources[0]), samples)
            _check(now, sources, t)
            output = concatenate([part.reshape(samples, -1) for part in now], axis=1)
            matrices.append(np.concatenate(jacobians(output, sources, np.eye(output.shape[1])), axis=2))
    edges = np.cumsum([0, *(part.size // samples for part in now)])
    blocks = {name: slice(a, b) for name, a, b in zip(names, edges[:-1], edges[1:], strict=True)}
    h = blocks[names[0]]
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    product = np.eye(edges[-1])[None, h]
    with np.errstate(all="ignore"):
        local = [measure(matrix[:, h, h]) for matrix in matrices]
        for matrix in reversed(matrices):
            product = product @ matrix
            for name, block in blocks.items():
                found[name].append(measure(product[:, :, block]))
    parts = {name: np.array(rows[::-1]) for name, rows in found.items()}
    several = parts if len(parts) > 1 else {}
    return Jacobians(tuple(str(t) for t in range(steps)), np.array(local), parts[names[0]], "time", several)


def _layer_step(layer: Any) -> Callable[[Tensor, Any], tuple[Tensor, ...]]:
    """Make a layer a cell whose parts are [N, layers, size]."""
    if layer.bidirectional:
        raise TypeError(f"cell: a bidirectional {type(layer).__name__} has no step from one state to the next")

    def step(x: Tensor, state: Any) -> tuple[Tensor, ...]:
        if state is not None:
            parts = tuple(part.reshape(len(x), layer.num_layers, -1).swapaxes(0, 1) for part in _tuple(state))
            state = parts if len(parts) > 1 else parts[0]
        _, after = layer(x.unsqueeze(1 if layer.batch_first else 0), state)
        return tuple(part.swapaxes(0, 1) for part in _tuple(after))

    return step


def _tuple(state: Any) -> tuple[Any, ...]:
    return tuple(state) if isinstance(state, tuple | list) else (state,)


def _parts(state: Any, samples: int) -> tuple[Tensor, ...]:
    """Check the parts of a state: one row a sample."""
    parts = tuple(part if isinstance(part, Tensor) else Tensor(np.asarray(part)) for part in _tuple(state))
    for part in parts:
        if part.ndim < 1 or len(part) != samples:
            raise ValueError(f"state: expected parts [{samples}, ...], one row a sample of x, got {list(part.shape)}")
    return parts


def _check(after: tuple[Tensor, ...], before: tuple[Tensor, ...], t: int) -> None:
    shapes = [list(part.shape) for part in after], [list(part.shape) for part in before]
    if shapes[0] != shapes[1]:
        raise ValueError(f"step {t}: the state's shapes became {shapes[0]}, from {shapes[1]}")
    if not any(part.requires_grad for part in after):
        raise ValueError(f"step {t}: the state does not depend on the state before it")
