"""Tensor's operators and methods that compute: functions of `seqnn.ops` under NumPy's and PyTorch's names."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")  # Tensor, which is made of this
Axis = int | tuple[int, ...] | None


class _Functions:
    """A stand-in for seqnn.ops until it is imported, at the latest when the first function is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("seqnn.ops"), name)


functions: Any = _Functions()


def set_functions(module: ModuleType) -> None:
    """Let Tensors compute with the functions of a module. `seqnn.ops`, which stands above this package, gives itself.

    Args:
        module: has the functions under the names of `seqnn.ops`.

    >>> from seqnn import ops
    >>> set_functions(ops)
    """
    global functions
    functions = module


class Size(int):
    """A number of elements; called, as PyTorch's `size()` is, it gives the shape."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class Methods(Generic[T]):
    """A base of Tensor with everything that is a function of `seqnn.ops`, where the arguments are explained."""

    __slots__ = ()

    if TYPE_CHECKING:
        data: np.ndarray

    def __add__(self, other: Any) -> T:
        return functions.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> T:
        return functions.subtract(self, other)

    def __rsub__(self, other: Any) -> T:
        return functions.subtract(other, self)

    def __mul__(self, other: Any) -> T:
        return functions.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> T:
        return functions.divide(self, other)

    def __rtruediv__(self, other: Any) -> T:
        return functions.divide(other, self)

    def __pow__(self, exponent: Any) -> T:
        return functions.power(self, exponent)

    def __rpow__(self, base: Any) -> T:
        return functions.power(base, self)

    def __matmul__(self, other: Any) -> T:
        return functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> T:
        return functions.matmul(other, self)

    def __neg__(self) -> T:
        return functions.negative(self)

    def __pos__(self) -> T:
        return self  # type: ignore[return-value]

    def __abs__(self) -> T:
        return functions.abs(self)

    def __getitem__(self, index: Any) -> T:
        return functions.getitem(self, index)

    # Along axes; `dim` and `keepdim` are PyTorch's spelling.

    def sum(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> T:
        """Return the sum of all elements, or along `axis`."""
        return functions.sum(self, axis if dim is None else dim, keepdims=keepdims or keepdim)

    def mean(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> T:
        """Return the mean of all elements, or along `axis`."""
        return functions.mean(self, axis if dim is None else dim, keepdims=keepdims or keepdim)

    def prod(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> T:
        """Return the product of all elements, or along `axis`."""
        return functions.prod(self, axis if dim is None else dim, keepdims=keepdims or keepdim)

    def logsumexp(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> T:
        """Return ln(sum(exp)) of all elements, or along `axis`."""
        return functions.logsumexp(self, axis if dim is None else dim, keepdims=keepdims or keepdim)

    def norm(self, ord: float = 2.0, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None) -> T:
        """Return the vector norm of all elements, or along `axis`."""
        return functions.norm(self, ord, axis if dim is None else dim, keepdims=keepdims)

    def var(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False, dim: Axis = None) -> T:
        """Return the variance of all elements, or along `axis`."""
        return functions.var(self, axis, ddof=ddof, keepdims=keepdims, **_given(dim=dim))

    def std(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False, dim: Axis = None) -> T:
        """Return the standard deviation of all elements, or along `axis`."""
        return functions.std(self, axis, ddof=ddof, keepdims=keepdims, **_given(dim=dim))

    def max(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None) -> T:
        """Return the largest of all elements, or along `axis`."""
        return functions.max(self, axis, keepdims=keepdims, **_given(dim=dim))

    def min(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None) -> T:
        """Return the smallest of all elements, or along `axis`."""
        return functions.min(self, axis, keepdims=keepdims, **_given(dim=dim))

    def cumsum(self, axis: int = -1, *, dim: int | None = None) -> T:
        """Return the sums of the elements before and at each place of an axis."""
        return functions.cumsum(self, axis if dim is None else dim)

    def cumprod(self, axis: int = -1, *, dim: int | None = None) -> T:
        """Return the products of the elements before and at each place of an axis."""
        return functions.cumprod(self, axis if dim is None else dim)

    def softmax(self, axis: int = -1, *, dim: int | None = None) -> T:
        """Return the probabilities of scores along an axis."""
        return functions.softmax(self, axis if dim is None else dim)

    def log_softmax(self, axis: int = -1, *, dim: int | None = None) -> T:
        """Return the log-probabilities of scores along an axis."""
        return functions.log_softmax(self, axis if dim is None else dim)

    def sort(self, axis: int = -1, *, descending: bool = False, dim: int | None = None) -> tuple[T, np.ndarray]:
        """Return (values, indices), sorted along an axis."""
        return functions.sort(self, axis if dim is None else dim, descending=descending)

    def topk(self, k: int, axis: int = -1, *, largest: bool = True, dim: int | None = None) -> tuple[T, np.ndarray]:
        """Return (values, indices) of the `k` largest elements along an axis."""
        return functions.topk(self, k, axis if dim is None else dim, largest=largest)

    # Indices and truth values are plain arrays: they have no gradient.

    def argmax(
        self, axis: int | None = None, *, keepdims: bool = False, dim: int | None = None, keepdim: bool = False
    ) -> np.ndarray:
        """Return the index of the largest element: a plain integer array."""
        return self.data.argmax(axis if dim is None else dim, keepdims=keepdims or keepdim)

    def argmin(
        self, axis: int | None = None, *, keepdims: bool = False, dim: int | None = None, keepdim: bool = False
    ) -> np.ndarray:
        """Return the index of the smallest element: a plain integer array."""
        return self.data.argmin(axis if dim is None else dim, keepdims=keepdims or keepdim)

    def argsort(self, axis: int = -1, *, descending: bool = False, dim: int | None = None) -> np.ndarray:
        """Return the indices that sort along an axis: a plain integer array; equal elements keep their order."""
        return functions.sort(self.data, axis if dim is None else dim, descending=descending)[1]

    def any(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> Any:
        """Tell whether any element (along `axis`) is not zero: a plain array of booleans."""
        return self.data.any(axis if dim is None else dim, keepdims=keepdims or keepdim)

    def all(self, axis: Axis = None, *, keepdims: bool = False, dim: Axis = None, keepdim: bool = False) -> Any:
        """Tell whether all elements (along `axis`) are not zero: a plain array of booleans."""
        return self.data.all(axis if dim is None else dim, keepdims=keepdims or keepdim)

    # Shapes.

    def reshape(self, *shape: int | Sequence[int]) -> T:
        """Return the elements in another shape; one size may be -1."""
        return functions.reshape(self, shape[0] if len(shape) == 1 else shape)

    def view(self, *shape: int | Sequence[int]) -> T:
        """Return the elements in another shape, as `reshape` does (PyTorch's name)."""
        if len(shape) == 1 and not isinstance(shape[0], int | np.integer | tuple | list):
            raise TypeError(f"view: expected sizes, got {shape[0]!r}; astype converts to another dtype")
        return functions.reshape(self, shape[0] if len(shape) == 1 else shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> T:
        """Return the elements with one axis in place of several."""
        return functions.flatten(self, start_dim, end_dim)

    def ravel(self) -> T:
        """Return the elements in one axis."""
        return functions.reshape(self, -1)

    def permute(self, *axes: int | Sequence[int]) -> T:
        """Return the elements with the axes in another order."""
        return functions.permute(self, axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes)

    def swapaxes(self, axis1: int, axis2: int) -> T:
        """Return the elements with two axes exchanged."""
        return functions.swapaxes(self, axis1, axis2)

    def transpose(self, *axes: int | Sequence[int]) -> T:
        """Return the elements with the axes reversed, in another order (NumPy), or two of more exchanged (PyTorch).

        Raises:
            ValueError: for transpose(0, 1) of a matrix, which changes nothing in NumPy and exchanges the axes in PyTorch.
        """
        order: Any = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        ndim = self.data.ndim
        if not order:
            return self.T
        if len(axes) == 2 and ndim == 2 and [a % 2 for a in order] == [0, 1]:
            raise ValueError(
                "transpose: (0, 1) of a matrix changes nothing in NumPy and exchanges the axes in PyTorch; write .T or "
                ".swapaxes(0, 1)"
            )
        if len(axes) == 2 and ndim != 2:
            return functions.swapaxes(self, *order)
        return functions.permute(self, order)

    @property
    def T(self) -> T:  # noqa: N802 - NumPy's name
        """The tensor with its axes reversed."""
        return functions.permute(self, tuple(range(self.data.ndim))[::-1])

    def expand(self, *shape: int | Sequence[int]) -> T:
        """Return the elements repeated to a larger shape, without a copy; -1 keeps the size of an axis."""
        return functions.expand(self, shape[0] if len(shape) == 1 else shape)

    def squeeze(self, axis: Axis = None, *, dim: Axis = None) -> T:
        """Return the elements without the axes of size 1, or without the given ones."""
        return functions.squeeze(self, axis if dim is None else dim)

    def unsqueeze(self, axis: int | None = None, *, dim: int | None = None) -> T:
        """Return the elements with a further axis of size 1."""
        return functions.unsqueeze(self, axis if dim is None else dim)

    # Element by element.

    def astype(self, dtype: npt.DTypeLike) -> T:
        """Return the elements in another dtype; the gradient is converted back."""
        return functions.astype(self, dtype)

    def clone(self) -> T:
        """Return a copy; gradients go through (PyTorch's name)."""
        return functions.copy(self)

    def copy(self) -> T:
        """Return a copy; gradients go through (NumPy's name)."""
        return functions.copy(self)

    def clip(self, min: Any = None, max: Any = None) -> T:
        """Return the elements limited to [min, max]."""
        return functions.clip(self, min, max)

    clamp = clip

    def masked_fill(self, mask: Any, value: Any) -> T:
        """Return the elements with `value` where `mask` is True."""
        return functions.masked_fill(self, mask, value)

    def exp(self) -> T:
        """Return e^x."""
        return functions.exp(self)

    def log(self) -> T:
        """Return the natural logarithm."""
        return functions.log(self)

    def sqrt(self) -> T:
        """Return the square root."""
        return functions.sqrt(self)

    def abs(self) -> T:
        """Return the absolute value."""
        return functions.abs(self)

    def pow(self, exponent: Any) -> T:
        """Return a power of the elements."""
        return functions.power(self, exponent)

    def tanh(self) -> T:
        """Return the hyperbolic tangent."""
        return functions.tanh(self)

    def sigmoid(self) -> T:
        """Return the logistic function."""
        return functions.sigmoid(self)

    def relu(self) -> T:
        """Return max(x, 0)."""
        return functions.relu(self)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


_ARGUMENTS = {
    "axis": "the axis, or, for reductions, a tuple of axes; None is all.", "keepdims": "keep reduced axes, of size 1.",
    "dim": "PyTorch's spelling of `axis`.", "keepdim": "PyTorch's spelling of `keepdims`.", "ddof": "degrees of freedom less.",
    "ord": "the order of the norm, > 0.", "descending": "the largest first.", "k": "how many.",
    "largest": "False takes the smallest.", "shape": "the sizes of the axes.", "axes": "the axes in the new order.",
    "start_dim": "the first of these axes.", "end_dim": "the last of these axes.", "axis1": "one axis.", "axis2": "the other.",
    "dtype": "what `numpy.dtype` understands.", "min": "the lower limit, or None.", "max": "the upper limit, or None.",
    "mask": "booleans that broadcast.", "value": "a number, or numbers that broadcast.", "exponent": "a number or numbers.",
}  # fmt: skip
"""What the arguments of these methods mean: the same everywhere."""

for _name, _method in list(vars(Methods).items()):
    if getattr(_method, "__name__", "") == _name and isinstance(_method, FunctionType):
        _method.__qualname__ = f"Tensor.{_name}"  # so that messages name Tensor
        _taken = inspect.signature(_method).parameters
        if _method.__doc__ and (_lines := [f"    {n}: {_ARGUMENTS[n]}" for n in _taken if n in _ARGUMENTS]):
            _method.__doc__ = "\n".join([inspect.cleandoc(_method.__doc__), "", "Args:", *_lines])
