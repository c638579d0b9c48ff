"""Made clips move as their labels say."""

import numpy as np
import pytest

from seqnn.data import clips


def test_frames_and_clips_have_the_labels_of_their_motion():
    found = clips(300, steps=10, size=20, seed=4)
    assert found.frames.shape == (300, 10, 20, 20) and found.frames.dtype == np.float32 and len(found) == 300
    assert found.frames.min() >= 0 and found.frames.max() <= 1
    moved = np.diff(found.centers, axis=1, prepend=found.centers[:, :1])
    directions = {"still": (0, 0), "left": (-1, 0), "up": (0, -1), "right": (1, 0), "down": (0, 1)}
    expected = np.array([[directions[label] for label in row] for row in found.frame_labels])
    np.testing.assert_array_equal(np.sign(np.where(np.abs(moved) < 1e-9, 0, moved)), expected)
    for label, row in zip(found.labels, expected, strict=True):
        first, last = row[1], row[-1]
        changes = np.flatnonzero((np.diff(row[1:], axis=0) != 0).any(axis=1))
        assert len(changes) == (label != "straight") and first.any()
        product = {"straight": 1, "turn": 0, "back": -1, "stop": 0}[label]
        assert first @ last == product and last.any() == (label != "stop")
        assert not len(changes) or 2 <= changes[0] <= 6
    assert {*found.labels} == {"straight", "turn", "back", "stop"}


def test_the_picture_is_where_the_centre_is_and_never_leaves_the_frame():
    found = clips(100, size=24, seed=1)
    y, x = np.mgrid[:24, :24] + 0.5
    mass = found.frames.sum(axis=(2, 3))
    for place, axis in ((x, 0), (y, 1)):
        middle = (found.frames * place).sum(axis=(2, 3)) / mass
        np.testing.assert_allclose(middle, found.centers[..., axis], atol=0.35)
    np.testing.assert_allclose(mass, mass[:, :1].repeat(12, axis=1), rtol=0.12)
    np.testing.assert_array_equal(clips(10, seed=1).frames, clips(100, seed=1).frames[:10])


def test_bad_arguments():
    with pytest.raises(ValueError, match="steps: expected an integer >= 4, got 3"):
        clips(steps=3)
    with pytest.raises(ValueError, match="size: expected an integer >= 8, got 7"):
        clips(size=7)
