"""A beam search over labels against the same search in Python, as it is commonly published."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options, timed
from benchmarks.torch_peer import ours, same_arrays
from seqnn import ops

SIZES = [(50, 4, 30, 10), (100, 2, 80, 25)]
"""Frames, sequences, classes, beam."""


def log_add(x: float, y: float) -> float:
    """Return log(e^x + e^y)."""
    top, low = (x, y) if x > y else (y, x)
    return top if low == -math.inf else top + math.log1p(math.exp(low - top))


def their_score(frames: list[list[float]], width: int) -> float:
    """Return the log-probability of the best labels; class 0 is the blank."""
    none = (-math.inf, -math.inf)
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for frame in frames:
        found: dict[tuple[int, ...], tuple[float, float]] = {}
        for labels, (ends_blank, ends_label) in beam.items():
            both = log_add(ends_blank, ends_label)
            blank, label = found.get(labels, none)
            blank = log_add(blank, both + frame[0])
            if labels:
                label = log_add(label, ends_label + frame[labels[-1]])
            found[labels] = blank, label
            for c in range(1, len(frame)):
                longer = (*labels, c)
                blank, label = found.get(longer, none)
                found[longer] = blank, log_add(label, (ends_blank if labels[-1:] == (c,) else both) + frame[c])
        beam = dict(sorted(found.items(), key=lambda item: -log_add(*item[1]))[:width])
    return max(log_add(*sums) for sums in beam.values())


def cases(options: Options) -> Iterator[Case]:
    """Yield a search of each size."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for frames, rows, classes, width in SIZES[:1] if options.quick else SIZES:
            x = ops.log_softmax(rng.standard_normal((frames, rows, classes)) * 3)

            def our(x=x, width=width):
                return [ops.ctc_decode(x, beam_size=width)[1]]

            def their(x=x, width=width):
                return [np.array([their_score(x[:, n].tolist(), width) for n in range(x.shape[1])])]

            yield Case(
                f"CTC beam of {width}, {frames} frames x {rows}, {classes} classes",
                ours(our, threads),
                {"Python": timed(their)},
                check=same_arrays,
                threads=threads,
            )
