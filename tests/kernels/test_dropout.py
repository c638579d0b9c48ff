"""Dropout against NumPy arithmetic on the raw draws of Philox; the process-wide generator of keys."""

import threading

import numpy as np
import pytest
from harness import assert_identical, check_gradient, check_op, each_isa

from seqnn import Tensor, _core, ops, random


def draws(n, seed, stream, start=0):
    """The 16-bit draws of n elements: of a block of 16 positions, word by word, lower halves first."""
    blocks = -(-n // 128)
    words = random.bits(16 * blocks, seed=seed, stream=stream, start=start).reshape(blocks, 16, 4).transpose(0, 2, 1)
    return np.stack([words & 0xFFFF, words >> 16], 2).reshape(-1)[:n].astype(np.int64)


def dropout(x, p, seed, stream):
    threshold = round(p * 2**32)
    upper, lower = draws(x.size, seed, stream), np.zeros(x.size, np.int64)
    words = []
    for block in range(-(-x.size // 128)):  # the lower halves stand at positions 2**63 and on: no int64 says that
        words += [philox(seed, stream, 2**63 + 16 * block + i) for i in range(16)]
    if words:
        blocks = np.array(words, np.int64).reshape(-1, 16, 4).transpose(0, 2, 1)
        lower = np.stack([blocks & 0xFFFF, blocks >> 16], 2).reshape(-1)[: x.size]
    keep = (upper << 16 | lower) >= threshold
    return x * np.where(keep, 1 / (1 - p) if p < 1 else 0, 0)


def philox(seed, stream, position):
    mask = 2**32 - 1
    c, k = [position & mask, position >> 32, stream & mask, stream >> 32], [seed & mask, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def test_apply():
    rng = np.random.default_rng(0)
    close = (draws(5000, 7, 3)[4321] * 2**16 + 2**15) / 2**32  # an element whose lower half decides
    check_op(
        _core.dropout_apply,
        dropout,
        [
            {"x": rng.standard_normal(n), "p": p, "seed": seed, "stream": stream}
            for n, p, seed, stream in [
                (5000, close, 7, 3),
                (1000, 0.1, 2**60 + 5, random.get_state()["stream"]),
                (128, 0.5, 0, 0),
                (127, 1.0, 1, 1),
                (129, 0.0, 1, 1),
                (300, 1e-12, 1, 1),
                (0, 0.3, 1, 1),
            ]
        ],
    )


def test_share_and_mean():
    x = np.ones(10**6, np.float32)
    for p in 0.1, 0.5, 0.9:
        for _ in each_isa():
            y = ops.dropout(x, p, seed=5)
            assert abs((y == 0).mean() - p) < 5 * (p * (1 - p) / 1e6) ** 0.5
            assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - p))}


def test_backward_draws_the_same_mask():
    x = Tensor(np.ones((37, 53)), True)
    y = ops.dropout(x, 0.4)
    y.backward(np.ones((37, 53)))
    assert_identical(x.grad, y.data)
    check_gradient(lambda x: ops.dropout(x, 0.3, seed=1), np.random.default_rng(1).standard_normal((6, 7)))


def test_limits():
    x = np.array([1.0, -2.0, np.nan, np.inf], np.float32)
    assert_identical(ops.dropout(x, 0.0), x)
    assert_identical(ops.dropout(x, 0.9, training=False), x)
    for _ in each_isa():
        y = ops.dropout(x, 1.0)
        assert (y[:2] == 0).all() and np.isnan(y[2:]).all()
    t = Tensor(np.ones(5), True)
    ops.dropout(t, 1.0).backward(np.ones(5))
    assert (t.grad == 0).all()
    t.zero_grad()
    ops.dropout(t, 0.0).backward(np.ones(5))
    assert (t.grad == 1).all()
    for p in -0.1, 1.1, float("nan"):
        with pytest.raises(ValueError, match="0 <= p <= 1"):
            ops.dropout(x, p)
        with pytest.raises(ValueError, match="expected 0 <= p <= 1, got p="):
            _core.dropout_apply(x, p, 1, 1)


def test_the_default_keys_follow_the_process_wide_seed():
    x = np.ones(500, np.float32)
    random.seed(11)
    first, second = ops.dropout(x), ops.dropout(x)
    assert (first != second).any()
    random.seed(11)
    assert_identical(ops.dropout(x), first)
    state = random.get_state()
    assert_identical(ops.dropout(x), second)
    random.set_state(state)
    assert_identical(ops.dropout(x), second)
    assert_identical(ops.dropout(x, seed=3), ops.dropout(x, seed=3))
    assert (ops.dropout(x, seed=3) != ops.dropout(x, seed=4)).any()


def test_threads_never_get_the_same_key():
    keys = []

    def draw():
        keys.extend([random.next_key() for _ in range(2000)])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(keys)) == 8000


def test_bad_seeds_and_states():
    before = random.get_state()
    for bad in -1, 2**63:
        with pytest.raises(ValueError, match=f"seed={bad}"):
            random.seed(bad)
        with pytest.raises(ValueError, match=f"stream={bad}"):
            random.set_state({"seed": 1, "stream": bad})
    with pytest.raises(TypeError):
        random.seed(1.5)
    with pytest.raises(ValueError, match="expected the entries"):
        random.set_state({"seed": 1})
    assert random.get_state() == before
