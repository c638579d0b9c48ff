"""Embedding: gather, and gather with the gradient of the table, against torch's dense and sparse gradients.

Ours adds to a dense gradient that persists and clears its touched rows before each step. torch's sparse gradient is a
list of rows, with duplicates unless coalesced: the step that makes it one row per id, as an optimiser needs it.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    rng = np.random.default_rng(1)
    words, width = (1000, 64) if options.quick else (50_000, 256)
    weight = rng.standard_normal((words, width), np.float32)
    ids = rng.integers(0, words, (32, 128))
    grad = rng.standard_normal((*ids.shape, width), np.float32)
    name = f"{words} x {width}, 32 x 128 ids"

    def forward():
        with torch.no_grad():
            return [torch.nn.functional.embedding(torch.from_numpy(ids), torch.from_numpy(weight))]

    def step(sparse, coalesce=False):
        def gather(weight):
            return torch.nn.functional.embedding(torch.from_numpy(ids), weight, sparse=sparse)

        run = their_step(gather, [weight], grad)

        def coalesced():
            out, rows = run()
            return [out, rows.coalesce()]

        return coalesced if coalesce else run

    for threads in options.threads:
        yield Case(
            f"embedding, {name}, forward",
            ours(lambda: [ops.embedding(ids, weight)], threads),
            {"torch": theirs(forward, threads)},
            check=same_arrays,
            threads=threads,
        )
        yield Case(
            f"embedding, {name}, forward + backward",
            ours(our_step(lambda w: ops.embedding(ids, w), [weight], grad), threads),
            {
                "torch dense": theirs(step(False), threads),
                "torch sparse": theirs(step(True), threads),
                "torch sparse, coalesced": theirs(step(True, True), threads),
            },
            check=same_arrays,
            threads=threads,
            goals={} if options.quick else {"torch dense": 100, "torch sparse": 1.3},
        )
