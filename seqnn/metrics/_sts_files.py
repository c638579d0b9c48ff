"""Files of pairs of sentences with a score of their similarity (STS)."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator

from .._files import Path
from ._glue_files import Examples, lines_of

__all__ = ["read_sts"]

_FIRST = ("sentence1", "sentence_A", "sent_1")
_SECOND = ("sentence2", "sentence_B", "sent_2")
_SCORE = ("score", "relatedness_score", "similarity_score", "similarity", "label", "sim")
_WITHOUT_HEADER = (5, 6, 4)
"""STS-B's own files: genre, file, year, number, score, and the sentences."""


def read_sts(path: Path) -> Examples:
    """Read a file of pairs of sentences with scores of their similarity.

    That is STS-B as it is published (sts-test.csv: tab-separated without a header or quotes), as GLUE has it (dev.tsv), or
    any file with a header that names both sentences and the score, such as SICK's: separated by tabs without quotes, or by
    commas with them. Plain or packed.

    Args:
        path: the file.

    Returns:
        Texts "sentence1" and "sentence2", and the scores as labels; None where the file has none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a line with too few columns, or whose score is no number; the message has its number.

    Source: Cer, Diab, Agirre, Lopez-Gazpio, Specia, "SemEval-2017 task 1", 2017.

    >>> import os, tempfile
    >>> from seqnn.metrics import read_sts
    >>> path = os.path.join(tempfile.mkdtemp(), "sts-dev.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("main-news\\tx\\t2015\\t0001\\t4.200\\tIt rains.\\tIt is raining.\\n")
    >>> examples = read_sts(path)
    >>> examples.texts["sentence2"], examples.labels
    (['It is raining.'], [4.2])
    """
    rows = _rows(path)
    number, first = next(rows, (0, []))
    if not first:
        raise ValueError(f"{os.fspath(path)}: expected pairs of sentences, got an empty file")
    places = [next((first.index(name) for name in names if name in first), None) for names in (_FIRST, _SECOND, _SCORE)]
    if None in places[:2]:
        if len(first) <= max(_WITHOUT_HEADER) or _number(first[_WITHOUT_HEADER[2]]) is None:
            raise ValueError(
                f"{os.fspath(path)}: line {number}: expected a header with {', '.join((_FIRST[0], _SECOND[0], _SCORE[0]))}, or "
                f"STS-B's columns (genre, file, year, number, score, sentence, sentence), got {' | '.join(first):.80}"
            )
        places, rows = [*_WITHOUT_HEADER], _rows(path)
    one, two, score = places
    least = max(place for place in places if place is not None)
    pairs: list[tuple[str, str]] = []
    labels: list[float] = []
    for number, row in rows:
        if len(row) <= least:
            raise ValueError(
                f"{os.fspath(path)}: line {number}: expected at least {least + 1} columns, got {len(row)}: "
                f"{' | '.join(row):.80}"
            )
        pairs.append((row[one], row[two]))  # type: ignore[index]
        if score is not None:
            value = _number(row[score])
            if value is None:
                raise ValueError(
                    f"{os.fspath(path)}: line {number}: expected a number as score, got {row[score]!r:.40}"
                )
            labels.append(value)
    if not pairs:
        raise ValueError(f"{os.fspath(path)}: expected pairs of sentences, got a header alone")
    texts = {"sentence1": [a for a, _ in pairs], "sentence2": [b for _, b in pairs]}
    return Examples(texts, labels if score is not None else None)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield numbered rows, separated by tabs where the first line has one, by commas otherwise."""
    _, first = next(lines_of(path), (0, ""))
    if "\t" in first:
        yield from ((number, line.split("\t")) for number, line in lines_of(path))
        return
    reader = csv.reader((f"{line}\n" for _, line in lines_of(path)), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{os.fspath(path)}: line {reader.line_num}: expected columns separated by commas: {error}"
        ) from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
