"""One step a call of recurrent layers, and the packed weights that they keep."""

import pickle
import threading

import numpy as np
import pytest
from harness import isa
from recurrent_reference import parts, sample

from seqnn import Tensor, _core, nn, ops
from seqnn.autograd import check_finite, no_grad

KINDS = ["RNN", "LSTM", "GRU", "STLM"]
T, B, N, H = 6, 4, 3, 8


@pytest.mark.parametrize("options", [{}, {"residual": True, "learn_state": True, "layer_norm": True, "zoneout": 0.1}])
@pytest.mark.parametrize(
    ("kind", "own"),
    [
        *(("RNN", {"nonlinearity": name}) for name in ("tanh", "relu", "sigmoid")),
        *(("GRU", {"form": form}) for form in ("pytorch", "cho2014", "update")),
        *(("STLM", {"combine": combine}) for combine in ("concat", "sum", "two_gates")),
        ("LSTM", {}),
        ("LSTM", {"peepholes": True}),
        ("LSTM", {"proj_size": 5}),
    ],
)
@pytest.mark.parametrize("rows", [1, 3, 70])
@pytest.mark.parametrize("bias", [True, False])
def test_one_call_steps_through_a_stack(kind, own, options, rows, bias):
    options = {k: v for k, v in options.items() if k != "layer_norm" or own.get("form", "pytorch") == "pytorch"}
    layer = getattr(nn, kind)(N, 18, 2, bias=bias, **own, **options).eval()
    for name, parameter in layer.named_parameters():
        if name.startswith(("initial", "norm")):
            parameter.data[...] = sample(*parameter.shape, seed=len(name))
    x = sample(T, rows, N).astype(np.float32)
    now, outs = None, []
    for t in range(T):
        out, now = layer.step(x[t], now)
        outs.append(out)
    assert layer._bound is None
    packed, state = layer.packed_step(), layer.step(x[0])[1]
    for t in range(1, T):
        out, state = packed(x[t], state)
        np.testing.assert_array_equal(out, outs[t])
    layer.freeze()
    stream = None
    for t in range(T):
        out, stream = layer.step(x[t], stream)
        assert layer._bound
        np.testing.assert_array_equal(out, outs[t])
    for mine, other in zip(parts(stream), parts(now), strict=True):
        np.testing.assert_array_equal(mine, other)
    layer.unfreeze()
    for parameter in layer.parameters():
        parameter.data[...] *= 2
    assert (layer.step(x[0])[0] != outs[0]).any()
    with pytest.raises(TypeError, match="bidirectional"):
        getattr(nn, kind)(N, 18, bidirectional=True).packed_step()(x[0], None)


@pytest.mark.parametrize("kind", nn.Recurrent.kinds)
def test_weights_that_were_unfrozen_changed_and_frozen_again_are_packed_anew(kind):
    layer = nn.Recurrent.kinds[kind](N, H).eval()
    x = sample(T, B, N).astype(np.float32)
    layer.freeze()
    state = layer(x)[1]
    layer.step(x[0], state)
    layer.unfreeze()
    for parameter in layer.parameters():
        parameter.data[...] *= 2
    out, (stepped, _) = layer(x)[0].numpy(), layer.step(x[0], state)
    layer.freeze()
    np.testing.assert_array_equal(layer(x)[0].numpy(), out)
    np.testing.assert_array_equal(layer.step(x[0], state)[0], stepped)


def test_a_large_step_is_that_of_the_sequence():
    layer = nn.LSTM(200, 600).eval()
    layer.freeze()
    x = sample(2, 4, 200).astype(np.float32)
    first, state = layer.step(x[0])
    second, _ = layer.step(x[1], state)
    np.testing.assert_array_equal(np.stack([first, second]), layer(x)[0].numpy())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [False, True])
