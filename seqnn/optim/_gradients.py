"""The norm of all gradients together, and clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from .. import _core
from ..autograd import Tensor, gathered, grad_array, grad_values, has_grad
from ._groups import tensors_of


def grad_norm(parameters: Tensor | Iterable[Any], norm_type: float | str = 2.0) -> float:
    """Return (sum |g|^norm_type)^(1/norm_type) over the gradients of all parameters, as if they were one vector.

    The sum has a fixed order: it is the same for any number of threads. NaN and infinity come out as they are.

    Args:
        parameters: Tensors or (name, Tensor) pairs, or one Tensor; those without a gradient count nothing.
        norm_type: > 0; infinity, or "inf", is the largest |g|.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for another norm_type.

    >>> import numpy as np
    >>> from seqnn import Tensor, optim
    >>> w = Tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = np.float32([3, 4])
    >>> optim.grad_norm([w])
    5.0
    """
    return _norm(tensors_of(parameters), norm_type)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Any], max_norm: float, norm_type: float | str = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients together, in place, so that their norm is at most `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)), as in PyTorch. To save the extra pass over the gradients, give the factor
    to the optimiser instead: `optimizer.step(scale=clip_factor(grad_norm(params), max_norm))`.

    Args:
        parameters, norm_type: as for `grad_norm`.
        max_norm: > 0.
        error_if_nonfinite: refuse a norm that is NaN or infinite; the gradients stay as they are then.

    Returns:
        The norm before.

    Raises:
        FloatingPointError: see above.
        TypeError: for what are no parameters.
        ValueError: for a max_norm or norm_type that is not positive.

    >>> import numpy as np
    >>> from seqnn import Tensor, optim
    >>> w = Tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = np.float32([3, 4])
    >>> optim.clip_grad_norm_([w], 1.0)
    5.0
    >>> w.grad.round(4)
    array([0.6, 0.8], dtype=float32)
    """
    tensors = tensors_of(parameters)
    norm = _norm(tensors, norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise FloatingPointError(f"the norm of the gradients is {norm}")
    factor = clip_factor(norm, max_norm)
    if factor != 1:
        grads = []
        for tensor in tensors:
            if rows := gathered(tensor):
                ids, sums = rows.summed()
                rows.replace(ids, sums * sums.dtype.type(factor))
            elif has_grad(tensor):
                grads.append(grad_array(tensor))
        _each_dtype(_core.gradients_scale, grads, factor)
    return norm


def clip_factor(norm: float, max_norm: float) -> float:
    """Return min(1, max_norm / (norm + 1e-6)), the factor of gradients of this norm; NaN for a NaN.

    Args:
        norm: of all gradients.
        max_norm: > 0, what it may be at most.

    Raises:
        ValueError: for a max_norm that is not positive.

    >>> clip_factor(0.5, 1.0)
    1.0
    """
    if not _number("max_norm", max_norm) > 0:
        raise ValueError(f"max_norm: expected a number > 0, got {max_norm!r}")
    return norm if math.isnan(norm) else min(1.0, max_norm / (norm + 1e-6))


def clip_grad_value_(parameters: Tensor | Iterable[Any], clip_value: float) -> None:
    """Limit every element of every gradient to [-clip_value, clip_value], in place. NaN stays NaN.

    Args:
        parameters: as for `grad_norm`.
        clip_value: >= 0.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for a negative clip_value.

    >>> import numpy as np
    >>> from seqnn import Tensor, optim
    >>> w = Tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = np.float32([3, -0.5])
    >>> optim.clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5], dtype=float32)
    """
    if not _number("clip_value", clip_value) >= 0:
        raise ValueError(f"clip_value: expected a number >= 0, got {clip_value!r}")
    grads = []
    for tensor in tensors_of(parameters):
        if rows := gathered(tensor):
            ids, sums = rows.summed()
            rows.replace(ids, sums.copy())
        if has_grad(tensor):
            grads.append(grad_values(tensor))
    _each_dtype(_core.gradients_clip, grads, clip_value)


def _number(name: str, value: Any) -> float:
    """Return a limit, which may be infinite; refuse what is no number."""
    if not isinstance(value, Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    return float(value)


def _norm(tensors: list[Tensor], norm_type: float | str) -> float:
    norm_type = math.inf if norm_type == "inf" else norm_type
    if isinstance(norm_type, str) or not norm_type > 0:
        raise ValueError(f"norm_type: expected a number > 0, or 'inf', got {norm_type!r}")
    grads = [g for t in tensors if (g := grad_values(t)) is not None]
    norms = _each_dtype(_core.gradients_norm, grads, norm_type)
    if len(norms) == 1:
        return norms[0].item()
    return _core.gradients_norm([n.copy() for n in norms], norm_type).item()


def _each_dtype(kernel: Any, grads: list[np.ndarray], number: float) -> list[Any]:
    """Call a kernel for the gradients of each float type."""
    if all(g.dtype == grads[0].dtype for g in grads):
        return [kernel(grads, number)]
    return [kernel([g for g in grads if g.dtype == dtype], number) for dtype in (np.float32, np.float64)]
