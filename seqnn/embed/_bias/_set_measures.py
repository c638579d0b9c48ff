"""Measures of bias between sets of words beyond WEAT, under WEFE's names: RND, RNSB, MAC, ECT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..._arguments import number
from .._vectors import Correlation, Labelled, LabelledVectors, pearson, ranks, unit_rows
from ._log_odds import log_odds

Words = Sequence[str]

DISTANCES = ("norm", "cos")


class SetBias(NamedTuple):
    """The result of `rnd`, `rnsb` and `mac`.

    Args:
        score: the measure.
        by_word: what each word contributes, by rising value.

    >>> from seqnn.embed import SetBias
    >>> SetBias(0.1, {"nurse": 0.1}).score
    0.1
    """

    score: float
    by_word: dict[str, float]


def rnd(
    vectors: Labelled,
    target_1: Words,
    target_2: Words,
    attribute: Words,
    *,
    distance: str = "norm",
    normalize: bool = False,
    missing: str = "raise",
    lost_vocabulary_threshold: float = 0.2,
) -> SetBias:
    """Measure by how much attribute words are farther from one group of words than from another (relative norm distance).

    The mean over attribute words a of |a - m1| - |a - m2|, where m1 and m2 are the means of the groups: 0 without bias, below 0
    where the words are nearer to the first group. With distance="cos" it is the mean of cos(a, m1) - cos(a, m2), whose sign
    is the other way round, as in WEFE.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        target_1, target_2: the groups, such as names of women and of men.
        attribute: the words that are compared with both, such as occupations.
        distance: "norm" or "cos".
        normalize: whether the vectors are scaled to length 1 first.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.
        lost_vocabulary_threshold: the largest share of a set that may be dropped, from 0 to 1; more is a ValueError.

    Returns:
        The mean, and each attribute word's difference.

    Source: Garg, Schiebinger, Jurafsky, Zou, "Word embeddings quantify 100 years of gender and ethnic stereotypes", PNAS
    2018.

    >>> import numpy as np
    >>> from seqnn.embed import rnd
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), ["she", "he", "nurse"]
    >>> round(rnd(vectors, ["she"], ["he"], ["nurse"]).score, 4)
    0.262
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance: expected 'norm' or 'cos', got {distance!r}")
    sets = {"target_1": target_1, "target_2": target_2, "attribute": attribute}
    found = _known(vectors, sets, missing, lost_vocabulary_threshold, normalize)
    (_, one), (_, other), (words, rows) = (found[name] for name in sets)
    means = np.stack([one.mean(0), other.mean(0)])
    unit_words, unit_means = unit_rows(rows.copy()), unit_rows(means.copy())
    norms = np.linalg.norm(rows[:, None] - means, axis=2)
    apart = norms if distance == "norm" else unit_words @ unit_means.T
    differences = apart[:, 0] - apart[:, 1]
    return SetBias(float(differences.mean()), _sorted(words, differences))


def mac(
    vectors: Labelled,
    targets: Mapping[str, Words] | Sequence[Words],
    attributes: Mapping[str, Words] | Sequence[Words],
    *,
    missing: str = "raise",
    lost_vocabulary_threshold: float = 0.2,
) -> SetBias:
    """Measure how far the words of all groups are from all sets of attributes (mean average cosine distance).

    The mean over target words t and sets A of the mean of 1 - cos(t, a), a in A: 1 without bias. It is a distance, as in WEFE and
    the authors' code; the paper's name says similarity.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        targets: one or more groups of words: a list of lists, or names and lists.
        attributes: one or more sets of stereotypes.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.
        lost_vocabulary_threshold: the largest share of a set that may be dropped, from 0 to 1; more is a ValueError.

    Returns:
        The mean, and each target word's own.

    Source: Manzini, Lim, Tsvetkov, Black, "Black is to criminal as Caucasian is to police", NAACL 2019.

    >>> import numpy as np
    >>> from seqnn.embed import mac
    >>> vectors = np.array([[1.0, 0.0], [0.6, 0.8]]), ["she", "nurse"]
    >>> round(mac(vectors, [["she"]], [["nurse"]]).score, 6)
    0.4
    """
    groups, stereotypes = _named("targets", targets), _named("attributes", attributes)
    found = _known(vectors, groups | stereotypes, missing, lost_vocabulary_threshold, True)
    words = [word for name in groups for word in found[name][0]]
    units = np.concatenate([found[name][1] for name in groups])
    scores = np.stack([1 - (units @ found[name][1].T).mean(1) for name in stereotypes], axis=1)
    return SetBias(float(scores.mean()), _sorted(words, scores.mean(1)))


def ect(
    vectors: Labelled,
    target_1: Words,
    target_2: Words,
    attribute: Words,
    *,
    missing: str = "raise",
    lost_vocabulary_threshold: float = 0.2,
) -> Correlation:
    """Measure whether two groups order attribute words alike (embedding coherence test).

    Spearman's correlation of the attribute words' cosines with the mean of the one group and with that of the other: 1 without
    bias.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        target_1, target_2: the groups.
        attribute: the words that are ordered, such as occupations.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.
        lost_vocabulary_threshold: the largest share of a set that may be dropped, from 0 to 1; more is a ValueError.

    Returns:
        The correlation and its p-value.

    Source: Dev and Phillips, "Attenuating bias in word vectors", AISTATS 2019.

    >>> import numpy as np
    >>> from seqnn.embed import ect
    >>> vectors = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 1.0], [0.0, 1.0]]), ["she", "he", "nurse", "chair"]
    >>> round(ect(vectors, ["she"], ["he"], ["nurse", "chair"]).statistic, 6)
    1.0
    """
    sets = {"target_1": target_1, "target_2": target_2, "attribute": attribute}
    found = _known(vectors, sets, missing, lost_vocabulary_threshold, False)
    (_, one), (_, other), (words, rows) = (found[name] for name in sets)
    if len(words) < 2:
        raise ValueError(f"attribute: expected at least two known words to order, got {len(words)}")
    cosines = unit_rows(rows) @ unit_rows(np.stack([one.mean(0), other.mean(0)])).T
    return pearson(ranks(cosines[:, 0]), ranks(cosines[:, 1]))


