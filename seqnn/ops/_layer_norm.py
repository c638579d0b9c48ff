"""Layer norm and RMS norm, with an optional residual added first."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from .. import _core
from ..autograd import Needs, op
from ._arithmetic import add, multiply
from ._shape import reshape
from ._types import Array, Backward


@op
def layer_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    residual: Array | None = None,
    *,
    normalized_shape: tuple[int, ...] | None = None,
    return_sum: bool = False,
    needs: Needs,
) -> tuple[Array | tuple[Array, Array], Backward]:
    """Normalise the trailing axes: (s - mean) / sqrt(variance + eps) * weight + bias with s = x + residual.

    Args:
        x: [..., D].
        weight, bias: of the shape of the axes that are normalised; None is 1 and 0.
        eps: added to the variance, which is the biased one.
        residual: of the shape of `x`, or None.
        normalized_shape: sizes of the axes, where there is neither weight nor bias; None is the last axis.
        return_sum: also return s.

    Returns:
        An array of the shape of `x`; with return_sum (that, s).

    Raises:
        TypeError: where `eps` is no number.
        ValueError: where shapes do not fit, or eps is negative.

    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.

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
    x: Array,
    weight: Array | None = None,
    eps: float | None = None,
    residual: Array | None = None,
    *,
    normalized_shape: tuple[int, ...] | None = None,
    return_sum: bool = False,
    needs: Needs,
) -> tuple[Array | tuple[Array, Array], Backward]:
    """Divide the trailing axes by their root mean square: s / sqrt(mean of s^2 + eps) * weight with s = x + residual.

    Args:
        x: [..., D].
        weight: of the shape of the axes that are normalised; None is 1.
        eps: added to the mean square; None is the machine epsilon of the dtype.
        residual, normalized_shape, return_sum: as for `layer_norm`.

    Returns:
        An array of the shape of `x`; with return_sum (that, s).

    Raises:
        TypeError: where `eps` is no number.
        ValueError: where shapes do not fit, or eps is negative.

    Source: Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> ops.rms_norm(np.array([3.0, -3.0]), eps=0).tolist()
    [1.0, -1.0]
    """
    if eps is None:
        dtype = np.asarray(x).dtype
        eps = float(np.finfo(dtype if dtype.char in "fd" else np.float32).eps)
    return _norm("rms_norm", x, {"weight": weight}, eps, residual, normalized_shape, return_sum, needs)


