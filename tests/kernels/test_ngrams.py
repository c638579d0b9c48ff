"""Matching n-grams, against Counters of tuples."""

from collections import Counter

import numpy as np
import pytest
from harness import each_team

from seqnn import _core
from seqnn.metrics import _ngrams
from seqnn.metrics._tokens import Tokens


def reference(sequences, left, first, last, order):
    """matches[p, n - 1], the plain way."""
    out = np.zeros((len(left), order), np.int32)
    for p, (hypothesis, begin, end) in enumerate(zip(left, first, last, strict=True)):
        for n in range(1, order + 1):
            counts = [
                Counter(tuple(s[i : i + n]) for i in range(len(s) - n + 1))
                for s in (sequences[hypothesis], *sequences[begin:end])
            ]
            most = Counter()
            for counter in counts[1:]:
                most |= counter
            out[p, n - 1] = sum((counts[0] & most).values())
    return out


def packed(sequences):
    offsets = np.cumsum([0, *map(len, sequences)])
    return np.array([token for s in sequences for token in s], np.int32), offsets


def draw(seed, count=60, words=6, longest=30):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, words, rng.integers(0, longest)).tolist() for _ in range(count)]


@pytest.mark.parametrize("order", [1, 2, 4, 6, 40])
@pytest.mark.parametrize("words", [2, 6, 1000])
def test_matches_are_those_of_counters(order, words):
    sequences = draw(order, words=words)
    rng = np.random.default_rng(order)
    left = rng.integers(0, len(sequences), 80)
    first = rng.integers(0, len(sequences) - 3, 80)
    first[40:60] = 5  # the same references one after another
    last = first + np.where(np.arange(80) < 60, 2, rng.integers(0, 4, 80))
    expected = reference(sequences, left, first, last, order)
    for _ in each_team():
        got = _core.ngrams_match(*packed(sequences), left, first, last, order)
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, expected)


def test_any_token_ids_are_told_apart():
    extremes = [2**31 - 1, -(2**31), -1, 0, 1]
    sequences = [extremes, extremes[::-1], extremes * 2]
    got = _core.ngrams_match(*packed(sequences), [0, 2], [1, 0], [2, 1], 3)
    np.testing.assert_array_equal(got, reference(sequences, [0, 2], [1, 0], [2, 1], 3))


def test_groups_and_pairs():
    sequences = [[1, 2, 3], [1, 2], [2, 3, 1], [4], [4, 4]]
    tokens = Tokens(*packed(sequences), 5)
    merged = _ngrams.match_merged(tokens, np.array([0, 3, 5]), 2)
    assert merged.tolist() == [[3, 2], [1, 0]]  # 1 2 of the one reference, 2 3 of the other
    pairs = _ngrams.match_pairs(tokens, np.array([0, 0]), np.array([1, 2]), 2)
    assert pairs.tolist() == [[2, 1], [3, 1]]
    assert _ngrams.totals(tokens.lengths, 2).tolist() == [[3, 2], [2, 1], [3, 2], [1, 0], [2, 1]]


def test_a_sequence_matches_itself_wholly_and_nothing_matches_nothing():
    sequences = [[], [7] * 50, *draw(3)]
    places = np.arange(len(sequences))
    got = _core.ngrams_match(*packed(sequences), places, places, places + 1, 4)
    np.testing.assert_array_equal(got, _ngrams.totals(np.array([len(s) for s in sequences]), 4))
    assert not _core.ngrams_match(*packed(sequences), places, places, places, 4).any()  # no reference
    assert _core.ngrams_match(*packed([]), [], [], [], 4).shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0, 1], [1], [0], [1], 4), "left"),
        (([0], [0, 1], [0], [0], [2], 4), "last"),
        (([0], [0, 2], [0], [0], [1], 4), "offsets"),
        (([0], [0, 1], [0], [0], [1], 0), "order"),
    ],
)
def test_bad_places_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"ngrams_match: .*{message}"):
        _core.ngrams_match(*arguments)
