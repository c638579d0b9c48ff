"""Recurrent layers: stacks, directions, lengths, state and PyTorch's numbers."""

import inspect
import types
import typing

import numpy as np
import pytest
from recurrent_reference import parts, sample

from seqnn import Tensor, _core, nn
from seqnn.autograd import no_grad
from seqnn.nn._recurrent import RecurrentOptions

KINDS = ["RNN", "LSTM", "GRU", "STLM"]
T, B, N, H = 6, 4, 3, 8
LENGTHS = [3, 6, 0, 1]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, [3, 6, 2, 1]])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_outputs_and_gradients_are_those_of_torch(kind, layers, bidirectional, lengths, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours = getattr(nn, kind)(N, H, layers, bidirectional=bidirectional, dtype=dtype)
    theirs = getattr(torch.nn, kind)(N, H, layers, bidirectional=bidirectional).to(getattr(torch, np.dtype(dtype).name))
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = sample(T, B, N).astype(dtype)
    x_ours, x_theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, state = ours(x_ours, lengths=lengths)
    packing = torch.nn.utils.rnn
    given = packing.pack_padded_sequence(x_theirs, torch.tensor(lengths), enforce_sorted=False) if lengths else x_theirs
    out_theirs, state_theirs = theirs(given)
    if lengths:
        out_theirs, _ = packing.pad_packed_sequence(out_theirs, total_length=T)
    (out * out).sum().backward()
    (out_theirs * out_theirs).sum().backward()
    pairs = [(out.numpy(), out_theirs), (x_ours.grad, x_theirs.grad)]
    state_theirs = state_theirs if isinstance(state_theirs, tuple) else (state_theirs,)
    pairs += zip(parts(state), state_theirs, strict=True)
    pairs += [(p.grad, q.grad) for (_, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True)]
    for mine, other in pairs:
        other = other.detach().numpy()
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance * max(1, abs(other).max()))


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # torch says that oneDNN has none
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_projections_are_those_of_torch(bidirectional, dtype, tolerance):
    torch = pytest.importorskip("torch")
    options = {"num_layers": 2, "proj_size": 5, "bidirectional": bidirectional}
    ours, theirs = nn.LSTM(N, H, **options, dtype=dtype), torch.nn.LSTM(N, H, **options)
    theirs = theirs.to(getattr(torch, np.dtype(dtype).name))
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = sample(T, B, N).astype(dtype)
    x_ours, x_theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    (out, state), (out_theirs, state_theirs) = ours(x_ours), theirs(x_theirs)
    (out * out).sum().backward()
    (out_theirs * out_theirs).sum().backward()
    pairs = [(out.numpy(), out_theirs), (x_ours.grad, x_theirs.grad), *zip(parts(state), state_theirs, strict=True)]
    pairs += [(p.grad, q.grad) for (_, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True)]
    for mine, other in pairs:
        other = other.detach().numpy()
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance * max(1, abs(other).max()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_padded_batch_is_its_sequences_one_by_one(kind, bidirectional):
    layer = getattr(nn, kind)(N, H, 2, bidirectional=bidirectional, dtype=np.float64)
    x = sample(T, B, N)
    x[3:, 0] = np.nan  # padding is not read
    out, state = layer(x, lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        alone, last = layer(x[:length, b])
        np.testing.assert_allclose(out.numpy()[:length, b], alone.numpy(), atol=1e-12)
        assert not out.numpy()[length:, b].any()
        for s, other in zip(parts(state), parts(last), strict=True):
            np.testing.assert_allclose(s[:, b], other, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "units"), [(1, 256), (2, 200), (7, 30)])
@pytest.mark.parametrize("unequal", [False, True])
def test_numbers_do_not_depend_on_how_threads_share_units_and_sequences(kind, rows, units, unequal):
    layer, x = getattr(nn, kind)(5, units, bidirectional=True), sample(150, rows, 5).astype(np.float32)
    lengths = np.arange(1, rows + 1) * 150 // rows - 3 if unequal else None
    found = []
    try:
        for team in (1, 2, 3):
            _core.force_team(team)
            layer.zero_grad()
            given = Tensor(x, requires_grad=True)
            out, state = layer.train()(given, lengths=lengths)
            out.sum().backward()
            gradients = [given.grad, *(p.grad for p in layer.parameters())]
            with no_grad():
                again, last = layer.eval()(x, lengths=lengths)
            found.append([out.numpy(), *parts(state), *gradients, again.numpy(), *parts(last)])
    finally:
        _core.force_team(0)
    for others in found[1:]:
        for mine, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("kind", KINDS)
def test_batch_first_is_the_same_in_another_layout(kind):
    layer = getattr(nn, kind)(N, H, 2, bidirectional=True)
    other = getattr(nn, kind)(N, H, 2, bidirectional=True, batch_first=True)
    other.load_state_dict(layer.state_dict())
    x = sample(T, B, N).astype(np.float32)
    grads = []
    for net, given in ((layer, x), (other, x.swapaxes(0, 1))):
        given = Tensor(given, requires_grad=True)
        out, _ = net(given, lengths=LENGTHS)
        (out * out).sum().backward()
        grads.append((out.numpy(), given.grad))
    for first, second in zip(*grads, strict=True):
        np.testing.assert_array_equal(first, second.swapaxes(0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_carried_state_goes_on_where_it_was(kind):
    layer = getattr(nn, kind)(N, H, 2)
    x = sample(T, B, N).astype(np.float32)
    out, _ = layer(x)
    first, state = layer(x[:2])
    second, _ = layer(x[2:], state)
    np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()]), out.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_a_step_of_the_layer(kind):
    layer, cell = getattr(nn, kind)(N, H), getattr(nn, kind + "Cell")(N, H)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = sample(B, N).astype(np.float32)
    _, state = layer(x[None])
    _, state = layer(x[None], state)
    now = cell(x, cell(x))
    for s, other in zip(parts(now), parts(state), strict=True):
        np.testing.assert_array_equal(s, other[0])
    assert parts(cell(x[0]))[0].shape == (H,)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_in_its_row(kind):
    layer = getattr(nn, kind)(N, H, bidirectional=True)
    x = sample(T, B, N).astype(np.float32)
    clean, _ = layer(x)
    x[2, 1] = np.nan
    dirty, _ = layer(x)
    others = [0, 2, 3]
    np.testing.assert_array_equal(clean.numpy()[:, others], dirty.numpy()[:, others])
    assert np.isnan(dirty.numpy()[2:, 1]).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, B, N), (T, 0, N)])
