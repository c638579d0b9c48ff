"""The loss behind a linear layer over a large vocabulary, forward + backward, in time and memory, against torch.

torch has two ways: from all logits, and a function of its own in chunks (2.13 on).
"""

import functools
import math
from collections.abc import Callable, Iterator

from benchmarks.case import Case, Measured, Options
from benchmarks.peers import run_python
from benchmarks.side_linear_cross_entropy import arrays, step_of_seqnn, step_of_torch
from benchmarks.torch_peer import ours, same_arrays, theirs, torch

NAME = "linear + cross-entropy, {} rows, {} words, size {}"


def cases(options: Options) -> Iterator[Case]:
    """Yield a language model's batch in time and in memory, and a translation model's."""
    shapes = [(256, 2000, 64)] if options.quick else [(2048, 32000, 256), (2048, 8000, 256)]
    chunked = functools.partial(step_of_torch, chunks=True)
    has_chunks = torch is not None and hasattr(torch.nn, "LinearCrossEntropyOptions")
    for threads in options.threads:
        for shape in shapes:
            given = arrays(*shape)
            yield Case(
                f"{NAME.format(*shape)}, forward + backward",
                ours(lambda given=given: step_of_seqnn(*given), threads),
                {
                    "torch": theirs(lambda given=given: step_of_torch(*given), threads),
                    "torch, in chunks": theirs(lambda g=given: chunked(*g), threads) if has_chunks else None,
                },
                check=same_arrays,
                operations=6.0 * math.prod(shape),
                moved=8.0 * (shape[0] + shape[1]) * shape[2],
                threads=threads,
            )
    yield Case(
        f"{NAME.format(*shapes[0])}, memory of a step",
        memory("seqnn", shapes[0]),
        {
            "torch": memory("torch", shapes[0]) if torch else None,
            "torch, in chunks": memory("torch", shapes[0], chunks=True) if has_chunks else None,
        },
        unit="MB",
        repeat=1,
    )


def memory(library: str, shape: tuple[int, int, int], *, chunks: bool = False) -> Callable[[], Measured]:
    """Return a side that measures by how much a step raises the memory of a process."""
    request = {"shape": shape, "chunks": chunks}
    return lambda: Measured(run_python(library, "side_linear_cross_entropy", request, {})["mb"])
