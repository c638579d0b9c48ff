"""Convolutions of sequences and images, forward alone and with backward, against torch (oneDNN)."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

# name: x, weight, options
SHAPES = {
    "sequence 32 x 256 x 128, 256 channels, k3": ((32, 256, 128), (256, 256, 3), {"padding": 1}),
    "image 32 x 64 x 56 x 56, 64 channels, k3": ((32, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    "image 32 x 128 x 28 x 28, 128 channels, k3": ((32, 128, 28, 28), (128, 128, 3, 3), {"padding": 1}),
    "image 32 x 512 x 7 x 7, 512 channels, k3": ((32, 512, 7, 7), (512, 512, 3, 3), {"padding": 1}),
    "image 32 x 64 x 56 x 56, 64 channels, 1 x 1": ((32, 64, 56, 56), (64, 64, 1, 1), {}),
    "image 32 x 64 x 56 x 56, 128 channels, k3, stride 2": (
        (32, 64, 56, 56),
        (128, 64, 3, 3),
        {"padding": 1, "stride": 2},
    ),
    "image 8 x 3 x 224 x 224, 64 channels, k7, stride 2": (
        (8, 3, 224, 224),
        (64, 3, 7, 7),
        {"padding": 3, "stride": 2},
    ),
    "digits 64 x 1 x 28 x 28, 32 channels, k5": ((64, 1, 28, 28), (32, 1, 5, 5), {}),
    "depthwise 32 x 128 x 28 x 28, k3": ((32, 128, 28, 28), (128, 1, 3, 3), {"padding": 1, "groups": 128}),
}


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for name, (shape, window, how) in SHAPES.items():
            shape = (2, *shape[1:]) if options.quick else shape
            x, w = rng.standard_normal(shape, np.float32), rng.standard_normal(window, np.float32)
            bias = rng.standard_normal(window[0], np.float32)
            axes = len(shape) - 2
            conv = ops.conv1d if axes == 1 else ops.conv2d
            grad = rng.standard_normal(conv(x, w, bias, **how).shape, np.float32)

            def mine(x, w, bias, conv=conv, how=how):
                return conv(x, w, bias, **how)

            def peer(x, w, bias, axes=axes, how=how):
                return getattr(torch.nn.functional, f"conv{axes}d")(x, w, bias, **how)

            def forward(x=x, w=w, bias=bias, peer=peer):
                with torch.no_grad():
                    return [peer(*map(torch.from_numpy, (x, w, bias)))]

            yield Case(
                f"{name}, forward",
                ours(lambda x=x, w=w, bias=bias, mine=mine: [mine(x, w, bias)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                threads=threads,
            )
            yield Case(
                f"{name}, forward + backward",
                ours(our_step(mine, [x, w, bias], grad), threads),
                {"torch": theirs(their_step(peer, [x, w, bias], grad), threads)},
                check=same_arrays,
                threads=threads,
                goals={"torch": 1.0},
            )
