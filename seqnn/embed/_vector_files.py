"""Files of word vectors: the format is found out, each is read and written; safetensors, word2vec text and binary, GloVe."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core, _safetensors
from .._files import Path, atomic_write, open_binary, open_text, unpacking
from ..text._strings import encode, pack
from ._vector_text import check_promise, find_header, is_vector_line, read_text, split_words, write_text
from ._window import Window

if TYPE_CHECKING:
    from ._keyed_vectors import KeyedVectors

_FORMAT = {"format": "seqnn.KeyedVectors", "version": "1"}
_ATTRIBUTE = "attribute."
FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")
"""What .bin files of the original fastText begin with."""

_RECORDS = 1 << 15  # read at a time


def save(wv: KeyedVectors, path: Path) -> None:
    """Write all (keys, vectors, attributes such as counts) to one safetensors file, which `load` maps into memory.

    Keys must be text. The file is replaced only when the new one is complete.
    """
    data, offsets = pack(_words(wv))
    tensors = {"vectors": wv.vectors, "words": data, "offsets": offsets}
    tensors |= {_ATTRIBUTE + name: values for name, values in wv.expandos.items()}
    more, about = wv._parts_of_file()
    _safetensors.save(path, tensors | more, _FORMAT | about)


def load(cls: type[KeyedVectors], path: Path, mmap: bool = True) -> KeyedVectors:
    """Read vectors from a file of any format: `save`'s, word2vec text or binary, GloVe text, the texts also packed.

    With `mmap=True` the vectors of `save`'s files are mapped into memory, read-only, and the words are unpacked when
    they are first needed: opening takes milliseconds.
    """
    kind = detect_format(path)
    if kind != "safetensors":
        return load_word2vec_format(cls, path, binary=kind == "binary")
    tensors, metadata = _safetensors.load(path, mmap=mmap)
    if metadata.get("format") != _FORMAT["format"] or not {"vectors", "words", "offsets"} <= set(tensors):
        raise ValueError(f"{os.fspath(path)}: a safetensors file, but not one that KeyedVectors.save wrote")
    if metadata.get("version") != _FORMAT["version"]:
        raise ValueError(f"{os.fspath(path)}: version {metadata.get('version')!r} of the format is not known")
    vectors, words, offsets = (tensors[name] for name in ("vectors", "words", "offsets"))
    attributes = {k.removeprefix(_ATTRIBUTE): v for k, v in tensors.items() if k.startswith(_ATTRIBUTE)}
    good = vectors.ndim == 2 and vectors.dtype.kind == "f" and words.dtype == np.uint8 and words.ndim == 1
    good = good and offsets.dtype == np.int64 and offsets.shape == (len(vectors) + 1,)
    good = good and offsets[0] == 0 and offsets[-1] == len(words) and bool((offsets[1:] >= offsets[:-1]).all())
    if not good or any(values.shape != (len(vectors),) for values in attributes.values()):
        raise ValueError(f"{os.fspath(path)}: words, offsets, vectors and attributes do not belong together")
    wv = cls._around(vectors, None)
    wv._packed = words, offsets
    wv.expandos = {name: values.copy() for name, values in attributes.items()}
    wv._take_parts(path, tensors, metadata)
    return wv


def save_word2vec_format(
    wv: KeyedVectors,
    fname: Path,
    fvocab: Path | None = None,
    binary: bool = False,
    *,
    write_header: bool = True,
    prefix: str = "",
    sort_attr: str = "count",
) -> None:
    """Write word2vec text (`write_header=False`: GloVe text) or `binary`; packed by the suffix .gz, .bz2 or .xz.

    In descending order of the attribute `sort_attr` where there is one, as gensim does. `prefix` goes before each
    word; `fvocab` is a second file for "word count" lines.
    """
    words, vectors = [prefix + word for word in _words(wv)], wv.vectors
    counts = wv.expandos.get(sort_attr)
    if counts is not None and (counts[1:] > counts[:-1]).any():
        order = np.argsort(-counts, kind="stable")
        words, vectors, counts = [words[i] for i in order.tolist()], vectors[order], counts[order]
    if fvocab is not None:
        if counts is None:
            raise ValueError(f"fvocab needs the attribute {sort_attr!r}, which these vectors lack")
        with atomic_write(fvocab, "w") as file:
            file.writelines(f"{word} {count}\n" for word, count in zip(words, counts.tolist(), strict=True))
    if not binary:
        write_text(fname, words, vectors, header=write_header)
    elif write_header:
        write_binary(fname, words, vectors)
    else:
        raise ValueError("binary files need their header: write_header=False is for text")


def load_word2vec_format(
    cls: type[KeyedVectors],
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
) -> KeyedVectors:
    """Read word2vec text, GloVe text or word2vec `binary`, plain or packed (.gz, .bz2, .xz).

    Whether a text has a header is found out; `no_header` decides where that is not wanted. `limit` reads the first
    vectors only. `fvocab` is a file of "word count" lines. A word that occurs again is dropped with a warning.
    Damaged files raise a ValueError that names file and line.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit must be at least 0, got {limit}")
    kind, sure = _detect(fname)
    if kind == "safetensors":
        raise ValueError(f"{os.fspath(fname)} is a safetensors file: KeyedVectors.load reads it")
    if sure and binary != (kind == "binary"):
        raise ValueError(f"{os.fspath(fname)} is word2vec {kind}: pass binary={not binary}")
    if binary and no_header:
        raise ValueError("no_header=True is for text: binary files have a header")
    options = {"encoding": encoding, "unicode_errors": unicode_errors, "limit": limit, "dtype": datatype}
    options["allow_nonfinite"] = allow_nonfinite
    with unpacking(fname):
        if binary:
            words, vectors = read_binary(fname, **options)
        else:
            words, vectors = read_text(fname, **options, header=None if no_header is None else not no_header)
    words, vectors = _first_of_each(fname, words, vectors)
    wv = cls._around(vectors, None if fvocab is None else _counts_of(words, fvocab))
    wv.index_to_key = words
    return wv


