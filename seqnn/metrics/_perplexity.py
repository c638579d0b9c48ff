"""Perplexity of log-probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._arguments import number


def perplexity(log_probabilities: Any, *, count: float | None = None, base: float = math.e) -> float:
    """Return the perplexity of a text, base ** -(sum of log-probabilities / count).

    Args:
        log_probabilities: the logarithm of each token's probability, float of any shape, or a list of such arrays;
            -inf is a probability of 0.
        count: what the mean is taken over (default: the number of log-probabilities). With the text's number of words this
            is the perplexity per word, also of a model of characters or sub-words; with its number of characters that per
            character. Only perplexities per the same unit can be compared.
        base: the base of the logarithms (default e; 10 for KenLM's and ARPA's, 2 for bits).

    Returns:
        The perplexity, from 1 on; infinity where a probability is 0.

    Raises:
        TypeError: what is no number.
        ValueError: no log-probability, a NaN, one above 0, a count that is not above 0, a base that is not above 1.

    >>> from seqnn.metrics import perplexity
    >>> import numpy as np
    >>> round(perplexity(np.log([0.5, 0.25, 0.125])), 6)
    4.0
    >>> perplexity([-1.0, -2.0], base=10)
    31.6...
    """
    bits = bits_per_token(log_probabilities, count=count, base=base)
    return 2**bits if bits < 1024 else math.inf


def bits_per_token(log_probabilities: Any, *, count: float | None = None, base: float = math.e) -> float:
    """Return the bits that a model needs for each token (or other unit) of a text, the log2 of its perplexity.

    Args:
        log_probabilities: the logarithm of each token's probability, as in `perplexity`.
        count: what the mean is taken over (default: the number of log-probabilities); the number of characters gives bits
            per character.
        base: the base of the logarithms (default e).

    Returns:
        The bits, from 0 on; infinity where a probability is 0.

    Raises:
        TypeError: what is no number.
        ValueError: no log-probability, a NaN, one above 0, a count that is not above 0, a base that is not above 1.

    >>> from seqnn.metrics import bits_per_token
    >>> import numpy as np
    >>> bits_per_token(np.log2([0.5, 0.25]), base=2)
    1.5
    >>> bits_per_token(np.log2([0.5, 0.25]), count=6, base=2)
    0.5
    """
    values = _values(log_probabilities)
    base = number("base", base, above=1)
    count = len(values) if count is None else number("count", count, above=0)
    return float(max(0.0, -values.sum() / count * math.log2(base)))


def _values(log_probabilities: Any) -> np.ndarray:
    """Return the log-probabilities flat, as float64."""
    listed = isinstance(log_probabilities, list | tuple) and any(np.ndim(part) for part in log_probabilities)
    parts = [np.asarray(part) for part in (log_probabilities if listed else [log_probabilities])]
    for part in parts:
        if part.dtype.kind not in "iuf":
            raise TypeError(f"log_probabilities: expected numbers, got {part.dtype}")
    values = np.concatenate([part.ravel() for part in parts]).astype(np.float64) if parts else np.zeros(0)
    if not len(values):
        raise ValueError("log_probabilities: expected at least one, got none")
    wrong = np.flatnonzero(~(values <= 0))
    # A model's largest log-probability may be above 0 by rounding.
    if len(wrong) and not (values[wrong] < 1e-6).all():
        place = int(wrong[~(values[wrong] < 1e-6)][0])
        raise ValueError(
            f"log_probabilities: expected logarithms of probabilities, at most 0, got {values[place]} at {place}"
        )
    return values
