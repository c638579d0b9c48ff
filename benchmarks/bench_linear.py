"""Matrix products at the shapes of sequence models, and the linear layer forward and backward, against torch and NumPy."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options
from benchmarks.peers import installed
from benchmarks.torch_peer import our_step, ours, same_arrays, same_norms, their_step, theirs, torch
from seqnn import ops

if installed("threadpoolctl"):
    from threadpoolctl import ThreadpoolController

    limited: Any = functools.partial(ThreadpoolController().limit, user_api="blas")
else:
    limited = None

SQUARES = [(n, n, n) for n in (16, 32, 64, 128, 256, 512, 1024, 2048)]
LAYERS = [(32, 256, 256), (256, 512, 512), (1024, 64, 64), (4096, 512, 512), (4096, 1024, 1024)]
STEPS = [(batch, 4 * hidden, hidden) for hidden in (128, 256, 512, 1024) for batch in (1, 8, 32, 64)]
ACTIVATED = [(256, 512, 512, "relu"), (4096, 2048, 512, "relu"), (256, 512, 512, "gelu"), (4096, 2048, 512, "gelu")]
LINEAR = [(32, 256, 256), (256, 512, 512), (1024, 64, 64), (1024, 512, 128), (4096, 512, 512), (4096, 512, 2048)]


def repeated(function: Callable[[], Any], threads: int, seconds: float, library: str) -> Callable[[], Measured]:
    """Return a side that calls `function` for about `seconds` and gives the time of one call."""

    def side() -> Measured:
        if library == "torch":
            torch.set_num_threads(threads)
        with seqnn.threads(threads), limited(limits=threads) if library == "numpy" else nullcontext():
            result = function()
            start = time.perf_counter()
            function()
            count = 1 + int(seconds / max(time.perf_counter() - start, 1e-7))
            start = time.perf_counter()
            for _ in range(count):
                function()
            return Measured((time.perf_counter() - start) / count, np.asarray(result))

    return side


def same_product(mine: np.ndarray, other: np.ndarray) -> float:
    """Check that the products agree, relative to the largest element; return the largest difference."""
    worst = float(np.abs(mine - other).max() / np.abs(other).max())
    assert worst < 1e-5, f"products differ by {worst}"
    return worst


def product(m: int, n: int, k: int, threads: int, seconds: float) -> Case:
    """x @ weight.T with a packed weight; torch and NumPy multiply by the [K, N] matrix, which suits them best."""
    draw = np.random.default_rng(m + n + k)
    x, weight = draw.standard_normal((m, k), np.float32), draw.standard_normal((n, k), np.float32)
    plain, packed = np.ascontiguousarray(weight.T), ops.pack_weight(weight)
    peers = {}
    if torch is not None:
        left, right = torch.from_numpy(x), torch.from_numpy(plain)
        peers["torch"] = repeated(lambda: torch.mm(left, right), threads, seconds, "torch")
    if threads == 1 and limited is not None:  # NumPy's own threads and OpenMP's would fight for the cores
        peers["numpy"] = repeated(lambda: x @ plain, threads, seconds, "numpy")
    return Case(
        f"product {m} x {n} x {k}, packed",
        repeated(lambda: ops.linear(x, weight, packed=packed), threads, seconds, "seqnn"),
        peers,
        check=same_product,
        work=2e-9 * m * n * k,
        work_unit="GFLOP",
        operations=2.0 * m * n * k,
        moved=4.0 * (m * k + n * k + m * n),
        threads=threads,
        goals={"torch": 0.95},
    )


def cases(options: Options) -> Iterator[Case]:
    """Yield the products, then the layer's training step."""
    seconds = 0.002 if options.quick else 0.02
    for threads in options.threads:
        for shape in SQUARES + LAYERS + STEPS:
            if not options.quick or np.prod(shape) < 1 << 26:
                yield product(*shape, threads, seconds)
        for m, n, k in LINEAR:
            if options.quick and m > 1024:
                continue
            draw = np.random.default_rng(m)
            arrays = [draw.standard_normal(s, np.float32) for s in ((m, k), (n, k), n)]
            grad = draw.standard_normal((m, n), np.float32)
            functional = torch and torch.nn.functional.linear
            yield Case(
                f"linear {m} x {k} to {n}, forward + backward",
                ours(our_step(ops.linear, arrays, grad), threads),
                {"torch": theirs(their_step(functional, arrays, grad), threads)},
                check=same_arrays,
                work=6e-9 * m * n * k,
                work_unit="GFLOP",
                operations=6.0 * m * n * k,
                moved=8.0 * (m * k + n * k + m * n),
                threads=threads,
                goals={"torch": 1.8},
            )
        for m, n, k, activation in ACTIVATED:
            if options.quick and m > 1024:
                continue
            draw = np.random.default_rng(m)
            arrays = [draw.standard_normal(s, np.float32) for s in ((m, k), (n, k), n)]
            arrays[1] /= np.sqrt(k, dtype=np.float32)  # what goes into the function has variance 1
            grad = draw.standard_normal((m, n), np.float32)
            yield Case(
                f"linear {m} x {k} to {n}, {activation}, forward + backward",
                ours(our_step(lambda x, w, b, a=activation: ops.linear(x, w, b, activation=a), arrays, grad), threads),
                {"torch": theirs(their_step(activated(activation), arrays, grad), threads)},
                check=same_norms if activation == "relu" else same_arrays,
                work=6e-9 * m * n * k,
                work_unit="GFLOP",
                operations=6.0 * m * n * k,
                moved=8.0 * (m * k + n * k + m * n),
                threads=threads,
                goals={"torch": 1.8},
            )


def activated(activation: str) -> Callable[..., Any]:
    """Return torch's linear layer with the function behind it."""

    def function(x: Any, weight: Any, bias: Any) -> Any:
        return getattr(torch.nn.functional, activation)(torch.nn.functional.linear(x, weight, bias))

    return function
