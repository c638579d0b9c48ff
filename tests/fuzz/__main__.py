"""Fuzz the readers of files: `python -m tests.fuzz vectors arpa --seconds 60`; without names, all of them.

Where the package atheris is installed (pip install atheris) its coverage of the Python code leads the way, one reader at a time;
else changes are drawn by chance. What is found is written to --out, a file for each kind of fault: once it is mended, it moves
to tests/fuzz/corpus, which tests/fuzz/test_corpus.py reads.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["seqnn"]) if atheris else contextlib.nullcontext():
    from .engine import fault, mutations
    from .readers import READERS

MEMORY = 1 << 30
"""Of address space that a reader may take more than the process has: a file of some thousand bytes needs none of it."""


class Fuzzer:
    """Tries files on one reader and keeps those that fail, one for each kind of fault."""

    def __init__(self, name: str, out: Path, folder: Path) -> None:
        self.name, self.out = name, out
        self.reader = READERS[name]
        self.path = folder / f"fuzzed{self.reader.suffix}"
        self.seeds = [*self.reader.seeds(folder / "seeds"), *(p.read_bytes() for p in kept(name))]
        self.faults: dict[str, bytes] = {}
        self.tries = 0

    def __call__(self, data: bytes) -> None:
        self.tries += 1
        found = fault(self.reader, data, self.path)
        if found is None or (found in self.faults and len(self.faults[found]) <= len(data)):
            return
        if found not in self.faults:
            print(f"{self.name}: {found}", flush=True)
        self.faults[found] = data
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / f"{self.name}-{list(self.faults).index(found)}").write_bytes(data)


def kept(name: str) -> list[Path]:
    """Return the files that a reader failed on before."""
    return sorted((Path(__file__).parent / "corpus" / name).glob("*"))


def by_chance(fuzzer: Fuzzer, seconds: float, seed: int) -> None:
    """Try files whose changes are drawn by chance."""
    end = time.monotonic() + seconds
    for data in mutations(fuzzer.seeds, random.Random(seed)):
        if time.monotonic() > end:
            return
        fuzzer(data)


def by_coverage(fuzzer: Fuzzer, seconds: float, seed: int, folder: Path) -> None:
    """Try files that reach code which none reached before; libFuzzer ends the process."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(fuzzer.seeds):
        (corpus / str(number)).write_bytes(data)
    changes = random.Random(seed)

    def change(data: bytes, most: int, seed: int) -> bytes:
        changes.seed(seed)
        return next(mutations([data], changes))[:most] if seed % 2 else atheris.Mutate(data, most)

    flags = [
        f"-max_total_time={int(seconds)}",
        f"-seed={seed or 1}",
        "-max_len=20000",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], fuzzer, custom_mutator=change)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of readers: {', '.join(READERS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each reader (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the changes (default 0)")
    parser.add_argument(
        "--out", type=Path, default=Path("fuzz-found"), help="folder of what is found (default fuzz-found)"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(READERS):
        parser.error(f"NAME: expected some of {', '.join(READERS)}, got {', '.join(sorted(unknown))}")
    names = options.names or list(READERS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    failed = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="seqnn-fuzz-") as folder:
            fuzzer = Fuzzer(name, options.out, Path(folder))
            resource.setrlimit(resource.RLIMIT_AS, (pages + MEMORY, resource.RLIM_INFINITY))
            if atheris and len(names) == 1:
                by_coverage(fuzzer, options.seconds, options.seed, Path(folder))
            by_chance(fuzzer, options.seconds, options.seed)
            print(f"{name}: {fuzzer.tries} files, {len(fuzzer.faults)} kinds of faults", flush=True)
            failed |= bool(fuzzer.faults)
    sys.exit(failed)


if __name__ == "__main__":
    main()
