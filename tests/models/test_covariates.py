"""Forecasters with quantiles, and with covariates, on series that are made by known rules."""

import numpy as np
import pytest

from seqnn.models import AnomalyDetector, ARForecaster, MLPForecaster, RecurrentForecaster

DRAW = np.random.default_rng(0)
LEADING = DRAW.standard_normal(400)  # y[t + 1] = x[t]
PRICES = DRAW.standard_normal((420, 2))  # y[t] falls with the price of the same step
FOLLOWING = np.concatenate([[0.0], LEADING[:-1]])
SOLD = 5 - 2 * PRICES[:400, 0] + 0.5 * PRICES[:400, 1] + 0.1 * np.sin(np.arange(400))


def small(kind, *sizes, **settings):
    """A small network that learns these rules in a moment."""
    options = {"max_iter": 25, "learning_rate": 0.01, "difference": False, **settings}
    return MLPForecaster(*sizes, **options) if kind == "mlp" else RecurrentForecaster(*sizes, cell=kind, **options)


@pytest.mark.parametrize("kind", ["mlp", "gru"])
def test_quantiles_cover_their_share_and_never_cross(kind):
    noise = np.random.default_rng(1).standard_normal(1500)
    series = np.sin(0.3 * np.arange(1500)) + 0.3 * noise
    levels = (0.1, 0.5, 0.9)
    model = small(kind, 10, 3, quantiles=levels, max_iter=15).fit(series[:1000])
    for ahead in (1, 3):
        found = model.historical_forecasts(series[1000:], ahead=ahead)
        assert found.shape == (500, 3) and np.isnan(found[: 9 + ahead]).all()
        below = (series[1000:, None] <= found)[9 + ahead :].mean(axis=0)
        np.testing.assert_allclose(below, levels, atol=0.09)
        assert (np.diff(found[9 + ahead :]) >= 0).all()
    assert model.predict().shape == (3, 3) and model.predict(2).shape == (2, 3)
    middle = model.historical_forecasts(series[1000:])[10:, 1]
    truth = series[1010:]
    expected = 1 - np.square(truth - middle).sum() / np.square(truth - truth.mean()).sum()
    assert model.score(series[1000:]) == pytest.approx(expected)
    assert AnomalyDetector(model).fit(series[:300]).score(series[:300]).shape == (300,)


def test_quantiles_of_several_variables_have_an_axis_of_their_own():
    series = np.stack([LEADING, 100 * SOLD], axis=1)
    model = small("mlp", 4, 2, quantiles=[0.2, 0.8], max_iter=3).fit([series, series[:50]])
    first, second = model.predict()
    assert first.shape == second.shape == (2, 2, 2)
    assert (first[:, 0] < 10).all() and (first[:, 1] > 100).all()
    assert model.historical_forecasts(series).shape == (400, 2, 2)


@pytest.mark.parametrize("kind", ["mlp", "gru", "ar"])
def test_future_covariates_tell_what_the_past_cannot(kind):
    model = ARForecaster(3) if kind == "ar" else small(kind, 3, 2, validation_fraction=0)
    model.fit(SOLD[:300], future_covariates=PRICES[:310])
    assert model.score(SOLD[280:], future_covariates=PRICES[280:400]) > (0.99 if kind == "ar" else 0.8)
    assert model.score(SOLD[280:], ahead=4, future_covariates=PRICES[280:]) > (0.99 if kind == "ar" else 0.8)
    blind = ARForecaster(3).fit(SOLD[:300])
    assert blind.score(SOLD[280:]) < 0.2
    ahead = model.predict(10)  # by the prices that fit got
    np.testing.assert_allclose(model.predict(10, future_covariates=PRICES[300:310]), ahead)
    both = model.predict(10, series=SOLD[:300], future_covariates=PRICES[:310])
    np.testing.assert_allclose(both, ahead)
    np.testing.assert_allclose(model.predict(4, future_covariates=PRICES[300:304]), ahead[:4])
    assert np.abs(model.predict(10, future_covariates=PRICES[300:310] + 1) - ahead).min() > 0.5
    past = model.historical_forecasts(SOLD[:300], ahead=4, future_covariates=PRICES[:300])
    window = model.predict(4, series=SOLD[:200], future_covariates=PRICES[:204])
    np.testing.assert_allclose(past[203], window[-1], rtol=1e-5)


