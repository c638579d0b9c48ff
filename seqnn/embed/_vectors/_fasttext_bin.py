"""The `.bin` files of the original fastText: settings, dictionary, and two matrices, read where they lie in the file."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..._atomic import atomic_write
from ..._files import Path, Source, TruncatedError
from ._subwords import Subwords
from ._vector_words import WordDecodeError

_MAGIC = (793712314).to_bytes(4, "little")
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
    """The contents of a file but for its matrices, under the names of the original's options."""

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

    @property
    def subwords(self) -> Subwords:
        """The n-grams of the model: all have a row."""
        return Subwords(self.minn, self.maxn, self.bucket)


def is_model(start: bytes) -> bool:
    """Tell from its first bytes whether a file is one of fastText, also of the time before 2017, when it had no magic."""
    if start.startswith(_MAGIC):
        return True
    if len(start) < _HEADER.size:
        return False
    dim, ws, epoch, _, _, _, loss, model, bucket, minn, maxn, _, t = _HEADER.unpack_from(start)
    return 0 < dim < 1 << 16 and 0 < ws < 1 << 16 and min(epoch, bucket, minn, maxn) >= 0 <= t and (
        loss in _LOSSES and model in _MODELS
    )  # fmt: skip


def read_fasttext(
    source: Source, encoding: str = "utf-8", unicode_errors: str = "strict"
) -> tuple[About, np.ndarray, np.ndarray]:
    """Read a file that `fasttext skipgram`, `cbow` or `supervised` wrote.

    Words that are not UTF-8 keep their bytes as surrogates, unless another `encoding` or treatment is asked for.

    Returns what the file says, the input matrix (the words, then the n-grams where there are any) and the output matrix
    [V, dim] ([labels, dim] of supervised models): float32, read-only, mapped into memory. ValueError for other files,
    newer versions, truncated, damaged and quantised ones (`.ftz`).
    """
    data = source.mapping()
    if len(data) < 8:
        raise ValueError(f"{source.name}: too short for a fastText model")
    errors = "surrogateescape" if (encoding, unicode_errors) == ("utf-8", "strict") else unicode_errors
    try:
        return _Reader(source.name, data, encoding, errors).model()
    except (struct.error, IndexError):
        raise TruncatedError(f"{source.name}: truncated: {len(data)} bytes are not the whole model") from None