def test_nothing_to_do_returns_the_initial_state(kind, shape):
    layer = getattr(nn, kind)(N, H)
    x = Tensor(np.zeros(shape, np.float32), requires_grad=True)
    _, state = layer(np.zeros((1, shape[1], N), np.float32))
    given = tuple(Tensor(np.ones(s.shape, np.float32), requires_grad=True) for s in parts(state))
    out, after = layer(x, given if len(given) > 1 else given[0])
    assert out.shape == (*shape[:2], H)
    after = after if isinstance(after, tuple) else (after,)
    for s in after if shape[0] == 0 else ():
        np.testing.assert_array_equal(s.numpy(), 1)
    (sum((s * 3).sum() for s in after) + out.sum()).backward()
    for s in given:
        np.testing.assert_array_equal(s.grad, np.full(s.shape, 3))


def test_merging_residuals_and_learnt_states():
    x = sample(T, B, H).astype(np.float32)
    both = nn.LSTM(H, H, bidirectional=True)
    out = both(x)[0].numpy()
    for merge, expected in (("sum", out[..., :H] + out[..., H:]), ("mean", (out[..., :H] + out[..., H:]) / 2)):
        layer = nn.LSTM(H, H, bidirectional=True, merge=merge)
        layer.load_state_dict(both.state_dict())
        np.testing.assert_allclose(layer(x)[0].numpy(), expected, atol=1e-6)
    plain, residual = nn.GRU(H, H, 2), nn.GRU(H, H, 2, residual=True)
    residual.load_state_dict(plain.state_dict())
    first = nn.GRU(H, H)
    first.load_state_dict({k: v for k, v in plain.state_dict().items() if k.endswith("l0")})
    np.testing.assert_allclose(residual(x)[0].numpy(), plain(x)[0].numpy() + first(x)[0].numpy(), atol=1e-6)
    learnt = nn.LSTM(H, H, learn_state=True)
    learnt.initial_c_l0.data[...] = 1
    (learnt(x)[0] * 1.0).sum().backward()
    assert abs(learnt.initial_h_l0.grad).max() > 0 and learnt.initial_c_l0.grad.shape == (H,)
    state = tuple(np.broadcast_to(v, (1, B, H)).astype(np.float32) for v in (0, 1))
    np.testing.assert_array_equal(learnt(x)[0].numpy(), learnt(x, state)[0].numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_options_that_draw_do_so_in_training_only(kind):
    options = {"dropout": 0.5, "input_dropout": 0.5, "recurrent_dropout": 0.5, "zoneout": 0.2, "layer_norm": True}
    layer = getattr(nn, kind)(N, H, 2, **options)
    x = sample(T, B, N).astype(np.float32)
    assert (layer(x)[0].numpy() != layer(x)[0].numpy()).any()
    layer(x)[0].sum().backward()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())


