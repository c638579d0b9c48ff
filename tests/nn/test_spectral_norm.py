"""Spectral norm: the numbers are PyTorch's, and layers stay what they were for copies, files and freezing."""

import copy
import pickle

import numpy as np
import pytest

from seqnn import nn, ops, optim, random
from seqnn.autograd import Tensor, gradcheck

DRAW = np.random.default_rng(0)
LAYERS = {
    "linear": (lambda kit: kit.Linear(5, 4), (3, 5)),
    "convolution": (lambda kit: kit.Conv2d(3, 4, 3, padding=1), (2, 3, 6, 6)),
    "transposed": (lambda kit: kit.ConvTranspose2d(3, 4, 4, stride=2, padding=1), (2, 3, 5, 5)),
}


def made(name, dtype=np.float32, **options):
    with random.seeded(1):
        return nn.spectral_norm(LAYERS[name][0](nn).to(dtype), **options)


def matrix(layer):
    weight = layer.weight.numpy()
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


@pytest.mark.parametrize("name", LAYERS)
def test_numbers_and_keys_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    other = torch.nn.utils.parametrizations.spectral_norm(make(torch.nn))
    layer = made(name)
    layer.load_state_dict(other.state_dict())
    assert list(layer.state_dict()) == list(other.state_dict())
    x = DRAW.standard_normal(shape).astype(np.float32)
    for _ in range(3):
        given = torch.tensor(x, requires_grad=True)
        expected = other(given)
        expected.square().sum().backward()
        (layer(x) ** 2).sum().backward()
        theirs = other.parametrizations.weight
        np.testing.assert_allclose(
            layer.parametrizations["weight"].original.grad, theirs.original.grad, rtol=1e-4, atol=1e-5
        )
    for key, array in layer.state_dict().items():
        np.testing.assert_allclose(array, other.state_dict()[key], atol=1e-6)
    np.testing.assert_allclose(layer.eval()(x).numpy(), other.eval()(given).detach(), atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_the_largest_singular_value_becomes_one(name):
    layer = made(name, n_power_iterations=200)
    layer(np.zeros(LAYERS[name][1], np.float32))
    assert np.linalg.norm(matrix(layer), 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_is_that_of_the_weight_with_constant_vectors(name):
    layer = made(name, np.float64).eval()
    weight, x = layer.parametrizations["weight"].original, DRAW.standard_normal(LAYERS[name][1])

    def output(array):
        changed = copy.deepcopy(layer)
        changed.parametrizations["weight"].original.data = array.data
        return changed(x).sum()

    (layer(x).sum()).backward()
    direction = DRAW.standard_normal(weight.shape)
    step = 1e-6
    ends = [output(Tensor(weight.data + side * step * direction)).item() for side in (1, -1)]
    assert (weight.grad * direction).sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_a_call_in_evaluation_mode_changes_nothing():
    layer = made("linear").eval()
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    first = layer(np.ones((2, 5), np.float32)).numpy()
    np.testing.assert_array_equal(layer(np.ones((2, 5), np.float32)).numpy(), first)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_copies_pickles_and_frozen_layers_compute_the_same():
    layer, x = made("convolution"), np.ones((1, 3, 6, 6), np.float32)
    layer(x)
    expected = layer.eval()(x).numpy()
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(again(x).numpy(), expected)
        assert type(again) is type(layer) and isinstance(again, nn.Conv2d)
        again.freeze()
        np.testing.assert_array_equal(again(x).numpy(), expected)
    assert layer.to(np.float64)(x.astype(np.float64)).dtype == np.float64


def test_a_state_without_the_layer_can_be_loaded_where_that_is_allowed():
    model = nn.Sequential(made("linear"), made("linear"))
    state = {name: array for name, array in model.state_dict().items() if name.startswith("0.")}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert missing == [name for name in model.state_dict() if name.startswith("1.")]
    with pytest.raises(ValueError, match=r"missing keys: 1.bias, 1.parametrizations.weight.original"):
        model.load_state_dict(state)


def test_two_calls_before_one_backward_give_the_sum_of_their_gradients():
    layer, x = made("linear", np.float64), DRAW.standard_normal((2, 3, 5))
    both = copy.deepcopy(layer)
    (both(x[0]).sum() + both(x[1]).sum()).backward()
    for rows in x:
        layer(rows).sum().backward()
    theirs, mine = (net.parametrizations["weight"].original.grad for net in (both, layer))
    np.testing.assert_allclose(theirs, mine, rtol=1e-12)


def test_it_is_found_and_learnt_by_an_optimiser():
    model = nn.Sequential(made("linear"), nn.ReLU(), nn.Linear(4, 1))
    assert "0.parametrizations.weight.original" in dict(model.named_parameters())
    before = model[0].weight.numpy().copy()
    model(np.ones((3, 5), np.float32)).sum().backward()
    optim.SGD(model.parameters(), lr=0.1).step()
    assert np.abs(model[0].weight.numpy() - before).max() > 1e-4


def test_weights_of_recurrent_layers_can_be_normalised():
    with random.seeded(0):
        layer = nn.spectral_norm(nn.LSTM(3, 4), "weight_hh_l0", n_power_iterations=30)
    outputs, _ = layer(np.ones((2, 5, 3), np.float32))
    assert outputs.shape == (2, 5, 4)
    assert np.linalg.norm(layer.weight_hh_l0.numpy(), 2) == pytest.approx(1, abs=1e-4)


def test_a_weight_of_zeros_stays_finite_and_learns():
    layer = nn.Linear(5, 4, bias=False)
    nn.init.zeros_(layer.weight)
    layer = nn.spectral_norm(layer)
    x = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), np.zeros((6, 4), np.float32))
    for _ in range(20):
        ops.mse_loss(layer(x), np.ones((6, 4), np.float32)).backward()
        optim.SGD(layer.parameters(), lr=0.1).step()
    assert np.linalg.norm(layer.weight.numpy(), 2) == pytest.approx(1, abs=0.01)
    assert np.abs(layer.parametrizations.weight.original.data).max() > 0


