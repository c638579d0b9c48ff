"""The formats of files of vectors: how each is known, read and written. A new format is a row of `FORMATS`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ... import _safetensors
from ..._files import Path, Source, unpacking
from . import _fasttext_bin
from ._keyed_rows import KeyedRows
from ._subwords import ABOUT
from ._vector_binary import read_binary, write_binary
from ._vector_text import find_header, is_vector_line, read_text, write_text
from ._vector_words import Options, first_of_each


@dataclass(frozen=True)
class Format:
    """One format of files of vectors."""

    detect: Callable[[bytes, int], float]
    """Says from a file's first bytes and its size how sure it is that the file has the format: 0 no, 1 it can be no other."""
    read: Callable[[type[KeyedRows], Source, Options], KeyedRows]
    """Reads a file; the object is of the given class, or of the one that wrote the file."""
    write: Callable[[KeyedRows, Path, list[str], Any], None] | None
    """Writes words and vectors; the object is given for what else it has. None: nothing writes this format."""


def detect_format(source: Source) -> tuple[str, bool]:
    """Return the name of a file's format, and whether it can be no other; a ValueError for an empty file.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "vectors.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("2 3\\ncat 0.1 0.2 0.3\\ndog 0.4 0.5 0.6\\n")
    >>> with Source(path) as source:
    ...     detect_format(source)
    ('text', True)
    """
    _safetensors.refuse_pickle(source.name, source.head)
    start = source.start(1 << 16)
    if not start.strip():
        raise ValueError(f"{source.name} is empty")
    _safetensors.refuse_pickle(source.name, start)
    size = sys.maxsize if source.packed else source.size
    sure = {name: form.detect(start, size) for name, form in FORMATS.items()}
    name = max(sure, key=sure.__getitem__)
    return name, sure[name] == 1


def _is_safetensors(start: bytes, size: int) -> float:
    return float(start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size)


def _is_fasttext(start: bytes, size: int) -> float:
    return float(_fasttext_bin.is_model(start))


def _is_text(start: bytes, size: int) -> float:
    header = find_header(start, True)
    if header is None:
        return 0.5
    if is_vector_line(start.partition(b"\n")[2].partition(b"\n")[0], header[1]):
        return 1.0
    # Numbers in binary soon hold bytes that are not UTF-8, or control bytes.
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return 0.0
    return 0.0 if start.translate(None, bytes(range(32, 256)) + b"\t\r\n") else 0.5


def _is_binary(start: bytes, size: int) -> float:
    return float(find_header(start, True) is not None and _is_text(start, size) == 0)


def _read_safetensors(cls: type[KeyedRows], source: Source, options: Options) -> KeyedRows:
    tensors, metadata = _safetensors.read(source, mmap=options.mmap)
    wv = cls._restored(tensors, metadata, source.name)
    if options.allow_nonfinite:
        wv._file = None
    elif not options.mmap:
        wv.fill_norms()  # looks at every vector
    return wv if options.limit is None else wv._first(options.limit)


def _read_fasttext(cls: type[KeyedRows], source: Source, options: Options) -> KeyedRows:
    about, parts, _ = _fasttext_bin.read_fasttext(source, options.encoding, options.unicode_errors)
    if not options.mmap:
        parts = (parts if options.allow_nonfinite else _fasttext_bin.finite(source.name, about, parts)).copy()
    wv = cls._kinds[ABOUT]._of_parts(about.words, about.counts, parts, about.subwords)  # type: ignore[attr-defined]
    wv._file = None if options.allow_nonfinite else source.name
    return wv if options.limit is None else wv._first(options.limit)


def _reader(read: Callable[[Source, Options], tuple[list[str], Any]]) -> Callable[..., KeyedRows]:
    def read_rows(cls: type[KeyedRows], source: Source, options: Options) -> KeyedRows:
        with unpacking(source.name):
            words, vectors = read(source, options)
        words, vectors = first_of_each(source.name, words, vectors)
        wv = cls._around(vectors, None)
        wv.index_to_key = words
        return wv

    return read_rows


FORMATS = {
    "safetensors": Format(_is_safetensors, _read_safetensors, lambda wv, path, *_: wv.save(path)),
    "fasttext": Format(_is_fasttext, _read_fasttext, None),
    "binary": Format(_is_binary, _reader(read_binary), lambda wv, path, *rows: write_binary(path, *rows)),
    "text": Format(_is_text, _reader(read_text), lambda wv, path, *rows: write_text(path, *rows)),
    "glove": Format(
        lambda start, size: 0.0,
        _reader(lambda source, options: read_text(source, replace(options, header=False))),
        lambda wv, path, *rows: write_text(path, *rows, header=False),
    ),
}
"""Every format by its name. GloVe's is text without a header, which is known as "text"."""

_SUFFIXES = {".safetensors": "safetensors", ".bin": "binary", ".glove": "glove"}


def format_of_name(path: Path) -> str:
    """Return the format that a file's name asks for: that of its suffix, before one that packs it; else "text"."""
    base, suffix = os.path.splitext(os.fspath(path))
    if suffix.lower() in (".gz", ".bz2", ".xz"):
        suffix = os.path.splitext(base)[1]
    return _SUFFIXES.get(suffix.lower(), "text")
