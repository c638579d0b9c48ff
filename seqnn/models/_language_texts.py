"""Texts as a language model takes them: strings, token lists or integers, one or several, and their ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import Estimator
from ._sequences import Sequences, as_sequences
from ._stream_tokens import StreamIds, StreamTokens

__all__ = ["ReadsTexts"]


class ReadsTexts(Estimator):
    """An estimator with a network that reads texts, and `_input`, which makes ids of these."""

    model_: Any
    _input: StreamTokens | StreamIds

    def _texts(self, X: Any, name: str, *, empty: bool = False) -> tuple[Sequences, bool]:  # noqa: N803
        """Return texts, checked, and whether one was given that is no list."""
        single = is_one(X)
        found = as_sequences([X] if single else X, name, self._used.tokenizer, empty=empty)
        if not found.tokens and not (found.whole and found.flat):
            raise TypeError(f"{name}: expected texts, token lists or sequences of integers, got other numbers")
        return found, single

    def _encoded(self, X: Any, name: str) -> list[np.ndarray]:  # noqa: N803
        """Return the ids of each text, with its marks, at least two."""
        return self._marked(self._texts(X, name)[0], name)

    def _marked(self, texts: Sequences, name: str) -> list[np.ndarray]:
        rows = [self._input.marked(row) for row in self._input.encode(texts, name)]
        if short := [i for i, row in enumerate(rows) if len(row) < 2]:
            raise ValueError(
                f"{name}[{short[0]}]: expected at least two tokens, as the first one of a text without marks is not "
                "predicted, got one; a list of texts has marks"
            )
        return rows


def is_one(X: Any) -> bool:  # noqa: N803
    """Tell whether this is one text, and no list of texts."""
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and X.dtype.kind in "iu"
    if isinstance(X, list | tuple):
        return len(X) > 0 and all(isinstance(token, int | np.integer) and not isinstance(token, bool) for token in X)
    return isinstance(X, str)
