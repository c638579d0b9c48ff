"""BERT and its two tasks: padding, segments, tied weights, training on batches made of text."""

import copy

import numpy as np
import pytest

import seqnn
from seqnn import autograd, ops, optim, random, train
from seqnn.models import BERT, BERTForPretraining
from seqnn.text import mask_tokens, next_sentence_pairs, pad

SMALL = {"max_positions": 32, "d_model": 32, "nhead": 4, "num_layers": 2, "dropout": 0.0}
PAD, CLS, SEP, MASK = range(4)


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small to share."""
    with seqnn.threads(1):
        yield


def bert(**options):
    with random.seeded(0):
        return BERT(40, **{**SMALL, **options})


def ids(*shape, seed=0, high=40):
    return np.random.default_rng(seed).integers(0, high, shape)


def test_both_sides_count():
    model, x = bert().eval(), ids(1, 8)
    changed = x.copy()
    changed[0, 4] = (x[0, 4] + 1) % 40
    difference = np.abs(model(x).data - model(changed).data).max(axis=-1)
    assert (difference > 1e-5).all()


def test_padding_does_not_change_what_counts():
    model, x, segments, lengths = bert().eval(), ids(3, 12), ids(3, 12, high=2), [12, 5, 1]
    hidden = model(x, lengths, segments)
    pooled = model.pool(hidden).data
    for row, length in enumerate(lengths):
        alone = model(x[row : row + 1, :length], None, segments[row : row + 1, :length])
        np.testing.assert_allclose(hidden.data[row, :length], alone.data[0], atol=1e-5)
        np.testing.assert_allclose(pooled[row], model.pool(alone).data[0], atol=1e-5)


def test_segments():
    model, x = bert().eval(), ids(2, 6)
    plain = model(x).data
    np.testing.assert_allclose(model(x, None, np.zeros_like(x)).data, plain, atol=1e-6)
    assert np.abs(model(x, None, np.ones_like(x)).data - plain).max() > 1e-4


def test_losses():
    model, x, segments = BERTForPretraining(bert()).eval(), ids(3, 8), ids(3, 8, high=2)
    targets, following = np.full((3, 8), -100), np.array([0, 1, 1])
    targets[0, 3], targets[2, 5] = 7, 8
    tokens, follows = model(x, None, segments)
    assert tokens.shape == (3, 8, 40) and follows.shape == (3, 2)
    first = ops.cross_entropy(tokens[[0, 2], [3, 5]], np.array([7, 8])).item()
    assert model(x, None, segments, targets).item() == pytest.approx(first, rel=1e-5)
    both = first + ops.cross_entropy(follows, following).item()
    assert model(x, None, segments, targets, following).item() == pytest.approx(both, rel=1e-5)


def test_gradients_reach_every_parameter():
    model = BERTForPretraining(bert())
    x = ids(2, 32)
    model(x, [32, 20], ids(2, 32, high=2), x, [0, 1]).backward()
    for name, parameter in model.named_parameters():
        assert np.isfinite(parameter.grad).all() and parameter.grad.any(), name


def test_weights_stay_tied(tmp_path):
    model = BERTForPretraining(bert()).eval()
    model.save(tmp_path / "bert.safetensors")
    other = BERTForPretraining(BERT(40, **SMALL)).eval()
    other.load(tmp_path / "bert.safetensors")
    for a, b in zip(model(ids(2, 5)), other(ids(2, 5)), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    assert not any(name.startswith("head.weight") for name in other.state_dict())
    other.bert.embedding.weight.data[:] = 0
    tokens, _ = copy.deepcopy(other)(ids(2, 5))
    np.testing.assert_array_equal(tokens.data, np.broadcast_to(other.head.bias.data, (2, 5, 40)))


def test_sizes():
    model = BERT(100, d_model=48, nhead=12, num_layers=2, max_positions=64)
    assert model.summary().parameters == count(100, 64, 48, 2)
    assert count(30522, 512, 768, 12) == 109_482_240


def count(vocabulary, positions, d, layers):
    """Parameters: tables and their norm, a layer's attention, feed-forward network and two norms, the pooler."""
    return (vocabulary + positions + 2) * d + 2 * d + layers * (12 * d * d + 13 * d) + d * d + d