def rnsb(
    vectors: Labelled,
    targets: Mapping[str, Words] | Sequence[Words],
    attribute_1: Words,
    attribute_2: Words,
    *,
    c: float = 1.0,
    normalize: bool = False,
    missing: str = "raise",
    lost_vocabulary_threshold: float = 0.2,
) -> SetBias:
    """Measure how unequally a classifier of sentiment, trained on words, judges other words (relative negative sentiment bias).

    Logistic regression learns attribute_1 (positive) from attribute_2 (negative) by their vectors. The probabilities of being
    negative of all target words, divided by their sum, are compared with equal ones by the Kullback-Leibler divergence: 0
    without bias. The regression (that of liblinear, which WEFE takes) is trained on all attribute words and has one
    solution, so that there is nothing random.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        targets: one or more groups of words, such as names of nationalities: a list of lists, or names and lists.
        attribute_1: positive words.
        attribute_2: negative words.
        c: the weight of the words against the penalty |w|^2 / 2.
        normalize: whether the vectors are scaled to length 1 first.
        missing: what a word without a vector does: "raise" a KeyError, or "drop" it with a warning.
        lost_vocabulary_threshold: the largest share of a set that may be dropped, from 0 to 1; more is a ValueError.

    Returns:
        The divergence, and each target word's probability of being negative.

    Source: Sweeney and Najafian, "A transparent framework for evaluating unintended demographic bias in word embeddings",
    ACL 2019.

    >>> import numpy as np
    >>> from seqnn.embed import rnsb
    >>> words = ["good", "bad", "french", "german"]
    >>> result = rnsb((np.array([[1.0, 0], [-1, 0], [0, 1], [0, 2]]), words), [["french", "german"]], ["good"], ["bad"])
    >>> round(result.score, 6), {word: round(p, 6) for word, p in result.by_word.items()}
    (0.0, {'french': 0.5, 'german': 0.5})
    """
    c = number("c", c, above=0)
    groups = _named("targets", targets)
    sets = {**groups, "attribute_1": attribute_1, "attribute_2": attribute_2}
    found = _known(vectors, sets, missing, lost_vocabulary_threshold, normalize)
    positive, negative = found["attribute_1"][1], found["attribute_2"][1]
    weights = log_odds(
        np.concatenate([negative, positive]), np.arange(len(positive) + len(negative)) < len(negative), c
    )
    words = [word for name in groups for word in found[name][0]]
    rows = np.concatenate([found[name][1] for name in groups])
    odds = rows @ weights[:-1] + weights[-1]
    chances = np.exp(-np.logaddexp(0, -odds))
    shares = chances / chances.sum()
    return SetBias(float(np.sum(shares * np.log(np.maximum(shares, 1e-300) * len(shares)))), _sorted(words, chances))


def _named(name: str, sets: Mapping[str, Words] | Sequence[Words]) -> dict[str, Words]:
    """Return sets of words by names: those given, or numbered ones."""
    if isinstance(sets, Mapping):
        named = {f"{name}[{key!r}]": words for key, words in sets.items()}
    elif (
        isinstance(sets, str)
        or not isinstance(sets, Iterable)
        or any(isinstance(words, str) or not isinstance(words, Iterable) for words in sets)
    ):
        raise TypeError(f"{name}: expected a list of lists of words, got {sets!r:.60}")
    else:
        named = {f"{name}[{i}]": words for i, words in enumerate(sets)}
    if not named:
        raise ValueError(f"{name}: expected at least one set of words, got none")
    return named


def _known(
    vectors: Labelled, sets: Mapping[str, Words], missing: str, most_lost: float, normalize: bool
) -> dict[str, tuple[list[str], np.ndarray]]:
    """Return the known words of each set, each once, and their vectors, float64."""
    labelled = LabelledVectors(vectors)
    most_lost = number("lost_vocabulary_threshold", most_lost, minimum=0, maximum=1)
    found = {}
    for name, words in sets.items():
        known = labelled.known(words, name, missing, most_lost)
        rows = labelled.rows(known, name)
        if not len(rows):
            raise ValueError(f"{name}: expected at least one word, got none")
        if len(set(rows.tolist())) < len(rows):
            raise ValueError(f"{name}: a word occurs twice")
        matrix = labelled.matrix[rows].astype(np.float64)
        if not np.isfinite(matrix).all():
            raise ValueError(f"vectors: those of {name} hold NaN or infinity")
        found[name] = known, unit_rows(matrix) if normalize else matrix
    return found


def _sorted(words: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """Return the values by words, the smallest first."""
    return dict(sorted(zip(words, values.tolist(), strict=True), key=lambda item: item[1]))
