"""What layers do beyond their formula: packed weights, bad input, finite checks, training a small model."""

import copy
import pickle

import numpy as np
import pytest

from seqnn import KeyedVectors, Tensor, available_isas, get_isa, nn, ops, random, set_isa
from seqnn.autograd import check_finite, no_grad

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((6, 5)).astype(np.float32)


def expected(layer, x=X):
    return x @ layer.weight.data.T + layer.bias.data


def test_a_packed_weight_is_never_stale():
    layer = nn.Linear(5, 3)
    with no_grad():
        layer.eval()(X)
        assert layer._packed is None  # the weight can be written to
        layer.freeze()
        layer.train()(X)
        assert layer._packed is None
        layer.eval()
        for change in (
            lambda: None,
            lambda: layer.load_state_dict(nn.Linear(5, 3).state_dict()),
            lambda: setattr(layer, "weight", nn.Linear(5, 3).weight),
            lambda: layer.freeze(),
        ):
            change()
            np.testing.assert_allclose(layer(X).numpy(), expected(layer), rtol=1e-5, atol=1e-6)
        held = layer._packed
        layer(X)
        assert layer._packed is held is not None
        layer.unfreeze()
        layer.weight.data += 1
        np.testing.assert_allclose(layer(X).numpy(), expected(layer), rtol=1e-5, atol=1e-5)
        layer.freeze()
        np.testing.assert_allclose(layer(X).numpy(), expected(layer), rtol=1e-5, atol=1e-5)
        layer.to(np.float64)
        np.testing.assert_allclose(layer(X.astype(np.float64)).numpy(), expected(layer, X.astype(np.float64)))
        source = np.ones((3, 5))
        layer.weight = nn.Parameter(source[:])
        layer.freeze()
        layer(X.astype(np.float64))
        source[:] = 2  # a view can be changed behind the layer's back
        np.testing.assert_allclose(layer(X.astype(np.float64)).numpy(), expected(layer, X.astype(np.float64)))


def test_a_packed_weight_follows_the_instruction_set_and_is_not_copied():
    layer = nn.Linear(5, 3).eval()
    layer.freeze()
    before = get_isa()
    try:
        for isa in available_isas():
            set_isa(isa)
            np.testing.assert_allclose(layer(X).numpy(), expected(layer), rtol=1e-5, atol=1e-6)
            assert layer._packed[1] == isa
    finally:
        set_isa(before)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin._packed is None and not twin.weight.data.flags.writeable
        np.testing.assert_array_equal(twin(X).numpy(), layer(X).numpy())
        assert twin._packed is not None


def test_dropout_by_mode_and_seed():
    layer, x = nn.Dropout(0.25), np.ones((100, 100), np.float32)
    random.seed(1)
    first = layer(x).numpy()
    random.seed(1)
    np.testing.assert_array_equal(layer(x).numpy(), first)
    assert not np.array_equal(layer(x).numpy(), first)
    assert abs((first == 0).mean() - 0.25) < 0.03
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x)
    with pytest.raises(ValueError, match=r"probability, got 1\.5"):
        nn.Dropout(1.5)


