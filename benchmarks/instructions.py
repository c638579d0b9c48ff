"""Instructions of key kernels, counted under valgrind: times are noisy, counts are not.

    python -m benchmarks.instructions             # count, compare with the kept counts; 3 % more is a failure
    python -m benchmarks.instructions --write     # and keep the new counts

Counts are of the avx2 kernels, because valgrind knows no AVX-512, on one thread. They depend on the compiler: what another one
has compiled is shown and not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import seqnn
from seqnn import autograd, nn, ops, optim

KEPT = Path(__file__).parent / "results" / "instructions.json"
ALLOWED = 0.03
ISA = "avx2"

KERNELS = (
    "matmul_f32", "linear_forward_f32", "linear_backward_f32", "lstm_forward_f32", "lstm_backward_f32", "gru_forward_f32",
    "gru_backward_f32", "rnn_forward_f32", "stlm_forward_f32", "attention_forward_f32", "attention_backward_f32",
    "layer_norm_forward_f32", "layer_norm_backward_f32", "softmax_forward_f32", "cross_entropy_forward_f32", "gelu_forward_f32",
    "conv_forward_f32", "conv_backward_weight_f32", "max_pool_forward_f32", "embedding_scatter_f32", "adam_step_f32",
    "crf_forward_f32", "ctc_forward_f32", "word2vec_train_f32", "glove_train_f32", "neighbors_top_f32",
)  # fmt: skip
"""As they are called in C, without the instruction set."""


def work() -> None:
    """Call each kernel once, at a shape of its usual use; valgrind begins to count here."""
    draw = np.random.default_rng(0)
    # Imports take a minute when they are counted, too.
    subprocess.run(["callgrind_control", "--instr=on", str(os.getpid())], check=True, capture_output=True)

    def numbers(*shape: int) -> np.ndarray:
        return draw.standard_normal(shape).astype(np.float32)

    def both(call: Callable, *arrays: np.ndarray) -> None:
        tensors = [autograd.Tensor(a, requires_grad=True) if a.dtype == np.float32 else a for a in arrays]
        out = call(*tensors)
        out = out[0] if isinstance(out, tuple) else out
        out.backward(np.ones(out.shape, np.float32))

    ops.matmul(numbers(192, 160), numbers(160, 224))
    both(ops.linear, numbers(96, 128), numbers(160, 128), numbers(160))
    for layer in (nn.LSTM, nn.GRU, nn.RNN, nn.STLM):
        both(layer(48, 64).train(), numbers(20, 8, 48))
    both(lambda q, k, v: ops.attention(q, k, v, causal=True), *(numbers(2, 4, 96, 32) for _ in range(3)))
    both(ops.layer_norm, numbers(128, 256), numbers(256), numbers(256))
    both(ops.softmax, numbers(128, 256))
    both(ops.gelu, numbers(128, 256))
    both(lambda x: ops.cross_entropy(x, np.arange(128) % 300), numbers(128, 300))
    both(ops.conv2d, numbers(2, 16, 24, 24), numbers(24, 16, 3, 3))
    both(lambda x: ops.max_pool2d(x, 2), numbers(2, 16, 24, 24))
    table = nn.Parameter(numbers(500, 64))
    ops.embedding(np.arange(600) % 500, table).sum().backward()
    optim.Adam([table]).step()
    dense = nn.Parameter(numbers(300, 200))
    dense.grad = numbers(300, 200)
    optim.Adam([dense]).step()
    both(lambda e, t, s, f: ops.crf_nll(e, np.arange(80).reshape(10, 8) % 9, t, s, f),
         numbers(10, 8, 9), numbers(9, 9), numbers(9), numbers(9))  # fmt: skip
    both(
        lambda x: ops.ctc_loss(ops.log_softmax(x), np.arange(24).reshape(4, 6) % 11 + 1, [30] * 4, [6] * 4),
        numbers(30, 4, 12),
    )
    words = [[f"w{i}" for i in row] for row in draw.zipf(1.3, (300, 12)) % 500]
    vectors = seqnn.Word2Vec(words, vector_size=64, sg=1, min_count=1, epochs=1, workers=1, seed=1, verbose=0).wv
    seqnn.GloVe(words, vector_size=64, min_count=1, epochs=1, workers=1, seed=1, verbose=0)
    vectors.most_similar_batch(vectors.index_to_key[:20], topn=5)


def counts() -> dict[str, int]:
    """Return how many instructions each kernel and what it calls took in `work`, in a process under valgrind."""
    environment = {
        **os.environ,
        "SEQNN_ISA": ISA,
        "SEQNN_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    called = [sys.executable, "-m", "benchmarks.instructions", "--counted"]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind.out"
        counter = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
        subprocess.run([*counter, *called], env=environment, check=True, capture_output=True)
        reader = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", out]
        listed = subprocess.run(reader, check=True, capture_output=True, text=True).stdout
    lines = re.findall(rf"^ *([\d,]+) .*:(\w+)_{ISA}(?:'\d+)? \[", listed, re.MULTILINE)
    found = {name: int(count.replace(",", "")) for count, name in lines}
    if missing := [name for name in KERNELS if name not in found]:
        raise RuntimeError(f"not called: {missing}; called: {sorted(found)}")
    return {name: found[name] for name in KERNELS}


def main() -> int:
    """Count, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the counts")
    parser.add_argument("--counted", action="store_true", help="only call the kernels: what runs under valgrind")
    given = parser.parse_args()
    if given.counted:
        work()
        return 0
    if ISA not in seqnn.available_isas():
        print(f"not counted: this CPU or build has no {ISA}")
        return 0
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return 2
    compiler, now = seqnn._core.build_info()["compiler"], counts()
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {"compiler": None, "counts": {}}
    judged = kept["compiler"] == compiler
    more = []
    for name, count in now.items():
        before = kept["counts"].get(name)
        print(f"{name:28} {count:14,}" + (f" {count / before - 1:+8.2%}" if before else ""))
        if judged and before and count > before * (1 + ALLOWED):
            more.append(name)
    if given.write:
        KEPT.write_text(json.dumps({"compiler": compiler, "isa": ISA, "counts": now}, indent=1) + "\n", "utf-8")
    elif not judged:
        print(f"compiled by {compiler}, kept are counts of {kept['compiler']}: not judged")
    elif more:
        print(f"more than {ALLOWED:.0%} above the kept counts: {', '.join(more)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
