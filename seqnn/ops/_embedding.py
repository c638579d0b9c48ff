"""Rows of a table by their ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import Rows, op


@op
def embedding(ids: Any, weight: Any, padding_idx: int | None = None) -> tuple[Any, Callable]:
    """weight[ids]: shape [*ids.shape, D] for a `weight` [V, D].

    Parameters: `ids` integers in [0, V), any shape; `padding_idx` the id of a row that gets no gradient (negative: from
    the end; default none). The gradient of the weight touches the rows in `ids` only: it is added to them in the order
    of the ids, whatever the number of threads.
    Raises ValueError for an id out of range, TypeError for ids that are no integers.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> ops.embedding([2, 0], np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    ids, weight = np.asarray(ids), np.asarray(weight)
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
    out = _core.embedding_forward(weight, flat).reshape(*ids.shape, width)

    def backward(grad: np.ndarray) -> tuple[None, Rows]:
        return None, Rows(flat, grad.reshape(flat.size, width), (size, width), padding)

    return out, backward
