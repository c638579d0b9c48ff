"""Peak memory of attention forward and backward, each in a process of its own."""

import subprocess
import sys

import pytest

MEASURE = """
import sys
import numpy as np
import seqnn
from seqnn import Tensor, ops
score, time = sys.argv[1], int(sys.argv[2])
seqnn.set_num_threads(1)
rng = np.random.default_rng(0)
q, k, v = (Tensor(rng.standard_normal((1, 1, time, 16), np.float32), requires_grad=True) for _ in range(3))
weight = rng.standard_normal(16, np.float32) if score == "additive" else None
ops.attention(q, k, v, weight=weight, score=score).sum().backward()
assert all(np.isfinite(x.grad).all() for x in (q, k, v))
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak(score, time):
    done = subprocess.run([sys.executable, "-c", MEASURE, score, str(time)], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of resident memory is read from /proc")
@pytest.mark.parametrize("score", ["scaled_dot", "additive"])
def test_memory_is_linear_in_the_length(score):
    short, long = peak(score, 2048), peak(score, 8192)
    # Weights in memory would be 16 MB and 256 MB, additive pairs 16 times as much.
    assert long - short < 60, f"{short} MB at 2048 positions, {long} MB at 8192"
