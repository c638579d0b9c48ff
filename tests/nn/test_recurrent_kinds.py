"""A recurrent kind is one declaration: what registers it is all that layers, cells, streams and models need."""

import inspect

import numpy as np
import pytest
from recurrent_reference import parts, sample

from seqnn import Tensor, _core, diagnose, models, nn, ops
from seqnn._settings import Choice, Number
from seqnn.autograd import gradcheck

T, B, N, H = 6, 4, 3, 5
LENGTHS = [3, 6, 0, 1]


def leaky(
    x, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, leak=0.5, lengths=None, reverse=False, batch_first=False
):  # fmt: skip
    """h = leak h + (1 - leak) tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), made of other ops."""
    x = x.swapaxes(0, 1) if batch_first else x
    steps, rows, _ = x.shape
    h = np.zeros((rows, weight_hh.shape[1]), x.dtype) if h0 is None else h0
    lengths, outs = np.full(rows, steps) if lengths is None else np.asarray(lengths), [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        runs = (t < lengths)[:, None]
        gate = ops.linear(ops.where(runs, x[t], 0), weight_ih, bias_ih) + ops.linear(h, weight_hh, bias_hh)
        h = ops.where(runs, leak * h + (1 - leak) * ops.tanh(gate), h)
        outs[t] = ops.where(runs, h, 0)
    out = ops.stack(outs)
    return out.swapaxes(0, 1) if batch_first else out, h


FORMS = {"weak": "pytorch", "strong": "update"}


def renamed(
    x, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, norm=None, *, strength="weak", **options
):  # fmt: skip
    """A GRU under another name."""
    return ops.gru(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, norm, form=FORMS[strength], **options)


def renamed_step(x, h, packed, bias_ih, bias_hh, norm, strength, zoneout, residual):
    return _core.gru_step(x, h, packed, bias_ih, bias_hh, norm, FORMS[strength], zoneout, residual)


@pytest.fixture(params=["leaky", "renamed"])
def kind(request):
    """(layer, cell, settings of its own) of a kind that exists during one test: one made of ops, one with kernels."""
    if request.param == "leaky":

        class Layer(nn.Recurrent):
            kind, op = "leaky", leaky
            leak = Number(0.5, minimum=0, maximum=1)
    else:

        class Layer(nn.Recurrent):
            kind, gates, norm_gates = "renamed", 3, 4
            op, pack, stream = renamed, _core.gru_pack, renamed_step
            strength = Choice("weak", ("weak", "strong"))

    class Cell(nn.RecurrentCell, layer=Layer):
        pass

    yield Layer, Cell, {"leak": 0.25} if request.param == "leaky" else {"strength": "strong"}
    del nn.Recurrent.kinds[request.param]


def test_its_settings_are_arguments_of_the_layer_and_of_the_cell(kind):
    layer, cell, own = kind
    (name, value), *_ = own.items()
    for made in (layer(N, H, **own), cell(N, H, **own)):
        assert getattr(made, name) == value and f"{name}={value!r}" in repr(made)
        assert name in inspect.signature(type(made)).parameters
    for made in (layer, cell):
        with pytest.raises((ValueError, TypeError), match=f"{made.__name__}: {name}: expected"):
            made(N, H, **{name: "else"})
        with pytest.raises(TypeError, match="no argument 'other'"):
            made(N, H, other=1)


def test_a_padded_batch_is_its_sequences_one_by_one(kind):
    layer, _, own = kind
    stack = layer(N, H, 2, bidirectional=True, batch_first=True, dtype=np.float64, **own)
    x = sample(B, T, N)
    x[0, 3:] = np.nan
    out, state = stack(x, lengths=LENGTHS)
    assert out.shape == (B, T, 2 * H) and state.shape == (4, B, H)
    for b, length in enumerate(LENGTHS):
        if length:
            alone, last = stack(x[b, :length])
            np.testing.assert_allclose(out.numpy()[b, :length], alone.numpy(), atol=1e-12)
            np.testing.assert_allclose(state.numpy()[:, b], last.numpy(), atol=1e-12)
        assert not out.numpy()[b, length:].any()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_stream_and_a_cell_do_the_steps_of_the_sequence(kind, frozen):
    layer, cell, own = kind
    one, stack = layer(N, H, **own), layer(N, H, 2, residual=True, **own).eval()
    step = cell(N, H, **own)
    step.load_state_dict({name.removesuffix("_l0"): value for name, value in one.state_dict().items()})
    if frozen:
        stack.freeze()
    x = sample(T, B, N).astype(np.float32)
    (out, last), (outs, _) = one(x), stack(x)
    now = state = None
    for t in range(T):
        now = step(x[t], now)
        np.testing.assert_allclose(now.numpy(), out.numpy()[t], rtol=1e-6, atol=1e-6)
        y, state = stack.step(x[t], state)
        np.testing.assert_allclose(y, outs.numpy()[t], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(parts(now)[0], parts(last)[0][0], rtol=1e-6, atol=1e-6)
    assert bool(stack._bound) == (frozen and layer.stream is not None)


def test_its_gradients_are_those_of_central_differences(kind):
    layer, _, own = kind
    stack = layer(N, 3, 2, bidirectional=True, dtype=np.float64, **own)
    gradcheck(lambda x: stack(x, lengths=LENGTHS)[0], sample(T, B, N))
    out = stack(sample(T, B, N), lengths=LENGTHS)[0]
    (out * sample(*out.shape, seed=1)).sum().backward()
    for parameter in stack.parameters():
        index = tuple(n // 2 for n in parameter.shape)
        before, found, step = parameter.data[index], [], 1e-6
        for value in (before + step, before - step):
            parameter.data[index] = value
            moved = stack(sample(T, B, N), lengths=LENGTHS)[0]
            found.append((moved.numpy() * sample(*out.shape, seed=1)).sum())
        parameter.data[index] = before
        np.testing.assert_allclose(parameter.grad[index], (found[0] - found[1]) / (2 * step), rtol=1e-5, atol=1e-7)


def test_models_and_diagnose_know_it(kind):
    layer, cell, own = kind
    name = layer.kind
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((n, 2)) + (n % 2) for n in rng.integers(3, 9, 40)]
    y = np.array([len(s) % 2 for s in x])
    model = models.SequenceClassifier(cell=name, hidden_size=8, max_iter=15, learning_rate=0.02, validation_fraction=0)
    assert model.fit(x, y).score(x, y) > 0.9
    series = np.sin(np.arange(80) / 3)
    forecaster = models.RecurrentForecaster(8, cell=name, hidden_size=6, max_iter=3).fit(series)
    assert forecaster.predict(4).shape == (4,)
    with pytest.raises(ValueError, match=f"stlm, {name}, got 'other'"):
        models.SequenceClassifier(cell="other").fit(x, y)
    for net in (layer(2, 3, **own), cell(2, 3, **own)):
        found = diagnose.time_jacobians(net, rng.standard_normal((2, 5, 2)).astype(np.float32))
        assert found.products.shape == (5, 2)


def test_options_that_the_op_has_work_in_its_layer():
    class Layer(nn.Recurrent):
        kind, gates, norm_gates = "renamed", 3, 4
        op, pack, stream = renamed, _core.gru_pack, renamed_step

    try:
        stack = Layer(N, H, 2, layer_norm=True, learn_state=True, zoneout=0.2, recurrent_dropout=0.3, input_dropout=0.3)
        plain = nn.GRU(N, H, 2, layer_norm=True, learn_state=True, zoneout=0.2)
        plain.load_state_dict(stack.state_dict())
        x = Tensor(sample(T, B, N).astype(np.float32), requires_grad=True)
        stack(x)[0].sum().backward()
        assert np.isfinite(x.grad).all() and all(p.grad is not None for p in stack.parameters())
        np.testing.assert_array_equal(stack.eval()(x)[0].numpy(), plain.eval()(x)[0].numpy())
    finally:
        del nn.Recurrent.kinds["renamed"]


def test_a_kind_has_one_layer():
    with pytest.raises(ValueError, match="the kind 'gru' is that of GRU already"):

        class Other(nn.Recurrent):
            kind, op = "gru", ops.gru

    class Mine(nn.GRU):
        """A GRU of my own needs no kind of its own."""

    assert nn.Recurrent.kinds["gru"] is nn.GRU and Mine(N, H)(np.ones((T, B, N), np.float32))[0].shape == (T, B, H)
