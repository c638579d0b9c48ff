"""What the machine can do at most: `python -m benchmarks.machine` prints it; `limit` gives the least time of a kernel.

The figures are measured by a few loops in C (machine.c), compiled for the instruction set whose kernels run: the peak of
multiply-adds, the bandwidth of reading and copying in each level of the memory, and what a team of threads costs.
A kernel that does F operations and moves B bytes takes at least max(F / peak, B / bandwidth) seconds. This is the roofline model.

Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np

FLAGS = {"base": [], "avx2": ["-mavx2", "-mfma"], "avx512": ["-mavx512f", "-mprefer-vector-width=512"]}
LEVELS = {"L2": 512 << 10, "L3": 4 << 20, "large L3": 12 << 20, "memory": 128 << 20}
"""How many bytes a thread reads, for each level of the memory."""
TURNS = 5


@dataclass(frozen=True)
class Machine:
    """What an instruction set reaches on a number of threads.

    Args:
        isa, threads: for which the figures hold.
        peak: float32 operations a second, a multiply-add is two.
        read, copy: bytes a second by the level of the memory (see LEVELS); of copies those read and those written count.
        wake, meet: seconds that a parallel region and a barrier take.
    """

    isa: str
    threads: int
    peak: float
    read: dict[str, float]
    copy: dict[str, float]
    wake: float
    meet: float

    def limit(self, operations: float, moved: float, cold: bool = False) -> float:
        """Return the least seconds of a kernel with these operations, which moves these bytes, if `cold` from memory."""
        levels = {} if cold else LEVELS
        level = next((name for name, size in levels.items() if moved <= size * self.threads), "memory")
        return max(operations / self.peak, moved / max(self.read[level], self.copy[level]))

    def facts(self) -> dict:
        """Return all figures, for a file of results."""
        return asdict(self)


@cache
def measure(isa: str, threads: int) -> Machine:
    """Measure the machine, in about two seconds."""
    library = compiled(isa)
    sink = np.zeros(threads * 16, np.float32)
    pointer = sink.ctypes.data_as(ctypes.c_void_p)
    peak = best(lambda: library.multiply_add(threads, 2_000_000, pointer))
    read, copy = {}, {}
    for level, size in LEVELS.items():
        count = size * threads // 4
        data, other = (aligned(count) for _ in range(2))
        times = max(1, (1 << 28) // size // 4)
        ends = [array.ctypes.data_as(ctypes.c_void_p) for array in (data, other)]
        read[level] = best(lambda ends=ends, n=count, t=times: library.read_all(threads, ends[0], n, t, pointer))
        # Both arrays of a copy together are as large as what is read.
        copy[level] = best(lambda ends=ends, n=count // 2, t=times: library.copy_all(threads, *ends, n, t))
    times = 2000
    wake, meet = (
        1 / best(lambda call=call: call(threads, times) or float(times)) for call in (library.wake, library.meet)
    )
    return Machine(isa, threads, peak, read, copy, wake, meet)


def best(call: Callable[[], float]) -> float:
    """Return the highest rate of a call that returns how much it did."""
    rates = []
    for _ in range(TURNS):
        start = perf_counter()
        done = call()
        rates.append(done / (perf_counter() - start))
    return max(rates)


def aligned(count: int) -> np.ndarray:
    """Return `count` float32 ones that begin at a multiple of 64 bytes."""
    room = np.ones(count + 16, np.float32)
    first = -(room.ctypes.data // 4) % 16
    return room[first : first + count]


@cache
def compiled(isa: str) -> ctypes.CDLL:
    """Compile machine.c for an instruction set, and load it."""
    source = Path(__file__).with_name("machine.c")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "machine.so")
        compiler = os.environ.get("CC", "cc").split()
        flags = ["-O3", "-fopenmp", "-shared", "-fPIC", *FLAGS.get(isa, [])]
        subprocess.run([*compiler, *flags, source, "-o", target], check=True)
        library = ctypes.CDLL(str(target))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, arguments in {
        "multiply_add": [ctypes.c_int, ctypes.c_long, pointer],
        "read_all": [ctypes.c_int, pointer, size, ctypes.c_long, pointer],
        "copy_all": [ctypes.c_int, pointer, pointer, size, ctypes.c_long],
        "wake": [ctypes.c_int, ctypes.c_long],
        "meet": [ctypes.c_int, ctypes.c_long],
    }.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = None if name in ("wake", "meet") else ctypes.c_double
    return library


def main() -> int:
    """Print the figures of one thread and of all, for the kernels' instruction set."""
    import seqnn

    for threads in dict.fromkeys((1, seqnn.get_num_threads())):
        found = measure(seqnn.get_isa(), threads)
        print(f"{found.isa}, {threads} threads: {found.peak / 1e9:.0f} GFLOP/s")
        for level in LEVELS:
            print(f"  {level}: reads {found.read[level] / 1e9:.1f} GB/s, copies {found.copy[level] / 1e9:.1f} GB/s")
        print(f"  a parallel region {found.wake * 1e6:.2f} us, a meeting {found.meet * 1e6:.2f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
