"""Forecasters and the anomaly detector on series that are made by known rules."""

import numpy as np
import pytest

from seqnn.models import AnomalyDetector, ARForecaster, MLPForecaster, RecurrentForecaster


def made(steps, coefficients, intercept, *, noise, seed=0):
    """A vector autoregression with these A_1, A_2, ... and b."""
    draw = np.random.default_rng(seed)
    series = [*draw.standard_normal((len(coefficients), len(intercept)))]
    for _ in range(steps):
        before = sum(a @ y for a, y in zip(coefficients, series[::-1], strict=False))
        series.append(intercept + before + noise * draw.standard_normal(len(intercept)))
    return np.array(series)


A = np.array([[[0.5, 0.2], [-0.3, 0.6]], [[-0.2, 0.0], [0.1, 0.1]]])
B = np.array([1.0, -2.0])


def test_coefficients_are_recovered():
    exact = ARForecaster(2).fit(made(40, A, B, noise=0))
    np.testing.assert_allclose(exact.coef_, A, atol=1e-8)
    np.testing.assert_allclose(exact.intercept_, B, atol=1e-8)
    noisy = ARForecaster(2).fit([made(3000, A, B, noise=0.5, seed=s) for s in (1, 2)])
    np.testing.assert_allclose(noisy.coef_, A, atol=0.05)
    np.testing.assert_allclose(noisy.sigma_, 0.5, atol=0.02)
    shrunk = ARForecaster(2, ridge=1e4).fit(made(3000, A, B, noise=0.5, seed=1))
    assert np.abs(shrunk.coef_).sum() < np.abs(noisy.coef_).sum()


def test_no_intercept_is_least_squares_through_the_origin():
    series = np.random.default_rng(0).standard_normal(50)
    model = ARForecaster(1, fit_intercept=False).fit(series)
    np.testing.assert_allclose(model.coef_.item(), series[1:] @ series[:-1] / (series[:-1] @ series[:-1]))
    assert model.intercept_.tolist() == [0]


def test_many_steps_from_own_predictions():
    series = made(40, A, B, noise=0)
    model = ARForecaster(2).fit(series[:30])
    np.testing.assert_allclose(model.predict(12), series[30:], atol=1e-8)
    np.testing.assert_allclose(model.predict(5, series=series[:20]), series[20:25], atol=1e-8)
    several = model.predict(2, series=[series[:20], series[:21]])
    np.testing.assert_allclose(several, [series[20:22], series[21:23]], atol=1e-8)
    for ahead in (1, 3):
        found = model.historical_forecasts(series, ahead=ahead)
        assert np.isnan(found[: ahead + 1]).all()
        np.testing.assert_allclose(found[ahead + 1 :], series[ahead + 1 :], atol=1e-8)
    assert model.score(series, ahead=3) > 1 - 1e-9
    flat = ARForecaster(3).fit([1.0, 2, 3, 4, 5, 6, 7, 8])
    np.testing.assert_allclose(flat.predict(3), [9, 10, 11])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "stlm"])
def test_hidden_states_learn_a_wave(cell):
    wave = 100 + 10 * np.sin(0.4 * np.arange(260))[:, None] * [1, -1]
    model = RecurrentForecaster(
        10, horizon=3, cell=cell, hidden_size=16, max_iter=25, learning_rate=0.01, scaling="minmax"
    )
    model.fit(wave[:220])
    assert model.score(wave[200:], ahead=1) > 0.97 and model.score(wave[200:], ahead=5) > 0.9
    assert model.predict().shape == (3, 2) and model.predict(7).shape == (7, 2)
    np.testing.assert_allclose(model.predict(3, series=wave[:230]), model.predict(7, series=wave[:230])[:3], rtol=1e-6)


