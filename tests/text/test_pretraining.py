"""Hidden and next tokens, pairs of sentences, missing spans: counts, shares, and that the original can be put together."""

import numpy as np
import pytest

from seqnn import random
from seqnn.text import causal_windows, corrupt_spans, frame_task, mask_several, mask_tokens, next_sentence_pairs

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


def test_whole_words_are_hidden_or_stay():
    draw = np.random.default_rng(0)
    ids = draw.integers(10, VOCABULARY, (300, 40))
    ids[:, [0, 20, 39]] = 1
    words = np.cumsum(draw.random(ids.shape) < 0.6, axis=1)
    words[:, 10:] %= 7  # numbers come again, for other words
    _, targets = mask_tokens(
        ids, mask_id=MASK, vocabulary_size=VOCABULARY, special_ids=[1], word_ids=words, seed=1, probability=0.3
    )
    chosen = targets != -100
    assert not chosen[ids == 1].any()
    inside = (words[:, 1:] == words[:, :-1]) & (ids[:, 1:] != 1) & (ids[:, :-1] != 1)
    np.testing.assert_array_equal(chosen[:, 1:][inside], chosen[:, :-1][inside])
    counts = chosen.sum(axis=1)
    assert counts.min() >= 1 and counts.max() <= 11 and counts.mean() > 9
    one_word = mask_tokens(ids[:1], mask_id=MASK, vocabulary_size=9, word_ids=np.zeros((1, 40), int), seed=1)[1]
    assert (one_word != -100).all()  # at least a word, though it is longer than the share
    none = [None, 0, 0, 1, None]
    for seed in range(20):
        _, found = mask_tokens(
            [[5, 6, 7, 8, 9]], mask_id=4, vocabulary_size=9, word_ids=[none], seed=seed, probability=0.6
        )
        assert (found != -100)[0].tolist() in ([False, True, True, False, False], [False, False, False, True, False])
    each = mask_tokens(ids, mask_id=MASK, vocabulary_size=9, word_ids=np.tile(np.arange(40), (300, 1)), seed=5)[1]
    np.testing.assert_array_equal(each, mask_tokens(ids, mask_id=MASK, vocabulary_size=9, seed=5)[1])


def test_the_number_of_hidden_tokens_is_drawn_anew_for_each_sequence():
    ids = np.tile(np.arange(10, 40), (6000, 1))
    hidden, targets = mask_several(ids, mask_id=MASK, most=5, seed=2)
    chosen = targets != -100
    np.testing.assert_array_equal(np.where(chosen, targets, hidden), ids)
    assert (hidden[chosen] == MASK).all()
    shares = np.bincount(chosen.sum(axis=1), minlength=7) / len(ids)
    np.testing.assert_allclose(shares, [0, 0.2, 0.2, 0.2, 0.2, 0.2, 0], atol=0.02)
    np.testing.assert_allclose(chosen.mean(axis=0), 0.1, atol=0.015)  # all places alike
    pairs = chosen[chosen.sum(axis=1) == 2]
    assert abs((pairs[:, 1:] & pairs[:, :-1]).sum() / len(pairs) - 2 / 30) < 0.02  # neighbours as often as others
    again = mask_several(ids, mask_id=MASK, most=5, seed=3)[1]
    assert not np.array_equal(again, targets)
    np.testing.assert_array_equal(mask_several(ids, mask_id=MASK, most=5, seed=2)[1], targets)


def test_spans_of_several_masks_have_all_lengths_and_pass_over_special_tokens():
    ids = np.tile(np.arange(10, 60), (4000, 1))
    chosen = mask_several(ids, mask_id=MASK, most=1, span_length=4, seed=0)[1] != -100
    starts = (np.diff(chosen.astype(int), axis=1, prepend=0) == 1).sum(axis=1)
    assert (starts == 1).all()
    np.testing.assert_allclose(np.bincount(chosen.sum(axis=1)) / len(ids), [0, 0.25, 0.25, 0.25, 0.25], atol=0.03)
    counts = (mask_several(ids, mask_id=MASK, most=3, span_length=4, seed=0)[1] != -100).sum(axis=1)
    assert counts.min() == 1 and counts.max() == 12 and abs(counts.mean() - 2 * 2.5) < 0.1
    short = np.array([[1, 50, 2, 0, 0], [1, 2, 0, 0, 0], [1, 60, 61, 62, 2]])
    for seed in range(50):
        hidden, targets = mask_several(short, mask_id=MASK, most=9, span_length=9, special_ids=(0, 1, 2), seed=seed)
        assert (targets[short < 3] == -100).all() and (hidden[short < 3] == short[short < 3]).all()
        assert (targets[0] == 50).sum() == 1 and 1 <= (targets[2] != -100).sum() <= 3
    assert mask_several(np.zeros((2, 0), int), mask_id=1, most=2)[0].shape == (2, 0)


