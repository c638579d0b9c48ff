"""GRU layers: inference, training, a stream and unequal lengths, against torch."""

from collections.abc import Iterator

from benchmarks.case import Case, Options
from benchmarks.recurrent import torch_cases


def cases(options: Options) -> Iterator[Case]:
    """Yield the cases of `recurrent.torch_cases` with the goals of this layer."""
    yield from torch_cases("GRU", options, _forward, _both, onnx_goal=1.2)


def _forward(batch: int, threads: int) -> float:
    return 6.0 if batch == 1 else 2.5


def _both(batch: int, threads: int) -> float:
    return 8.0 if batch == 1 else 2.5