def test_a_perceptron_learns_what_is_not_linear():
    series = np.empty(600)
    series[0] = 0.3
    for t in range(599):
        series[t + 1] = 3.8 * series[t] * (1 - series[t])  # the logistic map: chaos
    linear = ARForecaster(2).fit(series[:500])
    net = MLPForecaster(2, hidden_layer_sizes=(32,), difference=False, max_iter=100, learning_rate=0.01).fit(
        series[:500]
    )
    assert net.score(series[500:]) > 0.97 > 0.6 > linear.score(series[500:])


def test_scaling_and_difference_change_only_the_units():
    series = made(150, A, B, noise=0.3)
    for difference in (True, False):
        fits = [
            RecurrentForecaster(4, hidden_size=4, max_iter=2, difference=difference, scaling="standard").fit(s)
            for s in (series, 1e4 * series - 7e4)
        ]
        first, second = (model.predict(3) for model in fits)
        np.testing.assert_allclose(1e4 * first - 7e4, second, rtol=1e-3)
    plain = RecurrentForecaster(4, hidden_size=4, max_iter=1, scaling=None).fit(series)
    assert plain.offset_.tolist() == [0, 0] and plain.scale_.tolist() == [1, 1]


def test_the_end_of_each_series_is_held_out():
    series = np.arange(100.0)
    seen = []

    class Watched(MLPForecaster):
        def _train(self, loss, data, validation, **further):
            seen.extend([data, validation])
            return super()._train(loss, data, validation, **further)

    Watched(5, 2, max_iter=1, scaling=None, difference=False, validation_fraction=0.25).fit([series, series])
    (x, y), (held_x, held_y) = seen
    assert len(held_x) == 2 * round(94 * 0.25) and held_y.max() == 99
    half = len(y) // 2
    assert y[:half].max() < held_y.min() and len(x) == len(y)
    Watched(5, max_iter=1, validation_fraction=0).fit(series)
    assert seen[-1] is None


def test_injected_anomalies_are_found():
    draw = np.random.default_rng(0)
    time = np.arange(1500)
    series = np.sin(0.2 * time)[:, None] * [1.0, 50.0, 1.0] + 0.05 * draw.standard_normal((1500, 3)) * [1, 50, 1]
    detector = AnomalyDetector(ARForecaster(10), quantile=0.999).fit(series[:1000])
    broken = series[1000:].copy()
    broken[200, 1] += 40  # one sensor jumps
    broken[350:, 2] = broken[350, 2]  # another one sticks
    found = detector.predict(broken)
    assert found[200] and found[351:360].any()
    assert found[:200].mean() < 0.04 and not found[:10].any() and np.isnan(detector.score(broken)[:10]).all()
    assert np.abs(detector.errors(broken)[200]).argmax() == 1
    lower = AnomalyDetector(ARForecaster(10), quantile=0.9).fit(series[:1000])
    assert lower.threshold_ < detector.threshold_
    assert abs(lower.predict(series[1000:]).mean() - 0.1) < 0.05
    network = AnomalyDetector(RecurrentForecaster(10, cell="gru", max_iter=10, learning_rate=0.01)).fit(series[:1000])
    assert network.predict(broken)[200]


def test_a_detector_fits_a_copy_of_the_forecaster():
    a, b = np.sin(0.3 * np.arange(300)), 50 * np.cos(np.arange(300))
    forecaster = ARForecaster(4).fit(a)
    before = forecaster.predict(3)
    first = AnomalyDetector(forecaster).fit(a)
    alarms = first.predict(a)
    second = AnomalyDetector(forecaster).fit(b)
    np.testing.assert_array_equal(first.predict(a), alarms)
    np.testing.assert_array_equal(forecaster.predict(3), before)
    assert first.forecaster_ is not forecaster and second.forecaster_ is not first.forecaster_
    assert AnomalyDetector().fit(a).forecaster is None


