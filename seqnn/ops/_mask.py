"""Elements that a mask chooses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, also, op
from ._broadcast import operands, reduce_to
from ._types import Array, Result


@op
def where(condition: npt.ArrayLike, x: Array, y: Array, *, needs: Needs) -> Result:
    """Choose x where the condition holds, and y elsewhere.

    No gradient passes to what was not chosen, even where it is NaN.

    Args:
        condition: booleans.
        x, y: numbers; all three shapes broadcast.

    Returns:
        An array of the common shape.

    Raises:
        TypeError: where `condition` does not hold booleans.

    >>> from seqnn import Tensor, ops
    >>> ops.where([True, False], Tensor([1.0, 2.0]), 0.0)
    Tensor([1., 0.], dtype=float32)
    """
    condition = np.asarray(condition)
    if condition.dtype != bool:
        raise TypeError(f"where: condition is {condition.dtype}, expected bool")

    if needs.x or needs.y:
        condition = condition.copy()  # the caller may use it again before the backward pass

    def backward(grad: Array) -> tuple:
        zero = grad.dtype.type(0)
        dx = reduce_to(np.where(condition, grad, zero), x) if needs.x else None
        dy = reduce_to(np.where(condition, zero, grad), y) if needs.y else None
        return None, dx, dy

    a, b = operands(x, y)
    return np.where(condition, a, b), backward


def masked_fill(x: Array, mask: npt.ArrayLike, value: Array) -> Array:
    """Put a value where a mask is True.

    Args:
        x: numbers, of any shape.
        mask: booleans that broadcast against `x`.
        value: a number, or numbers that broadcast.

    Returns:
        An array of the common shape.

    Raises:
        TypeError: where `mask` does not hold booleans.

    >>> from seqnn import Tensor, ops
    >>> ops.masked_fill(Tensor([1.0, 2.0]), [True, False], -1.0)
    Tensor([-1.,  2.], dtype=float32)
    """
    return where(mask, value, x)


@op
@also(diagonal="k")
def tril(x: Array, k: int = 0) -> Result:
    """Keep the lower triangle of matrices, and set the rest to 0.

    Args:
        x: [..., M, N].
        k: the last diagonal that is kept: 0 is the main one, 1 the one above it.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 0.],
            [3., 4.]], dtype=float32)
    """
    return np.tril(x, k), lambda grad: np.tril(grad, k)


@op
@also(diagonal="k")
def triu(x: Array, k: int = 0) -> Result:
    """Keep the upper triangle of matrices, and set the rest to 0.

    Args:
        x: [..., M, N].
        k: the first diagonal that is kept: 0 is the main one, 1 the one above it.

    Returns:
        An array of the shape of `x`.

    >>> from seqnn import Tensor, ops
    >>> ops.triu(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 2.],
            [0., 4.]], dtype=float32)
    """
    return np.triu(x, k), lambda grad: np.triu(grad, k)
