"""Vectors read from files of any format and written to them: methods of KeyedVectors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from ... import _safetensors
from ..._atomic import atomic_write
from ..._files import Path, Source, name_of, open_text, unpacking
from ._formats import FORMATS, detect_format
from ._keyed_rows import KeyedRows
from ._vector_words import Options, WordDecodeError, counts_of


def save(self: KeyedRows, path: Path) -> None:
    """Write keys, vectors and attributes such as counts to one safetensors file, which `load` maps into memory.

    Keys must be text. The file is replaced only when the new one is complete.

    Args:
        path: the file.

    Raises:
        TypeError: a key that is no text.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> path = os.path.join(tempfile.mkdtemp(), "vectors.safetensors")
    >>> KeyedVectors.from_arrays(["cat", "dog"], np.eye(2)).save(path)
    >>> KeyedVectors.load(path)["dog"]
    array([0., 1.])
    """
    _safetensors.save(path, *self._state())


def load(
    cls: type[KeyedRows],
    path: Path,
    mmap: bool = True,
    *,
    limit: int | None = None,
    encoding: str = "utf-8",
    unicode_errors: str = "strict",
    datatype: Any = np.float32,
    allow_nonfinite: bool = False,
) -> Any:
    """Read vectors from a file of any format: safetensors of `save`, word2vec text or binary, GloVe text, fastText's .bin.

    The file may be packed (.gz, .bz2, .xz, a .zip of one file) or a pipe. What was saved with n-grams comes back as
    `FastTextKeyedVectors`.

    Args:
        path: the file.
        mmap: whether vectors of a safetensors file stay in it, read-only (default True): opening takes milliseconds, and
            words are unpacked when they are first needed. The file must not be shortened in place meanwhile.
        limit: read the first vectors only, this many.
        encoding: of the words in other formats.
        unicode_errors: what words that are invalid in it get: "strict" raises an error, "replace", "ignore".
        datatype: of the vectors of text and binary files.
        allow_nonfinite: whether NaN and infinity among the numbers may pass; else they are an error, in mapped files
            when they are first searched.

    Returns:
        The vectors.

    Raises:
        ValueError: a damaged file; it names file and line.
    """
    options = _options(limit, encoding, unicode_errors, datatype, allow_nonfinite, mmap=mmap)
    with Source(path) as source:
        return FORMATS[detect_format(source)[0]].read(cls, source, options)


def save_word2vec_format(
    self: KeyedRows,
    fname: Path,
    fvocab: Path | None = None,
    binary: bool = False,
    *,
    write_header: bool = True,
    prefix: str = "",
    sort_attr: str = "count",
) -> None:
    """Write word2vec text, GloVe text or word2vec binary; packed by the suffix .gz, .bz2 or .xz.

    Args:
        fname: the file.
        fvocab: a second file for "word count" lines.
        binary: whether the vectors are written as float32 instead of text.
        write_header: whether the first line is "count size"; False for GloVe's format.
        prefix: goes before each word.
        sort_attr: the attribute in whose falling order the rows are written, where it is there, as gensim does.

    Raises:
        ValueError: a word that the format cannot hold; nothing is written then.
    """
    words, vectors = [prefix + word for word in self._words()], self.vectors
    counts = self.expandos.get(sort_attr)
    if counts is not None and (counts[1:] > counts[:-1]).any():
        order = np.argsort(-counts, kind="stable")
        words, vectors, counts = [words[i] for i in order.tolist()], vectors[order], counts[order]
    if fvocab is not None and counts is None:
        raise ValueError(f"fvocab needs the attribute {sort_attr!r}, which these vectors lack")
    if binary and not write_header:
        raise ValueError("binary files need their header: write_header=False is for text")
    form = "binary" if binary else "text" if write_header else "glove"
    FORMATS[form].write(self, fname, words, vectors)
    if fvocab is not None:
        with atomic_write(fvocab, "w") as file:
            file.writelines(f"{word} {count}\n" for word, count in zip(words, counts.tolist(), strict=True))


def load_word2vec_format(
    cls: type[KeyedRows],
    fname: Path,
    fvocab: Path | None = None,
    binary: bool = False,
    encoding: str = "utf-8",
    unicode_errors: str = "strict",
    limit: int | None = None,
    datatype: Any = np.float32,
    no_header: bool | None = None,
    *,
    allow_nonfinite: bool = False,
) -> Any:
    """Read word2vec text, GloVe text or word2vec binary, plain, packed (.gz, .bz2, .xz, .zip) or from a pipe.

    Args:
        fname: the file.
        fvocab: a file of "word count" lines; words that it lacks get the count 0 and a warning.
        binary: whether the file is word2vec binary.
        encoding: of the words.
        unicode_errors: what words that are invalid in it get: "strict" raises an error, "replace", "ignore".
        limit: read the first vectors only, this many.
        datatype: of the vectors.
        no_header: whether a text lacks the line "count size"; by default that is found out.
        allow_nonfinite: whether NaN and infinity among the numbers may pass.

    Returns:
        The vectors; a word that occurs again is dropped with a warning.

    Raises:
        ValueError: a damaged file; it names file and line. It is an EOFError as well where the file is too short, and a
            UnicodeDecodeError where a word is invalid.
    """
    options = _options(limit, encoding, unicode_errors, datatype, allow_nonfinite)
    with Source(fname) as source:
        kind, sure = detect_format(source)
        if kind == "safetensors":
            raise ValueError(f"{source.name} is a safetensors file: KeyedVectors.load reads it")
        if kind == "fasttext":
            raise ValueError(
                f"{source.name}: a model of the original fastText: load_facebook_vectors or KeyedVectors.load reads it"
            )
        if sure and binary != (kind == "binary"):
            raise ValueError(f"{source.name} is word2vec {kind}: pass binary={not binary}")
        if binary and no_header:
            raise ValueError("no_header=True is for text: binary files have a header")
        header = None if no_header is None else not no_header
        form = "binary" if binary else "text"
        wv = FORMATS[form].read(cls, source, replace(options, header=header))
    if fvocab is not None:
        counts = read_counts(fvocab, encoding, unicode_errors)
        wv.set_vecattrs("count", counts_of(wv.index_to_key, counts, name_of(fvocab)))
    return wv


def intersect_word2vec_format(
    self: KeyedRows,
    fname: Path,
    lockf: float = 0.0,
    binary: bool = False,
    encoding: str = "utf-8",
    unicode_errors: str = "strict",
) -> int:
    """Take over the vectors of words that are here from a word2vec file; other words of the file are passed over.

    For a model that begins with known vectors: build its vocabulary, take over, train.

    Args:
        fname: a file of vectors of the same size.
        lockf: the share of their changes that these vectors take in further training: 0 keeps them, 1 trains them.
        binary, encoding, unicode_errors: as for `load_word2vec_format`.

    Returns:
        How many vectors were taken over.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from seqnn import KeyedVectors, Word2Vec
    >>> path = os.path.join(tempfile.mkdtemp(), "known.txt")
    >>> KeyedVectors.from_arrays(["be", "other"], np.eye(2)).save_word2vec_format(path)
    >>> model = Word2Vec(vector_size=2, min_count=1)
    >>> model.build_vocab([["to", "be"]])
    >>> model.wv.intersect_word2vec_format(path), model.wv["be"]
    (1, array([1., 0.], dtype=float32))
    """
    found = load_word2vec_format(
        type(self)._plain_type(), fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors
    )
    if found.vector_size != self.vector_size:
        raise ValueError(f"{name_of(fname)}: expected vectors of size {self.vector_size}, got {found.vector_size}")
    shared = [key for key in found.index_to_key if self.has_index_for(key)]
    if shared:
        self.add_vectors(shared, found.get_vectors(shared), replace=True)
        self.freeze(shared, lockf)
    return len(shared)


def read_counts(path: Path, encoding: str = "utf-8", unicode_errors: str = "replace") -> dict[str, int]:
    """Read a file of "word count" lines; `unicode_errors` says what a word gets that is invalid in the encoding."""
    counts = {}
    with unpacking(path), open_text(path, encoding=encoding, errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            word, _, count = line.rstrip("\n").rpartition(" ")
            if not word or not re.fullmatch("[0-9]{1,18}", count):
                raise ValueError(f'{name_of(path)}: line {number}: expected "word count", got {line.strip()[:60]!r}')
            try:
                word = word.encode(encoding, "surrogateescape").decode(encoding, unicode_errors)
            except UnicodeDecodeError as error:
                raise WordDecodeError(error, f"{name_of(path)}: line {number}") from None
            counts[word] = int(count)
    return counts


def _options(
    limit: int | None, encoding: str, unicode_errors: str, datatype: Any, allow_nonfinite: bool, mmap: bool = True
) -> Options:
    if limit is not None and limit < 0:
        raise ValueError(f"limit must be at least 0, got {limit}")
    return Options(encoding, unicode_errors, limit, datatype, allow_nonfinite, mmap=mmap)
