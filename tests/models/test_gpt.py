"""GPT: what it may see, decoding with a cache, training, and a clear word where something does not fit."""

import copy

import numpy as np
import pytest

import seqnn
from seqnn import decode, models, optim, random, train
from seqnn.models import GPT
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
    nothing = model(x, np.full((2, 6), -100))
    assert nothing.item() == models.token_cross_entropy(model(x), np.full((2, 6), -100)).item() == 0
    nothing.backward()
    assert not any(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


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
        first = model.generate(x, 8, do_sample=True)
    with random.seeded(5):
        np.testing.assert_array_equal(model.generate(x, 8, do_sample=True), first)
    assert not np.array_equal(model.generate(x, 8, do_sample=True), first)
    np.testing.assert_array_equal(model.generate(x, 5, do_sample=True, top_k=1), model.generate(x, 5))
    logits = np.log([[0.1, 0.6, 0.3]]).repeat(4000, axis=0)
    with random.seeded(1):
        shares = [
            np.bincount(decode.draw(logits, temperature=temperature, top_k=top_k), minlength=3) / 4000
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
    ended = model.generate(x, 6, eos_token_id=end)
    stop = 4 + int(np.argmax(plain[0, 4:] == end))
    assert (ended[0, stop:] == end).all()
    both = model.generate(x[:1].repeat(2, axis=0), 6, eos_token_id=end)
    assert both.shape == (2, stop + 1)
    assert model.generate(x, 0).tolist() == x.tolist()


@POSITIONS
def test_prompts_of_unequal_length_are_continued_as_each_alone(positions):
    model, x, lengths = gpt(positions=positions), ids(3, 6), [6, 2, 4]
    for parameter in model.parameters():
        parameter.data *= 5  # logits that differ clearly
    alone = [model.generate(x[i : i + 1, :n], 7)[0] for i, n in enumerate(lengths)]
    together = model.generate(x, 7, lengths=lengths)
    assert together.shape == (3, 13)
    left = np.stack([np.roll(row, 6 - n) for row, n in zip(x, lengths, strict=True)])
    mask = np.arange(6) >= 6 - np.array(lengths)[:, None]
    padded = model.generate(left, 7, attention_mask=mask.astype(int))
    for i, n in enumerate(lengths):
        np.testing.assert_array_equal(together[i, : n + 7], alone[i])
        np.testing.assert_array_equal(padded[i, 6 - n :], alone[i])
        assert (together[i, n + 7 :] == 0).all()
    end = int(alone[1][4])
    ended = model.generate(x, 7, lengths=lengths, eos_token_id=end)
    assert (ended[1, 4:] == end).all()


def test_a_mask_of_the_padding_is_that_of_the_lengths():
    model, x = gpt().eval(), ids(2, 8)
    mask = np.arange(8) < np.array([8, 5])[:, None]
    whole, masked = model(x, lengths=[8, 5]).data, model(x, attention_mask=mask).data
    np.testing.assert_allclose(masked[mask], whole[mask], atol=1e-6)
    shifted = np.roll(x, 3, axis=1)
    moved = model(shifted, attention_mask=np.arange(8) >= np.array([0, 3])[:, None]).data
    np.testing.assert_allclose(moved[1, 3:], whole[1, :5], atol=1e-5)


@POSITIONS
def test_a_crop_goes_on_from_the_last_positions(positions):
    model, x = gpt(positions=positions), ids(2, 30)
    for parameter in model.parameters():
        parameter.data *= 5
    model.eval()
    sequence = x
    for _ in range(8):
        following = model(sequence[:, -32:]).data[:, -1].argmax(axis=1)
        sequence = np.concatenate([sequence, following[:, None]], axis=1)
    np.testing.assert_array_equal(model.generate(x, 8, crop=True), sequence)
    longer = ids(1, 50)
    np.testing.assert_array_equal(
        model.generate(longer, 2, crop=True)[:, 50], model(longer[:, -32:]).data[:, -1].argmax(axis=1)
    )
    lengths = [30, 9]
    together = model.generate(x, 8, lengths=lengths, crop=True)
    np.testing.assert_array_equal(together[0], sequence[0])
    np.testing.assert_array_equal(together[1, :17], model.generate(x[1:, :9], 8)[0])


def test_a_nucleus_holds_the_fewest_tokens_of_its_share():
    logits = np.log([[0.1, 0.5, 0.15, 0.25]]).repeat(4000, axis=0)
    with random.seeded(1):
        options = ((None, 0.7), (None, 0.01), (3, 1.0), (None, 1.0))
        shares = [np.bincount(decode.draw(logits, top_k=k, top_p=p), minlength=4) / 4000 for k, p in options]
    third = np.array([0, 0.5, 0.15, 0.25]) / 0.9
    for found, expected in zip(
        shares, [[0, 2 / 3, 0, 1 / 3], [0, 1, 0, 0], third, [0.1, 0.5, 0.15, 0.25]], strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=0.03)
    model, x = gpt(), ids(2, 4)
    np.testing.assert_array_equal(model.generate(x, 5, do_sample=True, top_p=1e-9), model.generate(x, 5))


def test_weights_that_are_not_finite_generate_nothing():
    model = gpt()
    model.transformer.norm.weight.data[0] = np.nan
    for do_sample in (False, True):
        with pytest.raises(
            FloatingPointError, match=r"logits: sequence 0 has none that is finite .* look at the weights"
        ):
            model.generate(ids(2, 4), 3, do_sample=do_sample)


def test_no_prompt_generates_nothing():
    assert gpt().generate(np.empty((0, 4), int), 3).shape == (0, 4)


def test_modes_of_modules_survive_generation():
    model = gpt(dropout=0.5).train()
    model.dropout.eval()
    model.generate(ids(1, 3), 2)
    assert model.training and not model.dropout.training and model.transformer.layers[0].dropout.training


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
    with pytest.raises(ValueError, match="num_layers: expected an integer >= 1, got 0"):
        gpt(num_layers=0)
    with pytest.raises(ValueError, match="positions: expected 'learned' or 'rotary', got 'none'"):
        gpt(positions="none")
    model = gpt()
    with pytest.raises(ValueError, match="expected at most max_positions=32, got 33"):
        model(ids(1, 33))
    with pytest.raises(
        ValueError, match="30 \\+ 3 positions exceed max_positions=32; crop=True goes on from the last 32"
    ):
        model.generate(ids(1, 30), 3)
    for count, message in ((None, "expected an integer >= 0, got None"), (-10, "expected an integer >= 0, got -10")):
        with pytest.raises((TypeError, ValueError), match=f"max_new_tokens: {message}"):
            model.generate(ids(1, 3), count)
    with pytest.raises(
        ValueError, match=r"ids: expected integers .* got int64 of shape \(3,\); for one sequence give \[ids\]"
    ):
        model.generate([1, 2, 3], 3)
    for text in ("to be", ["to be"], [["to", "be"]]):
        with pytest.raises(
            (TypeError, ValueError), match=r"ids: expected integers \[batch, positions\], got (text|<U2)"
        ):
            model.generate(text, 3)
    with pytest.raises(ValueError, match=r"rows of unequal length: seqnn\.text\.pad makes one array"):
        model([[1, 2], [3]])
    with pytest.raises(ValueError, match=r"top_p: expected a finite number > 0 and <= 1, got 1\.5"):
        model.generate(ids(1, 3), 3, do_sample=True, top_p=1.5)
    with pytest.raises(ValueError, match=r"lengths: expected 1 integers from 1 to 3, got \[4\]"):
        model.generate(ids(1, 3), 3, lengths=[4])
    with pytest.raises(
        ValueError, match=r"attention_mask: expected booleans, or 1 and 0, of the shape of ids, \[1, 3\]"
    ):
        model(ids(1, 3), attention_mask=[[1, 2, 1]])
    with pytest.raises(ValueError, match="attention_mask: expected it or lengths, got both"):
        model.generate(ids(1, 3), 3, lengths=[3], attention_mask=[[1, 1, 1]])
    with pytest.raises(ValueError, match="attention_mask: expected the padding at the beginning"):
        model.generate(ids(1, 3), 3, attention_mask=[[1, 1, 0]])
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
        model.generate(ids(1, 3), 3, do_sample=True, top_k=0)
    with pytest.raises(ValueError, match=r"targets: expected shape \(1, 3\), one for each position, got \(1, 2\)"):
        model(ids(1, 3), ids(1, 2))
