"""What every kernel test uses: instruction sets, forced teams, and `check_op`; Ctrl-C for child processes.

`check_op(op, reference, cases)` runs one function over all cases and asserts, for float32 and float64, on each of ISAS: its
value against the pure-NumPy reference, bit-identical results for teams of 1, 2, 3 and 8 threads (however small the work), and
the same result from non-contiguous inputs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from seqnn import _core
from seqnn.autograd import gradcheck

TEAMS = (1, 2, 3, 8)
ISAS = [name for name in _core.available_isas() if os.environ.get("SEQNN_ISA") in (None, "", name)]
"""Instruction sets of this build and CPU; where SEQNN_ISA asks for one, that one alone: a run without it has had the others."""
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12}


@contextmanager
def isa(name: str) -> Iterator[None]:
    """Run the block on one instruction set."""
    before = _core.get_isa()
    _core.set_isa(name)
    try:
        yield
    finally:
        _core.set_isa(before)


@contextmanager
def team(size: int) -> Iterator[None]:
    """Run the block with every team exactly that large; asserts that a region really gets it."""
    before = _core.force_team(size)
    try:
        if _core.build_info()["openmp"]:
            assert _core.probe_team(1).item() == size
        yield
    finally:
        _core.force_team(before)


def each_isa() -> Iterator[str]:
    """Runs the loop's body on each of ISAS."""
    for name in ISAS:
        with isa(name):
            yield name


def each_team() -> Iterator[int]:
    """Runs the loop's body with teams of 1, 2, 3 and 8 threads."""
    for size in TEAMS:
        with team(size):
            yield size


def scattered(x: np.ndarray) -> np.ndarray:
    """The same values with gaps between all elements."""
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    view = wide[(..., *(slice(None, None, 2) for _ in x.shape))]
    view[...] = x
    return view


def _cast(case: Mapping[str, Any], dtype: np.dtype, change: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> dict:
    """The case with its floating arrays in `dtype`, each array passed through `change`."""

    def one(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        return change(x.astype(dtype) if x.dtype.kind == "f" else x)

    return {name: one(value) for name, value in case.items()}


def _outputs(result: Any) -> tuple[np.ndarray, ...]:
    return tuple(r for r in (result if isinstance(result, tuple) else (result,)) if r is not None)


def assert_close(got: Any, expected: Any, tolerance: float, message: str = "") -> None:
    """Every output equals the expected one: integers exactly, floats within `tolerance` of the largest magnitude, NaN = NaN."""
    got, expected = _outputs(got), _outputs(expected)
    assert len(got) == len(expected), f"{message}: {len(got)} outputs, expected {len(expected)}"
    for i, (g, e) in enumerate(zip(got, expected, strict=True)):
        g, e = np.asarray(g), np.asarray(e)
        assert g.shape == e.shape, f"{message}: output {i} has shape {g.shape}, expected {e.shape}"
        if g.dtype.kind != "f":
            np.testing.assert_array_equal(g, e, err_msg=f"{message}: output {i}")
            continue
        finite = np.abs(e[np.isfinite(e)])
        scale = max(1.0, float(finite.max()) if finite.size else 1.0)
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance * scale, err_msg=f"{message}: output {i}")


def assert_identical(got: Any, expected: Any, message: str = "") -> None:
    """Every output is the same to the last bit."""
    for i, (g, e) in enumerate(zip(_outputs(got), _outputs(expected), strict=True)):
        assert g.dtype == e.dtype and g.shape == e.shape and g.tobytes() == e.tobytes(), (
            f"{message}: output {i} differs"
        )


def check_op(
    op: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Iterable[Mapping[str, Any]],
    *,
    tolerance: Mapping[np.dtype, float] = TOLERANCE,
) -> None:
    """See the top of this file. `op` and `reference` take a case's entries by keyword and return arrays."""
    for number, case in enumerate(cases):
        for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            given = _cast(case, dtype)
            expected = reference(**_cast(case, np.dtype(np.float64)))
            for name in each_isa():
                label = f"case {number}, {dtype}, {name}"
                first = None
                for size in each_team():
                    result = op(**given)
                    if first is None:
                        first = result
                        assert_close(result, expected, tolerance[dtype], label)
                    assert_identical(result, first, f"{label}, team of {size}")
                assert_identical(op(**_cast(case, dtype, scattered)), first, f"{label}, non-contiguous")


def check_gradient(function: Callable, *arrays: np.ndarray, tolerance: float = 1e-6, step: float = 1e-6) -> None:
    """`autograd.gradcheck` on every instruction set: backward of `function(*Tensors)` against central differences."""
    for name in each_isa():
        try:
            gradcheck(function, *arrays, tolerance=tolerance, step=step)
        except AssertionError as error:
            raise AssertionError(f"{error} on {name}") from None


def check_float32_gradients(gradients: Callable[[Any, Any], tuple[np.ndarray, ...]], cases: Iterable[Any]) -> None:
    """Asserts that gradients(case, float32) agree with float64's on every instruction set, and bit by bit between teams."""
    for number, case in enumerate(cases):
        with isa(_core.available_isas()[0]):
            expected = gradients(case, np.float64)
        for name in each_isa():
            first = None
            for size in (1, 3):
                with team(size):
                    got = gradients(case, np.float32)
                first = first or got
                for g, f, e in zip(got, first, expected, strict=True):
                    assert g.tobytes() == f.tobytes(), f"case {number}, {name}, team of {size}"
                    bound = 2e-5 * max(1, np.abs(e).max(initial=0))
                    np.testing.assert_allclose(g, e, rtol=2e-5, atol=bound, err_msg=f"case {number}, {name}")


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a child process writes when Ctrl-C reaches it; one that does not end of it is killed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=60)
    finally:
        process.kill()


def interrupted_training(command: list[str], number: int = signal.SIGINT) -> tuple[int, str]:
    """The exit code and standard error of a command that trains and gets a signal meanwhile.

    A signal before the first step leaves nothing to write, which the command says; then the next try waits longer.
    """
    for seconds in (1, 4, 16, 64):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            while not process.stdout.readline().startswith("vocabulary"):
                assert process.poll() is None
            time.sleep(seconds)
            process.send_signal(number)
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
        if "nothing is written" not in err:
            break
    return process.returncode, err


def in_threads(work: Callable[[int], Any], count: int = 4) -> None:
    """Runs work(0) ... work(count - 1) at the same time; raises what one of them raised."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))
