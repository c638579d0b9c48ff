"""Embedding: gather, gather with the gradient of the table, and a step of SGD, against torch's dense and sparse gradients.

Ours keeps the gradient as a list of rows, as torch's sparse one does, until somebody asks for an array. "summed" makes it one
row per id, as an optimiser needs it (torch: coalesce); "dense" asks for the array.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, same_arrays, theirs, torch
from seqnn import Tensor, ops, optim
from seqnn.autograd import Rows


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

    table = Tensor(weight, requires_grad=True)
    optimizer = optim.SGD([table], lr=1e-3)

    def our_step(finish):
        def run():
            table.zero_grad()
            out = ops.embedding(ids, table)
            out.backward(grad)
            return [out.data, finish()]

        return run

    def rows():
        return Rows(table._grad.rows.parts[0][0], table._grad.rows.parts[0][1], weight.shape)

    def their_step(sparse, finish):
        if torch is None:
            return list
        leaf = torch.tensor(weight, requires_grad=True)
        other = torch.optim.SGD([leaf], lr=1e-3)
        seed, places = torch.from_numpy(grad), torch.from_numpy(ids)

        def run():
            leaf.grad = None
            out = torch.nn.functional.embedding(places, leaf, sparse=sparse)
            out.backward(seed)
            return [out.detach(), finish(leaf, other)]

        return run

    def stepped():
        optimizer.step()
        return table.data[:1]

    def they_stepped(leaf, other):
        other.step()
        return leaf.detach()[:1]

    for threads in options.threads:
        yield Case(
            f"embedding, {name}, forward",
            ours(lambda: [ops.embedding(ids, weight)], threads),
            {"torch": theirs(forward, threads)},
            check=same_arrays,
            moved=2 * grad.nbytes,
            threads=threads,
        )
        for finish, label, sides, goals in (
            (
                rows,
                "forward + backward",
                {"torch dense": False, "torch sparse": True},
                {"torch dense": 100, "torch sparse": 1.3},
            ),
            (lambda: table._grad.summed(), "forward + backward, summed", {"torch sparse": True}, {}),
            (lambda: table.grad, "forward + backward, dense", {"torch dense": False}, {"torch dense": 1.0}),
        ):
            coalesce = label.endswith("summed")
            peers = {
                k: theirs(
                    their_step(sparse, lambda leaf, _, c=coalesce: leaf.grad.coalesce() if c else leaf.grad), threads
                )
                for k, sparse in sides.items()
            }
            yield Case(
                f"embedding, {name}, {label}",
                ours(our_step(finish), threads),
                peers,
                check=same_gradients,
                threads=threads,
                goals={} if options.quick else goals,
            )
        yield Case(
            f"embedding, {name}, step of SGD",
            ours(our_step(stepped), threads),
            {
                k: theirs(their_step(v, they_stepped), threads)
                for k, v in (("torch dense", False), ("torch sparse", True))
            },
            threads=threads,
        )


def same_gradients(mine: list, other: list) -> float:
    """Check outputs and gradients, which may be rows."""
    gradient = mine[1]
    if isinstance(gradient, tuple):
        touched, sums = gradient
        assert np.array_equal(touched, other[1].indices().numpy()[0])
        return same_arrays([mine[0], sums], [other[0], other[1].values()])
    return same_arrays([mine[0], gradient.dense() if isinstance(gradient, Rows) else gradient], other)
