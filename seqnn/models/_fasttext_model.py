"""A classifier of texts as the original fastText's: its dictionary, its two matrices, the probabilities of labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core, ops
from .._strings import pack, packed_fits, unpack
from ..embed import MAX_BUCKET, MAX_N
from ..text import huffman
from ._base import Learnt
from ._fasttext_texts import Dictionary, Texts

__all__ = ["LOSSES", "MAX_WORD_NGRAMS", "Model", "Net"]

LOSSES = _core.fasttext_classifier.form

MAX_WORD_NGRAMS = 1000
"""Most words of an n-gram that a classifier takes."""

SIGMOID = (1 / (1 + np.exp(-(np.arange(513, dtype=np.float32) / 32 - 8)))).astype(np.float32)
"""The original's table of the logistic function, at -8, -8 + 1/32 ... 8, which gives its probabilities with ns and ova."""

_LEAST = 1e-5
"""What the original adds to a probability before it takes the logarithm."""


def logistic(scores: np.ndarray) -> np.ndarray:
    """Return the logistic function of scores, as the original's table has it: 0 below -8, 1 above 8."""
    place = ((np.clip(scores, -8, 8) + 8) * 32).astype(np.int32)
    return np.where(scores < -8, np.float32(0), np.where(scores > 8, np.float32(1), SIGMOID[place]))


@dataclass
class Model:
    """What a classifier has learnt.

    Attributes:
        dictionary: words, labels, n-grams.
        input: vectors of the words and then of the n-grams, float32 [R, D].
        output: vectors of the labels, or of the inner nodes of their tree, float32 [L, D].
        loss: one of `LOSSES`.
        about: further figures that files of the original keep.
        quantized: the matrices as they are in a quantised file, where they come from one.
    """

    dictionary: Dictionary
    input: np.ndarray
    output: np.ndarray
    loss: str
    about: dict[str, Any] = field(default_factory=dict)
    quantized: tuple[Any, Any] | None = None

    def means(self, texts: Texts) -> tuple[np.ndarray, np.ndarray]:
        """Return the vector of each text, and of how many parts it is the mean."""
        return self.dictionary.means(texts, self.input)

    def probabilities(self, means: np.ndarray) -> np.ndarray:
        """Return the probabilities of the labels [N, L], in the order of the dictionary.

        Raises:
            FloatingPointError: vectors of the model are not finite, as those of a damaged file.
        """
        scores = means @ self.output.T
        if not np.isfinite(scores).all():
            raise FloatingPointError(
                "vectors of the model are not finite: its file is damaged, or its training diverged"
            )
        if self.loss == "softmax":
            return ops.softmax(scores)
        return self._tree.probabilities(scores) if self.loss == "hs" else logistic(scores)

    def reported(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what the original's predict says: it goes by the logarithm of the probability plus 0.00001."""
        return probabilities if self.loss == "hs" else np.exp(np.log(probabilities + _LEAST)).astype(np.float32)

    def passing(self, probabilities: np.ndarray, threshold: float) -> np.ndarray:
        """Tell which probabilities reach a threshold; in a tree the original asks for 0.00001 more."""
        return probabilities >= threshold + (_LEAST if self.loss == "hs" else 0)

    def thresholds(self, probabilities: np.ndarray) -> np.ndarray:
        """Return thresholds that these probabilities just reach."""
        return probabilities.astype(np.float64) - _LEAST if self.loss == "hs" else probabilities

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.dictionary.label_counts)


class Tree:
    """The tree of labels of hierarchical softmax.

    Args:
        counts: how often each label occurs, falling.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self.offsets, self.nodes, self.codes = huffman(counts)
        depth = np.diff(self.offsets)
        places = np.arange(len(self.nodes))
        level = places - np.repeat(self.offsets[:-1], depth)
        last = np.zeros(len(places) + 1, bool)
        last[self.offsets[1:]] = True
        leaf = np.repeat(np.arange(len(counts)), depth)
        follows = np.append(self.nodes[1:], 0)
        # At each step of a path a child: an inner node, or the label, numbered after the inner nodes.
        child = np.where(last[1:], len(counts) + leaf, follows)
        self._levels = []
        for number in range(int(depth.max(initial=0))):
            here = np.flatnonzero(level == number)
            _, first = np.unique(child[here], return_index=True)
            here = here[first]
            self._levels.append((child[here], self.nodes[here], self.codes[here].astype(bool)))
        self._count = len(counts)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities of the labels [N, L], from the scores of the branch 1 at each inner node [N, L]."""
        shares = ops.sigmoid(scores.T)
        logs = np.log(np.stack([1 - shares, shares]) + _LEAST).astype(np.float32)
        sums = np.zeros((2 * self._count, len(scores)), np.float32)
        for child, node, code in self._levels:
            sums[child] = sums[node] + logs[code.astype(int), node]
        return np.exp(sums[self._count :]).T


