"""Memory that runs out at a chosen request of `seqnn._core`, by a small library that stands before the C library's allocator.

A worker process, with the library preloaded, calls each function of `_core` with arguments made from its signature line. Of each
call one request fails, then another, until none is left: alone, and with all later ones. As a plugin of pytest it tries the calls
of tests, too, which takes long:

    python tests/failing_memory.py tests/kernels/test_gru.py
"""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attacker
import numpy as np
import signatures

from seqnn import _core

HERE = Path(__file__).resolve().parent
LIBRARY = "SEQNN_FAILING_MEMORY"
EVERYTHING = 1 << 62
EXAMPLES = 3  # of calls of each function, the first on one thread
MOST_REQUESTS = 1000  # of one call
CALLS_OF_A_TEST = 3  # of a function with the same outcome and as many requests: tried, later ones only run


def build(folder: Path) -> Path:
    """Compile the library."""
    library = folder / "libfailing_memory.so"
    flags = ["-O1", "-std=c11", "-shared", "-fPIC", "-fno-builtin"]
    subprocess.run(["cc", *flags, str(HERE / "failing_memory.c"), "-o", str(library)], check=True)
    return library


def environment(library: Path) -> dict[str, str]:
    """Return the environment of a worker."""
    package = Path(_core.__file__).parents[1]  # the seqnn of this process
    paths = [str(HERE), str(HERE.parent / "csrc" / "boundary"), str(package), os.environ.get("PYTHONPATH")]
    return os.environ | {
        "LD_PRELOAD": str(library), LIBRARY: str(library), "OMP_WAIT_POLICY": "passive",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }  # fmt: skip


# In the worker.


def failing_library() -> ctypes.CDLL:
    """Return the preloaded library, which watches `_core`."""
    library = ctypes.CDLL(os.environ[LIBRARY])
    for count in (library.count_requests, library.count_failures, library.live_bytes):
        count.restype = ctypes.c_longlong
    library.fail_requests.argtypes = [ctypes.c_longlong, ctypes.c_longlong]
    if not library.watch(_core.__file__.encode()):
        raise SystemExit(f"{_core.__file__} is not among the libraries of this process")
    return library


def copied(value: Any) -> Any:
    """Return arguments whose arrays are copies, as far as a kernel may write to them."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K") if value.flags.writeable else value
    if isinstance(value, list | tuple):
        return type(value)(copied(v) for v in value)
    return value


def bits(value: Any) -> Any:
    """Return something that is equal for equal bits."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, list | tuple):
        return tuple(bits(v) for v in value)
    return repr(value)


class Trial:
    """Calls of one function with the same arguments, each with other requests failing."""

    def __init__(self, library: ctypes.CDLL, function: Callable[..., Any], args: tuple, keywords: dict) -> None:
        self.library, self.function, self.args, self.keywords = library, function, args, keywords
        self.requests = self.failures = 0  # of the last call

    def outcome(self, first: int = 0, last: int = 0) -> Any:
        """Return the bits of all results and arguments, or the error; from a cold start."""
        args, keywords = copied(self.args), {name: copied(value) for name, value in self.keywords.items()}
        _core.drop_memory()
        self.library.fail_requests(first, last)
        try:
            made = bits(self.function(*args, **keywords))
        except MemoryError:
            return MemoryError
        except (ValueError, TypeError, OverflowError) as error:
            return str(error)
        finally:
            self.requests, self.failures = self.library.count_requests(), self.library.count_failures()
            self.library.fail_requests(0, 0)
        return made, bits(args), bits([*keywords.values()])

    def live(self) -> int:
        """Return how many bytes `_core` holds between calls."""
        _core.drop_memory()
        return self.library.live_bytes()

    def faults(self) -> Iterator[str]:
        """Yield what is wrong when requests fail."""
        expected, before = self.outcome(), self.live()
        for number in range(1, MOST_REQUESTS):
            for last in (number, EVERYTHING):
                got = self.outcome(number, last)
                if not self.failures:
                    return
                what = f"request {number}{' and all later ones' if last > number else ''}"
                if got is not MemoryError and got != expected:
                    yield f"{what}: another result, {str(got)[:100]}"
                if got == expected and last > number and not isinstance(expected, str):
                    yield f"{what}: no MemoryError"
                if self.live() != before:
                    yield f"{what}: {self.live() - before} bytes are left"
                if self.outcome() != expected:
                    yield f"{what}: the call after it has another result"
        yield f"more than {MOST_REQUESTS} requests"


def examples(f: signatures.Function) -> Iterator[dict]:
    """Yield arguments that agree with the line: some small ones."""
    for number in range(EXAMPLES):
        yield attacker.valid_call(f, random.Random(f"{f.name}/{number}"))
    attacker.release()


def large_examples() -> Iterator[tuple[Callable[..., Any], tuple]]:
    """Yield functions with arguments that take ways on which small ones do not go."""
    yield _core.random_bits, (0, 0, 0, 1 << 16)  # the result lies in memory that is kept
    x = np.ones((1, 2, 70, 16), np.float32)
    yield attend, (x,)  # threads share a head


def attend(x: np.ndarray) -> np.ndarray:
    """Attend to all that is given."""
    most = x.shape[2]
    return _core.attention_forward(
        x, x, x, scale=0.1, before=most, after=most, offset=0, p=0.0, seed=0, stream=0, out=True
    )[0]


def main() -> None:
    """Try every function; print what is wrong, and how many requests failed."""
    library, tried = failing_library(), 0
    for f in signatures.functions():
        attacker.limit_time(60)
        for number, call in enumerate(examples(f)):
            _core.force_team(3 if number else 1)
            trial = Trial(library, getattr(_core, f.name), (), call)
            for fault in trial.faults():
                print(f"{f.name} {number}: {fault}", flush=True)
            tried += trial.requests
    for function, arguments in large_examples():
        for fault in Trial(library, function, arguments, {}).faults():
            print(f"{function.__name__}, large: {fault}", flush=True)
    print(tried, "requests tried")


# As a plugin of pytest.


def pytest_configure() -> None:
    """Let every call of `_core` be tried before it runs."""
    library = failing_library()
    for f in signatures.functions():
        setattr(_core, f.name, tried(library, f.name, getattr(_core, f.name)))


def tried(library: ctypes.CDLL, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with trials of its first calls."""
    seen: Counter = Counter()

    def call(*args: Any, **keywords: Any) -> Any:
        trial = Trial(library, function, args, keywords)
        trial.outcome()
        kind = (_core.get_isa(), trial.requests)
        seen[kind] += 1
        if seen[kind] <= CALLS_OF_A_TEST:
            for fault in trial.faults():
                sys.__stderr__.write(f"{name}: {fault}\n")
        return function(*args, **keywords)

    return call


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        main()
    else:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pytest", "-p", "failing_memory", *sys.argv[1:]]
            sys.exit(subprocess.run(command, env=environment(build(Path(folder))), check=False).returncode)
