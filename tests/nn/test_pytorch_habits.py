"""What someone writes who comes from PyTorch: it gives PyTorch's numbers, or says what to write instead."""

import re

import numpy as np
import pytest

import seqnn
from seqnn import Tensor, autograd, nn, ops, optim, train


def sample(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


B, T, S, E, H = 2, 4, 5, 8, 2
HIDDEN = np.arange(S) >= np.array([S, 3])[:, None]  # of the keys, [B, S]
LATER = np.triu(np.ones((T, S), bool), 2)
BIAS = sample(T, S, seed=9)


def attention(batch_first):
    """A layer, and query, key, value in its layout and with the batch first."""
    layer = nn.MultiheadAttention(E, H, batch_first=batch_first).eval()
    arrays = [sample(B, T, E), sample(B, S, E, seed=1), sample(B, S, E, seed=2)]
    return layer, [a if batch_first else a.swapaxes(0, 1) for a in arrays], arrays


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("made", [np.asarray, np.ndarray.tolist, Tensor], ids=["array", "list", "tensor"])
@pytest.mark.parametrize(
    ("given", "mask"),
    [
        ({"key_padding_mask": HIDDEN}, ~HIDDEN[:, None, None]),
        ({"attn_mask": LATER}, ~LATER),
        ({"attn_mask": LATER, "key_padding_mask": HIDDEN}, ~LATER & ~HIDDEN[:, None, None]),
        ({"attn_mask": BIAS}, BIAS),
        ({"attn_mask": BIAS.astype(np.float64)}, BIAS),
        ({"attn_mask": np.stack([BIAS] * B * H)}, BIAS),
        ({"attn_mask": BIAS, "key_padding_mask": HIDDEN}, np.where(HIDDEN[:, None, None], -np.inf, BIAS)),
        ({}, None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_pytorchs_call_of_attention_gives_its_layout_masks_and_tuple(batch_first, made, given, mask):
    layer, mine, arrays = attention(batch_first)
    out, weights = layer(*mine, **{name: made(value) for name, value in given.items()})
    expected, each = layer.attend(*map(Tensor, arrays), mask=mask, need_weights=True)
    out = out.numpy() if batch_first else out.numpy().swapaxes(0, 1)
    np.testing.assert_allclose(out, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(weights.numpy(), each.numpy().mean(1), atol=1e-6)


@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorchs_call_of_attention_follows_torch(batch_first):
    torch = pytest.importorskip("torch")
    layer, mine, _ = attention(batch_first)
    theirs = torch.nn.MultiheadAttention(E, H, batch_first=batch_first)
    layer.load_state_dict(theirs.state_dict())
    for masks in (
        {},
        {"key_padding_mask": HIDDEN},
        {"attn_mask": LATER},
        {"attn_mask": BIAS},
        {"key_padding_mask": HIDDEN, "attn_mask": LATER},
    ):
        expected = theirs(*map(torch.from_numpy, mine), **{k: torch.from_numpy(m) for k, m in masks.items()})
        for found in (layer(*mine, **masks), layer(*mine, **{k: torch.from_numpy(m) for k, m in masks.items()})):
            for ours, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours.numpy(), other.detach().numpy(), atol=1e-5)


def test_pytorchs_call_of_a_layer_that_does_not_say_its_layout_is_refused_instead_of_unpacked():
    layer, x = nn.MultiheadAttention(E, H), sample(2, T, E)
    for call in (
        lambda: layer(x, x, x),
        lambda: layer(x, key=x, value=x),
        lambda: layer(x, x, x, HIDDEN),
        lambda: layer(x, x, attn_mask=LATER),
        lambda: layer(x, x, x, need_weights=False),
    ):
        with pytest.raises(TypeError, match=r"make the layer with batch_first=True or False.*or write layer\(x\)"):
            call()
    assert layer(x).shape == layer(x, x).shape == layer(x, x, x, causal=True).shape == x.shape


@pytest.mark.parametrize(
    ("masks", "error", "message"),
    [
        ({"key_padding_mask": HIDDEN.T}, ValueError, r"key_padding_mask: expected shape \[2, 5\], got \[5, 2\]"),
        ({"key_padding_mask": HIDDEN.astype(int)}, TypeError, "key_padding_mask: expected booleans, True = leave out"),
        ({"attn_mask": LATER.T}, ValueError, r"attn_mask: expected shape \[4, 5\] or \[4, 4, 5\], got \[5, 4\]"),
        ({"attn_mask": np.stack([LATER] * 3)}, ValueError, r"attn_mask: expected shape .* got \[3, 4, 5\]"),
    ],
)
def test_a_mask_that_does_not_fit_pytorchs_call_is_named(masks, error, message):
    layer, mine, _ = attention(True)
    with pytest.raises(error, match=f"^MultiheadAttention: {message}"):
        layer(*mine, **masks)


@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_transformer_layers_take_batch_first_and_refuse_the_other_layout_with_what_to_write(kind):
    assert kind(8, 2, batch_first=True).state_dict().keys() == kind(8, 2).state_dict().keys()
    with pytest.raises(
        ValueError, match=f"{kind.__name__}: batch_first=False: .* write batch_first=True, and swap the axes"
    ):
        kind(8, 2, batch_first=False)
    with pytest.raises((TypeError, ValueError), match=r"batch_first: expected .*'False'"):
        kind(8, 2, batch_first="False")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nn.TransformerEncoderLayer(8, 2)(x, src_mask=LATER), r"write mask=, .* ~src_mask; or causal=True"),
        (
            lambda x: nn.TransformerEncoderLayer(8, 2)(x, LATER),
            "forward.* takes 2 .* by their names go mask, causal, lengths",
        ),
        (lambda x: nn.TransformerDecoderLayer(8, 2)(x, x, tgt_mask=LATER), "write mask=, .* ~tgt_mask"),
        (lambda x: nn.ReLU(inplace=True), "^ReLU: .*inplace= is PyTorch's: leave it out"),
        (lambda x: nn.Embedding(3, 2, sparse=True), "^Embedding: .*sparse= is PyTorch's: leave it out"),
        (lambda x: nn.GRU(3, 2, device="cpu"), "^GRU: no argument 'device'.*all is on the CPU"),
        (lambda x: nn.Linear(8, 2)(input=x), "^Linear: forward.*input= is PyTorch's: give it by its position"),
        (lambda x: nn.MaxPool1d(2, return_indices=True), "^MaxPool1d: .*return_indices= .*topk"),
        (lambda x: nn.MultiheadAttention(8, 2, add_bias_kv=True), "^MultiheadAttention: .*add_bias_kv"),
        (lambda x: ops.relu(x, inplace=True), "^relu: inplace= is PyTorch's argument: leave it out"),
        (lambda x: ops.std(x, unbiased=False), "^std: unbiased= is PyTorch's argument: write ddof=1 for True, ddof=0"),
        (lambda x: ops.var(x, correction=0), "^var: correction= is PyTorch's argument: write ddof="),
        (lambda x: ops.max(x, dim=1), r"^max: dim= is PyTorch's argument: PyTorch returns \(values, indices\)"),
        (lambda x: ops.layer_norm(x, (8,), x, x), "^layer_norm: .*normalized_shape goes by its name"),
        (lambda x: ops.rms_norm(x, (8,)), "^rms_norm: weight must be an array, .*normalized_shape goes by its name"),
    ],
)
def test_an_argument_that_is_not_taken_says_what_to_write(call, message):
    with pytest.raises(TypeError, match=message):
        call(sample(2, T, 8))


@pytest.mark.parametrize(
    ("package", "name", "advice"),
    [
        (ops, "cat", "concatenate"),
        (ops, "clamp", "clip"),
        (ops, "scaled_dot_product_attention", "attention(q, k, v, mask=attn_mask"),
        (ops, "mish", "x * tanh(softplus(x))"),
        (nn, "functional", "seqnn.ops"),
        (nn, "utils", "optim.clip_grad_norm_"),
        (nn, "PReLU", "ops.where"),
        (nn, "InstanceNorm1d", "nn.GroupNorm"),
        (optim, "lr_scheduler", "optim.Scheduler"),
        (optim, "LBFGS", "optim.minimize_lbfgs"),
        (autograd, "Function", "@autograd.op"),
        (autograd, "detect_anomaly", "autograd.check_finite()"),
        (train, "DataLoader", "train.Batches"),
        (seqnn, "tensor", "seqnn.Tensor"),
        (seqnn, "manual_seed", "seqnn.random.seed"),
        (seqnn, "no_grad", "seqnn.autograd.no_grad"),
    ],
)
def test_a_name_that_a_package_does_not_have_says_what_to_write(package, name, advice):
    with pytest.raises(AttributeError, match=f"{package.__name__}.*{name!r}; write {re.escape(advice)}"):
        getattr(package, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("float", "write astype(np.float32)"),
        ("cpu", "all is on the CPU"),
        ("dim", "write ndim"),
        ("add_", "nothing is changed in place; write x = a + b"),
        ("sin", "write ops.sin(tensor)"),
        ("log1p", "write ops.log1p(tensor)"),
        ("nothing", "Tensor has no attribute 'nothing'"),
    ],
)
def test_a_method_that_a_tensor_does_not_have_says_what_to_write(name, message):
    with pytest.raises(AttributeError, match=re.escape(message)) as found:
        getattr(Tensor([1.0]), name)
    assert name != "nothing" or "write" not in str(found.value)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("transpose", (0, 2), lambda x: x.swapaxes(0, 2)),
        ("flatten", (1,), lambda x: x.reshape(len(x), -1)),
        ("view", (-1, 4), lambda x: x.reshape(-1, 4)),
        ("permute", (2, 0, 1), lambda x: x.transpose(2, 0, 1)),
        ("clone", (), np.copy),
        ("tolist", (), np.ndarray.tolist),
        ("clip", (-1, 1), lambda x: x.clip(-1, 1)),
        ("clamp", (-1, 1), lambda x: x.clip(-1, 1)),
        ("exp", (), np.exp),
        ("abs", (), np.abs),
        ("cumsum", (1,), lambda x: x.cumsum(1)),
        ("prod", (2,), lambda x: x.prod(2)),
        ("numel", (), np.size),
        ("size", (), np.shape),
        ("unsqueeze", (1,), lambda x: x[:, None]),
        ("sort", (), np.sort),
        ("topk", (2,), lambda x: np.sort(x)[..., :-3:-1]),
        ("argmax", (1,), lambda x: x.argmax(1)),
        ("any", (), lambda x: x.any()),
        ("softmax", (-1,), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("masked_fill", (np.eye(3, 4, dtype=bool), 0.0), lambda x: np.where(np.eye(3, 4, dtype=bool), 0, x)),
    ],
)
def test_a_method_of_pytorchs_tensors_is_the_function_of_numpy(name, args, expected):
    x = sample(2, 3, 4)
    found = getattr(Tensor(x), name)(*args)
    found = found[0] if name in ("sort", "topk") else found
    np.testing.assert_allclose(getattr(found, "data", found), expected(x), atol=1e-6)


