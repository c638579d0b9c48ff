"""Modes of submodules: what the user has set, and what is frozen, stays."""

import numpy as np
import pytest

from seqnn import nn, ops, optim, train


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((64, 6)).astype(np.float32), rng.integers(0, 3, 64)


def network():
    encoder = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    return nn.Sequential(encoder, nn.BatchNorm1d(8), nn.Linear(8, 3))


def trainer(model, **more):
    return train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), verbose=0, **more)


class Modes:
    """Remembers the modes at every step."""

    def __init__(self, model):
        self.model, self.seen = model, set()

    def on_step_end(self, trainer):
        self.seen.add(tuple(module.training for module in self.model.modules()))

    on_train_begin = on_epoch_begin = on_epoch_end = on_train_end = lambda self, trainer: None


def test_a_module_in_evaluation_mode_stays_in_it():
    model = network()
    model.freeze("0.*")
    model[0].eval()
    before = model[0][1].running_mean.copy(), model[1].running_mean.copy()
    modes = Modes(model)
    run = trainer(model, callbacks=[modes])
    run.fit(data(), epochs=2, validation=data())
    assert (model[0][1].running_mean == before[0]).all()
    assert (model[1].running_mean != before[1]).any()
    assert len(modes.seen) == 1
    run.fit(data(), epochs=2)  # after fit all are in evaluation mode: what was kept is remembered
    assert len(modes.seen) == 1 and (model[0][1].running_mean == before[0]).all()


def test_a_wholly_frozen_module_rests():
    model = network()
    model.freeze("0.*")
    before = model[0][1].running_mean.copy()
    modes = Modes(model)
    trainer(model, callbacks=[modes]).fit(data(), epochs=2)
    assert (model[0][1].running_mean == before).all()
    named = [type(m).__name__ for m in model.modules()]
    assert dict(zip(named, next(iter(modes.seen)), strict=True))["Dropout"] is False


def test_a_partly_frozen_module_learns():
    model = network()
    model.freeze("0.0.weight")
    before = model[0][1].running_mean.copy()
    trainer(model).fit(data(), epochs=1)
    assert (model[0][1].running_mean != before).any()


@pytest.mark.parametrize("broken", [False, True])
def test_evaluation_leaves_every_mode_as_it_was(broken):
    model = network()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    run = trainer(model)
    if broken:
        with pytest.raises(ValueError, match=r"5|6"):
            run.evaluate([(np.zeros((2, 5), np.float32), np.zeros(2, int))])
    else:
        run.evaluate(data())
    assert [module.training for module in model.modules()] == modes


def test_after_fit_the_model_is_in_evaluation_mode_also_after_an_error():
    model = network()
    with pytest.raises(ValueError, match=r"5|6"):
        trainer(model).fit([(np.zeros((2, 5), np.float32), np.zeros(2, int))])
    assert not any(module.training for module in model.modules())
