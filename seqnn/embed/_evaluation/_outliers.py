"""Outlier detection: the word that does not belong to a group."""

from __future__ import annotations

import os
from pathlib import Path as Folder
from typing import NamedTuple

import numpy as np

from ..._files import Path, name_of
from .._vectors import Labelled
from ._lookup import WordLookup
from ._reading import files_of, items_of, lines, words_of


class OutlierGroup(NamedTuple):
    """Words that belong together, and others that do not.

    Args:
        name: of the group.
        words: those that belong together.
        outliers: those that do not.

    >>> from seqnn.embed import OutlierGroup
    >>> OutlierGroup("pets", ("cat", "dog"), ("car",)).outliers
    ('car',)
    """

    name: str
    words: tuple[str, ...]
    outliers: tuple[str, ...]


def read_outliers(path: Path, encoding: str = "utf-8") -> list[OutlierGroup]:
    """Read groups of words with outliers: the 8-8-8 data set of Camacho-Collados and Navigli, or files like its.

    Args:
        path: a file, or a folder of .txt files: words that belong together, a line each, a blank line, then outliers.
        encoding: of the files.

    Returns:
        The groups, named after the files.

    Raises:
        ValueError: fewer than two words or no outlier in a file.

    >>> import os, tempfile
    >>> from seqnn.embed import read_outliers
    >>> path = os.path.join(tempfile.mkdtemp(), "pets.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("cat\\ndog\\n\\ncar\\n")
    >>> read_outliers(path)
    [OutlierGroup(name='pets', words=('cat', 'dog'), outliers=('car',))]
    """
    groups = []
    for file in files_of(path):
        words: list[str] = []
        outliers: list[str] = []
        part = words
        for _, line in lines(file, encoding, blank=True):
            if line:
                part.append(line)
            elif words:
                part = outliers
        if len(words) < 2 or not outliers:
            raise ValueError(
                f"{name_of(file)}: expected two words or more, a blank line, and at least one outlier, got {len(words)} words "
                f"and {len(outliers)} outliers"
            )
        groups.append(OutlierGroup(Folder(os.fsdecode(file)).stem, tuple(words), tuple(outliers)))
    return groups


class OutlierScore(NamedTuple):
    """The result of `evaluate_outliers`.

    Args:
        accuracy: the share of outliers that are found: less alike the group than each of its words.
        opp: the mean of their places among the words, as a share: 1 where all are found (outlier position percentage).
        used: how many outliers were looked for.
        unknown: how many have no vector.

    >>> from seqnn.embed import OutlierScore
    >>> OutlierScore(0.7, 0.94, 64, 0).opp
    0.94
    """

    accuracy: float
    opp: float
    used: int
    unknown: int


def evaluate_outliers(
    vectors: Labelled, groups: Path | list[OutlierGroup], *, case_insensitive: bool = True
) -> OutlierScore:
    """Look for the word that does not belong: each outlier of a group together with the group's words.

    A word's score is its mean cosine with the others; the word whose score is lowest is the outlier that is found, which is
    the one without which the rest is most compact. A word of several, apart by blanks or "_", that is not there has the mean of
    those that are. Words of a group without a vector are left out.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        groups: what `read_outliers` reads, or returns.
        case_insensitive: whether a word that is not there in its spelling may have other capitals.

    Returns:
        Accuracy and outlier position percentage (as a share).

    Raises:
        ValueError: no group with two known words and a known outlier.

    Source: Camacho-Collados and Navigli, "Find the word that does not belong: a framework for an intrinsic evaluation of word
    vector representations", RepEval 2016.

    >>> import numpy as np
    >>> from seqnn.embed import OutlierGroup, evaluate_outliers
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1]]), ["cat", "dog", "car"]
    >>> evaluate_outliers(vectors, [OutlierGroup("pets", ("cat", "dog"), ("car",))])
    OutlierScore(accuracy=1.0, opp=1.0, used=1, unknown=0)
    """
    read = items_of("groups", OutlierGroup, groups) if isinstance(groups, list) else read_outliers(groups)
    lookup = WordLookup(vectors, case_insensitive)
    places: list[float] = []
    unknown = 0
    for group in read:
        members, here = _phrases(lookup, words_of("groups: words", group.words))
        outliers, there = _phrases(lookup, words_of("groups: outliers", group.outliers))
        members, outliers = members[here], outliers[there]
        unknown += int((~there).sum())
        if len(members) < 2:
            unknown += len(outliers)
            continue
        among = members @ members.T
        for cosines in outliers @ members.T:
            scores = among.sum(1) - among.diagonal() + cosines  # of each word with all others
            places.append(float((scores > cosines.sum()).mean()))
    if not places:
        raise ValueError(f"groups: expected two known words and a known outlier, got {len(read)} groups without them")
    found = np.array(places)
    return OutlierScore(float((found == 1).mean()), float(found.mean()), len(found), unknown)


def _phrases(lookup: WordLookup, words: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit vectors of words and whether each is known; of unknown phrases the means of their words."""
    units, known = lookup.units(words)
    for i in np.flatnonzero(~known).tolist():
        parts, there = lookup.units(words[i].replace("_", " ").split())
        mean = parts[there].sum(0)
        if (length := float(np.linalg.norm(mean))) > 0:
            units[i], known[i] = mean / length, True
    return units, known
