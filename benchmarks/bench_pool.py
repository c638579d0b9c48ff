"""Pooling of images and sequences, forward alone and with backward, against torch."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def pairs() -> Iterator[tuple[str, tuple[int, ...], Callable, Callable]]:
    """Yield name, shape of x, our function and torch's."""
    image, line = (32, 64, 56, 56), (64, 128, 256)
    yield "max 2 x 2", image, lambda x: ops.max_pool2d(x, 2), lambda x: torch.nn.functional.max_pool2d(x, 2)
    yield (
        "max 3 x 3, stride 2",
        image,
        lambda x: ops.max_pool2d(x, 3, 2, 1),
        lambda x: torch.nn.functional.max_pool2d(x, 3, 2, 1),
    )
    yield "average 2 x 2", image, lambda x: ops.avg_pool2d(x, 2), lambda x: torch.nn.functional.avg_pool2d(x, 2)
    yield "average of the image", image, ops.global_avg_pool, lambda x: x.mean((2, 3))
    yield "max over time", line, ops.global_max_pool, lambda x: x.max(2).values


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for name, shape, mine, peer in pairs():
            x = rng.standard_normal((4, *shape[1:]) if options.quick else shape, np.float32)
            grad = rng.standard_normal(mine(x).shape, np.float32)
            title = f"{name}, {' x '.join(map(str, x.shape))}"

            def forward(x=x, peer=peer):
                with torch.no_grad():
                    return [peer(torch.from_numpy(x))]

            yield Case(
                f"{title}, forward",
                ours(lambda x=x, mine=mine: [mine(x)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                moved=x.nbytes + grad.nbytes,
                threads=threads,
            )
            yield Case(
                f"{title}, forward + backward",
                ours(our_step(mine, [x], grad), threads),
                {"torch": theirs(their_step(peer, [x], grad), threads)},
                check=same_arrays,
                moved=2 * (x.nbytes + grad.nbytes),
                threads=threads,
            )
