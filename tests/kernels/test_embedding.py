"""Embedding against NumPy indexing, central differences and torch."""

import numpy as np
import pytest
from harness import assert_close, assert_identical, check_gradient, check_op, each_isa, each_team

from seqnn import Tensor, _core, nn, ops


def gather(weight, ids):
    return weight[ids]


def scatter(grad, ids, table, padding=-1):
    out = table.copy()
    np.add.at(out, ids[ids != padding], grad[ids != padding])
    return out


def test_forward():
    rng = np.random.default_rng(0)
    check_op(
        _core.embedding_forward,
        gather,
        [
            {"weight": rng.standard_normal((v, d)), "ids": rng.integers(0, v, n)}
            for v, d, n in [(7, 5, 30), (300, 64, 1000), (1, 1, 3), (5, 0, 4), (5, 3, 0)]
        ],
    )


def test_scatter():
    def op(table, **case):
        table = np.array(table)  # in place, and contiguous
        _core.embedding_scatter(table=table, **case)
        return table

    rng = np.random.default_rng(1)
    check_op(
        op,
        scatter,
        [
            {
                "grad": rng.standard_normal((n, d)),
                "ids": rng.integers(0, v, n),
                "table": rng.standard_normal((v, d)),
                "padding": padding,
            }
            for v, d, n, padding in [(7, 5, 30, -1), (300, 70, 1000, 4), (1, 1, 3, 0), (5, 0, 4, -1), (5, 3, 0, 1)]
        ],
    )


def test_gradient():
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 4, (3, 5))
    check_gradient(lambda w: ops.embedding(ids, w), rng.standard_normal((4, 6)))


@pytest.mark.parametrize("padding_idx", [1, -3])
def test_padding_gets_no_gradient(padding_idx):
    weight = Tensor(np.ones((4, 2), np.float32), True)
    ops.embedding([1, 3, 1], weight, padding_idx).backward(np.ones((3, 2)))
    assert weight.grad.tolist() == [[0, 0], [0, 0], [0, 0], [1, 1]]


def test_gathered_rows_wait_and_only_touched_rows_of_the_table_are_cleared():
    rng = np.random.default_rng(3)
    weight = Tensor(rng.standard_normal((50, 24)).astype(np.float32), True)
    table = None
    for step in range(4):
        ids, grad = rng.integers(0, 50, (4, 6)), rng.standard_normal((4, 6, 24)).astype(np.float32)
        ops.embedding(ids, weight).backward(grad)
        ops.embedding(ids[:2], weight).backward(grad[:2])  # accumulates
        expected = np.zeros((50, 24))
        np.add.at(expected, ids, grad)
        np.add.at(expected, ids[:2], grad[:2])
        touched, sums = weight._grad.summed()
        assert touched.tolist() == np.unique(ids).tolist()
        assert_close(sums, expected[touched], 1e-5, f"step {step}")
        table = weight._grad.table() if table is None else table
        assert weight._grad.table() is table
        assert_close(table, expected, 1e-5, f"step {step}")
        weight.zero_grad()
        assert weight.grad is None and not table.any()


def test_clear():
    def op(table, ids):
        table = np.array(table)
        _core.embedding_clear(table, ids)
        return table

    def cleared(table, ids):
        out = table.copy()
        out[ids] = 0
        return out

    rng = np.random.default_rng(6)
    check_op(
        op,
        cleared,
        [
            {"table": rng.standard_normal((v, d)), "ids": rng.integers(0, v, n)}
            for v, d, n in [(7, 5, 3), (300, 70, 100), (1, 1, 3), (5, 0, 4), (5, 3, 0)]
        ],
    )


def test_the_gradient_is_the_same_for_any_number_of_threads():
    rng = np.random.default_rng(4)
    ids, grad = rng.integers(0, 9, 4000), rng.standard_normal((4000, 100)).astype(np.float32)
    for _ in each_isa():
        first = None
        for size in each_team():
            weight = Tensor(np.zeros((9, 100), np.float32), True)
            ops.embedding(ids, weight).backward(grad)
            first = weight.grad if first is None else first
            assert_identical(weight.grad, first, f"team of {size}")


