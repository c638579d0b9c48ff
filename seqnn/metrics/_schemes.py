"""Schemes of span tags: which prefixes they have, where a span starts, goes on and ends, and what is not allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .. import _core

PREFIXES = "OBIES"
"""Their numbers for the kernel. BILOU's L and U are E and S."""

_SAME_AS = {"L": "E", "U": "S"}
_FLAGS = {"start": _core.spans.START, "inside": _core.spans.INSIDE, "end": _core.spans.END}


@dataclass(frozen=True)
class Scheme:
    """A scheme.

    `start`, `inside` and `end` list pairs of neighbours as seqeval has them: "IB=" is I before B of the same type, "IB!" of
    different types, "IB" of any; * is any prefix. `before` and `after` say which prefixes of the same type must stand next
    to a prefix.
    """

    name: str
    prefixes: str
    start: str
    inside: str
    end: str
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    @cached_property
    def flags(self) -> np.ndarray:
        """The kernel's table: uint8 [prefix, next prefix, whether the types are the same]."""
        return make_flags(start=self.start, inside=self.inside, end=self.end)

    def number(self, prefix: str) -> int:
        """Return the number of a prefix for the kernel."""
        return PREFIXES.index(_SAME_AS.get(prefix, prefix))


def make_flags(**patterns: str) -> np.ndarray:
    """Return a table of flags from patterns (see `Scheme`)."""
    flags = np.zeros((len(PREFIXES), len(PREFIXES), 2), np.uint8)
    for name, text in patterns.items():
        for pattern in text.split():
            first, second = ([PREFIXES.index(c)] if c != "*" else range(len(PREFIXES)) for c in pattern[:2])
            for same in {"=": [1], "!": [0]}.get(pattern[2:], [0, 1]):
                flags[np.ix_(first, second, [same])] |= _FLAGS[name]
    return flags


_IOBES = {
    "start": "*B *S",
    "inside": "BI= BE= II= IE=",
    "end": "S* E*",
    "before": {"I": "BI", "E": "BI"},
    "after": {"B": "IE", "I": "IE"},
}
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("IOB1", "OIB", "OI II! BI IB= BB=", "BI= II=", "II! IO IB BO BI! BB=", before={"B": "IB"}),
        Scheme("IOB2", "OIB", "*B", "BI= II=", "IO II! IB BO BI! BB", before={"I": "BI"}),
        Scheme("IOE1", "OIE", "OI II! EI EE=", "II= IE=", "II! IO IE! EI= EE=", after={"E": "IE"}),
        Scheme("IOE2", "OIE", "OI OE EI EE II! IE!", "IE= II=", "E*", after={"I": "IE"}),
        Scheme("IOBES", "OIBES", **_IOBES),
        Scheme("BILOU", "OIBLU", **_IOBES),
    )
}
"""The schemes by their names. BILOU is IOBES with L for E and U for S."""

_ALIASES = {"BIO": "IOB2", "IOB": "IOB2", "IOE": "IOE2", "BIOES": "IOBES", "BIOLU": "BILOU"}

CONLLEVAL = Scheme(
    "conlleval",
    "OIBESLU",
    start="*B *S EE EI SE SI OE OI " + " ".join(f"{a}{b}!" for a in PREFIXES for b in "BIES"),
    inside="",
    end="E* S* BB BS BO IB IS IO " + " ".join(f"{a}{b}!" for a in "BIES" for b in PREFIXES),
)
"""The counting of conlleval, as seqeval extends it to IOBES: a span starts and ends wherever neighbours suggest it."""


def find_scheme(name: str) -> Scheme:
    """Return a scheme. Raises `ValueError` for an unknown name."""
    scheme = SCHEMES.get(_ALIASES.get(name, name)) if isinstance(name, str) else None
    if scheme is None:
        raise ValueError(f"scheme: expected one of {', '.join(SCHEMES)} (or BIO, IOE, BIOES), got {name!r}")
    return scheme
