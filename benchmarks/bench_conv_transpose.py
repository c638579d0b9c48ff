"""Transposed convolutions of a DCGAN's generators, forward alone and with backward, against torch (oneDNN)."""

from collections.abc import Iterator

from benchmarks.bench_conv import both_passes
from benchmarks.case import Case, Options

# name: x, weight, options
SHAPES = {
    "64 x 100 x 1 x 1 to 512 x 4 x 4": ((64, 100, 1, 1), (100, 512, 4, 4), {}),
    "64 x 512 x 4 x 4 to 256 x 8 x 8": ((64, 512, 4, 4), (512, 256, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 256 x 8 x 8 to 128 x 16 x 16": ((64, 256, 8, 8), (256, 128, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 128 x 16 x 16 to 64 x 32 x 32": ((64, 128, 16, 16), (128, 64, 4, 4), {"stride": 2, "padding": 1}),
    "64 x 64 x 32 x 32 to 3 x 64 x 64": ((64, 64, 32, 32), (64, 3, 4, 4), {"stride": 2, "padding": 1}),
    "digits 64 x 64 x 7 x 7 to 32 x 14 x 14": ((64, 64, 7, 7), (64, 32, 4, 4), {"stride": 2, "padding": 1}),
    "digits 64 x 32 x 14 x 14 to 1 x 28 x 28": ((64, 32, 14, 14), (32, 1, 4, 4), {"stride": 2, "padding": 1}),
    "sequence 32 x 128 x 64 to 64 x 128": ((32, 128, 64), (128, 64, 4), {"stride": 2, "padding": 1}),
}


def cases(options: Options) -> Iterator[Case]:
    """Yield the forward pass alone, then forward and backward."""
    yield from both_passes(options, "conv_transpose", SHAPES, 1, {"torch": 1.0})
