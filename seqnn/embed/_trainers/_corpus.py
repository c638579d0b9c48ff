"""From what a user hands over as a corpus to the ids that a model trains on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..._progress import advance, progress_bar
from ...text import Corpus, ScannedCorpus, Vocabulary, encoded_of, files_of, is_open_file, scan

Source = Any
"""Token lists, a path or several, a directory, a string column, or encoded (ids, offsets): see `Word2Vec`."""


class Reader(Protocol):
    """The settings of a model that say how a corpus is read."""

    _vocabulary: Vocabulary
    tokenizer: Any
    errors: Any
    max_memory: int | str | None
    max_vocab_size: int | None
    verbose: int
    ids_as_words: bool
    _keeps_empty: bool


def one_source(corpus_iterable: Source, corpus_file: Source) -> Source:
    """Return the one of the two that is given; a TypeError for none, both, or an open file."""
    if corpus_iterable is None and corpus_file is None:
        raise TypeError("no corpus: give sentences (corpus_iterable) or corpus_file")
    if corpus_iterable is not None and corpus_file is not None:
        raise TypeError("two corpora: give either sentences (corpus_iterable) or corpus_file, not both")
    if corpus_file is not None:
        paths = corpus_file if isinstance(corpus_file, list | tuple) else [corpus_file]
        if wrong := next((path for path in paths if not isinstance(path, str | bytes | os.PathLike)), None):
            raise TypeError(f"corpus_file: expected a path or a list of paths, got {type(wrong).__name__}")
        return [os.fsdecode(path) for path in paths] if len(paths) != 1 else os.fsdecode(paths[0])
    if is_open_file(corpus_iterable):
        raise TypeError("the corpus is an open file: give its path")
    return corpus_iterable


def fingerprint(*arrays: np.ndarray) -> str:
    """Tell the data of one run from those of another: by the sizes of its arrays, and samples of them."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(len(array).to_bytes(8, "little"))
        for start in np.linspace(0, max(len(array) - 4096, 0), 64, dtype=np.int64):
            digest.update(np.ascontiguousarray(array[start : start + 4096]).data)
    return digest.hexdigest()


@contextmanager
def read(source: Source, model: Reader) -> Iterator[ScannedCorpus]:
    """Read a corpus as the model's settings say, with a bar over its bytes or sentences."""
    unit = " sentences" if files_of(source) is None else "B"
    with progress_bar("reading", unit, show=bool(model.verbose), delay=1) as bar:
        scanned = scan(
            source,
            tokenizer=model.tokenizer,
            errors=model.errors,
            max_memory=model.max_memory,
            max_vocab_size=model.max_vocab_size,
            progress=partial(advance, bar),
            keep_empty=model._keeps_empty,
        )
    with scanned:
        yield scanned


@contextmanager
def encoded(source: Source, model: Reader) -> Iterator[tuple[Corpus, int]]:
    """Read a corpus as rows of the model's vocabulary; yield also its number of words before unknown ones were dropped."""
    arrays = encoded_of(source)
    if arrays is not None and not model.ids_as_words:
        corpus = Corpus.from_arrays(*arrays, vocabulary_size=len(model._vocabulary))
        yield corpus, len(corpus.ids)
        return
    with read(source, model) as scanned:
        total = scanned.total_words
        corpus = scanned.encode(model._vocabulary.positions(scanned.words), model._keeps_empty)
    del scanned  # its words take more memory than the vocabulary
    with corpus:
        yield corpus, total
