"""Elements by their indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, Tensor, op
from ._types import Array, Result


@op
def getitem(x: Array, index: Any, *, needs: Needs) -> Result:
    """Take elements, x[index]. The gradients of elements that are taken more than once add up.

    Args:
        x: an array.
        index: slices, integers, None, ..., integer arrays and bool masks, as in NumPy.

    Returns:
        What NumPy's indexing gives; of slices, a view.

    Raises:
        IndexError: for an index out of range.

    >>> from seqnn import Tensor, ops
    >>> ops.getitem(Tensor([1.0, 2.0, 3.0]), [2, 2, 0])
    Tensor([3., 3., 1.], dtype=float32)
    """
    if isinstance(index, tuple):
        index = tuple([i.data if isinstance(i, Tensor) else i for i in index])
    x = np.asarray(x)
    if needs.x:
        index = _kept(index)

    def backward(grad: Array) -> Array:
        full = np.zeros_like(x)
        if _may_repeat(index):
            np.add.at(full, index, grad)
        else:
            full[index] = grad
        return full

    return x[index], backward


@op
def gather(x: Array, axis: int, index: npt.ArrayLike, *, needs: Needs) -> Result:
    """Gather elements along an axis: out[i, j, k] = x[i, index[i, j, k], k] for axis 1, and so on (`torch.gather`).

    Args:
        x: an array.
        axis: along which `index` counts.
        index: integers, with as many axes as x, and no larger than x on the other axes.

    Returns:
        An array of the shape of `index`.

    Raises:
        IndexError: for an index outside of x.
        TypeError: for an index that does not hold integers.
        ValueError: for shapes that do not fit.

    >>> from seqnn import Tensor, ops
    >>> ops.gather(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[0, 0], [1, 0]])
    Tensor([[1., 1.],
            [4., 3.]], dtype=float32)
    """
    x, index = np.asarray(x), np.asarray(index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"gather: index is {index.dtype}, expected integers")
    axis = range(x.ndim)[axis] if x.ndim else 0
    smaller = all(i <= n for k, (i, n) in enumerate(zip(index.shape, x.shape, strict=False)) if k != axis)
    if index.ndim != x.ndim or not smaller:
        raise ValueError(f"gather: index has shape {index.shape}, which does not fit into {x.shape} beside axis {axis}")
    if index.size and index.min() < 0:
        raise IndexError(f"gather: index holds {index.min()}, expected 0 <= index < {x.shape[axis]}")
    if needs.x:
        index = index.copy()  # the caller may use it again before the backward pass
    places = tuple(
        [index if k == axis else open_axis for k, open_axis in enumerate(np.ogrid[tuple(map(slice, index.shape))])]
    )

    def backward(grad: Array) -> Array:
        full = np.zeros_like(x)
        np.add.at(full, places, grad)
        return full

    return x[places], backward


def _kept(index: Any) -> Any:
    """Copy the arrays of an index: the caller may use them again before the backward pass."""
    if isinstance(index, tuple):
        return tuple([_kept(i) for i in index])
    return np.array(index) if isinstance(index, list | Array) else index


def _may_repeat(index: Any) -> bool:
    """Tell whether an integer array or list is part of the index; bool masks and slices take an element once."""
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, list | Array) and np.asarray(part).dtype != bool:
            return True
    return False
