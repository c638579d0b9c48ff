"""Activations and elementary functions, element by element, against torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

NAMES = ["tanh", "sigmoid", "relu", "gelu", "gelu_tanh", "silu", "softplus", "exp", "log", "erf"]


def pair(name: str):
    """Return our function and torch's."""
    if name == "gelu_tanh":
        return (
            lambda x: ops.gelu(x, approximate="tanh"),
            lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        )
    functional = getattr(torch, "nn", None) and torch.nn.functional
    return getattr(ops, name), getattr(torch, name, None) or getattr(functional, name, None)


def cases(options: Options) -> Iterator[Case]:
    """Yield every function forward, and the activations forward and backward."""
    shape = (512, 512) if options.quick else (4096, 512)
    x, grad = (np.random.default_rng(s).standard_normal(shape, np.float32) for s in (1, 2))
    for threads in options.threads:
        for name in NAMES:
            our, their = pair(name)
            given = np.abs(x) + np.float32(0.01) if name == "log" else x

            def forward(their=their, given=given):
                with torch.no_grad():
                    return [their(torch.from_numpy(given))]

            yield Case(
                f"{name}, {shape[0]} x {shape[1]}, forward",
                ours(lambda our=our, given=given: [our(given)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                moved=2 * x.nbytes,
                threads=threads,
                goals={"torch": 4.0} if name == "tanh" else {},
            )
            yield Case(
                f"{name}, {shape[0]} x {shape[1]}, forward + backward",
                ours(our_step(our, [given], grad), threads),
                {"torch": theirs(their_step(their, [given], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes,
                threads=threads,
            )
