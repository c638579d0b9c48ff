"""`Tensor`: an array that can be differentiated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _methods
from ._final import Finals, watched
from ._hints import missing_method
from ._methods import Methods, Size
from ._rows import Gathered, Rows, kept
from ._tape import RECORD, Node, Part, add_hook, call_hooks, dense, mode, walk

new = object.__new__


class Tensor(Methods["Tensor"]):
    """An array that can be differentiated.

    NumPy's functions of a Tensor are those of `seqnn.ops` and give Tensors, or a TypeError where there is none and a
    gradient would be lost; without a gradient to lose they see the array. `np.asarray(tensor)` copies nothing. Comparisons
    give plain bool arrays. The methods that compute are the functions of `seqnn.ops` of the same name, which say more.

    Args:
        data: an array, whose dtype is kept, or what NumPy makes an array of; Python floats become float32.
        requires_grad: whether `backward` leaves a gradient in `.grad`.

    Attributes:
        data: the array.
        requires_grad: as given; of the result of an op, whether an input had it.

    Raises:
        TypeError: where a gradient is wanted of what is neither float32 nor float64, and for a masked array.

    >>> from seqnn import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_grad", "_hooks", "_node", "data", "requires_grad")

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
        starts, gradients = (self._edge("backward"),), (seed(self, grad, "backward"),)
        taken: set[int] = set()
        watch = watched.get()

        def take(leaf: Tensor, gradient: np.ndarray | Rows) -> None:
            leaf._accumulate(gradient, taken)
            if watch is not None and leaf in watch.leaves:
                watch.seen(leaf)

        finals = None if watch is None else Finals(watch, starts, take)
        for leaf, gradient in walk(starts, gradients, keep=retain_graph, finals=finals).items():
            take(leaf, gradient)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient.

        Args:
            set_to_none: False keeps an array of zeros instead, as in PyTorch.
        """
        if not set_to_none and self.grad is not None:
            self.grad.fill(0)
        elif type(self._grad) is Gathered:
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
    def grad(self, gradient: npt.ArrayLike | None) -> None:
        if gradient is not None:
            gradient = np.asarray(gradient, self.data.dtype, order="C")
            if gradient.shape != self.data.shape:
                raise ValueError(f"grad: expected the shape of the tensor, {self.data.shape}, got {gradient.shape}")
        self._grad = gradient

    def detach(self) -> Tensor:
        """Return a Tensor over the same array, without history."""
        return Tensor(self.data)

    def register_hook(self, hook: Callable[[np.ndarray], np.ndarray | None]) -> Callable[[], None]:
        """Call a function when this tensor's gradient is known.

        Args:
            hook: called as `hook(grad)`; what it returns (if not None) replaces the gradient.

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
        return add_hook(hooks, hook)

    def numpy(self) -> np.ndarray:
        """Return the array itself, not a copy."""
        return self.data

    def item(self) -> float:
        """Return the only element as a Python number."""
        return self.data.item()

    def tolist(self) -> Any:
        """Return the elements as Python numbers in nested lists."""
        return self.data.tolist()

    def numel(self) -> int:
        """Return the number of elements (PyTorch's name)."""
        return self.data.size

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
    def size(self) -> Size:
        """The number of elements; `size()` and `size(axis)` are PyTorch's spelling of `shape`."""
        size = Size(self.data.size)
        size.shape = self.data.shape
        return size

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor is the result of no op."""
        return self._node is None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad and mode.get() & RECORD:
            raise TypeError(
                "an array of a Tensor that requires a gradient would cut the graph: stay with Tensors (ops.stack, "
                "ops.concatenate), or say that you want the numbers: tensor.numpy(), or `with no_grad():`"
            )
        return np.array(self.data, dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _methods.functions.numpy_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Callable, types: Any, args: tuple, options: dict[str, Any]) -> Any:
        return _methods.functions.numpy_function(function, args, options)

    if not TYPE_CHECKING:  # type checkers go on reporting names that are wrong

        def __getattr__(self, name: str) -> Any:
            if name[:2] == "__":  # NumPy looks for many a __name__
                raise AttributeError(name)
            raise AttributeError(missing_method(name, _methods.functions.__all__))

    def __len__(self) -> int:
        return len(self.data)

    def __float__(self) -> float:
        return float(self.data.item())

    def __int__(self) -> int:
        return int(self.data.item())

    def __index__(self) -> int:
        return operator.index(self.data.item())

    def __round__(self, digits: int | None = None) -> float:
        return round(self.data.item(), digits)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.data.item() if self.data.size == 1 else self.data, spec) if spec else str(self)

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

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a Tensor's elements are not assigned: use ops.where, or change .data where no backward needs it"
        )

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a Tensor of no axes")
        return iter([self[i] for i in range(len(self))])

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


MASKED = "a masked array: its mask would be lost; give data.filled(...), and the mask where a function takes one"

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
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(MASKED)
    array = np.asarray(data)
    return array.astype(np.float32) if array.dtype == np.float64 and not hasattr(data, "dtype") else array
