"""Scores of attention beside the product, hard attention and peak memory, against the same in torch."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.case import Case, Measured, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

# Batch, queries, keys, size of queries and keys, size of values: a decoder's step, and a whole sentence at once.
SHAPES = [(32, 1, 50, 256, 512), (32, 30, 40, 256, 512), (4, 200, 200, 128, 128)]

PEAK = """
import sys
import numpy as np
library, time = sys.argv[1], int(sys.argv[2])
arrays = [np.random.default_rng(i).standard_normal((1, 1, time, 64), np.float32) for i in range(3)]
if library == "torch":
    import torch
    torch.set_num_threads(1)
    q, k, v = (torch.from_numpy(x).requires_grad_() for x in arrays)
    before = open("/proc/self/status").read()
    torch.nn.functional.scaled_dot_product_attention(q, k, v).sum().backward()
else:
    import seqnn
    seqnn.set_num_threads(1)
    q, k, v = (seqnn.Tensor(x, requires_grad=True) for x in arrays)
    before = open("/proc/self/status").read()
    seqnn.ops.attention(q, k, v).sum().backward()
size = lambda text, name: next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))
print(size(open("/proc/self/status").read(), "VmHWM") - size(before, "VmRSS"))
"""


def additive(q: Any, k: Any, v: Any, w: Any) -> Any:
    """Return torch's additive attention, which keeps an array of queries x keys x size."""
    return (torch.tanh(q[:, :, :, None] + k[:, :, None]) @ w).softmax(-1) @ v


def cosine(q: Any, k: Any, v: Any) -> Any:
    """Return torch's attention by cosines."""
    unit = torch.nn.functional.normalize
    return torch.nn.functional.scaled_dot_product_attention(unit(q, dim=-1), unit(k, dim=-1), v, scale=1.0)


def general(q: Any, k: Any, v: Any, w: Any) -> Any:
    """Return torch's attention by q^T W k."""
    return torch.nn.functional.scaled_dot_product_attention(q @ w, k, v, scale=1.0)


def peak(library: str, time: int) -> Callable[[], Measured]:
    """Return a side that measures what a forward and backward pass adds to the memory of a fresh process."""

    def side() -> Measured:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, library, str(time)], capture_output=True, text=True, check=True
        )
        return Measured(int(done.stdout) / 1024)

    return side


def quiet(function: Callable, arrays: list[np.ndarray]) -> Callable[[], list]:
    """Return torch's forward pass without a graph."""

    def run() -> list:
        with torch.no_grad():
            return [function(*map(torch.from_numpy, arrays))]

    return run


def cases(options: Options) -> Iterator[Case]:
    """Yield the scores, forward and with backward, hard attention beside soft, and peak memory."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for batch, queries, keys, size, width in SHAPES[:2] if options.quick else SHAPES:
            shapes = [(batch, 1, queries, size), (batch, 1, keys, size), (batch, 1, keys, width)]
            q, k, v = (rng.standard_normal(s, np.float32) for s in shapes)
            vector = rng.standard_normal(size, np.float32) / 16
            matrix = rng.standard_normal((size, size), np.float32) / 16
            grad = rng.standard_normal((batch, 1, queries, width), np.float32)
            kinds = {"additive": (additive, [vector]), "general": (general, [matrix]), "cosine": (cosine, [])}
            for score, (function, more) in kinds.items():
                arrays = [q, k, v, *more]
                name = f"{score} scores, {batch} x {queries} queries, {keys} keys of {size}"
                yield Case(
                    f"{name}, forward",
                    ours(lambda a=arrays, s=score: [_attend(*a, score=s)], threads),
                    {"torch": theirs(quiet(function, arrays), threads)},
                    check=same_arrays,
                    threads=threads,
                )
                yield Case(
                    f"{name}, forward + backward",
                    ours(our_step(lambda *a, s=score: _attend(*a, score=s), arrays, grad), threads),
                    {"torch": theirs(their_step(function, arrays, grad), threads)},
                    check=same_arrays,
                    threads=threads,
                )
        arrays = [rng.standard_normal((8, 8, 512, 64), np.float32) for _ in range(3)]
        yield Case(
            "hard attention, drawn; beside it soft attention",
            ours(lambda a=arrays: ops.hard_attention(*a, sample=True, seed=1)[:2], threads),
            {"seqnn": ours(lambda a=arrays: [ops.attention(*a)], threads)},
            threads=threads,
        )
    if sys.platform == "linux":
        for time in (2048, 8192) if options.quick else (2048, 4096, 8192):
            yield Case(
                f"memory of forward + backward, {time} positions",
                peak("seqnn", time),
                {"torch": peak("torch", time) if torch else None},
                unit="MB",
                repeat=1,
            )


def _attend(q: Any, k: Any, v: Any, weight: Any = None, *, score: str) -> Any:
    return ops.attention(q, k, v, weight=weight, score=score)
