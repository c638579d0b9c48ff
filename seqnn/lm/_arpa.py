"""ARPA files of n-gram models: text with log10 probabilities, written in C on all threads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _core
from .._atomic import atomic_write
from .._files import Path
from .._strings import pack
from ..text import split_words
from ._ngram_trie import Trie

_ROWS = 1 << 16
"""N-grams that are written in one step."""


def write_arpa(path: Path, words: Sequence[str], trie: Trie) -> None:
    """Write a back-off model; a name that ends in .gz, .bz2 or .xz is packed.

    Args:
        path: the file.
        words: words by their numbers.
        trie: log10 probabilities and weights of backing off.

    Raises:
        ValueError: an empty word, or one with white space, which would come back as none or several.
    """
    if (odd := next((word for word in words if split_words(word) != [word]), None)) is not None:
        raise ValueError(
            f"save_arpa: the word {odd!r} is empty or has white space, which an ARPA file cannot hold; use save()"
        )
    pool, offsets = pack(words)
    sizes = np.diff(offsets)
    with atomic_write(path, compress=True) as file:
        header = "".join(f"ngram {n}={count}\n" for n, count in enumerate(trie.counts, 1))
        file.write(f"\\data\\\n{header}".encode())
        rows = np.zeros((1, 0), np.int32)
        for n, level in enumerate(trie.levels(), 1):
            file.write(f"\n\\{n}-grams:\n".encode())
            rows = np.concatenate([rows[level.parents], level.words.astype(np.int32)[:, None]], axis=1)
            figures = [None if bits is None else bits.view(np.float32) for bits in (level.first, level.second)]
            for i in range(0, len(rows), _ROWS):
                part = rows[i : i + _ROWS]
                text = np.empty(sizes[part].sum() + part.size + 2 * _core.arpa.NUMBER * len(part), np.uint8)
                values = (None if x is None else x[i : i + _ROWS] for x in figures)
                used = _core.arpa_format(part, *values, pool, offsets, text)
                file.write(text[: used[0]].data)
        file.write(b"\n\\end\\\n")
