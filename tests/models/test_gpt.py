"""GPT: what it may see, decoding with a cache, training, and a clear word where something does not fit."""

import copy

import numpy as np
import pytest

import seqnn
from seqnn import models, optim, random, train
from seqnn.models import GPT
from seqnn.models._generation import choose
from seqnn.text import windows

SMALL = {"max_positions": 32, "d_model": 32, "nhead": 4, "num_layers": 2, "dropout": 0.0}
POSITIONS = pytest.mark.parametrize("positions", ["learned", "rotary"])


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small to share."""
    with seqnn.threads(1):
        yield


def gpt(**options):
    with random.seeded(0):
        return GPT(40, **{**SMALL, **options})


def ids(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 40, shape)


@POSITIONS
def test_the_future_does_not_change_the_past(positions):
    model, x = gpt(positions=positions).eval(), ids(2, 12)
    changed = x.copy()
    changed[:, 7:] = ids(2, 5, seed=1)
    a, b = model(x).data, model(changed).data
    assert a.shape == (2, 12, 40)
    np.testing.assert_array_equal(a[:, :7], b[:, :7])
    assert np.abs(a[:, 7:] - b[:, 7:]).min(axis=-1).max() > 0


@POSITIONS
def test_order_matters(positions):
    model = gpt(positions=positions).eval()
    assert np.abs(model([[3, 4, 5]]).data[0, 2] - model([[4, 3, 5]]).data[0, 2]).max() > 1e-4


def test_padding_does_not_change_logits():
    model, x, lengths = gpt().eval(), ids(3, 12), [12, 5, 1]
    padded = model(x, lengths=lengths).data
    for row, length in enumerate(lengths):
        alone = model(x[row : row + 1, :length]).data[0]
        np.testing.assert_allclose(padded[row, :length], alone, atol=1e-5)


def test_targets_that_do_not_count():
    model, x, targets = gpt(), ids(2, 6), ids(2, 6, seed=1)
    targets[0, 3:] = targets[1, :2] = -100
    expected = models.token_cross_entropy(model(x), targets)
    np.testing.assert_allclose(model(x, targets).data, expected.data, rtol=1e-5)
    with pytest.raises(ValueError, match="at least one that counts, all are -100"):
        model(x, np.full((2, 6), -100))


@POSITIONS
def test_cached_generation_equals_the_whole_sequence(positions):
    model, x = gpt(positions=positions), ids(3, 4)
    for parameter in model.parameters():
        parameter.data *= 5  # logits that differ clearly
    model.eval()
    sequence = x
    for _ in range(10):
        sequence = np.concatenate([sequence, model(sequence).data[:, -1].argmax(axis=1)[:, None]], axis=1)
    model.train()
    np.testing.assert_array_equal(model.generate(x, 10), sequence)
    assert model.training
    cache = model.eval().transformer.new_cache(14)
    steps = [model.encode(sequence[:, a:b], cache=cache).data for a, b in ((0, 5), (5, 6), (6, 14))]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), model.encode(sequence).data, atol=1e-4)


def test_sampling_follows_the_seed_and_the_probabilities():
    model, x = gpt(), ids(2, 4)
    with random.seeded(5):
        first = model.generate(x, 8, temperature=1.0)
    with random.seeded(5):
        np.testing.assert_array_equal(model.generate(x, 8, temperature=1.0), first)
    assert not np.array_equal(model.generate(x, 8, temperature=1.0), first)
    np.testing.assert_array_equal(model.generate(x, 5, temperature=1.0, top_k=1), model.generate(x, 5))
    logits = np.log([[0.1, 0.6, 0.3]]).repeat(4000, axis=0)
    with random.seeded(1):
        shares = [
            np.bincount(choose(logits, temperature, top_k), minlength=3) / 4000
            for temperature, top_k in ((1.0, None), (1.0, 2), (0.5, None), (1.0, 99))
        ]
    squares = np.array([0.01, 0.36, 0.09]) / 0.46
    for found, expected in zip(shares, [[0.1, 0.6, 0.3], [0, 2 / 3, 1 / 3], squares, [0.1, 0.6, 0.3]], strict=True):
        np.testing.assert_allclose(found, expected, atol=0.03)


def test_generation_ends():
    model, x = gpt(), ids(2, 4)
    plain = model.generate(x, 6)
    end = plain[0, 5]
    assert end not in plain[1, 4:6]
    ended = model.generate(x, 6, eos_id=end)
    stop = 4 + int(np.argmax(plain[0, 4:] == end))
    assert (ended[0, stop:] == end).all()
    both = model.generate(x[:1].repeat(2, axis=0), 6, eos_id=end)
    assert both.shape == (2, stop + 1)
    assert model.generate(x, 0).tolist() == x.tolist()


@pytest.mark.parametrize("options", [{}, {"positions": "rotary", "bias": False, "activation": "swiglu"}])
def test_gradients_reach_every_parameter(options):
    model = gpt(**options)
    model(ids(2, 32), ids(2, 32, seed=1)).backward()
    for name, parameter in model.named_parameters():
        assert np.isfinite(parameter.grad).all() and parameter.grad.any(), name


def test_weights_stay_tied(tmp_path):
    model = gpt()
    assert [name for name in model.state_dict() if "embedding" in name or "head" in name] == ["embedding.weight"]
    model.save(tmp_path / "gpt.safetensors")
    other = GPT(40, **SMALL)
    other.load(tmp_path / "gpt.safetensors")
    np.testing.assert_array_equal(other.eval()(ids(2, 5)).data, model.eval()(ids(2, 5)).data)
    other.embedding.weight.data[:] = 0
    assert not other(ids(2, 5)).data.any()
    assert not copy.deepcopy(other)(ids(2, 5)).data.any()


def test_sizes():
    with_table = GPT(100, d_model=48, nhead=12, num_layers=2, max_positions=64)
    assert with_table.summary().parameters == count(100, 64, 48, 2)
    assert count(50257, 1024, 768, 12) == 124_439_808
    assert with_table.summary(ids(2, 7)).units > 0


def count(vocabulary, positions, d, layers):
    """Parameters of GPT-2: tables, then a layer's two norms, attention and feed-forward network, then the last norm."""
    return (vocabulary + positions) * d + layers * (12 * d * d + 13 * d) + 2 * d


