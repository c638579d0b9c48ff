"""`Tensor`: an array that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from sys import getrefcount
from typing import Any

import numpy as np
import numpy.typing as npt

from ._rows import Gathered, Rows, kept
from ._tape import Node, Part, call_hooks, dense, walk


class _Functions:
    """A stand-in for seqnn.ops until it is imported, at the latest when the first function is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("seqnn.ops"), name)


functions: Any = _Functions()  # seqnn.ops stands above this package and puts itself here when it is imported

new = object.__new__

Axis = int | tuple[int, ...] | None


class Tensor:
    """An array that can be differentiated.

    NumPy sees a Tensor as its array: `np.asarray(tensor)` copies nothing. Comparisons give plain bool arrays. The methods
    that compute are the functions of `seqnn.ops` of the same name, which say more.

    Args:
        data: an array, whose dtype is kept, or what NumPy makes an array of; Python floats become float32.
        requires_grad: whether `backward` leaves a gradient in `.grad`.

    Attributes:
        data: the array.
        requires_grad: as given; of the result of an op, whether an input had it.

    Raises:
        TypeError: where a gradient is wanted of what is neither float32 nor float64.

    >>> from seqnn import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_grad", "_hooks", "_node", "data", "requires_grad")
    __array_ufunc__ = None  # ndarray + Tensor is Tensor.__radd__

    data: np.ndarray
    requires_grad: bool
    _grad: np.ndarray | Gathered | None  # what `grad` shows
    _node: Node | Part | None  # None for a leaf
    _hooks: list[Callable] | None  # of a leaf; other tensors have them at their node

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        if type(data) is not np.ndarray:
            data = _as_array(data)
        if requires_grad and data.dtype.char not in "fd":
            raise TypeError(f"requires_grad: only float32 and float64 have gradients, got {data.dtype}")
        self.data = data
        self.requires_grad = requires_grad
        self._grad = self._node = self._hooks = None

    def backward(self, grad: Any = None, *, retain_graph: bool = False) -> None:
        """Add d self / d leaf, times `grad`, to the `.grad` of every leaf that requires it.

        Args:
            grad: an array of the tensor's shape; None is 1, for a tensor of a single number.
            retain_graph: keep the graph for another walk; otherwise it is freed on the way.

        Raises:
            ValueError: where the tensor requires no gradient, or `grad` has another shape.
            RuntimeError: where the graph was freed already.
        """
        found = walk((self._edge("backward"),), (seed(self, grad, "backward"),), keep=retain_graph)
        taken: set[int] = set()
        for leaf, gradient in found.items():
            leaf._accumulate(gradient, taken)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        if type(self._grad) is Gathered:
            self._grad.clear()  # it may have a table to use again
        else:
            self._grad = None

    @property
    def grad(self) -> np.ndarray | None:
        """What `backward` left: an array of the tensor's shape, or None. From gathered rows it is made when asked for."""
        held = self._grad
        if type(held) is Gathered:
            if held.rows is None:
                return None
            held = self._grad = held.table()
        return held

    @grad.setter
    def grad(self, gradient: np.ndarray | None) -> None:
        self._grad = gradient

    def detach(self) -> Tensor:
        """Return a Tensor over the same array, without history."""
        return Tensor(self.data)

    def register_hook(self, hook: Callable[[np.ndarray], np.ndarray | None]) -> Callable[[], None]:
        """Call `hook(grad)` when this tensor's gradient is known; what it returns (if not None) replaces the gradient.

        Returns:
            A function that removes the hook.

        Raises:
            ValueError: where the tensor requires no gradient.
        """
        if not self.requires_grad:
            raise ValueError("register_hook: the tensor does not require a gradient")
        if self._node is None:
            hooks = self._hooks = self._hooks or []
        else:
            hooks = self._node.hooks = self._node.hooks or []
        hooks.append(hook)
        return lambda: hooks.remove(hook)

    def numpy(self) -> np.ndarray:
        """Return the array itself, not a copy."""
        return self.data

    def item(self) -> float:
        """Return the only element as a Python number."""
        return self.data.item()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor is the result of no op."""
        return self._node is None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.data)

    def __float__(self) -> float:
        return float(self.data.item())

    def __int__(self) -> int:
        return int(self.data.item())

    def __bool__(self) -> bool:
        return bool(self.data)

    def __repr__(self) -> str:
        body = np.array2string(self.data, separator=", ", prefix="Tensor(")
        return f"Tensor({body}, dtype={self.dtype}{', requires_grad=True' if self.requires_grad else ''})"

    __hash__ = object.__hash__  # a Tensor is itself; == compares elements

    def __eq__(self, other: Any) -> np.ndarray:  # type: ignore[override]
        return self.data == _plain(other)

    def __ne__(self, other: Any) -> np.ndarray:  # type: ignore[override]
        return self.data != _plain(other)

    def __lt__(self, other: Any) -> np.ndarray:
        return self.data < _plain(other)

    def __le__(self, other: Any) -> np.ndarray:
        return self.data <= _plain(other)

    def __gt__(self, other: Any) -> np.ndarray:
        return self.data > _plain(other)

    def __ge__(self, other: Any) -> np.ndarray:
        return self.data >= _plain(other)

    def __add__(self, other: Any) -> Tensor:
        return functions.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Tensor:
        return functions.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return functions.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return functions.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Tensor:
        return functions.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return functions.divide(other, self)

    def __pow__(self, exponent: Any) -> Tensor:
        return functions.power(self, exponent)

    def __rpow__(self, base: Any) -> Tensor:
        return functions.power(base, self)

    def __matmul__(self, other: Any) -> Tensor:
        return functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return functions.matmul(other, self)

    def __neg__(self) -> Tensor:
        return functions.negative(self)

    def __abs__(self) -> Tensor:
        return functions.abs(self)

    def __getitem__(self, index: Any) -> Tensor:
        return functions.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor's elements are not assigned: use ops.where, or change .data where no backward needs it"
        )

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a Tensor of no axes")
        return iter([self[i] for i in range(len(self))])

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Add all elements, or those along `axis`."""
        return functions.sum(self, axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Take the mean of all elements, or along `axis`."""
        return functions.mean(self, axis, keepdims=keepdims)

    def var(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Take the variance of all elements, or along `axis`, with `ddof` degrees of freedom less."""
        return functions.var(self, axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Take the standard deviation of all elements, or along `axis`, with `ddof` degrees of freedom less."""
        return functions.std(self, axis, ddof=ddof, keepdims=keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Take the largest of all elements, or along `axis`."""
        return functions.max(self, axis, keepdims=keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Take the smallest of all elements, or along `axis`."""
        return functions.min(self, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None) -> np.ndarray:
        """Find the index of the largest element: a plain integer array."""
        return self.data.argmax(axis)

    def argmin(self, axis: int | None = None) -> np.ndarray:
        """Find the index of the smallest element: a plain integer array."""
        return self.data.argmin(axis)

    def reshape(self, *shape: int | tuple[int, ...]) -> Tensor:
        """Arrange the elements in another shape; one size may be -1."""
        return functions.reshape(self, shape[0] if len(shape) == 1 else shape)

    def permute(self, *axes: int | tuple[int, ...]) -> Tensor:
        """Put the axes into another order."""
        return functions.permute(self, axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
        return functions.swapaxes(self, axis1, axis2)

    def expand(self, *shape: int | tuple[int, ...]) -> Tensor:
        """Repeat to a larger shape without a copy; -1 keeps the size of an axis."""
        return functions.expand(self, shape[0] if len(shape) == 1 else shape)

    def squeeze(self, axis: Axis = None) -> Tensor:
        """Leave out the axes of size 1, or the given ones."""
        return functions.squeeze(self, axis)

    def unsqueeze(self, axis: int) -> Tensor:
        """Put in an axis of size 1."""
        return functions.unsqueeze(self, axis)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The tensor with its axes reversed."""
        return functions.permute(self, tuple(range(self.ndim))[::-1])

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """Convert to another dtype; the gradient is converted back."""
        return functions.astype(self, dtype)

    def _edge(self, caller: str) -> Any:
        """Return where a gradient of this tensor goes."""
        if not self.requires_grad:
            raise ValueError(
                f"{caller}: the tensor does not require a gradient; no input of its ops had requires_grad=True"
            )
        return self if self._node is None else self._node

    def _accumulate(self, gradient: np.ndarray | Rows, taken: set[int]) -> None:
        """Add to the gradient; an array that nobody else holds is taken over as it is and noted in `taken`."""
        if self._hooks:
            gradient = call_hooks(self._hooks, dense(gradient))
        if type(gradient) is Rows:
            if self._grad is None:
                self._grad = Gathered(_own(gradient))
            elif type(self._grad) is Gathered:
                self._grad.add(_own(gradient))
            else:
                gradient.add(self._grad)
        elif self.grad is not None:
            self._grad += gradient
        elif gradient.dtype == self.data.dtype and id(gradient) not in taken and _unshared(gradient):
            taken.add(id(gradient))
            self._grad = gradient
        else:
            self._grad = np.array(gradient, self.data.dtype)


Operand = Tensor | npt.ArrayLike
"""What functions and layers take for an array: a Tensor, or what NumPy makes an array of."""


def made(data: Any, node: Node | Part | None) -> Tensor:
    """Make the result of an op, recorded where it has a node, without the checks of `Tensor(...)`."""
    tensor = new(Tensor)
    tensor.data = data if type(data) is np.ndarray else np.asarray(data)
    tensor.requires_grad = node is not None
    tensor._node = node
    tensor._grad = tensor._hooks = None
    return tensor


def seed(tensor: Tensor, grad: Any, caller: str) -> np.ndarray:
    """Return the gradient that a walk starts with at `tensor`: `grad`, or 1 for a single number."""
    if grad is None:
        if tensor.data.size != 1:
            raise ValueError(
                f"{caller}: a tensor of shape {tensor.shape} needs its gradient given; only a single number has 1"
            )
        return np.ones_like(tensor.data)
    grad = np.asarray(grad, tensor.data.dtype)
    if grad.shape != tensor.data.shape:
        raise ValueError(f"{caller}: the gradient has shape {grad.shape}, expected that of the tensor, {tensor.shape}")
    return grad.view()  # the caller's array is never taken over


def _unshared(array: Any) -> bool:
    """Tell whether nobody else sees an array's memory: it is its own, or all of one that only this view refers to."""
    if type(array) is not np.ndarray or not array.flags.writeable:
        return False
    base = array.base
    if base is None:
        return True
    whole = type(base) is np.ndarray and base.base is None and base.flags.owndata and base.nbytes == array.nbytes
    del base
    return whole and array.flags.c_contiguous and getrefcount(array.base) <= 2  # of the view, and of this call


def _own(rows: Rows) -> Rows:
    """Copy the parts of rows that the caller could still change."""
    rows.parts = [(ids.copy(), v if _unshared(v) else kept(v.copy), padding) for ids, v, padding in rows.parts]
    return rows


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _as_array(data: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        return data.data
    array = np.asarray(data)
    return array.astype(np.float32) if array.dtype == np.float64 and not hasattr(data, "dtype") else array