def test_sums_and_means_take_dim_and_keepdim():
    x = sample(2, 3, 4)
    np.testing.assert_allclose(Tensor(x).sum(dim=1, keepdim=True).numpy(), x.sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(Tensor(x).mean(dim=(0, 2)).numpy(), x.mean((0, 2)), atol=1e-6)
    np.testing.assert_allclose(ops.softmax(x, dim=0), nn.Softmax(dim=0)(x).numpy())


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(3, 2, 3), (3, 9)),
        (nn.Conv2d(3, 2, 3), (3, 9, 8)),
        (nn.MaxPool1d(2, padding=1), (3, 9)),
        (nn.MaxPool2d(2), (3, 9, 8)),
        (nn.AvgPool1d(3, 2), (3, 9)),
        (nn.AvgPool2d((2, 3)), (3, 9, 8)),
        (nn.AdaptiveAvgPool1d(4), (3, 9)),
        (nn.AdaptiveAvgPool2d((2, None)), (3, 9, 8)),
    ],
    ids=repr,
)
def test_one_image_without_a_batch_gives_one_image(layer, shape):
    x = sample(*shape)
    one, batch = Tensor(x, requires_grad=True), Tensor(x[None], requires_grad=True)
    out, expected = layer(one), layer(batch)
    np.testing.assert_array_equal(out.numpy(), expected.numpy()[0])
    out.backward(np.ones(out.shape))
    expected.backward(np.ones(expected.shape))
    np.testing.assert_array_equal(one.grad, batch.grad[0])


