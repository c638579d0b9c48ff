"""Batch norm against NumPy, central differences and torch."""

import numpy as np
import pytest
from harness import assert_close, assert_identical, check_gradient, check_op, each_isa, each_team

from seqnn import Tensor, _core, ops


def column(v):
    return v[:, None]


def affine(h, weight, bias):
    h = h if weight is None else h * column(weight)
    return h if bias is None else h + column(bias)


def train(x, running_mean, running_var, weight=None, bias=None, momentum=0.1, eps=1e-5):
    """(out, mean, rstd, running_mean, running_var)"""
    mean, var = x.mean((0, 2)), x.var((0, 2))
    m = x.shape[0] * x.shape[2]
    rstd = 1 / np.sqrt(var + eps)
    out = affine((x - column(mean)) * column(rstd), weight, bias)
    running_mean = (1 - momentum) * running_mean + momentum * mean
    return out, mean, rstd, running_mean, (1 - momentum) * running_var + momentum * var * m / (m - 1)


def evaluate(x, mean, var, weight=None, bias=None, eps=1e-5):
    rstd = 1 / np.sqrt(var + eps)
    return affine((x - column(mean)) * column(rstd), weight, bias), rstd


def backward(grad, x, mean, rstd, weight=None, training=True):
    h = (x - column(mean)) * column(rstd)
    dweight, dbias = (grad * h).sum((0, 2)), grad.sum((0, 2))
    scale = column(rstd if weight is None else rstd * weight)
    m = x.shape[0] * x.shape[2]
    dx = scale * (grad - (column(dbias) + h * column(dweight)) / m) if training else scale * grad
    return dx, dweight, dbias


SHAPES = [(7, 5, 1), (200, 130, 1), (2, 3, 1), (9, 4, 6), (3, 40, 49), (5, 2, 9000), (2, 1, 20000), (300, 3, 20)]


def cases(*shapes):
    for k, (n, c, s) in enumerate(shapes):
        rng = np.random.default_rng(k)
        case = {"x": rng.standard_normal((n, c, s)) * 2 + 3}
        if k % 3:
            case["weight"] = rng.standard_normal(c)
        if k % 2:
            case["bias"] = rng.standard_normal(c)
        yield case, rng


def test_train():
    def op(running_mean, running_var, **case):
        running = np.array(running_mean), np.array(running_var)  # in place, and contiguous
        return *_core.batch_norm_train(running_mean=running[0], running_var=running[1], **case), *running

    given = [
        case | {"running_mean": rng.standard_normal(case["x"].shape[1]), "running_var": rng.random(case["x"].shape[1])}
        for case, rng in cases(*SHAPES)
    ]
    check_op(op, train, [*given, given[0] | {"momentum": 0.3, "eps": 0.1}])


def test_eval():
    def op(**case):
        return _core.batch_norm_eval(**case, rstd=True)

    given = [
        case | {"mean": rng.standard_normal(case["x"].shape[1]), "var": rng.random(case["x"].shape[1]) + 0.5}
        for case, rng in cases(*SHAPES, (0, 3, 4), (3, 0, 4), (3, 4, 0))
    ]
    check_op(op, evaluate, given)


@pytest.mark.parametrize("training", [True, False])
def test_backward(training):
    def op(**case):
        return _core.batch_norm_backward(**case, training=training, dx=True, dweight=True, dbias=True)

    given = []
    for case, rng in cases(*SHAPES):
        case.pop("bias", None)
        x = case["x"]
        statistics = {"mean": x.mean((0, 2)), "rstd": 1 / np.sqrt(x.var((0, 2)) + 1e-5)}
        given.append(case | statistics | {"grad": rng.standard_normal(x.shape)})
    check_op(op, lambda **case: backward(**case, training=training), given)


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 5), (2, 3, 2, 4)])
def test_gradient(shape):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal(shape), rng.standard_normal(3), rng.standard_normal(3)
    mean, var = rng.standard_normal(3), rng.random(3) + 1
    check_gradient(lambda x, w, b: ops.batch_norm(x, None, None, w, b, True), x, w, b)
    check_gradient(lambda x, w, b: ops.batch_norm(x, mean, var, w, b), x, w, b)


