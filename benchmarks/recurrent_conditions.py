"""What the benchmarks of the recurrent layers measure beside the time of a call: memory, a busy machine, a barrier."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, constant
from benchmarks.torch_peer import torch
from seqnn import Tensor, _core, nn
from seqnn.autograd import no_grad

MEETING = 2e-6  # seconds of a barrier that a step of a small layer can still afford


def memory(kind: str, shape: tuple[int, ...], threads: int) -> Case:
    """Peak memory of forward and backward above what the loaded program has, each in a process of its own."""

    def side(library: str) -> Callable[[], Measured]:
        def run() -> Measured:
            request = [sys.executable, __file__, library, json.dumps([kind, *shape, threads])]
            root = str(Path(__file__).resolve().parents[1])
            done = subprocess.run(request, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{library}: {done.stderr}")
            return Measured(float(done.stdout))

        return run

    batch, steps, inputs, hidden = shape
    return Case(
        f"{kind}, B={batch} T={steps} I={inputs} H={hidden}, memory of forward + backward",
        side("seqnn"),
        {"torch": side("torch") if torch is not None else None},
        unit="MiB",
        threads=threads,
        goals={"torch": 1.0},
    )


def busy(kind: str, shape: tuple[int, ...], threads: int, seconds: float = 0.5) -> Case:
    """Inference while another process computes all the time, against the same without it: at most twice as long."""
    layer = getattr(nn, kind)(*shape[2:]).eval()
    layer.freeze()
    x = np.random.default_rng(1).standard_normal((shape[1], shape[0], shape[2]), np.float32)

    def calls() -> float:
        count, start = 0, time.perf_counter()
        with seqnn.threads(threads), no_grad():
            while (passed := time.perf_counter() - start) < seconds or count < 3:
                layer(x)
                count += 1
        return passed / count

    def disturbed() -> Measured:
        with subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) as other:
            try:
                time.sleep(0.1)
                return Measured(calls())
            finally:
                other.kill()

    batch, steps, inputs, hidden = shape
    return Case(
        f"{kind}, B={batch} T={steps} I={inputs} H={hidden}, forward, beside a busy process",
        disturbed,
        {"alone": lambda: Measured(calls())},
        threads=threads,
        goals={"alone": 0.5},
    )


def meeting(threads: int, count: int = 20_000) -> Case:
    """One phase of the team without work: what the threads pay where they meet, once a step."""

    def mine() -> Measured:
        with seqnn.threads(threads):
            _core.probe_phases(count, 1 << 40)
            start = time.perf_counter()
            _core.probe_phases(count, 1 << 40)
        return Measured((time.perf_counter() - start) / count)

    bound = f"{MEETING * 1e6:g} µs"
    return Case("One meeting of the team", mine, {bound: constant(MEETING)}, threads=threads, goals={bound: 1.0})


def _resident(key: str) -> float:
    """A line of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def _peak(library: str, kind: str, batch: int, steps: int, inputs: int, hidden: int, threads: int) -> float:
    x = np.random.default_rng(1).standard_normal((steps, batch, inputs), np.float32)
    if library == "seqnn":
        layer, given = getattr(nn, kind)(inputs, hidden), Tensor(x, requires_grad=True)
        seqnn.set_num_threads(threads)
    else:
        layer, given = getattr(torch.nn, kind)(inputs, hidden), torch.tensor(x, requires_grad=True)
        torch.set_num_threads(threads)
    small = given[:1, :1] * 1.0
    (layer(small)[0] * 1.0).sum().backward()  # loads what a first call loads
    before = _resident("VmRSS")
    layer(given)[0].sum().backward()
    return _resident("VmHWM") - before


if __name__ == "__main__":
    print(_peak(sys.argv[1], *json.loads(sys.argv[2])))
