"""NumPy's functions of Tensors: dispatched to ops with the gradient, or refused where it would be lost."""

import numpy as np
import pytest

from seqnn import Tensor, nn, ops, optim
from seqnn.autograd import gradcheck, no_grad

A, B = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3, 4))
V = np.array([0.7, 1.1, 0.9])
CASES = {
    "concatenate": lambda a, b: np.concatenate([a, b], axis=1),
    "concatenate flat": lambda a, b: np.concatenate([a, b], axis=None),
    "stack": lambda a, b: np.stack([a, b], axis=1),
    "vstack": lambda a, b: np.vstack([a, b[0]]),
    "hstack": lambda a, b: np.hstack([a, b]),
    "hstack vectors": lambda a, b: np.hstack([a[0], b[0]]),
    "dstack": lambda a, b: np.dstack([a, b]),
    "column_stack": lambda a, b: np.column_stack([a[:, 0], b]),
    "append": lambda a, b: np.append(a, b, axis=0),
    "where": lambda a, b: np.where(A > 1, a, b),
    "clip": lambda a, b: np.clip(a, 0.8, 1.2) + np.clip(b, None, 1.0),
    "clip by keyword": lambda a, b: np.clip(a, min=0.8) * b,
    "dot": lambda a, b: np.dot(a, b.T),
    "dot of stacks": lambda a, b: np.dot(a.reshape(3, 2, 2), b.reshape(2, 2, 3)),
    "dot with a number": lambda a, b: np.dot(a, b[0, 0]),
    "inner": lambda a, b: np.inner(a, b),
    "vdot": lambda a, b: np.vdot(a, b),
    "einsum": lambda a, b: np.einsum("ij,kj->ik", a, b, optimize=True),
    "outer": lambda a, b: np.outer(a, b[0]),
    "tensordot": lambda a, b: np.tensordot(a, b, axes=([0, 1], [0, 1])),
    "tensordot by count": lambda a, b: np.tensordot(a, b.T, 1),
    "cumsum": lambda a, b: np.cumsum(a, axis=1) * b,
    "cumsum flat": lambda a, b: np.cumsum(a) * np.ravel(b),
    "cumprod": lambda a, b: np.cumprod(a, 0) * b,
    "reshape": lambda a, b: np.reshape(a, (4, 3)) @ b,
    "transpose": lambda a, b: np.transpose(a) @ b,
    "moveaxis": lambda a, b: np.moveaxis(a.reshape(3, 2, 2), 0, -1) * b.reshape(2, 2, 3),
    "swapaxes": lambda a, b: np.swapaxes(a, 0, 1) @ b,
    "expand_dims": lambda a, b: np.expand_dims(a, (0, 2)) * np.expand_dims(b, 1),
    "squeeze": lambda a, b: np.squeeze(a[:, None], 1) * b,
    "broadcast_to": lambda a, b: np.broadcast_to(a[0], (3, 4)) * b,
    "atleast_2d": lambda a, b: np.atleast_2d(a[0]) * b,
    "pad": lambda a, b: np.pad(a, ((1, 0), (0, 2))) + np.pad(b, ((1, 0), (0, 2)), mode="edge"),
    "tile": lambda a, b: np.tile(a, (2, 1)) + np.tile(b[0], (6, 1)),
    "repeat": lambda a, b: np.repeat(a, 2, axis=1) * np.repeat(b, [1, 2, 3, 2], 1),
    "take": lambda a, b: np.take(a, [2, 0, 2], axis=0) * b + np.take(a, 5),
    "take_along_axis": lambda a, b: np.take_along_axis(a, np.argsort(A, 1), 1) * b,
    "sort": lambda a, b: np.sort(a, axis=1) * np.sort(b, axis=0),
    "flip": lambda a, b: np.flip(a, 1) * np.flipud(b) + np.fliplr(a),
    "roll": lambda a, b: np.roll(a, 1, axis=1) * np.roll(b, 2) + np.roll(a, (1, 2), (0, 1)),
    "diff": lambda a, b: np.diff(a, n=2, axis=1) + np.diff(b, axis=0, prepend=0.0)[:, :2],
    "tril": lambda a, b: np.tril(a) + np.triu(b, 1),
    "diag": lambda a, b: np.diag(a, 1) * np.diagonal(b),
    "diag of a vector": lambda a, b: np.diag(a[0], -1)[:3, :4] * b,
    "trace": lambda a, b: np.trace(a) * np.trace(b, 1),
    "split": lambda a, b: np.split(a, 2, axis=1)[1] * np.array_split(b, 3, axis=1)[0],
    "norm": lambda a, b: np.linalg.norm(a) + np.linalg.norm(b, axis=1, keepdims=True) + np.linalg.norm(b, 1, 0)[:3, None],
    "sum": lambda a, b: np.sum(a, axis=1, keepdims=True) * b,
    "mean": lambda a, b: np.mean(a, axis=(0, 1)) * np.average(b, axis=1, weights=A),
    "std": lambda a, b: np.std(a, axis=1, ddof=1) * np.var(b, 1),
    "max": lambda a, b: np.max(a, axis=1) * np.min(b, axis=1) + np.amax(a, 1) + np.ptp(b, 1),
    "prod": lambda a, b: np.prod(a, axis=1) + np.prod(b),
    "copy": lambda a, b: np.copy(a) * b,
    "ufuncs": lambda a, b: np.exp(a) + np.log(b) * np.sqrt(a) - np.tanh(b) / np.log1p(a) + np.sin(a) * np.cos(b) + np.tan(a / 2),
    "more ufuncs": lambda a, b: np.square(a) + np.reciprocal(b) + np.negative(a) + np.positive(b) + np.abs(a - 1),
    "binary ufuncs": lambda a, b: np.power(a, b) + np.maximum(a, b) * np.minimum(a, 2.0) + np.matmul(a, b.T)[:, :1],
    "logarithms": lambda a, b: np.log2(a) + np.log10(b) + np.exp2(a) + np.logaddexp(a, b) + np.hypot(a, b),
    "reduce": lambda a, b: np.add.reduce(a, axis=1) * np.multiply.reduce(b, 1) + np.maximum.reduce(a, axis=1),
    "accumulate": lambda a, b: np.add.accumulate(a, 1) * np.multiply.outer(V, b[0]),
    "on the left": lambda a, b: A * a + np.float64(2) * b - np.ones(4) @ b.T[:, :1],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_numpy_function_is_that_of_ops_with_its_gradient(name):
    function = CASES[name]
    a, b = Tensor(A, requires_grad=True), Tensor(B, requires_grad=True)
    out = function(a, b)
    assert isinstance(out, Tensor) and out.requires_grad
    np.testing.assert_allclose(out.data, function(A, B), rtol=1e-12, atol=1e-12)
    gradcheck(function, A, B)


def test_a_network_with_numpy_inside_learns_all_of_it():
    a, b, w = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(8, 1)
    optimizer = optim.SGD([*a.parameters(), *b.parameters(), *w.parameters()], lr=0.1)
    x, before = np.ones((2, 3), np.float32), a.weight.data.copy()
    loss = (w(np.concatenate([a(x), b(x)], axis=1)) ** 2).mean()
    loss.backward()
    optimizer.step()
    assert a.weight.grad is not None and (a.weight.data != before).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: np.median(t), r"np\.median of a Tensor that requires a gradient would cut the graph.*detach"),
        (lambda t: np.arctan(t), r"np\.arctan of a Tensor"),
        (lambda t: np.linalg.inv(t), r"np\.linalg\.inv of a Tensor"),
        (lambda t: np.convolve(t[0], [1.0, 2.0]), r"np\.convolve of a Tensor"),
        (lambda t: np.unique(t), r"np\.unique of a Tensor"),
        (lambda t: np.nan_to_num(t), r"np\.nan_to_num of a Tensor"),
        (
            lambda t: np.sum(t, dtype=np.float64),
            r"np\.sum of a Tensor: .*'dtype'; it takes \(a, axis=None, \*, keepdims",
        ),
        (lambda t: np.mean(t, where=A > 1), r"np\.mean of a Tensor: .*'where'"),
        (lambda t: np.add(t, 1, out=np.zeros((3, 4))), r"np\.add with out of a Tensor"),
        (lambda t: np.sqrt(t, where=A > 1), r"np\.sqrt with where"),
        (lambda t: np.add.at(np.zeros(3), [0], t[0, 0]), r"np\.add\.at of a Tensor"),
        (lambda t: np.copyto(np.zeros((3, 4)), t), r"np\.copyto of a Tensor"),
        (lambda t: np.zeros((3, 4)).__iadd__(t), r"np\.add with out"),
        (lambda t: np.linalg.norm(t, "nuc"), r"np\.linalg\.norm of a Tensor: vector norms"),
        (lambda t: np.pad(t, 1, mode="median"), r"np\.pad of a Tensor: mode is one of"),
        (lambda t: np.array([t, t]), "would cut the graph: stay with Tensors"),
        (lambda t: np.array(t), "would cut the graph"),
        (lambda t: np.asarray(t, np.float32), "would cut the graph"),
        (lambda t: np.mean([t, t]), "would cut the graph"),
        (lambda t: A.dot(t), "would cut the graph"),
        (lambda t: np.zeros((3, 4)).__setitem__(slice(None), t), "would cut the graph"),
    ],
)
def test_what_would_cut_the_graph_is_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call(Tensor(A, requires_grad=True))


