"""Shapes: values against NumPy, gradients against differences, views, errors."""

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops

X = np.random.default_rng(3).standard_normal((2, 3, 4))
CASES = [
    (lambda x: ops.reshape(x, (4, -1)), lambda x: x.reshape(4, -1)),
    (lambda x: ops.permute(x, (2, 0, -2)), lambda x: x.transpose(2, 0, 1)),
    (lambda x: ops.swapaxes(x, 0, -1), lambda x: x.swapaxes(0, 2)),
    (lambda x: ops.expand(x, (5, -1, 3, 4)), lambda x: np.broadcast_to(x, (5, 2, 3, 4))),
    (lambda x: ops.unsqueeze(x, -2), lambda x: x[:, :, None]),
    (lambda x: ops.squeeze(ops.unsqueeze(x, 0)), lambda x: x),
    (lambda x: ops.squeeze(ops.unsqueeze(x, 1), 1), lambda x: x),
    (lambda x: ops.concatenate([x, 2 * x], axis=1), lambda x: np.concatenate([x, 2 * x], 1)),
    (lambda x: ops.stack([x, 2 * x], axis=-1), lambda x: np.stack([x, 2 * x], -1)),
    (lambda x: ops.split(x, 2, axis=2), lambda x: tuple(np.split(x, 2, 2))),
    (lambda x: ops.split(x, [1], axis=1)[1], lambda x: x[:, 1:]),
]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_shapes(case):
    ours, numpy = case
    harness.assert_identical(ours(X), numpy(X))
    harness.check_gradient(ours, X)


def test_joining_several_tensors():
    a, b, c = X[:, :1], X[:, 1:], np.zeros((2, 0, 4))
    harness.check_gradient(lambda a, b, c: ops.concatenate((a, b, c), axis=1), a, b, c)
    assert ops.concatenate([Tensor(a), b], axis=1).shape == X.shape  # a constant among them


def test_methods():
    x = Tensor(X, True)
    assert x.reshape(6, 4).shape == x.reshape((6, -1)).shape == (6, 4) and x.reshape(-1).shape == (24,)
    assert x.permute(1, 0, 2).shape == x.permute((1, 0, 2)).shape == (3, 2, 4)
    assert x.T.shape == (4, 3, 2) and x.swapaxes(0, 1).shape == (3, 2, 4)
    assert x.unsqueeze(0).squeeze(0).shape == X.shape and x[:1].expand(2, -1, 4).shape == X.shape
    assert np.shares_memory(x.reshape(24).data, X)
    x.T.reshape(-1).sum().backward()
    assert (x.grad == 1).all()


def test_errors():
    with pytest.raises(ValueError, match="fewer axes"):
        ops.expand(X, (3, 4))
    with pytest.raises(ValueError, match="cannot reshape"):
        ops.reshape(X, (5, 5))
