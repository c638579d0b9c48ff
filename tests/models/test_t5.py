"""T5: what encoder and decoder may see, decoding with a cache, training, and both tables of tokens."""

import numpy as np
import pytest

import seqnn
from seqnn import optim, random, train
from seqnn.models import T5
from seqnn.text import corrupt_spans, pad

SMALL = {
    "d_model": 32,
    "nhead": 4,
    "head_dim": 12,
    "num_layers": 2,
    "dim_feedforward": 48,
    "dropout": 0.0,
    "buckets": 8,
}
TABLES = pytest.mark.parametrize("options", [{}, {"tied": False, "activation": "geglu_tanh"}])


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small to share."""
    with seqnn.threads(1):
        yield


def t5(**options):
    with random.seeded(0):
        return T5(40, **{**SMALL, **options})


def ids(*shape, seed=0):
    return np.random.default_rng(seed).integers(2, 40, shape)


@TABLES
def test_the_decoder_sees_the_past_and_the_encoder_everything(options):
    model, x, y = t5(**options).eval(), ids(2, 9), ids(2, 8, seed=1)
    changed = y.copy()
    changed[:, 5:] = ids(2, 3, seed=2)
    a = model(x, None, y).data
    assert a.shape == (2, 8, 40)
    np.testing.assert_array_equal(a[:, :5], model(x, None, changed).data[:, :5])
    x[:, -1] += 1
    assert (np.abs(a - model(x % 40, None, y).data).max(axis=-1) > 0).all()


def test_padding_does_not_change_logits():
    model, x, y, lengths = t5().eval(), ids(3, 9), ids(3, 6, seed=1), [9, 4, 1]
    padded = model(x, lengths, y).data
    for row, length in enumerate(lengths):
        alone = model(x[row : row + 1, :length], None, y[row : row + 1]).data[0]
        np.testing.assert_allclose(padded[row], alone, atol=2e-5)


def test_distances_matter():
    model = t5().eval()
    y = np.array([[0]])
    a, b = (model([x], None, y).data for x in ([3, 4, 5, 6], [6, 4, 5, 3]))
    assert np.abs(a - b).max() > 1e-4


@TABLES
def test_cached_generation_equals_the_whole_sequence(options):
    model, x, lengths = t5(**options), ids(3, 7), [7, 3, 5]
    model.eos_id = 10_000
    model.eval()
    sequence = np.zeros((3, 1), int)
    for _ in range(9):
        sequence = np.concatenate([sequence, model(x, lengths, sequence).data[:, -1].argmax(axis=1)[:, None]], axis=1)
    np.testing.assert_array_equal(model.train().generate(x, 9, lengths=lengths), sequence[:, 1:])
    assert model.training
    model.eos_id = int(sequence[0, 3])
    ended = model.generate(x[:1], 9, lengths=lengths[:1])
    stop = 1 + int(np.argmax(sequence[0, 1:] == model.eos_id))
    np.testing.assert_array_equal(ended, sequence[:1, 1 : stop + 1])
    assert model.generate(x, 0).shape == (3, 0)


def test_sampling_follows_the_seed():
    model, x = t5(), ids(2, 5)
    with random.seeded(5):
        first = model.generate(x, 8, do_sample=True, top_k=20)
    with random.seeded(5):
        np.testing.assert_array_equal(model.generate(x, 8, do_sample=True, top_k=20), first)


def test_shift_right():
    shifted = t5(pad_id=3).shift_right([[5, 6, 1], [7, 1, -100]])
    assert shifted.tolist() == [[3, 5, 6], [3, 7, 1]]
    assert t5().shift_right([[5, -100, -100]]).tolist() == [[0, 5, 0]]


@TABLES
def test_gradients_reach_every_parameter(options):
    model = t5(**options)
    y = ids(2, 16, seed=1)
    model(ids(2, 40), [40, 9], model.shift_right(y), y).backward()
    for name, parameter in model.named_parameters():
        assert np.isfinite(parameter.grad).all() and parameter.grad.any(), name


@TABLES
def test_saved_and_loaded(tmp_path, options):
    model, x, y = t5(**options).eval(), ids(2, 5), ids(2, 4, seed=1)
    model.save(tmp_path / "t5.safetensors")
    other = T5(40, **SMALL, **options).eval()
    other.load(tmp_path / "t5.safetensors")
    np.testing.assert_array_equal(other(x, None, y).data, model(x, None, y).data)
    tables = [name for name, array in other.state_dict().items() if array.shape == (40, 32)]
    assert tables == (["embedding.weight"] if model.tied else ["embedding.weight", "head.weight"])
    other.embedding.weight.data[:] = 0
    assert not other(x, None, y).data.any()


def test_sizes():
    """T5 small: 60,506,624 parameters, that is a table, twice 6 layers, two tables of distances."""
    options = {"d_model": 64, "nhead": 4, "head_dim": 8, "num_layers": 2, "dim_feedforward": 96}
    assert T5(100, **options).summary().parameters == count(100, 64, 4, 8, 2, 96)
    assert count(32128, 512, 8, 64, 6, 2048) == 60_506_624


def count(vocabulary, d, heads, head_dim, layers, feedforward):
    attention, inner = 4 * d * heads * head_dim, 2 * d * feedforward
    return vocabulary * d + layers * (3 * attention + 2 * inner + 5 * d) + 2 * d + 2 * 32 * heads


def test_it_learns_missing_spans():
    """Sequences count upwards, so that what a span held is plain."""
    sequences = [range(start, start + 12) for start in range(2, 20)]
    with random.seeded(0):
        pairs = [corrupt_spans(s, sentinel_id=39, eos_id=1, density=0.25) for s in sequences for _ in range(4)]
        model = t5()
        x, lengths = pad([source for source, _ in pairs])
        y, _ = pad([target for _, target in pairs], value=-100)
        history = train.fit(
            model,
            None,
            (x, lengths, model.shift_right(y), y),
            40,
            optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0),
            batch_size=24,
            clip_norm=1.0,
            verbose=0,
        )
    assert history["loss"][-1] < 0.1
    found = model.generate(x[:8], y.shape[1], lengths=lengths[:8])
    expected = np.where(y[:8] == -100, 1, y[:8])[:, : found.shape[1]]
    assert (found == expected).mean() > 0.9


def test_bad_input():
    with pytest.raises(ValueError, match="num_layers: expected an integer >= 1, got 0"):
        T5(20, d_model=8, nhead=2, num_layers=0)
    with pytest.raises(ValueError, match="activation is one of"):
        t5(activation="tanhh")
    model = t5()
    with pytest.raises(ValueError, match="ids: expected integers"):
        model(ids(2, 3), None, [1, 2])
    with pytest.raises(ValueError, match=r"embedding \(Embedding\): .*40"):
        model(ids(2, 3), None, [[1], [40]])
    with pytest.raises(ValueError, match="lengths"):
        model(ids(2, 3), [4, 1], [[0], [0]])
    with pytest.raises(ValueError, match="max_new_tokens: expected an integer >= 0, got -1"):
        model.generate(ids(2, 3), -1)
