"""Threads of Python that compute at the same time, on arrays that they share: every result has the bits of one thread alone.

With the GIL kernels run side by side, since they release it; without it (.ci/free-threaded) all of Python does.
"""

import random

import harness
import numpy as np
import pytest

import seqnn
from seqnn import Tensor, nn, ops
from seqnn.autograd import no_grad
from seqnn.text import Vocabulary

THREADS = 4


def bits(result):
    """The bits of a Tensor or an array."""
    return (result.numpy() if isinstance(result, Tensor) else result).tobytes()


def shared(*shape):
    """An array that nobody may write to."""
    x = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    x.flags.writeable = False
    return x


X, WEIGHT, ROW = shared(4, 2, 33, 16), shared(40, 16), shared(16)
IDS = np.arange(60) % 40
CALLS = {
    "linear": lambda: ops.linear(X, WEIGHT),
    "matmul": lambda: ops.matmul(X, WEIGHT.T),
    "softmax": lambda: ops.softmax(X),
    "layer_norm": lambda: ops.layer_norm(X, ROW, ROW),
    "gelu": lambda: ops.gelu(X),
    "tanh": lambda: ops.tanh(X),
    "attention": lambda: ops.attention(X, X, X),
    "embedding": lambda: ops.embedding(IDS, WEIGHT),
    "cross_entropy": lambda: ops.cross_entropy(WEIGHT, IDS[:40] % 16),
    "uniform": lambda: seqnn.random.uniform((999,), seed=3),
    "large": lambda: ops.exp(np.broadcast_to(ROW, (5000, 16))),  # its memory is kept for the next
}


def test_kernels_on_shared_arrays():
    expected = {name: bits(call()) for name, call in CALLS.items()}

    def work(thread):
        for name in random.Random(thread).choices([*CALLS], k=150):
            assert bits(CALLS[name]()) == expected[name], name

    harness.in_threads(work, THREADS)


def test_one_model_serves_all_threads():
    with seqnn.random.seeded(0):
        model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LSTM(16, 4, batch_first=True)).eval()
    x = np.random.default_rng(0).standard_normal((6, 9, 8)).astype(np.float32)

    def run():
        with no_grad():
            return model(x)[0].numpy().tobytes()

    expected = run()
    harness.in_threads(lambda _: [run() for _ in range(20)].count(expected) == 20 or pytest.fail("other bits"), THREADS)


def test_each_thread_has_its_own_tape_and_keys():
    weight = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)

    def gradient(thread):
        with seqnn.random.seeded(thread):
            w = Tensor(weight, True)
            (seqnn.ops.dropout(w, 0.5) * w).sum().backward()
            return w.grad.tobytes()

    expected = [gradient(thread) for thread in range(THREADS)]
    harness.in_threads(
        lambda t: [gradient(t) for _ in range(30)].count(expected[t]) == 30 or pytest.fail("other bits"), THREADS
    )


def test_no_key_is_drawn_twice():
    drawn = [[] for _ in range(THREADS)]
    harness.in_threads(lambda t: drawn[t].extend(seqnn.random.next_key() for _ in range(500)), THREADS)
    assert len(set().union(*drawn)) == 500 * THREADS


def test_a_vocabulary_answers_all_threads():
    words = [f"w{i}" for i in range(300)]
    vocabulary = Vocabulary.from_tokens([words])
    expected = vocabulary.encode(words).tolist()
    harness.in_threads(lambda _: vocabulary.encode(words).tolist() == expected or pytest.fail("other numbers"), THREADS)
