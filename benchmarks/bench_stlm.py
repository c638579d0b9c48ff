"""The short/long-memory layer against our own LSTM of the same hidden size: its step does 7/4 of the products or less."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.recurrent import SHAPES, label, unequal
from benchmarks.torch_peer import our_step, ours
from seqnn import nn

SLOWEST = 1.7  # times an LSTM


def cases(options: Options) -> Iterator[Case]:
    """Yield forward + backward of each way to combine the memories."""
    for threads in options.threads:
        for shape in SHAPES[:2] if options.quick else SHAPES:
            for combine in ("concat", "sum", "two_gates"):
                yield Case(
                    label("STLM", shape, f"{combine}, forward + backward"),
                    ours(_step(nn.STLM(*shape[2:], combine=combine), shape), threads),
                    {"our LSTM": ours(_step(nn.LSTM(*shape[2:]), shape), threads)},
                    threads=threads,
                    goals={"our LSTM": 1 / SLOWEST},
                )
        yield unequal("STLM", threads)


def _step(layer: nn.Module, shape: tuple[int, ...]) -> Callable[[], list]:
    x = np.random.default_rng(1).standard_normal((shape[1], shape[0], shape[2]), np.float32)
    return our_step(lambda given: layer(given)[0], [x], np.ones((*x.shape[:2], shape[3]), np.float32))
