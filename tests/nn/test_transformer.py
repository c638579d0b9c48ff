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


@pytest.mark.parametrize("sizes", [{}, {"kdim": 8, "vdim": 12}])
def test_multihead_attention_follows_torch(sizes):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True, **sizes)
    ours = nn.MultiheadAttention(16, 4, **sizes)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    q, k, v = x(2, 5, 16), x(2, 7, sizes.get("kdim", 16)), x(2, 7, sizes.get("vdim", 16), seed=1)
    lengths = np.array([7, 3])
    hidden = torch.from_numpy(np.arange(7) >= lengths[:, None])
    expected, weights = theirs(*map(torch.from_numpy, (q, k, v)), key_padding_mask=hidden, average_attn_weights=False)
    out, mine = ours(q, k, v, lengths=lengths, need_weights=True)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(mine.data, weights.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("rotary", [False, True])
def test_steps_over_a_cache_are_the_whole(rotary):
    layer, cache, inputs = nn.MultiheadAttention(16, 4).eval(), nn.KeyValueCache(6), x(2, 6, 16)
    whole = layer(inputs, causal=True, rotary=rotary).data
    parts = [layer(inputs[:, i:j], causal=True, cache=cache, rotary=rotary).data for i, j in ((0, 3), (3, 4), (4, 6))]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-5)
    with pytest.raises(ValueError, match="room for 6 positions, got 7"):
        layer(inputs[:, :1], cache=cache)


def test_beams_are_reordered():
    cache = nn.KeyValueCache(4)
    k, _ = cache.append(x(2, 1, 2, 3), x(2, 1, 2, 3))
    before = k.copy()
    cache.reorder([1, 1])
    after, _ = cache.append(x(2, 1, 1, 3), x(2, 1, 1, 3))
    np.testing.assert_array_equal(after[:, :, :2], before[[1, 1]])


def test_rotation_keeps_scores_of_equal_distances():
    q, k = x(1, 8), x(1, 8, seed=1)
    for interleaved in (False, True):
        turned = lambda a, at, i=interleaved: ops.rotary(a, offset=at, interleaved=i)  # noqa: E731
        np.testing.assert_allclose(turned(q, 5) @ turned(k, 2).T, turned(q, 13) @ turned(k, 10).T, rtol=1e-4)


def test_relative_positions_learn():
    layer = nn.RelativePositions(4)
    attention = nn.MultiheadAttention(16, 4)
    attention(x(2, 5, 16), relative=layer(5, 5)).sum().backward()
    assert layer.weight.grad.any()


def test_bad_input():
    with pytest.raises(ValueError, match="embed_dim=16 is no multiple of num_heads=3"):
        nn.MultiheadAttention(16, 3)
    with pytest.raises(ValueError, match="positions 0 to 4 lie outside of the 4 learned ones"):
        nn.LearnedPositions(4, 8)(x(1, 5, 8))
    with pytest.raises(ValueError, match=r"query must have shape .*embed_dim=16\], got \(2, 5, 8\)"):
        nn.MultiheadAttention(16, 4)(x(2, 5, 8))
