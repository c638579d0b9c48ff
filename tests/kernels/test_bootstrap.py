"""Sums over resamples, against NumPy's draws; intervals and significance, against plain computations of them."""

import numpy as np
import pytest
from harness import each_isa, each_team

from seqnn import _core
from seqnn.metrics import Interval, _bootstrap, bleu, bootstrap_interval, chrf, paired_bootstrap
from seqnn.metrics._bootstrap import resampled


def reference(statistics, count, seed):
    rows = np.random.default_rng(seed).choice(len(statistics), (count, len(statistics)), replace=True)
    return np.stack([statistics[row].sum(0) for row in rows])


@pytest.mark.parametrize("rows", [1, 2, 3, 31, 32, 33, 64, 1000, 1001])
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 10, 13, 18, 24])
def test_sums_are_those_of_numpys_draws(rows, columns):
    statistics = np.random.default_rng(columns).integers(0, 90, (rows, columns)).astype(float)
    expected = reference(statistics, 21, 7)
    for _ in each_isa():
        for _ in each_team():
            np.testing.assert_array_equal(resampled(statistics, 21, 7), expected)


@pytest.mark.parametrize("rows", [60_000, 46_341])
def test_rejected_draws_shift_what_comes_after_them(rows):
    statistics = np.random.default_rng(0).integers(0, 90, (rows, 2)).astype(float)
    assert (2**32 % rows) * 40 * rows > 2 * 2**32  # at least two draws are likely to be rejected
    expected = reference(statistics, 40, 12345)
    for _ in each_team():
        np.testing.assert_array_equal(resampled(statistics, 40), expected)


def test_long_runs_are_cut_into_calls(monkeypatch):
    statistics = np.random.default_rng(0).integers(0, 90, (60_000, 2)).astype(float)
    expected = resampled(statistics, 30)
    for resamples in (1, 7):
        monkeypatch.setattr(_bootstrap, "_STEP", resamples * 60_000)
        np.testing.assert_array_equal(resampled(statistics, 30), expected)


def test_float32_and_fractions():
    statistics = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(resampled(statistics, 9), reference(statistics, 9, 12345), rtol=1e-13)
    state = np.random.PCG64(12345).state["state"]
    halves = [half for word in (state["state"], state["inc"]) for half in (word >> 64, word & 2**64 - 1)]
    got = _core.bootstrap_sums(statistics.astype(np.float32), np.array(halves, np.uint64), 0, 9)
    np.testing.assert_allclose(got.sums, reference(statistics, 9, 12345), rtol=1e-5)
    with pytest.raises(ValueError, match="N > 0"):
        _core.bootstrap_sums(np.zeros((0, 2)), np.array(halves, np.uint64), 0, 3)


def test_any_state_ends_the_draws():
    statistics = np.ones((3, 2))
    for state in (np.zeros(4, np.uint64), np.full(4, 2**64 - 2, np.uint64)):
        assert (_core.bootstrap_sums(statistics, state, 0, 5).sums == 3).all()


def test_the_shape_of_statistics_is_kept():
    statistics = np.arange(24.0).reshape(4, 3, 2)
    assert resampled(statistics, 5).shape == (5, 3, 2)
    np.testing.assert_array_equal(resampled(statistics, 5), reference(statistics, 5, 12345))


def test_the_interval_of_a_mean_is_that_of_percentiles():
    values = np.random.default_rng(3).random(70)
    means = reference(values[:, None], 500, 9)[:, 0] / 70
    got = bootstrap_interval(values, confidence=0.9, n_bootstrap=500, seed=9)
    np.testing.assert_allclose(got, np.percentile(means, [5, 50, 95]), rtol=1e-13)
    assert got.low < values.mean() < got.high and got.half_width == pytest.approx((got.high - got.low) / 2)
    assert bootstrap_interval([True, False] * 20).mean == 0.5


HYPOTHESES = ["the cat sat on a mat", "it rains today", "dogs bark at night", "he reads a long book"] * 6
REFERENCES = ["the cat sat on the mat", "it is raining today", "dogs bark in the night", "he reads a book"] * 6
OTHERS = ["a cat is on a mat", "it rained", "a dog barks at night", "he reads a book"] * 6


def test_the_interval_of_a_score_is_that_of_the_resamples_scores():
    score = bleu(HYPOTHESES, REFERENCES, n_bootstrap=200, seed=5)
    scores = np.sort([score.compute(sums) for sums in reference(score.statistics, 200, 5)])
    assert score.interval == pytest.approx(Interval(scores[5], scores.mean(), scores[194]), rel=1e-12)
    assert "|bs:200|seed:5|" in score.signature
    assert f"(μ = {scores.mean():.2f} ± {(scores[194] - scores[5]) / 2:.2f})" in str(score)


@pytest.mark.parametrize("metric", [bleu, chrf])
def test_the_paired_test_is_koehns(metric):
    baseline, system = metric(OTHERS, REFERENCES), metric(HYPOTHESES, REFERENCES)
    got = paired_bootstrap(baseline, system, n_bootstrap=300)
    sampled = [side.compute(reference(side.statistics, 300, 12345)) for side in (baseline, system)]
    differences = np.abs(sampled[1] - sampled[0])
    larger = differences - differences.mean() > abs(system.score - baseline.score)
    assert got.p_value == (larger.sum() + 1) / 301
    assert (got.baseline, got.score) == (baseline.score, system.score)
    assert got.interval.mean == pytest.approx(sampled[1].mean()) and f"p = {got.p_value:.4f}" in str(got)


def test_equal_systems_do_not_differ():
    same = bleu(HYPOTHESES, REFERENCES)
    assert paired_bootstrap(same, bleu(HYPOTHESES, REFERENCES)).p_value == 1
    assert paired_bootstrap([0.1, 0.5, 0.9] * 9, [0.9, 0.5, 0.1] * 9).p_value > 0.5
    assert paired_bootstrap([0.1, 0.5, 0.3] * 9, [0.7, 0.8, 0.9] * 9).p_value < 0.01


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bleu(["a"], ["a"], n_bootstrap=-1), ValueError, "n_bootstrap: expected an integer >= 1, got -1"),
        (lambda: bleu(["a"], ["a"], n_bootstrap=1.5), TypeError, "n_bootstrap"),
        (lambda: bleu(["a"], ["a"], n_bootstrap=5, seed=-1), ValueError, "seed"),
        (lambda: bootstrap_interval([]), ValueError, "at least one number"),
        (lambda: bootstrap_interval([[1.0]]), ValueError, "shape"),
        (lambda: bootstrap_interval(["a"]), ValueError, "at least one number"),
        (lambda: bootstrap_interval([1, np.nan]), ValueError, "finite numbers, got nan at 1"),
        (lambda: bootstrap_interval([1, 2], confidence=1.5), ValueError, "confidence"),
        (lambda: paired_bootstrap(bleu(["a"], ["a"]), [1.0]), TypeError, "two scores or two arrays"),
        (lambda: paired_bootstrap([1.0, 2.0], [1.0]), ValueError, "expected 2 examples as in the baseline, got 1"),
        (
            lambda: paired_bootstrap(bleu(["a"], ["a"]), chrf(["a"], ["a"])),
            ValueError,
            "expected a score as the baseline's",
        ),
        (lambda: paired_bootstrap(bleu(["a"], ["a"]), bleu(["a"], ["a"], "none")), ValueError, "tok:none"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