def detect_format(path: Path) -> str:
    """ "safetensors", "binary" (word2vec's) or "text"; ValueError for an empty file.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "vectors.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("2 3\\ncat 0.1 0.2 0.3\\ndog 0.4 0.5 0.6\\n")
    >>> detect_format(path)
    'text'
    """
    return _detect(path)[0]


def _detect(path: Path) -> tuple[str, bool]:
    """The format, and whether it can be no other."""
    with unpacking(path), open_binary(path) as file:
        start = file.read(1 << 16)
        if not start.strip():
            raise ValueError(f"{os.fspath(path)} is empty")
    _safetensors.refuse_pickle(path, start)
    if start.startswith(FASTTEXT_MAGIC):
        raise ValueError(f"{os.fspath(path)}: a model of the original fastText: load_facebook_vectors reads it")
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= os.path.getsize(path):
        return "safetensors", True
    header = find_header(start, True)
    if header is None:
        return "text", False
    if is_vector_line(start.partition(b"\n")[2].partition(b"\n")[0], header[1]):
        return "text", True
    # Numbers in binary soon hold bytes that are not UTF-8, or control bytes.
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return "binary", True
    control = start.translate(None, bytes(range(32, 256)) + b"\t\r\n")
    return ("binary", True) if control else ("text", False)


def read_binary(
    path: Path,
    *,
    encoding: str = "utf-8",
    unicode_errors: str = "strict",
    limit: int | None = None,
    dtype: Any = np.float32,
    allow_nonfinite: bool = False,
) -> tuple[list[str], np.ndarray]:
    """Words and vectors [V, D] of a word2vec binary file: header, then "word ", D float32 and perhaps a line end each."""
    with open_binary(path) as file:
        line = file.readline(100)
        header = find_header(line, True)
        if header is None or not line.endswith(b"\n") or header[1] == 0:
            raise ValueError(f'{path}: line 1 must be "count size", got {line[:40]!r}')
        total, size = header
        wanted = total if limit is None else min(total, limit)
        check_promise(path, wanted * (1 + 4 * size))
        vectors = np.empty((wanted, size), np.float32)
    words: list[str] = []
    with Window(path) as window:
        window.skip(len(line))
        while (row := len(words)) < wanted:
            data = window.ahead
            starts, ends, finite, (found, used) = _core.vector_text_records(data, vectors[row : row + _RECORDS])
            words += split_words(
                data, starts[:found], ends[:found], " ", encoding, unicode_errors, f"{path}: vector", row + 1
            )
            if not allow_nonfinite and not finite[:found].all():
                bad = row + int(np.argmin(finite))
                raise ValueError(f"{path}: vector {bad + 1} ({words[bad]!r}) holds NaN or infinity")
            if found:
                window.skip(used)
            elif window.last:
                raise ValueError(f"{path}: the header promises {total} vectors, the file holds {row}: truncated?")
            else:
                window.widen()
        if limit is None and window.ahead[:100].tobytes().strip(b"\n"):
            raise ValueError(f"{path}: more data after the {total} vectors that the header promises")
    return words, vectors.astype(dtype, copy=False)


def write_binary(path: Path, words: list[str], vectors: np.ndarray) -> None:
    """Write word2vec's binary format (float32), atomically; packed by the suffix .gz, .bz2 or .xz."""
    if bad := next((word for word in words if " " in word or word.startswith("\n")), None):
        raise ValueError(f"word2vec's binary format cannot hold the word {bad!r}; text or KeyedVectors.save can")
    step = max(1, (1 << 20) // vectors.shape[1])
    with atomic_write(path, compress=True) as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for i in range(0, len(words), step):
            rows = vectors[i : i + step].astype("<f4")
            width, data = rows.shape[1] * 4, rows.tobytes()
            names = [encode(word) for word in words[i : i + step]]
            file.write(b"".join([b"%b %b" % (n, data[k * width : (k + 1) * width]) for k, n in enumerate(names)]))


def _words(wv: KeyedVectors) -> list[str]:
    """The keys, which must all be there and be text."""
    for i, key in enumerate(wv.index_to_key):
        if not isinstance(key, str):
            raise TypeError(f"row {i} has the key {key!r}; files hold only text keys")
    return wv.index_to_key


def _first_of_each(path: Path, words: list[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    if len(set(words)) == len(words):
        return words, vectors
    first: dict[str, int] = {}
    for i, word in enumerate(words):
        first.setdefault(word, i)
    twice = next(word for i, word in enumerate(words) if first[word] != i)
    warnings.warn(
        f"{path}: {len(words) - len(first)} words occur again and are dropped, the first is {twice!r}", stacklevel=3
    )
    return list(first), vectors[list(first.values())]


def read_counts(path: Path) -> dict[str, int]:
    """Words and counts of a file of "word count" lines; what is not UTF-8 is replaced by U+FFFD."""
    counts = {}
    with unpacking(path), open_text(path, errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, _, count = line.rstrip("\n").rpartition(" ")
            if not word or not re.fullmatch("[0-9]{1,18}", count):
                raise ValueError(f'{path}: line {number}: expected "word count", got {line.strip()[:60]!r}')
            counts[word] = int(count)
    return counts


def _counts_of(words: list[str], path: Path) -> np.ndarray:
    counts = read_counts(path)
    if missing := [word for word in words if word not in counts]:
        raise ValueError(f"{path} has no count for {len(missing)} words, the first is {missing[0]!r}")
    return np.array([counts[word] for word in words], np.int64)