def test_the_coefficients_of_covariates_are_recovered():
    model = ARForecaster(2).fit(SOLD[:300] - 0.1 * np.sin(np.arange(300)), future_covariates=PRICES)
    np.testing.assert_allclose(model.covariate_coef_[:, 0], [-2, 0.5], atol=1e-8)
    np.testing.assert_allclose(model.coef_, 0, atol=1e-8)
    assert ARForecaster(2).fit(SOLD).covariate_coef_.shape == (0, 1)


@pytest.mark.parametrize("kind", ["mlp", "gru"])
def test_past_covariates_lead(kind):
    model = small(kind, 3, validation_fraction=0).fit(FOLLOWING[:300], past_covariates=LEADING[:300])
    assert model.score(FOLLOWING[290:], past_covariates=LEADING[290:]) > 0.9
    assert model.predict()[0] == pytest.approx(FOLLOWING[300], abs=0.3)
    again = model.predict(series=FOLLOWING[200:300], past_covariates=LEADING[200:300])
    np.testing.assert_allclose(again, model.predict(), rtol=1e-6)


def test_a_file_keeps_quantiles_and_covariates(tmp_path):
    settings = {"quantiles": (0.1, 0.9), "max_iter": 2}
    known = {"past_covariates": [LEADING[:300], LEADING[:200]], "future_covariates": [PRICES[:304], PRICES[:203]]}
    model = small("gru", 4, 3, **settings).fit([SOLD[:300], SOLD[:200]], **known)
    expected = model.predict()
    model.save(tmp_path / "model")
    again = RecurrentForecaster.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(), expected)
    assert again.quantiles == (0.1, 0.9)
    plain = small("gru", 4, max_iter=1).fit(SOLD)
    plain.fit(SOLD, future_covariates=PRICES).fit(SOLD)  # what an earlier fit got is gone
    assert plain.predict(3).shape == (3,)


def test_rows_of_pandas_are_found_by_the_index():
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=420, freq="D", name="day")
    series = pandas.Series(SOLD, days[:400], name="sales")
    prices = pandas.DataFrame(PRICES, days, columns=["ours", "theirs"])
    model = ARForecaster(3).fit(SOLD[:300], future_covariates=PRICES[:310])
    framed = ARForecaster(3).fit(series[:300], future_covariates=prices)  # longer than needed
    np.testing.assert_allclose(framed.coef_, model.coef_)
    ahead = framed.predict(10)
    np.testing.assert_allclose(ahead.to_numpy(), model.predict(10))
    assert ahead.index.equals(pandas.date_range(days[300], periods=10, freq="D")) and ahead.index.name == "day"
    for frame in (prices, prices[300:310], prices[::-1], prices[290:].sample(frac=1, random_state=0)):
        np.testing.assert_allclose(framed.predict(10, future_covariates=frame), ahead)
    later = framed.predict(5, series=series[50:390], future_covariates=prices[20:])
    np.testing.assert_allclose(later, model.predict(5, series=SOLD[50:390], future_covariates=PRICES[50:395]))
    with pytest.raises(ValueError, match=r"future_covariates: expected 3 steps after the series.*got 2"):
        framed.predict(3, series=series[:300], future_covariates=prices[:302])
    with pytest.raises(
        ValueError, match=r"future_covariates: expected all steps of the series .* 2024-01-01.* missing"
    ):
        framed.predict(3, series=series, future_covariates=prices[1:])
    with pytest.raises(ValueError, match=r"is missing; that is of period\[D\], that of the series of datetime64"):
        framed.predict(3, series=series, future_covariates=prices.to_period("D"))
    with pytest.raises(ValueError, match="future_covariates: expected each step once in the index, got 2024-01-02"):
        framed.predict(3, series=series, future_covariates=prices.set_axis(days[[0, 1, 1, *range(3, 420)]]))


def test_a_file_does_not_keep_the_index(tmp_path):
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=420)
    prices = pandas.DataFrame(PRICES, days)
    model = ARForecaster(3).fit(pandas.Series(SOLD, days[:400]), future_covariates=prices)
    model.save(tmp_path / "model")
    again = ARForecaster.load(tmp_path / "model")
    np.testing.assert_allclose(again.predict(5), model.predict(5))
    with pytest.raises(ValueError, match="future_covariates: expected an array, or series as well"):
        again.predict(5, future_covariates=prices)
    with pytest.raises(ValueError, match="future_covariates: expected dates in order"):
        ARForecaster(3).fit(SOLD, future_covariates=prices.iloc[[1, 0, *range(2, 400)]])


