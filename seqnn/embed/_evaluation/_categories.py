"""Categorisation: clusters of word vectors beside the categories that people give."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path as Folder
from typing import NamedTuple

import numpy as np

from ..._arguments import integer
from ..._files import Path, name_of
from .._vectors import Labelled
from ._lookup import WordLookup
from ._reading import TAG, files_of, lines, splitter

_STEPS = 300
"""Of k-means, at most."""


def read_categories(path: Path, encoding: str = "utf-8") -> dict[str, str]:
    """Read words and their categories: BLESS, AP, Battig, ESSLLI.

    Args:
        path: a file of lines "word category", apart by a tab, a comma or blanks, of which further columns are passed over, as
            BLESS has them ("alligator-n" becomes "alligator"); or a folder with a .txt file of words for each category.
        encoding: of the files.

    Returns:
        The category of each word, in their order.

    Raises:
        ValueError: a line of another form, or a word with two categories.

    >>> import os, tempfile
    >>> from seqnn.embed import read_categories
    >>> path = os.path.join(tempfile.mkdtemp(), "BLESS.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("alligator-n\\treptile\\tattri\\tgreen-j\\napple-n\\tfruit\\tattri\\tgreen-j\\n")
    >>> read_categories(path)
    {'alligator': 'reptile', 'apple': 'fruit'}
    """
    found: dict[str, str] = {}
    folder = os.path.isdir(path)
    for file in files_of(path):
        split: Callable[[str], list[str]] | None = None
        for number, line in lines(file, encoding):
            if line.startswith("#"):
                continue
            split = split or splitter(line)
            fields = [line, Folder(os.fsdecode(file)).stem] if folder else split(line)
            if len(fields) < 2 or not (fields[0] and fields[1]):
                raise ValueError(f'{name_of(file)}: line {number}: expected "word category", got {line[:60]!r}')
            word, category = fields[:2]
            if found.setdefault(word, category) != category:
                raise ValueError(f"{name_of(file)}: line {number}: {word!r} has the category {found[word]!r} already")
    if not found:
        raise ValueError(f'{name_of(path)}: no words (lines "word category")')
    if all(TAG.search(word) for word in found):
        return {word[:-2]: category for word, category in found.items()}
    return found


class Categorization(NamedTuple):
    """The result of `evaluate_categorization`.

    Args:
        purity: the share of words that are in a cluster where their category is the most frequent one.
        clusters: the number of each word's cluster.
        unknown: how many words have no vector.

    >>> from seqnn.embed import Categorization
    >>> Categorization(0.5, {"cat": 0, "car": 0}, 0).purity
    0.5
    """

    purity: float
    clusters: dict[str, int]
    unknown: int


def evaluate_categorization(
    vectors: Labelled,
    categories: Path | dict[str, str],
    *,
    n_init: int = 10,
    seed: int = 1,
    case_insensitive: bool = True,
) -> Categorization:
    """Cluster words by their vectors, and compare the clusters with categories by purity.

    There are as many clusters as categories; they are found by k-means on vectors of length 1 (k-means++ from `n_init` starts, of
    which the one with the smallest sum of squares counts). Purity = sum over clusters of the words of its most frequent category
    / all words.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        categories: what `read_categories` reads, or returns: a category for each word.
        n_init: starts of k-means.
        seed: of the starts.
        case_insensitive: whether a word that is not there in its spelling may have other capitals.

    Returns:
        Purity and clusters.

    Raises:
        ValueError: fewer than two categories of known words.

    Source: Baroni, Dinu, Kruszewski, "Don't count, predict!", ACL 2014; k-means++: Arthur and Vassilvitskii, SODA 2007.

    >>> import numpy as np
    >>> from seqnn.embed import evaluate_categorization
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1], [0.2, 1]]), ["cat", "dog", "car", "tram"]
    >>> evaluate_categorization(vectors, {"cat": "animal", "dog": "animal", "car": "vehicle", "tram": "vehicle"}).purity
    1.0
    """
    n_init, seed = integer("n_init", n_init, 1), integer("seed", seed, 0)
    given = categories if isinstance(categories, dict) else read_categories(categories)
    units, known = WordLookup(vectors, case_insensitive).units(list(given))
    words = [word for word, here in zip(given, known.tolist(), strict=True) if here]
    names, truth = np.unique([given[word] for word in words], return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"categories: expected at least two of known words, got {len(names)} of {len(words)} known words"
        )
    rng = np.random.default_rng(seed)
    runs = [_k_means(units[known], len(names), rng) for _ in range(n_init)]
    clusters = min(runs, key=lambda run: run[1])[0]
    table = np.zeros((len(names), len(names)), np.int64)
    np.add.at(table, (clusters, truth), 1)
    purity = float(table.max(1).sum() / len(words))
    return Categorization(purity, dict(zip(words, clusters.tolist(), strict=True)), int((~known).sum()))


def _k_means(points: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return the cluster of each point, and the sum of the squared distances from the centres."""
    centres = _spread(points, count, rng)
    clusters = np.full(len(points), -1)
    for _ in range(_STEPS):
        distances = _squares(points, centres)
        nearest = distances.argmin(1)
        for empty in np.setdiff1d(np.arange(count), nearest):
            far = int(distances[np.arange(len(points)), nearest].argmax())
            nearest[far], distances[far] = empty, 0  # a cluster without points takes the one that is farthest
        if np.array_equal(nearest, clusters):
            break
        clusters = nearest
        centres = np.stack([points[clusters == k].mean(0) for k in range(count)])
    return clusters, float(((points - centres[clusters]) ** 2).sum())


def _spread(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw centres from the points, each with a chance that grows with the square of its distance from those before."""
    chosen = [int(rng.integers(len(points)))]
    while len(chosen) < count:
        nearest = _squares(points, points[chosen]).min(1)
        total = nearest.sum()
        chosen.append(int(rng.choice(len(points), p=nearest / total) if total > 0 else rng.integers(len(points))))
    return points[chosen]


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Compute the squared distances [N, K]."""
    distances = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    return np.maximum(distances, 0)
