"""Convolutions of sequences and images, forward alone and with backward, against torch (oneDNN)."""

from collections.abc import Iterator
from functools import partial

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
    yield from both_passes(options, "conv", SHAPES, 0, {})


def both_passes(
    options: Options, function: str, shapes: dict[str, tuple], channels: int, goals: dict[str, float]
) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward, of functions with the same name here and at torch.

    Args:
        options: of the run.
        function: its name without the number of axes, which the shape of x tells.
        shapes: name: the shapes of x and of the weight, and options of the function.
        channels: the axis of the weight that counts the output's channels.
        goals: of the forward pass alone.
    """
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for name, (shape, window, how) in shapes.items():
            shape = (2, *shape[1:]) if options.quick else shape
            arrays = [rng.standard_normal(size, np.float32) for size in (shape, window, window[channels])]
            called = f"{function}{len(shape) - 2}d"
            mine = partial(getattr(ops, called), **how)
            grad = rng.standard_normal(mine(*arrays).shape, np.float32)
            # Each number of the result (of a transposed one: of x) meets each number of the weight of a channel.
            operations = 2.0 * arrays[1].size * (grad if channels == 0 else arrays[0])[:, 0].size
            moved = sum(array.nbytes for array in arrays) + grad.nbytes
            peer = None if torch is None else partial(getattr(torch.nn.functional, called), **how)

            def forward(arrays=arrays, peer=peer):
                with torch.no_grad():
                    return [peer(*map(torch.from_numpy, arrays))]

            yield Case(
                f"{name}, forward",
                ours(lambda arrays=arrays, mine=mine: [mine(*arrays)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                operations=operations,
                moved=moved,
                threads=threads,
                goals=goals,
            )
            yield Case(
                f"{name}, forward + backward",
                ours(our_step(mine, arrays, grad), threads),
                {"torch": theirs(their_step(peer, arrays, grad), threads)},
                check=same_arrays,
                operations=3 * operations,
                moved=2 * moved,
                threads=threads,
                goals={"torch": 1.0},
            )
