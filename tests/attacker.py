"""Attacks on the functions of `seqnn._core`, made from the parsed signature lines: calls that agree with a line, then spoilt.

A worker process runs the attacks of one function after the other and notes each in a file before it begins, so that a crash or a
hang is put down to one call. Every input lies directly before or after a page that may not be touched: who reads or writes past
an input is killed. The same (function, number) is the same attack everywhere:

    python tests/attacker.py NAME NUMBER     runs one attack and prints its arguments
"""

from __future__ import annotations

import ast
import ctypes
import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "csrc" / "boundary"))
import signatures

HANG_SECONDS = 10
MEMORY = 3 << 30  # of a worker: a copy that only takes long fails instead
NUMPY = {
    "f32": np.float32, "f64": np.float64, "i8": np.int8, "i": np.int32, "l": np.int64, "u": np.uint8, "u8": np.uint8,
    "u16": np.uint16, "u32": np.uint32, "u64": np.uint64, "b": np.bool_,
}  # fmt: skip
SIZES = (0, 1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 64)
INTEGERS = (-1, 0, 1, 2, 3, 63, 64, 1 << 15, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**31), -(2**63), 2**70)
FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0, -1.0, 1.0, 1e308, -1e308, 1e-320, 2.0**63)
ERRORS = (TypeError, ValueError, OverflowError, MemoryError, RuntimeError)

Call = dict[str, Any]

# Memory.

_libc = ctypes.CDLL(None, use_errno=True)
_guarded: list[tuple[mmap.mmap, int, int]] = []


def _protect(base: int, pages: range | tuple[int, ...], rights: int) -> None:
    for page in pages:
        _libc.mprotect(ctypes.c_void_p(base + page * mmap.PAGESIZE), ctypes.c_size_t(mmap.PAGESIZE), rights)


