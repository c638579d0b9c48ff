"""Hidden tokens, pairs of sentences and missing spans: counts, shares, and that the original can be put together again."""

import numpy as np
import pytest

from seqnn import random
from seqnn.text import corrupt_spans, mask_tokens, next_sentence_pairs

MASK, VOCABULARY = 4, 1000


def test_shares_of_hidden_tokens():
    ids = np.random.default_rng(0).integers(10, VOCABULARY, (200, 100))
    changed, targets = mask_tokens(ids, mask_id=MASK, vocabulary_size=VOCABULARY, seed=1)
    chosen = targets != -100
    assert (chosen.sum(axis=1) == 15).all()
    np.testing.assert_array_equal(targets[chosen], ids[chosen])
    np.testing.assert_array_equal(changed[~chosen], ids[~chosen])
    masked, kept = (changed[chosen] == MASK).mean(), (changed[chosen] == ids[chosen]).mean()
    assert abs(masked - 0.8) < 0.03 and abs(kept - 0.1) < 0.03
    assert abs(chosen[:, :50].mean() - 0.15) < 0.01
    assert changed.dtype == ids.dtype and (changed < VOCABULARY).all()


def test_special_tokens_stay():
    ids = np.array([[1, 50, 2, 0, 0], [1, 2, 0, 0, 0], [1, 60, 61, 62, 2]], np.int32)
    changed, targets = mask_tokens(ids, mask_id=MASK, vocabulary_size=VOCABULARY, special_ids=(0, 1, 2), seed=3)
    assert (targets != -100).sum(axis=1).tolist() == [1, 0, 1]
    special = ids < 3
    np.testing.assert_array_equal(changed[special], ids[special])


def test_draws_follow_the_seed():
    ids = np.full((4, 50), 7)
    options = {"mask_id": MASK, "vocabulary_size": VOCABULARY}
    assert all(map(np.array_equal, mask_tokens(ids, **options, seed=1), mask_tokens(ids, **options, seed=1)))
    assert not np.array_equal(mask_tokens(ids, **options, seed=1)[1], mask_tokens(ids, **options, seed=2)[1])
    with random.seeded(1):
        first = mask_tokens(ids, **options)
        second = mask_tokens(ids, **options)
    assert not np.array_equal(first[1], second[1])
    with random.seeded(1):
        np.testing.assert_array_equal(mask_tokens(ids, **options)[1], first[1])


def test_pairs_of_sentences():
    documents = [[[100 * d + s] * (1 + s % 4) for s in range(11)] for d in range(1, 41)]
    pairs = next_sentence_pairs(documents, cls_id=1, sep_id=2, seed=0)
    assert len(pairs) == 400
    labels = np.array([label for _, _, label in pairs])
    assert abs(labels.mean() - 0.5) < 0.08
    for ids, segments, label in pairs:
        first, second = np.flatnonzero(ids == 2)
        assert ids[0] == 1 and second == len(ids) - 1
        np.testing.assert_array_equal(segments, np.arange(len(ids)) > first)
        a, b = ids[1], ids[first + 1]
        assert (b == a + 1) if label == 0 else (a // 100 != b // 100)


@pytest.mark.parametrize(("lengths", "kept"), [((9, 9), (4, 4)), ((2, 9), (2, 6)), ((9, 2), (6, 2)), ((3, 4), (3, 4))])
def test_pairs_are_cut_to_fit(lengths, kept):
    documents = [[list(range(10, 10 + lengths[0])), list(range(30, 30 + lengths[1]))]] * 2
    for ids, segments, _ in next_sentence_pairs(documents, cls_id=1, sep_id=2, max_length=11, seed=0):
        if ids[segments == 1][0] == 30:
            assert [list(ids).index(2) - 1, int(segments.sum()) - 1] == list(kept)
            break
    else:
        pytest.fail("no pair had the second sentence")


@pytest.mark.parametrize("length", [2, 3, 10, 57, 500])
def test_spans_put_back_give_the_original(length):
    ids = np.arange(10, 10 + length)
    source, target = corrupt_spans(ids, sentinel_id=9999, eos_id=1, seed=length)
    assert source[-1] == target[-1] == 1
    sentinels = [t for t in source if t > 9000]
    assert sentinels == [t for t in target if t > 9000] == list(range(9999, 9999 - len(sentinels), -1))
    spans = {}
    for t in target[:-1].tolist():
        if t > 9000:
            spans[t] = []
            last = t
        else:
            spans[last].append(t)
    assert all(spans.values())
    restored = [x for t in source[:-1].tolist() for x in spans.get(t, [t])]
    np.testing.assert_array_equal(restored, ids)
    assert sum(map(len, spans.values())) == max(1, round(0.15 * length))
    assert len(spans) == max(1, round(max(1, round(0.15 * length)) / 3))


def test_bad_input():
    with pytest.raises(ValueError, match=r"ids: expected integers \[batch, positions\], got int64 of shape \(3,\)"):
        mask_tokens(np.arange(3), mask_id=1, vocabulary_size=5)
    with pytest.raises(ValueError, match=r"probability: expected a number <= 1, got 1\.5"):
        mask_tokens(np.ones((1, 3), int), mask_id=1, vocabulary_size=5, probability=1.5)
    with pytest.raises(ValueError, match="documents: expected at least two that are not empty, got 1"):
        next_sentence_pairs([[[1], [2]], [[]]], cls_id=1, sep_id=2)
    with pytest.raises(ValueError, match="max_length: expected an integer >= 5"):
        next_sentence_pairs([[[1]], [[2]]], cls_id=1, sep_id=2, max_length=4)
    with pytest.raises(ValueError, match="ids: expected at least two integers"):
        corrupt_spans([3], sentinel_id=9, eos_id=1)
    with pytest.raises(ValueError, match="density: expected a number < 1, got 1"):
        corrupt_spans([3, 4], sentinel_id=9, eos_id=1, density=1)
