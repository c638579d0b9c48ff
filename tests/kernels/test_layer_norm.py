"""Layer norm and RMS norm against NumPy, central differences and torch."""

import numpy as np
import pytest
from harness import assert_close, assert_identical, check_gradient, check_op, each_isa, each_team

from seqnn import Tensor, _core, ops


def forward(x, weight=None, bias=None, residual=None, eps=1e-5, rms=False, **_):
    """(out, s, mean, rstd), for rows."""
    s = x if residual is None else x + residual
    mean = np.zeros(len(s)) if rms else s.mean(1)
    rstd = 1 / np.sqrt(((s - mean[:, None]) ** 2).mean(1) + eps)
    out = (s - mean[:, None]) * rstd[:, None]
    out = out if weight is None else out * weight
    return out if bias is None else out + bias, s, mean, rstd


def backward(grad, x, weight=None, mean=None, *, rstd, grad_sum=None, rms=False, **_):
    """(dx, dweight, dbias)"""
    h = (x - (0 if rms else mean[:, None])) * rstd[:, None]
    g = grad if weight is None else grad * weight
    middle = 0 if rms else g.mean(1, keepdims=True)
    dx = (g - middle - h * (g * h).mean(1, keepdims=True)) * rstd[:, None]
    return dx if grad_sum is None else dx + grad_sum, (grad * h).sum(0), grad.sum(0)


SHAPES = [(5, 8), (1, 1), (37, 67), (130, 16), (3, 515), (0, 4), (70, 1100)]


def cases(*, rms):
    for k, (n, d) in enumerate(SHAPES):
        rng = np.random.default_rng(k)
        case = {"x": rng.standard_normal((n, d)) + 3, "eps": 1e-3, "rms": rms}
        if k % 2 == 0:
            case["weight"] = rng.standard_normal(d)
        if k % 3 == 0:
            case["bias"] = rng.standard_normal(d)
        if k in (2, 3):
            case["residual"] = rng.standard_normal((n, d))
        yield case


@pytest.mark.parametrize("rms", [False, True])
def test_forward(rms):
    def op(**case):
        return _core.layer_norm_forward(**case, sum="residual" in case, mean=not rms, rstd=True)

    def reference(**case):
        out, s, mean, rstd = forward(**case)
        return tuple(o for o in (out, s if "residual" in case else None, None if rms else mean, rstd) if o is not None)

    check_op(op, reference, cases(rms=rms))


@pytest.mark.parametrize("rms", [False, True])
def test_backward(rms):
    def grads():
        for k, case in enumerate(cases(rms=rms)):
            _, s, mean, rstd = forward(**case)
            rng = np.random.default_rng(k + 50)
            keep = {"x": s, "rms": rms, "rstd": rstd, "grad": rng.standard_normal(s.shape)}
            keep |= {"mean": mean} if not rms else {}
            keep |= {"weight": case["weight"]} if "weight" in case else {}
            yield keep | ({"grad_sum": rng.standard_normal(s.shape)} if k % 2 else {})

    check_op(lambda **case: _core.layer_norm_backward(**case, dx=True, dweight=True, dbias=True), backward, grads())


def test_gradients():
    rng = np.random.default_rng(0)
    x, r = rng.standard_normal((2, 3, 5)), rng.standard_normal((2, 3, 5))
    w, b = rng.standard_normal(5), rng.standard_normal(5)
    check_gradient(ops.layer_norm, x, w, b)
    check_gradient(ops.rms_norm, x, w)
    check_gradient(lambda x, w, b, r: ops.layer_norm(x, w, b, 1e-5, r, return_sum=True), x, w, b, r)
    check_gradient(lambda x, w, r: ops.rms_norm(x, w, residual=r, return_sum=True), x, w, r)
    check_gradient(lambda x: ops.layer_norm(x, normalized_shape=(3, 5)), x)
    check_gradient(lambda w, b: ops.layer_norm(x, w, b), rng.standard_normal((3, 5)), rng.standard_normal((3, 5)))


def test_only_wanted_gradients_are_computed():
    x, w, b = np.ones((4, 3)), Tensor(np.ones(3), True), Tensor(np.ones(3))
    ops.layer_norm(x, w, b).backward(np.ones((4, 3)))
    assert w.grad.shape == (3,) and b.grad is None


