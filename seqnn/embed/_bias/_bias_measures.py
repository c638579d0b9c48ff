"""Measures of bias, and of what debiasing costs: direct bias, WEAT, similarity and analogy scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, combinations, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..._arguments import integer, number
from ..._files import Path
from .._vectors import KeyedVectors, Labelled, LabelledVectors
from ._bias_direction import gender_pairs, subspace
from ._gender_words import gender_words

_CHUNK = 1 << 14
"""Partitions that are tried at a time."""


def direct_bias(
    vectors: Labelled,
    words: Iterable[str],
    direction: npt.ArrayLike | None = None,
    *,
    c: float = 1.0,
    missing: str = "raise",
) -> float:
    """Measure the mean over neutral words of |cos(word, direction)|^c: 0 without bias, 1 at most.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        words: the neutral words.
        direction: [D]; by default that of gender, from the built-in pairs (`gender_words`).
        c: the strictness, >= 0; 0 counts words that are not exactly orthogonal.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.

    Returns:
        The mean.

    Source: Bolukbasi et al. (2016), section 5.2.

    >>> import numpy as np
    >>> from seqnn.embed import direct_bias
    >>> direct_bias((np.array([[1.0, 0.0], [0.6, 0.8]]), ["nurse", "chair"]), ["nurse", "chair"], [1.0, 0.0])
    0.8
    """
    labelled, c = LabelledVectors(vectors), number("c", c, minimum=0)
    if direction is None:
        direction = subspace(labelled, gender_pairs(labelled), "pca", 1).basis[0]
    direction = np.asarray(direction, np.float64)
    length = np.linalg.norm(direction)
    if direction.shape != (labelled.matrix.shape[1],) or not length > 0:
        raise ValueError(f"direction: expected {labelled.matrix.shape[1]} numbers, not all 0, got {direction.shape}")
    rows = labelled.rows(labelled.known(words, "words", missing), "words")
    if not len(rows):
        raise ValueError("words: expected at least one word, got none")
    cosines = np.abs(labelled.units(rows) @ (direction / length))
    return float(np.mean(np.where(cosines > 0, cosines**c, 0)))


class WEATResult(NamedTuple):
    """The result of `weat`.

    Args:
        effect_size: how far the two sets of targets differ, from -2 to 2 for sets of one size.
        p_value: one-sided.
        statistic: of the test.
        partitions: how many partitions of the targets were looked at.
        exact: whether these were all.

    >>> from seqnn.embed import WEATResult
    >>> WEATResult(1.7, 0.167, 0.9, 6, True).exact
    True
    """

    effect_size: float
    p_value: float
    statistic: float
    partitions: int
    exact: bool


def weat(
    vectors: Labelled,
    target_1: Sequence[str],
    target_2: Sequence[str],
    attribute_1: Sequence[str],
    attribute_2: Sequence[str],
    *,
    permutations: int = 100_000,
    seed: int = 1,
    missing: str = "raise",
    lost_vocabulary_threshold: float = 1.0,
) -> WEATResult:
    """Test whether the words of target_1 are nearer to attribute_1 than those of target_2 are (word embedding association).

    With s(w) = mean cosine to attribute_1 - mean cosine to attribute_2, the effect size is (mean s over target_1 - mean
    s over target_2) / standard deviation of s over both (n - 1 in the denominator), from -2 to 2 for sets of one size.
    The statistic is sum over target_1 - sum over target_2. The p-value is one-sided: the share of the partitions of the
    targets into sets of these sizes whose difference is at least as large; of all partitions if there are at most
    `permutations`, else of random ones ((1 + hits) / (1 + permutations)).

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        target_1, target_2: the words that are compared, such as flowers and insects.
        attribute_1, attribute_2: the words that they are compared by, such as pleasant and unpleasant ones.
        permutations: the most partitions that are looked at.
        seed: of random partitions.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.
        lost_vocabulary_threshold: the largest share of a set that may be dropped, from 0 to 1; more is a ValueError.

    Returns:
        Effect size, p-value, statistic.

    Source: Caliskan, Bryson, Narayanan, "Semantics derived automatically from language corpora contain human-like
    biases", Science 2017.

    >>> import numpy as np
    >>> words = ["rose", "tulip", "ant", "wasp", "good", "bad"]
    >>> vectors = np.array([[3.0, 1], [2, 1], [1, 2], [1, 3], [1, 0], [0, 1]])
    >>> result = weat((vectors, words), ["rose", "tulip"], ["ant", "wasp"], ["good"], ["bad"])
    >>> round(result.effect_size, 2), round(result.p_value, 3), result.exact
    (1.71, 0.167, True)
    """
    labelled, permutations = LabelledVectors(vectors), integer("permutations", permutations, 1)
    given = {"target_1": target_1, "target_2": target_2, "attribute_1": attribute_1, "attribute_2": attribute_2}
    most_lost = number("lost_vocabulary_threshold", lost_vocabulary_threshold, minimum=0, maximum=1)
    sets = {name: labelled.known(words, name, missing, most_lost) for name, words in given.items()}
    units = []
    for name, words in sets.items():
        rows = labelled.rows(words, name)
        if not len(rows):
            raise ValueError(f"{name}: expected at least one word, got none")
        if len(set(rows.tolist())) < len(rows):
            raise ValueError(f"{name}: a word occurs twice")
        units.append(labelled.units(rows))
    if both := set(sets["target_1"]) & set(sets["target_2"]):
        raise ValueError(f"target_1 and target_2 share words: {sorted(both)[:5]}")
    first, second, one, other = units
    s = np.concatenate([first, second]) @ (one.mean(0) - other.mean(0))
    n = len(first)
    spread = s.std(ddof=1)
    difference = s[:n].mean() - s[n:].mean()
    # The sizes are fixed, so the sum over the first set orders partitions as the difference does.
    bound = s[:n].sum() - 1e-12 * np.abs(s).sum()
    total = math.comb(len(s), n)
    if exact := total <= permutations:
        hits = sum(int(np.count_nonzero(s[part].sum(1) >= bound)) for part in _all_subsets(len(s), n))
        p_value = hits / total
    else:
        total, rng = permutations, np.random.Generator(np.random.Philox(seed))
        hits = 0
        for begin in range(0, total, _CHUNK):
            order = np.argsort(rng.random((min(_CHUNK, total - begin), len(s))), axis=1)
            hits += int(np.count_nonzero(s[order[:, :n]].sum(1) >= bound))
        p_value = (1 + hits) / (1 + total)
    effect = float(difference / spread) if spread > 0 else 0.0
    return WEATResult(effect, p_value, float(s[:n].sum() - s[n:].sum()), total, exact)


def _all_subsets(size: int, n: int) -> Iterable[np.ndarray]:
    """Yield all subsets of n of the numbers below `size`, some at a time, as rows."""
    subsets = combinations(range(size), n)
    while len(part := np.fromiter(chain.from_iterable(islice(subsets, _CHUNK)), np.int64)):
        yield part.reshape(-1, n)


class BeforeAfter(NamedTuple):
    """A figure of vectors before and after debiasing.

    Args:
        before: of the vectors as they were.
        after: of the debiased ones.

    >>> from seqnn.embed import BeforeAfter
    >>> BeforeAfter(0.4, 0.1).after
    0.1
    """

    before: float
    after: float


def compare_debiased(
    before: Labelled,
    after: Labelled,
    *,
    direction: npt.ArrayLike | None = None,
    neutral_words: Sequence[str] = (),
    weat_sets: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]] | None = None,
    word_pairs: Path | None = None,
    analogies: Path | None = None,
    seed: int = 1,
    missing: str = "raise",
) -> dict[str, BeforeAfter]:
    """Compare bias and quality before and after debiasing. `seqnn.plot.bias_bars` draws the result.

    Without any of the figures below it is the direct bias for gender of all words but those that have a gender by
    definition, by the built-in lists (`gender_words`).

    Args:
        before, after: `KeyedVectors` or pairs (matrix [V, D], words).
        direction, neutral_words: give "direct bias" of the words along the direction (`direct_bias`).
        weat_sets: name -> the four word lists of `weat`; gives "name: effect size" and "name: p-value".
        word_pairs: file of rated word pairs; gives "similarity", Spearman's correlation (`evaluate_word_pairs`).
        analogies: file of analogy questions; gives "analogies", accuracy (`evaluate_word_analogies`).
        seed: of `weat`.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.

    Returns:
        The figures by name.

    >>> import numpy as np
    >>> from seqnn.embed import HardDebias, compare_debiased
    >>> before = np.array([[2.0, 1, 0], [-2, 1, 0], [1, 1, 1], [0, 1, 2]]), ["she", "he", "nurse", "chair"]
    >>> compare_debiased(before, HardDebias().fit(before).transform(before))["direct bias"].after < 1e-6
    True
    """
    sides = (before, after)
    found: dict[str, BeforeAfter] = {}
    if direction is None and not (len(neutral_words) or weat_sets or word_pairs or analogies):
        direction, neutral_words = _gender(LabelledVectors(before))
    if (direction is None) != (len(neutral_words) == 0):
        raise ValueError("direction and neutral_words: expected both or none")
    if direction is not None:
        found["direct bias"] = BeforeAfter(
            *(direct_bias(side, neutral_words, direction, missing=missing) for side in sides)
        )
    for name, sets in (weat_sets or {}).items():
        if len(sets) != 4:
            raise ValueError(f"weat_sets: expected four word lists for {name!r}, got {len(sets)}")
        results = [weat(side, *sets, seed=seed, missing=missing) for side in sides]
        found[f"{name}: effect size"] = BeforeAfter(*(result.effect_size for result in results))
        found[f"{name}: p-value"] = BeforeAfter(*(result.p_value for result in results))
    if word_pairs is not None:
        found["similarity"] = BeforeAfter(
            *(_keyed(side).evaluate_word_pairs(word_pairs)[1].statistic for side in sides)
        )
    if analogies is not None:
        found["analogies"] = BeforeAfter(*(_keyed(side).evaluate_word_analogies(analogies)[0] for side in sides))
    return found


def _gender(vectors: LabelledVectors) -> tuple[np.ndarray, list[str]]:
    """Return the direction of gender, and the words that should have no part of it, by the built-in lists."""
    try:
        pairs = gender_pairs(vectors)
    except ValueError:
        raise ValueError(
            "nothing to compare: give neutral_words with direction, weat_sets, word_pairs or analogies (the vectors have "
            "none of the built-in pairs for gender)"
        ) from None
    specific = {word for pair in pairs for word in pair}.union(gender_words().specific_words)
    return subspace(vectors, pairs, "pca", 1).basis[0], [w for w in vectors.words if w.lower() not in specific]


def _keyed(vectors: Labelled) -> KeyedVectors:
    if isinstance(vectors, KeyedVectors):
        return vectors
    labelled = LabelledVectors(vectors)
    return KeyedVectors.from_arrays(labelled.words, labelled.matrix)