def test_bad_input_says_what_was_expected():
    layer = nn.LSTM(N, H, 2)
    x = np.zeros((T, B, N), np.float32)
    good = np.zeros((2, B, H), np.float32)
    for state, message in (
        ((good[:1], good), "expected .2, 4, 8"),
        ((good, good[:, :, :3]), "expected .2, 4, 8"),
        ((good[:, :2], good), "expected .2, 4, 8"),
        (good, "state has 1 parts"),
    ):
        with pytest.raises(ValueError, match=message):
            layer(x, state)
    with pytest.raises(ValueError, match="input_size=3"):
        layer(x[..., :2])
    for lengths in ([1] * 3, [1, 2, 3, 7], [-1, 1, 1, 1]):
        with pytest.raises(ValueError, match="lengths"):
            layer(x, lengths=lengths)
    for size in (-1, H):
        with pytest.raises(ValueError, match="proj_size must be in"):
            nn.LSTM(N, H, proj_size=size)
    with pytest.raises(ValueError, match="even"):
        nn.STLM(N, 5)
    with pytest.raises(ValueError, match="merge"):
        nn.LSTM(N, H, merge="max")
    with pytest.raises(ValueError, match="zoneout"):
        nn.LSTM(N, H, zoneout=2.0)
    with pytest.raises(ValueError, match="hidden_size"):
        nn.GRU(N, 0)
    layer.weight_hh_l0.data = np.zeros((4 * H, H + 1), np.float32)
    with pytest.raises(ValueError, match="weight_hh"):
        layer(x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["int32", "bool", "float16", ">f4", "list", "Tensor of int64"])