def test_a_mean_far_from_zero_does_not_spoil_the_variance():
    x = (np.random.default_rng(1).standard_normal((4, 2000)) + 1e4).astype(np.float32)
    expected = forward(x.astype(np.float64))[0]
    for _ in each_isa():
        assert_close(ops.layer_norm(x), expected, 2e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows_in_its_row_and_nowhere_else(bad):
    x = np.random.default_rng(2).standard_normal((9, 40)).astype(np.float32)
    clean = ops.layer_norm(x)
    x[4, 17] = bad
    for _ in each_isa():
        for op in ops.layer_norm, ops.rms_norm:
            assert np.isnan(op(x)[4, 17])
        out = ops.layer_norm(x)
        assert np.isfinite(np.delete(out, 4, 0)).all()
        assert_close(np.delete(out, 4, 0), np.delete(clean, 4, 0), 1e-6)


@pytest.mark.parametrize(
    ("dtype", "large"), [(np.float32, 1e20), (np.float32, 1e38), (np.float64, 1e200), (np.float64, 1e307)]
)
def test_numbers_whose_squares_are_too_large_are_normalised(dtype, large):
    x = np.random.default_rng(4).standard_normal((3, 40)).astype(dtype)
    expected = {op: op(x, eps=0.0) for op in (ops.layer_norm, ops.rms_norm)}
    for _ in each_isa():
        for op, small in expected.items():
            assert_close(op(x * dtype(large / 4), eps=0.0), small, 1e-5)
    leaf, other = (Tensor(y, requires_grad=True) for y in (x, x * dtype(large / 4)))
    for y in (leaf, other):
        (ops.layer_norm(y, eps=0.0) * x[::-1]).sum().backward()
    if large < 1e30 or 1e100 < large < 1e290:
        assert_close(other.grad * dtype(large / 4), leaf.grad, 1e-4)


def test_a_row_does_not_depend_on_the_others():
    x = np.random.default_rng(3).standard_normal((50, 77)).astype(np.float32)
    whole = ops.layer_norm(x)
    for size in each_team():
        assert_identical(ops.layer_norm(x[11:12]), whole[11:12], f"team of {size}")


def test_errors():
    x = np.ones((2, 3, 4))
    for message, call in [
        (
            r"layer_norm: weight has shape \(3,\), expected the trailing axes of x",
            lambda: ops.layer_norm(x, np.ones(3)),
        ),
        (r"layer_norm: bias has shape \(3, 4\)", lambda: ops.layer_norm(x, np.ones(4), np.ones((3, 4)))),
        (r"rms_norm: normalized_shape has shape \(2,\)", lambda: ops.rms_norm(x, normalized_shape=(2,))),
        (r"residual has shape \(4,\), expected that of x, \(2, 3, 4\)", lambda: ops.rms_norm(x, residual=np.ones(4))),
        ("return_sum needs a residual", lambda: ops.layer_norm(x, return_sum=True)),
        ("x has no axes", lambda: ops.layer_norm(np.float32(1))),
        ("sum is x itself", lambda: _core.layer_norm_forward(x[0], sum=True)),
        ("mean is needed unless rms", lambda: _core.layer_norm_backward(x[0], x[0], rstd=np.ones(3))),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(
        TypeError, match=r"layer_norm: normalized_shape must be a tuple of sizes, such as \(8,\), got 4"
    ):
        ops.layer_norm(x, normalized_shape=4)
    assert ops.layer_norm(np.ones((0, 4))).shape == (0, 4) and ops.layer_norm(np.ones((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch(dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, r, g = (rng.standard_normal((6, 7, 33)).astype(dtype) for _ in range(3))
    w, b = rng.standard_normal(33).astype(dtype), rng.standard_normal(33).astype(dtype)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for ours, theirs, parameters in [
        (ops.layer_norm, lambda x, *p: torch.nn.functional.layer_norm(x, (33,), *p), (w, b)),
        (ops.rms_norm, lambda x, *p: torch.nn.functional.rms_norm(x, (33,), *p), (w,)),
    ]:
        mine = [Tensor(v, True) for v in (x, r, *parameters)]
        other = [torch.tensor(v, requires_grad=True) for v in (x, r, *parameters)]
        out = ours(mine[0], *mine[2:], residual=mine[1])
        expected = theirs(other[0] + other[1], *other[2:])
        out.backward(g)
        expected.backward(torch.tensor(g))
        assert_close(out.data, expected.detach().numpy(), tolerance)
        for m, o in zip(mine, other, strict=True):
            assert_close(m.grad, o.grad.numpy(), tolerance)
