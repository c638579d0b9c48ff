"""The loss of quantiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import number
from ..autograd import Needs, op
from ._broadcast import as_floats
from ._loss import check_numbers, elementwise
from ._types import Array, Reduction, Result


@op
def pinball_loss(
    x: Array, target: Array, quantiles: npt.ArrayLike, *, reduction: Reduction = "mean", needs: Needs
) -> Result:
    """Compute the pinball loss `max(q (target - x), (q - 1) (target - x))`, which is least in the mean for the quantile q.

    The gradient is 0 where x and target are equal.

    Args:
        x: predictions of each quantile, [..., Q].
        target: what is predicted, [...].
        quantiles: q, numbers between 0 and 1, [Q].
        reduction: as for `mse_loss`.

    Returns:
        A number; with reduction="none" an array of the shape of `x`.

    Raises:
        ValueError: for shapes that do not fit, a quantile that is not between 0 and 1, or another `reduction`.

    Source: Koenker and Bassett, "Regression quantiles", 1978.

    >>> pinball_loss([[0.0, 0.0, 0.0]], [2.0], [0.1, 0.5, 0.9], reduction="none")
    array([[0.2, 1. , 1.8]])
    """
    target = np.asarray(target)
    x = as_floats(x, target)
    check_numbers("pinball_loss", x=x, target=target)
    levels = np.array([number("pinball_loss: quantiles", q, above=0, below=1) for q in np.ravel(quantiles).tolist()])
    if not len(levels):
        raise ValueError("pinball_loss: quantiles: expected one or more, got none")
    if x.shape != (*target.shape, len(levels)):
        raise ValueError(
            f"pinball_loss: expected x of shape {(*target.shape, len(levels))}, those of target and quantiles, got {x.shape}"
        )
    due = np.repeat(target.astype(x.dtype, copy=False).reshape(-1), len(levels)).reshape(x.shape)
    spread = np.broadcast_to(levels.astype(x.dtype), x.shape).reshape(-1)
    kernels = _core.pinball_forward, _core.pinball_backward
    out, slope = elementwise("pinball_loss", kernels, x, due, reduction, spread)

    def backward(grad: Array) -> tuple[Array | None, Array | None]:
        by_x = slope(grad)
        return by_x if needs.x else None, -by_x.sum(axis=-1) if needs.target else None

    return out, backward
