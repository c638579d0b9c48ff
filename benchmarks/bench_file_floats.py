"""Weights of files as models hold them: 16-bit floats widened, matrices turned, against NumPy and torch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, same_arrays, theirs, torch
from seqnn import _file_floats


def cases(options: Options) -> Iterator[Case]:
    """Yield arrays of the size of a table of tokens and of a matrix of a layer."""
    count = 1 << 20 if options.quick else 38_000_000
    bits = np.random.default_rng(0).integers(0, 0x7C00, count).astype(np.uint16)
    matrix = np.random.default_rng(1).random((768, 3072), np.float32)
    for threads in options.threads:
        for name, given, dtype in (("float16", bits.view(np.float16), "float16"), ("bfloat16", bits, "bfloat16")):

            def widen(given=given):
                return [_file_floats.widened(given)]

            def widen_there(given=given, dtype=dtype):
                return [torch.from_numpy(given.view(np.int16)).view(getattr(torch, dtype)).float().numpy()]

            yield Case(
                f"{name} to float32, {count} numbers", ours(widen, threads), {"torch": torch and theirs(widen_there, threads)},
                check=same_arrays, threads=threads, work=count, work_unit="numbers",
            )  # fmt: skip

        def turn():
            return [_file_floats.turned(matrix)]

        def turn_there():
            return [torch.from_numpy(matrix).T.contiguous().numpy()]

        yield Case(
            "transpose, 768 x 3072", ours(turn, threads), {"torch": torch and theirs(turn_there, threads)},
            check=same_arrays, threads=threads, work=matrix.size, work_unit="numbers",
        )  # fmt: skip
