"""Multi-head attention against PyTorch's and against plain NumPy; steps over a cache against the whole at once."""

import numpy as np
import pytest

from seqnn import nn, ops
from seqnn.autograd import gradcheck


def x(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def reference(layer, query, memory, causal=False):
    """What the layer computes, head by head, in float64."""
    weight, bias = layer.in_proj_weight.data.astype(float), layer.in_proj_bias.data.astype(float)
    heads, groups, size = layer.num_heads, layer.num_groups, layer.head_dim
    ends = np.cumsum([heads * size, groups * size])
    inputs = query, memory, memory
    parts = zip(inputs, np.split(weight, ends), np.split(bias, ends), strict=True)
    q, k, v = ((a.astype(float) @ w.T + b).reshape(*a.shape[:2], -1, size).transpose(0, 2, 1, 3) for a, w, b in parts)
    if layer.q_norm is not None:
        q, k = (scaled(a, norm) for a, norm in ((q, layer.q_norm), (k, layer.k_norm)))
    if layer.rotary:
        q, k = (turned(a, layer.rotary_base) for a in (q, k))
    k, v = (np.repeat(a, heads // groups, 1) for a in (k, v))
    scores = q @ k.swapaxes(2, 3) * (layer.scale or size**-0.5)
    if causal:
        scores[..., np.triu(np.ones(scores.shape[2:], bool), 1)] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    out = (weights @ v).transpose(0, 2, 1, 3).reshape(*query.shape[:2], -1)
    out = out @ layer.out_proj.weight.data.T.astype(float) + layer.out_proj.bias.data
    return (np.maximum(out, 0) if layer.out_activation else out), weights


def scaled(a, norm):
    return a / np.sqrt((a**2).mean(-1, keepdims=True) + norm.eps) * norm.weight.data


def turned(a, base):
    half = a.shape[-1] // 2
    angle = np.arange(a.shape[2])[:, None] / base ** (np.arange(half) / half)
    pairs = (a[..., :half] + 1j * a[..., half:]) * np.exp(1j * angle)
    return np.concatenate([pairs.real, pairs.imag], -1)


OPTIONS = [
    {},
    {"num_groups": 2},
    {"num_groups": 1, "rotary": True},
    {"rotary": True, "rotary_base": 100.0},
    {"head_dim": 6, "scale": 1.0},
    {"out_activation": "relu", "num_groups": 2, "head_dim": 2},
    {"qk_norm_eps": 0.1, "num_groups": 2, "rotary": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_follow_plain_numpy(options):
    layer, query, memory = nn.MultiheadAttention(16, 4, **options), x(2, 5, 16), x(2, 7, 16, seed=1)
    for parameter in (layer.in_proj_bias, *(norm.weight for norm in (layer.q_norm, layer.k_norm) if norm is not None)):
        nn.init.normal_(parameter)
    for inputs, causal in (((query,), True), ((query, memory), False), ((query, query.copy()), True)):
        out, weights = layer(*inputs, causal=causal, need_weights=True)
        expected, expected_weights = reference(layer, query, inputs[-1], causal)
        np.testing.assert_allclose(out.data, expected, atol=1e-5)
        np.testing.assert_allclose(weights.data, expected_weights, atol=1e-5)
    k, v = layer.project(memory)
    np.testing.assert_array_equal(layer(query, projected=(k, v)).data, layer(query, memory).data)
    residual = x(2, 5, 16, seed=2)
    np.testing.assert_allclose(layer(query, residual=residual).data, layer(query).data + residual, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_one_product_and_several_have_the_same_gradients(options):
    layer, query = nn.MultiheadAttention(16, 4, **options).to(np.float64), x(2, 5, 16).astype(float)
    nn.init.normal_(layer.in_proj_bias)
    grad = x(2, 5, 16, seed=3).astype(float)
    gradients = []
    for copies in (1, 2, 3):
        layer.zero_grad()
        inputs = [nn.Parameter(query.copy()) for _ in range(copies)]
        layer(*inputs, causal=True).backward(grad)
        gradients.append([*(p.grad for p in layer.parameters()), sum(i.grad for i in inputs)])
    for found in gradients[1:]:
        for a, b in zip(found, gradients[0], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


def test_rotation_of_a_packed_product():
    qkv = x(2, 3, 4 * 4).astype(float)
    for interleaved in (False, True):
        out = ops.rotary_qkv(qkv, 2, 1, interleaved=interleaved).reshape(2, 3, 4, 4)
        heads = qkv.reshape(2, 3, 4, 4).swapaxes(1, 2)
        turned = ops.rotary(heads[:, :3], interleaved=interleaved)
        np.testing.assert_allclose(out.swapaxes(1, 2), np.concatenate([turned, heads[:, 3:]], 1), atol=1e-12)
        gradcheck(lambda a, i=interleaved: ops.rotary_qkv(a, 2, 1, interleaved=i), qkv)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [{}, {"kdim": 8, "vdim": 12}])
@pytest.mark.parametrize("case", ["lengths", "causal", "mask"])
def test_follows_torch(sizes, bias, case):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(16, 4, bias=bias, batch_first=True, **sizes)
    ours = nn.MultiheadAttention(16, 4, bias=bias, **sizes)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.load_state_dict(theirs.state_dict())
    arrays = x(2, 5, 16), x(2, 7, sizes.get("kdim", 16), seed=1), x(2, 7, sizes.get("vdim", 16), seed=2)
    hidden = {"causal": np.triu(np.ones((5, 7), bool), 1), "mask": x(5, 7, seed=3) > 1}.get(case)
    padding = np.arange(7) >= np.array([7, 3])[:, None] if case == "lengths" else None
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected, weights = theirs(
        *leaves,
        key_padding_mask=None if padding is None else torch.from_numpy(padding),
        attn_mask=None if hidden is None else torch.from_numpy(hidden),
        average_attn_weights=False,
    )
    mine = [nn.Parameter(a) for a in arrays]
    mask = ~hidden if case == "mask" else None
    lengths = [7, 3] if case == "lengths" else None
    out, found = ours(*mine, mask=mask, causal=case == "causal", lengths=lengths, need_weights=True)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(found.data, weights.detach().numpy(), atol=1e-5)
    grad = x(2, 5, 16, seed=4)
    expected.backward(torch.from_numpy(grad))
    out.backward(grad)
    for a, b in zip([*mine, *ours.parameters()], [*leaves, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=2e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_steps_over_a_cache_are_the_whole(options):
    layer, cache, inputs = nn.MultiheadAttention(16, 4, **options).eval(), nn.KeyValueCache(6), x(2, 6, 16)
    whole = layer(inputs, causal=True).data
    parts = [layer(inputs[:, i:j], causal=True, cache=cache).data for i, j in ((0, 3), (3, 4), (4, 6))]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-5)
    with pytest.raises(ValueError, match="room for 6 positions, got 7"):
        layer(inputs[:, :1], cache=cache)
    assert cache.length == 6


def test_beams_are_reordered():
    """Three of two sequences go on, then two: each has the keys of the one that it came from."""
    layer, cache, steps = nn.MultiheadAttention(8, 2).eval(), nn.KeyValueCache(5), x(2, 5, 8)
    memory = cache.remember(lambda: layer.project(x(2, 3, 8)))[0].copy()
    layer(steps[:, :3], causal=True, cache=cache)
    sources, tokens = steps[:, :3], []
    for order in ([1, 0, 1], [2, 0]):
        cache.reorder(order)
        sources, memory = sources[order], memory[order]
        tokens = x(len(order), 1, 8, seed=len(order))
        sources = np.concatenate([sources, tokens], 1)
        out = layer(tokens, causal=True, cache=cache).data
        np.testing.assert_allclose(out[:, 0], layer(sources, causal=True).data[:, -1], atol=1e-5)
        np.testing.assert_array_equal(cache.remember(lambda: (None, None))[0], memory)
    with pytest.raises(IndexError):
        cache.reorder([0, 2])
    assert layer(tokens[:0], cache=nn.KeyValueCache(1)).shape == (0, 1, 8)


def test_cache_refuses_what_does_not_fit():
    cache = nn.KeyValueCache(4)
    cache.append(x(2, 1, 2, 3), x(2, 1, 2, 3))
    with pytest.raises(ValueError, match=r"the cache holds \[batch, heads\] = \(2, 1\), got \(3, 1\)"):
        cache.append(x(3, 1, 1, 3), x(3, 1, 1, 3))
    with pytest.raises(ValueError, match="room for 4 positions, got 5"):
        cache.append(x(2, 1, 3, 3), x(2, 1, 3, 3))
    assert cache.length == 2
    with pytest.raises(ValueError, match="capacity must be at least 1 position, got 0"):
        nn.KeyValueCache(0)


def test_rotation_keeps_scores_of_equal_distances():
    q, k = x(1, 8), x(1, 8, seed=1)
    for interleaved in (False, True):
        turned = lambda a, at, i=interleaved: ops.rotary(a, offset=at, interleaved=i)  # noqa: E731
        np.testing.assert_allclose(turned(q, 5) @ turned(k, 2).T, turned(q, 13) @ turned(k, 10).T, rtol=1e-4)


LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
YARN = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64}


def test_scaled_rotations_turn_as_far_as_those_of_nearer_positions():
    ones = np.ones((1, 16))
    turned = lambda at, scaling=None: ops.rotary(ones, offset=at, scaling=scaling)  # noqa: E731
    nearer = {"rope_type": "linear", "factor": 8.0}
    np.testing.assert_allclose(turned(40, nearer), turned(5), rtol=1e-12)
    for scaling, factor in ((LLAMA3, 1.0), (YARN, 0.1 * np.log(8) + 1)):
        found = turned(40, scaling) / factor
        for pair, expected in ((0, turned(40)), (7, turned(5))):  # the fastest pair, and the slowest
            np.testing.assert_allclose(found[0, [pair, pair + 8]], expected[0, [pair, pair + 8]], rtol=1e-12)
    without = {"mscale": 0.7, "mscale_all_dim": 0}
    np.testing.assert_array_equal(turned(40, YARN | without), turned(40, YARN))


@pytest.mark.parametrize(
    ("scaling", "error", "message"),
    [
        ("linear", TypeError, 'rotary: scaling: expected a mapping such as {"rope_type": "linear", .* got \'linear\''),
        ({"rope_type": ["linear"]}, ValueError, r"expected a rope_type of linear, dynamic, yarn, llama3, got \["),
        ({"rope_type": "yarn", "factor": 2.0}, ValueError, "yarn needs original_max_position_embeddings"),
        (YARN | {"factor": 0}, ValueError, "rotary: scaling: factor: expected a finite number"),
        (LLAMA3 | {"high_freq_factor": 1}, ValueError, "expected high_freq_factor > low_freq_factor, got 1 and 1"),
    ],
)
def test_other_scalings_are_refused(scaling, error, message):
    with pytest.raises(error, match=message):
        nn.MultiheadAttention(8, 2, rotary=True, rotary_scaling=scaling)


def test_a_base_that_is_no_positive_number_is_refused():
    for base, scaling in ((0.0, None), (-1.0, None), (1.0, YARN)):
        with pytest.raises(ValueError, match=r"rotary: base.*: expected a finite number >"):
            ops.rotary(np.ones((1, 4)), base=base, scaling=scaling)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3}, "embed_dim=16 is no multiple of num_heads=3"),
        ({"num_heads": 0}, "embed_dim=16 is no multiple of num_heads=0"),
        ({"num_heads": 4, "num_groups": 3}, "num_heads=4 is no multiple of num_groups=3"),
        ({"num_heads": 4, "num_groups": 8}, "num_heads=4 is no multiple of num_groups=8"),
        ({"num_heads": 4, "head_dim": 3, "rotary": True}, "head_dim must be even, got 3"),
        ({"num_heads": 4, "qk_norm_eps": -1.0}, "eps: expected a finite number >= 0, got -1.0"),
    ],
)
def test_bad_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.MultiheadAttention(16, **arguments)


@pytest.mark.parametrize("shape", [(5, 5), (2, 5, 7), (3, 1, 1, 7), (7, 5), (1, 1, 1, 5, 7)])
def test_the_message_shows_what_a_mask_broadcasts_to(shape):
    layer = nn.MultiheadAttention(16, 4)
    with pytest.raises(ValueError, match=r"mask of shape .* does not broadcast to \[B, H, T, S\] = \[2, 4, 5, 7\]"):
        layer(x(2, 5, 16), x(2, 7, 16), mask=np.ones(shape, bool))


def test_bad_input():
    layer = nn.MultiheadAttention(16, 4)
    for eps in (True, False, "small"):
        with pytest.raises(TypeError, match="eps: expected"):
            nn.MultiheadAttention(16, 4, qk_norm_eps=eps)
    with pytest.raises(ValueError, match=r"query must have shape .*embed_dim=16\], got \(2, 5, 8\)"):
        layer(x(2, 5, 8))
    with pytest.raises(ValueError, match="projected stands for key and value: got both"):
        layer(x(2, 5, 16), x(2, 5, 16), projected=layer.project(x(2, 5, 16)))
    with pytest.raises(ValueError, match="lengths must be 2 integers"):
        layer(x(2, 5, 16), lengths=[5])
    with pytest.raises(ValueError, match=r"residual must have the shape of the query, \(2, 5, 16\), got \(2, 4, 16\)"):
        layer(x(2, 5, 16), residual=x(2, 4, 16))