@pytest.mark.parametrize(("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_padding_modes_of_a_convolution_are_numpys_pads(mode, numpys):
    layer, x = nn.Conv1d(2, 3, 3, padding=2, padding_mode=mode), sample(4, 2, 7)
    padded = np.pad(x, [(0, 0), (0, 0), (2, 2)], numpys)
    np.testing.assert_allclose(layer(x).numpy(), ops.conv1d(padded, layer.weight.data, layer.bias.data), atol=1e-6)
    with pytest.raises(ValueError, match="Conv1d: padding_mode"):
        nn.Conv1d(2, 3, 3, padding_mode="mirror")


def test_group_norm_normalises_groups_of_channels():
    layer, x = nn.GroupNorm(3, 6), sample(2, 6, 5) * 3 + 1
    layer.weight.data[...], layer.bias.data[...] = sample(6, seed=1), sample(6, seed=2)
    groups = x.reshape(2, 3, -1).astype(np.float64)
    normal = (groups - groups.mean(-1, keepdims=True)) / np.sqrt(groups.var(-1, keepdims=True) + 1e-5)
    expected = normal.reshape(x.shape) * layer.weight.data[:, None] + layer.bias.data[:, None]
    np.testing.assert_allclose(layer(x).numpy(), expected, atol=1e-5)
    autograd.gradcheck(lambda a, w, b: ops.group_norm(a, 3, w, b), x.astype(float), np.ones(6), np.zeros(6))
    with pytest.raises(ValueError, match="GroupNorm: num_channels=6 is no multiple of num_groups=4"):
        nn.GroupNorm(4, 6)
    with pytest.raises(ValueError, match=r"GroupNorm: x must have shape \[N, 6, ...\], got \(2, 5\)"):
        layer(sample(2, 5))
    with pytest.raises(TypeError, match="group_norm: weight is float32 but x is float64: convert one of them"):
        layer(x.astype(np.float64))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(2, 2, "none"),
        lambda: nn.BatchNorm1d(2, affine="no"),
        lambda: nn.GRU(2, 2, batch_first="False"),
        lambda: nn.LSTM(2, 2, bidirectional="yes"),
        lambda: nn.AvgPool1d(2, ceil_mode="no"),
    ],
)
def test_a_string_is_no_truth_value(make):
    with pytest.raises((TypeError, ValueError), match=r"expected .*True"):
        make()


