"""Quantised modules: what they compute, what they refuse, what they keep."""

import copy
import pickle

import numpy as np
import pytest

from seqnn import Tensor, models, nn, ops, random
from seqnn.autograd import no_grad

RNG = np.random.default_rng(0)
IDS = RNG.integers(1, 100, (3, 9))
KINDS = ("int8", "bf16")
NET = {"d_model": 96, "nhead": 4, "num_layers": 2}  # projections that are no whole panels of 64
WIDE = {"d_model": 128, "nhead": 4, "num_layers": 2}
WORDS = [["ein", "hund"], ["eine", "katze"], ["ein", "mann"]] * 4


def seq2seq():
    return models.Seq2Seq(hidden_size=32, max_iter=2, validation_fraction=0).fit(WORDS, WORDS).model_


MODELS = {
    "BERT": (lambda: models.BERT(100, **NET), lambda m: m(IDS, [9, 5, 3])),
    "BERTForPretraining": (lambda: models.BERTForPretraining(models.BERT(100, **NET)), lambda m: m(IDS)[0]),
    "GPT": (lambda: models.GPT(100, max_positions=32, **WIDE), lambda m: m(IDS)),
    "GPT, rotary, untied": (lambda: models.GPT(100, positions="rotary", tied=False, **NET), lambda m: m(IDS)),
    "T5": (
        lambda: models.T5(100, **WIDE, head_dim=32, dim_feedforward=256),
        lambda m: m(IDS, [9, 5, 3], IDS[:, :4]),
    ),
    "Transformer": (
        lambda: models.Transformer(100, 80, d_model=96, nhead=4, num_encoder_layers=1, num_decoder_layers=2),
        lambda m: m(IDS, [9, 5, 3], IDS[:, :4] % 80),
    ),
    "MLP": (lambda: models.MLP([40, 64, 10]), lambda m: m(np.linspace(-1, 1, 200, dtype="f4").reshape(5, 40))),
    "Seq2Seq": (seq2seq, lambda m: m(IDS % 4, [9, 5, 3], IDS[:, :4] % 4)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _same_weights_each_time():
    random.seed(0)


def computed(model, call):
    with no_grad():
        out = call(model)
    out = out[0] if isinstance(out, tuple) else out
    return np.asarray(out).ravel()


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


@pytest.mark.parametrize("name", MODELS)
def test_a_quantised_model_computes_nearly_what_it_did_in_less_memory(name):
    make, call = MODELS[name]
    model = make().eval()
    before = computed(model, call)
    for kind, least, memory in (("int8", 0.999, 0.75), ("bf16", 0.99999, 0.9)):
        quantized = copy.deepcopy(model).quantize(kind)
        after = computed(quantized, call)
        assert least < cosine(before, after) and (before != after).any()
        kept, had = (sum(p.data.nbytes for p in m.parameters()) for m in (quantized, model))
        if had > 1 << 19:
            assert kept < memory * had
        for again in (pickle.loads(pickle.dumps(quantized)), copy.deepcopy(quantized)):
            np.testing.assert_array_equal(computed(again, call), after)


@pytest.mark.parametrize("kind", KINDS)
def test_large_weights_take_a_quarter_or_half_of_the_memory(kind):
    layer = nn.Linear(512, 640).quantize(kind)
    assert layer.weight.data.nbytes <= 512 * 640 * {"int8": 1.02, "bf16": 2.04}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_a_quantised_model_does_not_depend_on_the_batch_or_on_the_step(kind):
    model = models.GPT(100, max_positions=64, **WIDE).quantize(kind)
    whole = model(IDS).numpy()
    for row in range(3):
        np.testing.assert_array_equal(model(IDS[row : row + 1]).numpy()[0], whole[row])
    alone = [model.generate(IDS[i : i + 1], 12)[0] for i in range(3)]
    np.testing.assert_array_equal(model.generate(IDS, 12), alone)


def test_layers_compute_what_the_functions_do_with_a_quantised_weight():
    layer = nn.Linear(40, 70)
    x, residual = Tensor(RNG.standard_normal((2, 5, 40), "f4")), RNG.standard_normal((2, 5, 70), "f4")
    for kind in KINDS:
        weight = ops.QuantizedWeight(layer.weight.data, kind)
        quantized = copy.deepcopy(layer).quantize(kind)
        expected = ops.linear(x, weight, layer.bias.data, residual, activation="gelu")
        np.testing.assert_array_equal(quantized(x, residual, activation="gelu"), expected)
        rounded = ops.linear(x, np.asarray(weight), layer.bias.data, residual, activation="gelu")
        np.testing.assert_allclose(expected, rounded, atol=0.02 if kind == "int8" else 1e-5)
        ids = np.array([[3, 0], [69, 3]])
        np.testing.assert_array_equal(ops.embedding(ids, weight), np.asarray(weight)[ids])
        target = np.array([[1, 2, 3, -100, 69]] * 2)
        loss = ops.linear_cross_entropy(x, weight, target, layer.bias.data)
        logits = ops.linear(x, weight, layer.bias.data).reshape(10, 70)
        np.testing.assert_allclose(loss, ops.cross_entropy(logits, target.ravel()), rtol=1e-6)


def test_tied_tables_are_one_weight_that_is_looked_up_and_multiplied():
    model = models.GPT(100, max_positions=32, **NET).quantize()
    assert isinstance(model.embedding.weight.data, ops.QuantizedWeight)
    np.testing.assert_array_equal(model.embedding(IDS), np.asarray(model.embedding.weight.data)[IDS])
    assert not isinstance(models.GPT(100, tied=False, **NET).quantize().embedding.weight.data, ops.QuantizedWeight)


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_is_the_rounded_weights_as_float32(kind, tmp_path):
    model = models.BERT(100, **NET)
    quantized = copy.deepcopy(model).quantize(kind)
    state = quantized.state_dict()
    assert list(state) == list(model.state_dict())
    assert all(type(array) is np.ndarray for array in state.values())
    name = "transformer.layers.0.linear1.weight"
    largest = np.abs(model.state_dict()[name]).max(1, keepdims=True)
    assert (np.abs(state[name] - model.state_dict()[name]) <= largest / (253 if kind == "int8" else 256)).all()
    quantized.save(tmp_path / "model")
    expected = quantized(IDS).numpy()
    fresh = models.BERT(100, **NET)
    fresh.load(tmp_path / "model")
    np.testing.assert_array_equal(fresh.state_dict()[name], state[name])
    assert cosine(fresh.eval()(IDS).numpy().ravel(), expected.ravel()) > 0.999
    other = models.BERT(100, **NET).quantize(kind)
    other.load_state_dict(model.state_dict())  # rounds what it reads
    np.testing.assert_array_equal(other(IDS), expected)
    assert isinstance(other.get_submodule("transformer.layers.0.linear1").weight.data, ops.QuantizedWeight)


def test_patterns_choose_the_weights():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)).quantize("int8", "0")
    assert isinstance(model[0].weight.data, ops.QuantizedWeight)
    assert type(model[1].weight.data) is np.ndarray
    assert model.quantize("int8")[1].weight.data.kind == "int8"
    for patterns in (["2"], ["*.bias"]):
        with pytest.raises(ValueError, match=r"no parameter matches|none of"):
            nn.Sequential(nn.Linear(8, 8)).quantize("int8", *patterns)


