"""Writing of the original fastText's files."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import IO

import numpy as np

from ..._atomic import atomic_write
from ..._files import Path
from ._fasttext_bin import ENTRY, HEADER, LOSSES, MAGIC, MODELS, NEWEST, SHAPE, About
from ._fasttext_quantized import Quantized

_SIZES = struct.Struct("<iiiqq")
_UPDATE_RATE = 100
"""The original's number of words between two updates of the learning rate."""


def write_fasttext(path: Path, about: About, parts: Iterable[np.ndarray], output: Iterable[np.ndarray]) -> None:
    """Write such a file; on any error the old one stays. The matrices come in blocks of rows.

    `parts` must add up to V + bucket rows, `output` to V, or to one for each label of a supervised model.
    """
    with atomic_write(path) as file:
        _write_head(file, about)
        outputs = len(about.labels) if about.model == "supervised" else len(about.words)
        for rows, blocks in ((len(about.words) + about.bucket, parts), (outputs, output)):
            _write_matrix(file, rows, about.dim, blocks)


def write_quantized(path: Path, about: About, parts: Quantized, output: np.ndarray | Quantized) -> None:
    """Write a quantised classifier; on any error the old file stays."""
    with atomic_write(path) as file:
        _write_head(file, about)
        file.write(b"\1")
        parts.write(file)
        if isinstance(output, Quantized):
            file.write(b"\1")
            output.write(file)
        else:
            _write_matrix(file, len(output), about.dim, [output])


def _write_head(file: IO[bytes], about: About) -> None:
    """Write all but the matrices."""
    names = [word.encode("utf-8", "surrogateescape") for word in (*about.words, *about.labels)]
    if bad := next((name for name in names if b"\0" in name), None):
        raise ValueError(f"{bad.decode(errors='replace')!r}: the format cannot hold words with a zero byte")
    loss, model = (next(n for n, text in table.items() if text == value)
                   for table, value in ((LOSSES, about.loss), (MODELS, about.model)))  # fmt: skip
    pruned = about.pruned
    file.write(MAGIC + struct.pack("<i", NEWEST))
    file.write(
        HEADER.pack(
            about.dim, about.ws, about.epoch, about.min_count, about.neg, about.word_ngrams, loss, model, about.bucket,
            about.minn, about.maxn, _UPDATE_RATE, about.t,
        )
    )  # fmt: skip
    kept = -1 if pruned is None else len(pruned)
    file.write(_SIZES.pack(len(names), len(about.words), len(about.labels), about.tokens, kept))
    counts = [*about.counts.tolist(), *about.label_counts.tolist()]
    kinds = [False] * len(about.words) + [True] * len(about.labels)
    entries = zip(names, counts, kinds, strict=True)
    file.write(b"".join(name + b"\0" + ENTRY.pack(count, label) for name, count, label in entries))
    if pruned is not None:
        file.write(np.stack([pruned, np.arange(len(pruned))], axis=1).astype("<i4").tobytes())


def _write_matrix(file: IO[bytes], rows: int, dim: int, blocks: Iterable[np.ndarray]) -> None:
    file.write(SHAPE.pack(False, rows, dim))
    for block in blocks:
        file.write(np.ascontiguousarray(block, "<f4").data)