def test_one_broken_value_is_one_anomaly():
    series = np.sin(2 * np.pi * np.arange(600) / 25) + 0.02 * np.random.default_rng(0).standard_normal(600)
    detector = AnomalyDetector(ARForecaster(60), quantile=1.0).fit(series[:400])
    broken = series[400:].copy()
    broken[100] += 5
    assert np.flatnonzero(detector.predict(broken)[90:]).tolist() == [10]
    other = np.cos(2 * np.pi * np.arange(600) / 40) + 0.02 * np.random.default_rng(1).standard_normal(600)
    two = np.stack([series, other], axis=1)
    detector = AnomalyDetector(ARForecaster(20), quantile=1.0).fit(two[:400])
    two[500, 0] += 5
    assert np.flatnonzero(detector.predict(two[400:])[90:]).tolist() == [10]
    assert np.abs(detector.errors(two[400:])[100]).argmax() == 0


def test_a_change_for_good_raises_no_lasting_alarm():
    steps = np.random.default_rng(0).uniform(-0.1, 0.1, 600)
    series = np.cumsum(steps)
    detector = AnomalyDetector(ARForecaster(5), quantile=1.0).fit(series[:400])
    moved = series[400:].copy()
    moved[100:] += 3
    found = np.flatnonzero(detector.predict(moved))
    assert 100 in found and found[-1] < 110


def test_scores_tell_anomalies():
    series = np.sin(0.3 * np.arange(400)) + 0.02 * np.random.default_rng(0).standard_normal(400)
    detector, truth = AnomalyDetector(ARForecaster(8)).fit(series[:200]), np.zeros(200, bool)
    broken, places = series[200:].copy(), [50, 90, 150]
    broken[places] += 2
    truth[places] = True
    assert detector.score(broken, truth) == 1 and detector.score(broken, ~truth) == 0
    scores = detector.score(broken)
    anomaly, usual = scores[truth], scores[8:][~truth[8:]]
    mixed = np.where(np.arange(200) % 3 == 0, True, truth)
    pairs = np.subtract.outer(scores[8:][mixed[8:]], scores[8:][~mixed[8:]])
    assert detector.score(broken, mixed) == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean())
    assert anomaly.min() > usual.max()
    with pytest.raises(ValueError, match="y: expected 200 truth values, one for each step"):
        detector.score(broken, truth[:9])
    with pytest.raises(ValueError, match="y: expected anomalies and other steps"):
        detector.score(broken, truth & False)


def test_forecasts_keep_the_index_of_pandas():
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=60, freq="D")
    one = pandas.Series(np.sin(np.arange(60.0)), days, name="sales")
    model = ARForecaster(4).fit(one)
    ahead = model.predict(3)
    assert ahead.index.tolist() == list(pandas.date_range("2024-03-01", periods=3)) and ahead.name == "sales"
    past = model.historical_forecasts(one)
    assert past.index.equals(days) and past.isna().sum() == 4
    np.testing.assert_array_equal(ahead.to_numpy(), ARForecaster(4).fit(one.to_numpy()).predict(3))
    two = pandas.DataFrame({"a": one, "b": one**2})
    ahead = ARForecaster(4).fit(two).predict(2)
    assert list(ahead.columns) == ["a", "b"] and ahead.index[0] == pandas.Timestamp("2024-03-01")
    months = one.set_axis(pandas.period_range("2020-01", periods=60, freq="M"))
    assert str(ARForecaster(4).fit(months).predict(1).index[0]) == "2025-01"
    for index, following in (
        (range(100, 160), 160),
        (np.arange(60) * 0.5, 30.0),
        (list("ab" * 30), 60),
        (days[::-1], None),
    ):
        found = ARForecaster(4).fit(one.set_axis(index)).predict(2)
        assert following is None or found.index[0] == following
    detector = AnomalyDetector(ARForecaster(4)).fit(two)
    assert detector.predict(two).index.equals(days) and detector.predict(two).dtype == bool
    assert list(detector.errors(two).columns) == ["a", "b"] and detector.score(two).index.equals(days)
    several = ARForecaster(4).fit([one, one.to_numpy()]).predict(2)
    assert several[0].index[0] == pandas.Timestamp("2024-03-01") and isinstance(several[1], np.ndarray)