def test_it_learns_a_text_by_heart():
    text = b"to be, or not to be, that is the question: whether 'tis nobler in the mind to suffer"
    data = np.frombuffer(text, np.uint8).astype(np.int64)
    with random.seeded(0):
        model = GPT(128, **SMALL)
        pairs = windows(data, 25, overlap=20)
        history = train.fit(
            model,
            None,
            (pairs[:, :-1], pairs[:, 1:]),
            100,
            optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0),
            batch_size=16,
            verbose=0,
        )
    assert history["loss"][-1] < 0.1
    continued = model.generate(data[None, :12], 13)[0]
    assert bytes(continued.astype(np.uint8).tolist()) == text[:25]


def test_bad_input():
    with pytest.raises(ValueError, match="embed_dim=30 is no multiple of num_heads=4"):
        gpt(d_model=30)
    with pytest.raises(ValueError, match="positions: expected 'learned' or 'rotary', got 'none'"):
        gpt(positions="none")
    model = gpt()
    with pytest.raises(ValueError, match="expected at most max_positions=32, got 33"):
        model(ids(1, 33))
    with pytest.raises(ValueError, match="30 \\+ 3 positions exceed max_positions=32"):
        model.generate(ids(1, 30), 3)
    with pytest.raises(ValueError, match=r"embedding \(Embedding\): .*40"):
        model([[1, 40]])
    with pytest.raises(ValueError, match=r"ids: expected integers \[batch, positions\], got int64 of shape \(3,\)"):
        model([1, 2, 3])
    with pytest.raises(ValueError, match="got float64"):
        model([[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least one token to go on from"):
        model.generate(np.empty((2, 0), int), 3)
    with pytest.raises(ValueError, match="temperature: expected a finite number >= 0, got -1"):
        model.generate(ids(1, 3), 3, temperature=-1)
    with pytest.raises(ValueError, match="top_k: expected an integer >= 1, got 0"):
        model.generate(ids(1, 3), 3, temperature=1.0, top_k=0)
    with pytest.raises(ValueError, match=r"targets: expected shape \(1, 3\), one for each position, got \(1, 2\)"):
        model(ids(1, 3), ids(1, 2))
