"""Dropout whose mask is a function of a key and the position, so that it is never stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core, random
from ..autograd import also, op
from ._types import Array, Result


@op
@also(inplace="leave it out, nothing is computed in place")
def dropout(x: Array, p: float = 0.5, *, training: bool = True, seed: int | None = None) -> Result:
    """Drop elements: x * 0 with probability p, else x / (1 - p).

    Every element decides by 32 bits of Philox at (seed, stream, position): the same for any number of threads. The
    backward pass computes the mask again. A NaN stays NaN, dropped or not.

    Args:
        x: numbers, of any shape.
        p: the probability that an element is dropped.
        training: False returns x itself, as p = 0 does.
        seed: makes the draw a function of it; None draws a fresh key from the process-wide generator
            (`seqnn.random.seed`, `get_state`, `set_state`).

    Returns:
        An array of the shape of `x`.

    Raises:
        ValueError: unless 0 <= p <= 1.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> y = ops.dropout(np.ones(1000, np.float32), 0.2, seed=1)
    >>> sorted(set(y.tolist())), bool(0.15 < (y == 0).mean() < 0.25)
    ([0.0, 1.25], True)
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p={p}, expected a probability, 0 <= p <= 1")
    if not training or p == 0:
        return x, lambda grad: grad
    key = random.next_key() if seed is None else (seed, 0)

    def apply(x: Any) -> Array:
        out = _core.dropout_apply(np.reshape(x, -1), p, *key)
        return out if np.ndim(x) == 1 else out.reshape(np.shape(x))  # a view would be copied where it is kept

    return apply(x), apply
