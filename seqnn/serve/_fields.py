"""What a request asks for: its fields, each of which is checked and has a limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["Fields", "RequestError"]


class RequestError(ValueError):
    """A request with a field that cannot be used; the page tells it to the user.

    Args:
        argument: the field.
        expected: what it should be.
        got: what it is.
    """

    def __init__(self, argument: str, expected: str, got: str) -> None:
        super().__init__(f"{argument}: expected {expected}, got {got}")


class Fields:
    """The fields of a request, which is one JSON object.

    Args:
        body: what came.
    """

    def __init__(self, body: bytes) -> None:
        try:
            fields = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise RequestError("request", "a JSON object", _shown(body)) from None
        if not isinstance(fields, dict):
            raise RequestError("request", "a JSON object", _shown(fields))
        self._fields = fields

    def allow(self, *names: str) -> None:
        """Refuse fields of other names."""
        if others := self._fields.keys() - set(names):
            raise RequestError("request", f"the fields {', '.join(names)}", _shown(sorted(others)[0]))

    def text(self, name: str, most: int) -> str:
        """Return a text that is not blank, of at most so many characters."""
        text = self._text(name, self._fields.get(name), most)
        if not text.strip():
            raise RequestError(name, "a text", _shown(text))
        return text

    def words(self, name: str, most: int, least: int = 0) -> list[str]:
        """Return different words, as many as the limits say."""
        return self._words(name, self._fields.get(name, []), most, least)

    def pairs(self, name: str, most: int) -> list[tuple[str, str]]:
        """Return pairs of different words, at least one."""
        pairs = self._list(name, self._fields.get(name), most, 1)
        checked = [self._words(name, pair, 2, 2) for pair in pairs]
        return [(first, second) for first, second in checked]

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Return an integer within the limits."""
        value = self._fields.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise RequestError(name, f"an integer from {least} to {most}", _shown(value))
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a number within the limits."""
        value = self._fields.get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise RequestError(name, f"a number from {least:g} to {most:g}", _shown(value))
        return float(value)

    def choice(self, name: str, options: Sequence[str]) -> str:
        """Return one of the options; the first where nothing is said."""
        value = self._fields.get(name, options[0])
        if value not in options:
            raise RequestError(name, f"one of {', '.join(options)}", _shown(value))
        return value

    def _words(self, name: str, value: Any, most: int, least: int) -> list[str]:
        words = [self._text(name, word, 200) for word in self._list(name, value, most, least)]
        if len(set(words)) < len(words):
            twice = next(word for i, word in enumerate(words) if word in words[:i])
            raise RequestError(name, "different words", f"{_shown(twice)} twice")
        return words

    def _list(self, name: str, value: Any, most: int, least: int) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            got = f"{len(value)} of them" if isinstance(value, list) else _shown(value)
            expected = f"{most}" if least == most else f"{least} to {most}"
            raise RequestError(name, f"a list of {expected}", got)
        return value

    def _text(self, name: str, value: Any, most: int) -> str:
        if not isinstance(value, str):
            raise RequestError(name, "a text", _shown(value))
        if len(value) > most:
            raise RequestError(name, f"at most {most} characters", f"{len(value)}")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise RequestError(name, "a text of Unicode", "half of a surrogate pair")
        return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
