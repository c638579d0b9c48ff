"""A learning rate that falls when a figure stands still: by hand and as a callback of the trainer."""

import math

import numpy as np
import pytest

from seqnn import Tensor, nn, ops, optim, train


def optimizer(lr=1.0):
    return optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)


def rates(figures, **options):
    """The learning rate before each figure and after the last."""
    made = optimizer()
    plateau = optim.ReduceLROnPlateau(made, factor=0.5, patience=1, **options)
    found = [made.param_groups[0]["lr"]]
    for figure in figures:
        plateau.step(figure)
        found.append(made.param_groups[0]["lr"])
    return found


@pytest.mark.parametrize(
    ("figures", "options", "expected"),
    [
        ((3, 2, 2, 2), {}, [1, 1, 1, 1, 0.5]),
        ((3, 2.9999, 2.9998, 2), {}, [1, 1, 1, 0.5, 0.5]),  # less than a ten-thousandth is no improvement
        ((3, 2.5, 2.2), {"threshold": 0.6, "threshold_mode": "abs"}, [1, 1, 1, 1]),  # 3 - 2.2 is one
        ((1, 2, 2, 2), {"mode": "max"}, [1, 1, 1, 1, 0.5]),
        ((1, 1.5, 1.8), {"mode": "max", "threshold": 0.9, "threshold_mode": "abs"}, [1, 1, 1, 0.5]),
        ((3, 3, 3, 3, 3, 3), {"cooldown": 2}, [1, 1, 1, 0.5, 0.5, 0.5, 0.5]),
        ((3, 3, 3, 3, 3), {"min_lr": 0.3}, [1, 1, 1, 0.5, 0.5, 0.3]),
        ((math.nan, math.nan), {}, [1, 1, 0.5]),
    ],
)
def test_by_hand(figures, options, expected):
    assert rates(figures, **options) == expected


def test_a_state_goes_on_where_it_was():
    first = optim.ReduceLROnPlateau(optimizer(), patience=2)
    for figure in (3, 2, 2):
        first.step(figure)
    made = optimizer()
    second = optim.ReduceLROnPlateau(made, patience=2)
    second.load_state_dict(first.state_dict())
    for figure in (2, 2):
        second.step(figure)
    assert made.param_groups[0]["lr"] == 0.1


def trainer(callback, **options):
    x = np.ones((8, 2), np.float32)
    model = nn.Linear(2, 1)
    sgd = optim.SGD(model.parameters(), lr=1e-30)  # nothing improves
    return train.Trainer(model, ops.mse_loss, sgd, callbacks=[callback], verbose=0, **options), (x, x[:, :1])


def test_in_a_trainer_whose_optimizer_it_takes():
    made, given = trainer(optim.ReduceLROnPlateau(factor=0.5, patience=0, eps=0, monitor="loss"))
    made.fit(given, 3)
    assert made.optimizer.param_groups[0]["lr"] == 1e-30 / 4


def test_what_it_cannot_watch_is_named():
    made, given = trainer(optim.ReduceLROnPlateau())
    with pytest.raises(ValueError, match=r"monitor: the history has no 'val_loss', only .*loss"):
        made.fit(given, 1)
    made, given = trainer(optim.ReduceLROnPlateau(monitor="loss"), schedule=optim.Linear(2))
    with pytest.raises(ValueError, match="the trainer has a schedule"):
        made.fit(given, 1)
    with pytest.raises(RuntimeError, match="no optimizer was given"):
        optim.ReduceLROnPlateau(patience=0).step(math.nan)
    with pytest.raises(TypeError, match=r"optimizer: expected one of seqnn\.optim, got float"):
        optim.ReduceLROnPlateau(0.1)
    with pytest.raises(ValueError, match="mode: expected 'min' or 'max', got 'least'"):
        optim.ReduceLROnPlateau(mode="least")