def test_a_quantised_model_refuses_to_learn():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).quantize()
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    for refused in (model.train, model.unfreeze, model.requires_grad_):
        with pytest.raises(ValueError, match=r"0\.weight is quantised \(int8\)"):
            refused()
    assert not model.training
    with pytest.raises(ValueError, match=r"to: 0\.weight is quantised"):
        model.to(np.float64)
    with pytest.raises(TypeError, match="quantised weight has no gradient"):
        model(Tensor(np.ones((2, 8), "f4"), requires_grad=True))
    x = Tensor(np.ones((2, 8), "f4"), requires_grad=True)
    with pytest.raises(TypeError, match="linear_cross_entropy: a quantised weight has no gradient"):
        ops.linear_cross_entropy(x, model[0].weight, np.array([0, 1]))
    with pytest.raises(TypeError, match=r"init: .* got Parameter of QuantizedWeight\(int8, shape=\(8, 8\)\)"):
        model[0].reset_parameters()
    model.eval().zero_grad()
    model.freeze()


def test_bad_input_is_refused_and_changes_nothing():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    with pytest.raises(ValueError, match="kind must be one of 'int8', 'bf16', got 'int4'"):
        model.quantize("int4")
    model[1].weight.data[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"quantize: 1\.weight: .*not finite"):
        model.quantize()
    assert type(model[0].weight.data) is np.ndarray and model.training
    with pytest.raises(TypeError, match=r"0\.weight is float64, expected float32: call model\.to"):
        model.to(np.float64).quantize()
    with pytest.raises(ValueError, match="int8 already"):
        nn.Linear(8, 8).quantize().quantize("bf16")
    with pytest.raises(ValueError, match="weight of a linear layer"):
        nn.LSTM(8, 8).quantize()
    with pytest.raises(ValueError, match="in_features=8"):
        nn.Linear(8, 8).quantize()(np.ones((2, 7), "f4"))
    with pytest.raises(TypeError, match="x is float64"):
        nn.Linear(8, 8).quantize()(np.ones((2, 8)))


def test_bad_weights_are_refused():
    with pytest.raises(ValueError, match=r"a matrix \[O, I\], got shape \(3,\)"):
        ops.QuantizedWeight(np.ones(3, "f4"))
    with pytest.raises(TypeError, match="must be float32, got float64"):
        ops.QuantizedWeight(np.ones((3, 3)))
    weight = ops.QuantizedWeight(np.ones((3, 4), "f4"))
    with pytest.raises(ValueError, match="4 columns"):
        ops.linear(np.ones((2, 3), "f4"), weight)
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        ops.embedding([3], weight)
    with pytest.raises(TypeError, match="integer"):
        ops.embedding([0.5], weight)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(weight, copy=False)
    with pytest.raises(ValueError, match=r"kind must be one of .*, got \['int8'\]"):
        ops.QuantizedWeight(np.ones((3, 3), "f4"), ["int8"])
    for first, last in ((-64, 3), (0, 64), (2, 1)):
        with pytest.raises(ValueError, match="part: expected 0 <= first <= last <= 3"):
            weight.part(first, last)
