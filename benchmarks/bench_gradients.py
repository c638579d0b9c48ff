"""Clipping by the norm of all gradients, against torch's `clip_grad_norm_`."""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

import seqnn
from benchmarks.case import Case, Options, timed
from seqnn import Tensor, optim


def cases(options: Options) -> Iterator[Case]:
    """Yield few large and many small gradients, all ones again before each measurement."""
    large = 250_000 if options.quick else 12_500_000
    for threads in options.threads:
        for count, size in ((4, large), (200, 10_000)):
            yield Case(
                f"clip_grad_norm_, {count} gradients of {size:,}",
                ours([size] * count, threads),
                {"torch": torchs([size] * count, threads)},
                check=same_norm,
                work=count * size,
                work_unit="numbers",
                threads=threads,
            )


def ours(sizes: list[int], threads: int):
    """Our side."""
    params = [Tensor(np.zeros(size, np.float32), requires_grad=True) for size in sizes]
    for param in params:
        param.grad = np.empty(param.size, np.float32)

    def run():
        with seqnn.threads(threads):
            return optim.clip_grad_norm_(params, 1.0)

    def side():
        for param in params:
            param.grad.fill(1)
        return timed(run)()

    return side


def torchs(sizes: list[int], threads: int):
    """The same in torch; None where it is not installed."""
    if find_spec("torch") is None:
        return None
    import torch

    params = [torch.zeros(size, requires_grad=True) for size in sizes]
    for param in params:
        param.grad = torch.empty(len(param))

    def run():
        return torch.nn.utils.clip_grad_norm_(params, 1.0).item()

    def side():
        torch.set_num_threads(threads)
        for param in params:
            param.grad.fill_(1)
        return timed(run)()

    return side


def same_norm(ours: float, theirs: float) -> float:
    """Check that the norms agree; return their relative difference."""
    error = abs(ours - theirs) / theirs
    assert error < 1e-3, f"{ours} is not {theirs}"
    return error