def test_windows_of_next_tokens_hold_all_documents_once():
    documents = [np.arange(10, 10 + n) for n in (3, 0, 7, 1)]
    ids, targets = causal_windows(documents, 4, eos_id=1, pad_id=2)
    joined = np.concatenate([[*d, 1] for d in documents if len(d)])
    counted = targets != -100
    np.testing.assert_array_equal(ids[counted], joined[:-1])
    np.testing.assert_array_equal(targets[counted], joined[1:])
    assert ids.shape == targets.shape == (4, 4) and (ids[~counted] == 2).all()


def test_tasks_are_framed_as_texts():
    inputs, outputs = frame_task("sst2", {"sentence": ["fine", "bad"]}, [1, 0], classes=["negative", "positive"])
    assert inputs == ["sst2 sentence: fine", "sst2 sentence: bad"] and outputs == ["positive", "negative"]
    assert frame_task("summarize", ["a b"], ["a"]) == (["summarize: a b"], ["a"])
    scores = frame_task("stsb", ["x"] * 5, [0.0, 2.6, 3.09, 3.1, np.float32(5)])[1]
    assert scores == ["0.0", "2.6", "3.0", "3.2", "5.0"]
    for arguments, message in (
        ((["a", "b"], ["x"]), "as many of each, got {'texts': 2, 'targets': 1}"),
        (({"a": ["x"], "b": []}, ["x"]), "'b': 0"),
        ((["a"], [2]), r"targets\[0\]: expected a text, a float, or the number of one of 0 classes, got 2"),
        ((["a"], [float("nan")]), r"targets\[0\]: expected a finite number"),
    ):
        with pytest.raises(ValueError, match=message):
            frame_task("t", *arguments)
    with pytest.raises(TypeError, match="expected lists of strings, got one string"):
        frame_task("t", "text", ["x"])


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
def test_small_and_unsigned_integers_are_ids_like_others(dtype):
    ids = np.arange(5, 25).reshape(2, 10)
    for make in (
        lambda ids: mask_tokens(ids, mask_id=4, vocabulary_size=30, seed=1),
        lambda ids: mask_several(ids, mask_id=4, most=3, seed=1),
        lambda ids: causal_windows(ids, 4, eos_id=1),
        lambda ids: corrupt_spans(ids[0], sentinel_id=99, eos_id=1, seed=1),
    ):
        for found, expected in zip(make(ids.astype(dtype)), make(ids), strict=True):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype in (dtype, np.int64)


def test_bad_input():
    for make, message in (
        (
            lambda: mask_several(np.ones((1, 3), np.uint8), mask_id=300, most=1),
            "mask_id: expected at most 255, got 300",
        ),
        (lambda: mask_tokens([[1, 2]], mask_id=1.5, vocabulary_size=5), "mask_id: expected an integer >= 0, got 1.5"),
        (
            lambda: mask_tokens(np.ones((1, 3), np.uint8), mask_id=3, vocabulary_size=300),
            "vocabulary_size: expected at most 256, got 300",
        ),
        (
            lambda: mask_several([[1]], mask_id=0, most=1, special_ids=[1.5]),
            "special_ids: expected token ids, got float64",
        ),
        (lambda: causal_windows([[1]], 3, eos_id=None), "eos_id: expected an integer >= 0, got None"),
        (
            lambda: causal_windows([[[1], [2, 3]]], 3, eos_id=1),
            r"documents\[0\]: expected token ids, got rows of unequal",
        ),
        (
            lambda: next_sentence_pairs(["a b", "c"], cls_id=1, sep_id=2),
            r"documents\[0\]\[0\]: expected token ids, got <U1",
        ),
        (lambda: corrupt_spans(range(9), sentinel_id="x", eos_id=1), "sentinel_id: expected an integer >= 0, got 'x'"),
        (
            lambda: corrupt_spans(range(99), sentinel_id=3, eos_id=1, density=0.5, mean_length=1),
            "sentinel_id: expected an integer >= 48, got 3",
        ),
        (lambda: frame_task("a", [5], ["b"]), "texts: expected strings, got 5 at 0"),
        (lambda: frame_task("a", ["b"], None), "targets: expected a list, got NoneType"),
        (lambda: frame_task("a", ["b"], [0], classes="yes"), "classes: expected lists of strings, got one string"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            make()
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
    for options, message in (
        ({"most": 0}, "most: expected an integer >= 1"),
        ({"most": 2, "span_length": 0}, "span_length: expected an integer >= 1"),
    ):
        with pytest.raises(ValueError, match=message):
            mask_several([[1, 2]], mask_id=0, **options)
    with pytest.raises(ValueError, match=r"word_ids: expected integers \(1, 3\), as ids, got int64 of shape \(3,\)"):
        mask_tokens(np.ones((1, 3), int), mask_id=1, vocabulary_size=5, word_ids=[0, 1, 2])
    with pytest.raises(ValueError, match=r"documents\[1\]: expected token ids, got float64 of shape \(1,\)"):
        causal_windows([[1], [0.5]], 3, eos_id=1)
    with pytest.raises(ValueError, match=r"documents: expected a sequence of documents, got one of token ids"):
        causal_windows(np.arange(3), 3, eos_id=1)
    with pytest.raises(ValueError, match="documents: expected at least one token"):
        causal_windows([[]], 3, eos_id=1)
