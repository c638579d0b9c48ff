"""Keys of vectors: words, or row numbers; and the shorthands for lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Key = str | int

_KEYS = (str, int, np.integer)  # to join types in each call would take longer than to look


def is_key(item: object) -> bool:
    """Tell a key (or a row number) from a vector or a list."""
    return isinstance(item, _KEYS)


def key_list(keys: Any, name: str) -> list:
    """Return keys as a list; a TypeError for a string, whose characters would be taken for keys."""
    if isinstance(keys, str | bytes):
        raise TypeError(f"{name}: expected a list of keys, got a string: [{keys!r}]")
    if not isinstance(keys, Iterable):
        raise TypeError(f"{name}: expected a list of keys, got {keys!r:.60}")
    return list(keys)


def as_list(items: Any) -> list:
    """Return a list of items for gensim's shorthands: None is no item, one key or one vector is a list of itself.

    An array of strings or of objects is a list of keys.
    """
    if items is None:
        return []
    if is_key(items) or (isinstance(items, np.ndarray) and items.ndim == 1 and items.dtype.kind not in "USTO"):
        return [items]
    return items.tolist() if isinstance(items, np.ndarray) and items.ndim == 1 else list(items)
