"""Made handwriting: even moves, a line for each way of the pen, and the same digit written alike."""

import numpy as np
import pytest

from seqnn.data import strokes

WAYS = {digit: 1 + (digit in "45") for digit in "0123456789"}


def test_the_pen_is_lifted_before_each_way_of_each_digit():
    found = strokes(200, longest=5, seed=3)
    assert len(found) == 200 and {len(text) for text in found.texts} == {1, 2, 3, 4, 5}
    for i, (text, moves) in enumerate(zip(found.texts, found.moves, strict=True)):
        assert moves.dtype == np.float32 and moves.shape[1] == 3 and not moves[0].any()
        assert {*np.unique(moves[:, 2])} == {0, 1}
        assert (moves[:, 2] == 0).sum() == len(found.lines(i)) == sum(WAYS[digit] for digit in text)
        steps = np.hypot(*moves[moves[:, 2] == 1, :2].T)
        assert np.median(steps) > 0.08 and steps.max() < 0.25


def test_lines_are_the_sums_of_the_moves():
    found = strokes(3, seed=5)
    for i, moves in enumerate(found.moves):
        points = np.concatenate(found.lines(i))
        np.testing.assert_allclose(points, np.cumsum(moves[:, :2], axis=0))
        left = [line[:, 0].mean() for line in found.lines(i)]
        assert np.ptp(points[:, 1]) < 1.7 and (len(found.texts[i]) == 1 or left[-1] > left[0])


def test_seeds_and_bad_arguments():
    first, more = strokes(5, seed=2), strokes(9, seed=2)
    assert first.texts == more.texts[:5] and first.texts != strokes(5, seed=3).texts
    for a, b in zip(first.moves, more.moves, strict=False):
        np.testing.assert_array_equal(a, b)
    assert len(strokes(0)) == 0
    with pytest.raises(ValueError, match="longest: expected an integer >= 1, got 0"):
        strokes(longest=0)
