"""The seed of an estimator, in all forms that scikit-learn's users give it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import random
from ..._arguments import integer
from ..._settings import Setting

__all__ = ["RandomState", "as_seed"]

Given = int | np.random.RandomState | np.random.Generator | None


class RandomState(Setting[Given]):
    """A seed, a generator of NumPy's, or None for a fresh seed in every fit."""

    def __init__(self, default: Given = 0) -> None:
        super().__init__(default, optional=True)

    def _check(self, name: str, value: Any) -> Given:
        if isinstance(value, np.random.RandomState | np.random.Generator):
            return value
        try:
            return integer(name, value, 0)
        except TypeError:
            raise TypeError(
                f"{name}: expected an integer >= 0, None, or a generator of NumPy's, got {value!r:.60}"
            ) from None


def as_seed(state: Given) -> int:
    """Return the seed of one fit; a generator moves on, None draws from `seqnn.random`."""
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31 - 1))
    if isinstance(state, np.random.Generator):
        return int(state.integers(2**31 - 1))
    if state is None:
        seed, stream = random.next_key()
        return int(random.bits(1, seed=seed, stream=stream)[0]) >> 1
    return state
