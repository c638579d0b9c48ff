"""Softmax and log-softmax of rows, alone and with a mask, against torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield rows of attention's, of a layer's and of a vocabulary's width."""
    rng = np.random.default_rng(1)
    shapes = [(512, 512)] if options.quick else [(32768, 10), (65536, 128), (4096, 512), (4096, 32000)]
    for threads in options.threads:
        for shape in shapes:
            x = rng.standard_normal(shape, np.float32)
            name = f"{shape[0]} x {shape[1]}"
            for op, their_name in ((ops.softmax, "softmax"), (ops.log_softmax, "log_softmax")):

                def their(x, their_name=their_name):
                    return getattr(torch, their_name)(x, -1)

                def forward(x=x, their=their):
                    with torch.no_grad():
                        return [their(torch.from_numpy(x))]

                yield Case(
                    f"{their_name}, {name}, forward",
                    ours(lambda op=op, x=x: [op(x)], threads),
                    {"torch": theirs(forward, threads)},
                    check=same_arrays,
                    moved=2 * x.nbytes,
                    threads=threads,
                    goals={"torch": 2.5} if their_name == "softmax" else {},
                )
            if shape[1] > 1000:
                continue
            grad, mask = rng.standard_normal(shape, np.float32), rng.random(shape) < 0.8
            mask[:, 0] = True
            yield Case(
                f"softmax, {name}, forward + backward",
                ours(our_step(ops.softmax, [x], grad), threads),
                {"torch": theirs(their_step(lambda x: torch.softmax(x, -1), [x], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes,
                threads=threads,
            )

            def masked(x, mask=mask):
                return torch.softmax(x.masked_fill(~torch.from_numpy(mask), -torch.inf), -1)

            yield Case(
                f"masked softmax, {name}, forward + backward",
                ours(our_step(lambda x, m=mask: ops.softmax(x, mask=m), [x], grad), threads),
                {"torch": theirs(their_step(masked, [x], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes + mask.nbytes,
                threads=threads,
            )
