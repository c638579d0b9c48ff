"""Pictures of series, memories and Jacobians through time are rendered to PNG, and show what they were given."""

import numpy as np
import pytest
from picture_checks import png

from seqnn import diagnose, nn, plot
from seqnn.models import ARForecaster
from seqnn.plot._memories import time_scale

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


def test_forecast(tmp_path):
    series = np.sin(np.arange(60) / 5)
    ax = plot.forecast(series, {"a": series[20:] + 0.1, "b": np.full((40, 1), np.nan)}, start=20, title="Wave")
    png(ax, tmp_path)
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["a"].get_xdata()[0] == 20 and lines["series"].get_ydata().tolist() == series.tolist()
    ax = plot.forecast(series, np.ones(7), start=60, show=20)
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["forecast"].get_xdata().tolist() == list(range(60, 67))
    assert lines["series"].get_xdata().tolist() == list(range(47, 60))
    with pytest.raises(ValueError, match=r"series: expected one variable, \[T\], got \[3, 2\]"):
        plot.forecast(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="forecasts: expected at least one"):
        plot.forecast(series, {})


def test_forecasts_of_quantiles_are_fans(tmp_path):
    series = np.sin(np.arange(60) / 5)
    fan = series[50:, None] + np.array([-0.4, -0.2, 0.0, 0.2, 0.5])
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    ax = plot.forecast(series[:50], {"five": fan}, quantiles=levels)
    png(ax, tmp_path)
    outer, inner = ax.collections
    assert (
        outer.get_datalim(ax.transData).y0 == fan[:, 0].min() and outer.get_datalim(ax.transData).y1 == fan[:, 4].max()
    )
    assert inner.get_datalim(ax.transData).y0 == fan[:, 1].min()
    assert {line.get_label(): list(line.get_ydata()) for line in ax.lines}["five"] == list(fan[:, 2])
    two = plot.forecast(series[:50], fan[:, [0, 4]], quantiles=(0.05, 0.95))
    np.testing.assert_allclose(two.lines[-1].get_ydata(), fan[:, [0, 4]].mean(axis=1))
    many = np.stack([series, 100 * series], axis=1)
    ax = plot.forecast(many, np.stack([fan, 100 * fan], axis=1), quantiles=levels, start=50)
    png(ax, tmp_path)
    assert len(ax.collections) == 4
    flat = np.stack([fan, 100 * fan], axis=1).reshape(10, -1)  # as the columns of a data frame
    assert len(plot.forecast(many, flat, quantiles=levels, start=50).collections) == 4
    with pytest.raises(
        ValueError, match=r"forecasts\['forecast'\]: expected \[n, 3\] or \[n, variables, 3\], got \[10, 5\]"
    ):
        plot.forecast(series, fan, quantiles=(0.1, 0.5, 0.9))
    with pytest.raises(TypeError, match=r"quantiles: expected numbers between 0 and 1, .* got 0.5"):
        plot.forecast(series, fan, quantiles=0.5)
    for wrong in ((), levels[::-1]):
        with pytest.raises(ValueError, match="quantiles: expected one or more in rising order"):
            plot.forecast(series, fan, quantiles=wrong)
    with pytest.raises(TypeError, match=r"forecasts\['forecast'\]: expected numbers, got <U1"):
        plot.forecast(series, [["a", "b"]], quantiles=(0.1, 0.9))


def drawn(ax):
    """The steps of each labelled line."""
    return {line.get_label(): line.get_xdata().tolist() for line in ax.lines if not line.get_label().startswith("_")}


def test_forecasts_come_after_the_series_and_are_joined_to_it(tmp_path):
    series = np.sin(np.arange(60) / 5)
    model = ARForecaster(10).fit(series)
    ax = plot.forecast(series, model.predict(7), show=30)
    png(ax, tmp_path)
    assert drawn(ax)["forecast"] == list(range(60, 67))
    (joint,) = [line for line in ax.lines if list(line.get_xdata()) == [59, 60]]
    assert list(joint.get_ydata()) == [series[59], model.predict(7)[0]]
    back = plot.forecast(series, ARForecaster(10).fit(series[:50]).predict(10), start=50)
    assert drawn(back)["forecast"] == list(range(50, 60))
    both = plot.forecast(series, {"ahead": model.predict(3), "past": model.historical_forecasts(series)})
    assert drawn(both)["ahead"][0] == 60 and drawn(both)["past"] == list(range(60))
    whole = plot.forecast(series, series)  # as long as the series, but nothing is missing: no historical forecasts
    assert drawn(whole)["forecast"][0] == 60