def test_quantiles_of_pandas_have_names():
    pandas = pytest.importorskip("pandas")
    hours = pandas.date_range("2024-03-30 20:00", periods=400, freq="h", tz="Europe/Berlin")
    series = pandas.Series(SOLD, hours, name="sales")
    model = small("mlp", 4, 3, quantiles=(0.1, 0.9), max_iter=2).fit(series)
    found = model.predict()
    assert found.columns.tolist() == [0.1, 0.9] and found.columns.name == "quantile"
    assert found.index[0] == hours[-1] + pandas.Timedelta("1h") and found.shape == (3, 2)
    frame = pandas.DataFrame({"a": SOLD, "b": LEADING}, hours)
    found = small("mlp", 4, 3, quantiles=(0.1, 0.9), max_iter=2).fit(frame).predict()
    assert found.columns.tolist() == [("a", 0.1), ("a", 0.9), ("b", 0.1), ("b", 0.9)]
    assert found["b"].columns.tolist() == [0.1, 0.9]
    frame.columns = pandas.MultiIndex.from_tuples([("x", "a"), ("x", "b")], names=["shop", "what"])
    found = small("mlp", 4, 3, quantiles=(0.1, 0.9), max_iter=2).fit(frame).predict()
    assert found.columns.names == ["shop", "what", "quantile"] and found.columns[1] == ("x", "a", 0.9)


def test_dates_go_on_by_their_frequency():
    pandas = pytest.importorskip("pandas")
    for index, following in (
        (pandas.date_range("2024-01-31", periods=60, freq="ME"), pandas.Timestamp("2029-01-31")),
        (pandas.bdate_range("2024-01-01", periods=60), pandas.Timestamp("2024-03-25")),
        (pandas.period_range("2020Q1", periods=60, freq="2Q"), pandas.Period("2050Q1", "2Q")),
        (pandas.to_timedelta(np.arange(60), unit="min"), pandas.Timedelta("1h")),
    ):
        for known in (index, index[np.arange(60)]):  # with and without a frequency that is set
            assert ARForecaster(2, ridge=1).fit(pandas.Series(SOLD[:60], known)).predict(2).index[0] == following
    two = pandas.Series(SOLD[:2], pandas.to_datetime(["2024-01-03", "2024-01-05"]))  # only their distance is known
    assert ARForecaster(2, ridge=1).fit(SOLD).predict(1, series=two).index[0] == pandas.Timestamp("2024-01-07")


# Reports about other programs: numbered steps that do not begin at 0 (unit8co/darts 974), covariates longer than the series
# (darts 521, 843), other covariates asked for than those of fit (darts 1340), a period that the message about short ones does
# not name (darts 2283), weeks that end on Wednesday (sktime 1405), business days (pyflux 103), dates without a frequency that
# were numbered silently (skforecast 329), quantiles that cross (skpro 131) or go on from own predictions (darts 1810).


def test_numbered_steps_and_weeks_may_begin_anywhere():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(SOLD, pandas.RangeIndex(100, 500))
    prices = pandas.DataFrame(PRICES, pandas.RangeIndex(100, 520))
    model = ARForecaster(3).fit(series[:300], future_covariates=prices)
    assert model.predict(10, future_covariates=prices).index.tolist() == list(range(400, 410))
    past = model.historical_forecasts(series, future_covariates=prices)
    assert past.index.equals(series.index) and past.notna().sum() == 397
    weeks = pandas.Series(SOLD, pandas.date_range("2019-01-02", freq="W-WED", periods=400))
    assert ARForecaster(3).fit(weeks).predict(2).index[0] == weeks.index[-1] + pandas.Timedelta("7D")
    days = pandas.Series(
        SOLD[:89], pandas.date_range("2024-01-01", periods=89, tz="Europe/Berlin")
    )  # before the clock moves
    assert str(ARForecaster(3).fit(days).predict(4).index[-1]) == "2024-04-02 00:00:00+02:00"


