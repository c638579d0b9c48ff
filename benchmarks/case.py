"""The vocabulary of a benchmark module: `Case`, `Measured`, `Options` and two helpers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One measurement: `value` in the unit of its case (less is better), `result` for the check."""

    value: float
    result: Any = None


@dataclass(frozen=True)
class Case:
    """One comparison: our side against each peer, measured in turns (A B A B ...).

    `ours` and each peer take no argument and return a `Measured`; a peer that is None is
    printed as "not at hand". `check(our result, peer's result)` raises AssertionError where the
    two did not compute the same thing, and returns an error figure that is printed.
    `work` is how many `work_unit` one measurement handles; with it, rates are printed too.
    `goals` holds the ratio (peer / ours) to reach, by the peer's label. `operations` (float32, a multiply-add is two) and
    `moved` (bytes that must be read or written at least once) of one measurement say what the machine's limit is; `cold` says
    that they come from memory, however few they are.
    """

    name: str
    ours: Callable[[], Measured]
    peers: dict[str, Callable[[], Measured] | None]
    check: Callable[[Any, Any], float] | None = None
    unit: str = "s"
    work: float = 0
    work_unit: str = ""
    operations: float = 0
    moved: float = 0
    cold: bool = False
    threads: int = 1
    data: str = ""  # what the case ran on, for the reader of the table
    goals: dict[str, float] = field(default_factory=dict)
    repeat: int | None = None  # overrides the command line, for cases that need no repetition


@dataclass(frozen=True)
class Options:
    """What the command line asked for, and a temporary folder that all cases share."""

    quick: bool
    threads: list[int]
    epochs: int
    folder: Path


def timed(function: Callable[[], Any]) -> Callable[[], Measured]:
    """Return a side that measures the wall time of `function()` and keeps what it returns."""

    def side() -> Measured:
        start = time.perf_counter()
        result = function()
        return Measured(time.perf_counter() - start, result)

    return side


def constant(value: float) -> Callable[[], Measured]:
    """Return a side that is no measurement but a bound to stay under."""
    return lambda: Measured(value)
