"""What the tape adds to small ops, forward and backward, and a step on large arrays, against torch's autograd on the CPU."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, timed
from seqnn import Tensor

SMALL = (4, 4)
LARGE = (512, 512)
TIMES = {SMALL: 300, LARGE: 20}


def cases(options: Options) -> Iterator[Case]:
    """Yield single ops and chains of ten; goal 1 everywhere: below torch's own overhead."""
    torch = __import__("torch") if find_spec("torch") else None
    for shape in (SMALL, LARGE):
        for name, function in chains().items():
            ours = side(function, shape, make=lambda a: Tensor(a, requires_grad=True), threads=seqnn.set_num_threads)
            peer = None
            if torch is not None:
                peer = side(function, shape, lambda a: torch.tensor(a, requires_grad=True), torch.set_num_threads)
            yield Case(
                f"{name}, {shape[0]} x {shape[1]}, forward and backward",
                ours,
                {"torch": peer},
                check=same_gradients,
                work=TIMES[shape],
                work_unit="steps",
                goals={"torch": 1.0},
            )


def chains() -> dict[str, Callable[[Any, Any, Any], Any]]:
    """What is measured, written once for both libraries: functions of two matrices and a row that return a number."""

    def ten(step: Callable) -> Callable:
        def chain(x: Any, y: Any, row: Any) -> Any:
            for _ in range(10):
                x = step(x, y, row)
            return x.sum()

        return chain

    return {
        "sum": lambda x, y, row: x.sum(),
        "add": lambda x, y, row: (x + y).sum(),
        "multiply": lambda x, y, row: (x * y).sum(),
        "divide": lambda x, y, row: (x / y).sum(),
        "slice": lambda x, y, row: x[1:].sum(),
        "matmul": lambda x, y, row: (x @ y).sum(),
        "10 multiplications": ten(lambda x, y, row: x * y),
        "10 times multiply, add a row": ten(lambda x, y, row: x * y + row),
    }


def side(function: Callable, shape: tuple[int, int], make: Callable, threads: Callable) -> Callable[[], Measured]:
    """One library's side: `function` and its backward, over and over, on one thread."""
    draw = np.random.default_rng(0)
    leaves = [make(draw.uniform(0.5, 1, s).astype(np.float32)) for s in (shape, shape, shape[1:])]

    def run() -> list:
        for _ in range(TIMES[shape]):
            for leaf in leaves:
                leaf.grad = None
            function(*leaves).backward()
        return [None if leaf.grad is None else np.array(leaf.grad) for leaf in leaves]

    measure = timed(run)

    def alone() -> Measured:
        threads(1)
        return measure()

    return alone


def same_gradients(ours: list, theirs: list) -> float:
    """Check that both have the same gradients; return the largest relative difference."""
    worst = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            worst = max(worst, float(np.abs(mine - other).max() / np.abs(other).max()))
    assert worst < 1e-4, f"gradients differ by {worst}"
    return worst
