"""Docstrings and their first lines, as texts and summaries of these."""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ._prose import WORD, prose
from ._python_docs import STRING, docstrings_of, source_files

_SIGNATURE = re.compile(r"[\w.]+\(.*\)(\s*->.*)?", re.DOTALL)
_SUMMARY, _BODY = range(3, 26), 12


def docstring_summaries() -> tuple[list[list[str]], list[list[str]]]:
    """Return the docstrings of Python and NumPy that are installed on this machine, and the first line of each.

    A docstring without its first paragraph is a text, of at least twelve words, and this paragraph, of three to 25 words, its
    summary. Both are lower-case words as those of `python_docs`; each sentence of a text ends with ".". Equal texts occur
    once.

    Returns:
        The texts, and a summary for each: with CPython 3.11 and NumPy 2.4 about 3,800 pairs (other versions differ a little),
        in the same order for the same installation.

    >>> from seqnn.data import docstring_summaries
    >>> texts, summaries = docstring_summaries()
    >>> len(texts) == len(summaries) > 2000
    True
    >>> " ".join(summaries[texts.index(next(text for text in texts if text[:3] == ["returns", "an", "id"]))])
    'enter a new event in the queue at an absolute time'
    """
    pairs = _pairs()
    return [list(text) for text in pairs], [list(summary) for summary in pairs.values()]


@functools.cache
def _pairs() -> dict[tuple[str, ...], tuple[str, ...]]:
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for docstring in _docstrings():
        head, _, body = inspect.cleandoc(docstring).partition("\n\n")
        if _SIGNATURE.fullmatch(head):
            head, _, body = body.partition("\n\n")
        summary = tuple(WORD.findall(head.lower()))
        text = tuple(word for sentence in prose(body) for word in (*sentence, "."))
        if len(summary) in _SUMMARY and len(text) >= _BODY:
            found.setdefault(text, summary)
    return found


def _docstrings() -> Iterator[str]:
    """Yield docstrings, in an order that depends on nothing but the installed files."""
    for root in (Path(os.__file__).parent, Path(np.__file__).parent):
        for path in source_files(root):
            if path.suffix == ".py":
                yield from (match[2] for match in STRING.finditer(path.read_text(encoding="utf-8", errors="replace")))
    for name in sorted(set(sys.builtin_module_names) & set(sys.modules)):
        yield from docstrings_of(sys.modules[name])
    for name in sorted(vars(np)):
        if isinstance(vars(np)[name], np.ufunc):
            yield vars(np)[name].__doc__ or ""
