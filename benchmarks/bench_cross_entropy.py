"""Cross-entropy from logits, loss alone and with the gradient, against torch.

Run it a second time with THP_MEM_ALLOC_ENABLE=1, which gives torch the huge pages that NumPy asks for by itself.
"""

import os
from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield a language model's batch and a classifier's."""
    rng = np.random.default_rng(1)
    huge = os.environ.get("THP_MEM_ALLOC_ENABLE") == "1"
    peer = "torch, huge pages" if huge else "torch"
    for threads in options.threads:
        for rows, classes in [(256, 1000)] if options.quick else [(4096, 32000), (4096, 1000), (256, 10)]:
            x, target = rng.standard_normal((rows, classes), np.float32), rng.integers(0, classes, rows)
            for smoothing in (0.0, 0.1):

                def our(x, target=target, smoothing=smoothing):
                    return ops.cross_entropy(x, target, label_smoothing=smoothing)

                def their(x, target=target, smoothing=smoothing):
                    return torch.nn.functional.cross_entropy(x, torch.from_numpy(target), label_smoothing=smoothing)

                def forward(x=x, their=their):
                    with torch.no_grad():
                        return [their(torch.from_numpy(x))]

                name = f"cross-entropy, {rows} x {classes}" + (", label smoothing" if smoothing else "")
                goal = {peer: 5.0 if huge else 15.0} if classes == 32000 and not smoothing else {}
                yield Case(
                    f"{name}, forward",
                    ours(lambda our=our, x=x: [our(x)], threads),
                    {peer: theirs(forward, threads)},
                    check=same_arrays,
                    moved=x.nbytes,
                    threads=threads,
                )
                yield Case(
                    f"{name}, forward + backward",
                    ours(our_step(our, [x], np.float32(1)), threads),
                    {peer: theirs(their_step(their, [x], np.float32(1)), threads)},
                    check=same_arrays,
                    moved=2 * x.nbytes,
                    threads=threads,
                    goals=goal,
                )
