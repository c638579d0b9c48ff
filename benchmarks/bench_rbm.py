"""Epochs of a Bernoulli RBM, 784 visible and 256 hidden units, against scikit-learn's; the pseudo-likelihood is compared.

With batches of 10 most of scikit-learn's time is calls and passes over small arrays. With batches of 100 both sides wait for the
same five matrix products, which NumPy's library computes near the machine's peak: the last row of each kind times these
alone. An epoch can hardly be faster than they are, so the ratio to scikit-learn cannot exceed that of its epoch to the products.
"""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, timed
from seqnn.models import BernoulliRBM


def images(count: int) -> np.ndarray:
    """Draw binary images of 28 x 28 pixels: two thick strokes each, 15 to 20 % of the pixels, as those of digits."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    made = np.zeros((count, 28, 28), np.float32)
    for image in made:
        for _ in range(2):
            at, angle, length = rng.uniform(8, 20, 2), rng.uniform(0, np.pi), rng.uniform(5, 9)
            along = (x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle)
            beside = (y - at[1]) * np.cos(angle) - (x - at[0]) * np.sin(angle)
            image[(np.abs(along) < length) & (np.abs(beside) < 2)] = 1
    return made.reshape(count, -1)


def side(make: Callable[[], Any], x: np.ndarray, threads: int) -> Callable[[], Measured]:
    """Return a side that times epochs, and keeps the pseudo-likelihood that they reach."""

    def run() -> Measured:
        rbm = make()
        with seqnn.threads(threads):
            measured = timed(lambda: rbm.fit(x))()
        return Measured(measured.value / rbm.n_iter, np.mean([rbm.score_samples(x).mean() for _ in range(5)]))

    return run


def products(x: np.ndarray, rows: int, threads: int) -> Callable[[], Measured]:
    """Return a side that times the products of an epoch, by NumPy: two to the hidden units, one back, two of the gradient."""
    weight, hidden = np.full((256, x.shape[1]), 0.01, x.dtype), np.full((rows, 256), 0.5, x.dtype)

    def epoch() -> None:
        for start in range(0, len(x), rows):
            v, h = x[start : start + rows], hidden[: len(x) - start]
            v @ weight.T
            made = h @ weight
            made @ weight.T
            h.T @ v
            h.T @ made

    def run() -> Measured:
        with seqnn.threads(threads):
            return timed(epoch)()

    return run


def similar(mine: float, other: float) -> float:
    """Check that ours is no worse than theirs by more than a tenth; return the difference."""
    assert mine > other - 0.1 * abs(other), f"pseudo-likelihood {mine:.1f}, theirs is {other:.1f}"
    return float(abs(mine - other))


def cases(options: Options) -> Iterator[Case]:
    """Yield batches of 10 and of 100 rows, in float32 and float64."""
    peer: Any = None
    if importlib.util.find_spec("sklearn"):
        from sklearn.neural_network import BernoulliRBM as peer  # noqa: N813
    x = images(500 if options.quick else 3000)
    for threads in options.threads:
        for rows in (10, 100):
            for dtype in (np.float32, np.float64):
                data, kind = x.astype(dtype), f"batches of {rows}, {np.dtype(dtype).name}"
                how = {"n_components": 256, "batch_size": rows, "learning_rate": 0.05, "n_iter": 2, "random_state": 0}
                ours = side(lambda how=how: BernoulliRBM(**how), data, threads)
                yield Case(
                    f"epoch of {len(x)} images, {kind}",
                    ours,
                    {"scikit-learn": side(lambda how=how: peer(**how), data, threads) if peer else None},
                    check=similar,
                    work=len(x),
                    work_unit="images",
                    threads=threads,
                    data="drawn strokes",
                    goals={"scikit-learn": 5.0},
                )
                if rows == 100:
                    yield Case(
                        f"epoch of {len(x)} images, {kind}, beside its products",
                        ours,
                        {"products alone": products(data, rows, threads)},
                        work=len(x),
                        work_unit="images",
                        threads=threads,
                        data="drawn strokes",
                    )