@pytest.mark.parametrize(
    "kind", [nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm, lambda size, eps: nn.GroupNorm(1, size, eps)]
)
def test_a_negative_eps_is_refused(kind):
    with pytest.raises(ValueError, match="eps: expected a finite number >= 0, got -1"):
        kind(3, eps=-1)


FORMULAS = {
    "selu": (), "mish": (), "softsign": (), "hardsigmoid": (), "hardswish": (), "logsigmoid": (), "hardtanh": (), "relu6": (),
    "celu": ("alpha",), "softmin": ("axis",), "normalize": (), "prelu": ("weight",), "poisson_nll_loss": ("target",),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_that_is_given_instead_of_a_function_is_that_function(name):
    torch = pytest.importorskip("torch")
    with pytest.raises(AttributeError) as hint:
        getattr(ops, name)
    formula = str(hint.value).partition("; write ")[2]
    values = {
        "x": sample(3, 4),
        "alpha": 1.5,
        "axis": 1,
        "weight": np.float32(0.3),
        "target": np.abs(sample(3, 4, seed=1)),
    }
    others = [values[argument] for argument in FORMULAS[name]]
    given = [torch.as_tensor(np.atleast_1d(v)) if isinstance(v, np.ndarray | np.floating) else v for v in others]
    expected = getattr(torch.nn.functional, name)(torch.from_numpy(values["x"]), *given)
    found = eval(formula, vars(ops) | values)
    np.testing.assert_allclose(getattr(found, "data", found), expected.numpy(), atol=1e-6)
