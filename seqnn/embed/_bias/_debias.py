"""Word vectors freed of a bias, such as gender: hard and soft debiasing of Bolukbasi et al. (2016)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from ..._settings import Choice, Integer, Number, Settings
from .._vectors import Labelled, LabelledVectors, unit_rows
from ._bias_direction import METHODS, gender_pairs, known_sets, subspace
from ._gender_words import gender_words, spellings
from ._soft_transform import soft_transform

Pairs = Sequence[Sequence[str]]

_ROWS = 1 << 16
"""Rows that are changed at a time: no second copy of a big matrix."""


class _Debias(Settings):
    """Base of both ways of debiasing: the direction, and which words are changed.

    Args:
        method: how the direction is found, "pca" or "mean": see `bias_direction`.
        n_components: dimensions of the bias subspace.
        missing: what a word of your own pairs that has no vector does: "raise" a KeyError, or "drop" its pair with a
            warning.
    """

    method = Choice("pca", METHODS, expected="'pca' or 'mean'")
    n_components = Integer(1, minimum=1)
    missing = Choice("raise", ("raise", "drop"), expected="'raise' or 'drop'")

    _checks_at_once = True

    def __init__(self, *, method: str = "pca", n_components: int = 1, missing: str = "raise") -> None:
        self._store(locals())

    def _fit_direction(self, vectors: LabelledVectors, definitional_pairs: Pairs | None) -> None:
        self._own_pairs = definitional_pairs is not None
        if definitional_pairs is None:
            self.definitional_pairs_ = gender_pairs(vectors)
        else:
            self.definitional_pairs_ = known_sets(vectors, definitional_pairs, "definitional_pairs", self.missing)
        found = subspace(vectors, self.definitional_pairs_, self.method, self.n_components)
        self.subspace_, self.explained_variance_ratio_ = found
        self.direction_ = self.subspace_[0]

    def _specific(self) -> set[str]:
        """Return the words that keep their bias by default."""
        words = {word for pair in self.definitional_pairs_ for word in pair}
        if not self._own_pairs:
            lower = gender_words().specific_words
            words.update(form for word in lower for form in (word, word.capitalize(), word.upper()))
        return words

    def _changed_rows(
        self, vectors: LabelledVectors, target: Iterable[str] | None, ignore: Iterable[str]
    ) -> np.ndarray:
        """Return the rows that are changed: those of `target` (default: all) without those of `ignore`."""
        if isinstance(ignore, str):
            raise TypeError(f"ignore: expected a list of words, got a string: {ignore!r:.60}")
        if target is None:
            chosen = np.ones(len(vectors.words), bool)
        else:
            chosen = np.zeros(len(vectors.words), bool)
            chosen[vectors.rows(target, "target")] = True
        chosen[[vectors.index[word] for word in ignore if word in vectors.index]] = False
        return np.flatnonzero(chosen)

    def _checked(self, vectors: Labelled) -> LabelledVectors:
        """Return the vectors to be transformed, checked."""
        if not hasattr(self, "direction_"):
            raise RuntimeError(f"{type(self).__name__}: call fit before transform")
        labelled = LabelledVectors(vectors)
        size = len(self.direction_)
        if labelled.matrix.shape[1] != size:
            raise ValueError(f"vectors: expected {size} columns as in fit, got {labelled.matrix.shape[1]}")
        return labelled

    def _unit_matrix(self, vectors: LabelledVectors, copy: bool) -> np.ndarray:
        """Return the matrix to be changed, with rows of length 1."""
        if not copy:
            matrix = vectors.writable()
        else:
            floats = vectors.matrix.dtype.kind == "f"
            matrix = np.array(vectors.matrix, vectors.matrix.dtype if floats else np.float32, order="C")
        for first in range(0, len(matrix), _ROWS):
            unit_rows(matrix[first : first + _ROWS])
        return matrix


class HardDebias(_Debias):
    """Hard debiasing: neutral words lose their component along the direction, pairs come to differ by nothing else.

    `fit` learns, `transform` gives new vectors, all of length 1: each neutral word is w - w_B, with w_B its part in the
    subspace B; each equalised set gets nu + sqrt(1 - |nu|^2) (w_B - mu_B) / |w_B - mu_B| with its mean mu and
    nu = mu - mu_B, so that every neutral word is equally far from all its words. Vectors with n-grams keep them: where all
    words are neutralised, the n-grams are, too, and with them the vectors of unknown words.

    Args:
        method: how the direction is found, "pca" or "mean": see `bias_direction`.

    Attributes:
        direction_: [D], of length 1, towards the first word of the pairs.
        subspace_: orthonormal [n_components, D].
        explained_variance_ratio_: the share of the pairs' variance along each axis, all of them.
        definitional_pairs_, equalize_pairs_: the pairs in use.

    Source: Bolukbasi et al., "Man is to computer programmer as woman is to homemaker? Debiasing word embeddings", NIPS
    2016, section 6, step 2a.

    >>> import numpy as np
    >>> words = ["she", "he", "nurse", "chair"]
    >>> vectors = (np.array([[2.0, 1, 0], [-2, 1, 0], [1, 1, 1], [0, 1, 2]]), words)
    >>> debias = HardDebias().fit(vectors, definitional_pairs=[("she", "he")])
    >>> round(float(debias.direction_ @ [1, 0, 0]), 6)
    1.0
    >>> np.abs(debias.transform(vectors)[0]).round(2)
    array([[0.89, 0.45, 0.  ],
           [0.89, 0.45, 0.  ],
           [0.  , 0.71, 0.71],
           [0.  , 0.45, 0.89]])
    """

    def fit(
        self, vectors: Labelled, definitional_pairs: Pairs | None = None, equalize_pairs: Pairs | None = None
    ) -> Self:
        """Learn the direction.

        Of the built-in lists those are used of which the vectors know all words, also in other capitals.

        Args:
            vectors: `KeyedVectors` or a pair (matrix [V, D], words).
            definitional_pairs: pairs (or sets) of words that differ by the bias; default: the built-in ones for gender.
            equalize_pairs: pairs (or sets) that `transform` equalises; default: the definitional ones, or, with these
                left out too, the built-in ones for gender; () for none.

        Returns:
            The object itself.

        Raises:
            KeyError: a word of your own pairs has no vector, unless `missing` is "drop".
        """
        labelled = LabelledVectors(vectors)
        self._fit_direction(labelled, definitional_pairs)
        if equalize_pairs is None:
            both = self._own_pairs
            equalize_pairs = (
                self.definitional_pairs_ if both else spellings(gender_words().equalize_pairs, labelled.index)
            )
        self.equalize_pairs_ = known_sets(labelled, equalize_pairs, "equalize_pairs", self.missing)
        labelled.rows([word for words in self.equalize_pairs_ for word in words], "equalize_pairs")
        return self

    def transform(
        self,
        vectors: Labelled,
        target: Iterable[str] | None = None,
        ignore: Iterable[str] | None = None,
        copy: bool = True,
    ) -> Labelled:
        """Debias vectors. Words of `equalize_pairs_` are equalised whatever `target` and `ignore` say.

        Args:
            vectors: `KeyedVectors` or a pair (matrix [V, D], words).
            target: words that are neutralised; default: all.
            ignore: words that are not, known or not; default: the definitional pairs and, with the built-in pairs, the
                built-in list of words that have a gender by definition.
            copy: False changes the given matrix in place.

        Returns:
            The vectors, in the form in which they are given.
        """
        labelled = self._checked(vectors)
        equal = [labelled.rows(words, "equalize_pairs") for words in self.equalize_pairs_]
        new = [
            self._equalized(labelled.units(rows), words)
            for rows, words in zip(equal, self.equalize_pairs_, strict=True)
        ]
        rows = self._changed_rows(labelled, target, self._specific() if ignore is None else ignore)
        matrix = self._unit_matrix(labelled, copy)
        basis = self.subspace_.astype(matrix.dtype)
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            part = matrix[some]
            part -= (part @ basis.T) @ basis
            unit_rows(part)
            part -= (part @ basis.T) @ basis  # what rounding has left where little else remains
            matrix[some] = part
        for rows, values in zip(equal, new, strict=True):
            matrix[rows] = values
        change = None if target is not None else lambda v: v - (v @ basis.T) @ basis
        return labelled.with_matrix(matrix, change) if copy else labelled.changed(change)

    def _equalized(self, units: np.ndarray, words: tuple[str, ...]) -> np.ndarray:
        mean = units.mean(0)
        inside = units @ self.subspace_.T @ self.subspace_
        inside_mean = inside.mean(0)
        outside = mean - inside_mean
        apart = inside - inside_mean
        lengths = np.linalg.norm(apart, axis=1, keepdims=True)
        if not lengths.min() > 1e-7:
            raise ValueError(f"equalize_pairs: the words {words} do not differ along the direction")
        return outside + np.sqrt(max(0.0, 1 - outside @ outside)) * apart / lengths


class SoftDebias(_Debias):
    """Soft debiasing: one linear map makes neutral words nearly orthogonal to the bias and changes little else.

    With W the vectors of all words, N of the neutral ones (columns, length 1) and B the bias subspace, T minimises
    |(TW)'(TW) - W'W|^2 + lambda |(TN)'(TB)|^2 (Frobenius norms); vectors become Tw, scaled to length 1. The problem is
    convex in X = T'T >= 0 and solved to its global minimum.

    Args:
        strength: >= 0: 0 changes nothing, 1 about halves the inner products of neutral words and bias, a large one acts as
            neutralising; lambda above is strength * V / D, so that a value means the same for any vocabulary.

    Attributes:
        matrix_: T, symmetric [D, D].
        lambda_: lambda.
        direction_, subspace_, explained_variance_ratio_, definitional_pairs_: as for `HardDebias`.

    Source: Bolukbasi et al. (2016), section 6, step 2b.

    >>> import numpy as np
    >>> words = ["she", "he", "nurse", "chair"]
    >>> vectors = (np.array([[2.0, 1, 0], [-2, 1, 0], [1, 1, 1], [0, 1, 2]]), words)
    >>> soft = SoftDebias(strength=1.0).fit(vectors, definitional_pairs=[("she", "he")])
    >>> bool(abs(soft.transform(vectors)[0][2, 0]) < 0.58)
    True
    """

    strength = Number(1.0, minimum=0)

    def __init__(
        self, *, strength: float = 1.0, method: str = "pca", n_components: int = 1, missing: str = "raise"
    ) -> None:
        self._store(locals())

    def fit(
        self, vectors: Labelled, definitional_pairs: Pairs | None = None, neutral_words: Iterable[str] | None = None
    ) -> Self:
        """Learn direction and map.

        Args:
            vectors: `KeyedVectors` or a pair (matrix [V, D], words).
            definitional_pairs: as for `HardDebias.fit`.
            neutral_words: default: all but the definitional pairs and, with the built-in pairs, the built-in list of
                words that have a gender by definition.

        Returns:
            The object itself.
        """
        labelled = LabelledVectors(vectors)
        self._fit_direction(labelled, definitional_pairs)
        rows = self._changed_rows(labelled, neutral_words, () if neutral_words is not None else self._specific())
        if not len(rows):
            raise ValueError("neutral_words: expected at least one word, got none")
        everything, neutral = _moments(labelled, np.arange(len(labelled.words))), _moments(labelled, rows)
        self.lambda_ = self.strength * float(np.trace(everything)) / len(everything)
        self.matrix_ = soft_transform(everything, neutral, self.subspace_, self.lambda_)
        return self

    def transform(
        self,
        vectors: Labelled,
        target: Iterable[str] | None = None,
        ignore: Iterable[str] = (),
        copy: bool = True,
    ) -> Labelled:
        """Map vectors. Cosines between words of which only some are mapped mean little.

        Args:
            vectors: `KeyedVectors` or a pair (matrix [V, D], words).
            target: words that are mapped; default: all.
            ignore: words that are not.
            copy: False changes the given matrix in place.

        Returns:
            The vectors, in the form in which they are given.
        """
        labelled = self._checked(vectors)
        rows = self._changed_rows(labelled, target, ignore)
        matrix = self._unit_matrix(labelled, copy)
        mapping = self.matrix_.astype(matrix.dtype)
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            matrix[some] = unit_rows(matrix[some] @ mapping)
        change = None if target is not None else lambda v: v @ mapping
        return labelled.with_matrix(matrix, change) if copy else labelled.changed(change)


def _moments(vectors: LabelledVectors, rows: np.ndarray) -> np.ndarray:
    """Add up w w' [D, D] over words of length 1."""
    total = np.zeros((vectors.matrix.shape[1],) * 2)
    for first in range(0, len(rows), _ROWS):
        units = vectors.units(rows[first : first + _ROWS])
        total += units.T @ units
    return total
