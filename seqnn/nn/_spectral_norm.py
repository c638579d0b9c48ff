"""Spectral norm: a layer whose weight is divided by its largest singular value."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, TypeVar

import numpy as np

from .. import ops
from .._arguments import integer, number
from ..autograd import Tensor, op
from . import _init
from ._container import ModuleDict
from ._conv_transpose import ConvTranspose1d, ConvTranspose2d
from ._module import Module
from ._parameter import Parameter

__all__ = ["spectral_norm"]

M = TypeVar("M", bound=Module)

_FIRST_STEPS = 15


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight of a layer by its largest singular value: the layer stretches no input by more than 1.

    The singular value is u^T W v of two vectors that a step of power iteration improves whenever the layer is called in
    training mode: v = W^T u / |W^T u|, u = W v / |W v|. W is the weight as a matrix, whose rows belong to its outputs. The
    numbers and the keys of the state are those of `torch.nn.utils.parametrizations.spectral_norm`; but a weight of zeros stays
    as it is, and its vectors rest, where torch's gives NaN.

    What is learnt is `module.parametrizations.<name>.original`; `module.<name>` is computed from it, and cannot be set or
    changed in place. Initialise and load weights before, or by the keys of the state.

    Args:
        module: a layer, which is changed.
        name: of the weight.
        n_power_iterations: steps of power iteration a call.
        eps: lengths and singular values up to this count as 0: nothing is divided by them.
        dim: the axis of the outputs; default: 1 of transposed convolutions, else 0.

    Returns:
        The layer.

    Raises:
        TypeError: `module` is no nn.Module.
        ValueError: there is no such parameter, it has fewer than two axes or no elements, or it is normalised already.

    Source: Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative adversarial networks", ICLR 2018.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.spectral_norm(nn.Linear(4, 3), n_power_iterations=20)
    >>> _ = layer(np.ones((2, 4), np.float32))
    >>> float(np.linalg.norm(layer.weight.numpy(), 2).round(3))
    1.0
    """
    if not isinstance(module, Module):
        raise TypeError(f"module: expected an nn.Module, got {type(module).__name__}")
    if name in vars(module).get("parametrizations", ()):
        raise ValueError(f"name: {name!r} of {type(module).__name__} has a spectral norm already")
    weight = vars(module).get(name)
    if not isinstance(weight, Parameter):
        names = [n for n, value in vars(module).items() if isinstance(value, Parameter)]
        raise ValueError(f"name: expected a parameter of {type(module).__name__}, one of {names}, got {name!r}")
    if weight.ndim < 2:
        raise ValueError(f"name: expected a weight of two axes or more, {name!r} has shape {list(weight.shape)}")
    if not weight.data.size:
        raise ValueError(f"name: expected a weight with elements, {name!r} has shape {list(weight.shape)}")
    if dim is None:
        dim = 1 if isinstance(module, ConvTranspose1d | ConvTranspose2d) else 0
    axis = integer("dim", dim, 0, weight.ndim - 1)
    steps, eps = integer("n_power_iterations", n_power_iterations, 1), number("eps", eps, minimum=0)
    delattr(module, name)
    if "parametrizations" not in vars(module):
        module.parametrizations = ModuleDict()  # type: ignore[attr-defined]
        module.__class__ = _normed(type(module))  # type: ignore[assignment, arg-type]
    module.parametrizations[name] = _Parametrized(weight, axis, steps, eps)  # type: ignore[attr-defined]
    return module


class _Parametrized(Module):
    """A parameter, and under the name "0" the vectors of its power iteration, which compute the weight."""

    def __init__(self, weight: Parameter, axis: int, steps: int, eps: float) -> None:
        self.original = weight
        setattr(self, "0", _Vectors(weight.data, axis, steps, eps))

    @property
    def vectors(self) -> _Vectors:
        return getattr(self, "0")

    def forward(self) -> Tensor:
        """Compute the weight."""
        vectors = self.vectors
        weight: Any = self.original
        return over_singular_value(weight, vectors._u, vectors._v, axis=vectors.axis, eps=vectors.eps)

    def improve(self) -> None:
        """Make the steps of one call."""
        self.vectors.improve(self.original.data)


