"""One step of the optimisers: few large parameters (memory-bound) and many small ones, against torch's fused kernels."""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

import seqnn
from benchmarks.case import Case, Options, timed
from seqnn import Tensor, optim

VARIANTS = {"torch fused": {"fused": True}, "torch default": {}, "torch foreach": {"foreach": True}}
CASES = [
    # name, options, torch's variants, goals on the large parameters
    (
        "Adam",
        {"lr": 1e-3},
        ["torch fused", "torch default", "torch foreach"],
        {"torch fused": 0.95, "torch default": 2.3},
    ),
    ("AdamW", {"lr": 1e-3}, ["torch fused"], {"torch fused": 0.95}),
    ("SGD", {"lr": 1e-3, "momentum": 0.9}, ["torch fused", "torch default"], {"torch fused": 0.95}),
    ("Adagrad", {"lr": 1e-3}, ["torch fused", "torch default"], {"torch fused": 0.95}),
    ("RMSprop", {"lr": 1e-3}, ["torch default", "torch foreach"], {"torch default": 0.95}),
]


TOUCHED = {"Adam": 7, "AdamW": 7, "SGD": 5, "Adagrad": 5, "RMSprop": 5}
"""How many numbers a step reads or writes for each weight."""


def cases(options: Options) -> Iterator[Case]:
    """Yield each optimiser over 4 large parameters and over 200 small ones."""
    large = 250_000 if options.quick else 12_500_000
    for threads in options.threads:
        for count, size in ((4, large), (200, 10_000)):
            for name, settings, variants, goals in CASES if count == 4 else CASES[:1]:
                sizes = [size] * count
                steps = max(1, 20_000_000 // (count * size))
                yield Case(
                    f"{name}, {count} parameters of {size:,}",
                    ours(name, settings, sizes, threads, steps),
                    {label: torchs(name, settings | VARIANTS[label], sizes, threads, steps) for label in variants},
                    check=same_weights,
                    work=count * size * steps,
                    work_unit="weights",
                    moved=4.0 * TOUCHED[name] * count * size * steps,
                    threads=threads,
                    goals=goals,
                )


def gradient(size: int) -> np.ndarray:
    """The gradient of every parameter at every step."""
    return np.random.default_rng(0).standard_normal(size, np.float32)


def ours(name: str, settings: dict, sizes: list[int], threads: int, steps: int):
    """Our side: its state is made, and the memory touched, before the clock runs."""
    made = []

    def run():
        with seqnn.threads(threads):
            for _ in range(steps):
                made[0].step()
        return made[1][0].data[:1000].copy()

    def side():
        if not made:
            params = [Tensor(np.ones(size, np.float32), requires_grad=True) for size in sizes]
            for param in params:
                param.grad = gradient(param.size)
            made.extend([getattr(optim, name)(params, **settings), params])
            run()
        return timed(run)()

    return side


def torchs(name: str, settings: dict, sizes: list[int], threads: int, steps: int):
    """The same in torch; None where it is not installed."""
    if find_spec("torch") is None:
        return None
    import torch

    made = []

    def run():
        torch.set_num_threads(threads)
        for _ in range(steps):
            made[0].step()
        return made[1][0][:1000].detach().numpy().copy()

    def side():
        if not made:
            params = [torch.ones(size, requires_grad=True) for size in sizes]
            for param in params:
                param.grad = torch.from_numpy(gradient(len(param)))
            made.extend([getattr(torch.optim, name)(params, **settings), params])
            run()
        return timed(run)()

    return side


def same_weights(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check that both made the same steps; return the largest difference of a weight."""
    error = float(np.abs(ours - theirs).max())
    assert error < 1e-4, f"weights differ by {error}"
    return error
