"""One step of a loss over a large vocabulary in a process of its own, for its memory: `seqnn`, `torch`, `torch in chunks`."""

import json
import re
import sys
from pathlib import Path

import numpy as np


def arrays(rows: int, words: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hidden states, the table and the targets."""
    rng = np.random.default_rng(1)
    table = rng.standard_normal((words, size), np.float32) / np.float32(size**0.5)
    return rng.standard_normal((rows, size), np.float32), table, rng.integers(0, words, rows)


def step_of_seqnn(hidden: np.ndarray, table: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Return the loss and both gradients."""
    from seqnn import Tensor, ops

    leaves = [Tensor(a, requires_grad=True) for a in (hidden, table)]
    loss = ops.linear_cross_entropy(*leaves, target)
    loss.backward()
    return [loss.data, *(leaf.grad for leaf in leaves)]


def step_of_torch(
    hidden: np.ndarray, table: np.ndarray, target: np.ndarray, *, chunks: bool = False
) -> list[np.ndarray]:
    """Return the same of torch: from all logits, or with its own function in chunks."""
    import torch
    from torch.nn import functional

    leaves = [torch.from_numpy(a).requires_grad_() for a in (hidden, table)]
    classes = torch.from_numpy(target)
    if chunks:
        options = torch.nn.LinearCrossEntropyOptions()
        loss = functional.linear_cross_entropy(*leaves, classes, options=options)
    else:
        loss = functional.cross_entropy(functional.linear(*leaves), classes)
    loss.backward()
    return [loss.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def peak_mb() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    """Print by how many MB the largest resident memory grew in the step."""
    library, request = sys.argv[1], json.loads(sys.argv[2])
    step = step_of_seqnn if library == "seqnn" else step_of_torch
    options = {"chunks": True} if request.get("chunks") else {}
    step(*arrays(8, 16, 8), **options)  # imports, threads
    given = arrays(*request["shape"])
    before = peak_mb()
    step(*given, **options)
    print(json.dumps({"mb": peak_mb() - before}))


if __name__ == "__main__":
    main()
