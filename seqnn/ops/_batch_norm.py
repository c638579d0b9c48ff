"""Batch norm over the batch and all axes after the channels."""

from __future__ import annotations

import math

import numpy as np

from .. import _core
from ..autograd import Needs, op
from ._layer_norm import check_eps
from ._types import Array, Result


@op
def batch_norm(
    x: Array,
    running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    needs: Needs,
) -> Result:
    """Normalise each channel: (x - mean) / sqrt(variance + eps) * weight + bias.

    In training, mean and (biased) variance are those of the batch, and the running ones, if given, are updated in place:
    running = (1 - momentum) * running + momentum * batch, with the unbiased variance. Otherwise the running ones are
    used; without them, those of the batch.

    Args:
        x: [N, C], [N, C, L] or [N, C, H, W]; C may be followed by any number of axes.
        running_mean, running_var: [C], or None; they go together.
        weight, bias: [C]; None is 1 and 0.
        training: whether to use and to record the statistics of the batch.
        momentum: the share of the batch in the new running statistics.
        eps: added to the variance.

    Returns:
        An array of the shape of `x`.

    Raises:
        TypeError: where `eps` is no number.
        ValueError: where shapes do not fit, for a negative eps, and for a batch of one value per channel to train on.

    Source: Ioffe, Szegedy, "Batch normalization", ICML 2015.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> mean, var = np.zeros(1), np.ones(1)
    >>> ops.batch_norm(np.array([[1.0], [3.0]]), mean, var, training=True, eps=0).tolist()
    [[-1.0], [1.0]]
    >>> mean.round(2).tolist(), var.round(2).tolist()
    ([0.2], [1.1])
    """
    x = np.asarray(x)
    check_eps("batch_norm", eps)
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x has shape {x.shape}, expected [N, C] or [N, C, ...]")
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: running_mean and running_var go together, got one of them")
    batch = training or running_mean is None
    if batch and x.size <= x.shape[1]:
        raise ValueError(f"batch_norm: x of shape {x.shape} has no more than one value per channel to train on")
    cube = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    if batch:
        out, mean, rstd = _core.batch_norm_train(cube, weight, bias, running_mean, running_var, momentum, eps)
    else:
        mean = np.array(running_mean) if any(needs) else running_mean
        out, rstd = _core.batch_norm_eval(cube, mean, running_var, weight, bias, eps, rstd=any(needs))

    def backward(grad: Array) -> dict[str, Array | None]:
        dx, dweight, dbias = _core.batch_norm_backward(
            grad.reshape(cube.shape), cube, weight, mean, rstd, batch,
            dx=needs.x, dweight=needs.weight, dbias=needs.bias,
        )  # fmt: skip
        return {"x": None if dx is None else dx.reshape(x.shape), "weight": dweight, "bias": dbias}

    return out.reshape(x.shape), backward