def test_forecasts_with_an_index_stand_at_their_place():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(np.arange(20.0), pandas.date_range("2024-01-01", periods=20))
    assert drawn(plot.forecast(series, series[12:15]))["forecast"] == [12, 13, 14]
    assert drawn(plot.forecast(series, ARForecaster(3).fit(series).predict(2)))["forecast"] == [20, 21]
    assert drawn(plot.forecast(series, [1.0, 2.0]))["forecast"] == [20, 21]


def test_several_variables_stand_one_below_the_other(tmp_path):
    series = np.stack([np.sin(np.arange(60) / 5), 100 + np.arange(60), np.full(60, 7.0)], axis=1)
    ax = plot.forecast(series, {"a": series[:5] + 0.1, "b": series[:9]}, title="Three")
    png(ax, tmp_path)
    lines = [line for line in ax.lines if line.get_label() == "series"]
    heights = np.array([line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 60])
    assert len(lines) == 1 and len(heights) == 3
    for i, height in enumerate(heights):
        assert -i - 1 < height.min() and height.max() < -i
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2"]
    with pytest.raises(ValueError, match=r"forecasts\['forecast'\]: expected 3 variables as the series has, got 2"):
        plot.forecast(series, series[:5, :2])
    with pytest.raises(ValueError, match="start: expected an integer >= 0, got -1"):
        plot.forecast(series, series, start=-1)
    with pytest.raises(ValueError, match="show: expected an integer >= 1, got 0"):
        plot.forecast(series, series, show=0)


def test_anomalies(tmp_path):
    score = np.array([np.nan, 0.5, 3.0, 1.0])
    ax = plot.anomalies(np.arange(4), score, 2.0)
    png(ax, tmp_path)
    marks = next(line for line in ax.lines if line.get_label() == "anomaly")
    assert marks.get_xdata().tolist() == [2] and marks.get_ydata().tolist() == [3]
    with pytest.raises(ValueError, match="score: expected one number for each of 3 steps, got 4"):
        plot.anomalies(np.ones(3), score, 1.0)


def test_memories(tmp_path):
    time = np.arange(200)
    short = np.stack([np.sin(time), 2 * np.sin(1.5 * time)], axis=1)
    long = np.stack([np.sin(time / 30), np.cos(time / 40), np.zeros(200)], axis=1)
    ax = plot.memories(short, long, np.stack([time, time**2], axis=1), title="Memories")
    png(ax, tmp_path)
    below, above = ax.collections[:2]
    assert below.get_array().shape == (3, 200) and above.get_array().shape == (2, 200)
    np.testing.assert_allclose(np.abs(above.get_array()).max(axis=1), 1)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "long memory\n3 units",
        "short memory\n2 units",
        "series",
    ]
    layer = nn.STLM(1, 6, batch_first=True)
    png(plot.memories(*(m[0] for m in layer.memories(np.ones((1, 30, 1), np.float32)))), tmp_path)
    for arguments, message in (
        ((short[:, 0], long), r"short: expected \[T, units\]"),
        ((short, long[:9]), "long: expected 200 steps as short has, got 9"),
        ((short, long, time[:5]), "series: expected 200 steps as the memories have, got 5"),
        ((short * np.nan, long), "short: expected finite"),
    ):
        with pytest.raises(ValueError, match=message):
            plot.memories(*arguments)


def test_time_scale():
    draw = np.random.default_rng(0)
    slow = np.empty(20000)
    slow[0] = 0
    for t in range(19999):
        slow[t + 1] = 0.95 * slow[t] + draw.standard_normal()
    assert abs(time_scale(slow) - -1 / np.log(0.95)) < 3 and time_scale(np.ones(9)) == 9


def test_cells_compared(tmp_path):
    x = np.random.default_rng(0).standard_normal((3, 50, 2)).astype(np.float32)
    cells = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "STLM": nn.STLMCell}
    found = {name: diagnose.time_jacobians(cell(2, 4), x) for name, cell in cells.items()}
    ax = plot.jacobian_products(found, title="Through time")
    png(ax, tmp_path)
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(lines["GRU"], np.median(found["GRU"].products, axis=1))
    lines = {line.get_label(): line.get_ydata() for line in plot.jacobian_products(found, part="c").lines}
    np.testing.assert_allclose(lines["LSTM"], np.median(found["LSTM"].parts["c"], axis=1))
    with pytest.raises(ValueError, match=r"part: expected one of \['h', 'c', 'short', 'long'\], got 'z'"):
        plot.jacobian_products(found, part="z")
    with pytest.raises(ValueError, match="same places"):
        plot.jacobian_products({"a": found["GRU"], "b": diagnose.time_jacobians(cells["GRU"](2, 4), x[:, :9])})
    with pytest.raises(TypeError, match="jacobians: expected those of"):
        plot.jacobian_products({"a": 1})
