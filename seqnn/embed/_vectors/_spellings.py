"""Words that are spelled like one that is not there."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice

from ._keyed_rows import KeyedRows

_SEARCHED = 100_000
"""The words that are searched for near spellings: the first ones."""


def near_spellings(wv: KeyedRows, word: str, count: int = 3) -> list[str]:
    """Find words that differ only in capitals, or else by a few letters; keys that are no text are none of them."""
    first = [key for key in islice(wv.index_to_key, _SEARCHED) if isinstance(key, str)]
    folded = word.casefold()
    if same := [other for other in first if other.casefold() == folded]:
        return same[:count]
    alike = [other for other in first if abs(len(other) - len(word)) <= 2 and set(other[:2]) & set(word[:2])]
    return get_close_matches(word, alike, count, 0.7)
