"""The maximum mean discrepancy of two samples, against its definition."""

import numpy as np
import pytest

from seqnn.metrics import maximum_mean_discrepancy


def _by_definition(x, y, bandwidth, unbiased):
    def kernel(a, b):
        return np.exp(-np.square(a[:, None] - b).reshape(len(a), len(b), -1).sum(2) / (2 * bandwidth**2))

    n, m = len(x), len(y)
    own = [(kernel(side, side).sum(), len(side)) for side in (x, y)]
    within = sum((total - size) / (size * (size - 1)) if unbiased else total / size**2 for total, size in own)
    return within - 2 * kernel(x, y).sum() / (n * m)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_it_is_the_definition(unbiased, shape):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, *shape)), 2 * rng.standard_normal((17, *shape)) + 0.5
    expected = _by_definition(x, y, 1.3, unbiased)
    assert maximum_mean_discrepancy(x, y, bandwidth=1.3, unbiased=unbiased) == pytest.approx(expected, abs=1e-12)
    assert maximum_mean_discrepancy(y, x, bandwidth=1.3, unbiased=unbiased) == pytest.approx(expected, abs=1e-12)


def test_the_bandwidth_is_the_median_distance_of_all_pairs():
    x, y = np.array([0.0, 1.0]), np.array([3.0, 7.0])  # distances 1, 3, 7, 2, 6, 4
    assert maximum_mean_discrepancy(x, y) == pytest.approx(maximum_mean_discrepancy(x, y, bandwidth=3.5), abs=1e-12)


def test_many_samples_are_the_definition_too():
    x, y = np.random.default_rng(1).standard_normal((2, 1500, 2))
    assert maximum_mean_discrepancy(x, y, bandwidth=1) == pytest.approx(_by_definition(x, y, 1, True), abs=1e-10)
    assert abs(maximum_mean_discrepancy(x, y)) < 0.002


def test_the_mean_over_samples_of_one_distribution_is_zero():
    rng = np.random.default_rng(2)
    found = [maximum_mean_discrepancy(*rng.standard_normal((2, 6, 4)), bandwidth=2) for _ in range(500)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0
    assert maximum_mean_discrepancy(*rng.standard_normal((2, 6, 4)), unbiased=False) > 0


def test_samples_of_other_distributions_are_told_apart():
    rng = np.random.default_rng(3)
    same, other = rng.standard_normal((2, 300)), rng.uniform(-np.sqrt(3), np.sqrt(3), 300)
    assert maximum_mean_discrepancy(same[0], other) > 3 * abs(
        maximum_mean_discrepancy(*same)
    )  # equal mean and variance


def test_any_scale_and_place_of_the_samples_gives_the_same():
    x, y = np.random.default_rng(4).standard_normal((2, 40, 3))
    y = y + 1
    expected = maximum_mean_discrepancy(x, y)
    for scale, shift in ((1e200, 0), (1e-200, 0), (1, 1e6)):
        assert maximum_mean_discrepancy(x * scale + shift, y * scale + shift) == pytest.approx(expected, rel=1e-6)
    far = np.concatenate([x, [[1e12] * 3]])
    assert maximum_mean_discrepancy(far, y) == pytest.approx(_by_definition(far, y, _median(far, y), True), abs=1e-9)


def _median(x, y):
    pooled = np.concatenate([x, y])
    distances = np.linalg.norm(pooled[:, None] - pooled, axis=2)
    return np.median(distances[np.triu_indices(len(pooled), 1)])


def test_equal_samples_have_none_and_few_that_differ_set_the_bandwidth():
    assert maximum_mean_discrepancy(np.ones((4, 2)), np.ones((3, 2))) == 0
    x, y = [0, 0, 0, 0, 0, 2], [0, 0, 0, 0, 0, 0]
    assert maximum_mean_discrepancy(x, y) == maximum_mean_discrepancy(x, y, bandwidth=2)


@pytest.mark.parametrize(
    ("x", "y", "settings", "error", "message"),
    [
        ([1.0], [1.0, 2.0], {}, ValueError, r"x: expected two samples or more, \[N, ...\], got shape \(1,\)"),
        (
            np.ones((3, 2)),
            np.ones((3, 4)),
            {},
            ValueError,
            r"y: expected samples of shape \(2,\) as those of x, got .*\(4,\)",
        ),
        ([1.0, 2.0], [1.0, np.nan], {}, ValueError, "y: expected finite numbers, got nan"),
        (["a", "b"], [1.0, 2.0], {}, TypeError, "x: expected numbers"),
        ([1.0, 2.0], [1.0, 2.0], {"bandwidth": 0}, ValueError, "bandwidth: expected a finite number > 0"),
        ([1.0, 2.0], [1.0, 2.0], {"bandwidth": "median"}, TypeError, "bandwidth"),
        ([1.0, 2.0], [1.0, 2.0], {"unbiased": 2}, ValueError, "unbiased"),
    ],
)
def test_bad_samples_are_named(x, y, settings, error, message):
    with pytest.raises(error, match=message):
        maximum_mean_discrepancy(x, y, **settings)
