"""Cross-entropy behind a linear layer equals the two ops, in any number of chunks."""

import tracemalloc

import numpy as np
import pytest

from seqnn import nn, ops
from seqnn.ops import _linear_cross_entropy as module


@pytest.fixture(params=["one chunk", "many"], autouse=True)
def chunks(request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr(module, "_ROWS", (3, 2))


def arrays(rows=(2, 5), words=11, size=4, dtype=np.float64):
    draw = np.random.default_rng(0)
    x, table, bias = (draw.standard_normal(s).astype(dtype) for s in ((*rows, size), (words, size), (words,)))
    return x, table, bias, draw.integers(0, words, rows)


def both(x, table, bias, target, reduction="mean", scale=1.5, weight=None, **options):
    """(loss, gradients) of the op, and of the two that it stands for."""
    found = []
    for fused in (True, False):
        leaves = [None if a is None else nn.Parameter(a.copy()) for a in (x, table, bias)]
        a, b, c = leaves
        if fused:
            loss = ops.linear_cross_entropy(a, b, target, c, reduction=reduction, weight=weight, **options)
        else:
            rows = ops.linear(a, b, c).reshape(-1, len(table))
            loss = ops.cross_entropy(rows, target.reshape(-1), weight, reduction=reduction, **options)
        grad = np.linspace(0.5, scale, loss.size).reshape(loss.shape) if reduction == "none" else np.asarray(scale)
        loss.backward(grad.astype(x.dtype))
        found.append([loss.data.reshape(-1), *(p.grad for p in leaves if p is not None)])
    return found


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "options",
    [{}, {"label_smoothing": 0.2}, {"ignore_index": 3}, {"weight": np.linspace(0.1, 1, 11), "label_smoothing": 0.1}],
    ids=str,
)
def test_equals_the_two_ops(reduction, options):
    x, table, bias, target = arrays()
    target[0, :3] = 3
    for b in (bias, None):
        mine, expected = both(x, table, b, target, reduction, **options)
        for a, e in zip(mine, expected, strict=True):
            np.testing.assert_allclose(a, e, atol=1e-12)


def test_float32_and_a_gradient_of_one():
    x, table, bias, target = arrays(dtype=np.float32)
    mine, expected = both(x, table, bias, target, scale=1.0)
    assert {a.dtype for a in mine} == {np.dtype(np.float32)}
    for a, e in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a, e, atol=1e-6)


def test_a_graph_that_is_kept_can_be_walked_again():
    x, table, _, target = arrays()
    leaves = nn.Parameter(x), nn.Parameter(table)
    loss = ops.linear_cross_entropy(*leaves, target, label_smoothing=0.1)
    loss.backward(retain_graph=True)
    first = [p.grad.copy() for p in leaves]
    loss.backward()
    for p, g in zip(leaves, first, strict=True):
        np.testing.assert_allclose(p.grad, 2 * g, atol=1e-12)


def test_tied_embeddings_get_one_gradient():
    draw = np.random.default_rng(1)
    table, ids = nn.Parameter(draw.standard_normal((7, 3))), draw.integers(0, 7, (2, 4))
    ops.linear_cross_entropy(ops.embedding(ids, table), table, ids).backward()
    mine, table.grad = table.grad, None
    ops.cross_entropy((ops.embedding(ids, table) @ table.swapaxes(0, 1)).reshape(-1, 7), ids.reshape(-1)).backward()
    np.testing.assert_allclose(mine, table.grad, atol=1e-12)


def test_only_what_is_wanted_is_computed():
    x, table, _, target = arrays()
    hidden = nn.Parameter(x)
    ops.linear_cross_entropy(hidden, table, target).backward()
    assert hidden.grad.shape == x.shape
    plain = ops.linear_cross_entropy(x, table, target)
    assert isinstance(plain, np.ndarray) and plain.shape == ()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_logits_of_one_chunk_are_given_back_before_those_of_the_next(monkeypatch, reduction):
    monkeypatch.setattr(module, "_ROWS", (32, 2))
    x, table, _, target = arrays((128,), 8000, dtype=np.float32)
    leaves = nn.Parameter(x), nn.Parameter(table)
    held = 1 if reduction == "mean" else 2  # the gradient takes the place of the logits, or lies beside them
    tracemalloc.start()
    try:
        ops.linear_cross_entropy(*leaves, target, reduction=reduction).sum().backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < peak / (32 * table.shape[0] * 4) < held + 0.7


def test_nothing_counts():
    x, table, bias, target = arrays()
    target[:] = -100
    leaves = [nn.Parameter(a) for a in (x, table, bias)]
    loss = ops.linear_cross_entropy(leaves[0], leaves[1], target, leaves[2])
    loss.backward()
    assert np.isnan(loss.item()) and not any(p.grad.any() for p in leaves)
    empty = ops.linear_cross_entropy(x[:, :0], table, target[:, :0], reduction="sum")
    assert empty == 0


def test_not_a_number_stays_one():
    x, table, _, target = arrays()
    x[0, 0] = np.nan
    losses = ops.linear_cross_entropy(x, table, target, reduction="none")
    assert np.isnan(losses[0, 0]) and np.isfinite(losses[1]).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((2, 5, 3))}, ValueError, r"expected x .* got shapes \(2, 5, 3\), \(11, 4\) and \(2, 5\)"),
        ({"target": np.zeros((2, 4), int)}, ValueError, r"expected x .* and \(2, 4\)"),
        ({"target": np.full((2, 5), 11)}, ValueError, r"target must lie in \[0, 11\) or be ignore_index -100, got 11"),
        ({"target": np.zeros((2, 5))}, TypeError, "target must hold class numbers"),
        ({"linear_bias": np.ones(4)}, ValueError, r"linear_bias must have shape \(11,\), got \(4,\)"),
        ({"weight": np.ones(4)}, ValueError, r"weight must have shape \(11,\), got \(4,\)"),
        ({"reduction": "max"}, ValueError, "reduction must be"),
        ({"label_smoothing": "a"}, TypeError, r"label_smoothing must be a number in \[0, 1\], got 'a'"),
        ({"label_smoothing": 2}, ValueError, r"label_smoothing must lie in \[0, 1\], got 2"),
    ],
)
def test_bad_input(change, error, message):
    x, table, bias, target = arrays()
    with pytest.raises(error, match=message):
        ops.linear_cross_entropy(**{"x": x, "linear_weight": table, "target": target, "linear_bias": bias, **change})