def test_without_a_gradient_to_lose_functions_see_the_array():
    plain, learnt = Tensor(A), Tensor(A, requires_grad=True)
    assert np.median(plain) == np.median(A) and type(np.arctan(plain)) is np.ndarray
    assert np.asarray(plain) is plain.data and np.array([plain, plain]).shape == (2, 3, 4)
    target = np.zeros((3, 4))
    target += plain
    assert (target == A).all()
    with no_grad():
        assert np.asarray(learnt) is learnt.data and np.array([learnt]).shape == (1, 3, 4)
        assert np.median(learnt) == np.median(A)
    assert np.sum(plain, dtype=np.float32) == A.sum(dtype=np.float32)
    assert type(np.concatenate([plain, A])) is Tensor and not np.exp(plain).requires_grad


def test_counts_truth_values_and_text_need_no_gradient():
    t = Tensor(A, requires_grad=True)
    assert np.isnan(t).sum() == 0 and np.argmax(t) == A.argmax() and (np.argsort(t, 1) == A.argsort(1)).all()
    assert (
        (np.greater(t, 1) == (A > 1)).all() and np.allclose(t, A) and np.array_equal(t, t) and np.count_nonzero(t) == 12
    )
    assert np.shape(t) == (3, 4) and np.ndim(t) == 2 and np.size(t) == 12 and np.zeros_like(t).shape == (3, 4)
    assert [a.tolist() for a in np.where(t > 1)] == [a.tolist() for a in np.nonzero(A > 1)]
    assert np.sign(t).all() and np.result_type(t) == np.float64


