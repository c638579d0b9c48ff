"""Small classifiers: the words and n-grams that matter most, and bytes that stand for parts of their vectors."""

from __future__ import annotations

import numpy as np

from ..embed import quantize_matrix
from ._fasttext_model import Model
from ._fasttext_texts import END

__all__ = ["pruned", "quantized"]


def pruned(model: Model, cutoff: int) -> Model:
    """Return a model of the `cutoff` words and n-grams with the longest vectors, and of the end of a text.

    Args:
        model: the model.
        cutoff: how many; 0: all.
    """
    d, rows = model.dictionary, np.arange(len(model.input))
    if 0 < cutoff < len(rows):
        lengths = np.einsum("ij,ij->i", model.input, model.input, dtype=np.float64)
        if END in d.words:
            lengths[d.words.index(END)] = np.inf
        rows = np.sort(np.argsort(-lengths, kind="stable")[:cutoff])
    first = len(d.words)
    words = rows[rows < first]
    numbers = np.arange(d.bucket, dtype=np.int32) if d.buckets is None else d.buckets
    small = d.replaced(
        words=[d.words[i] for i in words.tolist()], counts=d.counts[words],
        buckets=numbers[rows[rows >= first] - first] if d.bucket else None, pruned=d.bucket > 0,
    )  # fmt: skip
    return Model(small, model.input[rows], model.output.copy(), model.loss)


def quantized(model: Model, *, part: int, norms: bool, output: bool, seed: int) -> Model:
    """Return a model whose vectors are those that bytes stand for.

    Args:
        model: the model.
        part: numbers that a byte stands for.
        norms: whether the lengths of vectors are kept apart.
        output: whether the vectors of the labels are quantised as well, in parts of two numbers.
        seed: of the search for centroids.
    """
    small = quantize_matrix(model.input, part, norms=norms, seed=seed)
    labels = quantize_matrix(model.output, 2, norms=norms, seed=seed) if output else model.output
    decoded = labels if isinstance(labels, np.ndarray) else labels.decoded()
    return Model(model.dictionary, small.decoded(), decoded, model.loss, quantized=(small, labels))
