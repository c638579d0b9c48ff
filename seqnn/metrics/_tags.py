"""Sentences of span tags as numbers, checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ._schemes import Scheme


class Numbers(dict[Any, int]):
    """Numbers items in the order in which they are first asked for."""

    def __missing__(self, item: Any) -> int:
        self[item] = number = len(self)
        return number


@dataclass(frozen=True)
class TaggedSentences:
    """Tags of sentences: sentence s is tags[offsets[s] : offsets[s + 1]], numbers of `names`.

    `prefixes` (numbers for the kernel) and `types` (numbers of `type_names`, -1 for O) belong to each name.
    """

    tags: np.ndarray
    offsets: np.ndarray
    names: list[str]
    prefixes: np.ndarray
    types: np.ndarray
    type_names: list[str]


def read_tags(sides: dict[str, Any], scheme: Scheme, suffix: bool) -> dict[str, TaggedSentences]:
    """Return the sentences of each side (its argument's name: a list of tag lists); they share names and types.

    Raises:
        TypeError: what is no list of lists of strings.
        ValueError: a tag that the scheme does not have.
    """
    numbers, types = Numbers(), Numbers()
    arrays = {name: number_tags(name, sentences, numbers) for name, sentences in sides.items()}
    names = list(numbers)
    prefixes, kinds = np.zeros(len(names), np.uint8), np.full(len(names), -1, np.int32)
    for place, tag in enumerate(names):
        prefix, kind = split_tag(tag, scheme, suffix)
        if prefix is None:
            raise ValueError(f"{_where(arrays, place)}: expected {_expected(scheme, suffix)}, got {tag!r}")
        prefixes[place] = scheme.number(prefix)
        if prefix != "O":
            kinds[place] = types[kind]
    return {
        name: TaggedSentences(tags, offsets, names, prefixes, kinds, list(types))
        for name, (tags, offsets) in arrays.items()
    }


def split_tag(tag: Any, scheme: Scheme, suffix: bool) -> tuple[str | None, str]:
    """Return prefix and type of a tag such as B-PER, or B (of type "_"); None and "" for what is none of the scheme's."""
    if not isinstance(tag, str) or not tag:
        return None, ""
    prefix, rest = (tag[-1], tag[:-1][::-1]) if suffix else (tag[0], tag[1:])
    if prefix not in scheme.prefixes or (rest and (rest[0] != "-" or prefix == "O")):
        return None, ""
    kind = rest[1:][::-1] if suffix else rest[1:]
    return prefix, kind or "_"


def number_tags(name: str, sentences: Any, numbers: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Return the tags of all sentences as numbers (int32), and the offsets where sentences begin."""
    if isinstance(sentences, str) or not isinstance(sentences, Iterable):
        raise TypeError(f"{name}: expected a list of tag lists, got {type(sentences).__name__}: {sentences!r:.60}")
    sentences = list(sentences)
    for kind in {*map(type, sentences)}:
        if issubclass(kind, str) or not issubclass(kind, Sequence | np.ndarray):
            sentence = next(sentence for sentence in sentences if type(sentence) is kind)
            hint = "; write [tags] for a single sentence" if issubclass(kind, str) else ""
            raise TypeError(
                f"{name}: expected a list of tag lists, got a list of {kind.__name__}: {sentence!r:.60}{hint}"
            )
    offsets = np.zeros(len(sentences) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, sentences), np.int64, len(sentences)), out=offsets[1:])
    try:
        tags = np.fromiter(map(numbers.__getitem__, chain.from_iterable(sentences)), np.int32, offsets[-1])
    except TypeError:
        wrong = next(tag for sentence in sentences for tag in sentence if not isinstance(tag, str))
        raise TypeError(f"{name}: a tag must be a string, got {type(wrong).__name__}: {wrong!r:.60}") from None
    return tags, offsets


def place_of(offsets: np.ndarray, token: int) -> tuple[int, int]:
    """Return the sentence and the place in it of a token of all sentences."""
    sentence = int(np.searchsorted(offsets, token, side="right")) - 1
    return sentence, token - int(offsets[sentence])


def _where(arrays: dict[str, tuple[np.ndarray, np.ndarray]], number: int) -> str:
    for name, (tags, offsets) in arrays.items():
        found = np.flatnonzero(tags == number)
        if len(found):
            sentence, token = place_of(offsets, int(found[0]))
            return f"{name}[{sentence}][{token}]"
    raise AssertionError(number)


def _expected(scheme: Scheme, suffix: bool) -> str:
    prefixes = [prefix for prefix in scheme.prefixes if prefix != "O"]
    form = "TYPE-X" if suffix else "X-TYPE"
    return f"O, or {form} with one of {' '.join(prefixes)} as X ({scheme.name})"
