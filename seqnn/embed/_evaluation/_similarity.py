"""Word similarity: cosines beside what people say."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..._arguments import optional_integer
from ..._files import Path, name_of
from .._vectors import Correlation, Labelled, pearson, ranks
from ._lookup import WordLookup
from ._reading import TAG, is_number, items_of, lines, splitter

_TITLE = re.compile(r"word[ _]?1$", re.IGNORECASE)
"""The first title, in most files that have titles; some of the others are numbers of people."""

_TITLES = 3
"""A line of titles may be among the first lines, this many."""


class RatedPair(NamedTuple):
    """Two words and how alike people find them.

    Args:
        first, second: the words.
        rating: on the scale of the test set.

    >>> from seqnn.embed import RatedPair
    >>> RatedPair("tiger", "cat", 7.35).rating
    7.35
    """

    first: str
    second: str
    rating: float


def read_rated_pairs(path: Path, encoding: str = "utf-8") -> list[RatedPair]:
    """Read pairs of words with ratings: SimLex-999, SimVerb, WordSim-353, MEN, RW, MTurk, RG-65 and files like these.

    The columns are apart by tabs, semicolons, commas or blanks. The first two are the words, the rating is the first number
    after them; what comes later, and between (a part of speech), is passed over, as are lines that begin with "#" and one line
    of titles. MEN's "sun-n" becomes "sun" where all words end so.

    Args:
        path: the file, plain or packed.
        encoding: of the file.

    Returns:
        The pairs, in their order.

    Raises:
        ValueError: a line of another form.

    >>> import os, tempfile
    >>> from seqnn.embed import read_rated_pairs
    >>> path = os.path.join(tempfile.mkdtemp(), "SimLex-999.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("word1\\tword2\\tPOS\\tSimLex999\\told\\n" "old\\tnew\\tA\\t1.58\\t2.72\\n")
    >>> read_rated_pairs(path)
    [RatedPair(first='old', second='new', rating=1.58)]
    """
    pairs: list[RatedPair] = []
    split, column = None, -1
    for number, line in lines(path, encoding):
        if line.startswith("#"):
            continue
        split = split or splitter(line)
        fields = split(line)
        if not pairs and _TITLE.match(fields[0]):
            continue
        if column < 0:
            column = next((i for i, field in enumerate(fields) if i > 1 and is_number(field)), -1)
            if column < 0 and not pairs and number <= _TITLES:
                continue
        if not (1 < column < len(fields) and is_number(fields[column]) and fields[0] and fields[1]):
            raise ValueError(f'{name_of(path)}: line {number}: expected "word word rating", got {line[:60]!r}')
        pairs.append(RatedPair(fields[0], fields[1], float(fields[column])))
    if not pairs:
        raise ValueError(f'{name_of(path)}: no pairs (lines "word word rating")')
    if all(TAG.search(word) for pair in pairs for word in pair[:2]):
        return [RatedPair(a[:-2], b[:-2], rating) for a, b, rating in pairs]
    return pairs


class Similarity(NamedTuple):
    """The result of `evaluate_similarity`.

    Args:
        spearman: the correlation of the ranks, with its p-value.
        pearson: that of the values.
        used: how many pairs it is of.
        unknown: how many pairs hold a word without a vector.

    >>> from seqnn.embed import Similarity
    >>> Similarity((0.4, 0.01), (0.4, 0.01), 353, 0).used
    353
    """

    spearman: Correlation
    pearson: Correlation
    used: int
    unknown: int


def evaluate_similarity(
    vectors: Labelled,
    pairs: Path | list[RatedPair],
    *,
    case_insensitive: bool = True,
    restrict_vocab: int | None = None,
) -> Similarity:
    """Correlate cosines with human ratings of pairs of words. Pairs with unknown words are counted and left out.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        pairs: what `read_rated_pairs` reads, or returns.
        case_insensitive: whether a word that is not there in its spelling may have other capitals.
        restrict_vocab: only the first words take part, this many; default all.

    Returns:
        The correlations.

    Raises:
        ValueError: no pair of known words.

    >>> import numpy as np
    >>> from seqnn.embed import RatedPair, evaluate_similarity
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1]]), ["king", "queen", "man"]
    >>> pairs = [RatedPair("king", "queen", 9), RatedPair("Queen", "man", 4), RatedPair("man", "king", 2)]
    >>> round(evaluate_similarity(vectors, pairs).spearman.statistic, 6)
    1.0
    """
    rated = items_of("pairs", RatedPair, pairs) if isinstance(pairs, list) else read_rated_pairs(pairs)
    bad = next((pair for pair in rated if not is_number(str(pair.rating))), None)
    if bad is not None:
        raise ValueError(f"pairs: expected finite numbers as ratings, got {bad!r:.80}")
    lookup = WordLookup(vectors, case_insensitive, optional_integer("restrict_vocab", restrict_vocab, 0))
    (first, here), (second, there) = (lookup.units([pair[side] for pair in rated]) for side in (0, 1))
    known = here & there
    if not known.any():
        raise ValueError(f"pairs: expected at least one pair of known words, got {len(rated)} pairs without one")
    cosines = np.einsum("ij,ij->i", first, second)[known]
    ratings = np.array([pair.rating for pair in rated], np.float64)[known]
    return Similarity(
        pearson(ranks(ratings), ranks(cosines)), pearson(ratings, cosines), int(known.sum()), int((~known).sum())
    )