def batch(pairs):
    tokens, lengths = pad([ids for ids, _, _ in pairs], value=PAD)
    segments, _ = pad([segments for _, segments, _ in pairs])
    tokens, targets = mask_tokens(tokens, mask_id=MASK, vocabulary_size=40, special_ids=(PAD, CLS, SEP))
    return tokens, lengths, segments, targets, np.array([label for _, _, label in pairs])


def fitted(data, epochs):
    model = BERTForPretraining(bert())
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    return train.fit(model, None, data, epochs, optimizer, clip_norm=1.0, batch_size=12, verbose=0)["loss"]


def test_pretraining_learns():
    draw = np.random.default_rng(0)
    documents = [[draw.integers(4, 40, draw.integers(2, 7)) for _ in range(5)] for _ in range(6)]
    with random.seeded(0):
        pairs = next_sentence_pairs(documents, cls_id=CLS, sep_id=SEP, max_length=16)
        by_heart = fitted(batch(pairs), 60)
        fresh_masks = fitted(train.Batches(pairs, batch_size=12, collate=batch), 10)
    assert by_heart[0] > 4 and by_heart[-1] < 0.1
    assert fresh_masks[-1] < fresh_masks[0]


def test_bad_input():
    with pytest.raises(ValueError, match="embed_dim=30 is no multiple of num_heads=4"):
        bert(d_model=30)
    model = bert()
    with pytest.raises(ValueError, match="expected at most max_positions=32, got 33"):
        model(ids(1, 33))
    with pytest.raises(ValueError, match=r"segments: expected the shape of ids, \(1, 3\), got \(1, 2\)"):
        model(ids(1, 3), None, [[0, 1]])
    with pytest.raises(ValueError, match=r"segments \(Embedding\): "):
        model(ids(1, 3), None, [[0, 1, 2]])
    with pytest.raises(ValueError, match=r"embedding \(Embedding\): .*-1"):
        model([[1, -1]])
    with pytest.raises(ValueError, match="lengths must lie in"), autograd.no_grad():
        model(ids(1, 3), [4])
    with pytest.raises(ValueError, match="ids: expected integers"):
        model(np.zeros((2, 3)))


def test_packed_sequences_have_the_hidden_states_of_sequences_alone():
    model = BERT(50, d_model=32, nhead=4, num_layers=3, max_positions=120)
    draw = np.random.default_rng(0)
    for parameter in model.parameters():
        parameter.data += 0.2 * draw.standard_normal(parameter.shape).astype(np.float32)
    for longest in (40, 110):  # in one call, and layer by layer
        lengths = [7, longest, 1, 33, 8]
        rows = [draw.integers(0, 50, length) for length in lengths]
        model.train()
        found = model.encode_packed(np.concatenate(rows), lengths)
        assert model.training and found.dtype == np.float32
        model.eval()
        expected = np.concatenate([model([row]).numpy()[0] for row in rows])
        np.testing.assert_allclose(found, expected, atol=2e-5)
    seen = []
    model.transformer.layers[1].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    np.testing.assert_allclose(model.encode_packed(rows[0], [7]), expected[:7], atol=2e-5)
    assert seen == [(1, 7, 32)]
    for wrong in ([6], [8, -1], [121], [[7]], [7.0], [0, 7]):
        with pytest.raises(
            ValueError, match="lengths: expected integers from 1 to max_positions=120 that sum to 7 ids"
        ):
            model.encode_packed(rows[0], wrong)