class Net(Learnt[Model]):
    """The model of a classifier in a file of its own."""

    def pack(self, value: Model, key: str, arrays: dict[str, np.ndarray]) -> Any:
        d = value.dictionary
        for name, words in (("words", d.words), ("labels", d.labels)):
            arrays[f"{key}.{name}"], arrays[f"{key}.{name}.offsets"] = pack(words)
        arrays |= {f"{key}.counts": d.counts, f"{key}.label_counts": d.label_counts}
        arrays |= {
            f"{key}.input": np.ascontiguousarray(value.input),
            f"{key}.output": np.ascontiguousarray(value.output),
        }
        if d.buckets is not None:
            arrays[f"{key}.buckets"] = d.buckets
        numbers = {name: getattr(d, name) for name in ("prefix", "word_ngrams", "min_n", "max_n", "bucket", "pruned")}
        return {"dictionary": numbers, "loss": value.loss, "about": value.about}

    def unpack(self, record: Any, key: str, arrays: dict[str, np.ndarray], sizes: dict[str, int], owner: Any) -> Model:
        taken = {name.removeprefix(f"{key}."): arrays.pop(name) for name in [*arrays] if name.startswith(f"{key}.")}
        buckets = taken.pop("buckets", None)
        given = record["dictionary"]
        words, labels = (_words(taken, name) for name in ("words", "labels"))
        d = Dictionary(
            words, taken.pop("counts"), labels, taken.pop("label_counts"), str(given["prefix"]), int(given["word_ngrams"]),
            int(given["min_n"]), int(given["max_n"]), int(given["bucket"]), buckets, bool(given["pruned"]),
        )  # fmt: skip
        model = Model(d, taken.pop("input"), taken.pop("output"), str(record["loss"]), dict(record["about"]))
        check(model)
        return model


def _words(arrays: dict[str, np.ndarray], name: str) -> list[str]:
    data, offsets = arrays.pop(name), arrays.pop(f"{name}.offsets")
    if not packed_fits(data, offsets, len(offsets) - 1):
        raise ValueError(f"{name}: damaged")
    return unpack(data, offsets)


def check(model: Model) -> None:
    """Raise a ValueError where the parts of a model from a file do not belong together: the kernels trust them."""
    d = model.dictionary
    if not d.labels or len({*d.words, *d.labels}) != len(d.words) + len(d.labels):
        raise ValueError(f"expected different words and labels, got {len(d.words)} words, {len(d.labels)} labels")
    if model.loss not in LOSSES or not d.prefix or not 1 <= d.word_ngrams <= MAX_WORD_NGRAMS:
        raise ValueError(f"loss {model.loss!r:.40}, prefix {d.prefix!r:.40}, word_ngrams {d.word_ngrams}")
    if not (0 <= d.bucket <= MAX_BUCKET and 0 <= d.min_n <= MAX_N and 0 <= d.max_n <= MAX_N):
        raise ValueError(f"bucket={d.bucket}, min_n={d.min_n}, max_n={d.max_n}")
    for counts, names in ((d.counts, d.words), (d.label_counts, d.labels)):
        if counts.dtype != np.int64 or counts.shape != (len(names),) or (counts < 0).any():
            raise ValueError("counts: expected a number for each word and each label")
    if d.buckets is not None and not (
        d.buckets.dtype == np.int32
        and d.buckets.ndim == 1
        and (np.diff(d.buckets) > 0).all()
        and (not len(d.buckets) or 0 <= d.buckets[0] <= d.buckets[-1] < d.bucket)
    ):
        raise ValueError("buckets: expected rising numbers (int32) below bucket")
    for name, matrix, rows in (("input", model.input, d.rows), ("output", model.output, len(d.labels))):
        if matrix.dtype != np.float32 or matrix.ndim != 2 or len(matrix) != rows:
            raise ValueError(f"{name}: expected float32 [{rows}, vector_size], got {matrix.dtype} {list(matrix.shape)}")
    if model.input.shape[1] != model.output.shape[1] or not model.input.shape[1]:
        raise ValueError(f"vectors of {model.input.shape[1]} and {model.output.shape[1]} numbers")