def test_dates_with_gaps_or_without_order_are_refused():
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=60)
    series = pandas.Series(SOLD[:60], days)
    with pytest.raises(
        ValueError, match=r"series: expected dates of one frequency .* got 2024-01-12.* after 2024-01-10"
    ):
        ARForecaster(2).fit(series.drop(days[10]))
    with pytest.raises(ValueError, match=r"series\[1\]: expected dates in order in the index; sort_index"):
        ARForecaster(2).fit([series, series.iloc[[1, 0, *range(2, 60)]]])
    with pytest.raises(ValueError, match=r"series: expected each date once in the index, got 2024-01-01.* twice"):
        ARForecaster(2).fit(series.set_axis(days[[0, 0, *range(2, 60)]]))
    months = pandas.period_range("2020-01", periods=61, freq="M")
    with pytest.raises(ValueError, match=r"series: expected dates of one frequency .* got 2020-04 after 2020-02"):
        ARForecaster(2).fit(series.set_axis(months.delete(2)))
    filled = series.drop(days[10]).asfreq("D").interpolate()
    assert ARForecaster(2).fit(filled).predict(1).index[0] == days[-1] + pandas.Timedelta("1D")


@pytest.mark.parametrize(
    ("quantiles", "error", "message"),
    [
        ((0.5, 0.1), ValueError, r"quantiles: expected one or more in rising order, got \(0.5, 0.1\)"),
        ((0.5, 0.5), ValueError, "rising order"),
        ((), ValueError, "quantiles: expected one or more"),
        ((0.1, 1.0), ValueError, r"quantiles\[1\]: expected a finite number > 0 and < 1, got 1.0"),
        ((10, 50, 90), ValueError, r"quantiles\[0\]: expected a finite number > 0 and < 1, got 10"),
        (("low",), TypeError, r"quantiles\[0\]"),
        (0.5, TypeError, r"quantiles: expected numbers between 0 and 1, such as \(0.1, 0.5, 0.9\), got 0.5"),
    ],
)
def test_bad_quantiles_are_named(quantiles, error, message):
    with pytest.raises(error, match=message):
        MLPForecaster(quantiles=quantiles).fit(SOLD)


def test_bad_covariates_are_named():
    model = small("mlp", 4, 3, max_iter=1).fit(SOLD, past_covariates=LEADING, future_covariates=PRICES[:405])
    future = {"future_covariates": PRICES}
    for message, fit in (
        ("past_covariates: expected 400 steps as the series has, got 399", {"past_covariates": LEADING[1:]}),
        ("future_covariates: expected 400 steps or more, .* got 9", {"future_covariates": PRICES[:9]}),
        ("future_covariates: expected finite numbers, step 1", {"future_covariates": np.where(PRICES[1] == PRICES, np.nan, 0)}),
        ("past_covariates: expected those of one series, got a list", {"past_covariates": [LEADING]}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            small("mlp", 4, 3).fit(SOLD, **fit)
    with pytest.raises(ValueError, match="past_covariates: expected one for each of 2 series, got 1"):
        small("mlp", 4, 3).fit([SOLD, SOLD], past_covariates=[LEADING])
    for message, steps, given in (
        ("future_covariates: expected 3 steps after the series, as horizon is 3, got 2", 2, {"future_covariates": PRICES[:2]}),
        ("future_covariates: expected 2 covariates as fit got, got 1", 3, {"future_covariates": PRICES[:3, :1]}),
        ("future_covariates: expected 6 steps after the series, as horizon is 3, got 5", 4, {}),
        ("steps: expected at most horizon = 3 with past covariates", 6, future),
        ("past_covariates: expected None without series", 3, {"past_covariates": LEADING}),
        ("past_covariates: expected 1 covariates as fit got, got None", 3, {"series": SOLD, **future}),
        ("future_covariates: expected 2 covariates as fit got, got None", 3, {"series": SOLD, "past_covariates": LEADING}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            model.predict(steps, **given)
    with pytest.raises(ValueError, match="future_covariates: expected 0 covariates as fit got, got 2"):
        ARForecaster(2).fit(SOLD).predict(3, **future)
    with pytest.raises(
        ValueError, match="past_covariates: expected None, as ARForecaster takes future covariates alone"
    ):
        ARForecaster(2).fit(SOLD, past_covariates=LEADING)
    with pytest.raises(ValueError, match="steps: expected at most horizon = 3 with quantiles, got 4"):
        small("mlp", 4, 3, quantiles=(0.5,), max_iter=1).fit(SOLD).predict(4)
    with pytest.raises(ValueError, match=r"ahead: expected at most horizon = 3 with past covariates, .* got 4"):
        model.historical_forecasts(SOLD, ahead=4, past_covariates=LEADING, **future)
    with pytest.raises(ValueError, match="series: expected lags"):
        model.historical_forecasts(SOLD[:3], past_covariates=LEADING[:3], **future)
