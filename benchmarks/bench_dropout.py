"""Dropout, against torch and against a copy of the same array (memory bandwidth)."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options, timed
from benchmarks.torch_peer import our_step, ours, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield forward and backward at two probabilities."""
    size = 1 << (16 if options.quick else 22)
    x = np.ones(size, np.float32)
    for threads in options.threads:
        for p in 0.1, 0.5:
            step = their_step(lambda x, p=p: torch.nn.functional.dropout(x, p), [x], x)
            yield Case(
                f"dropout p={p}, {size} numbers, forward + backward",
                ours(our_step(lambda x, p=p: ops.dropout(x, p), [x], x), threads),
                {"torch": theirs(step, threads), "two copies": timed(lambda: [x.copy(), x.copy()])},
                check=same_share,
                work=size,
                work_unit="numbers",
                threads=threads,
            )


def same_share(mine: list, other: list) -> float:
    """Check that the gradient shows the output's mask and that the mean is kept; return the means' difference."""
    assert np.array_equal(mine[0], mine[1])
    error = abs(float(np.mean(mine[0], dtype=float)) - float(np.mean(np.asarray(other[0]), dtype=float)))
    assert error < 0.05, error
    return error
