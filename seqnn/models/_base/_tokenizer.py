"""The setting that says how strings become tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._settings import Setting
from ...text import SubwordTokenizer, regex_tokenize, split_words, tokenize, treebank_tokenize

__all__ = ["Tokenizer"]

Function = Callable[[str], list[str]]

_OWN = "a function"
_NAMED: dict[str, Function] = {f.__name__: f for f in (tokenize, regex_tokenize, treebank_tokenize, split_words, list)}


class Tokenizer(Setting[Function]):
    """A function from a string to its tokens; a file keeps the names of those of `seqnn.text` and of `list`, and subwords."""

    def __init__(self, default: Function = tokenize) -> None:
        super().__init__(default)

    def _check(self, name: str, value: Any) -> Function:
        if not callable(value):
            raise TypeError(f"{name}: expected a function from a string to a list of tokens, got {value!r:.60}")
        return value

    def pack(self, value: Function) -> str | dict[str, str]:
        """Return the function's name, the subwords, or that it has none which a file could keep."""
        if isinstance(value, SubwordTokenizer):
            return {"subwords": value.to_str()}
        return next((name for name, function in _NAMED.items() if function is value), _OWN)

    def unpack(self, name: str, record: Any) -> Function:
        """Return the function of that name, or the subwords; a ValueError asks for one that no file could keep."""
        if record == _OWN:
            raise ValueError(f"{name}: a file keeps no functions: give that of fit, load(path, {name}=...)")
        if isinstance(record, dict) and isinstance(record.get("subwords"), str):
            return SubwordTokenizer.from_str(record["subwords"])
        if not isinstance(record, str) or record not in _NAMED:
            raise ValueError(f"{name}: expected one of {', '.join(_NAMED)}, got {record!r:.60}")
        return _NAMED[record]
