"""Scores of word vectors on the usual test sets, in NumPy alone: the same code for every side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SCORES = ("wordsim353", "simlex999", "questions-words")
NOISE_BANDS = (0.01, 0.006, 0.004)  # of one run at dimension 100
MOST_FREQUENT = 50_001


def load(path: str) -> tuple[np.ndarray, list[str]]:
    """Read what `side_word2vec.save` wrote: vectors [V, D] and V words."""
    words = Path(f"{path}.words").read_text(encoding="utf-8").split("\n")
    return np.load(f"{path}.npy"), words


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return the rows divided by their lengths; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of `values`; equal values share the mean of their ranks."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return (last - (sizes - 1) / 2)[group]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rank correlation."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def word_pairs(unit: np.ndarray, index: dict[str, int], path: Path) -> float:
    """Score against a file of "word word number" lines; pairs with unknown words are left out."""
    cosines, human = [], []
    for line in path.read_text(encoding="utf-8").lower().splitlines():
        fields = line.split("\t")
        if len(fields) == 3 and fields[0] in index and fields[1] in index:
            cosines.append(float(unit[index[fields[0]]] @ unit[index[fields[1]]]))
            human.append(float(fields[2]))
    return spearman(np.array(cosines), np.array(human))


def analogies(unit: np.ndarray, index: dict[str, int], path: Path) -> float:
    """Share of the questions "a b c d" where d is nearest to b - a + c, a, b and c left out."""
    questions = [line.lower().split() for line in path.read_text(encoding="utf-8").splitlines()]
    known = [q for q in questions if q[0] != ":" and all(word in index for word in q)]
    ids = np.array([[index[word] for word in question] for question in known])
    right = 0
    for a, b, c, d in (block.T for block in np.array_split(ids, max(1, len(ids) // 500))):
        cosines = (unit[b] - unit[a] + unit[c]) @ unit.T
        for given in (a, b, c):
            cosines[np.arange(len(a)), given] = -np.inf
        right += int(np.sum(cosines.argmax(axis=1) == d))
    return right / len(ids)


def scores(vectors: np.ndarray, words: list[str], folder: str) -> list[float]:
    """Return the three `SCORES`, with the vocabulary cut to the `MOST_FREQUENT` words."""
    unit = unit_rows(vectors[:MOST_FREQUENT])
    index = {word: n for n, word in enumerate(words[:MOST_FREQUENT])}
    return [
        word_pairs(unit, index, Path(folder, "wordsim353.tsv")),
        word_pairs(unit, index, Path(folder, "simlex999.txt")),
        analogies(unit, index, Path(folder, "questions-words.txt")),
    ]


def disagreement(ours: str, theirs: str) -> float:
    """Return 1 - correlation of the cosines among 400 common words in two sets of vectors."""
    (a, words_a), (b, words_b) = load(ours), load(theirs)
    index_a = {word: n for n, word in enumerate(words_a)}
    index_b = {word: n for n, word in enumerate(words_b)}
    common = [word for word in words_a[100:600] if word in index_b][:400]
    cosines = []
    for vectors, index in (a, index_a), (b, index_b):
        unit = unit_rows(vectors[[index[word] for word in common]])
        cosines.append((unit @ unit.T)[np.triu_indices(len(common), 1)])
    return float(1 - np.corrcoef(*cosines)[0, 1])


@dataclass(frozen=True)
class Row:
    """One score of ours and the peer's, over the same number of seeds."""

    case: str
    peer: str
    score: str
    ours: list[float]
    theirs: list[float]
    band: float

    def verdict(self) -> tuple[float, float, bool]:
        """Return ours - theirs, its standard error, and whether we are no worse than the band."""
        difference = float(np.mean(self.ours) - np.mean(self.theirs))
        error = float(np.hypot(standard_error(self.ours), standard_error(self.theirs)))
        return difference, error, difference >= -self.band


def standard_error(values: list[float]) -> float:
    """Return the standard error of the mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def compare(case: str, peer: str, ours: list[list[float]], theirs: list[list[float]]) -> Iterator[Row]:
    """Yield a row for each score, from the scores of each seed."""
    for n, score in enumerate(SCORES):
        yield Row(case, peer, score, [seed[n] for seed in ours], [seed[n] for seed in theirs], NOISE_BANDS[n])
