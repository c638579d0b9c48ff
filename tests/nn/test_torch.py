"""Every layer and loss against PyTorch's of the same name: keys, repr of the state, output and all gradients."""

import numpy as np
import pytest

from seqnn import Tensor, nn

torch = pytest.importorskip("torch")

DRAW = np.random.default_rng(0)


def normal(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


def renamed(options):
    return {"dim" if name == "axis" else name: value for name, value in options.items()}


LAYERS = [
    ("Linear", (5, 3), {}, (2, 4, 5)),
    ("Linear", (5, 3), {"bias": False}, (7, 5)),
    ("LayerNorm", (6,), {}, (2, 3, 6)),
    ("LayerNorm", ((3, 6),), {"bias": False, "eps": 0.1}, (2, 3, 6)),
    ("LayerNorm", (6,), {"elementwise_affine": False}, (2, 6)),
    ("RMSNorm", (6,), {}, (2, 3, 6)),
    ("RMSNorm", ((3, 6),), {"eps": 0.1, "elementwise_affine": False}, (2, 3, 6)),
    ("BatchNorm1d", (4,), {}, (6, 4)),
    ("BatchNorm1d", (4,), {"momentum": None}, (6, 4, 5)),
    ("BatchNorm1d", (4,), {"affine": False, "track_running_stats": False}, (6, 4)),
    ("BatchNorm2d", (3,), {"eps": 0.1, "momentum": 0.3}, (2, 3, 4, 5)),
    ("Conv1d", (4, 6, 3), {}, (2, 4, 9)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 2, "dilation": 2, "groups": 2}, (2, 4, 9)),
    ("Conv1d", (4, 6, 4), {"padding": "same", "bias": False}, (2, 4, 9)),
    ("Conv2d", (4, 6, 3), {"stride": (2, 1), "padding": (1, 0)}, (2, 4, 7, 6)),
    ("Conv2d", (4, 4, (3, 1)), {"groups": 4, "dilation": (1, 2), "padding": "valid"}, (2, 4, 7, 6)),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 4, 9)),
    ("ConvTranspose2d", (4, 6, (3, 2)), {"groups": 2, "dilation": (1, 2), "bias": False}, (2, 4, 5, 6)),
    ("MaxPool1d", (3,), {}, (2, 4, 9)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}, (2, 4, 10)),
    ("MaxPool2d", ((2, 3),), {"stride": 2, "padding": (1, 1)}, (2, 4, 7, 6)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (2, 4, 9)),
    ("AvgPool1d", (4,), {"ceil_mode": True}, (2, 4, 10)),
    ("AvgPool2d", (2,), {"stride": (1, 2), "padding": (0, 1)}, (2, 4, 7, 6)),
    ("AdaptiveAvgPool1d", (1,), {}, (2, 4, 9)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 4, 9)),
    ("AdaptiveAvgPool2d", ((3, 5),), {}, (2, 4, 7, 6)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 4, 7, 6)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Flatten", (0, 1), {}, (2, 3, 4)),
    ("Identity", (), {}, (2, 3)),
    ("ReLU", (), {}, (2, 3)),
    ("LeakyReLU", (0.2,), {}, (2, 3)),
    ("GELU", (), {}, (2, 3)),
    ("GELU", (), {"approximate": "tanh"}, (2, 3)),
    ("SiLU", (), {}, (2, 3)),
    ("Sigmoid", (), {}, (2, 3)),
    ("Tanh", (), {}, (2, 3)),
    ("Softplus", (2.0, 1.0), {}, (2, 30)),
    ("Softmax", (), {"axis": 1}, (2, 3, 4)),
    ("LogSoftmax", (), {"axis": -1}, (2, 3, 4)),
    ("Dropout", (0.0,), {}, (2, 3)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_layer(name, args, options, shape):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **renamed(options))
    start = {key: normal(*array.shape) for key, array in ours.state_dict().items() if array.dtype.kind == "f"}
    if "running_var" in start:
        start["running_var"] = np.abs(start["running_var"])
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({key: torch.tensor(array) for key, array in start.items()}, strict=False)
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        compare(ours, theirs, [normal(*shape)])
    for key, array in theirs.state_dict().items():
        close(ours.state_dict()[key], array.numpy(), key)


def test_embedding():
    ours, theirs = nn.Embedding(9, 4, padding_idx=-2), torch.nn.Embedding(9, 4, padding_idx=-2)
    assert not ours.weight.data[7].any() and ours.padding_idx == theirs.padding_idx
    ours.load_state_dict(theirs.state_dict())
    ids = np.array([[1, 7, 3], [1, 0, 8]])
    weight = normal(2, 3, 4)
    ours(ids).backward(weight)
    theirs(torch.tensor(ids)).backward(torch.tensor(weight))
    close(ours.weight.grad, theirs.weight.grad.numpy(), "weight")


LOSSES = [
    ("CrossEntropyLoss", {}, "classes"),
    ("CrossEntropyLoss", {"weight": [1, 2, 3, 0.5, 1], "ignore_index": 2, "label_smoothing": 0.1}, "classes"),
    ("NLLLoss", {"weight": [1, 2, 3, 0.5, 1], "ignore_index": 2}, "classes"),
    ("BCEWithLogitsLoss", {}, "binary"),
    ("BCEWithLogitsLoss", {"weight": [1, 2, 3, 0.5, 1], "pos_weight": [3, 2, 1, 1, 2]}, "binary"),
    ("MSELoss", {}, "real"),
    ("L1Loss", {}, "real"),
    ("HuberLoss", {"delta": 0.5}, "real"),
    ("SmoothL1Loss", {"beta": 0.3}, "real"),
    ("CosineEmbeddingLoss", {"margin": 0.1}, "pairs"),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options", "kind"), LOSSES)
def test_loss(name, options, kind, reduction):
    like = {key: torch.tensor(v, dtype=torch.float32) if type(v) is list else v for key, v in options.items()}
    ours = getattr(nn, name)(reduction=reduction, **options)
    theirs = getattr(torch.nn, name)(reduction=reduction, **like)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    target = {
        "classes": DRAW.integers(0, 5, 8),
        "binary": DRAW.random((8, 5)).astype(np.float32),
        "real": normal(8, 5),
        "pairs": np.array([1, -1] * 4),
    }[kind]
    inputs = [normal(8, 5) for _ in range(1 + (kind == "pairs"))]
    compare(ours, theirs, inputs, target)


def compare(ours, theirs, inputs, *rest):
    xs, ts = [Tensor(x, requires_grad=True) for x in inputs], [torch.tensor(x, requires_grad=True) for x in inputs]
    y, t = ours(*xs, *rest), theirs(*ts, *map(torch.tensor, rest))
    close(y.numpy(), t.detach().numpy(), "output")
    weight = normal(*y.shape)
    ours.zero_grad()
    theirs.zero_grad()
    y.backward(weight)
    t.backward(torch.tensor(weight))
    for x, u in zip(xs, ts, strict=True):
        close(x.grad, u.grad.numpy(), "input")
    expected = {key: p.grad for key, p in theirs.named_parameters()}
    assert {key for key, _ in ours.named_parameters()} == set(expected)
    for key, p in ours.named_parameters():
        close(p.grad, expected[key].numpy(), key)


def close(got, expected, what):
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5, err_msg=what)
