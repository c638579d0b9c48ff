"""Elements by their indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqnn.autograd import Tensor, op


@op
def getitem(x: Any, index: Any) -> Any:
    """x[index], with slices, integers, None, ..., integer arrays and bool masks as in NumPy.

    Slices are views. The gradients of elements that integer arrays take more than once add up.

    >>> from seqnn import Tensor, ops
    >>> ops.getitem(Tensor([1.0, 2.0, 3.0]), [2, 2, 0])
    Tensor([3., 3., 1.], dtype=float32)
    """
    if isinstance(index, tuple):
        index = tuple([i.data if isinstance(i, Tensor) else i for i in index])
    x = np.asarray(x)

    def backward(grad: np.ndarray) -> np.ndarray:
        full = np.zeros_like(x)
        if _may_repeat(index):
            np.add.at(full, index, grad)
        else:
            full[index] = grad
        return full

    return x[index], backward


@op
def gather(x: Any, axis: int, index: Any) -> Any:
    """out[i][j][k] = x[i][index[i][j][k]][k] for axis 1, and so on (`torch.gather`).

    `index` has as many axes as x, and is no larger than x on the others. Raises IndexError for an index outside of x.

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
    places = tuple(
        [index if k == axis else open_axis for k, open_axis in enumerate(np.ogrid[tuple(map(slice, index.shape))])]
    )

    def backward(grad: np.ndarray) -> np.ndarray:
        full = np.zeros_like(x)
        np.add.at(full, places, grad)
        return full

    return x[places], backward


def _may_repeat(index: Any) -> bool:
    """Whether an integer array or list is part of the index; bool masks and slices take an element once."""
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, list | np.ndarray) and np.asarray(part).dtype != bool:
            return True
    return False