def test_a_bert_without_segments():
    model = BERT(50, d_model=16, nhead=2, num_layers=1, num_segments=0).eval()
    assert not any("segments" in name for name in model.state_dict())
    assert model([[1, 2]]).shape == (1, 2, 16)
    with pytest.raises(ValueError, match="segments: expected None, as this BERT was made with num_segments=0"):
        model([[1, 2]], None, [[0, 1]])


def filler():
    """A model whose answers depend on what stands elsewhere, and its mask."""
    with random.seeded(3):
        model = BERTForPretraining(BERT(30, **{**SMALL, "dropout": 0.3}), next_sentence=False)
    for parameter in model.parameters():
        parameter.data[...] *= 8
    return model, 4


def best_of(model, sequence, place, mask):
    logits = model.eval()([sequence]).numpy()[0, place].astype(np.float64)
    logits[mask] = -np.inf
    chances = logits - np.log(np.exp(logits).sum())
    return int(chances.argmax()), chances.max()


@pytest.mark.parametrize("order", ["confidence", "left_to_right", "parallel"])
def test_masks_are_filled_in_order(order):
    model, mask = filler()
    given = [[5, 4, 9, 4, 4, 7], [4, 8, 8, 8, 4, 6]]
    filled = model.fill_masks(given, mask, order=order)
    for row, found, scores in zip(given, filled.ids, filled.scores, strict=True):
        wanted, chances = list(row), np.zeros(len(row))
        while mask in wanted:
            options = {p: best_of(model, wanted, p, mask) for p, token in enumerate(wanted) if token == mask}
            if order == "parallel":
                chosen = options
            else:
                sure = {p: chance if order == "confidence" else -p for p, (_, chance) in options.items()}
                chosen = [max(sure, key=sure.get)]
            for place in chosen:
                wanted[place], chances[place] = options[place]
        assert found.tolist() == wanted
        np.testing.assert_allclose(scores, chances, atol=1e-4)
    assert not np.array_equal(model.fill_masks(given, mask, order="parallel").ids, model.fill_masks(given, mask).ids)


def test_mask_predict_fills_in_again_what_is_least_sure():
    model, mask = filler()
    given = np.full((2, 8), mask)
    given[:, 0] = 5, 6
    once = model.fill_masks(given, mask, order="mask_predict", iterations=1)
    np.testing.assert_array_equal(once.ids, model.fill_masks(given, mask, order="parallel").ids)
    ids, scores = once.ids.copy(), once.scores.copy()
    for row in range(2):
        again = np.argsort(np.where(given[row] == mask, scores[row], np.inf), kind="stable")[: 7 * 1 // 2]
        hidden = ids[row].copy()
        hidden[again] = mask
        for place in again:
            ids[row, place], scores[row, place] = best_of(model, hidden, place, mask)
    twice = model.fill_masks(given, mask, order="mask_predict", iterations=2)
    np.testing.assert_array_equal(twice.ids, ids)
    np.testing.assert_allclose(twice.scores, scores, atol=1e-4)
    assert not (model.fill_masks(given, mask, order="mask_predict", iterations=20).ids == mask).any()


def test_filling_keeps_padding_and_the_mode_of_the_model():
    model, mask = filler()
    model.train()
    filled = model.fill_masks([[5, 4, 7, 4]], mask, lengths=[3])
    assert filled.ids[0, 3] == 4 and filled.ids[0, 1] != 4 and model.training
    np.testing.assert_array_equal(filled.ids[:, :3], model.fill_masks([[5, 4, 7]], mask).ids)
    with pytest.raises(ValueError, match=r"order: expected one of parallel, confidence, .* got 'best'"):
        model.fill_masks([[4]], mask, order="best")
    with pytest.raises(ValueError, match="ids: expected the mask token 4 somewhere, got none"):
        model.fill_masks([[5]], mask)
    with pytest.raises(ValueError, match="mask_id: expected at most 29, got 30"):
        model.fill_masks([[5]], 30)
