"""The `.bin` and `.ftz` files of the original fastText: settings, dictionary, two matrices, read where they lie in the file."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from ..._files import Source, TruncatedError
from ._fasttext_quantized import Quantized
from ._subwords import Subwords
from ._vector_words import WordDecodeError

MAGIC = (793712314).to_bytes(4, "little")
_OLDEST, NEWEST = 11, 12
HEADER = struct.Struct("<12id")
ENTRY = struct.Struct("<qb")
SHAPE = struct.Struct("<?qq")
_ROWS = 1 << 16
"""Vectors that are looked at together."""

LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}


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
    word_ngrams: int = 1
    labels: Sequence[str] = ()
    """Of supervised models, as they stand in the file, with their prefix."""
    label_counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    pruned: np.ndarray | None = None
    """Of a pruned dictionary: the numbers of the n-grams that have a row, in the order of the rows; int32."""

    @property
    def subwords(self) -> Subwords:
        """The n-grams of the model: all have a row."""
        return Subwords(self.minn, self.maxn, self.bucket)


def is_model(start: bytes) -> bool:
    """Tell from its first bytes whether a file is one of fastText, also of the time before 2017, when it had no magic."""
    if start.startswith(MAGIC):
        return True
    if len(start) < HEADER.size:
        return False
    dim, ws, epoch, _, _, _, loss, model, bucket, minn, maxn, _, t = HEADER.unpack_from(start)
    return 0 < dim < 1 << 16 and 0 < ws < 1 << 16 and min(epoch, bucket, minn, maxn) >= 0 <= t and (
        loss in LOSSES and model in MODELS
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
    errors = "surrogateescape" if (encoding, unicode_errors) == ("utf-8", "strict") else unicode_errors
    with _whole(source.name, data):
        return _Reader(source.name, data, encoding, errors).vectors()


def read_classifier(source: Source) -> tuple[About, np.ndarray | Quantized, np.ndarray | Quantized]:
    """Read a file that `fasttext supervised` or `fasttext quantize` wrote: what it says, and its two matrices.

    ValueError for files of other models, newer versions, truncated and damaged ones.
    """
    data = source.mapping()
    with _whole(source.name, data):
        return _Reader(source.name, data, "utf-8", "surrogateescape").classifier()


def finite(name: str, about: About, parts: np.ndarray) -> np.ndarray:
    """Return the input matrix; a ValueError where a vector holds NaN or infinity."""
    for first in range(0, len(parts), _ROWS):
        good = np.isfinite(parts[first : first + _ROWS]).all(1)
        if not good.all():
            row = first + int(np.argmin(good))
            words = len(about.words)
            what = f"the word {about.words[row]!r}" if row < words else f"the n-grams of number {row - words}"
            raise ValueError(f"{name}: the vector of {what} holds NaN or infinity")
    return parts


@contextmanager
def _whole(name: str, data: mmap.mmap | bytes) -> Iterator[None]:
    """Let a reading that goes beyond the end of a file be an error that says so."""
    if len(data) < 8:
        raise ValueError(f"{name}: too short for a fastText model")
    try:
        yield
    except (struct.error, IndexError):
        raise TruncatedError(f"{name}: truncated: {len(data)} bytes are not the whole model") from None


class _Reader:
    """A file that is read from its start to its end; `at` is how far."""

    def __init__(self, name: str, data: mmap.mmap | bytes, encoding: str, errors: str) -> None:
        self.name, self.data, self.at = name, data, 0
        self.encoding, self.errors = encoding, errors
        self.old = data[:4] != MAGIC

    def damaged(self, what: str) -> ValueError:
        return ValueError(f"{self.name}: damaged: {what}")

    def take(self, form: struct.Struct) -> tuple:
        """Read some numbers."""
        values = form.unpack_from(self.data, self.at)
        self.at += form.size
        return values

    def head(self) -> About:
        """Read all but the matrices."""
        version = 0
        if self.old and not is_model(self.data[: HEADER.size]):
            raise ValueError(f"{self.name}: not a .bin file of fastText: it begins with {self.data[:8]!r}")
        if not self.old:
            _, version = self.take(struct.Struct("<2i"))
            if not _OLDEST <= version <= NEWEST:
                raise ValueError(
                    f"{self.name}: version {version} of fastText's format is not known (known: {_OLDEST}, {NEWEST})"
                )
        dim, ws, epoch, min_count, neg, ngrams, loss, model, bucket, minn, maxn, _, t = self.take(HEADER)
        if dim < 1 or bucket < 0 or minn < 0 or maxn < 0 or loss not in LOSSES or model not in MODELS:
            raise self.damaged(f"dim={dim}, bucket={bucket}, minn={minn}, maxn={maxn}, loss={loss}, model={model}")
        if version <= _OLDEST and MODELS[model] == "supervised":
            maxn = 0
        entries, words, labels, tokens = self.take(struct.Struct("<iiiq"))
        pruned = -1 if self.old else self.take(struct.Struct("<q"))[0]
        if entries < 1 or words < 0 or labels < 0 or words + labels != entries or tokens < 0:
            raise self.damaged(f"{entries} dictionary entries for {words} words, {labels} labels, {tokens} tokens")
        names, counts = self.dictionary(entries, words)
        return About(
            dim, ws, epoch, min_count, neg, LOSSES[loss], MODELS[model], bucket, minn, maxn, t, tokens, names[:words],
            counts[:words], ngrams, names[words:], counts[words:], self.pruned(pruned, bucket),
        )  # fmt: skip

    def vectors(self) -> tuple[About, np.ndarray, np.ndarray]:
        """Read a model whose vectors are wanted."""
        about = self.head()
        if (about.pruned is not None and len(about.pruned)) or (not self.old and self.data[self.at]):
            raise ValueError(
                f"{self.name}: a quantised or pruned model: only models as training writes them (.bin) are read; "
                "`fasttext quantize` made this one from such a file"
            )
        parts, output = self.matrix(about.dim), self.matrix(about.dim)
        self.end()
        words, bucket = len(about.words), about.bucket
        without = about.maxn < max(about.minn, 1)
        if len(parts) != words + bucket and not (without and len(parts) == words):
            raise self.damaged(f"{len(parts)} vectors for {words} words and {bucket} buckets")
        if len(output) != (len(about.labels) if about.model == "supervised" else words):
            raise self.damaged(f"{len(output)} output vectors for {words} words, {len(about.labels)} labels")
        if without:  # the other rows, if any, are those of n-grams of words
            about, parts = replace(about, bucket=0), parts[:words]
        try:
            about.subwords  # noqa: B018 (it checks the numbers)
        except ValueError as error:
            raise self.damaged(str(error)) from None
        return about, parts, output

    def classifier(self) -> tuple[About, np.ndarray | Quantized, np.ndarray | Quantized]:
        """Read a supervised model."""
        about = self.head()
        if about.model != "supervised":
            raise ValueError(
                f"{self.name}: a {about.model} model, not a classifier: embed.load_facebook_model reads it"
            )
        quantized = not self.old and bool(self.data[self.at])
        if about.pruned is not None and not quantized:
            raise ValueError(
                f"{self.name}: a pruned model that is not quantised, of an early version: it cannot be read"
            )
        parts: np.ndarray | Quantized = self.quantized(about.dim) if quantized else self.matrix(about.dim)
        output: np.ndarray | Quantized = (
            self.quantized(about.dim) if quantized and self.data[self.at] else self.matrix(about.dim)
        )
        self.end()
        rows = len(about.words) + (about.bucket if about.pruned is None else len(about.pruned))
        if len(parts) != rows or len(output) != len(about.labels):
            raise self.damaged(
                f"{len(parts)} vectors and {len(output)} output vectors, expected {rows} and {len(about.labels)}"
            )
        return about, parts, output

    def pruned(self, count: int, bucket: int) -> np.ndarray | None:
        """Read which n-grams have which rows: pairs (number, row)."""
        if count < 0:
            return None
        pairs = np.frombuffer(self.bytes(8 * count), "<i4").reshape(count, 2)
        order = np.argsort(pairs[:, 1], kind="stable")
        numbers = pairs[order, 0].astype(np.int32)
        good = np.array_equal(pairs[order, 1], np.arange(count)) and len(np.unique(numbers)) == count
        if not good or (count and not 0 <= numbers.min() <= numbers.max() < bucket):
            raise self.damaged(f"rows of {count} n-grams that were kept")
        return numbers

    def quantized(self, dim: int) -> Quantized:
        """Read the quantised matrix at this place in the file."""
        self.at += 1
        found = Quantized.read(self.bytes, self.damaged)
        if found.size != dim:
            raise self.damaged(f"a quantised matrix of {found.size} columns, expected {dim}")
        return found

    def bytes(self, count: int) -> bytes:
        """Read some bytes."""
        if not 0 <= count <= len(self.data) - self.at:
            raise IndexError
        self.at += count
        return self.data[self.at - count : self.at]

    def end(self) -> None:
        """Refuse what comes after the model."""
        if self.at != len(self.data):
            raise self.damaged(f"{len(self.data) - self.at} bytes more than the model has")

    def dictionary(self, count: int, labels_from: int) -> tuple[list[str], np.ndarray]:
        """Read names and counts: entries "word\\0", count (int64), kind (int8); labels begin at entry `labels_from`."""
        words: dict[str, int] = {}
        for _ in range(count):
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise IndexError
            word = self.decoded(self.data[self.at : end])
            self.at = end + 1
            number, kind = self.take(ENTRY)
            if number < 0 or kind != (len(words) >= labels_from):
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
        quantised, rows, columns = (False, *self.take(struct.Struct("<2q"))) if self.old else self.take(SHAPE)
        if quantised:
            raise ValueError(f"{self.name}: a quantised matrix: only models as training writes them (.bin) are read")
        if rows < 0 or columns != dim:
            raise self.damaged(f"a matrix of {rows} x {columns}, expected {dim} columns")
        if rows * columns * 4 > len(self.data) - self.at:
            raise IndexError
        matrix = np.frombuffer(self.data, "<f4", rows * columns, self.at).reshape(rows, columns)
        self.at += matrix.nbytes
        return matrix