def group_norm(
    x: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Normalise groups of channels: (x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of a group.

    Args:
        x: [N, C, ...].
        num_groups: how many groups the C channels form.
        weight, bias: of the channels, [C]; None is 1 and 0.
        eps: added to the variance.

    Returns:
        An array of the shape of `x`.

    Raises:
        TypeError: where `x` and `weight` or `bias` are floats of different sizes.
        ValueError: where shapes do not fit, or C is no multiple of `num_groups`.

    Source: Wu, He, "Group normalization", ECCV 2018.

    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    shape = np.shape(x)
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
        raise ValueError(
            f"group_norm: expected x [N, C, ...], C a multiple of num_groups={num_groups}, got shape {shape}"
        )
    per_channel = (1, shape[1]) + (1,) * (len(shape) - 2)
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and np.shape(given) != shape[1:2]:
            raise ValueError(f"group_norm: {name} must have shape {shape[1:2]}, got {np.shape(given)}")
        kinds = {getattr(a, "dtype", np.dtype(np.float32)).char: n for a, n in ((x, "x"), (given, name))}
        if given is not None and kinds.keys() == {"f", "d"}:
            raise TypeError(
                f"group_norm: {kinds['f']} is float32 but {kinds['d']} is float64: convert one of them, such as "
                f"{kinds['d']}.astype(np.float32)"
            )
    groups = reshape(x, (shape[0] * num_groups, math.prod(shape[1:]) // num_groups))
    out = reshape(layer_norm(groups, eps=eps), shape)
    out = out if weight is None else multiply(out, reshape(weight, per_channel))
    return out if bias is None else add(out, reshape(bias, per_channel))


def _norm(
    name: str,
    x: Any,
    parameters: dict[str, Any],
    eps: float,
    residual: Any,
    normalized_shape: tuple[int, ...] | None,
    return_sum: bool,
    needs: Needs,
) -> tuple[Any, Backward]:
    x = np.asarray(x)
    check_eps(name, eps)
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
        rstd=True,
    )
    if rstd.size and not rstd[rstd.argmin()] > 0:
        _scale_down(rows if total is None else total, out, mean, rstd, flat, eps, rms)
    saved, shape, weight = rows if total is None else total, x.shape, flat["weight"]
    shapes = {key: np.shape(p) for key, p in parameters.items()}

    def backward(grads: Any) -> tuple[Array | None, ...]:
        grad, grad_sum = grads if return_sum else (grads, None)
        dx, dweight, dbias = _core.layer_norm_backward(
            grad.reshape(saved.shape),
            saved,
            weight,
            mean,
            rstd,
            None if grad_sum is None else grad_sum.reshape(saved.shape),
            rms,
            dx=needs.x or needs.residual,
            dweight=needs.weight,
            dbias=not rms and needs.bias,
        )
        dx = _shaped(dx, shape)
        dweight = _shaped(dweight, shapes["weight"])
        if rms:
            return dx, dweight, None, dx
        return dx, dweight, _shaped(dbias, shapes["bias"]), None, dx

    if return_sum:
        return (out.reshape(shape), total.reshape(shape)), backward
    return out.reshape(shape), backward


def _scale_down(
    x: Array, out: Array, mean: Array | None, rstd: Array, parameters: dict[str, Any], eps: float, rms: bool
) -> None:
    """Norm the rows again whose squares overflow, in place: divided by their largest element, which changes nothing else."""
    huge = np.flatnonzero((rstd == 0) & np.isfinite(x).all(1))
    if huge.size:
        scale = np.abs(x[huge]).max(1, keepdims=True)
        weight, bias = parameters["weight"], parameters.get("bias")
        out[huge], _, means, roots = _core.layer_norm_forward(
            x[huge] / scale, weight, bias, None, 0.0, rms, sum=False, mean=mean is not None, rstd=True
        )
        rstd[huge] = roots / scale[:, 0]
        if mean is not None:
            mean[huge] = means * scale[:, 0]


def check_eps(name: str, eps: Any) -> None:
    """Refuse what is no number >= 0."""
    if not isinstance(eps, Real):
        raise TypeError(f"{name}: eps must be a number, got {type(eps).__name__}; normalized_shape goes by its name")
    if not eps >= 0:
        raise ValueError(f"{name}: eps must not be negative, got {eps}")


def _shaped(grad: Array | None, shape: tuple[int, ...]) -> Array | None:
    """Bring a gradient into the shape of its argument; a view of the same shape would be copied where it is kept."""
    return grad if grad is None or grad.shape == shape else grad.reshape(shape)


def _columns(
    name: str, shape: tuple[int, ...], parameters: dict[str, Any], normalized_shape: tuple[int, ...] | None
) -> int:
    """Check the shapes, and count the elements that are normalised together."""
    trailing = shape[-1:]
    arrays = [p for p in parameters.values() if p is not None]
    usual = normalized_shape is None or (type(normalized_shape) is tuple and normalized_shape == trailing)
    if usual and shape and all(type(p) is Array and p.shape == trailing for p in arrays):
        return shape[-1]
    given = {key: np.shape(p) for key, p in parameters.items() if p is not None}
    if normalized_shape is not None:
        if isinstance(normalized_shape, Real):
            raise TypeError(f"{name}: normalized_shape must be a tuple of sizes, such as (8,), got {normalized_shape}")
        given["normalized_shape"] = tuple(normalized_shape)
    if not shape:
        raise ValueError(f"{name}: x has no axes, expected one or more")
    trailing = next(iter(given.values()), shape[-1:])
    for key, p in parameters.items():
        if isinstance(p, tuple):
            raise TypeError(f"{name}: {key} must be an array, got {p!r}; normalized_shape goes by its name")
    for key, wanted in given.items():
        if not wanted or wanted != shape[-len(wanted) :] or wanted != trailing:
            raise ValueError(
                f"{name}: {key} has shape {wanted}, expected the trailing axes of x, whose shape is {shape}"
            )
    return math.prod(trailing)
