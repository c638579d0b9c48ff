"""Models of the original fastText as `FastText`, and back: `load_facebook_model`, `load_facebook_vectors`, `save_...`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from .._files import Path
from ..text._vocabulary import Vocabulary
from . import _fasttext_bin
from ._fasttext import FastText
from ._fasttext_vectors import FastTextKeyedVectors
from ._fasttext_weights import FastTextWeights
from ._subwords import Subwords

_NS_EXPONENT = 0.5
"""Of the original's negative samples."""

_ROWS = 1 << 14  # written at a time


def load_facebook_vectors(path: Path) -> FastTextKeyedVectors:
    """The vectors of a `.bin` file of the original fastText: for any word the same as the original's.

    The file is mapped into memory: opening takes the time of reading the words, and a look-up reads the word's parts.
    Models of all three kinds are read; quantised ones (`.ftz`), and files that are not whole, are a `ValueError`.

    >>> import tempfile
    >>> from seqnn.embed import FastText, load_facebook_vectors, save_facebook_model
    >>> model = FastText([["night", "day"]] * 9, vector_size=4, min_count=1, bucket=50, sample=0, verbose=0)
    >>> with tempfile.NamedTemporaryFile(suffix=".bin") as file:
    ...     save_facebook_model(model, file.name)
    ...     wv = load_facebook_vectors(file.name)
    >>> bool((wv["nights"] == model.wv["nights"]).all())
    True
    """
    about, parts, _ = _fasttext_bin.read(path)
    return FastTextKeyedVectors._of_parts(about.words, about.counts, parts, _subwords(about))


def load_facebook_model(path: Path) -> FastText:
    """The model in a `.bin` file of the original fastText (skipgram or cbow, with the loss ns or hs), to be trained further.

    Its vectors are those of `load_facebook_vectors`. The learning rate is not in the file: it is the default. Negatives
    are drawn as the original does, ns_exponent=0.5. Supervised models, and the losses softmax and ova, are a
    `ValueError`.
    """
    about, parts, output = _fasttext_bin.read(path)
    name = os.fspath(path)
    if about.model == "supervised" or about.loss not in ("ns", "hs"):
        raise ValueError(
            f"{name}: a {about.model} model with the loss {about.loss}: only skipgram and cbow with the loss ns or hs can be "
            "trained further; load_facebook_vectors reads its vectors"
        )
    hs = about.loss == "hs"
    if hs and (np.diff(about.counts) > 0).any():
        raise ValueError(f"{name}: damaged: the words of a model with the loss hs must come by falling count")
    try:
        model = FastText(
            vector_size=about.dim, window=about.ws, epochs=about.epoch, negative=0 if hs else about.neg, hs=int(hs),
            sg=int(about.model == "skipgram"), bucket=about.bucket, min_count=max(about.min_count, 0), sample=about.t,
            min_n=about.minn, max_n=about.maxn, ns_exponent=_NS_EXPONENT,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: not to be trained further: {error}") from None
    nodes = -output[:-1] if hs else None  # the original's nodes say how likely the branch 1 is, ours the branch 0
    weights = FastTextWeights(about.dim, parts, None if hs else output, nodes, len(about.words), _subwords(about))
    model._install(Vocabulary(about.words, about.counts), weights)
    model.corpus_total_words = about.tokens
    return model


def save_facebook_model(model: FastText, path: Path) -> None:
    """Write a model as a `.bin` file of the original fastText, which that program and gensim read.

    N-grams that no known word has become zeros. The file holds one output matrix, so models that were trained with
    negative sampling and hierarchical softmax at a time are a `ValueError`. On any error an old file of this name stays.
    """
    if not isinstance(model, FastText):
        raise TypeError(f"model: expected a FastText, got {type(model).__name__}")
    model._require_vocabulary("save_facebook_model")
    model._check_settings()
    if model.hs and model.negative:
        raise ValueError(f"hs=1 and negative={model.negative}: the format has room for the weights of one of them")
    wv, weights = model.wv, model._weights
    weights.check(wv.vectors_vocab)
    counts = model._vocabulary.counts
    order = np.argsort(-counts, kind="stable")  # the original's: the Huffman tree follows from it
    about = _fasttext_bin.About(
        dim=model.vector_size, ws=model.window, epoch=model.epochs, min_count=model.effective_min_count,
        neg=model.negative, loss="hs" if model.hs else "ns", model="skipgram" if model.sg else "cbow", bucket=wv.bucket,
        minn=wv.min_n if wv.bucket else 0, maxn=wv.max_n if wv.bucket else 0, t=model.sample,
        tokens=model.corpus_total_words, words=[wv.index_to_key[row] for row in order.tolist()], counts=counts[order],
    )  # fmt: skip
    size = model.vector_size
    if model.hs:
        last = np.zeros((1, size), np.float32)  # the original has a row more than inner nodes
        output = [*(-block for block in _blocks(model.syn1, np.arange(len(counts) - 1))), last]
    else:
        output = _blocks(model.syn1neg, order)
    _fasttext_bin.write(path, about, _all_parts(weights, order), output)


def _subwords(about: _fasttext_bin.About) -> Subwords:
    """The n-grams of a file's model: all have a row."""
    return Subwords(about.minn, about.maxn, about.bucket if about.maxn >= max(about.minn, 1) else 0)


def _blocks(matrix: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of a matrix, some thousands at a time."""
    for first in range(0, len(rows), _ROWS):
        yield matrix[rows[first : first + _ROWS]]


def _all_parts(weights: FastTextWeights, order: np.ndarray) -> Iterator[np.ndarray]:
    """The words' own vectors in a given order, then those of all n-grams; zeros for n-grams without a row."""
    parts, subwords = weights.input[:, : weights.size], weights.subwords
    yield from _blocks(parts, order)
    ngrams = parts[weights.count : weights.count + subwords.count]
    if subwords.buckets is None:
        yield from _blocks(ngrams, np.arange(len(ngrams)))
        return
    for first in range(0, subwords.bucket, _ROWS):
        block = np.zeros((min(_ROWS, subwords.bucket - first), weights.size), np.float32)
        low, high = np.searchsorted(subwords.buckets, (first, first + len(block)))
        block[subwords.buckets[low:high] - first] = ngrams[low:high]
        yield block
