"""Batch norm of rows, sequences and images, against torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield evaluation, then forward and backward in training."""
    rng = np.random.default_rng(1)
    shapes = [(64, 32), (8, 16, 40)] if options.quick else [(4096, 512), (64, 128, 256), (32, 64, 56, 56)]
    for threads in options.threads:
        for shape in shapes:
            x, grad = rng.standard_normal(shape, np.float32), rng.standard_normal(shape, np.float32)
            w, b, mean, var = (rng.random(shape[1], np.float32) + 0.5 for _ in range(4))

            def evaluate(x=x, w=w, b=b, mean=mean, var=var):
                with torch.no_grad():
                    return [torch.nn.functional.batch_norm(*map(torch.from_numpy, (x, mean, var, w, b)))]

            def train(x, w, b):
                return torch.nn.functional.batch_norm(x, None, None, w, b, True)

            name = "x".join(map(str, shape))
            yield Case(
                f"batch norm, {name}, evaluation",
                ours(lambda x=x, w=w, b=b, mean=mean, var=var: [ops.batch_norm(x, mean, var, w, b)], threads),
                {"torch": theirs(evaluate, threads)},
                check=same_arrays,
                moved=2 * x.nbytes,
                threads=threads,
            )
            yield Case(
                f"batch norm, {name}, forward + backward",
                ours(our_step(lambda x, w, b: ops.batch_norm(x, None, None, w, b, True), [x, w, b], grad), threads),
                {"torch": theirs(their_step(train, [x, w, b], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes,
                threads=threads,
            )