class _Vectors(Module):
    """The left and the right singular vector of a weight, improved by power iteration."""

    _u: np.ndarray
    _v: np.ndarray

    def __init__(self, weight: np.ndarray, axis: int, steps: int, eps: float) -> None:
        self.axis, self.steps, self.eps = axis, steps, eps
        rows = weight.shape[axis]
        for name, size in (("_u", rows), ("_v", weight.size // rows)):
            drawn = _init.normal_(np.empty(size, weight.dtype))
            self.register_buffer(name, self._unit(drawn, drawn))
        for _ in range(_FIRST_STEPS):
            self._step(_as_matrix(weight, axis))

    def improve(self, weight: np.ndarray) -> None:
        """Make the steps of one call. The vectors are new arrays: those of the call before may be needed in backward."""
        matrix = _as_matrix(weight, self.axis)
        for _ in range(self.steps):
            self._step(matrix)

    def _step(self, matrix: np.ndarray) -> None:
        self._u = self._unit(ops.matmul(matrix, self._v), self._u)
        self._v = self._unit(ops.matmul(matrix.T, self._u), self._v)

    def _unit(self, vector: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Return a vector of length 1; the one before where there is no direction."""
        length = math.sqrt(vector.dot(vector))
        return vector / length if length > self.eps else before


def _as_matrix(weight: np.ndarray, axis: int) -> np.ndarray:
    """Return a weight as a matrix whose rows belong to an axis."""
    moved = np.moveaxis(weight, axis, 0) if axis else weight
    return np.ascontiguousarray(moved).reshape(weight.shape[axis], -1)


@op
def over_singular_value(weight: np.ndarray, u: np.ndarray, v: np.ndarray, *, axis: int, eps: float) -> Any:
    """Compute W / (u^T W v), or W where that value is 0; u and v are constants."""
    value = np.dot(u, ops.matmul(_as_matrix(weight, axis), v))
    if abs(value) <= eps:
        return weight.copy(), lambda grad: grad
    out = weight / value

    def backward(grad: np.ndarray) -> np.ndarray:
        change = np.multiply.outer(u, np.vdot(grad, out).astype(out.dtype) * v)
        if axis:
            change = np.moveaxis(change.reshape(np.moveaxis(out, axis, 0).shape), 0, axis)
        return (grad - change.reshape(out.shape)) / value

    return out, backward


@cache
def _normed(kind: type[Module]) -> type[Module]:
    """Return a class of layers whose weights are computed, by the name of the plain one; copies and pickles know that one.

    It has no other base: an object can change its class only to one of the same layout.
    """

    class Normed(kind):  # type: ignore[misc, valid-type]
        def forward(self, *inputs: Any, **options: Any) -> Any:
            if self.training:
                for parametrized in self.parametrizations.values():
                    parametrized.improve()
            return super().forward(*inputs, **options)

        def __getattr__(self, name: str) -> Any:
            if name not in vars(self).get("parametrizations", ()):
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            weight = self.parametrizations[name]()
            weight.data = weight.data.view()
            weight.data.flags.writeable = False
            return weight

        def __setattr__(self, name: str, value: Any) -> None:
            if name in vars(self).get("parametrizations", ()):
                advice = f"set parametrizations.{name}.original.data instead"
                raise AttributeError(f"{type(self).__name__}.{name} is computed: {advice}")
            super().__setattr__(name, value)

        def __reduce__(self) -> tuple:
            return _remade, (kind,), vars(self).copy()

    Normed.__name__, Normed.__qualname__, Normed.__doc__ = kind.__name__, kind.__qualname__, kind.__doc__
    return Normed


def _remade(kind: type[Module]) -> Module:
    """Make an empty layer, which gets its attributes next."""
    return object.__new__(_normed(kind))  # type: ignore[arg-type]
