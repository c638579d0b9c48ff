"""Analogies, answered by 3CosAdd and 3CosMul."""

from __future__ import annotations

import os
from pathlib import Path as Folder
from typing import NamedTuple

import numpy as np

from ..._arguments import optional_integer
from ..._files import Path, name_of
from .._vectors import KeyedVectors, Labelled, LabelledVectors, answers, vocabulary
from ._reading import files_of, items_of, lines, words_of

METHODS = ("3cosadd", "3cosmul")


class Analogy(NamedTuple):
    """A question "a is to b as c is to what".

    Args:
        section: the kind of question.
        a, b, c: the words of the question.
        answers: the words that are right, mostly one.

    >>> from seqnn.embed import Analogy
    >>> Analogy("family", "king", "queen", "man", ("woman",)).answers
    ('woman',)
    """

    section: str
    a: str
    b: str
    c: str
    answers: tuple[str, ...]


def read_analogies(path: Path, encoding: str = "utf-8") -> list[Analogy]:
    """Read analogies: Google's questions-words.txt, MSR's, a file or the folder of BATS.

    Google's and MSR's lines are "a b c d", under lines ": section" or without. BATS has lines "word, tab, answer/answer ...";
    each two of them make a question, with the first of the answers as b.

    Args:
        path: a file, or a folder whose .txt files (also in folders of it) are read in the order of their names.
        encoding: of the files.

    Returns:
        The questions; those of BATS have the file's name, without .txt, as their section.

    Raises:
        ValueError: a line of another form.

    >>> import os, tempfile
    >>> from seqnn.embed import read_analogies
    >>> path = os.path.join(tempfile.mkdtemp(), "E01 [country - capital].txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("athens\\tgreece\\nbaghdad\\tiraq/mesopotamia\\n")
    >>> read_analogies(path)[0]
    Analogy(section='E01 [country - capital]', a='athens', b='greece', c='baghdad', answers=('iraq', 'mesopotamia'))
    """
    found: list[Analogy] = []
    for file in files_of(path):
        read = lines(file, encoding)
        pairs = bool(read) and read[0][1].count("\t") == 1
        found += (_bats if pairs else _google)(file, read)
    if not found:
        raise ValueError(f"{name_of(path)}: no questions")
    return found


class AnalogyScore(NamedTuple):
    """The result of `evaluate_analogies`.

    Args:
        accuracy: the share of right answers among the questions asked.
        sections: for each section (right answers, questions asked).
        unknown: how many questions were left out, because a word of theirs has no vector.

    >>> from seqnn.embed import AnalogyScore
    >>> AnalogyScore(0.5, {"family": (1, 2)}, 0).accuracy
    0.5
    """

    accuracy: float
    sections: dict[str, tuple[int, int]]
    unknown: int


def evaluate_analogies(
    vectors: Labelled,
    analogies: Path | list[Analogy],
    *,
    method: str = "3cosadd",
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
) -> AnalogyScore:
    """Answer questions "a is to b as c is to what", and count the right answers. Many are answered in a few products.

    3cosadd takes the word with the highest cos(x, b - a + c), of vectors of length 1; 3cosmul that with the highest
    cos(x, b) cos(x, c) / (cos(x, a) + 1e-6), of cosines moved into [0, 1]. a, b and c themselves are no answers.

    Args:
        vectors: `KeyedVectors` or a pair (matrix [V, D], words).
        analogies: what `read_analogies` reads, or returns.
        method: "3cosadd" or "3cosmul".
        restrict_vocab: only the first words take part, this many; None: all.
        case_insensitive: whether capitals do not matter.

    Returns:
        The accuracy, in all and by section.

    Raises:
        ValueError: no question of known words.

    Source: Levy and Goldberg, "Linguistic regularities in sparse and explicit word representations", CoNLL 2014.

    >>> import numpy as np
    >>> from seqnn.embed import Analogy, evaluate_analogies
    >>> vectors = np.array([[1, 0.1], [1, 0.2], [0.1, 1], [0.1, 1.1]]), ["king", "queen", "man", "woman"]
    >>> evaluate_analogies(vectors, [Analogy("family", "king", "queen", "man", ("woman",))], method="3cosmul").accuracy
    1.0
    """
    if method not in METHODS:
        raise ValueError(f"method: expected '3cosadd' or '3cosmul', got {method!r}")
    given = items_of("analogies", Analogy, analogies) if isinstance(analogies, list) else read_analogies(analogies)
    questions = [q._replace(answers=words_of("analogies: answers", q.answers)) for q in given]
    labelled = LabelledVectors(vectors)
    wv = vectors if isinstance(vectors, KeyedVectors) else KeyedVectors.from_arrays(labelled.words, labelled.matrix)
    names, row_of = vocabulary(wv, optional_integer("restrict_vocab", restrict_vocab, 0), case_insensitive)
    row = {
        word: row_of.get(word.upper() if case_insensitive else word, -1)
        for q in questions
        for word in (*q[1:4], *q.answers)
    }
    right = [{row[word] for word in q.answers} - {-1} for q in questions]
    rows = np.array([[row[word] for word in q[1:4]] for q in questions], np.int64).reshape(-1, 3)
    known = (rows >= 0).all(1) & np.array([bool(some) for some in right], bool)
    if not known.any():
        raise ValueError(f"analogies: expected at least one question of known words, got {len(questions)} without one")
    found = np.full(len(questions), -1)
    found[known] = answers(wv, rows[known], names, row_of, method == "3cosmul")
    sections: dict[str, tuple[int, int]] = {}
    for i in np.flatnonzero(known).tolist():
        hits, asked = sections.get(questions[i].section, (0, 0))
        sections[questions[i].section] = hits + (int(found[i]) in right[i]), asked + 1
    hits = sum(hit for hit, _ in sections.values())
    return AnalogyScore(hits / int(known.sum()), sections, int((~known).sum()))


def _google(path: Path, read: list[tuple[int, str]]) -> list[Analogy]:
    """Return the questions of lines "a b c d"."""
    found, section = [], Folder(os.fsdecode(path)).stem
    for number, line in read:
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = line.split()
        if len(words) != 4:
            raise ValueError(f'{name_of(path)}: line {number}: expected "a b c d", got {line[:60]!r}')
        found.append(Analogy(section, *words[:3], (words[3],)))
    return found


def _bats(path: Path, read: list[tuple[int, str]]) -> list[Analogy]:
    """Return the questions of lines "word, tab, answer/answer": each line with each other."""
    pairs = []
    for number, line in read:
        word, _, rest = line.partition("\t")
        answers = tuple(answer.strip() for answer in rest.split("/") if answer.strip())
        if not word.strip() or not answers:
            raise ValueError(f'{name_of(path)}: line {number}: expected "word, tab, answer/answer", got {line[:60]!r}')
        pairs.append((word.strip(), answers))
    section = Folder(os.fsdecode(path)).stem
    return [
        Analogy(section, a, answers[0], c, right)
        for i, (a, answers) in enumerate(pairs)
        for j, (c, right) in enumerate(pairs)
        if i != j
    ]
