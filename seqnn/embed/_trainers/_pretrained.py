"""Vectors that exist already: a model begins with them, and keeps some of them as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..._arguments import number
from ..._settings import Setting
from .._vectors import FastTextKeyedVectors, KeyedVectors


class FirstVectors(Setting[KeyedVectors | None]):
    """`KeyedVectors` (also gensim's), a pair (matrix, words), the path of a file of vectors, or None."""

    def __init__(self) -> None:
        super().__init__(None, saved=False)

    def _check(self, name: str, value: Any) -> KeyedVectors:
        if isinstance(value, KeyedVectors):
            return value
        if isinstance(value, str | bytes | os.PathLike):
            return KeyedVectors.load(value)
        if isinstance(value, tuple) and len(value) == 2:
            return KeyedVectors.from_arrays(value[1], value[0])
        if hasattr(value, "key_to_index") and hasattr(value, "vectors"):
            return KeyedVectors.from_arrays(value.index_to_key, value.vectors)
        hint = ": give its vectors, model.wv" if hasattr(value, "wv") else ""
        raise TypeError(
            f"{name}: expected KeyedVectors, a pair (matrix, words) or the path of a file of vectors, got "
            f"{type(value).__name__}{hint}"
        )


class Freeze(Setting[Any]):
    """True or False, words, or a factor for each of some words: what share of their changes they take."""

    def __init__(self) -> None:
        super().__init__(False, saved=False)

    def _check(self, name: str, value: Any) -> bool | dict[str, float]:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if isinstance(value, Mapping):
            return {word: number(f"{name}[{word!r}]", factor, minimum=0) for word, factor in value.items()}
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise TypeError(f"{name}: expected True, False, words, or a factor for each word, got {value!r:.60}")
        words = list(value)
        if not all(isinstance(word, str | int | np.integer) for word in words):
            raise TypeError(f"{name}: expected True, False, words, or a factor for each word, got {value!r:.60}")
        return dict.fromkeys(words, 0.0)


def check_pretrained(given: KeyedVectors | None, freeze: bool | dict[str, float], size: int) -> None:
    """Raise a ValueError where the first vectors have another size than the model's, or words to keep are not theirs."""
    if given is None:
        if freeze:
            raise ValueError(
                "freeze: expected pretrained vectors that can be kept, got pretrained=None (model.wv.freeze(words) keeps "
                "vectors of a model)"
            )
        return
    if given.vector_size != size:
        raise ValueError(
            f"pretrained: expected vectors of {size} numbers, as vector_size says, got {given.vector_size}: set "
            "vector_size to it"
        )
    for word in freeze if isinstance(freeze, dict) else ():
        if word not in given.key_to_index and not (isinstance(word, str) and word in given):
            raise ValueError(f"freeze: expected words of the pretrained vectors, got {word!r:.60}")


def begin_with(wv: KeyedVectors, given: KeyedVectors, freeze: bool | dict[str, float], first: int = 0) -> None:
    """Give the words of `wv`, from row `first` on, the vectors that they have in `given`, and freeze them where it is asked.

    Vectors with n-grams also give theirs to a model with the same kind of n-grams.

    Raises:
        ValueError: no word has a vector there, or one that is not finite.
    """
    words: Sequence[Any] = wv.index_to_key[first:]
    known = [word for word in words if word in given]
    if not known:
        if first or not words:
            return
        raise ValueError(
            f"pretrained: expected vectors of some of the {len(words)} words, such as {words[0]!r:.60}, got none of them"
        )
    with np.errstate(over="ignore"):
        vectors = given.get_vectors(known).astype(np.float32, copy=False)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"pretrained: expected finite numbers, got NaN or infinity for {known[int(finite.argmin())]!r}"
        )
    if not first and isinstance(wv, FastTextKeyedVectors) and isinstance(given, FastTextKeyedVectors):
        wv._take_ngrams(given)
    wv.add_vectors(known, vectors, replace=True)
    factors = dict.fromkeys(known, 0.0) if freeze is True else freeze or {}
    groups: dict[float, list[str]] = {}
    for word in known:
        if word in factors:
            groups.setdefault(factors[word], []).append(word)
    for factor, some in groups.items():
        wv.freeze(some, factor)
