"""Word vectors compared with human judgements: analogies and similarity ratings, in gensim's file formats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..._files import Path, open_text, unpacking
from ._answers import answers, vocabulary
from ._keyed_rows import KeyedRows
from ._neighbors import reciprocal

Question = tuple[str, str, str, str]


class Correlation(NamedTuple):
    """A correlation coefficient and the two-sided p-value of its being 0."""

    statistic: float
    pvalue: float


def evaluate_word_analogies(
    self: KeyedRows,
    analogies: Path,
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    similarity_function: str = "most_similar",
) -> tuple[float, list[dict]]:
    """Measure the accuracy on questions "a is to b as c is to d". All questions are answered in a few products.

    Args:
        analogies: a file of lines "a b c d" under section lines ": name", such as Mikolov's questions-words.txt (2013).
        restrict_vocab: only the first words take part, this many; None: all.
        case_insensitive: whether capitals do not matter.
        dummy4unknown: whether a question with a word that takes no part counts as wrong; by default it is left out.
        similarity_function: the method that answers: "most_similar" (3CosAdd) or "most_similar_cosmul" (3CosMul).

    Returns:
        The accuracy, and a dict of each section: "section", "correct" and "incorrect" (lists of the four words, in upper
        case when `case_insensitive`); the last one is "Total accuracy".

    >>> import os, tempfile
    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> path = os.path.join(tempfile.mkdtemp(), "questions.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write(": family\\nking queen man woman\\n")
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1], [0.1, 1.1]])
    >>> KeyedVectors.from_arrays(["king", "queen", "man", "woman"], vectors).evaluate_word_analogies(path)[0]
    1.0
    """
    if similarity_function not in ("most_similar", "most_similar_cosmul"):
        raise ValueError(
            f"similarity_function: expected 'most_similar' or 'most_similar_cosmul', got {similarity_function!r}"
        )
    names, row_of = vocabulary(self, restrict_vocab, case_insensitive)
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
    found = answers(self, rows[:, :3], names, row_of, similarity_function == "most_similar_cosmul")
    right = iter(found == rows[:, 3])
    for (section, words), k in zip(questions, known, strict=True):
        if k or dummy4unknown:
            sections[section]["correct" if k and next(right) else "incorrect"].append(words)
    total = {key: [q for s in sections for q in s[key]] for key in ("correct", "incorrect")}
    sections.append({"section": "Total accuracy", **total})
    count = len(total["correct"]) + len(total["incorrect"])
    return len(total["correct"]) / count if count else 0.0, sections


def evaluate_word_pairs(
    self: KeyedRows,
    pairs: Path,
    delimiter: str = "\t",
    encoding: str = "utf-8",
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[Correlation, Correlation, float]:
    """Correlate cosines with human ratings of pairs of words.

    Args:
        pairs: a file of lines "word word rating"; other lines are passed over.
        delimiter: stands between the three.
        encoding: of the file.
        restrict_vocab: only the first words take part, this many; None: all.
        case_insensitive: whether capitals do not matter.
        dummy4unknown: whether a pair with a word that takes no part counts as cosine 0; by default it is left out.

    Returns:
        Pearson's and Spearman's correlation, each with its p-value, and the percentage of pairs with unknown words.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> path = os.path.join(tempfile.mkdtemp(), "pairs.tsv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("king\\tqueen\\t9\\nking\\tman\\t2\\nman\\twoman\\t8\\n")
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1], [0.3, 1]])
    >>> wv = KeyedVectors.from_arrays(["king", "queen", "man", "woman"], vectors)
    >>> round(wv.evaluate_word_pairs(path)[1].statistic, 6)
    1.0
    """
    _, row_of = vocabulary(self, restrict_vocab, case_insensitive)
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
    units = self.vectors[pair] * reciprocal(self.norms[pair])[:, :, None]
    cosines = np.where(unknown, 0, np.einsum("ij,ij->i", units[:, 0], units[:, 1], dtype=np.float64))
    return (
        pearson(rating[kept], cosines[kept]),
        pearson(ranks(rating[kept]), ranks(cosines[kept])),
        100 * float(unknown.mean()),
    )


def pearson(x: np.ndarray, y: np.ndarray) -> Correlation:
    """Compute Pearson's correlation, and its p-value from Student's t.

    NaN where a side is constant or has fewer than 2 values.

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


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank values from 1; equal ones share the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Compute the regularised incomplete beta function I_x(a, b) (Press et al., Numerical Recipes, section 6.4)."""
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


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    with unpacking(path), open_text(path, encoding=encoding) as file:
        yield from enumerate(file, 1)
