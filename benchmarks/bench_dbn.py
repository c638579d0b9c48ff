"""What pretraining is worth: a sigmoid net of six hidden layers on scikit-learn's digits, over five seeds.

Each seed must pass 90 % of the test rows with pretraining and stay below 50 % without. Five-fold accuracy of a `DBN` with its
defaults is the last row; it must reach 97 %.
"""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.case import Case, Measured, Options, constant
from seqnn.models import DBN

DEPTH, WIDTH, EPOCHS, BATCH = 6, 200, 10, 20
"""Six layers of 200 units: deep enough that random weights learn little in ten epochs, and machines reach 90 %."""


def wrong(seed: int, pretrain_iter: int) -> Callable[[], Measured]:
    """Return a side that measures the share of the test rows that a net classifies wrongly."""

    def run() -> Measured:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x = (digits.data / 16).astype(np.float32)
        order = np.random.default_rng(0).permutation(len(x))
        train, test = order[:1400], order[1400:]
        net = DBN(
            (WIDTH,) * DEPTH, pretrain_iter=pretrain_iter, max_iter=EPOCHS, batch_size=BATCH, validation_fraction=0,
            random_state=seed,
        )  # fmt: skip
        share = 1 - net.fit(x[train], digits.target[train]).score(x[test], digits.target[test])
        return Measured(share, share)

    return run


def better(mine: float, other: float) -> float:
    """Check that pretraining passes 90 % where random weights stay below 50 %; return the difference."""
    assert mine < 0.1 and other > 0.5, f"{1 - mine:.1%} with pretraining, {1 - other:.1%} without"
    return other - mine


def wrong_in_folds(folds: int) -> Measured:
    """Measure the share of digits that nets with the default settings classify wrongly, each fifth learnt from the others."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, part = (digits.data / 16).astype(np.float32), np.random.default_rng(1).permutation(len(digits.data)) % 5
    shares = []
    for fold in range(folds):
        known, new = part != fold, part == fold
        net = DBN().fit(x[known], digits.target[known])
        shares.append(1 - net.score(x[new], digits.target[new]))
    return Measured(float(np.mean(shares)))


def cases(options: Options) -> Iterator[Case]:
    """Yield one case a seed."""
    if not importlib.util.find_spec("sklearn"):
        return
    for seed in range(1 if options.quick else 5):
        yield Case(
            f"{DEPTH} hidden layers of {WIDTH}, {EPOCHS} epochs, seed {seed}",
            wrong(seed, 50),
            {"without pretraining": wrong(seed, 0)},
            check=better,
            unit="share wrong",
            data="scikit-learn's digits, 397 held out",
            repeat=1,
        )
    yield Case(
        "default settings, five folds",
        lambda: wrong_in_folds(1 if options.quick else 5),
        {"bound of 3 %": constant(0.03)},
        unit="share wrong",
        data="scikit-learn's digits",
        repeat=1,
    )
