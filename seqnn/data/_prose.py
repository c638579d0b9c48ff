"""Prose out of docstrings and reStructuredText: sentences of plain words, without code, tables and markup."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

_UNDERLINE = re.compile(r"([^\w\s])\1{2,}\s*$")
_TABLE = re.compile(r"\|.*\||^\+[-=+]+|\S {3,}\S.* {3,}\S|={3,} +={3,}|-{3,} +-{3,}")
_PROMPT = re.compile(r">>>|\.\.\. |\$ |In \[\d+\]")
_DIRECTIVE = re.compile(r"\.\. +(\[\w+\]|[\w:-]+::|_)\s*(.*)")
_ADMONITIONS = ("note", "warning", "important", "tip", "caution", "seealso", "attention", "hint")
_BULLET = re.compile(r"(?:[-*+o•]|\(?\w{1,2}[.)]) +(?=\S)")

# A sign that must occur, the pattern, what takes its place.
_MARKUP = [
    ("`", re.compile(r":[\w:]+:`~?!?([^`<]*?)(?: *<[^`>]*>)?`"), r"\1"),
    ("`", re.compile(r"`([^`<]*?) *<[^`>]*>`_{0,2}"), r"\1"),
    ("://", re.compile(r"\w+://\S+"), " "),
    ("@", re.compile(r"\S+@\S+\.\w+"), " "),
    ("]_", re.compile(r"\[\w+\]_"), " "),
    (".", re.compile(r"\b(e\.g|i\.e|etc|vs|cf|resp|incl)\."), lambda m: m[1].replace(".", "")),
]
_END = re.compile(r"(?<=[.!?;:])[\"')]*\s+(?=\S)")
WORD = re.compile(r"[a-z][a-z0-9]*(?:[_'-][a-z0-9]+)*")
_CODE = re.compile(r"[=(){}\[\]<>\\|@#$%&+*/^~\"]|\b\d|_\b|\b_|\.\w")
_FUNCTION_WORDS = frozenset(
    WORD.findall(
        "a an and are as at be been but by can do does for from has have how if in into is it its may must no not of on "
        "or should so such than that the their then there these this to used was we when where which will with you"
    )
)


def prose(text: str) -> Iterator[list[str]]:
    """Yield the sentences of a docstring, each a list of lower-case words."""
    for paragraph in _paragraphs(text):
        for sign, pattern, replacement in _MARKUP:
            if sign in paragraph:
                paragraph = pattern.sub(replacement, paragraph)
        for sentence in _END.split(paragraph):
            words = WORD.findall(sentence.lower())
            if len(words) >= 3 and _is_prose(sentence, words):
                yield words


def _is_prose(sentence: str, words: list[str]) -> bool:
    """Tell English from code: it has few signs of code, and the short words that hold sentences together."""
    if 3 * len(_CODE.findall(sentence)) > len(words) + 6:
        return False
    return sum(word in _FUNCTION_WORDS for word in words) * 8 >= len(words)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield runs of lines with one indentation, outside of examples, literal blocks and tables."""
    lines: list[str] = []
    indent = 0
    skip_deeper: int | None = None  # inside a block that is left out: everything indented deeper than this
    example = False
    for raw in [*inspect.cleandoc(text).splitlines(), ""]:
        line = raw.strip()
        deep = len(raw) - len(raw.lstrip())
        if not line:
            if lines and lines[-1].endswith("::"):
                skip_deeper = indent
            yield " ".join(lines)
            lines, example = [], False
            continue
        if skip_deeper is not None:
            if deep > skip_deeper:
                continue
            skip_deeper = None
        if example or _PROMPT.match(line):
            example = True
            continue
        if _UNDERLINE.match(line):
            yield " ".join(lines[:-1])
            lines = []
            continue
        if directive := _DIRECTIVE.match(line):
            yield " ".join(lines)
            lines = []
            if directive[1].removesuffix("::") not in _ADMONITIONS:
                skip_deeper = deep
            continue
        if _TABLE.search(line) or "::=" in line:
            continue
        bullet = _BULLET.match(line)
        if bullet or deep != indent:
            yield " ".join(lines)
            lines = []
        indent = deep + (bullet.end() if bullet else 0)
        lines.append(line[bullet.end() :] if bullet else line)
