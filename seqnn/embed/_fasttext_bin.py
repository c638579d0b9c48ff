"""The `.bin` files of the original fastText: settings, dictionary, and two matrices, read where they lie in the file."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .._files import Path, atomic_write
from ._vector_files import FASTTEXT_MAGIC

_OLDEST, _NEWEST = 11, 12
_HEADER = struct.Struct("<12id")
_SIZES = struct.Struct("<iiiqq")
_ENTRY = struct.Struct("<qb")
_SHAPE = struct.Struct("<?qq")
_LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
_MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
_UPDATE_RATE = 100
"""The original's number of words between two updates of the learning rate."""


@dataclass(frozen=True)
class About:
    """What a file says besides its matrices, under the names of the original's options."""

    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    loss: str
    """"hs", "ns", "softmax" or "ova"."""
    model: str
    """"cbow", "skipgram" or "supervised"."""
    bucket: int
    minn: int
    maxn: int
    t: float
    tokens: int
    words: list[str]
    counts: np.ndarray


def read(path: Path) -> tuple[About, np.ndarray, np.ndarray]:
    """Read a file that `fasttext skipgram`, `cbow` or `supervised` wrote.

    Returns what it says, the input matrix [V + bucket, dim] (the words, then the n-grams) and the output matrix [V, dim]
    ([labels, dim] of supervised models): float32, read-only, mapped into memory. `ValueError` for other files, newer
    versions, truncated, damaged and quantised ones (`.ftz`).
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < 8:
            raise ValueError(f"{name}: too short for a fastText model")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _read(name, data)
    except (struct.error, IndexError):
        raise ValueError(f"{name}: truncated: {len(data)} bytes are not the whole model") from None


def write(path: Path, about: About, parts: Iterable[np.ndarray], output: Iterable[np.ndarray]) -> None:
    """Write such a file; on any error the old one stays. The matrices come in blocks of rows.

    `parts` must add up to V + bucket rows, `output` to V.
    """
    names = [word.encode("utf-8", "surrogateescape") for word in about.words]
    if bad := [word for word, name in zip(about.words, names, strict=True) if b"\0" in name]:
        raise ValueError(f"{bad[0]!r}: the format cannot hold words with a zero byte")
    loss, model = (next(n for n, text in table.items() if text == value)
                   for table, value in ((_LOSSES, about.loss), (_MODELS, about.model)))  # fmt: skip
    with atomic_write(path) as file:
        file.write(FASTTEXT_MAGIC + struct.pack("<i", _NEWEST))
        file.write(
            _HEADER.pack(
                about.dim, about.ws, about.epoch, about.min_count, about.neg, 1, loss, model, about.bucket, about.minn,
                about.maxn, _UPDATE_RATE, about.t,
            )
        )  # fmt: skip
        file.write(_SIZES.pack(len(names), len(names), 0, about.tokens, -1))
        for name, count in zip(names, about.counts.tolist(), strict=True):
            file.write(name + b"\0" + _ENTRY.pack(count, 0))
        for rows, blocks in ((len(names) + about.bucket, parts), (len(names), output)):
            file.write(_SHAPE.pack(False, rows, about.dim))
            for block in blocks:
                file.write(np.ascontiguousarray(block, "<f4").data)


def _read(name: str, data: mmap.mmap) -> tuple[About, np.ndarray, np.ndarray]:
    (version,) = struct.unpack_from("<i", data, 4)
    if data[:4] != FASTTEXT_MAGIC:
        raise ValueError(
            f"{name}: not a .bin file of fastText (or of one older than 2017): it begins with {data[:8]!r}"
        )
    if not _OLDEST <= version <= _NEWEST:
        raise ValueError(f"{name}: version {version} of fastText's format is not known (known: {_OLDEST}, {_NEWEST})")
    dim, ws, epoch, min_count, neg, _, loss, model, bucket, minn, maxn, _, t = _HEADER.unpack_from(data, 8)
    if dim < 1 or bucket < 0 or minn < 0 or maxn < 0 or loss not in _LOSSES or model not in _MODELS:
        raise ValueError(
            f"{name}: damaged: dim={dim}, bucket={bucket}, minn={minn}, maxn={maxn}, loss={loss}, model={model}"
        )
    supervised = _MODELS[model] == "supervised"
    if version == _OLDEST and supervised:
        maxn = 0
    at = 8 + _HEADER.size
    entries, word_count, labels, tokens, pruned = _SIZES.unpack_from(data, at)
    if entries < 1 or word_count < 0 or labels < 0 or word_count + labels != entries or tokens < 0:
        raise ValueError(
            f"{name}: damaged: {entries} dictionary entries for {word_count} words, {labels} labels, {tokens} tokens"
        )
    words, counts, at = _dictionary(name, data, at + _SIZES.size, entries)
    if pruned > 0 or data[at]:
        raise ValueError(
            f"{name}: a quantised or pruned model: only models as training writes them (.bin) are read; "
            "`fasttext quantize` made this one from such a file"
        )
    parts, at = _matrix(name, data, at, dim)
    output, at = _matrix(name, data, at, dim)
    if at != len(data):
        raise ValueError(f"{name}: damaged: {len(data) - at} bytes more than the model has")
    if maxn == 0 and len(parts) == word_count:
        bucket = 0
    if len(parts) != word_count + bucket or len(output) != (labels if supervised else word_count):
        raise ValueError(f"{name}: damaged: {len(parts)} vectors for {word_count} words and {bucket} buckets")
    about = About(
        dim, ws, epoch, min_count, neg, _LOSSES[loss], _MODELS[model], bucket, minn, maxn, t, tokens,
        words[:word_count], counts[:word_count],
    )  # fmt: skip
    return about, parts, output


def _dictionary(name: str, data: mmap.mmap, at: int, count: int) -> tuple[list[str], np.ndarray, int]:
    """Words, their counts, where the dictionary ends: entries "word\\0", count (int64), kind (int8); words come first."""
    words: dict[str, int] = {}
    for _ in range(count):
        end = data.find(b"\0", at)
        if end < 0:
            raise IndexError
        word = data[at:end].decode("utf-8", "surrogateescape")
        number, kind = _ENTRY.unpack_from(data, end + 1)
        if number < 0 or kind not in (0, 1):
            raise ValueError(f"{name}: damaged: count {number} and kind {kind} of the word {word!r:.60}")
        if word in words:
            raise ValueError(f"{name}: damaged: the word {word!r:.60} twice")
        words[word] = number
        at = end + 1 + _ENTRY.size
    return list(words), np.fromiter(words.values(), np.int64, count), at


def _matrix(name: str, data: mmap.mmap, at: int, dim: int) -> tuple[np.ndarray, int]:
    """The matrix at a place in the file, and where it ends."""
    quantised, rows, columns = _SHAPE.unpack_from(data, at)
    if quantised:
        raise ValueError(f"{name}: a quantised matrix: only models as training writes them (.bin) are read")
    if rows < 0 or columns != dim:
        raise ValueError(f"{name}: damaged: a matrix of {rows} x {columns}, expected {dim} columns")
    at += _SHAPE.size
    if rows * columns * 4 > len(data) - at:
        raise IndexError
    matrix = np.frombuffer(data, "<f4", rows * columns, at).reshape(rows, columns)
    return matrix, at + matrix.nbytes
