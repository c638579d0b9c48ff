"""Transformer layers against PyTorch's, and decoding with a cache against the whole sequence at once."""

import numpy as np
import pytest

from seqnn import nn, ops


def x(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_layers_follow_torch(kind, activation, norm_first):
    torch = pytest.importorskip("torch")
    given = {"dropout": 0.0, "activation": activation, "norm_first": norm_first}
    theirs = getattr(torch.nn, f"Transformer{kind}Layer")(32, 4, 64, **given, batch_first=True)
    theirs = getattr(torch.nn, f"Transformer{kind}")(
        theirs, 2, **({"enable_nested_tensor": False} if kind == "Encoder" else {})
    )
    ours = getattr(nn, f"Transformer{kind}")(getattr(nn, f"Transformer{kind}Layer")(32, 4, 64, **given), 2)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    inputs = [x(3, 7, 32)] + ([x(3, 5, 32, seed=1)] if kind == "Decoder" else [])
    ahead = torch.nn.Transformer.generate_square_subsequent_mask(7)
    options = {"tgt_mask": ahead} if kind == "Decoder" else {"mask": ahead}
    leaves = [torch.tensor(i, requires_grad=True) for i in inputs]
    expected = theirs(*leaves, **options)
    mine = [nn.Parameter(i) for i in inputs]
    out = ours(*mine, causal=True)
    grad = x(3, 7, 32, seed=2)
    expected.backward(torch.from_numpy(grad))
    out.backward(grad)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=1e-5)
    for a, b in zip(mine, leaves, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=2e-5)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_padding_follows_torch(kind, bias):
    """What stands at padded positions does not matter, neither forward nor backward."""
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, f"Transformer{kind}Layer")(16, 2, 24, dropout=0.0, bias=bias, batch_first=True)
    ours = getattr(nn, f"Transformer{kind}Layer")(16, 2, 24, dropout=0.0, bias=bias)
    ours.load_state_dict(theirs.state_dict())
    inputs, lengths = [x(3, 6, 16), x(3, 6, 16, seed=1)][: 1 + (kind == "Decoder")], np.array([6, 2, 4])
    real = np.arange(6) < lengths[:, None]
    leaves, mine = [torch.tensor(i, requires_grad=True) for i in inputs], [nn.Parameter(i) for i in inputs]
    hidden = torch.from_numpy(~real)
    if kind == "Encoder":
        expected, out = theirs(*leaves, src_key_padding_mask=hidden), ours(*mine, lengths=lengths)
    else:
        expected = theirs(*leaves, tgt_key_padding_mask=hidden, memory_key_padding_mask=hidden)
        out = ours(*mine, causal=False, lengths=lengths, memory_lengths=lengths)
    grad = x(3, 6, 16, seed=2) * real[..., None]
    expected.backward(torch.from_numpy(grad))
    out.backward(grad)
    np.testing.assert_allclose(out.data[real], expected.detach().numpy()[real], atol=1e-5)
    for a, b in zip([*mine, *ours.parameters()], [*leaves, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=5e-5)


def plain(layer, src, memory=None):
    """What a layer with options computes, from its parts: formulas as in the papers, nothing fused."""
    act = {"reglu": "relu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "swiglu": "silu"}
    gelu_tanh = lambda a: 0.5 * a * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))  # noqa: E731
    functions = {"relu": ops.relu, "gelu": ops.gelu, "silu": ops.silu, "gelu_tanh": gelu_tanh}

    def linear(part, a):
        return a @ part.weight.data.T + (0 if part.bias is None else part.bias.data)

    def feed_forward(a):
        inner = functions[act.get(layer.activation, layer.activation)](linear(layer.linear1, a))
        return linear(layer.linear2, inner * linear(layer.linear3, a) if layer.linear3 else inner)

    def normed(norm, a):
        a = a - a.mean(-1, keepdims=True) if isinstance(norm, nn.LayerNorm) else a
        a = a / np.sqrt((a * a).mean(-1, keepdims=True) + norm.eps) * norm.weight.data
        return a + norm.bias.data if getattr(norm, "bias", None) is not None else a

    sublayers = [lambda a: layer.self_attn(a, causal=memory is not None).data]
    sublayers += [] if memory is None else [lambda a: layer.multihead_attn(a, memory).data]
    norms = [layer.norm1, layer.norm2] + ([] if memory is None else [layer.norm3])
    for f, norm in zip([*sublayers, feed_forward], norms, strict=True):
        src = src + f(normed(norm, src)) if layer.norm_first else normed(norm, src + f(src))
    return src


@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"activation": "swiglu", "norm": "rms_norm", "bias": False, "num_groups": 2, "rotary": True},
        {"activation": "reglu"},
        {"activation": "geglu", "attention_activation": "relu"},
        {"activation": "geglu_tanh", "norm": "rms_norm", "head_dim": 6, "attention_scale": 1.0},
        {"activation": "gelu_tanh", "attention_activation": "relu"},
        {"activation": "silu"},
        {"bias": False, "out_bias": True, "qk_norm": True},
    ],
    ids=str,
)
def test_options(kind, norm_first, options):
    layer = getattr(nn, f"Transformer{kind}Layer")(16, 4, 24, norm_first=norm_first, **options).eval()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0.3, 0.3)
    inputs = [x(2, 5, 16)] + ([x(2, 6, 16, seed=1)] if kind == "Decoder" else [])
    np.testing.assert_allclose(layer(*inputs).data, plain(layer, *inputs), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["silu", "reglu", "geglu", "geglu_tanh", "swiglu"])