def test_a_mean_far_from_zero_does_not_spoil_the_variance():
    x = np.random.default_rng(1).standard_normal((64, 2, 300)) + 1e4
    for cube in x, x[:, :, :1]:
        cube = cube.astype(np.float32)
        expected = train(cube.astype(np.float64), np.zeros(2), np.ones(2))[2]
        for _ in each_isa():
            assert_close(_core.batch_norm_train(cube)[2], expected, 1e-4)


@pytest.mark.parametrize("shape", [(40, 5), (40, 70), (4, 5, 9)])
def test_numbers_whose_squares_are_too_large_are_normalised(shape):
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    for large in (np.float32(1e20), np.float32(1e37)):
        for _ in each_isa():
            assert_close(
                ops.batch_norm(x * large, training=True, eps=0.0), ops.batch_norm(x, training=True, eps=0.0), 1e-5
            )


@pytest.mark.parametrize("shape", [(40, 5), (4, 5, 9)])
def test_what_is_not_finite_shows_in_its_channel_and_nowhere_else(shape):
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    for bad in np.nan, np.inf:
        x[3, 2, ...] = bad
        for _ in each_isa():
            out = ops.batch_norm(x, training=True)
            assert np.isnan(out[:, 2]).any() and np.isfinite(np.delete(out, 2, 1)).all()


def test_few_and_many_channels_go_different_ways_to_the_same_sums():
    x = np.random.default_rng(3).standard_normal((6, 5, 700)).astype(np.float32)
    for _ in each_isa():
        first = None
        for size in each_team():  # 5 channels: one by one for teams of 1 and 2, piece by piece for 3 and 8
            got = _core.batch_norm_train(x)
            first = got if first is None else first
            assert_identical(got, first, f"team of {size}")


def test_eval_reads_statistics_that_nobody_may_write():
    mean, var = np.zeros(2), np.ones(2)
    mean.setflags(write=False), var.setflags(write=False)
    assert ops.batch_norm(np.ones((3, 2)), mean, var, eps=0).tolist() == [[1, 1]] * 3
    with pytest.raises(ValueError, match="running_mean"):
        ops.batch_norm(np.ones((3, 2)), mean, var, training=True)


def test_errors():
    for message, call in [
        (r"x has shape \(3,\), expected \[N, C\]", lambda: ops.batch_norm(np.ones(3), training=True)),
        ("go together", lambda: ops.batch_norm(np.ones((3, 2)), np.ones(2))),
        ("no more than one value per channel", lambda: ops.batch_norm(np.ones((1, 2)), training=True)),
        ("more than one value per channel", lambda: _core.batch_norm_train(np.ones((1, 2, 1)))),
        ("weight has size 3", lambda: ops.batch_norm(np.ones((4, 2)), weight=np.ones(3))),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("shape", [(20, 7), (4, 7, 30), (3, 7, 5, 6)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch(shape, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, g = rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype)
    w, b = rng.standard_normal(7).astype(dtype), rng.standard_normal(7).astype(dtype)
    mean, var = np.zeros(7, dtype), np.ones(7, dtype)
    their_mean, their_var = torch.tensor(mean), torch.tensor(var)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    for training in True, True, False:
        mine = [Tensor(v, True) for v in (x, w, b)]
        other = [torch.tensor(v, requires_grad=True) for v in (x, w, b)]
        out = ops.batch_norm(mine[0], mean, var, mine[1], mine[2], training)
        expected = torch.nn.functional.batch_norm(other[0], their_mean, their_var, other[1], other[2], training)
        out.backward(g)
        expected.backward(torch.tensor(g))
        assert_close(out.data, expected.detach().numpy(), tolerance)
        assert_close((mean, var), (their_mean.numpy(), their_var.numpy()), tolerance)
        for m, o in zip(mine, other, strict=True):
            assert_close(m.grad, o.grad.numpy(), tolerance)
