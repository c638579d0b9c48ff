"""Edits with shifts, against a plain search on the full table of distances."""

import numpy as np
import pytest
from harness import each_team
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnn import _core
from seqnn.metrics._ter import edits
from seqnn.metrics._tokens import Tokens


def distances(words, reference):
    """The table of edit distances, with the operation that leads to each cell: of equal ones substitution goes first."""
    cost = np.zeros((len(words) + 1, len(reference) + 1), int)
    how = np.full(cost.shape, "i")
    cost[0] = np.arange(len(reference) + 1)
    for i in range(1, len(words) + 1):
        cost[i, 0], how[i, 0] = i, "d"
        for j in range(1, len(reference) + 1):
            same = words[i - 1] == reference[j - 1]
            options = [(cost[i - 1, j - 1] + (not same), "s"), (cost[i - 1, j] + 1, "d"), (cost[i, j - 1] + 1, "i")]
            cost[i, j], how[i, j] = min(options, key=lambda option: option[0])
    return cost, how


def aligned(words, reference):
    """The distance, the place in words of each token of the reference, and the errors on both sides."""
    cost, how = distances(words, reference)
    align, wrong, missed = {}, [True] * len(words), [True] * len(reference)
    i, j = len(words), len(reference)
    while i or j:
        operation = how[i, j]
        if operation != "d":
            align[j - 1] = i - 1
        if operation == "s" and words[i - 1] == reference[j - 1]:
            wrong[i - 1] = missed[j - 1] = False
        i, j = i - (operation != "i"), j - (operation != "d")
    return cost[-1, -1], align, wrong, missed


def moved(words, start, length, target):
    run, others = words[start : start + length], words[:start] + words[start + length :]
    place = target if target < start else target - length if target > start + length else target
    return others[:place] + run + others[place:]


def reference_edits(words, reference):
    if not reference:
        return len(words)
    shifts = 0
    while True:
        distance, align, wrong, missed = aligned(words, reference)
        best = (0,)
        for start in range(len(words)):
            for place in range(len(reference)):
                for length in range(1, min(10, len(words) - start, len(reference) - place) + 1):
                    if words[start + length - 1] != reference[place + length - 1]:
                        break
                    if not any(wrong[start : start + length]) or not any(missed[place : place + length]):
                        continue
                    if start <= align[place] < start + length:
                        continue
                    for offset in range(-1, length):
                        if place + offset in align or place + offset == -1:
                            target = align[place + offset] + 1 if place + offset >= 0 else 0
                            new = moved(words, start, length, target)
                            gain = distance - distances(new, reference)[0][-1, -1]
                            best = max(best, (gain, length, -start, -target, new))
        if best[0] <= 0:
            return shifts + distance
        words, shifts = best[4], shifts + 1


def of(*sequences):
    offsets = np.cumsum([0, *map(len, sequences)])
    ids = np.array([token for s in sequences for token in s], np.int32)
    return Tokens(ids, offsets, int(ids.max(initial=-1)) + 1)


SEQUENCE = st.lists(st.integers(0, 5), max_size=9)


@settings(max_examples=300)
@given(SEQUENCE, SEQUENCE)
def test_any_two_sequences(words, reference):
    got = edits(of(words, reference), np.array([0, 1]), np.array([1, 1]))
    assert got.tolist() == [reference_edits(words, reference), 0]


@settings(max_examples=100)
@given(st.permutations(range(14)), st.integers(0, 14), st.integers(0, 14))
def test_permuted_words_are_shifted(words, cut, other):
    words = words[:cut] + words[other:]
    assert edits(of(words, list(range(14))), np.array([0]), np.array([1]))[0] == reference_edits(words, list(range(14)))


@pytest.mark.parametrize("size", [30, 63, 64, 65, 100])
def test_long_sequences(size):
    rng = np.random.default_rng(size)
    reference = rng.integers(0, 40, size).tolist()
    words = reference[5:9] + reference[:5] + reference[9:20] + [41] + reference[22:]
    assert edits(of(words, reference), np.array([0]), np.array([1]))[0] == reference_edits(words, reference) == 3


def test_one_shift_is_one_edit_however_long_the_run():
    assert edits(of([3, 4, 5, 0, 1, 2], [0, 1, 2, 3, 4, 5]), np.array([0]), np.array([1])).tolist() == [1]


def test_empty_sides():
    tokens = of([], [0, 1, 2])
    assert edits(tokens, np.array([0, 1, 0]), np.array([1, 0, 0])).tolist() == [3, 3, 0]


def test_the_band_of_long_sentences_is_sacrebleus():
    """Numbers of sacrebleu 2.6.0: lib_ter.translation_edit_rate(words, reference)[0] of these sequences."""
    sizes = [(40, 90), (90, 40), (80, 80), (130, 60), (20, 200), (200, 20), (1, 120), (70, 75)]
    expected = [66, 75, 78, 110, 185, 187, 119, 66]
    for seed, ((n, m), edited) in enumerate(zip(sizes, expected, strict=True)):
        rng = np.random.default_rng(seed)
        words, reference = rng.integers(0, 30, n).tolist(), rng.integers(0, 30, m).tolist()
        if n > 10 and m > 10:
            reference[: min(n, m) // 2] = words[-(min(n, m) // 2) :]
        assert edits(of(words, reference), np.array([0]), np.array([1])).tolist() == [edited], (n, m)


def test_teams_give_the_same():
    rng = np.random.default_rng(0)
    tokens = of(*(rng.integers(0, 7, rng.integers(0, 25)).tolist() for _ in range(200)))
    left, right, first = rng.integers(0, 200, 300), rng.integers(0, 200, 300), None
    for _ in each_team():
        got = edits(tokens, left, right)
        first = got if first is None else first
        np.testing.assert_array_equal(got, first)
    lengths = tokens.lengths
    assert (first >= np.abs(lengths[left] - lengths[right])).all()
    assert (first <= np.maximum(lengths[left], lengths[right])).all()


def test_ids_outside_the_limit_are_refused():
    with pytest.raises(ValueError, match=r"ter_edits: .*ids"):
        _core.ter_edits([0, 1], [0, 2], [0], [0], 1)
