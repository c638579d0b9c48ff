"""How much of a distribution samples reach: cases that can be counted by hand."""

import numpy as np
import pytest

from seqnn.data import gaussian_ring
from seqnn.metrics import coverage, mode_coverage

LINE = np.arange(6.0)[:, None]


def test_a_row_is_reached_within_the_distance_of_its_kth_neighbour():
    assert coverage(LINE, [[0.5]], neighbors=1) == pytest.approx(2 / 6)
    assert coverage(LINE, [[0.5]], neighbors=2) == pytest.approx(2 / 6)  # 0 reaches to 2, 1 reaches 0 and 2 only
    assert coverage(LINE, LINE + 0.9, neighbors=1) == 1
    assert coverage(LINE, LINE + 10.1, neighbors=1) == 0


def test_samples_of_the_same_distribution_reach_what_theory_says():
    real, made = np.random.default_rng(0).standard_normal((2, 800, 3, 2))
    for k in (1, 3):
        assert coverage(real, made, neighbors=k) == pytest.approx(1 - 2.0**-k, abs=0.06)


def test_a_generator_of_two_of_eight_modes_reaches_a_quarter():
    points, centers = gaussian_ring(800)
    near = np.linalg.norm(points[:, None] - centers[:2], axis=2).min(axis=1) < 1
    assert coverage(points, points[near] + 1e-4) == pytest.approx(0.25, abs=0.05)
    found = mode_coverage(points[near], centers, radius=0.25)
    assert found.modes == 2 and found.share == 1


def test_modes_need_their_number_of_samples():
    made = np.array([[0.0, 0.0], [0.1, 0.0], [3.0, 0.0], [9.0, 9.0]])
    centers = [[0.0, 0.0], [3.0, 0.0], [6.0, 0.0]]
    assert mode_coverage(made, centers, radius=0.2) == (2, 0.75)
    assert mode_coverage(made, centers, radius=0.2, least=2) == (1, 0.75)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_neither_the_scale_nor_the_place_of_samples_matters(scale, shift):
    real, made = np.random.default_rng(0).standard_normal((2, 200, 2))
    made[:, 0] = abs(made[:, 0])
    moved, others = (real + shift) * scale, (made + shift) * scale
    assert coverage(moved, others) == coverage(real, made) < 0.7
    expected = mode_coverage(made, real[:5], radius=0.3)
    assert mode_coverage(others, moved[:5], radius=0.3 * scale) == expected and 0 < expected.modes < 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage(LINE[:5], LINE), "real: expected 6 samples or more"),
        (lambda: coverage(LINE, LINE[:0]), "made: expected one sample or more"),
        (
            lambda: coverage(LINE, np.ones((3, 2))),
            r"made: expected samples of shape \(1,\) as those of real, got \(2,\)",
        ),
        (lambda: coverage(LINE, [[1.0], [1.0, 2.0]]), "made: expected samples of one shape"),
        (lambda: coverage(LINE, np.array([[np.nan]])), "made: expected finite numbers, got nan"),
        (lambda: coverage(LINE, LINE, neighbors=0), "neighbors: expected an integer >= 1, got 0"),
        (
            lambda: mode_coverage(LINE, [[0.0, 1.0]], radius=1),
            r"modes: expected samples of shape \(1,\) as those of made",
        ),
        (lambda: mode_coverage(LINE, LINE, radius=0), "radius: expected a finite number > 0, got 0"),
        (lambda: mode_coverage(LINE, LINE, radius=1, least=0), "least: expected an integer >= 1, got 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_ring_has_its_clusters_at_equal_angles():
    points, centers = gaussian_ring(4000, modes=5, radius=3.0, deviation=0.1, seed=2)
    np.testing.assert_allclose(np.linalg.norm(centers, axis=1), 3, rtol=1e-6)
    offsets = points[:, None] - centers
    nearest = np.square(offsets).sum(axis=2).argmin(axis=1)
    assert np.bincount(nearest).min() > 700
    assert offsets[np.arange(4000), nearest].std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_array_equal(gaussian_ring(10, seed=2)[0], gaussian_ring(10, seed=2)[0])
    assert (gaussian_ring(10, seed=2)[0] != gaussian_ring(10, seed=3)[0]).any()
    with pytest.raises(ValueError, match="modes: expected an integer >= 1, got 0"):
        gaussian_ring(modes=0)