def test_columns_of_several_kinds_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(20.0), "b": np.arange(20) % 2 == 0, "c": np.arange(20)})
    model = ARForecaster(2, ridge=1e-3).fit(frame)
    np.testing.assert_allclose(model.coef_, ARForecaster(2, ridge=1e-3).fit(frame.astype(float)).coef_)
    np.testing.assert_allclose(ARForecaster(2).fit(frame["a"].convert_dtypes()).predict(1).to_numpy(), [20])
    frame.loc[3, "a"] = None
    with pytest.raises(ValueError, match="series: expected finite numbers, step 3 has NaN"):
        ARForecaster(2).fit(frame.convert_dtypes())
    with pytest.raises(TypeError, match="series: expected numbers, got object"):
        ARForecaster(2).fit(frame.assign(c=["x"] * 20).astype(object)["c"].to_frame().map(lambda v: {v}))


def test_several_series_come_as_any_iterable():
    pandas = pytest.importorskip("pandas")
    series = [np.arange(9.0), np.arange(8.0)]
    expected = ARForecaster(2).fit(series).predict(2)
    for given in ((s for s in series), tuple(series), pandas.Series(series, index=[7, 3])):
        np.testing.assert_allclose(ARForecaster(2).fit(given).predict(2), expected)
    np.testing.assert_allclose(ARForecaster(2).fit(x for x in range(9)).predict(2), [9, 10])


def test_bad_input():
    series = np.arange(50.0)
    with pytest.raises(RuntimeError, match="ARForecaster has not learnt anything yet"):
        ARForecaster().predict(3)
    with pytest.raises(ValueError, match="series: expected finite numbers, step 3 has NaN"):
        ARForecaster(2).fit([1.0, 2, 3, np.nan, 5, 6])
    with pytest.raises(ValueError, match=r"series: expected lags \+ horizon = 13 steps or more, got one of 5"):
        ARForecaster(12).fit(np.ones(5))
    with pytest.raises(ValueError, match=r"series\[0\]: expected \[T\] or \[T, variables\], got \[2, 2, 2\]"):
        ARForecaster(1).fit([np.ones((2, 2, 2))])
    with pytest.raises(TypeError, match="series: expected an array"):
        ARForecaster(1).fit(3.0)
    with pytest.raises(TypeError, match=r"or a list of such, got \[\]"):
        ARForecaster(1).fit([])
    with pytest.raises(ValueError, match=r"series: expected one step or more, got \[0, 3\]"):
        ARForecaster(1).fit(np.ones((0, 3)))
    with pytest.raises(ValueError, match="equally many variables"):
        ARForecaster(1).fit([np.ones((5, 2)), np.ones((5, 3))])
    with pytest.raises(ValueError, match="lags: expected an integer >= 1, got 0"):
        RecurrentForecaster(0).fit(series)
    with pytest.raises(ValueError, match="scaling: expected one of"):
        RecurrentForecaster(scaling="max").fit(series)
    with pytest.raises(ValueError, match="cell: expected one of"):
        RecurrentForecaster(cell="xlstm").fit(series)
    model = ARForecaster(3).fit(series)
    with pytest.raises(ValueError, match="series: expected 1 variables as fit got, got 2"):
        model.predict(2, series=np.ones((9, 2)))
    with pytest.raises(ValueError, match="series: expected lags = 3 steps or more, got one of 2"):
        model.predict(2, series=series[:2])
    with pytest.raises(ValueError, match=r"expected more than lags \+ ahead - 1 = 9 steps"):
        model.score(series[:9], ahead=7)
    with pytest.raises(ValueError, match="quantile"):
        AnomalyDetector(quantile=0).fit(series)
    with pytest.raises(TypeError, match=r"forecaster: expected a forecaster of seqnn\.models, got str"):
        AnomalyDetector("lstm").fit(series)
    with pytest.raises(ValueError, match="expected one series, got a list"):
        AnomalyDetector(ARForecaster(2)).fit(series).score([series, series])
