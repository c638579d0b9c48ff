import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa

from seqnn import _core, ops
from seqnn.autograd import Tensor


def softmax(x, axis=-1, mask=None):
    mask = np.broadcast_to(True if mask is None else mask, x.shape)
    shifted = np.where(mask, x, -np.inf)
    largest = shifted.max(axis, keepdims=True, initial=-np.inf)
    e = np.where(mask, np.exp(shifted - np.where(np.isinf(largest), 0, largest)), 0)
    total = e.sum(axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def log_softmax(x, axis=-1, mask=None):
    mask = np.broadcast_to(True if mask is None else mask, x.shape)
    shifted = np.where(mask, x, -np.inf)
    largest = shifted.max(axis, keepdims=True, initial=-np.inf)
    largest = np.where(np.isinf(largest), 0, largest)
    total = np.exp(shifted - largest).sum(axis, keepdims=True)
    out = shifted - largest - np.log(np.where(total == 0, 1, total))
    return np.where(mask.any(axis, keepdims=True), out, 0)


def case(*shape, axis=-1, mask=None, seed=0):
    rng = np.random.default_rng(seed)
    made = {"x": rng.standard_normal(shape) * 3, "axis": axis}
    if mask is not None:
        made["mask"] = rng.random(mask) < 0.6
        made["mask"].reshape(-1)[: mask[-1]] = False  # a row in which none takes part
    return made


CASES = [
    case(5),
    case(3, 1),
    case(4, 7),
    case(2, 3, 16),
    case(300, 33),
    case(2, 1000),
    case(0, 4),
    case(5, 6, axis=0),
    case(2, 3, 4, 5, axis=1),
    case(2, 2, 2, 3, 17),
    case(4, 19, mask=(4, 19)),
    case(19, mask=(19,)),
    case(4, 19, mask=(19,)),
    case(2, 3, 5, 37, mask=(2, 1, 1, 37)),
    case(2, 3, 5, 37, mask=(2, 3, 5, 37)),
    case(2, 3, 5, 37, mask=(5, 37)),
    case(2, 3, 5, 37, mask=(2, 1, 5, 1)),
    case(2, 3, 5, 7, axis=1, mask=(2, 3, 1, 7)),
    case(2, 2, 3, 5, 7, mask=(2, 1, 3, 1, 7)),
]


@pytest.mark.parametrize(("op", "reference"), [(ops.softmax, softmax), (ops.log_softmax, log_softmax)])
def test_values(op, reference):
    check_op(op, reference, CASES)


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
def test_gradients(op):
    rng = np.random.default_rng(1)
    check_gradient(op, rng.standard_normal((3, 21)))
    check_gradient(lambda x: op(x, axis=1), rng.standard_normal((2, 5, 3)))


def test_masked_gradients():
    rng = np.random.default_rng(2)
    mask = rng.random((2, 1, 9)) < 0.5
    mask[0] = False
    check_gradient(lambda x: ops.softmax(x, mask=mask), rng.standard_normal((2, 2, 9)))
    whole = np.broadcast_to(mask, (2, 2, 9))
    taking = lambda x: np.where(whole, x, 0)  # noqa: E731 - -inf has no finite difference
    x = rng.standard_normal((2, 2, 9))
    grad = rng.standard_normal(x.shape)
    for _ in each_isa():
        leaf = Tensor(x, requires_grad=True)
        ops.log_softmax(leaf, mask=mask).backward(grad)
        p = softmax(x, mask=mask)
        np.testing.assert_allclose(leaf.grad, taking(grad) - p * taking(grad).sum(-1, keepdims=True), atol=1e-12)
        assert (leaf.grad[0] == 0).all()


def test_what_is_masked_does_not_matter():
    x = np.array([[1.0, np.nan, 2.0], [np.inf, -np.inf, 3.0]])
    mask = np.array([[True, False, True], [False, False, True]])
    for _ in each_isa():
        np.testing.assert_allclose(ops.softmax(x, mask=mask), [[1 / (1 + np.e), 0, np.e / (1 + np.e)], [0, 0, 1]])


def test_extremes():
    for _ in each_isa():
        np.testing.assert_array_equal(ops.softmax(np.array([1e300, -1e300, 0])), [1, 0, 0])
        np.testing.assert_array_equal(ops.softmax(np.array([-np.inf, 0.0])), [0, 1])
        assert np.isnan(ops.softmax(np.array([np.nan, 0.0]))).all()
        assert np.isnan(ops.softmax(np.array([np.inf, 0.0]))[0])
        assert np.isnan(ops.softmax(np.full(40, -np.inf))).all()
        assert np.isnan(ops.log_softmax(np.array([0.0, np.nan] * 20))).all()


@pytest.mark.usefixtures("several_threads")
def test_large_results_are_the_same_bits_as_small_ones():
    x = np.random.default_rng(3).standard_normal((1500, 3003)).astype(np.float32)
    for _ in each_isa():
        for op in (ops.softmax, ops.log_softmax):
            assert op(x)[700:702].tobytes() == op(x[700:702]).tobytes()
        grad = x[::-1].copy()
        for kernel in (_core.softmax_backward, lambda g, o: _core.log_softmax_backward(g[None, None], o[None, None])):
            assert kernel(grad, x).reshape(x.shape)[700:702].tobytes() == kernel(grad[700:702], x[700:702]).tobytes()


def test_bad_input():
    with pytest.raises(ValueError, match=r"axis 2 is out of bounds for an array of shape \(3, 4\)"):
        ops.softmax(np.ones((3, 4)), 2)
    with pytest.raises(ValueError, match=r"mask of shape \(5,\) does not broadcast to x of shape \(3, 4\)"):
        ops.softmax(np.ones((3, 4)), mask=np.ones(5, bool))
    with pytest.raises(TypeError, match=r"mask must be an array of booleans .* got float64"):
        ops.log_softmax(np.ones((3, 4)), mask=np.ones(4))