def test_a_table_used_twice_and_as_a_matrix():
    """Tied weights: gathered rows and a dense gradient arrive at the same leaf."""
    weight = Tensor(np.arange(6.0).reshape(3, 2), True)
    out = ops.embedding([2, 2], weight)
    out.backward(np.ones((2, 2)))
    weight.grad += 1
    assert weight.grad.tolist() == [[1, 1], [1, 1], [3, 3]]


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64])
def test_any_integer_dtype(dtype):
    assert ops.embedding(np.array([[2, 0]], dtype), np.eye(3)).tolist() == [[[0, 0, 1], [1, 0, 0]]]


def test_ids_written_over_later_do_not_change_the_gradient():
    table = Tensor(np.ones((4, 2)), requires_grad=True)
    ids = np.array([0, 1, 1])
    out = ops.embedding(ids, table)
    ids[:] = 3
    out.sum().backward()
    assert np.asarray(table.grad).tolist() == [[1, 1], [2, 2], [0, 0], [0, 0]]


def test_errors():
    weight = np.ones((5, 2))
    for bad in 5, -1, 2**40:
        space = r"\[0, V=5\)" if bad < 2**31 else "int32"
        with pytest.raises((ValueError, OverflowError), match=f"ids holds {bad}, outside {space}"):
            ops.embedding([[1, bad]], weight)
    with pytest.raises(TypeError, match="ids"):
        ops.embedding([1.5], weight)
    with pytest.raises(ValueError, match="padding_idx=5, expected -V <= padding_idx < V=5"):
        ops.embedding([1], weight, 5)
    with pytest.raises(ValueError, match=r"weight has shape \(2,\)"):
        ops.embedding([1], weight[0])


def test_rows_that_are_looked_up_are_scaled_down_to_max_norm():
    weight = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    out = ops.embedding([0, 1, 0], weight, max_norm=1.0)
    np.testing.assert_allclose(out, [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(weight, [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], rtol=1e-6)
    layer = nn.Embedding(3, 2, max_norm=0.5, norm_type=1.0)
    assert np.abs(layer([0, 2]).numpy()).sum(axis=1).max() <= 0.5 + 1e-6
    assert repr(layer) == "Embedding(3, 2, max_norm=0.5)"


def test_max_norm_refuses_bad_input():
    weight = np.array([[3.0, 4.0], [6.0, 8.0]])
    with pytest.raises(ValueError, match=r"ids holds 2, outside \[0, V=2\)"):
        ops.embedding([0, 2], weight, max_norm=1.0)
    assert weight.max() == 8  # nothing was scaled
    with pytest.raises(ValueError, match="embedding: max_norm: expected a finite number > 0, got 0"):
        ops.embedding([0], weight, max_norm=0)
    with pytest.raises(ValueError, match="Embedding: norm_type: expected a finite number > 0, got -1"):
        nn.Embedding(3, 2, max_norm=1.0, norm_type=-1)
    weight.flags.writeable = False
    with pytest.raises(TypeError, match="max_norm scales rows of weight in place, expected floats there, got int64"):
        ops.embedding([0], np.array([[3, 4]], np.int64), max_norm=1.0)
    with pytest.raises(ValueError, match="max_norm scales rows of weight in place, and weight is read-only"):
        ops.embedding([0], weight, max_norm=1.0)


@pytest.mark.parametrize("padding_idx", [None, 0])
def test_torch(padding_idx):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    weight, ids = rng.standard_normal((40, 33)).astype(np.float32), rng.integers(0, 40, (8, 16))
    grad = rng.standard_normal((8, 16, 33)).astype(np.float32)
    mine, other = Tensor(weight, True), torch.tensor(weight, requires_grad=True)
    out = ops.embedding(ids, mine, padding_idx)
    expected = torch.nn.functional.embedding(torch.tensor(ids), other, padding_idx)
    out.backward(grad)
    expected.backward(torch.tensor(grad))
    assert_identical(out.data, expected.detach().numpy())
    assert_close(mine.grad, other.grad.numpy(), 1e-6)