def test_a_computed_weight_cannot_be_set_in_silence():
    layer = made("linear")
    with pytest.raises(AttributeError, match=r"Linear.weight is computed: set parametrizations.weight.original.data"):
        layer.weight = nn.Parameter(np.ones((4, 5), np.float32))
    with pytest.raises(ValueError, match="read-only"):
        nn.init.zeros_(layer.weight)
    with pytest.raises(AttributeError, match="Linear has no attribute 'wieght'"):
        _ = layer.wieght


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3,), TypeError, "module: expected an nn.Module, got int"),
        (
            (nn.Linear(2, 3), "weigth"),
            ValueError,
            r"name: expected a parameter of Linear, one of \['weight', 'bias'\], got",
        ),
        ((nn.Linear(2, 3), "bias"), ValueError, r"name: expected a weight of two axes or more, 'bias' has shape \[3\]"),
        ((nn.Linear(2, 0),), ValueError, r"name: expected a weight with elements, 'weight' has shape \[0, 2\]"),
        ((nn.spectral_norm(nn.Linear(2, 3)),), ValueError, "name: 'weight' of Linear has a spectral norm already"),
        ((nn.Linear(2, 3), "weight", 0), ValueError, "n_power_iterations: expected an integer >= 1, got 0"),
        ((nn.Linear(2, 3), "weight", 1, -1.0), ValueError, "eps: expected a finite number >= 0, got -1.0"),
        ((nn.Linear(2, 3), "weight", 1, 1e-12, 2), ValueError, "dim: expected at most 1, got 2"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.spectral_norm(*arguments)


def test_a_reversed_gradient_has_the_other_sign_and_its_scale():
    x = Tensor(DRAW.standard_normal((3, 4)), requires_grad=True)
    layer = nn.GradientReversal(0.5)
    out = layer(x)
    np.testing.assert_array_equal(out.numpy(), x.numpy())
    (out**2).sum().backward()
    np.testing.assert_allclose(x.grad, -0.5 * 2 * x.numpy())
    with pytest.raises(AssertionError):  # it is no derivative of what it computes
        gradcheck(layer, x.numpy())
    with pytest.raises(ValueError, match="GradientReversal: scale: expected a finite number >= 0, got -1"):
        nn.GradientReversal(-1)