def guarded(array: np.ndarray, at_end: bool) -> np.ndarray:
    """Return a copy of the array that ends, or begins, at a page that may not be touched."""
    array = np.ascontiguousarray(array)
    if not 0 < array.nbytes <= 1 << 22:
        return array.copy()
    pages = -(-array.nbytes // mmap.PAGESIZE) + 2
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    at = (pages - 1) * mmap.PAGESIZE - array.nbytes if at_end else mmap.PAGESIZE
    at -= at % array.dtype.alignment
    copy = np.frombuffer(memory, np.uint8, array.nbytes, at).view(array.dtype).reshape(array.shape)
    copy[...] = array
    _protect(base, (0, pages - 1), 0)
    _guarded.append((memory, base, pages))
    return copy


def release() -> None:
    """Make the memory of the last call ordinary again."""
    for _, base, pages in _guarded:
        _protect(base, range(pages), 3)
    _guarded.clear()


# A call that agrees with the line.


class _Floor(ast.NodeTransformer):
    def visit_Div(self, node: ast.Div) -> ast.FloorDiv:
        return ast.FloorDiv()


def _evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    floored = ast.fix_missing_locations(_Floor().visit(ast.Expression(node)))
    try:
        return eval(compile(floored, "", "eval"), {}, names)
    except ZeroDivisionError:  # the boundary refuses such a call
        return 0


def _draw_scalars(f: signatures.Function, r: random.Random) -> Call:
    drawn: Call = {}
    for p in f.inputs:
        if p.type == "d":
            drawn[p.name] = r.choice([float(p.default or 1), 0.5, 0.1, 1e-3])
        elif p.type == "p":
            drawn[p.name] = r.random() < 0.5
        elif p.choices:
            drawn[p.name] = r.randrange(len(p.choices))
        elif p.type == "n":
            least = 0 if p.minimum is None else p.minimum
            drawn[p.name] = least + r.choice([0, 0, 1, 2, 3, 5])
    return drawn


def _values(p: signatures.Param, shape: tuple[int, ...], f: signatures.Function, names: Call, r: random.Random) -> Any:
    """Return values for an array, such as the conditions on it allow."""
    g = np.random.default_rng(r.getrandbits(32))
    dtype = np.dtype(names["real"] if p.type == "f" else NUMPY[p.type])
    if dtype.kind == "f":
        return g.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return g.integers(0, 2, shape).astype(bool)
    low, high, kind = 0, 6, "range"
    if p.below:
        high = names[p.below] - 1
    for c in f.conditions:
        if c.param == p.name and c.kind in ("range", "ascends", "covers"):
            kind = c.kind
            low = low if c.low is None else _evaluate(c.low, names)
            high = max(low, 6) if c.high is None else _evaluate(c.high, names)
    if high < low:
        return np.zeros(shape, dtype)
    drawn = g.integers(low, min(high, 2**62) + 1, shape)
    if kind != "range" and drawn.ndim and drawn.shape[-1]:
        drawn.sort(axis=-1)
        if kind == "covers":
            drawn[..., 0], drawn[..., -1] = low, high
    return np.clip(drawn, None, np.iinfo(dtype).max).astype(dtype)


def valid_call(f: signatures.Function, r: random.Random) -> Call:
    """Return arguments that agree with the line and, where random sizes allow it, with its conditions."""
    by_name = {p.name: p for p in f.inputs + f.outputs}
    for _ in range(200):
        names: Call = {d: r.choice(SIZES) for d in f.dims} | _draw_scalars(f, r) | {"real": r.choice(["f4", "f8"])}
        given = {p.name for p in f.inputs + f.outputs if not p.optional or r.random() < 0.5}
        for c in f.conditions:  # in the order of the line: what is needed comes along
            if c.kind == "needs" and (c.param in given if by_name[c.param].optional else names.get(c.param, True)):
                given.add(c.other)
        count = r.choice([0, 1, 2, 3])
        known = names | {name: name in given for name, p in by_name.items() if not p.scalar}
        known |= {f"{p.name}_count": count for p in f.inputs if p.list}
        if all(_evaluate(c.expression, known) for c in f.conditions if c.expression is not None):
            break
    call: Call = {p.name: True for p in f.outputs if p.optional and p.name in given}
    lists = [tuple(r.choice([0, 1, 3, 40]) for _ in range(r.randrange(3))) for _ in range(count)]
    any_shape = tuple(r.choice([0, 1, 2, 5, 17]) for _ in range(r.randrange(4)))
    for p in f.inputs:
        if p.scalar:
            call[p.name] = names[p.name]
        elif p.list:
            call[p.name] = [guarded(_values(p, shape, f, names, r), r.random() < 0.7) for shape in lists]
        elif p.name in given:
            sizes = [max(0, int(_evaluate(a.expression, names))) for a in p.axes]
            one = [a.broadcast and r.random() < 0.3 for a in p.axes]
            shape = any_shape if p.flat else tuple(1 if o else n for o, n in zip(one, sizes, strict=True))
            if np.prod(shape, dtype=float) > 1e6:
                shape = (1,) * len(shape)
            call[p.name] = guarded(_values(p, shape, f, names, r), r.random() < 0.7)
    return call


# Ways to spoil it. Each changes the call in place.


class _Evil:
    """An argument whose conversion runs code of its own first."""

    def __init__(self, value: Any, action: Callable[[], None]) -> None:
        self.value, self.action = value, action

    def __index__(self) -> int:
        self.action()
        return int(self.value)

    def __float__(self) -> float:
        self.action()
        return float(self.value)

    def __bool__(self) -> bool:
        self.action()
        return True

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self.action()
        return np.asarray(self.value)


class _Sub(np.ndarray):
    pass


def _arrays(call: Call) -> list[str]:
    return [name for name, value in call.items() if isinstance(value, np.ndarray)]


def spoil_scalar(f: signatures.Function, call: Call, r: random.Random) -> None:
    p = r.choice([p for p in f.inputs if p.scalar])
    call[p.name] = r.choice(FLOATS if p.type == "d" else INTEGERS)
    if r.random() < 0.15:
        call[p.name] = r.choice(["x", None, 1.5, [1], np.zeros(1), np.int64(-5), 1j, b"1", 10**30])


def spoil_integers(f: signatures.Function, call: Call, r: random.Random) -> None:
    name = r.choice([name for name in _arrays(call) if call[name].dtype.kind in "iu" and call[name].size])
    spoilt = call[name].copy()
    info = np.iinfo(spoilt.dtype)
    value = min(max(r.choice([info.min, info.max, -1, 1, 7, 1000, 2**20, 2**40, info.max // 8]), info.min), info.max)
    how = r.choice(["fill", "one", "reverse", "random", "shift"])
    if how == "fill":
        spoilt[...] = value
    elif how == "one":
        spoilt.reshape(-1)[r.randrange(spoilt.size)] = value
    elif how == "reverse":
        spoilt = spoilt[..., ::-1].copy() if spoilt.ndim else spoilt
    elif how == "random":
        g = np.random.default_rng(r.getrandbits(30))
        spoilt = g.integers(info.min, info.max, spoilt.shape, spoilt.dtype, endpoint=True)
    else:
        spoilt = spoilt + spoilt.dtype.type(r.choice([1, 2, 100]))
    call[name] = guarded(spoilt, r.random() < 0.7)


def spoil_floats(f: signatures.Function, call: Call, r: random.Random) -> None:
    for name in _arrays(call):
        if call[name].dtype.kind == "f":
            call[name][...] = r.choice([np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-45, 0])


def spoil_presence(f: signatures.Function, call: Call, r: random.Random) -> None:
    for p in f.inputs + f.outputs:
        if p.optional and r.random() < 0.5:
            call.pop(p.name, None)


def spoil_axis(f: signatures.Function, call: Call, r: random.Random) -> None:
    name = r.choice([name for name in _arrays(call) if call[name].ndim])
    array = call[name]
    shape = list(array.shape)
    shape[r.randrange(len(shape))] = r.choice([0, 1, 2, 5, 1000])
    shape = shape[:-1] if r.random() < 0.2 else [1, *shape] if r.random() < 0.2 else shape
    if np.prod(shape, dtype=float) < 1e7:
        call[name] = guarded(np.resize(array, shape) if array.size else np.zeros(shape, array.dtype), r.random() < 0.7)


def spoil_dtype(f: signatures.Function, call: Call, r: random.Random) -> None:
    name = r.choice(_arrays(call))
    kinds = ["O", ">f4", ">i4", "f2", "g", "c8", "U3", "S2", "M8[s]", "V8", "q", "Q", "i1", "?", "f4", "f8"]
    call[name] = np.zeros(call[name].shape, r.choice(kinds))


def spoil_layout(f: signatures.Function, call: Call, r: random.Random) -> None:
    name = r.choice(_arrays(call))
    array = call[name]
    how = r.choice(["misaligned", "read-only", "strided", "reversed", "subclass", "masked", "repeated", "view", "list"])
    if how == "misaligned":
        raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(np.uint8)
        raw[...] = np.frombuffer(array.tobytes(), np.uint8)
        call[name] = np.ndarray(array.shape, array.dtype, raw.data) if array.nbytes else array
    elif how == "read-only":
        array.flags.writeable = False
    elif how == "strided":
        wide = np.zeros([2 * n for n in array.shape], array.dtype)
        call[name] = wide[(..., *(slice(None, None, 2) for _ in array.shape))]
        call[name][...] = array
    elif how == "reversed":
        call[name] = array[::-1] if array.ndim else array
    elif how == "subclass":
        call[name] = array.view(_Sub)
    elif how == "masked":
        call[name] = np.ma.masked_array(array, np.ones(array.shape, bool))
    elif how == "repeated":
        strides = [0, *array.strides[1:]] if array.ndim else []
        call[name] = np.lib.stride_tricks.as_strided(array, array.shape, strides)
    else:
        call[name] = memoryview(array) if how == "view" else array.tolist()


def spoil_size(f: signatures.Function, call: Call, r: random.Random) -> None:
    """A view that repeats a few elements very often."""
    name = r.choice([name for name in _arrays(call) if call[name].ndim])
    shape = [1 if r.random() < 0.6 else min(n, 2) for n in call[name].shape]
    shape[r.randrange(len(shape))] = r.choice([2**31 - 1, 2**31, 2**32 + 3, 2**40, 2**56])
    few = np.zeros(64, call[name].dtype)
    call[name] = np.lib.stride_tricks.as_strided(few, shape, [0] * len(shape))


def spoil_overlap(f: signatures.Function, call: Call, r: random.Random) -> None:
    names = _arrays(call)
    call[r.choice(names)] = call[r.choice(names)]


def spoil_list(f: signatures.Function, call: Call, r: random.Random) -> None:
    name = r.choice([name for name, value in call.items() if isinstance(value, list)])
    items = call[name]
    call[name] = r.choice(
        [
            [None, *items],
            ["x"],
            tuple(items),
            iter(items),
            items[:-1],
            {0: items},
            [items],
            [np.float32(1)] * len(items),
        ]
    )


def spoil_conversion(f: signatures.Function, call: Call, r: random.Random) -> None:
    """An argument that changes the others, or raises, while it is converted."""

    def shrink() -> None:
        for value in call.values():
            if isinstance(value, list):
                value.clear()

    def reshape() -> None:
        for name in _arrays(call):
            call[name].shape = (1, *call[name].shape)

    def fail() -> None:
        raise RuntimeError("from inside")

    action = r.choice([shrink, reshape, fail])
    name = r.choice([*call])
    if isinstance(call[name], list):
        call[name] = [_Evil(item, action) for item in call[name]]
    else:
        call[name] = _Evil(call[name], action)


SPOILERS = (
    spoil_scalar, spoil_scalar, spoil_integers, spoil_integers, spoil_integers, spoil_presence, spoil_presence, spoil_axis,
    spoil_floats, spoil_dtype, spoil_layout, spoil_size, spoil_overlap, spoil_list, spoil_conversion,
)  # fmt: skip


def attack(f: signatures.Function, number: int) -> tuple[Call, list[str]]:
    """Return the arguments of an attack, and what was done to them."""
    r = random.Random(f"{f.name}/{number}")
    call = valid_call(f, r)
    done = []
    chosen = r.choices(SPOILERS, k=r.choice([0, 1, 1, 1, 2, 3]))
    for spoiler in sorted(chosen, key=lambda s: s is spoil_size):  # what it makes takes NumPy too long to change
        try:
            spoiler(f, call, r)
            done.append(spoiler.__name__)
        except (IndexError, ValueError, TypeError, AttributeError, MemoryError, OverflowError):
            pass  # the call has nothing of this kind
    return call, done


def scrambled(call: Call, r: random.Random) -> Callable[[], None]:
    """Let a thread overwrite an array of integers all the time; return what stops it."""
    names = [
        name
        for name in _arrays(call)
        if call[name].size and call[name].flags.writeable and call[name].dtype.kind in "iu"
    ]
    if not names or r.random() < 0.8:
        return lambda: None
    array, stop = call[r.choice(names)], threading.Event()

    def work() -> None:
        g = np.random.default_rng(1)
        while not stop.is_set() and array.flags.c_contiguous:
            array.view(np.uint8).reshape(-1)[...] = g.integers(0, 256, array.nbytes)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return lambda: (stop.set(), thread.join())[0]


def run(core: Any, f: signatures.Function, number: int) -> str:
    """Run one attack; return "" or what is wrong with its result."""
    call, done = attack(f, number)
    stop = scrambled(call, random.Random(number))
    try:
        getattr(core, f.name)(**call)
    except ERRORS as error:
        if isinstance(error, MemoryError | RuntimeError) or str(error).startswith(f.name):
            return ""
        return f"{f.name} {number} {done}: {type(error).__name__}: {error}"[:300]
    finally:
        stop()
        release()
    return ""


# The worker and who starts it.


def faults(names: list[str], attacks: int, first: int = 0, note: Path | None = None) -> Iterator[str]:
    """Yield what is found by so many attacks on each function: crashes, hangs, and errors that do not name the function."""
    note = note or Path(os.devnull)
    todo = [f"{name}:{first}" for name in names]
    while todo:
        command = [sys.executable, __file__, "--worker", str(note), str(first + attacks), *todo]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        yield from [line for line in done.stdout.splitlines() if line]
        if done.returncode == 0:
            return
        name, number = note.read_text().split()
        what = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        yield f"{name} {number}: {what} {done.stderr[-400:]}"
        at = next(i for i, entry in enumerate(todo) if entry.split(":")[0] == name)
        todo = [f"{name}:{int(number) + 1}", *todo[at + 1 :]]


def work(note: Path, end: int, todo: list[str]) -> None:
    """Run the attacks of the functions in `todo`, each from its number on."""
    from seqnn import _core

    sanitized = "LD_PRELOAD" in os.environ
    if not sanitized:  # the sanitizers reserve more; they have a limit of their own in ASAN_OPTIONS
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _core.set_threads(2)
    known = {f.name: f for f in signatures.functions()}
    with note.open("r+") as file:
        for entry in todo:
            name, _, start = entry.partition(":")
            for number in range(int(start), end):
                file.seek(0)
                file.write(f"{name} {number}\n")
                file.flush()
                file.truncate()
                limit_time(HANG_SECONDS * (6 if sanitized else 1))
                if problem := run(_core, known[name], number):
                    print(problem, flush=True)
    limit_time(0)


def limit_time(seconds: float) -> None:
    """End the process after seconds of the CPU's time; where it only waits, after 10 times as many on the clock."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        work(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        from seqnn import _core

        function = {f.name: f for f in signatures.functions()}[sys.argv[1]]
        arguments, spoilt = attack(function, int(sys.argv[2]))
        for key, value in arguments.items():
            print(f"  {key} = {value!r:.200}")
        print(spoilt, flush=True)
        release()
        print(run(_core, function, int(sys.argv[2])) or "nothing wrong")
