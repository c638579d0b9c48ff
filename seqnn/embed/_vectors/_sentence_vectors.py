"""Vectors of sentences, made of the vectors of their words without training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, Self

import numpy as np

from ..._arguments import integer, number
from ...text import scan
from ._comparing import ComparingRows
from ._subwords import means

_METHODS = ("mean", "sif", "power")

_MOST_POWER = 99
"""Of power means: higher powers are too large for float64."""

_TOKENS = 1 << 16
"""Words whose vectors are put side by side at a time, for power means."""


class SentenceVectors:
    """Vectors of sentences: means of the words' vectors, weighted means without what all sentences share, or power means.

    * "mean": the mean of the vectors of the words.
    * "sif": the mean with the weights a / (a + p(w)), where p is the share of a word in a corpus; then the projections on
      the first principal components of the sentences given to `fit` are taken away.
    * "power": the means of several powers side by side, (sum x^p / n)^(1/p): 1 is the mean, infinity the greatest number
      of each column, -infinity the least.

    Words without a vector are left out; vectors of `FastText` know every word. A sentence without a known word gets zeros.

    Args:
        vectors: the words' vectors.
        method: "mean", "sif" or "power".
        a: the constant of "sif".
        components: how many components "sif" takes away.
        powers: those of "power": odd integers from 1 to 99, inf and -inf.
        frequencies: word -> count, for "sif"; default: the attribute "count" of the vectors, else the counts in the
            sentences given to `fit`. Words without a count have weight 1.
        tokenizer: makes a list of words of a string, where sentences are strings.

    Attributes:
        components_: the components that "sif" takes away, [components, D], after `fit`.

    Source: Arora, Liang, Ma, "A simple but tough-to-beat baseline for sentence embeddings", 2017; Rücklé et al.,
    "Concatenated power mean word embeddings as universal cross-lingual sentence representations", 2018.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import SentenceVectors
    >>> wv = KeyedVectors.from_arrays(["cat", "dog", "car"], np.array([[2.0, 0.0], [0.0, 4.0], [3.0, 3.0]]))
    >>> SentenceVectors(wv).transform([["cat", "dog"], ["car"]]).tolist()
    [[1.0, 2.0], [3.0, 3.0]]
    >>> SentenceVectors(wv, "power", powers=(1, np.inf)).transform([["cat", "dog"]]).tolist()
    [[1.0, 2.0, 2.0, 4.0]]
    """

    def __init__(
        self,
        vectors: ComparingRows,
        method: str = "mean",
        *,
        a: float = 1e-3,
        components: int = 1,
        powers: Iterable[float] = (1, np.inf, -np.inf),
        frequencies: Mapping[str, float] | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
    ) -> None:
        if not isinstance(vectors, ComparingRows):
            raise TypeError(f"vectors: expected KeyedVectors, got {type(vectors).__name__}")
        if method not in _METHODS:
            raise ValueError(f"method: expected one of {', '.join(map(repr, _METHODS))}, got {method!r}")
        self.vectors, self.method, self.tokenizer = vectors, method, tokenizer
        self.a = number("a", a, above=0)
        self.components = integer("components", components, 0, vectors.vector_size)
        self.powers = _checked_powers(powers)
        if frequencies is not None and not isinstance(frequencies, Mapping):
            raise TypeError(f"frequencies: expected counts by words, got {type(frequencies).__name__}")
        self._frequencies: Mapping[str, float] = {}
        if frequencies is not None:
            self._frequencies = {
                word: number(f"frequencies[{word!r}]", n, minimum=0) for word, n in frequencies.items()
            }
        elif "count" in vectors.expandos:
            self._frequencies = dict(zip(vectors.index_to_key, vectors.expandos["count"].tolist(), strict=True))
        self._counts_corpus = frequencies is None and "count" not in vectors.expandos

    def fit(self, sentences: Any) -> Self:
        """Find the components that "sif" takes away; the other methods need none.

        Args:
            sentences: as for `transform`.

        Returns:
            The object itself.
        """
        self.fit_transform(sentences)
        return self

    def fit_transform(self, sentences: Any) -> np.ndarray:
        """Do `fit` and `transform`, with one reading of the sentences.

        Args:
            sentences: as for `transform`.

        Returns:
            float32 [sentences, D], or [sentences, powers * D].
        """
        found = self._means(sentences, fitting=True)
        if self.method != "sif":
            return found
        wide = found.astype(np.float64)
        if not np.isfinite(wide).all():
            raise ValueError("vectors: expected finite numbers for 'sif', got NaN or infinity")
        _, directions = np.linalg.eigh(wide.T @ wide)
        self.components_ = directions.T[::-1][: self.components].astype(np.float32)
        return self._without_components(found)

    def transform(self, sentences: Any) -> np.ndarray:
        """Make the vectors of sentences.

        Args:
            sentences: lists of words; strings with a `tokenizer`; or a path, a string column: see `seqnn.text.scan`.

        Returns:
            float32 [sentences, D], or [sentences, powers * D].

        Raises:
            RuntimeError: "sif" before `fit`.
        """
        if self.method == "sif" and not hasattr(self, "components_"):
            raise RuntimeError(
                "SentenceVectors: call fit(sentences) before transform: 'sif' takes their components away"
            )
        found = self._means(sentences, fitting=False)
        return self._without_components(found) if self.method == "sif" else found

    def _without_components(self, found: np.ndarray) -> np.ndarray:
        return found - (found @ self.components_.T) @ self.components_

    def _means(self, sentences: Any, *, fitting: bool) -> np.ndarray:
        wv = self.vectors
        with scan(sentences, tokenizer=self.tokenizer, keep_empty=True) as scanned:
            if fitting and self._counts_corpus:
                self._frequencies = dict(zip(scanned.words, scanned.counts.tolist(), strict=True))
            known = np.array([word in wv for word in scanned.words], bool)
            words = [word for word, good in zip(scanned.words, known.tolist(), strict=True) if good]
            rows = wv.get_vectors(words).reshape(-1, wv.vector_size).astype(np.float32, copy=False)
            mapping = np.where(known, np.cumsum(known) - 1, -1).astype(np.int32)
            with scanned.encode(mapping, keep_empty=True) as corpus:
                if self.method == "power":
                    return self._power_means(rows, corpus.ids, corpus.offsets)
                if self.method == "sif":
                    rows *= self._weights(words)[:, None]
                return means(rows, corpus.ids, corpus.offsets, np.diff(corpus.offsets))

    def _weights(self, words: list[str]) -> np.ndarray:
        total = sum(self._frequencies.values()) or 1
        shares = np.array([self._frequencies.get(word, 0) for word in words], np.float64) / total
        return (self.a / (self.a + shares)).astype(np.float32)

    def _power_means(self, rows: np.ndarray, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        size = rows.shape[1]
        found = np.zeros((len(offsets) - 1, len(self.powers) * size), np.float32)
        filled = np.flatnonzero(np.diff(offsets))
        starts, lengths = offsets[filled], np.diff(offsets)[filled]
        begin = 0
        while begin < len(filled):
            end = max(begin + 1, int(np.searchsorted(starts, starts[begin] + _TOKENS)))
            part = rows[ids[starts[begin] : starts[end - 1] + lengths[end - 1]]]
            places = starts[begin:end] - starts[begin]
            for k, power in enumerate(self.powers):
                found[filled[begin:end], k * size : (k + 1) * size] = _power_mean(
                    part, places, lengths[begin:end, None], power
                )
            begin = end
        return found


def _power_mean(rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray, power: float) -> np.ndarray:
    """Compute the power mean of each run of rows."""
    if np.isinf(power):
        return (np.maximum if power > 0 else np.minimum).reduceat(rows, starts)
    mean = np.add.reduceat(rows.astype(np.float64) ** power, starts) / lengths
    return np.sign(mean) * np.abs(mean) ** (1 / power)


def _checked_powers(powers: Any) -> tuple[float, ...]:
    """Return the powers as a tuple."""
    given = tuple(powers) if isinstance(powers, Iterable) else (powers,)
    bad = [p for p in given if not (isinstance(p, Real) and (np.isinf(p) or (1 <= p <= _MOST_POWER and p % 2 == 1)))]
    if bad or not given:
        raise ValueError(f"powers: expected odd integers from 1 to {_MOST_POWER}, inf or -inf, got {bad or given!r}")
    return given
