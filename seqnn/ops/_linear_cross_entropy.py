"""Cross-entropy after a linear layer over a large vocabulary, without the logits of all rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _core
from ..autograd import Needs, op
from ._broadcast import as_floats
from ._cross_entropy import check_reduction, check_smoothing, class_numbers
from ._rows import QuantizedWeight
from ._types import Array, Reduction, Result

_CHUNK = 1 << 23  # logits that are computed at a time
_ROWS = 512, 64  # of a chunk, at most and at least


@op
def linear_cross_entropy(
    x: Array,
    linear_weight: Array | QuantizedWeight,
    target: npt.ArrayLike,
    linear_bias: Array | None = None,
    *,
    weight: npt.ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
    needs: Needs,
) -> Result:
    """Compute `cross_entropy(linear(x, linear_weight, linear_bias), target)`, a chunk of rows at a time.

    The logits, [N, V] for N = B T positions and V words, are by far the largest arrays of a language model's step. Here a
    chunk of them is computed, and, where gradients are wanted, differentiated and multiplied at once: what stays are the
    losses and the gradients of x [N, D], linear_weight [V, D] and linear_bias [V]. Rows whose target is `ignore_index`
    (padding) are left out of the products.

    Args:
        x: [..., D], what the last layer gets.
        linear_weight: [V, D]; with tied embeddings the table of the embedding. A `QuantizedWeight` has no gradients.
        target: integers [...].
        linear_bias: [V], or None.
        weight, ignore_index, label_smoothing, reduction: as for `cross_entropy`.

    Returns:
        A number; with reduction="none" an array of the shape of `target`.

    Raises:
        ValueError: for shapes that do not agree, or a target that is neither a row of linear_weight nor ignore_index.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> x, table = np.eye(2)[None], np.array([[1.0, 0.0], [0.0, 3.0], [0.5, 0.5]])
    >>> loss = ops.linear_cross_entropy(x, table, np.array([[0, 1]]))
    >>> bool(np.isclose(loss, ops.cross_entropy((x @ table.T)[0], np.array([0, 1]))))
    True
    """
    check_reduction("linear_cross_entropy", reduction)
    check_smoothing("linear_cross_entropy", label_smoothing)
    table = linear_weight if isinstance(linear_weight, QuantizedWeight) else np.asarray(linear_weight)
    x, target = as_floats(x, table), np.asarray(target)
    _check(x, table, target, linear_bias, weight)
    numbers = class_numbers("linear_cross_entropy", target, len(table), ignore_index).reshape(-1)
    kept = np.flatnonzero(numbers != ignore_index)
    rows = x.reshape(-1, table.shape[1])
    whole = len(kept) == len(numbers)
    if not whole:
        rows, numbers = rows[kept], numbers[kept]
    call = _Call(rows, table, linear_bias, numbers, weight, ignore_index, label_smoothing)
    divisor = 1.0
    if reduction == "mean":
        divisor = float(len(numbers) if weight is None else np.asarray(weight)[numbers].sum(dtype=float))
    wanted = needs.x, needs.linear_weight, needs.linear_bias
    if any(wanted) and isinstance(table, QuantizedWeight):
        raise TypeError("linear_cross_entropy: a quantised weight has no gradient: compute in `with no_grad():`")
    at_once = any(wanted) and reduction != "none"
    share = 1 / divisor if divisor else 0.0
    losses, ready = call.run(wanted if at_once else None, share)
    if reduction == "none":
        out = np.zeros(target.shape, losses.dtype)
        out.reshape(-1)[kept] = losses
    else:
        with np.errstate(invalid="ignore"):
            out = np.asarray(np.divide(losses.sum(dtype=np.float64), divisor), losses.dtype)

    def backward(grad: Array) -> dict[str, Array | None]:
        nonlocal ready
        if ready is None:
            _, found = call.run(wanted, grad.reshape(-1)[kept].astype(rows.dtype) if reduction == "none" else share)
        else:
            found, ready = ready, None
        if reduction != "none" and float(grad) != 1:
            for array in found:
                if array is not None:
                    np.multiply(array, array.dtype.type(grad), out=array)
        dx, dtable, dbias = found
        if dx is not None and not whole:
            full = np.zeros((target.size, dx.shape[1]), dx.dtype)
            full[kept] = dx
            dx = full
        dx = None if dx is None else dx.reshape(x.shape)
        return {"x": dx, "linear_weight": dtable, "linear_bias": dbias}

    return out, backward


class _Call(NamedTuple):
    """The arguments that the chunks of a call share."""

    rows: Array
    table: Array | QuantizedWeight
    bias: Array | None
    numbers: Array
    weight: Array | None
    ignore_index: int
    smoothing: float

    def run(self, wanted: tuple[bool, ...] | None, factor: Array | float) -> tuple[Array, Any]:
        """Compute the loss of each row, and the wanted gradients of the sum of `factor` (of all, or of each row) times it."""
        rows, table = self.rows, self.table
        losses = np.empty(len(rows), rows.dtype)
        many = len(rows) > _ROWS[1] and not isinstance(table, QuantizedWeight)
        packed = _core.linear_pack(table) if many else None
        dx = np.empty_like(rows) if wanted and wanted[0] else None
        dtable = dbias = None
        for part in self._chunks():
            if isinstance(table, QuantizedWeight):
                logits = table.multiply(rows[part], self.bias)
            else:
                logits = _core.linear_forward(rows[part], table, self.bias, None, 0, packed)[0]
            losses[part], dlogits = self._losses(logits, part, bool(wanted), factor)
            if not wanted:
                continue
            del logits
            first = part.start == 0
            found = _core.linear_backward(
                dlogits, rows[part], table, sum_weight=dtable, sum_bias=dbias,
                grad_x=wanted[0], grad_weight=wanted[1] and first, grad_bias=wanted[2] and first,
            )  # fmt: skip
            if dx is not None:
                dx[part] = found.grad_x
            if first:
                dtable, dbias = found.grad_weight, found.grad_bias
            del dlogits, found  # or the next chunk's logits would lie beside them
        if wanted and not len(rows):
            dtable = np.zeros_like(table) if wanted[1] else None
            dbias = np.zeros_like(self.bias) if wanted[2] else None
        return losses, (dx, dtable, dbias) if wanted else None

    def _chunks(self) -> Iterator[slice]:
        count = min(_ROWS[0], max(_ROWS[1], _CHUNK // max(1, len(self.table))))
        return (slice(start, start + count) for start in range(0, len(self.rows), count))

    def _losses(self, logits: Array, part: slice, gradient: bool, factor: Array | float) -> tuple[Array, Array | None]:
        options = {"weight": self.weight, "ignore_index": self.ignore_index, "smoothing": self.smoothing}
        numbers = self.numbers[part]
        if gradient and isinstance(factor, float):
            return _core.cross_entropy_replace(logits, numbers, **options, factor=factor), logits
        loss, lse, *_ = _core.cross_entropy_forward(logits, numbers, **options, mean=False)
        return loss, _core.cross_entropy_backward(logits, numbers, lse, factor[part], **options) if gradient else None


def _check(x: Array, table: Array | QuantizedWeight, target: Array, bias: Any, weight: Any) -> None:
    if table.ndim != 2 or x.ndim < 1 or x.shape[-1] != table.shape[1] or target.shape != x.shape[:-1]:
        raise ValueError(
            "linear_cross_entropy: expected x [..., D], linear_weight [V, D] and a target [...], "
            f"got shapes {x.shape}, {table.shape} and {target.shape}"
        )
    for name, given in (("linear_bias", bias), ("weight", weight)):
        if given is not None and np.shape(given) != table.shape[:1]:
            raise ValueError(f"linear_cross_entropy: {name} must have shape {table.shape[:1]}, got {np.shape(given)}")