def test_a_forward_that_makes_arrays_of_its_tensors_says_so():
    class Cut(nn.Module):
        def __init__(self):
            self.a = nn.Linear(3, 2)

        def forward(self, x):
            return np.asarray(self.a(x)).sum()

    with pytest.raises(TypeError, match=r"Cut: an array of a Tensor that requires a gradient would cut the graph"):
        Cut()(np.ones((2, 3), np.float32))


@pytest.mark.parametrize("make", [np.ma.masked_array, np.ma.array], ids=["masked_array", "array"])
def test_masked_arrays_are_refused_and_not_stripped_of_their_mask(make):
    masked = make([[1.0, 2.0]], mask=[[False, True]])
    for call in (
        lambda: ops.softmax(masked), lambda: ops.sum(masked), lambda: ops.add(Tensor([1.0, 2.0]), masked), lambda: Tensor(masked),
        lambda: ops.concatenate([masked, masked]), lambda: ops.einsum("ij->i", masked), lambda: Tensor([1.0, 2.0]) * masked,
        lambda: nn.Linear(2, 2)(masked), lambda: ops.one_hot(make([1, 0], mask=[0, 1])), lambda: ops.mean(masked, 1),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="a masked array: its mask would be lost"):
            call()


def test_logaddexp_and_hypot_are_right_at_infinities_and_where_squares_overflow():
    x, y = np.array([-np.inf, np.inf, 1e3, 1.0], np.float32), np.array([-np.inf, 1.0, 1e3, -np.inf], np.float32)
    np.testing.assert_allclose(np.logaddexp(Tensor(x), y).numpy(), np.logaddexp(x, y))
    x, y = np.array([3e25, 0.0, 3.0], np.float32), np.array([4e25, 0.0, 4.0], np.float32)
    np.testing.assert_allclose(np.hypot(Tensor(x), y).numpy(), np.hypot(x, y), rtol=1e-6)
    assert np.hypot(Tensor(x), 4.0).dtype == np.logaddexp(2, Tensor(x)).dtype == np.float32
