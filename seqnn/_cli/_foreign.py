"""Options as other programs spell them, with one dash: understood, left out of the help, translated to ours."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PREFIX = "foreign_"


@dataclass(frozen=True)
class Foreign:
    """The options of one other program."""

    programs: str
    """The program's name, for the help."""
    kinds: Mapping[str, type]
    """The type of each option's value; the option is written without its dash."""
    meaning: Mapping[str, str]
    """The name of ours where it is not the same with "_" for "-"."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """That program's defaults where they are not ours, under our names."""
    unneeded: tuple[str, ...] = ()
    """Options that only matter to that program."""

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Make a parser understand the options."""
        for name, kind in self.kinds.items():
            parser.add_argument("-" + name, type=kind, dest=_PREFIX + name, help=argparse.SUPPRESS)

    def spellings(self) -> str:
        """Return the options as a user types them."""
        return " ".join("-" + name for name in self.kinds)

    def given(self, arguments: argparse.Namespace, *, unneeded: bool = False) -> dict[str, Any]:
        """Return the options that were used, the unneeded ones only where they are asked for."""
        found = {name: getattr(arguments, _PREFIX + name) for name in self.kinds if hasattr(arguments, _PREFIX + name)}
        return {name: value for name, value in found.items() if unneeded or name not in self.unneeded}

    def translate(self, arguments: argparse.Namespace, given: Mapping[str, Any]) -> None:
        """Set ours from `given`, and the other program's defaults where there is nothing else."""
        for name, value in given.items():
            setattr(arguments, self.meaning.get(name, name.replace("-", "_")), value)
        for name, value in self.defaults.items():
            if not hasattr(arguments, name):
                setattr(arguments, name, value)
