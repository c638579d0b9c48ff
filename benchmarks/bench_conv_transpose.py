"""Transposed convolutions of a DCGAN's generators, forward alone and with backward, against torch (oneDNN)."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

# name: x, weight, options
SHAPES = {
    "64 x 100 x 1 x 1 to 512 x 4 x 4": ((64, 100, 1, 1), (100, 512, 4, 4), {}),
    "64 x 512 x 4 x 4 to 256 x 8 x 8": ((64, 512, 4, 4), (512, 256, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 256 x 8 x 8 to 128 x 16 x 16": ((64, 256, 8, 8), (256, 128, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 128 x 16 x 16 to 64 x 32 x 32": ((64, 128, 16, 16), (128, 64, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 64 x 32 x 32 to 3 x 64 x 64": ((64, 64, 32, 32), (64, 3, 4, 4), {"stride": 2, "padding": 1}),
    "digits 64 x 64 x 7 x 7 to 32 x 14 x 14": ((64, 64, 7, 7), (64, 32, 4, 4), {"stride": 2, "padding": 1}),
    "digits 64 x 32 x 14 x 14 to 1 x 28 x 28": ((64, 32, 14, 14), (32, 1, 4, 4), {"stride": 2, "padding": 1}),
    "sequence 32 x 128 x 64 to 64 x 128": ((32, 128, 64), (128, 64, 4), {"stride": 2, "padding": 1}),
}


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for name, (shape, window, how) in SHAPES.items():
            shape = (2, *shape[1:]) if options.quick else shape
            x, w = rng.standard_normal(shape, np.float32), rng.standard_normal(window, np.float32)
            bias = rng.standard_normal(window[1], np.float32)
            called = f"conv_transpose{len(shape) - 2}d"
            grad = rng.standard_normal(getattr(ops, called)(x, w, bias, **how).shape, np.float32)

            def mine(x, w, bias, called=called, how=how):
                return getattr(ops, called)(x, w, bias, **how)

            def peer(x, w, bias, called=called, how=how):
                return getattr(torch.nn.functional, called)(x, w, bias, **how)

            def forward(x=x, w=w, bias=bias, peer=peer):
                with torch.no_grad():
                    return [peer(*map(torch.from_numpy, (x, w, bias)))]

            yield Case(
                f"{name}, forward",
                ours(lambda x=x, w=w, bias=bias, mine=mine: [mine(x, w, bias)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                threads=threads,
                goals={"torch": 1.0},
            )
            yield Case(
                f"{name}, forward + backward",
                ours(our_step(mine, [x, w, bias], grad), threads),
                {"torch": theirs(their_step(peer, [x, w, bias], grad), threads)},
                check=same_arrays,
                threads=threads,
                goals={"torch": 1.0},
            )