@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm"])
def test_gradients_of_options(norm, activation, norm_first):
    """Along a random direction through input, memory and all parameters, the loss grows as the gradients say."""
    layer = nn.TransformerDecoderLayer(
        8,
        4,
        12,
        0.0,
        activation,
        norm_first=norm_first,
        norm=norm,
        num_groups=2,
        rotary=True,
        attention_activation="silu",
    ).to(np.float64)
    draw = np.random.default_rng(0)
    leaves = [nn.Parameter(draw.standard_normal((2, n, 8))) for n in (3, 4)]
    grad = draw.standard_normal((2, 3, 8))
    layer(*leaves, memory_lengths=[4, 2]).backward(grad)
    everything = [*leaves, *layer.parameters()]
    steps = [draw.standard_normal(p.shape) for p in everything]
    expected = sum(float((p.grad * s).sum()) for p, s in zip(everything, steps, strict=True))
    losses = []
    for sign in (1, -2):
        for p, s in zip(everything, steps, strict=True):
            p.data += sign * 1e-5 * s
        losses.append(float((layer(*leaves, memory_lengths=[4, 2]).data * grad).sum()))
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(expected, rel=1e-5)


def test_dropout_comes_between_the_sublayer_and_the_residual():
    """Where everything is dropped, a pre-norm layer is the identity, and a post-norm one its norms."""
    src = x(2, 5, 16)
    for norm_first in (False, True):
        layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.5, norm_first=norm_first)
        layer.dropout.p = 1.0
        expected = src if norm_first else layer.norm2(layer.norm1(src)).data
        np.testing.assert_array_equal(layer(src).data, expected)
        layer.eval()
        layer.dropout.train()  # as for Monte Carlo dropout
        np.testing.assert_array_equal(layer(src).data, src if norm_first else layer.norm2(layer.norm1(src)).data)


@pytest.mark.parametrize("norm_first", [False, True])
def test_decoding_over_a_cache_is_the_whole(norm_first):
    layer = nn.TransformerDecoderLayer(16, 4, 24, norm_first=norm_first, rotary=True)
    model = nn.TransformerDecoder(
        layer, 2, nn.LayerNorm(16), relative=nn.RelativePositions(4, 8, 16, bidirectional=False)
    ).eval()
    target, memory, lengths = x(2, 6, 16), x(2, 5, 16, seed=1), [5, 2]
    whole, weights = model(target, memory, memory_lengths=lengths, need_weights=True)
    assert [[w.shape for w in pair] for pair in weights] == [[(2, 4, 6, 6), (2, 4, 6, 5)]] * 2
    cache = model.new_cache(6)
    parts = [model(target[:, i:j], memory, memory_lengths=lengths, cache=cache) for i, j in ((0, 2), (2, 3), (3, 6))]
    np.testing.assert_allclose(np.concatenate([p.data for p in parts], 1), whole.data, atol=1e-5)
    with pytest.raises(ValueError, match=r"layers\.0.*room for 6 positions, got 7"):
        model(target[:, :1], memory, cache=cache)
    with pytest.raises(ValueError, match="expected a cache a layer, 2, got 1"):
        model(target, memory, cache=cache[:1])


def test_a_stack_shares_its_relative_positions():
    positions = nn.RelativePositions(4, 8, 16)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0), 2, relative=positions)
    assert "relative.weight" in model.state_dict()
    src = x(2, 5, 16)
    out, weights = model(src, need_weights=True, lengths=[5, 3])
    np.testing.assert_array_equal(out.data, model(src, relative=positions(5, 5), lengths=[5, 3]).data)
    assert [w.shape for w in weights] == [(2, 4, 5, 5)] * 2 and not weights[0].data[1, :, :, 3:].any()
    out.sum().backward()
    assert positions.weight.grad.any()
    cache = model.eval().new_cache(5)
    parts = [model(src[:, i:j], causal=True, cache=cache).data for i, j in ((0, 2), (2, 5))]
    np.testing.assert_allclose(np.concatenate(parts, 1), model(src, causal=True).data, atol=1e-5)


def test_a_window_limits_what_is_seen():
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0), 1)
    _, (weights,) = model(x(1, 6, 16), window=1, need_weights=True)
    seen = np.abs(np.subtract.outer(np.arange(6), np.arange(6))) <= 1
    np.testing.assert_array_equal(weights.data[0, 0] > 0, seen)


def test_relative_positions_learn():
    layer = nn.RelativePositions(4)
    attention = nn.MultiheadAttention(16, 4)
    attention(x(2, 5, 16), relative=layer(5, 5)).sum().backward()
    assert layer.weight.grad.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nhead": 3}, "embed_dim=16 is no multiple of num_heads=3"),
        ({"activation": "swish"}, "activation is one of 'relu', .*, got 'swish'"),
        ({"norm": "batch"}, "norm is one of 'layer_norm', 'rms_norm', got 'batch'"),
        ({"num_groups": 3}, "num_heads=4 is no multiple of num_groups=3"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        nn.TransformerEncoderLayer(16, **{"nhead": 4, **options})


def test_positions_beyond_the_table():
    with pytest.raises(ValueError, match="positions 0 to 4 lie outside of the 4 learned ones"):
        nn.LearnedPositions(4, 8)(x(1, 5, 8))
    with pytest.raises(ValueError, match="positions 4 to 4 lie outside of the 4 learned ones"):
        nn.LearnedPositions(4, 8)(x(1, 1, 8), offset=4)
    assert nn.LearnedPositions(4, 8)(x(1, 1, 8), offset=3).shape == (1, 1, 8)
