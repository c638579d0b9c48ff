"""Multilayer perceptrons on problems that a linear model cannot solve."""

import numpy as np
import pytest

from seqnn import nn
from seqnn.models import MLP, LogisticRegression, MLPClassifier, MLPRegressor


@pytest.fixture(name="rings", scope="module")
def two_rings():
    draw = np.random.default_rng(0)
    angle, y = draw.uniform(0, 2 * np.pi, 300), np.arange(300) % 2
    radius = 1 + y + 0.1 * draw.standard_normal(300)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), np.where(y == 1, "outer", "inner")


def test_classifier_beats_a_linear_model(rings):
    x, y = rings
    model = MLPClassifier((32,), learning_rate_init=0.01, max_iter=60, random_state=1).fit(x, y)
    assert model.score(x, y) > 0.97 > 0.7 > LogisticRegression().fit(x, y).score(x, y)
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(x)).all() and p.dtype == np.float64
    assert model.n_iter_ == len(model.history_["val_loss"])


def test_equal_seeds_equal_models(rings):
    x, y = rings
    fits = [MLPClassifier((8,), dropout=0.2, max_iter=3, random_state=s).fit(x, y) for s in (5, 5, 6)]
    np.testing.assert_array_equal(fits[0].predict_proba(x), fits[1].predict_proba(x))
    assert not np.array_equal(fits[0].predict_proba(x), fits[2].predict_proba(x))


def test_early_stopping_goes_back_to_the_best(rings):
    x, y = rings
    model = MLPClassifier((32,), learning_rate_init=0.05, n_iter_no_change=2, max_iter=200).fit(x, y)
    assert model.n_iter_ < 200
    full = MLPClassifier((4,), early_stopping=False, max_iter=3).fit(x, y)
    assert full.n_iter_ == 3 and "val_loss" not in full.history_


@pytest.mark.parametrize("outputs", [None, 2])
def test_regressor(outputs):
    x = np.linspace(-2, 2, 300)[:, None].astype(np.float32)
    y = 100 + 50 * x[:, 0] ** 2 if outputs is None else np.concatenate([x**2, 1000 * x], axis=1)
    model = MLPRegressor((32, 32), learning_rate_init=0.01, max_iter=100).fit(x, y)
    assert model.predict(x).shape == y.shape and model.score(x, y) > 0.95


def test_network():
    net = MLP([3, 5, 5, 2], activation="tanh", dropout=0.1)
    assert [type(m) for m in net.children()] == [nn.Linear, nn.Tanh, nn.Dropout] * 2 + [nn.Linear]
    with pytest.raises(ValueError, match="activation: expected one of"):
        MLP([3, 2], activation="swish")
    with pytest.raises(ValueError, match="sizes"):
        MLP([3])


def test_bad_input(rings):
    x, y = rings
    with pytest.raises(RuntimeError, match="MLPClassifier has not learnt anything yet"):
        MLPClassifier().predict(x)
    with pytest.raises(ValueError, match="y: expected one label"):
        MLPClassifier().fit(x, y[:5])
    with pytest.raises(ValueError, match=r"y: expected \[N\] or \[N, outputs\] with N=300"):
        MLPRegressor().fit(x, np.ones(4))
    with pytest.raises(ValueError, match="y: expected finite"):
        MLPRegressor().fit(x, np.full(300, np.nan))
    with pytest.raises(ValueError, match="validation_fraction"):
        MLPClassifier(validation_fraction=1.0).fit(x, y)
