"""The direction of a bias: what the words of definitional pairs differ by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._vectors import Labelled, LabelledVectors
from ._gender_words import gender_words, spellings

METHODS = ("pca", "mean")


class BiasSubspace(NamedTuple):
    """An orthonormal `basis` [k, D], and the share of the pairs' variance along each of the axes (all of them)."""

    basis: np.ndarray
    explained_variance_ratio: np.ndarray


def bias_direction(
    vectors: Labelled, pairs: Sequence[Sequence[str]], *, method: str = "pca", missing: str = "raise"
) -> np.ndarray:
    """Find the direction along which the words of each pair differ; it points to the first ones.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words); they are taken with length 1.
        pairs: such as [("she", "he"), ("woman", "man")]; with "pca" also sets of more than two words.
        method: "pca", the first principal component of the words minus their pair's centre (Bolukbasi et al., "Man is to
            computer programmer as woman is to homemaker?", NIPS 2016), or "mean", the mean of the differences
            first - second.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" its pair with a warning.

    Returns:
        The direction [D], float64, of length 1.

    Raises:
        ValueError: the words of the pairs do not differ.

    >>> import numpy as np
    >>> words = ["she", "he", "cat"]
    >>> bias_direction((np.array([[3.0, 4.0], [-3.0, 4.0], [0.0, 1.0]]), words), [("she", "he")]).round(3)
    array([1., 0.])
    """
    labelled = LabelledVectors(vectors)
    return subspace(labelled, known_sets(labelled, pairs, "pairs", missing), method, 1).basis[0]


def gender_pairs(vectors: LabelledVectors) -> list[tuple[str, ...]]:
    """Return the built-in definitional pairs whose words are known; a ValueError where there are none."""
    known = spellings(gender_words().definitional_pairs, vectors.index)
    if not known:
        raise ValueError("definitional_pairs: the vectors have none of the built-in pairs for gender; give your own")
    return known


def subspace(vectors: LabelledVectors, pairs: Sequence[Sequence[str]], method: str, components: int) -> BiasSubspace:
    """Find the first `components` directions, orthonormal."""
    sets = checked_sets(pairs, "definitional_pairs")
    if not sets:
        raise ValueError("definitional_pairs: expected at least one pair, got none")
    if method not in METHODS:
        raise ValueError(f"method: expected 'pca' or 'mean', got {method!r}")
    rows = vectors.rows([word for words in sets for word in words], "definitional_pairs")
    units = np.split(vectors.units(rows), np.cumsum([len(words) for words in sets])[:-1])
    if not all(np.isfinite(part).all() for part in units):
        raise ValueError("definitional_pairs: some of their vectors are not finite")
    if method == "mean":
        if components != 1 or any(len(words) != 2 for words in sets):
            raise ValueError("method='mean': expected pairs of two words and n_components=1")
        differences = np.stack([a - b for a, b in units])
        mean = differences.mean(0)
        length = np.linalg.norm(mean)
        if not length > 1e-6:
            raise _collapsed(sets)
        shares = np.sum((differences @ (mean / length)) ** 2) / np.sum(differences**2)
        return BiasSubspace((mean / length)[None], np.array([shares]))
    centred = np.concatenate([part - part.mean(0) for part in units])
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    rank = int(np.count_nonzero(sizes > 1e-6))
    if rank == 0:
        raise _collapsed(sets)
    if not 1 <= components <= rank:
        raise ValueError(f"n_components: expected 1 to {rank} (the pairs span no more), got {components!r}")
    towards_first = sum((part[0] - part[-1]) @ axes[:components].T for part in units)
    basis = axes[:components] * np.where(towards_first < 0, -1.0, 1.0)[:, None]
    return BiasSubspace(basis, sizes**2 / np.sum(sizes**2))


def checked_sets(pairs: Sequence[Sequence[str]], name: str) -> list[tuple[str, ...]]:
    """Return the pairs (or larger sets) of different words as tuples."""
    sets = []
    for words in pairs:
        if isinstance(words, str) or len(words) < 2 or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{name}: expected pairs of words such as ('she', 'he'), got {words!r:.80}")
        if len(set(words)) < len(words):
            raise ValueError(f"{name}: expected different words, got {tuple(words)!r:.80}")
        sets.append(tuple(words))
    return sets


def known_sets(
    vectors: LabelledVectors, pairs: Sequence[Sequence[str]], name: str, missing: str
) -> list[tuple[str, ...]]:
    """Return the pairs (or larger sets); with missing="drop" those of known words."""
    sets = checked_sets(pairs, name)
    known = set(vectors.known(dict.fromkeys(word for words in sets for word in words), name, missing))
    return sets if missing == "raise" else [words for words in sets if known.issuperset(words)]


def _collapsed(sets: list[tuple[str, ...]]) -> ValueError:
    names = ", ".join("/".join(words) for words in sets[:5])
    return ValueError(f"definitional_pairs: the differences collapse to a zero direction ({names})")
