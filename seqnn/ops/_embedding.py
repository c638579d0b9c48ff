"""Rows of a table by their ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _core
from .._arguments import number
from ..autograd import Needs, Rows, op
from ._rows import QuantizedWeight
from ._types import Array, Result


@op
def embedding(
    ids: npt.ArrayLike,
    weight: Array | QuantizedWeight,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    *,
    needs: Needs,
) -> Result:
    """Look up rows of a table, weight[ids].

    The gradient of the weight touches the rows in `ids` only: it is added to them in the order of the ids, whatever the
    number of threads.

    Args:
        ids: integers in [0, V), of any shape.
        weight: [V, D], or a `QuantizedWeight`.
        padding_idx: the id of a row that gets no gradient (negative: from the end); None is none.
        max_norm: rows that are looked up and whose norm is larger are first scaled down to it in `weight` itself, as PyTorch
            does; None leaves them.
        norm_type: the p of that norm, > 0.

    Returns:
        [*ids.shape, D].

    Raises:
        TypeError: for ids that are no integers, or a table of integers to scale.
        ValueError: for an id out of range, a norm that is not positive, or a table to scale that is read-only.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> ops.embedding([2, 0], np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    ids = np.asarray(ids)
    if not isinstance(weight, QuantizedWeight):
        weight = np.asarray(weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight has shape {weight.shape}, expected [V, D]")
    size, width = weight.shape
    if padding_idx is None:
        padding = -1
    elif -size <= padding_idx < size:
        padding = padding_idx % size
    else:
        raise ValueError(f"embedding: padding_idx={padding_idx}, expected -V <= padding_idx < V={size}")
    flat = ids.reshape(-1)
    if needs.weight:
        flat = flat.copy()  # the caller may use ids again before the backward pass
    if max_norm is not None:
        if isinstance(weight, QuantizedWeight):
            raise ValueError("embedding: max_norm scales rows of weight in place, and quantised rows stay as they are")
        _core.embedding_forward(weight[:, :0], flat)  # ids are checked before the table changes
        _scale_down(weight, flat, number("embedding: max_norm", max_norm, above=0), norm_type)
    rows = weight.take(flat) if isinstance(weight, QuantizedWeight) else _core.embedding_forward(weight, flat)
    out = rows.reshape(*ids.shape, width)

    def backward(grad: Array) -> dict[str, Rows]:
        return {"weight": Rows(flat, grad.reshape(flat.size, width), (size, width), padding)}

    return out, backward


def _scale_down(weight: np.ndarray, ids: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale rows of a table down to a norm, in place."""
    order = number("embedding: norm_type", norm_type, above=0)
    if not weight.flags.writeable:
        raise ValueError("embedding: max_norm scales rows of weight in place, and weight is read-only")
    if weight.dtype.kind != "f":
        raise TypeError(
            f"embedding: max_norm scales rows of weight in place, expected floats there, got {weight.dtype}"
        )
    rows = np.unique(ids)
    norms = (np.abs(weight[rows]) ** order).sum(axis=1) ** (1 / order)
    large = norms > max_norm
    weight[rows[large]] *= (max_norm / (norms[large, None] + 1e-7)).astype(weight.dtype)
