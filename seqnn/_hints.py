"""Words for who looks for a name of another library: packages say what to write instead."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NoReturn


def give_hints(package: str, instead: Mapping[str, str]) -> None:
    """Let a package name what to write instead of a name that it does not have.

    The function is set here and not in the package, so that type checkers go on reporting such names.
    """

    def find_nothing(name: str) -> NoReturn:
        refuse(package, name, instead)

    module: Any = sys.modules[package]
    module.__getattr__ = find_nothing


def refuse(package: str, name: str, instead: Mapping[str, str]) -> NoReturn:
    """Raise AttributeError, with what to write instead if that is known."""
    advice = f"; write {instead[name]}" if name in instead else ""
    raise AttributeError(f"module {package!r} has no attribute {name!r}{advice}")
