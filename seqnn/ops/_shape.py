"""The same elements in another shape. Results are views of the argument's array where NumPy's are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqnn.autograd import op

from ._broadcast import reduce_to

Shape = int | Sequence[int]


@op
def reshape(x: Any, shape: Shape) -> Any:
    """The elements, in C order, in another shape; one size may be -1.

    >>> from seqnn import Tensor, ops
    >>> ops.reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    x = np.asarray(x)
    return x.reshape(shape), lambda grad: grad.reshape(x.shape)


@op
def permute(x: Any, axes: Sequence[int]) -> Any:
    """The axes in another order: axis k of the result is axis `axes[k]` of x.

    >>> from seqnn import Tensor, ops
    >>> ops.permute(Tensor([[[1.0, 2.0]]]), (2, 0, 1)).shape
    (2, 1, 1)
    """
    return np.transpose(x, axes), lambda grad: grad.transpose(np.argsort([a % grad.ndim for a in axes]))


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged (torch's transpose).

    >>> from seqnn import Tensor, ops
    >>> ops.swapaxes(Tensor([[1.0, 2.0]]), 0, 1).shape
    (2, 1)
    """
    return np.swapaxes(x, axis1, axis2), lambda grad: grad.swapaxes(axis1, axis2)


@op
def expand(x: Any, shape: Shape) -> Any:
    """x repeated to a larger shape without a copy (a read-only view); -1 keeps the size of an axis.

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
def squeeze(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """x without the axes of size 1, or without the given ones (which must have size 1).

    >>> from seqnn import Tensor, ops
    >>> ops.squeeze(Tensor([[1.0, 2.0]]), 0).shape
    (2,)
    """
    x = np.asarray(x)
    return x.squeeze(axis), lambda grad: grad.reshape(x.shape)


@op
def unsqueeze(x: Any, axis: int) -> Any:
    """x with a new axis of size 1.

    >>> from seqnn import Tensor, ops
    >>> ops.unsqueeze(Tensor([1.0, 2.0]), -1).shape
    (2, 1)
    """
    x = np.asarray(x)
    return np.expand_dims(x, axis), lambda grad: grad.reshape(x.shape)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Any:
    """The tensors one after another along an axis; their other sizes agree.

    >>> from seqnn import Tensor, ops
    >>> ops.concatenate([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.], dtype=float32)
    """
    return _concatenate(*tensors, axis=axis)


@op
def _concatenate(*arrays: Any, axis: int) -> Any:
    out = np.concatenate(arrays, axis)
    ends = np.cumsum([np.shape(a)[axis] for a in arrays[:-1]])
    return out, lambda grad: tuple(np.split(grad, ends, axis))


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """The tensors, all of one shape, along a new axis.

    >>> from seqnn import Tensor, ops
    >>> ops.stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]).shape
    (2, 2)
    """
    return _stack(*tensors, axis=axis)


@op
def _stack(*arrays: Any, axis: int) -> Any:
    return np.stack(arrays, axis), lambda grad: tuple(np.moveaxis(grad, axis, 0))


@op
def split(x: Any, parts: int | Sequence[int], axis: int = 0) -> Any:
    """x cut along an axis into `parts` equal pieces, or before each index of a sequence (`numpy.split`): a tuple.

    >>> from seqnn import Tensor, ops
    >>> [part.shape for part in ops.split(Tensor([1.0, 2.0, 3.0]), [1])]
    [(1,), (2,)]
    """
    pieces = np.split(np.asarray(x), parts, axis)
    return tuple(pieces), lambda grads: np.concatenate(grads, axis)