class _Reader:
    """A file that is read from its start to its end; `at` is how far."""

    def __init__(self, name: str, data: mmap.mmap | bytes, encoding: str, errors: str) -> None:
        self.name, self.data, self.at = name, data, 0
        self.encoding, self.errors = encoding, errors
        self.old = data[:4] != _MAGIC

    def damaged(self, what: str) -> ValueError:
        return ValueError(f"{self.name}: damaged: {what}")

    def take(self, form: struct.Struct) -> tuple:
        """Read some numbers."""
        values = form.unpack_from(self.data, self.at)
        self.at += form.size
        return values

    def model(self) -> tuple[About, np.ndarray, np.ndarray]:
        version = 0
        if self.old and not is_model(self.data[: _HEADER.size]):
            raise ValueError(f"{self.name}: not a .bin file of fastText: it begins with {self.data[:8]!r}")
        if not self.old:
            _, version = self.take(struct.Struct("<2i"))
            if not _OLDEST <= version <= _NEWEST:
                raise ValueError(
                    f"{self.name}: version {version} of fastText's format is not known (known: {_OLDEST}, {_NEWEST})"
                )
        dim, ws, epoch, min_count, neg, _, loss, model, bucket, minn, maxn, _, t = self.take(_HEADER)
        if dim < 1 or bucket < 0 or minn < 0 or maxn < 0 or loss not in _LOSSES or model not in _MODELS:
            raise self.damaged(f"dim={dim}, bucket={bucket}, minn={minn}, maxn={maxn}, loss={loss}, model={model}")
        supervised = _MODELS[model] == "supervised"
        if version <= _OLDEST and supervised:
            maxn = 0
        entries, word_count, labels, tokens = self.take(struct.Struct("<iiiq"))
        pruned = -1 if self.old else self.take(struct.Struct("<q"))[0]
        if entries < 1 or word_count < 0 or labels < 0 or word_count + labels != entries or tokens < 0:
            raise self.damaged(f"{entries} dictionary entries for {word_count} words, {labels} labels, {tokens} tokens")
        words, counts = self.dictionary(entries)
        if pruned > 0 or (not self.old and self.data[self.at]):
            raise ValueError(
                f"{self.name}: a quantised or pruned model: only models as training writes them (.bin) are read; "
                "`fasttext quantize` made this one from such a file"
            )
        parts, output = self.matrix(dim), self.matrix(dim)
        if self.at != len(self.data):
            raise self.damaged(f"{len(self.data) - self.at} bytes more than the model has")
        without = maxn < max(minn, 1)
        if len(parts) != word_count + bucket and not (without and len(parts) == word_count):
            raise self.damaged(f"{len(parts)} vectors for {word_count} words and {bucket} buckets")
        if len(output) != (labels if supervised else word_count):
            raise self.damaged(f"{len(output)} output vectors for {word_count} words, {labels} labels")
        if without:  # the other rows, if any, are those of n-grams of words
            bucket, parts = 0, parts[:word_count]
        about = About(
            dim, ws, epoch, min_count, neg, _LOSSES[loss], _MODELS[model], bucket, minn, maxn, t, tokens,
            words[:word_count], counts[:word_count],
        )  # fmt: skip
        try:
            about.subwords  # noqa: B018 (it checks the numbers)
        except ValueError as error:
            raise self.damaged(str(error)) from None
        return about, parts, output

    def dictionary(self, count: int) -> tuple[list[str], np.ndarray]:
        """Read words and their counts: entries "word\\0", count (int64), kind (int8); words come first."""
        words: dict[str, int] = {}
        for _ in range(count):
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise IndexError
            word = self.decoded(self.data[self.at : end])
            self.at = end + 1
            number, kind = self.take(_ENTRY)
            if number < 0 or kind not in (0, 1):
                raise self.damaged(f"count {number} and kind {kind} of the word {word!r:.60}")
            if word in words:
                raise self.damaged(f"the word {word!r:.60} twice")
            words[word] = number
        return list(words), np.fromiter(words.values(), np.int64, count)

    def decoded(self, word: bytes) -> str:
        try:
            return word.decode(self.encoding, self.errors)
        except UnicodeDecodeError as error:
            raise WordDecodeError(error, f"{self.name}: {word!r:.60}") from None

    def matrix(self, dim: int) -> np.ndarray:
        """Read the matrix at this place in the file."""
        quantised, rows, columns = (False, *self.take(struct.Struct("<2q"))) if self.old else self.take(_SHAPE)
        if quantised:
            raise ValueError(f"{self.name}: a quantised matrix: only models as training writes them (.bin) are read")
        if rows < 0 or columns != dim:
            raise self.damaged(f"a matrix of {rows} x {columns}, expected {dim} columns")
        if rows * columns * 4 > len(self.data) - self.at:
            raise IndexError
        matrix = np.frombuffer(self.data, "<f4", rows * columns, self.at).reshape(rows, columns)
        self.at += matrix.nbytes
        return matrix


def write_fasttext(path: Path, about: About, parts: Iterable[np.ndarray], output: Iterable[np.ndarray]) -> None:
    """Write such a file; on any error the old one stays. The matrices come in blocks of rows.

    `parts` must add up to V + bucket rows, `output` to V.
    """
    names = [word.encode("utf-8", "surrogateescape") for word in about.words]
    if bad := [word for word, name in zip(about.words, names, strict=True) if b"\0" in name]:
        raise ValueError(f"{bad[0]!r}: the format cannot hold words with a zero byte")
    loss, model = (next(n for n, text in table.items() if text == value)
                   for table, value in ((_LOSSES, about.loss), (_MODELS, about.model)))  # fmt: skip
    with atomic_write(path) as file:
        file.write(_MAGIC + struct.pack("<i", _NEWEST))
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