def test_embedding_from_pretrained():
    vectors = DRAW.standard_normal((4, 3)).astype(np.float32)
    wv = KeyedVectors(3)
    wv.add_vectors(["a", "b", "c", "d"], vectors)
    layer = nn.Embedding.from_pretrained(wv)
    assert np.shares_memory(layer.weight.data, wv.vectors) and not layer.weight.requires_grad
    np.testing.assert_array_equal(layer(np.array([2, 0])).numpy(), wv.vectors[[2, 0]])
    layer.unfreeze()
    layer.weight.data += 1
    np.testing.assert_array_equal(wv.vectors, vectors)
    learnt = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=-1)
    assert learnt.padding_idx == 3 and learnt.weight.requires_grad and not np.shares_memory(learnt.weight.data, vectors)
    vectors[0] = 1
    assert nn.Embedding.from_pretrained([[1, 2], [3, 4]]).weight.dtype == np.float32
    with pytest.raises(ValueError, match=r"expected vectors \[V, D\] of numbers, got shape \(3,\)"):
        nn.Embedding.from_pretrained(np.ones(3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Embedding(3, 2, padding_idx=3), r"padding_idx must lie in \[-3, 3\), got 3"),
        (lambda: nn.Conv1d(4, 6, 3, groups=3), "multiples of groups=3"),
        (lambda: nn.Conv1d(4, 6, (3, 3)), r"Conv1d: kernel_size is \(3, 3\), expected an integer at least 1"),
        (lambda: nn.Conv2d(4, 6, 0), "Conv2d: kernel_size is 0, expected .* at least 1"),
        (lambda: nn.Conv1d(4, 6, 3, padding="full"), "'valid', 'same' or sizes, got 'full'"),
        (lambda: nn.MaxPool1d(2, padding=2), "at most half of kernel_size"),
        (lambda: nn.MSELoss(reduction="median"), "MSELoss: reduction must be .* got 'median'"),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("layer", "x", "error", "message"),
    [
        (nn.Linear(5, 2), np.ones((3, 4), np.float32), ValueError, r"in_features=5 .* got shape \(3, 4\)"),
        (nn.Linear(5, 2), np.float32(1), ValueError, r"in_features=5 .* got shape \(\)"),
        (nn.Linear(5, 2), np.ones((3, 5)), TypeError, "float32.*float64"),
        (nn.Embedding(5, 2), np.array([[1, 5]]), ValueError, "ids holds 5"),
        (nn.Embedding(5, 2), np.array([[1.0, 2.0]]), TypeError, "integer|int"),
        (nn.LayerNorm(5), np.ones((3, 4), np.float32), ValueError, r"\(5,\).*\(3, 4\)"),
        (nn.BatchNorm1d(5), np.ones((3, 4), np.float32), ValueError, r"\[N, 5\] or \[N, 5, L\], got \(3, 4\)"),
        (nn.BatchNorm2d(5), np.ones((3, 5), np.float32), ValueError, r"\[N, 5, H, W\], got \(3, 5\)"),
        (nn.Conv1d(5, 2, 3), np.ones((3, 4, 9), np.float32), ValueError, "expected.* C / groups = 4 / 1"),
        (
            nn.AdaptiveAvgPool1d(2),
            np.ones(4, np.float32),
            ValueError,
            r"shape \(4,\), expected \[N, C, L\] or \[C, L\]",
        ),
        (nn.Flatten(2, 1), np.ones((3, 4, 5), np.float32), ValueError, "axes 2 to 1"),
    ],
)
def test_bad_input_names_the_layer(layer, x, error, message):
    model = nn.Sequential({"first": nn.Identity(), "second": nn.Sequential(layer)})
    with pytest.raises(error, match=rf"^second\.0 \({type(layer).__name__}\): (?s:.*)(?:{message})"):
        model(x)


def test_the_first_layer_that_is_not_finite_is_named():
    model = nn.Sequential(nn.Linear(5, 5), nn.Sequential(nn.ReLU(), nn.Linear(5, 5)), nn.Linear(5, 5))
    with check_finite():
        model(X)
        bad = X.copy()
        bad[1, 2] = np.nan
        with pytest.raises(FloatingPointError, match=r"^Sequential: the input: 1 of 30 values are NaN or infinite"):
            model(bad)
        model[1][1].weight.data[3] = np.inf
        with pytest.raises(FloatingPointError, match=r"^1\.1 \(Linear\): result of linear: \d+ of 30 values"):
            model(X)
    model(bad)


def test_a_model_learns():
    random.seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Residual(nn.Linear(16, 16)), nn.ReLU(), nn.Linear(16, 2))
    x = DRAW.standard_normal((200, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    loss = nn.CrossEntropyLoss()
    for _ in range(300):
        model.zero_grad()
        value = loss(model(x), y)
        value.backward()
        for p in model.parameters():
            p.data -= 0.5 * p.grad
    assert value.item() < 0.1
    assert (model.eval()(x).numpy().argmax(1) == y).mean() > 0.97


def test_global_pooling():
    x = Tensor(DRAW.standard_normal((2, 3, 4, 5)).astype(np.float32), requires_grad=True)
    np.testing.assert_allclose(nn.GlobalAvgPool()(x).numpy(), x.data.mean((2, 3)), rtol=1e-5, atol=1e-6)
    largest = nn.GlobalMaxPool()(x)
    np.testing.assert_array_equal(largest.numpy(), x.data.max((2, 3)))
    ops.sum(largest).backward()
    mask = np.arange(20).reshape(1, 4, 5).repeat(2, axis=0) < 7
    np.testing.assert_array_equal(nn.GlobalMaxPool()(x, mask).numpy(), x.data.reshape(2, 3, 20)[:, :, :7].max(2))
    assert x.grad.sum() == 6 and (x.grad != 0).sum() == 6
