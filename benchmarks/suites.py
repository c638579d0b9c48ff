"""The peers' own test suites, run with seqnn's classes in place of theirs: `python -m benchmarks.suites gensim`.

A suite is a module `benchmarks.suites_<name>` with `run() -> Result`. It takes the test files that are installed with the
peer, and a table of the tests that are judged not to apply, each with the reason.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from dataclasses import dataclass, field

import benchmarks


@dataclass
class Result:
    """What a suite has found."""

    peer: str
    """Name and version."""
    passed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Tests that the peer itself skips: reason."""
    judged: dict[str, str] = field(default_factory=dict)
    """Tests that fail, as they should: reason."""
    failed: dict[str, str] = field(default_factory=dict)
    """Tests that fail and should not: the last line of the error."""

    def report(self) -> str:
        """The figures, and what failed with the reasons."""
        lines = [
            f"{self.peer}: {len(self.passed)} passed, {len(self.failed)} failed, {len(self.judged)} judged not to apply, "
            f"{len(self.skipped)} skipped by the peer"
        ]
        for title, tests in (("failed", self.failed), ("judged not to apply", self.judged), ("skipped", self.skipped)):
            if tests:
                lines += ["", f"{title}:", *(f"  {name}: {why}" for name, why in sorted(tests.items()))]
        return "\n".join(lines)


def names() -> list[str]:
    """The suites that there are."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [name.removeprefix("suites_") for name in found if name.startswith("suites_")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=names(), nargs="+")
    worst = 0
    for name in parser.parse_args().suite:
        result = importlib.import_module(f"benchmarks.suites_{name}").run()
        print(result.report(), flush=True)
        worst = max(worst, int(bool(result.failed)))
    return worst


if __name__ == "__main__":
    sys.exit(main())
