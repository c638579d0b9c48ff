"""Indexing and gather: values against NumPy, gradients against differences, repeated indices, errors."""

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops

X = np.random.default_rng(4).standard_normal((4, 3, 5))
INDICES = [
    1,
    -1,
    np.s_[1:, ::2],
    np.s_[::-1, ..., None, 0],
    np.s_[..., 2],
    [2, 2, 0],
    np.array([[0, 0], [3, 0]]),
    (np.array([0, 0, 1]), slice(None), np.array([4, 4, 0])),
    (slice(None), [1, 1]),
    X > 0,
    np.array([True, False, True, False]),
    (slice(1, 1),),
    (0, 0, 0),
    np.zeros(0, int),
]


@pytest.mark.parametrize("index", INDICES, ids=range(len(INDICES)))
def test_getitem(index):
    harness.assert_identical(np.asarray(Tensor(X)[index]), np.asarray(X[index]))
    harness.check_gradient(lambda x: x[index], X)


def test_tensors_as_indices():
    x = Tensor(X, True)
    assert x[Tensor(np.array([1, 1]))].shape == (2, 3, 5)
    x[Tensor(np.array([1, 1])), 0].sum().backward()
    assert x.grad[:, 0, 0].tolist() == [0, 2, 0, 0]
    with pytest.raises(IndexError):
        x[9]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(axis):
    index = np.random.default_rng(0).integers(0, X.shape[axis], (3, 2, 4))
    places = [i.copy() for i in np.indices(index.shape)]
    places[axis] = index
    harness.assert_identical(ops.gather(X, axis, index), X[tuple(places)])
    harness.check_gradient(lambda x: ops.gather(x, axis, index), X)


def test_gather_refuses():
    with pytest.raises(ValueError, match=r"gather: index has shape \(9, 1, 1\)"):
        ops.gather(X, 1, np.zeros((9, 1, 1), int))
    with pytest.raises(ValueError, match="does not fit"):
        ops.gather(X, 1, np.zeros(3, int))
    with pytest.raises(IndexError, match="-1"):
        ops.gather(X, 1, np.full((1, 1, 1), -1))
    with pytest.raises(IndexError):
        ops.gather(X, 1, np.full((1, 1, 1), 3))
    with pytest.raises(TypeError, match="float64"):
        ops.gather(X, 1, np.ones((1, 1, 1)))
