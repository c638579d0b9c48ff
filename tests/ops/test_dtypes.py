"""float32 stays float32 beside integers and single numbers; each gradient has the dtype of its array."""

import numpy as np
import pytest

from seqnn import Tensor, nn, ops
from seqnn.autograd import grad

F32 = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
BINARY = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.maximum, ops.minimum]
INTEGERS = [np.int64, np.int32, np.uint8, np.bool_]


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize("kind", INTEGERS, ids=lambda kind: kind.__name__)
def test_float32_stays_float32_beside_integer_arrays(op, kind):
    other = np.array([[1, 1, 1]], kind)
    for x in (F32, Tensor(F32), Tensor(F32, requires_grad=True)):
        for out in (op(x, other), op(other, x), op(x, Tensor(other))):
            assert out.dtype == np.float32
    x = Tensor(F32, requires_grad=True)
    op(x, other).sum().backward()
    assert x.grad.dtype == np.float32
    number = Tensor(np.float32(2.0), requires_grad=True)  # of no axes, as a loss is
    assert op(number, other).dtype == op(other, number).dtype == np.float32
    expected = op(F32.astype(np.float64), other.astype(np.float64))
    np.testing.assert_allclose(op(F32, other), expected, rtol=1e-6)


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize(
    "number", [2, 2.0, np.float64(2), np.int64(2), np.asarray(2.0), np.asarray(2), Tensor(np.float64(2))], ids=repr
)
def test_float32_stays_float32_beside_single_numbers(op, number):
    for x in (F32, Tensor(F32)):
        assert op(x, number).dtype == op(number, x).dtype == np.float32
    assert ops.where(F32 > 2, Tensor(F32), number).dtype == np.float32
    assert ops.clip(F32, number, 5.0).dtype == np.float32


def test_the_ways_through_which_lengths_and_counts_come_in():
    h, lengths = Tensor(np.ones((2, 3, 4), np.float32)), np.array([3, 1])
    assert (h.sum(1) / lengths[:, None]).dtype == np.float32
    assert (h * (np.arange(3) < lengths[:, None])[..., None]).dtype == np.float32
    assert (h + np.arange(4)).dtype == (np.arange(4) + h).dtype == (1 - h).dtype == np.float32
    assert ([1, 2, 3, 4] * h).dtype == (h * [1.0, 2.0, 3.0, 4.0]).dtype == np.float32
    assert ops.concatenate([h, np.zeros((2, 1, 4), np.int64)], 1).dtype == np.float32
    assert ops.stack([h, np.zeros((2, 3, 4), bool)]).dtype == np.float32
    assert ops.einsum("btd,b->bd", h, lengths).dtype == np.float32
    assert nn.Linear(4, 2)(h.sum(1) / lengths[:, None]).dtype == np.float32


def test_two_float_types_meet_in_the_wider_one_and_each_gradient_is_of_its_own():
    narrow, wide = Tensor(F32, requires_grad=True), Tensor(F32.astype(np.float64), requires_grad=True)
    for out in (
        narrow + wide, narrow * wide, ops.concatenate([narrow, wide]), ops.stack([narrow, wide]),
        ops.einsum("ij,ij->i", narrow, wide), ops.where(F32 > 2, narrow, wide), np.concatenate([wide, narrow]),
        ops.clip(narrow, wide, 9.0),
    ):  # fmt: skip
        assert out.dtype == np.float64
        assert [g.dtype for g in grad(out, [narrow, wide], np.ones(out.shape))] == [np.float32, np.float64]


def test_a_gradient_that_is_set_takes_the_dtype_and_must_have_the_shape():
    w = nn.Parameter(np.ones((2, 3), np.float32))
    w.grad = np.ones((3, 2)).T
    assert w.grad.dtype == np.float32 and w.grad.flags.c_contiguous
    with pytest.raises(ValueError, match=r"grad: expected the shape of the tensor, \(2, 3\), got \(3,\)"):
        w.grad = np.ones(3)
    w.grad = None
    assert w.grad is None


@pytest.mark.parametrize("kind", [np.int64, np.bool_, np.float16, ">f4"], ids=str)
def test_layers_take_integers_and_other_floats(kind):
    x = np.ones((2, 3, 4), kind)
    for layer in (nn.Linear(4, 2), nn.LayerNorm(4), nn.RMSNorm(4), nn.Conv1d(3, 2, 2), nn.BatchNorm1d(3)):
        assert layer(x).dtype == np.float32, layer
    assert ops.rms_norm(x).dtype in (np.float32, np.float64)


def test_layers_take_lists_of_numbers():
    assert nn.Linear(3, 2)([[1.0, 2.0, 3.0]]).dtype == np.float32
    assert nn.LayerNorm(3)([[1.0, 2.0, 3.0]]).dtype == np.float32
    assert nn.BatchNorm1d(3)([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]).dtype == np.float32
    assert nn.Conv1d(1, 1, 2)([[[1.0, 2.0, 3.0]]]).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: ops.linear(x, np.ones((2, 3), np.float32)),
            "linear: weight is float32 but x is float64: convert one",
        ),
        (lambda x: ops.layer_norm(x, np.ones(3, np.float32)), "layer_norm: weight is float32 but x is float64"),
        (lambda x: ops.conv1d(x[None], np.ones((1, 2, 2), np.float32)), "convolve: weight is float32 but x is float64"),
        (
            lambda x: nn.Linear(3, 2)(x),
            r"^Linear: linear: weight is float32 but x is float64: .*x\.astype\(np\.float32\)$",
        ),
    ],
)
def test_a_message_about_two_float_types_names_the_arguments_of_the_caller(call, message):
    with pytest.raises(TypeError, match=message) as caught:
        call(np.ones((2, 3)))
    assert "signature" not in str(caught.value)


def test_torchs_order_of_arguments_of_a_norm_is_named():
    with pytest.raises(
        TypeError, match="layer_norm: eps must be a number, got ndarray; normalized_shape goes by its name"
    ) as e:
        ops.layer_norm(Tensor(F32), (3,), np.ones(3, np.float32), Tensor(np.zeros(3, np.float32)))
    assert "signature" not in str(e.value)


@pytest.mark.parametrize("kind", INTEGERS, ids=lambda kind: kind.__name__)
def test_losses_of_integers_are_those_of_the_same_floats(kind):
    x, target = np.array([[0, 1], [1, 1]]), np.array([[0.5, 0.25], [1.0, 0.0]])
    table, classes, losses = np.array([[1.0, 2.0], [0.5, 0.0]]), np.array([0, 1]), []
    for a in (x.astype(kind), x.astype(np.float64)):
        losses.append([
            *(loss(a, target) for loss in (ops.mse_loss, ops.l1_loss, ops.huber_loss, ops.smooth_l1_loss, ops.kl_div)),
            ops.binary_cross_entropy(a, target), ops.binary_cross_entropy_with_logits(a, target),
            ops.sigmoid_focal_loss(a, target).sum(), ops.pinball_loss(a, target[0], [0.1, 0.9]),
            ops.linear_cross_entropy(a, table, classes),
        ])  # fmt: skip
    np.testing.assert_array_equal(*losses)
    for loss in (ops.mse_loss, ops.huber_loss):  # two arrays of integers: float32
        assert loss(x.astype(kind), x[::-1].astype(kind)).dtype == np.float32


def test_rotations_of_integers_are_those_of_the_same_floats():
    x = np.ones((1, 3, 4), np.int64)
    for turn in (lambda a: ops.rotary(a), lambda a: ops.rotary_qkv(np.tile(a, 3), 1)):
        np.testing.assert_array_equal(turn(x), turn(x.astype(np.float32)))