def test_input_becomes_the_weights_kind_of_numbers(kind, change):
    layer, cell = getattr(nn, kind)(N, H, 2, input_dropout=0.0), getattr(nn, kind + "Cell")(N, H)
    x = (sample(T, B, N) > 0).astype(np.float32)
    given = {"list": x.tolist(), "Tensor of int64": Tensor(x.astype(np.int64))}.get(change)
    given = x.astype(change) if given is None else given
    np.testing.assert_array_equal(layer(given)[0].numpy(), layer(x)[0].numpy())
    step = given[0]
    np.testing.assert_array_equal(layer.step(step)[0], layer.step(x[0])[0])
    np.testing.assert_array_equal(parts(cell(step))[0], parts(cell(x[0]))[0])
    assert layer(given)[0].numpy().dtype == np.float32
    if change != ">f4":
        assert layer.to(np.float64)(given)[0].numpy().dtype == np.float64


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_what_the_user_gave(kind):
    layer, cell = getattr(nn, kind)(N, H), getattr(nn, kind + "Cell")(N, H)
    x = sample(T, B, N)
    right = x.astype(np.float32)
    _, state = layer(right)
    wide = tuple(s.astype(np.float64) for s in parts(state))
    wide = wide if len(wide) > 1 else wide[0]
    for call in (
        lambda: layer(x),
        lambda: layer(Tensor(x)),
        lambda: layer.step(x[0]),
        lambda: cell(x[0]),
        lambda: layer.eval().step(x[0], state),
    ):
        with pytest.raises(TypeError, match="x is float64 but the weights are float32: convert one") as raised:
            call()
        assert "signature" not in str(raised.value)
    for call in (lambda: layer(right, wide), lambda: layer.step(right[0], wide)):
        with pytest.raises(TypeError, match="state h is float64 but the weights are float32"):
            call()
    with pytest.raises(ValueError, match=r"state h has shape \(5, 8\), expected \(4, 8\): batch, size"):
        cell(
            right[0],
            parts(state)[0][0][[0] * 5] if len(parts(state)) == 1 else tuple(s[0][[0] * 5] for s in parts(state)),
        )
    with pytest.raises(TypeError, match="x is <U1, expected numbers"):
        layer(np.full((T, B, N), "a"))


@pytest.mark.parametrize("kind", KINDS)
def test_hx_is_another_name_of_the_state(kind):
    layer, cell = getattr(nn, kind)(N, H), getattr(nn, kind + "Cell")(N, H)
    x = sample(T, B, N).astype(np.float32)
    _, state = layer(x)
    np.testing.assert_array_equal(layer(x, hx=state)[0].numpy(), layer(x, state)[0].numpy())
    now = cell(x[0])
    np.testing.assert_array_equal(parts(cell(x[1], hx=now))[0], parts(cell(x[1], now))[0])
    with pytest.raises(TypeError, match="two names of one argument"):
        layer(x, state, hx=state)


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_another_kind_are_refused(kind):
    layer = getattr(nn, kind)
    for name in ("bias", "batch_first", "bidirectional", "residual", "learn_state", "layer_norm"):
        with pytest.raises(TypeError, match=f"{kind}: {name}: expected True or False, got 'False'"):
            layer(N, H, **{name: "False"})
        assert getattr(layer(N, H, **{name: 1}), name) is True
    for name, value, error in (
        ("num_layers", 0, ValueError), ("num_layers", 1.0, TypeError), ("dropout", -0.1, ValueError),
        ("dropout", "0", TypeError), ("zoneout", 1.1, ValueError), ("merge", "max", ValueError), ("dtype", int, ValueError),
        ("recurrent_dropout", float("nan"), ValueError), ("num_layer", 2, TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match=name):
            layer(N, H, **{name: value})


@pytest.mark.parametrize("kind", [*KINDS, *(kind + "Cell" for kind in KINDS)])
def test_a_written_signature_is_that_of_the_table(kind):
    layer = getattr(nn, kind)
    shown, written = inspect.signature(layer).parameters, inspect.signature(_plain(layer.__init__)).parameters
    assert list(shown) == list(layer._settings)
    for name, parameter in [*written.items()][1:]:
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.default == layer._settings[name].default, name
            assert parameter.kind == shown[name].kind, name
    options = typing.get_type_hints(RecurrentOptions)
    rest = [name for name in shown if name not in written]
    assert rest == ([] if kind.endswith("Cell") else list(options))
    assert layer(N, 8).dtype == np.float32 and layer(N, 8, dtype=np.float64).to(np.float32).dtype == np.float32


def _plain(function):
    """A function without the signature that is shown for it."""
    plain = types.FunctionType(function.__code__, {}, argdefs=function.__defaults__)
    plain.__kwdefaults__ = function.__kwdefaults__
    return plain
