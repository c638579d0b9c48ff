"""BLEU's settings, and the score that they make of statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from .._arguments import flag, integer, number
from ._tokenizers import BLEU
from ._tokens import Tokens, numbered, pack, split

Tokenize = Literal["none", "13a", "intl", "char", "zh"] | Callable[[str], Sequence[str]]
Smoothing = Literal["none", "floor", "add-k", "exp"]
_SMOOTHING: dict[str, float | None] = {"none": None, "floor": 0.1, "add-k": 1.0, "exp": None}
"""Methods with the default of their value."""

_LOG_OF_ZERO = -9999999999.0


@dataclass(frozen=True)
class BLEUOptions:
    """The settings of a BLEU score, checked."""

    tokenize: Tokenize = "13a"
    smooth_method: Smoothing = "exp"
    smooth_value: float | None = None
    lowercase: bool = False
    effective_order: bool = False
    max_ngram_order: int = 4
    name: ClassVar[str] = "BLEU"

    def __post_init__(self) -> None:
        if not callable(self.tokenize) and self.tokenize not in BLEU:
            raise ValueError(f"tokenize: expected one of {', '.join(BLEU)}, or a function, got {self.tokenize!r}")
        if self.smooth_method not in _SMOOTHING:
            raise ValueError(f"smooth_method: expected one of {', '.join(_SMOOTHING)}, got {self.smooth_method!r}")
        if self.smooth_value is not None:
            number("smooth_value", self.smooth_value, minimum=0)
        flag("lowercase", self.lowercase)
        flag("effective_order", self.effective_order)
        integer("max_ngram_order", self.max_ngram_order, 1, 1000)

    def tokens(self, texts: list[str], groups: np.ndarray) -> Tokens:
        """Return the texts as token ids."""
        if callable(self.tokenize):
            return numbered(self.tokenize(text.lower() if self.lowercase else text) for text in texts)
        return split(pack(texts, groups, lowercase=self.lowercase), BLEU[self.tokenize])

    def facts(self) -> dict[str, object]:
        """Return what the signature tells."""
        smooth = self.smooth_method
        if _SMOOTHING[smooth] is not None:
            smooth += f"[{self._value:.2f}]"
        name = getattr(self.tokenize, "__name__", type(self.tokenize).__name__)
        tokenize = name if callable(self.tokenize) else self.tokenize
        case = "lc" if self.lowercase else "mixed"
        return {"case": case, "eff": "yes" if self.effective_order else "no", "tok": tokenize, "smooth": smooth}

    def _counts(self, statistics: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return matching n-grams and all, after "add-k", and which orders come before the first that has none."""
        order = self.max_ngram_order
        correct, total = statistics[..., 2 : 2 + order] + 0.0, statistics[..., 2 + order :] + 0.0
        if self.smooth_method == "add-k":
            correct[..., 1:] += self._value
            total[..., 1:] += self._value
        return correct, total, np.logical_and.accumulate(total > 0, axis=-1)

    @property
    def _value(self) -> float | None:
        return _SMOOTHING[self.smooth_method] if self.smooth_value is None else self.smooth_value

    def precisions(self, statistics: np.ndarray) -> np.ndarray:
        """Return the precisions of each order in per cent, after smoothing: [..., order]."""
        correct, total, present = self._counts(statistics)
        zero = present & (correct == 0)
        if self.smooth_method == "exp":
            correct = np.where(zero, 0.5 ** np.cumsum(zero, -1), correct)
        elif self.smooth_method == "floor":
            correct = np.where(zero, self._value, correct)
        precisions = 100 * correct / np.where(total > 0, total, 1)
        return np.where(present & self._has_match(statistics)[..., None], precisions, 0)

    def _has_match(self, statistics: np.ndarray) -> np.ndarray:
        return statistics[..., 2 : 2 + self.max_ngram_order].any(-1)

    def compute(self, statistics: np.ndarray) -> np.ndarray:
        """Return the scores of statistics [..., 2 + 2 order]."""
        precisions = self.precisions(statistics)
        logs = np.log(precisions, where=precisions > 0, out=np.full(precisions.shape, _LOG_OF_ZERO))
        used: Any = self.max_ngram_order
        if self.effective_order:
            used = np.maximum(self._counts(statistics)[2].sum(-1), 1)
            logs = np.where(np.arange(self.max_ngram_order) < used[..., None], logs, 0)
        scores = brevity_penalty(statistics) * np.exp(logs.sum(-1) / used)
        scores = np.where(
            np.abs(scores - 100) < 1e-9, 100, scores
        )  # the exponential of the logarithm of 100 is above 100
        return np.where(self._has_match(statistics), scores, 0)


def brevity_penalty(statistics: np.ndarray) -> np.ndarray:
    """Return exp(1 - reference length / length) where the hypotheses are shorter, else 1."""
    length, reference = statistics[..., 0], statistics[..., 1]
    ratio = np.divide(reference, length, where=length > 0, out=np.full(np.shape(length), np.inf))
    return np.exp(np.minimum(1 - ratio, 0), where=(length > 0) | (reference > 0), out=np.ones(np.shape(length)))
