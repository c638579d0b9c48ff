"""Forecasters on a made grid of sensors: errors of AR, MLP, LSTM and STLM, and what training them costs.

python -m benchmarks.run sensors --quality            the comparison table, over three seeds
python -m benchmarks.bench_sensors PICTURE.png        both memories of the STLM
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np

import seqnn
from benchmarks import quality
from benchmarks.case import Case, Measured, Options, timed
from seqnn.data import SensorGrid, sensor_grid
from seqnn.models import ARForecaster, MLPForecaster, RecurrentForecaster

LAGS, STEPS, TEST, AHEAD = 32, 4000, 1000, (1, 4, 8)
TRAINING = {"batch_size": 32, "learning_rate": 5e-3, "validation_fraction": 0.15, "n_iter_no_change": 10}
FORECASTERS: dict[str, Callable] = {
    "AR(32)": lambda seed, epochs: ARForecaster(LAGS),
    "MLP": lambda seed, epochs: MLPForecaster(LAGS, max_iter=epochs, random_state=seed, **TRAINING),
    "LSTM": lambda seed, epochs: recurrent("lstm", seed, epochs),
    "STLM": lambda seed, epochs: recurrent("stlm", seed, epochs),
}
EPOCHS = 60
BAND = 0.005


def recurrent(cell: str, seed: int, epochs: int) -> RecurrentForecaster:
    """Return a forecaster with a hidden state."""
    return RecurrentForecaster(LAGS, cell=cell, hidden_size=32, max_iter=epochs, random_state=seed, **TRAINING)


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of an STLM for two epochs against that of an LSTM of equal hidden size."""
    series = sensor_grid(2, 2, steps=STEPS - TEST).values
    for threads in options.threads:
        yield Case(
            "STLM forecaster, H=32, 32 lags, 2 epochs",
            training("stlm", series, threads),
            {"LSTM": training("lstm", series, threads)},
            work=2 * len(series),
            work_unit="windows",
            threads=threads,
            data="seqnn.data.sensor_grid(2, 2)",
            goals={"LSTM": 1 / 1.7},
        )


def training(cell: str, series: np.ndarray, threads: int) -> Callable[[], Measured]:
    """Return a side that fits a forecaster for two epochs."""

    def side() -> Measured:
        with seqnn.threads(threads):
            return timed(lambda: recurrent(cell, 0, 2).fit(series))()

    return side


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield minus the RMSE of each network beside AR's, over three seeds: of the grid and of the weights."""
    errors = {name: [measured(name, seed, options) for seed in (1, 2, 3)] for name in FORECASTERS}
    for name in list(FORECASTERS)[1:]:
        for column, ahead in enumerate(AHEAD):
            ours, theirs = ([-seed[column] for seed in errors[who]] for who in (name, "AR(32)"))
            yield quality.Row(name, "AR(32)", f"minus RMSE {ahead} ahead, no new burst", ours, theirs, BAND)


def measured(name: str, seed: int, options: Options) -> list[float]:
    """Return the RMSE at each of `AHEAD` of one forecaster on the grid of a seed."""
    grid = sensor_grid(2, 2, steps=STEPS, seed=seed)
    with seqnn.threads(options.threads[0]):
        model = FORECASTERS[name](seed, 3 if options.quick else EPOCHS).fit(grid.values[: STEPS - TEST])
        before = grid.values[STEPS - TEST - LAGS - max(AHEAD) :]
        return [rmse(grid, model.historical_forecasts(before, ahead=ahead)[-TEST:], ahead) for ahead in AHEAD]


def rmse(grid: SensorGrid, forecasts: np.ndarray, ahead: int) -> float:
    """Return the error where no burst began since the forecast was made: nobody can foresee those."""
    new = np.zeros_like(grid.events)
    for k in range(ahead):
        new[k:] |= grid.events[: len(new) - k]
    errors = np.square(grid.values[-TEST:] - forecasts)
    return float(np.sqrt(errors[~new[-TEST:]].mean()))


def picture(path: str) -> None:
    """Draw both memories of an STLM that has learnt the grid, on data that it has not seen."""
    from seqnn import plot

    grid = sensor_grid(2, 2, steps=STEPS, seed=1)
    model = recurrent("stlm", 1, EPOCHS).fit(grid.values[: STEPS - TEST])
    test = grid.values[STEPS - TEST : STEPS - TEST + 700]
    scaled = ((test - model.offset_) / model.scale_).astype(np.float32)
    short, long = model.model_.reader.recurrent.memories(scaled[None])
    ax = plot.memories(short[0], long[0], test[:, 0], title="Both memories of an STLM on a grid of sensors")
    ax.figure.savefig(path)


if __name__ == "__main__":
    picture(sys.argv[1])
