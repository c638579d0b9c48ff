"""The same elements in another shape. Results are views of the argument's array where NumPy's are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ..autograd import also, op
from ._broadcast import common_dtype, reduce_to
from ._types import Array, Axis, Backward, Result

Shape = int | Sequence[int]


@op
def reshape(x: Array, shape: Shape) -> Result:
    """Arrange the elements, in C order, in another shape.

    Args:
        x: an array.
        shape: the sizes of the new axes; one may be -1, which stands for what is left.

    Returns:
        An array of that shape, a view where NumPy gives one.

    >>> from seqnn import Tensor, ops
    >>> ops.reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    x = np.asarray(x)
    if not x.size:
        shape = _of_empty(x.shape, shape)
    return x.reshape(shape), lambda grad: grad.reshape(x.shape)


@op
def permute(x: Array, axes: Sequence[int]) -> Result:
    """Put the axes into another order: axis k of the result is axis `axes[k]` of x.

    Args:
        x: an array.
        axes: each axis once; negative ones count from the end.

    Returns:
        A view.

    >>> from seqnn import Tensor, ops
    >>> ops.permute(Tensor([[[1.0, 2.0]]]), (2, 0, 1)).shape
    (2, 1, 1)
    """
    return np.transpose(x, axes), lambda grad: grad.transpose(np.argsort([a % grad.ndim for a in axes]))


@op
@also(dim0="axis1", dim1="axis2")
def swapaxes(x: Array, axis1: int, axis2: int) -> Result:
    """Exchange two axes (PyTorch's transpose).

    Args:
        x: an array.
        axis1, axis2: the axes.

    Returns:
        A view.

    >>> from seqnn import Tensor, ops
    >>> ops.swapaxes(Tensor([[1.0, 2.0]]), 0, 1).shape
    (2, 1)
    """
    x = np.asarray(x)
    if not x.ndim and {axis1, axis2} <= {0, -1}:
        return x, lambda grad: grad
    return np.swapaxes(x, axis1, axis2), lambda grad: grad.swapaxes(axis1, axis2)


@op
def expand(x: Array, shape: Shape) -> Result:
    """Repeat x to a larger shape without a copy.

    Args:
        x: an array.
        shape: what the shape of x broadcasts to; -1 keeps the size of an axis.

    Returns:
        A read-only view.

    Raises:
        ValueError: where x does not broadcast to that shape.

    >>> from seqnn import Tensor, ops
    >>> ops.expand(Tensor([[1.0], [2.0]]), (-1, 3)).shape
    (2, 3)
    """
    x = np.asarray(x)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if len(shape) < x.ndim:
        raise ValueError(f"expand: shape {shape} has fewer axes than x of shape {x.shape}")
    own = (1,) * (len(shape) - x.ndim) + x.shape
    shape = tuple([have if want == -1 else want for have, want in zip(own, shape, strict=True)])
    return np.broadcast_to(x, shape), lambda grad: reduce_to(grad, x)


@op
@also(dim="axis")
def squeeze(x: Array, axis: Axis = None) -> Result:
    """Leave out axes of size 1.

    Args:
        x: an array.
        axis: the axes to leave out; None is all of size 1.

    Returns:
        A view.

    Raises:
        ValueError: where a given axis has another size.

    >>> from seqnn import Tensor, ops
    >>> ops.squeeze(Tensor([[1.0, 2.0]]), 0).shape
    (2,)
    """
    x = np.asarray(x)
    return x.squeeze(axis), lambda grad: grad.reshape(x.shape)


@op
@also(dim="axis")
def unsqueeze(x: Array, axis: int | None = None) -> Result:
    """Put in a new axis of size 1.

    Args:
        x: an array.
        axis: the number of the new axis in the result; it must be given.

    Returns:
        A view.

    Raises:
        TypeError: without an axis.

    >>> from seqnn import Tensor, ops
    >>> ops.unsqueeze(Tensor([1.0, 2.0]), -1).shape
    (2, 1)
    """
    x = np.asarray(x)
    if axis is None:
        raise TypeError("unsqueeze: expected the number of the new axis, got none")
    return np.expand_dims(x, axis), lambda grad: grad.reshape(x.shape)


def concatenate(tensors: Sequence[Array], axis: int = 0, *, dim: int | None = None) -> Array:
    """Join arrays one after another along an axis.

    Args:
        tensors: arrays that agree in the sizes of their other axes.
        axis: along which to join.
        dim: PyTorch's spelling of `axis`.

    Returns:
        One array.

    Raises:
        ValueError: where the sizes differ.

    >>> from seqnn import Tensor, ops
    >>> ops.concatenate([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.], dtype=float32)
    """
    return _concatenate(*tensors, axis=axis if dim is None else dim)


@op
def _concatenate(*arrays: Array, axis: int) -> Result:
    out = np.concatenate(arrays, axis, dtype=common_dtype(arrays))
    ends = np.cumsum([np.shape(a)[axis] for a in arrays[:-1]])
    return out, lambda grad: _as_the_arrays(np.split(grad, ends, axis), arrays)


def stack(tensors: Sequence[Array], axis: int = 0, *, dim: int | None = None) -> Array:
    """Join arrays along a new axis.

    Args:
        tensors: arrays of one shape.
        axis: the number of the new axis in the result.
        dim: PyTorch's spelling of `axis`.

    Returns:
        One array.

    Raises:
        ValueError: where the shapes differ.

    >>> from seqnn import Tensor, ops
    >>> ops.stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]).shape
    (2, 2)
    """
    return _stack(*tensors, axis=axis if dim is None else dim)


@op
def _stack(*arrays: Array, axis: int) -> Result:
    out = np.stack(arrays, axis, dtype=common_dtype(arrays))
    return out, lambda grad: _as_the_arrays(np.moveaxis(grad, axis, 0), arrays)


def _as_the_arrays(grads: Iterable[Array], arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Give each gradient the dtype of its array."""
    return tuple([g.astype(np.asarray(a).dtype, copy=False) for g, a in zip(grads, arrays, strict=True)])


@op
@also(dim="PyTorch's split counts the elements of a piece: write axis=, and the number of pieces")
def split(x: Array, parts: int | Sequence[int], axis: int = 0) -> tuple[tuple[Array, ...], Backward]:
    """Cut x along an axis (`numpy.split`).

    Args:
        x: an array.
        parts: the number of equal pieces, or the indices to cut before.
        axis: along which to cut.

    Returns:
        A tuple of views.

    Raises:
        ValueError: where x has no such number of equal pieces.

    >>> from seqnn import Tensor, ops
    >>> [part.shape for part in ops.split(Tensor([1.0, 2.0, 3.0]), [1])]
    [(1,), (2,)]
    """
    pieces = np.split(np.asarray(x), parts, axis)
    return tuple(pieces), lambda grads: np.concatenate(grads, axis)


def _of_empty(own: tuple[int, ...], shape: Shape) -> Shape:
    """Find the size that -1 stands for where there are no elements: what the axes that stay as they are leave."""
    wanted = list(shape) if isinstance(shape, Sequence) else [shape]
    if wanted.count(-1) != 1:
        return shape
    place = wanted.index(-1)
    same = 0
    while same < min(place, len(own)) and wanted[same] == own[same]:
        same += 1
    others = math.prod(wanted[same:place] + wanted[place + 1 :])
    wanted[place] = math.prod(own[same:]) // others if others else 0
    return wanted
