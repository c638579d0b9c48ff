"""Layer norm and RMS norm, with an optional residual added first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import op


@op
def layer_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    residual: Any = None,
    *,
    normalized_shape: tuple[int, ...] | None = None,
    return_sum: bool = False,
    needs: tuple[bool, ...] = (),
) -> tuple[Any, Callable]:
    """(s - mean) / sqrt(variance + eps) * weight + bias with s = x + residual, over the trailing axes.

    Parameters: `x` any shape [..., D]; `weight`, `bias` of the shape of the trailing axes that are normalised (default
    none: 1 and 0); `residual` like x (default none); `normalized_shape` says the axes where there is neither weight nor
    bias (default the last axis). The variance is the biased one. With `return_sum` the result is (out, s).
    Raises ValueError where shapes do not fit. Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> ops.layer_norm(np.array([[1.0, 3.0], [5.0, -5.0]]), eps=0).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    >>> out, total = ops.layer_norm(np.ones((1, 2)), residual=np.array([[1.0, 3.0]]), return_sum=True)
    >>> total.tolist()
    [[2.0, 4.0]]
    """
    parameters = {"weight": weight, "bias": bias}
    return _norm("layer_norm", x, parameters, eps, residual, normalized_shape, return_sum, needs)


@op
def rms_norm(
    x: Any,
    weight: Any = None,
    eps: float | None = None,
    residual: Any = None,
    *,
    normalized_shape: tuple[int, ...] | None = None,
    return_sum: bool = False,
    needs: tuple[bool, ...] = (),
) -> tuple[Any, Callable]:
    """s / sqrt(mean of s^2 + eps) * weight with s = x + residual, over the trailing axes.

    Parameters as those of `layer_norm`; `eps` defaults to the machine epsilon of the dtype.
    Source: Zhang, Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> ops.rms_norm(np.array([3.0, -3.0]), eps=0).tolist()
    [1.0, -1.0]
    """
    if eps is None:
        eps = float(np.finfo(np.asarray(x).dtype).eps)
    return _norm("rms_norm", x, {"weight": weight}, eps, residual, normalized_shape, return_sum, needs)


def _norm(
    name: str,
    x: Any,
    parameters: dict[str, Any],
    eps: float,
    residual: Any,
    normalized_shape: tuple[int, ...] | None,
    return_sum: bool,
    needs: tuple[bool, ...],
) -> tuple[Any, Callable]:
    x = np.asarray(x)
    columns = _columns(name, x.shape, parameters, normalized_shape)
    if residual is None:
        if return_sum:
            raise ValueError(f"{name}: return_sum needs a residual; without one the sum is x")
    elif np.shape(residual) != x.shape:
        raise ValueError(f"{name}: residual has shape {np.shape(residual)}, expected that of x, {x.shape}")
    else:
        residual = np.reshape(residual, (-1, columns))
    rms, record = "bias" not in parameters, any(needs)
    rows = x.reshape(-1, columns) if x.size else x.reshape(x.size // columns if columns else 0, columns)
    flat = {key: None if p is None else np.reshape(p, -1) for key, p in parameters.items()}
    out, total, mean, rstd = _core.layer_norm_forward(
        rows,
        flat["weight"],
        flat.get("bias"),
        residual,
        eps,
        rms,
        sum=residual is not None and (record or return_sum),
        mean=record and not rms,
        rstd=record,
    )
    saved, shape, weight = rows if total is None else total, x.shape, flat["weight"]
    shapes = {key: np.shape(p) for key, p in parameters.items()}

    def backward(grads: Any) -> tuple:
        grad, grad_sum = grads if return_sum else (grads, None)
        dx, dweight, dbias = _core.layer_norm_backward(
            grad.reshape(saved.shape),
            saved,
            weight,
            mean,
            rstd,
            None if grad_sum is None else grad_sum.reshape(saved.shape),
            rms,
            dx=needs[0] or needs[-1],
            dweight=needs[1],
            dbias=not rms and needs[2],
        )
        dx = dx if dx is None or dx.shape == shape else dx.reshape(shape)  # a view would be copied where it is kept
        dweight = dweight if dweight is None or dweight.shape == shapes["weight"] else dweight.reshape(shapes["weight"])
        if rms:
            return dx, dweight, None, dx
        return dx, dweight, None if dbias is None else dbias.reshape(shapes["bias"]), None, dx

    if return_sum:
        return (out.reshape(shape), total.reshape(shape)), backward
    return out.reshape(shape), backward


def _columns(
    name: str, shape: tuple[int, ...], parameters: dict[str, Any], normalized_shape: tuple[int, ...] | None
) -> int:
    """How many elements are normalised together."""
    given = {key: np.shape(p) for key, p in parameters.items() if p is not None}
    if normalized_shape is not None:
        given["normalized_shape"] = tuple(normalized_shape)
    if not shape:
        raise ValueError(f"{name}: x has no axes, expected one or more")
    trailing = next(iter(given.values()), shape[-1:])
    for key, wanted in given.items():
        if not wanted or wanted != shape[-len(wanted) :] or wanted != trailing:
            raise ValueError(
                f"{name}: {key} has shape {wanted}, expected the trailing axes of x, whose shape is {shape}"
            )
    return math.prod(trailing)