def test_steps_of_a_stream_are_the_sequence(kind, frozen):
    layer = getattr(nn, kind)(N, H, 2, residual=True, zoneout=0.1).eval()
    if frozen:
        layer.freeze()
    x = sample(T, B, N).astype(np.float32)
    out, state = layer(x)
    now = None
    for t in range(T):
        y, now = layer.step(x[t], now)
        np.testing.assert_array_equal(y, out.numpy()[t])
    for s, other in zip(parts(now), parts(state), strict=True):
        np.testing.assert_array_equal(s, other)
    alone = getattr(nn, kind)(N, H).eval()
    if frozen:
        alone.freeze()
    out_alone, _ = alone(x)
    now = None
    for t in range(T):
        y, now = alone.step(x[t], now)
        np.testing.assert_array_equal(y, out_alone.numpy()[t])
    wrong = tuple(np.concatenate([s, s]) for s in parts(now))
    with pytest.raises(ValueError, match="layers"):
        alone.step(x[0], wrong if len(wrong) > 1 else wrong[0])
    single, _ = layer.step(x[0, 0])
    np.testing.assert_allclose(single, out.numpy()[0, 0], rtol=1e-6)
    with pytest.raises(TypeError, match="bidirectional"):
        getattr(nn, kind)(N, H, bidirectional=True).step(x[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"batch_first": True}, {"residual": True, "dropout": 0.5}, *({"merge": m} for m in ("concat", "sum", "mean"))],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_frozen_layer_gives_the_numbers_of_one_that_learns(kind, options, dtype):
    layer = getattr(nn, kind)(H, H, 2, bidirectional="merge" in options, dtype=dtype, **options).eval()
    x = sample(T, B, H).astype(dtype).swapaxes(0, 1) if "batch_first" in options else sample(T, B, H).astype(dtype)
    out, state = layer(x)
    again = layer(x, state)
    layer.freeze()
    state = tuple(map(Tensor.detach, state)) if isinstance(state, tuple) else state.detach()
    for mine, (other, last) in ((layer(x), (out, state)), (layer(x, state), again)):
        assert layer._bound
        np.testing.assert_array_equal(mine[0].numpy(), other.numpy())
        assert mine[0].numpy().flags.c_contiguous == other.numpy().flags.c_contiguous
        for a, b in zip(parts(mine[1]), parts(last), strict=True):
            np.testing.assert_array_equal(a, b)
    with no_grad():
        np.testing.assert_array_equal(layer(x)[0].numpy(), out.numpy())


def test_a_frozen_layer_hands_on_gradients_and_sees_what_changes():
    layer, x = nn.RNN(N, H).eval(), sample(T, B, N).astype(np.float32)
    layer.freeze()
    out = layer(x)[0].numpy()
    given = Tensor(x, requires_grad=True)
    layer(given)[0].sum().backward()
    assert np.abs(given.grad).min() > 0
    state = Tensor(np.ones((1, B, H), np.float32), requires_grad=True)
    layer(x, state)[0].sum().backward()
    assert np.abs(state.grad).max() > 0
    layer.weight_hh_l0.requires_grad = True
    layer(x)[0].sum().backward()
    assert np.abs(layer.weight_hh_l0.grad).max() > 0
    layer.weight_hh_l0.requires_grad = False
    with pytest.raises(FloatingPointError), check_finite():
        layer(np.full_like(x, np.inf), np.full((1, B, H), np.nan, np.float32))
    layer.nonlinearity = "relu"
    assert (layer(x)[0].numpy() != out).any()
    np.testing.assert_array_equal(layer(x, lengths=[T] * B)[0].numpy(), layer(x)[0].numpy())


def test_a_kind_with_an_op_of_its_own_runs_that():
    def double(x, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, **options):
        return tuple(2 * part for part in ops.gru(x, h0, weight_ih, weight_hh, bias_ih, bias_hh, **options))

    class Doubled(nn.GRU):
        op = double

    layer = Doubled(N, H).eval()
    x = sample(T, B, N).astype(np.float32)
    out = layer(x)[0].numpy()
    layer.freeze()
    np.testing.assert_array_equal(layer(x)[0].numpy(), out)


def test_peepholes_and_packed_weights_are_kept_and_pickled():
    layer = nn.LSTM(N, H, peepholes=True)
    x = sample(T, B, N).astype(np.float32)
    out = layer.eval()(x)[0].numpy()
    layer.freeze()
    np.testing.assert_array_equal(layer(x)[0].numpy(), out)
    assert layer._packed
    copy = pickle.loads(pickle.dumps(layer))
    assert not copy._packed
    np.testing.assert_array_equal(copy(x)[0].numpy(), out)
    layer.unfreeze()
    layer.weight_hh_l0.data[...] = 0
    assert (layer(x)[0].numpy() != out).any()


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_layers_go_on_while_another_thread_changes_the_instruction_set(kind):
    sets = _core.available_isas()
    if len(sets) < 2:
        pytest.skip("one instruction set")
    layer = getattr(nn, kind)(N, H, 2).eval()
    layer.freeze()
    x = sample(T, B, N).astype(np.float32)
    expected, state = layer(x)
    before, stop = _core.get_isa(), threading.Event()

    def change():
        while not stop.is_set():
            for name in sets:
                _core.set_isa(name)

    other = threading.Thread(target=change)
    other.start()
    try:
        for _ in range(300):
            np.testing.assert_allclose(layer(x)[0].numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
            layer.step(x[0], state)
    finally:
        stop.set()
        other.join()
        _core.set_isa(before)


def test_weights_packed_for_another_instruction_set_are_an_error_of_direct_calls():
    sets = _core.available_isas()
    if len(sets) < 2:
        pytest.skip("one instruction set")
    x, weights = np.ones((T, B, N), np.float32), (np.ones((H, N), np.float32), np.ones((H, H), np.float32))
    with isa(sets[0]):
        packed = _core.rnn_pack(*weights)
    with isa(sets[-1]), pytest.raises(ValueError, match="another instruction set: pack them again"):
        ops.rnn(x, None, *weights, packed=packed)
