"""Losses between predictions and targets, with their gradient, against torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

NAMES = ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"]


def cases(options: Options) -> Iterator[Case]:
    """Yield the mean of each loss, forward and backward."""
    rng = np.random.default_rng(1)
    shapes = [(64, 64)] if options.quick else [(64, 64), (4096, 512)]
    for threads in options.threads:
        for rows, columns in shapes:
            x, target = rng.standard_normal((rows, columns), np.float32), rng.random((rows, columns), np.float32)
            for name in NAMES:

                def our(x, name=name, target=target):
                    return getattr(ops, name)(x, target)

                def their(x, name=name, target=target):
                    return getattr(torch.nn.functional, name)(x, torch.from_numpy(target))

                yield Case(
                    f"{name}, {rows} x {columns}, forward + backward",
                    ours(our_step(our, [x], np.float32(1)), threads),
                    {"torch": theirs(their_step(their, [x], np.float32(1)), threads)},
                    check=same_arrays,
                    threads=threads,
                )
            one, two = (rng.standard_normal((rows, columns), np.float32) for _ in range(2))
            sign = rng.choice([-1, 1], rows)

            def cosine(a, b, sign=sign):
                return torch.nn.functional.cosine_embedding_loss(a, b, torch.from_numpy(sign))

            yield Case(
                f"cosine_embedding_loss, {rows} x {columns}, forward + backward",
                ours(
                    our_step(lambda a, b, s=sign: ops.cosine_embedding_loss(a, b, s), [one, two], np.float32(1)),
                    threads,
                ),
                {"torch": theirs(their_step(cosine, [one, two], np.float32(1)), threads)},
                check=same_arrays,
                threads=threads,
            )
            levels, due = np.linspace(0.1, 0.9, 8), rng.standard_normal((rows, columns // 8), np.float32)

            def pinball(x, due=due, levels=levels):
                x = x.reshape(*due.shape, 8)
                apart = torch.from_numpy(due)[..., None] - x
                q = torch.from_numpy(levels.astype(np.float32))
                return torch.maximum(q * apart, (q - 1) * apart).mean()

            yield Case(
                f"pinball_loss of 8 quantiles, {rows} x {columns}, forward + backward",
                ours(
                    our_step(
                        lambda x, t=due, q=levels: ops.pinball_loss(x.reshape(*t.shape, 8), t, q), [one], np.float32(1)
                    ),
                    threads,
                ),
                {"torch": theirs(their_step(pinball, [one], np.float32(1)), threads)},
                check=same_arrays,
                threads=threads,
            )
