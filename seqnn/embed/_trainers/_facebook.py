"""Models of the original fastText as `FastText`, and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from ..._files import Path, Source
from ...text import Vocabulary
from .._vectors import About, finite, read_fasttext, write_fasttext
from ._fasttext import FastText
from ._fasttext_weights import FastTextWeights

_NS_EXPONENT = 0.5
"""Of the original's negative samples."""

_ROWS = 1 << 14  # written at a time


def load_facebook_model(path: Path, encoding: str = "utf-8", unicode_errors: str = "strict") -> FastText:
    """Read the model in a `.bin` file of the original fastText, to be trained further.

    Its vectors are those of `load_facebook_vectors`. The learning rate is not in the file: it is the default. Negatives
    are drawn as the original does, ns_exponent=0.5. Of a supervised model, and of the losses softmax and ova, the vectors
    are taken, and training begins with new output weights.

    Args:
        path: the file, of skipgram, cbow or supervised; it may be packed (.bin.gz).
        encoding: of its words; n-grams are hashed as UTF-8.
        unicode_errors: as for `load_facebook_vectors`.

    Returns:
        The model.

    Raises:
        ValueError: quantised models (`.ftz`), files that are not whole, vectors that hold NaN or infinity.

    >>> import tempfile
    >>> from seqnn.embed import FastText, load_facebook_model, save_facebook_model
    >>> model = FastText([["night", "day"]] * 9, vector_size=4, min_count=1, bucket=50, sample=0, verbose=0)
    >>> with tempfile.NamedTemporaryFile(suffix=".bin") as file:
    ...     save_facebook_model(model, file.name)
    ...     load_facebook_model(file.name)
    FastText<vocab=2, vector_size=4, alpha=0.025>
    """
    with Source(path) as source:
        about, parts, output = read_fasttext(source, encoding, unicode_errors)
        name = source.name
        finite(name, about, parts)
    known = about.model != "supervised" and about.loss in ("ns", "hs")
    hs = about.loss == "hs" and known
    if hs and (np.diff(about.counts) > 0).any():
        raise ValueError(f"{name}: damaged: the words of a model with the loss hs must come by falling count")
    try:
        model = FastText(
            vector_size=about.dim, window=about.ws, epochs=about.epoch, hs=int(hs),
            negative=0 if hs else about.neg if known else max(about.neg, 1), sg=int(about.model == "skipgram"),
            bucket=about.bucket, min_count=max(about.min_count, 0), sample=about.t, min_n=about.minn, max_n=about.maxn,
            ns_exponent=_NS_EXPONENT,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: not to be trained further: {error}") from None
    count = len(about.words)
    if not known:
        warnings.warn(
            f"{name}: the output weights of a {about.model} model with the loss {about.loss} cannot be trained further: "
            "they begin anew",
            stacklevel=2,
        )
        output = np.zeros((count, about.dim), np.float32)
    nodes = -output[:-1] if hs else None  # the original's nodes say how likely the branch 1 is, ours the branch 0
    weights = FastTextWeights(about.dim, parts, None if hs else output, nodes, count, about.subwords)
    model._install(Vocabulary(about.words, about.counts), weights)
    model.corpus_total_words = about.tokens
    return model


def save_facebook_model(model: FastText, path: Path) -> None:
    """Write a model as a `.bin` file of the original fastText, which that program and gensim read.

    N-grams that no known word has become zeros. The file holds one output matrix: of a model that was trained with
    negative sampling and hierarchical softmax at a time it is the latter's, and a warning says so.

    Args:
        model: a `FastText` with a vocabulary.
        path: the file; on any error an old one stays.

    >>> import os, tempfile
    >>> from seqnn.embed import FastText, load_facebook_vectors, save_facebook_model
    >>> model = FastText([["night", "day"]] * 9, vector_size=4, min_count=1, bucket=50, sample=0, verbose=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.bin")
    >>> save_facebook_model(model, path)
    >>> load_facebook_vectors(path)
    FastTextKeyedVectors<vector_size=4, 2 keys>
    """
    if not isinstance(model, FastText):
        raise TypeError(f"model: expected a FastText, got {type(model).__name__}")
    model._require_vocabulary("save_facebook_model")
    model._check_settings()
    model._check_words()
    if model.hs and model.negative:
        warnings.warn(
            f"hs=1 and negative={model.negative}: the format has room for one of them; the output weights of negative "
            "sampling are left out",
            stacklevel=2,
        )
    wv, weights = model.wv, model._weights
    counts = model._vocabulary.counts
    order = np.argsort(-counts, kind="stable")  # the original's: the Huffman tree follows from it
    about = About(
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
    write_fasttext(path, about, _all_parts(weights, weights._rows_of(wv), order), output)


def _blocks(matrix: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield rows of a matrix, some thousands at a time."""
    for first in range(0, len(rows), _ROWS):
        yield matrix[rows[first : first + _ROWS]]


def _all_parts(weights: FastTextWeights, parts: np.ndarray, order: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the words' own vectors in a given order, then those of all n-grams; zeros for n-grams without a row."""
    subwords = weights.subwords
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
