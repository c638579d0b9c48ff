"""Settings of the classifier of texts: first vectors, the prefix of labels, a callback."""

from __future__ import annotations

from typing import Any

from .._callbacks import checked_callbacks
from .._settings import Setting
from ..embed import KeyedVectors
from ._fasttext_texts import is_path
from ._pretrained import Pretrained

__all__ = ["Prefix", "Vectors", "one_callback"]


class Vectors(Setting[Any]):
    """Vectors of words that exist already, or the path of a file of them; files keep the model's own."""

    def __init__(self) -> None:
        super().__init__(None, saved=False)

    def _check(self, name: str, value: Any) -> Pretrained:
        found = Pretrained(KeyedVectors.load(value) if is_path(value) else value, name)
        if found.words is None:
            raise TypeError(f"{name}: expected KeyedVectors or a pair (matrix, words), got a matrix without words")
        return found


class Prefix(Setting[str]):
    """A string that is not empty and holds no white space."""

    def _check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value.split() != [value]:
            raise ValueError(f"{name}: expected a string without white space such as '__label__', got {value!r:.60}")
        return value


def one_callback(name: str, value: Any) -> Any:
    """Return a callback, checked."""
    return checked_callbacks([value], name)[0]
