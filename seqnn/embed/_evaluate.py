"""Word vectors against human judgements: analogies and similarity ratings, in gensim's file formats and results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._files import Path, open_text
from ._neighbors import nearest_neighbors, reciprocal

if TYPE_CHECKING:
    from ._keyed_vectors import KeyedVectors

Question = tuple[str, str, str, str]


class Correlation(NamedTuple):
    """A correlation coefficient and the two-sided p-value of its being 0."""

    statistic: float
    pvalue: float


def evaluate_word_analogies(
    wv: KeyedVectors,
    analogies: Path,
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[float, list[dict]]:
    """Accuracy on questions "a is to b as c is to d", and the answers of each section.

    The file has lines "a b c d" under section lines ": name" (Mikolov et al. 2013, questions-words.txt). Only the
    first `restrict_vocab` words take part; a question with another word is left out, or counts as wrong with
    `dummy4unknown`. Each section is a dict of "section", "correct" and "incorrect" (lists of the four words, in upper
    case when `case_insensitive`); the last one is "Total accuracy". All questions are answered in a few products.
    """
    names, row_of = _vocabulary(wv, restrict_vocab, case_insensitive)
    sections: list[dict] = []
    questions: list[tuple[int, Question]] = []  # (section, words)
    for number, line in _lines(analogies, "utf-8"):
        if line.startswith(": "):
            sections.append({"section": line[2:].strip(), "correct": [], "incorrect": []})
        elif not sections:
            raise ValueError(f'{analogies}: line {number}: a section line ": name" must come before the first question')
        elif len(words := (line.upper() if case_insensitive else line).split()) == 4:
            questions.append((len(sections) - 1, tuple(words)))
    if not questions:
        raise ValueError(f"{analogies} holds no questions (lines of four words)")
    known = [all(word in row_of for word in words) for _, words in questions]
    asked = [words for (_, words), k in zip(questions, known, strict=True) if k]
    rows = np.array([[row_of[word] for word in words] for words in asked], np.int64).reshape(-1, 4)
    right = iter(_answer(wv, rows, np.array([row_of[name] for name in names], np.int64)))
    for (section, words), k in zip(questions, known, strict=True):
        if k or dummy4unknown:
            sections[section]["correct" if k and next(right) else "incorrect"].append(words)
    total = {key: [q for s in sections for q in s[key]] for key in ("correct", "incorrect")}
    sections.append({"section": "Total accuracy", **total})
    count = len(total["correct"]) + len(total["incorrect"])
    return len(total["correct"]) / count if count else 0.0, sections


def _answer(wv: KeyedVectors, rows: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Which questions (a, b, c, d as rows) get the right answer: the word nearest to b + c - a that is none of the three.

    `same[i]` is the first row whose word differs from row i's at most in case. As gensim does, the nearest five rows
    other than a, b and c are looked at.
    """
    used, places = np.unique(rows[:, :3], return_inverse=True)
    units = wv.vectors[used] * reciprocal(wv.norms[used])[:, None]
    a, b, c = (units[column] for column in places.reshape(-1, 3).T)
    ids, _ = nearest_neighbors(b + c - a, wv.vectors, 5, norms=wv.norms, end=len(same), exclude=rows[:, :3])
    found = np.where(ids >= 0, same[ids], -1) if ids.size else np.full((len(rows), 1), -1)
    useless = (found[:, :, None] == rows[:, None, :3]).any(2) | (ids < 0 if ids.size else True)
    first = np.where(useless.all(1), np.maximum((found >= 0).sum(1) - 1, 0), useless.argmin(1))
    return found[np.arange(len(rows)), first] == rows[:, 3]


def evaluate_word_pairs(
    wv: KeyedVectors,
    pairs: Path,
    delimiter: str = "\t",
    encoding: str = "utf-8",
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[Correlation, Correlation, float]:
    """Pearson's and Spearman's correlation of cosines with human ratings, and the percentage of unknown pairs.

    The file has lines "word word rating" with `delimiter` between; other lines are passed over. Only the first
    `restrict_vocab` words take part; a pair with another word is left out, or counts as cosine 0 with `dummy4unknown`.
    """
    _, row_of = _vocabulary(wv, restrict_vocab, case_insensitive)
    rows: list[tuple[int, int]] = []
    ratings: list[float] = []
    for _, line in _lines(pairs, encoding):
        fields = line.split(delimiter)
        if line.startswith("#") or len(fields) != 3:
            continue
        try:
            ratings.append(float(fields[2]))
        except ValueError:
            continue
        a, b = (field.upper() if case_insensitive else field for field in fields[:2])
        rows.append((row_of.get(a, -1), row_of.get(b, -1)))
    pair, rating = np.array(rows, np.int64).reshape(-1, 2), np.array(ratings)
    unknown = (pair < 0).any(1)
    kept = np.full(len(pair), True) if dummy4unknown else ~unknown
    if not kept.any():
        raise ValueError(f"{pairs}: no rated pair of known words ({len(pair)} pairs, delimiter {delimiter!r})")
    units = wv.vectors[pair] * reciprocal(wv.norms[pair])[:, :, None]
    cosines = np.where(unknown, 0, np.einsum("ij,ij->i", units[:, 0], units[:, 1], dtype=np.float64))
    return (
        pearson(rating[kept], cosines[kept]),
        pearson(_ranks(rating[kept]), _ranks(cosines[kept])),
        100 * float(unknown.mean()),
    )


def pearson(x: np.ndarray, y: np.ndarray) -> Correlation:
    """Pearson's correlation; its p-value from Student's t. NaN where a side is constant or has fewer than 2 values.

    >>> r = pearson(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    >>> round(r.statistic, 6), round(r.pvalue, 6)
    (0.8, 0.2)
    """
    n = len(x)
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    if n < 2 or not size > 0:
        return Correlation(math.nan, math.nan)
    r = min(max(float(x @ y) / size, -1.0), 1.0)
    return Correlation(r, _incomplete_beta((n - 2) / 2, 0.5, 1 - r * r) if n > 2 else 1.0)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) (continued fraction: Press et al., Numerical Recipes, 6.4)."""
    if not 0 < x < 1:
        return float(x > 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = 1 + term / c, 1 / (1 + term * d)
            result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * result


def _vocabulary(wv: KeyedVectors, restrict_vocab: int | None, upper: bool) -> tuple[list[str], dict[str, int]]:
    """The names of the first words, in upper case if asked, and the first row of each name."""
    names = [str(key).upper() if upper else str(key) for key in wv.index_to_key[:restrict_vocab]]
    return names, {name: i for i, name in zip(reversed(range(len(names))), reversed(names), strict=True)}


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    with open_text(path, encoding=encoding) as file:
        try:
            yield from enumerate(file, 1)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not valid {encoding}: {error.reason}") from None
