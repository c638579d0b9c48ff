"""Layer norm and RMS norm, alone and after a residual, against torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    rng = np.random.default_rng(1)
    shapes = [(512, 512)] if options.quick else [(4096, 512), (4096, 768)]
    for threads in options.threads:
        for rows, width in shapes:
            x, r, grad = (rng.standard_normal((rows, width), np.float32) for _ in range(3))
            w, b = rng.standard_normal(width, np.float32), rng.standard_normal(width, np.float32)

            def layer(x, w, b, width=width):
                return torch.nn.functional.layer_norm(x, (width,), w, b)

            def rms(x, w, width=width):
                return torch.nn.functional.rms_norm(x, (width,), w)

            def forward(x=x, w=w, b=b, layer=layer):
                with torch.no_grad():
                    return [layer(*map(torch.from_numpy, (x, w, b)))]

            name = f"{rows} x {width}"
            yield Case(
                f"layer norm, {name}, forward",
                ours(lambda x=x, w=w, b=b: [ops.layer_norm(x, w, b)], threads),
                {"torch": theirs(forward, threads)},
                check=same_arrays,
                moved=2 * x.nbytes,
                threads=threads,
                goals={"torch": 1.9} if (rows, width) == (4096, 512) else {},
            )
            yield Case(
                f"layer norm, {name}, forward + backward",
                ours(our_step(ops.layer_norm, [x, w, b], grad), threads),
                {"torch": theirs(their_step(layer, [x, w, b], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes,
                threads=threads,
                goals={"torch": 2.7 if threads == 1 else 4.0} if (rows, width) == (4096, 512) else {},
            )
            yield Case(
                f"layer norm of x + residual, {name}, forward + backward",
                ours(our_step(lambda x, r, w, b: ops.layer_norm(x, w, b, 1e-5, r), [x, r, w, b], grad), threads),
                {"torch": theirs(their_step(lambda x, r, w, b, f=layer: f(x + r, w, b), [x, r, w, b], grad), threads)},
                check=same_arrays,
                moved=5 * x.nbytes,
                threads=threads,
            )
            yield Case(
                f"RMS norm, {name}, forward + backward",
                ours(our_step(ops.rms_norm, [x, w], grad), threads),
                {"torch": theirs(their_step(rms, [x, w], grad), threads)},
                check=same_arrays,
                moved=4 * x.nbytes,
                threads=threads,
            )
