"""What may be given as a corpus: which files it names, or its sentences as lists of tokens."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any

import numpy as np

from ._text_files import list_files

Tokenizer = Callable[[str], Iterable[str]]

_SPACE = re.compile(r"\s")

_CHUNK = 256
"""Sentences that are handled at a time."""


def is_one_shot(source: Any) -> bool:
    """Tell whether a corpus can be read only once: a generator, a `map`, an open file.

    Args:
        source: what may be given as a corpus.

    Returns:
        True where it can be read only once.

    >>> from seqnn.text import is_one_shot
    >>> is_one_shot([["a", "b"]]), is_one_shot(s.split() for s in ["a b"]), is_one_shot("corpus.txt")
    (False, True, False)
    """
    return hasattr(source, "__next__")


def is_open_file(source: Any) -> bool:
    """Tell whether the source is an open file, where its path is wanted."""
    return hasattr(source, "read")


def files_of(source: Any) -> list[str] | None:
    """List the text files that the source names: a path, a directory, several paths; None when it names none.

    A list of strings names files if all of them do. If some do, those without white space are files that are missing.
    """
    if isinstance(source, str | os.PathLike):
        return list_files(source)
    if isinstance(source, (list, tuple)) and source:
        if all(isinstance(item, os.PathLike) for item in source):
            return list_files(source)
        if all(map(isinstance, source, repeat(str))) and any(map(os.path.exists, source[:_CHUNK])):
            missing = [item for item in source if not os.path.exists(item)]
            return None if any(_SPACE.search(item) for item in missing) else list_files(source)
    return None


def encoded_of(source: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the source as (ids, offsets) if it is a pair of integer arrays, else None."""
    pair = isinstance(source, tuple) and len(source) == 2
    if pair and all(isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype.kind in "iu" for part in source):
        return source
    return None


def strings_of(source: Any) -> Sequence[str] | None:
    """Return the source if it is a list of strings, or a column of strings without missing values; else None."""
    column = _column(source)
    strings = source if column is None else column
    return strings if isinstance(strings, (list, tuple)) and set(map(type, strings)) == {str} else None


def sentence_chunks(source: Any, tokenizer: Tokenizer | None) -> Iterator[list[list[str] | tuple[str, ...]]]:
    """Yield the sentences of any iterable source, some at a time, each a list or tuple of tokens (not yet checked).

    Sentences: lists of tokens; strings, which `tokenizer` splits; a pandas, Polars or Arrow column of strings (split at
    whitespace) or of token lists, missing values being empty sentences.
    """
    split = tokenizer
    if isinstance(source, bytes | bytearray):
        raise TypeError(f"sentences: got {type(source).__name__}; decode it, split it into token lists")
    if _holds_numbers(source):
        raise TypeError(
            "sentences: got numbers; encoded sentences are a tuple (ids, offsets) of two 1-D arrays of integers; "
            "of numbers as tokens make text, [[str(t) for t in s] for s in sentences]"
        )
    if hasattr(source, "columns") and not callable(source.columns):
        raise TypeError(
            f"sentences: got a whole table ({type(source).__name__}); give one column, such as table['text']"
        )
    if (column := _column(source)) is not None:
        source = column
        split = tokenizer or str.split
    try:
        iterator = iter(source)
    except TypeError:
        raise TypeError(
            "sentences: expected token lists, a path, a string column or encoded (ids, offsets) arrays, "
            f"got {type(source).__name__}"
        ) from None
    if is_open_file(source):
        raise TypeError("sentences: got an open file; give its path")
    done = 0
    while chunk := list(islice(iterator, _CHUNK)):
        if not set(map(type, chunk)) <= {list, tuple}:
            chunk = [_tokens(s, done + i, split, column is not None) for i, s in enumerate(chunk)]
        yield chunk
        done += len(chunk)


def _holds_numbers(source: Any) -> bool:
    """Tell an array of numbers, or a pair of such: meant as encoded sentences, but of the wrong type or shape."""
    parts = source if isinstance(source, (tuple, list)) and len(source) == 2 else (source,)
    return all(isinstance(part, np.ndarray) and part.dtype.kind in "biufc" for part in parts)


def _column(source: Any) -> list[Any] | None:
    """Return the values of a pandas or Polars series or an Arrow array, known by their methods; None for anything else."""
    for method in ("to_pylist", "to_list"):
        if hasattr(source, method) and hasattr(source, "__len__") and not hasattr(source, "append_child"):
            return getattr(source, method)()
    return None


def _tokens(sentence: Any, number: int, split: Tokenizer | None, missing_allowed: bool) -> list[str] | tuple[str, ...]:
    """Return one sentence as a list or tuple."""
    if isinstance(sentence, str) and split is not None:
        tokens = split(sentence)
        if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
            raise TypeError(f"tokenizer: expected a list of tokens, it returned {tokens!r:.60} for {sentence!r:.60}")
        return list(tokens)
    if isinstance(sentence, (list, tuple)):
        return sentence
    if isinstance(sentence, str):
        raise TypeError(
            f"sentence {number} is a bare string, {sentence!r:.60}, where a list of tokens is expected; "
            "wrap it: [s.split()], or give a tokenizer"
        )
    if isinstance(sentence, bytes) or not isinstance(sentence, Iterable):
        if missing_allowed and _is_missing(sentence):
            return []
        raise TypeError(
            f"sentence {number}: expected a list of tokens, got {type(sentence).__name__}: {sentence!r:.60}"
        )
    return list(sentence)


def _is_missing(value: Any) -> bool:
    """Tell None, NaN, and pandas' NA and NaT, which are not equal to themselves."""
    nan = isinstance(value, float) and math.isnan(value)
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")
