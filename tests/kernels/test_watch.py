"""What a Watch measures, against NumPy."""

import numpy as np
import pytest
from harness import check_op, each_isa

from seqnn import _core

SIZES = [1, 7, 64, 4096, 10_007]


def watch_figures(x, low, high):
    counts = [(x == 0).sum(), ((x < low) | (x > high)).sum(), np.isfinite(x).sum()]
    return np.array([x.mean(), ((x - x.mean()) ** 2).sum()]), np.array(counts)


def watch_active(x, last, number):
    out = last.copy()
    out[(x != 0).any(axis=(0, 2))] = number
    return out


def watch_change(now, before):
    return np.array([np.linalg.norm(n - b) / np.linalg.norm(b) for n, b in zip(now, before, strict=True)])


def test_figures():
    rng = np.random.default_rng(0)
    cases = [{"x": np.maximum(rng.standard_normal(n) + 1, 0), "low": 0.5, "high": 1.5} for n in SIZES]
    check_op(_core.watch_figures, watch_figures, cases, tolerance={np.dtype("f4"): 2e-5, np.dtype("f8"): 1e-12})


def test_figures_of_the_largest_numbers_and_of_none():
    for _ in each_isa():
        x = np.full(5000, 1e38, np.float32)
        x[::2] = -1e38
        (mean, squares), counts = _core.watch_figures(x, -np.inf, np.inf)
        assert abs(mean) < 1e31 and squares == pytest.approx(5000 * 1e76, rel=1e-6) and counts.tolist() == [0, 0, 5000]
        x[:4] = np.nan, np.inf, -np.inf, 0
        (mean, _), counts = _core.watch_figures(x, -1, 1)
        assert np.isnan(mean) and counts.tolist() == [1, 4998, 4997]
        assert [a.tolist() for a in _core.watch_figures(x[:0], 0, 0)] == [[0, 0], [0, 0, 0]]


def test_active():
    def op(x, last, number):
        last = np.array(last)
        _core.watch_active(x, last, number)
        return last

    rng = np.random.default_rng(1)
    cases = []
    for shape in [(30, 20, 1), (4, 6, 130), (1, 9, 1), (1, 1, 5), (0, 3, 1), (2, 3, 0)]:
        x = np.where(rng.random(shape) < 0.02, rng.standard_normal(shape), 0)
        cases.append({"x": x, "last": rng.integers(0, 5, shape[1]), "number": 5})
    check_op(op, watch_active, cases)


def test_change():
    rng = np.random.default_rng(2)

    def op(now, before):
        parts = [np.split(x, np.cumsum(SIZES)[:-1]) for x in (now, before)]
        return _core.watch_change(*parts, len(SIZES))

    def reference(now, before):
        return watch_change(*[np.split(x, np.cumsum(SIZES)[:-1]) for x in (now, before)])

    check_op(op, reference, [{"now": rng.standard_normal(sum(SIZES)), "before": rng.standard_normal(sum(SIZES))}])
    assert np.isnan(_core.watch_change([np.ones(3)], [np.zeros(3)], 1)).all()
    with pytest.raises(ValueError, match="the number of arrays"):
        _core.watch_change([np.ones(3)], [np.ones(3)], 2)
