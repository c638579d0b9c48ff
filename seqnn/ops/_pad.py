"""Arrays made longer at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..autograd import op
from ._indexing import getitem
from ._types import Array, Result

Mode = Literal["constant", "reflect", "replicate", "circular"]
_MODES = ("constant", "reflect", "replicate", "circular")


def pad(x: Array, pad: Sequence[int] | Sequence[tuple[int, int]], mode: Mode = "constant", value: float = 0.0) -> Array:
    """Make x longer at the ends of its axes.

    Args:
        x: an array.
        pad: as `torch.nn.functional.pad`, how many elements come before and after the last axis, before and after the one
            before it, and so on; or, as `numpy.pad`, a pair (before, after) for each axis, the first one first.
        mode: "constant" puts `value` there; "reflect" goes back from the end, without the end itself; "replicate" repeats
            the end; "circular" goes on from the other end.
        value: see above.

    Returns:
        A larger array.

    Raises:
        ValueError: for numbers that do not fit, or another mode.

    >>> from seqnn import Tensor, ops
    >>> ops.pad(Tensor([[1.0, 2.0]]), (1, 2))
    Tensor([[0., 1., 2., 0., 0.]], dtype=float32)
    >>> ops.pad(Tensor([1.0, 2.0, 3.0]), [(2, 0)], mode="reflect")
    Tensor([3., 2., 1., 2., 3.], dtype=float32)
    """
    shape = np.shape(x)
    if mode not in _MODES:
        raise ValueError(f"pad: mode is one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    pairs = _pairs(pad, shape)
    if mode == "constant":
        return _pad(x, pairs=pairs, value=value)
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            x = getitem(x, (slice(None),) * axis + (_places(shape[axis], before, after, mode),))
    return x


@op
def _pad(x: Array, *, pairs: list[tuple[int, int]], value: float) -> Result:
    x = np.asarray(x)
    inside = tuple([slice(before, before + n) for (before, _), n in zip(pairs, x.shape, strict=True)])
    return np.pad(x, pairs, constant_values=value) if pairs else x.copy(), lambda grad: grad[inside]


def _pairs(pad: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (before, after) for each axis, the first one first."""
    flat = np.asarray(pad)
    good = flat.size == 0 or flat.dtype.kind in "iu"
    if good and flat.ndim == 1 and flat.size % 2 == 0 and flat.size <= 2 * len(shape):
        given = flat.reshape(-1, 2)[::-1]
        flat = np.concatenate([np.zeros((len(shape) - len(given), 2), np.int64), given.astype(np.int64)])
    if not good or flat.shape != (len(shape), 2) or (flat < 0).any():
        raise ValueError(
            f"pad: expected two numbers >= 0 for some of the last axes, or a pair for each axis of x with shape {shape}, "
            f"got {pad!r}"
        )
    return [(int(before), int(after)) for before, after in flat]


def _places(size: int, before: int, after: int, mode: str) -> Array:
    """Find the element that stands at each place of the longer axis."""
    most = {"reflect": size - 1, "circular": size}.get(mode)
    if size == 0 or (most is not None and max(before, after) > most):
        raise ValueError(f"pad: {mode} of an axis of {size} elements has no {max(before, after)} more")
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    if mode == "circular":
        return places % size
    places = np.abs(places)
    return np.where(places < size, places, 2 * (size - 1) - places)
