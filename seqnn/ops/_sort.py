"""Elements in order of size."""

from __future__ import annotations

import numpy as np

from ..autograd import Tensor, op
from ._indexing import getitem
from ._types import Array, Backward


def sort(x: Array, axis: int = -1, *, descending: bool = False, dim: int | None = None) -> tuple[Array, np.ndarray]:
    """Sort along an axis, as `torch.sort` does; equal elements keep their order, NaN counts as the largest.

    Args:
        x: numbers, of any shape.
        axis: along which to sort.
        descending: the largest first.
        dim: PyTorch's spelling of `axis`.

    Returns:
        (values, indices), both of the shape of `x`; the indices are plain integers.

    >>> from seqnn import Tensor, ops
    >>> values, indices = ops.sort(Tensor([3.0, 1.0, 2.0]))
    >>> values.tolist(), indices.tolist()
    ([1.0, 2.0, 3.0], [1, 2, 0])
    """
    values, indices = _sort(x, axis=axis if dim is None else dim, descending=bool(descending))
    return values, indices.data if isinstance(indices, Tensor) else indices


def topk(x: Array, k: int, axis: int = -1, *, largest: bool = True, dim: int | None = None) -> tuple[Array, np.ndarray]:
    """Take the k largest elements along an axis, the largest first, as `torch.topk` does.

    Args:
        x: numbers, of any shape.
        k: how many.
        axis: along which to look.
        largest: False takes the smallest, the smallest first.
        dim: PyTorch's spelling of `axis`.

    Returns:
        (values, indices), of the shape of `x` with `k` elements along the axis; the indices are plain integers.

    Raises:
        ValueError: where the axis has less than `k` elements.

    >>> from seqnn import Tensor, ops
    >>> values, indices = ops.topk(Tensor([3.0, 1.0, 2.0]), 2)
    >>> values.tolist(), indices.tolist()
    ([3.0, 2.0], [0, 2])
    """
    values, indices = sort(x, axis, descending=largest, dim=dim)
    axis = range(indices.ndim)[axis if dim is None else dim] if indices.ndim else 0
    size = indices.shape[axis] if indices.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"topk: k is {k}, the axis has {size} elements")
    if not indices.ndim:
        return values, indices
    first = (slice(None),) * axis + (slice(k),)
    return getitem(values, first), indices[first]


@op
def _sort(x: Array, *, axis: int, descending: bool) -> tuple[tuple[Array, Array], Backward]:
    x = np.asarray(x)
    if not x.ndim:
        return (x.copy(), np.zeros((), np.int64)), lambda grads: grads[0]
    if descending:  # from the end, so that equal elements keep their order
        order = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
        order = x.shape[axis] - 1 - order
    else:
        order = np.argsort(x, axis, kind="stable")

    def backward(grads: tuple[Array, Array]) -> Array:
        full = np.empty_like(x)
        np.put_along_axis(full, order, grads[0], axis)
        return full

    return (np.take_along_axis(x, order, axis), order), backward
