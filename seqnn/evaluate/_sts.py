"""Similarity of sentences: how well the vectors of an encoder agree with people."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..embed import sentence_vectors
from ..metrics import Examples, pearson, read_sts, spearman

__all__ = ["STSScore", "evaluate_sts"]


class STSScore(NamedTuple):
    """Agreement of similarities of vectors with the scores of people.

    Attributes:
        pearson: their correlation, -1 to 1.
        spearman: that of their ranks, which papers report as 100 times it.
        similarities: of the pairs, [N].

    >>> import numpy as np
    >>> from seqnn.evaluate import STSScore
    >>> STSScore(0.8, 0.79, np.array([0.3, 0.9])).spearman
    0.79
    """

    pearson: float
    spearman: float
    similarities: np.ndarray


def evaluate_sts(encoder: Any, data: str | os.PathLike | Examples, *, similarity: str = "cosine") -> STSScore:
    """Score an encoder of sentences: correlate the similarities of its vectors with those that people see.

    Args:
        encoder: what has a method `embed`, such as a `pretrained.Encoder`; or a function of a list of sentences that returns
            vectors [N, D].
        data: a file as `metrics.read_sts` reads it, or what it returned.
        similarity: "cosine", "dot", "euclidean" or "manhattan" (minus the distance). A vector of zeros has cosine 0.

    Returns:
        Pearson's and Spearman's correlation, and the similarities.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a line of the file is not as it should be, there are no scores, or the encoder gives other shapes.

    Source: Cer, Diab, Agirre, Lopez-Gazpio, Specia, "SemEval-2017 task 1", 2017; Reimers, Beyer, Gurevych,
    "Task-oriented intrinsic evaluation of semantic textual similarity", COLING 2016.

    >>> from seqnn.evaluate import evaluate_sts
    >>> from seqnn.metrics import Examples
    >>> texts = {"sentence1": ["a b", "a b", "a"], "sentence2": ["a b", "a c", "c"]}
    >>> count = lambda sentences: [[sentence.count(letter) for letter in "abc"] for sentence in sentences]
    >>> evaluate_sts(count, Examples(texts, [5.0, 3.0, 0.0])).spearman
    1.0
    """
    if similarity not in _SIMILARITIES:
        raise ValueError(f"similarity: expected one of {', '.join(_SIMILARITIES)}, got {similarity!r}")
    examples = data if isinstance(data, Examples) else read_sts(data)
    if examples.labels is None or len(examples.texts) < 2:
        raise ValueError("data: expected pairs of sentences with scores, got none: this is a test set without them")
    first, second = [*examples.texts.values()][:2]
    numbers = {sentence: i for i, sentence in enumerate(dict.fromkeys([*first, *second]))}
    vectors = sentence_vectors(encoder, [*numbers])
    a, b = (vectors[[numbers[sentence] for sentence in side]] for side in (first, second))
    found = _SIMILARITIES[similarity](a, b)
    return STSScore(pearson(found, examples.labels), spearman(found, examples.labels), found)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(axis=1), norms, out=np.zeros(len(a)), where=norms > 0)


_SIMILARITIES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": _cosine,
    "dot": lambda a, b: (a * b).sum(axis=1),
    "euclidean": lambda a, b: -np.linalg.norm(a - b, axis=1),
    "manhattan": lambda a, b: -np.abs(a - b).sum(axis=1),
}
