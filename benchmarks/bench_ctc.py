"""The CTC loss with its gradient against torch, from log-probabilities and from logits."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

SIZES = [(100, 32, 30, 20), (400, 16, 80, 100), (200, 8, 4000, 40)]
"""Frames, sequences, classes, labels: strokes of handwriting, characters of speech, pieces of words."""


def cases(options: Options) -> Iterator[Case]:
    """Yield a training step of each size; lengths differ."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for frames, rows, classes, labels in SIZES[:1] if options.quick else SIZES:
            x = rng.standard_normal((frames, rows, classes), np.float32)
            y = rng.integers(1, classes, (rows, labels))
            inputs = rng.integers(frames * 3 // 4, frames + 1, rows)
            targets = rng.integers(labels // 2, labels + 1, rows)

            def our(x, y=y, inputs=inputs, targets=targets):
                return ops.ctc_loss(ops.log_softmax(x), y, inputs, targets)

            def their(x, y=y, inputs=inputs, targets=targets):
                given = [torch.from_numpy(a) for a in (y, inputs, targets)]
                return torch.nn.functional.ctc_loss(x.log_softmax(-1), *given)

            yield Case(
                f"CTC, {frames} frames x {rows}, {classes} classes, {labels} labels, forward + backward",
                ours(our_step(our, [x], np.float32(1)), threads),
                {"torch": theirs(their_step(their, [x], np.float32(1)), threads)},
                check=same_arrays,
                threads=threads,
                goals={"torch": 3.0},
            )
