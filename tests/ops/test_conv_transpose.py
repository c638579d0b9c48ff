"""Transposed convolutions against their definition, the convolution whose gradient they are, and PyTorch."""

import numpy as np
import pytest
from harness import check_gradient, each_isa, each_team

from seqnn import Tensor, nn, ops

CASES = {
    "plain": ((2, 3, 5), (3, 4, 3), {}),
    "one dimension, output padding": ((2, 3, 5), (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    "groups": (
        (2, 4, 5, 6),
        (4, 3, 3, 2),
        {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "groups": 2},
    ),
    "stride beyond the window": ((2, 4, 5, 6), (4, 1, 3, 2), {"stride": (4, 5), "groups": 4}),
    "dilation": ((1, 2, 4, 3), (2, 3, 3, 2), {"dilation": 3, "output_padding": 2, "padding": 2}),
    "small images side by side": ((17, 32, 3, 2), (32, 20, 4, 4), {"stride": 2, "padding": 1}),
    "one pixel": ((20, 30, 1, 1), (30, 9, 4, 4), {}),
}


def arrays(name):
    shape, window, options = CASES[name]
    rng = np.random.default_rng(len(name))
    bias = rng.standard_normal(window[1] * options.get("groups", 1))
    return rng.standard_normal(shape), rng.standard_normal(window), bias, options


def function(x):
    return ops.conv_transpose1d if x.ndim == 3 else ops.conv_transpose2d


def definition(x, weight, bias, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Adds the window of every element, then cuts the padding off."""
    axes = x.ndim - 2
    stride, padding, more, dilation = (np.broadcast_to(a, axes) for a in (stride, padding, output_padding, dilation))
    sizes = (np.array(x.shape[2:]) - 1) * stride + dilation * (np.array(weight.shape[2:]) - 1) + 1 + more
    y = np.zeros((len(x), weight.shape[1] * groups, *sizes))
    ins, outs = x.shape[1] // groups, weight.shape[1]
    for g in range(groups):
        xs, ws = x[:, g * ins : (g + 1) * ins], weight[g * ins : (g + 1) * ins]
        for tap in np.ndindex(*weight.shape[2:]):
            at = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, s, n in zip(tap, dilation, stride, x.shape[2:], strict=True)
            )
            y[(slice(None), slice(g * outs, (g + 1) * outs), *at)] += np.einsum(
                "ni...,io->no...", xs, ws[(slice(None), slice(None), *tap)]
            )
    inside = tuple(slice(p, n - p) for p, n in zip(padding, sizes, strict=True))
    return y[(..., *inside)] + bias.reshape(-1, *(1,) * axes)


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_definition_for_any_team_and_instruction_set(name):
    x, weight, bias, options = arrays(name)
    expected = definition(x, weight, bias, **options)
    for _ in each_isa():
        found = {function(x)(x, weight, bias, **options).tobytes() for _ in each_team()}
        assert len(found) == 1
        y = np.frombuffer(found.pop()).reshape(expected.shape)
        np.testing.assert_allclose(y, expected, atol=1e-11)


@pytest.mark.parametrize("name", [name for name in CASES if "small" not in name and name != "one pixel"])
def test_gradients_are_exact(name):
    x, weight, bias, options = arrays(name)
    check_gradient(lambda *a: function(x)(*a, **options), x, weight, bias)


def test_it_is_the_gradient_of_the_input_of_a_convolution():
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((2, 3, 8, 9)), requires_grad=True)
    weight, options = rng.standard_normal((5, 3, 3, 2)), {"stride": (2, 1), "padding": 1}
    grad = rng.standard_normal(ops.conv2d(x, weight, **options).shape)
    ops.conv2d(x, weight, **options).backward(grad)
    y = ops.conv_transpose2d(grad, weight, output_padding=(1, 0), **options)
    np.testing.assert_allclose(y, x.grad, atol=1e-12)


def test_a_single_sample_needs_no_batch_axis():
    x, weight, bias, options = arrays("groups")
    y = ops.conv_transpose2d(x, weight, bias, **options)
    np.testing.assert_allclose(ops.conv_transpose2d(x[0], weight, bias, **options), y[0], atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    *given, options = arrays(name)
    mine = [Tensor(a, requires_grad=True) for a in given]
    theirs = [torch.tensor(a, requires_grad=True) for a in given]
    y = function(given[0])(*mine, **options)
    z = getattr(torch.nn.functional, f"conv_transpose{given[0].ndim - 2}d")(*theirs, **options)
    np.testing.assert_allclose(y.data, z.detach().numpy(), atol=1e-11)
    grad = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(grad)
    z.backward(torch.tensor(grad))
    for m, t in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(m.grad, t.grad.numpy(), atol=1e-11)


def test_the_layer_reaches_any_size_that_its_stride_leaves_open():
    layer = nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, groups=1)
    x = np.ones((2, 3, 5, 6), np.float32)
    assert layer(x).shape == (2, 4, 9, 11)
    assert layer(x, output_size=(10, 11)).shape == (2, 4, 10, 11)
    with pytest.raises(ValueError, match=r"ConvTranspose2d: output_size must lie between \[9, 11\] and \[10, 12\]"):
        layer(x, output_size=(11, 11))
    assert nn.ConvTranspose1d(4, 6, 3, stride=2)(np.ones((1, 4, 5), np.float32), output_size=12).shape == (1, 6, 12)
    with pytest.raises(ValueError, match=r"output_size is \(10\.5, 10\), expected an integer or 2 of them, at least 1"):
        layer(x, output_size=(10.5, 10))
    text = "ConvTranspose2d(3, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))"
    assert repr(layer) == text
    assert layer.weight.shape == (3, 4, 3, 3)


X, W = np.ones((2, 4, 5)), np.ones((4, 3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ops.conv_transpose1d(np.ones((2, 3)), W),
            r"conv_transpose1d: x has shape \(2, 3\), expected \[N, I, L\]",
        ),
        (lambda: ops.conv_transpose2d(X[..., None], W), r"conv_transpose2d: weight has shape \(4, 3, 2\)"),
        (lambda: ops.conv_transpose1d(X, W[:3]), r"weight has shape \(3, 3, 2\), expected \[I = 4 as x has"),
        (lambda: ops.conv_transpose1d(X, W, groups=3), "a multiple of groups=3"),
        (lambda: ops.conv_transpose1d(X, W, np.ones(2)), r"bias has shape \(2,\), expected \(3,\)"),
        (lambda: ops.conv_transpose1d(X, W, padding=3), r"with padding=\[3\] would give \[0\], expected at least one"),
        (
            lambda: ops.conv_transpose1d(X, W, stride=2, output_padding=2),
            r"smaller than stride=.* or dilation=.*, got 2",
        ),
        (lambda: ops.conv_transpose1d(X, W, stride=0), "stride is 0, expected an integer"),
        (lambda: ops.conv_transpose1d(X[:, :, :0], W), "at least one element on each axis"),
        (lambda: nn.ConvTranspose1d(4, 6, 3, groups=5), "must be multiples of groups=5"),
        (lambda: nn.ConvTranspose1d(4, 6, 3, padding="same"), "padding is 'same', expected an integer"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
