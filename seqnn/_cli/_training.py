"""What the commands that train have in common: corpus, targets, a first look at the vectors."""

from __future__ import annotations

import errno
import os
from typing import Any

from ..data import python_docs
from ..embed._keyed_vectors import KeyedVectors


def named_corpus(paths: list[str]) -> tuple[Any, str]:
    """The corpus and what to call it."""
    if not paths:
        return python_docs(), "the documentation of Python and NumPy"
    return (paths[0], paths[0]) if len(paths) == 1 else (paths, f"{len(paths)} files")


def check_target(path: str | None) -> None:
    """An output that cannot be written should be known before the training."""
    if path is None:
        return
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a folder", path)
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise PermissionError(errno.EACCES, "not writable", path)


def print_neighbours(wv: KeyedVectors, words: int = 5, topn: int = 5) -> None:
    """Print the nearest words of some frequent words: long ones of letters, past the most frequent (function words)."""
    past = min(100, len(wv) // 10)
    content = [w for w in wv.index_to_key[past : past + 1000] if len(w) >= 5 and w.isalpha()] or wv.index_to_key
    chosen = content[:words]
    if len(wv) < 2:
        return
    width = max(map(len, chosen))
    print()
    for word in chosen:
        print(f"{word:>{width}}  " + ", ".join(f"{w} {s:.2f}" for w, s in wv.most_similar(word, topn=topn)))
