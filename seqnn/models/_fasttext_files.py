"""Files of the original fastText that hold classifiers: `.bin`, and `.ftz`, which is quantised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .._files import Path, Source
from ..embed import About, Quantized, read_classifier, write_fasttext, write_quantized
from ._fasttext_model import Model, check
from ._fasttext_texts import Dictionary

__all__ = ["read_model", "write_model"]

_MAGIC = (793712314).to_bytes(4, "little")

_ROWS = 1 << 14
"""Rows that are written at a time."""


def is_foreign(path: Path) -> bool:
    """Tell whether a file begins as one of the original does."""
    with Source(path) as source:
        return source.start(4) == _MAGIC


def read_model(path: Path, prefix: str) -> tuple[Model, About]:
    """Read a classifier of the original.

    Args:
        path: the file; it may be packed.
        prefix: how its labels begin.

    Raises:
        ValueError: a file of another kind of model, or a truncated or damaged one.
    """
    with Source(path) as source:
        about, parts, output = read_classifier(source)
        name = source.name
    quantized = (parts, output) if isinstance(parts, Quantized) else None
    matrices = [matrix.decoded() if isinstance(matrix, Quantized) else matrix for matrix in (parts, output)]
    ngrams = about.word_ngrams > 1 or about.maxn >= max(about.minn, 1)
    buckets = about.pruned
    if buckets is not None:
        order = np.argsort(buckets, kind="stable")
        rows = np.concatenate([np.arange(len(about.words)), len(about.words) + order])
        buckets, matrices[0] = buckets[order], matrices[0][rows]
        if quantized is not None:
            quantized = quantized[0].chosen(rows), quantized[1]
    bucket = about.bucket
    if not ngrams:  # the other rows, if any, are used by nothing
        bucket, buckets, matrices[0], quantized = 0, None, matrices[0][: len(about.words)], None
    d = Dictionary(
        about.words, about.counts, list(about.labels), about.label_counts, prefix, about.word_ngrams, about.minn,
        about.maxn, bucket, buckets, buckets is not None,
    )  # fmt: skip
    model = Model(d, matrices[0], matrices[1], about.loss, quantized=quantized)
    try:
        check(model)
        if about.loss == "hs" and (np.diff(about.label_counts) > 0).any():
            raise ValueError("the labels of a model with the loss hs must come by falling count")
    except ValueError as error:
        raise ValueError(f"{name}: damaged: {error}") from None
    return model, about


def write_model(path: Path, model: Model, about: About) -> None:
    """Write a classifier for the original: quantised where the model is, else in full.

    Args:
        path: the file.
        model: the classifier.
        about: the figures of its training that files keep.
    """
    d = model.dictionary
    about = replace(
        about, dim=model.input.shape[1], loss=model.loss, model="supervised", bucket=d.bucket, minn=d.min_n, maxn=d.max_n,
        words=d.words, counts=d.counts, word_ngrams=d.word_ngrams, labels=d.labels, label_counts=d.label_counts,
        pruned=d.buckets if d.pruned else None,
    )  # fmt: skip
    if model.quantized is not None:
        write_quantized(path, about, *model.quantized)
        return
    write_fasttext(path, about, _rows(model), [model.output])


def _rows(model: Model) -> Iterator[np.ndarray]:
    """Yield the rows of the input matrix, with zeros for the n-grams that have none."""
    d, words = model.dictionary, len(model.dictionary.words)
    yield model.input[:words]
    if d.buckets is None:
        yield model.input[words:]
        return
    for first in range(0, d.bucket, _ROWS):
        last = min(first + _ROWS, d.bucket)
        begin, end = np.searchsorted(d.buckets, [first, last]).tolist()
        block = np.zeros((last - first, model.input.shape[1]), np.float32)
        block[d.buckets[begin:end] - first] = model.input[words + begin : words + end]
        yield block
