"""Options of the command line made of the table of settings: name, type, default and help stand there."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from .._settings import Choice, Flag, Integer, Number, Setting, Settings, described

ALIASES = {"vector_size": ("--size",), "workers": ("--threads",)}

SWITCHES = {
    "shrink_windows": ("--fixed-windows", False, "always the full window, instead of a random part of it"),
    "symmetric": ("--right-only", False, "count contexts to the right only"),
    "distance_weighting": ("--equal-weights", False, "count each context 1, not 1 / distance"),
}
"""Settings that are on, and what switches them off."""

NOT_OFFERED = {"verbose", "compute_loss", "comment", "sorted_vocab"}
"""Settings that the shell has no use for."""


class Help(argparse.HelpFormatter):
    """Lays out help: paragraphs are filled, examples stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


def offered(model_type: type[Settings]) -> list[str]:
    """List the settings of a class that are options: those that a file keeps, but for a few."""
    return [name for name, s in model_type._settings.items() if s.saved and name not in NOT_OFFERED]


def add_settings(parser: argparse.ArgumentParser, model_type: type[Settings], spelled: Iterable[str] = ()) -> None:
    """Add an option for each setting but those that are `spelled` by hand."""
    texts = described(model_type)
    for name in offered(model_type):
        if name in spelled:
            continue
        setting = model_type._settings[name]
        flag = "--" + name.replace("_", "-")
        if name in SWITCHES:
            flag, value, text = SWITCHES[name]
            parser.add_argument(flag, action="store_const", const=value, dest=name, help=text)
            continue
        text = texts[name].rstrip(".").replace("%", "%%")
        default = "" if setting.default is None else f" (default {setting.default:g})" if isinstance(
            setting.default, float | int
        ) and not isinstance(setting.default, bool) else f" (default {setting.default})"  # fmt: skip
        if isinstance(setting, Flag) and not setting.default:
            parser.add_argument(flag, action="store_const", const=type(setting.default)(1), dest=name, help=text)
        else:
            parser.add_argument(flag, *ALIASES.get(name, ()), dest=name, help=text + default, **_kind(setting))


def _kind(setting: Setting) -> dict[str, Any]:
    """Return how the value of an option is read."""
    if isinstance(setting, Flag):
        return {"type": int, "choices": (0, 1)}
    if isinstance(setting, Choice):
        return {"choices": setting.choices}
    if isinstance(setting, Integer):
        return {"type": int, "metavar": "N"}
    if isinstance(setting, Number):
        return {"type": float, "metavar": "X"}
    return {"metavar": "SIZE"}


def take_words(parser: argparse.ArgumentParser, arguments: argparse.Namespace, unknown: list[str]) -> list[str]:
    """Add words after options to those before, of which alone argparse makes the list of a command; return what is left."""
    if not unknown or any(word.startswith("-") and word != "-" for word in unknown):
        return unknown
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return take_words(action.choices[getattr(arguments, action.dest)], arguments, unknown)
    lists = [action for action in parser._actions if not action.option_strings and action.nargs in ("*", "+")]
    if not lists:
        return unknown
    before = getattr(arguments, lists[0].dest, lists[0].default)
    setattr(arguments, lists[0].dest, [*([] if before is lists[0].default else before), *unknown])
    return []


def unknown_option(parser: argparse.ArgumentParser, unknown: list[str], elsewhere: dict[str, str]) -> str:
    """Say which arguments are not known, and which options may be meant; `elsewhere` maps names of other programs to ours."""
    known = [flag for action in parser._actions for flag in action.option_strings if action.help != argparse.SUPPRESS]
    hints = []
    for word in unknown:
        name = word.partition("=")[0]
        if not name.startswith("-"):
            continue
        if name.lstrip("-") in elsewhere:
            hints.append("--" + elsewhere[name.lstrip("-")].replace("_", "-"))
        else:
            hints += get_close_matches(name, known, 1, 0.6)
    hint = f" (did you mean {', '.join(hints)}?)" if hints else ""
    return f"unrecognized arguments: {' '.join(unknown)}{hint}"
