"""Why a case is slower than what stands beside it: what its limit is, and what was tried. Every such row needs a reason.

`python -m benchmarks.table` writes them at the top of the pages, each above its cases.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A sentence for the rows that it fits.

    Args:
        cases: a regular expression that is found in what `described` returns.
        peers: one that is found in the name of the peer.
        told: the limit, and what was tried.
    """

    cases: str
    peers: str
    told: str


REASONS: tuple[Reason, ...] = ()
"""The first that fits a row is told."""


def described(content: dict, row: dict) -> str:
    """Return the case of a row with its threads, instruction set and CPU."""
    threads = "thread" if row["threads"] == 1 else "threads"
    return f"{row['case']}, {row['threads']} {threads}, {content['isa']}, {content['cpu']}"


def reason(content: dict, row: dict) -> str | None:
    """Return why a row of a result file is slower than its peer; None where nothing is known."""
    case = described(content, row)
    return next((r.told for r in REASONS if re.search(r.cases, case) and re.search(r.peers, row["peer"])), None)
