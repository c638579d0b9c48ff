"""Deep belief nets: pretraining reaches the network, helps a deep one, and its machines may be given."""

from itertools import pairwise

import numpy as np
import pytest

from seqnn import nn
from seqnn.models import DBN, BernoulliRBM, DBNAutoencoder, GaussianRBM

RNG = np.random.default_rng(0)
LABELS = RNG.integers(4, size=300)
BARS = np.repeat(np.eye(4), 4, axis=1)[LABELS]
X = np.where(RNG.random(BARS.shape) < 0.1, 1 - BARS, BARS)


def machines(*sizes):
    return [BernoulliRBM(b, n_iter=1, random_state=a).fit(np.eye(a)) for a, b in pairwise(sizes)]


def linear_layers(model):
    return [layer for layer in model.model_ if isinstance(layer, nn.Linear)]


def test_the_network_begins_with_the_machines_and_the_decoder_with_their_transposes():
    rbms = machines(16, 6, 3)
    model = DBNAutoencoder((6, 3), max_iter=1, learning_rate=1e-12, weight_decay=0).fit(X, rbms=rbms)
    layers = linear_layers(model)
    assert [layer.weight.shape for layer in layers] == [(6, 16), (3, 6), (6, 3), (16, 6)]
    for layer, rbm in zip(layers, rbms, strict=False):
        np.testing.assert_allclose(layer.weight.data, rbm.components_, atol=1e-9)
        np.testing.assert_allclose(layer.bias.data, rbm.intercept_hidden_, atol=1e-9)
    for layer, rbm in zip(layers[::-1], rbms, strict=False):
        np.testing.assert_allclose(layer.weight.data, rbm.components_.T, atol=1e-9)
        np.testing.assert_allclose(layer.bias.data, rbm.intercept_visible_, atol=1e-9)
    codes = rbms[1].transform(rbms[0].transform(X))
    np.testing.assert_allclose(model.transform(X), codes, atol=1e-7)
    back = 1 / (1 + np.exp(-(codes @ rbms[1].components_ + rbms[1].intercept_visible_)))
    np.testing.assert_allclose(
        model.reconstruct(X), 1 / (1 + np.exp(-(back @ rbms[0].components_ + rbms[0].intercept_visible_))), atol=1e-7
    )


def test_it_classifies():
    model = DBN((16, 8), max_iter=60, learning_rate=0.01).fit(X, np.array(["a", "b", "c", "d"])[LABELS])
    assert model.score(X, np.array(["a", "b", "c", "d"])[LABELS]) > 0.9
    assert model.transform(X).shape == (300, 8)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_an_autoencoder_gives_rows_back_without_their_noise():
    model = DBNAutoencoder((12, 4), pretrain_iter=30, max_iter=60, learning_rate=0.01).fit(X)
    assert (model.reconstruct(X).round() != BARS).mean() < 0.5 * (X != BARS).mean()


def test_numbers_have_gaussian_units_first():
    x = np.where(LABELS[:, None] % 2, 1.0, -1.0) + 0.3 * RNG.standard_normal((300, 5))
    model = DBNAutoencoder((8, 2), visible="gaussian", max_iter=60, learning_rate=0.02).fit(x)
    assert np.square(model.reconstruct(x) - x).mean() < 0.3 * x.var()
    first = GaussianRBM(8, n_iter=1).fit(x)
    DBN((8,), visible="gaussian", max_iter=1).fit(x, LABELS, rbms=[first])


def test_pretraining_trains_a_deep_sigmoid_net_that_random_weights_leave_at_chance():
    shares = [
        DBN((32,) * 6, pretrain_iter=n, max_iter=14, batch_size=20, validation_fraction=0)
        .fit(X, LABELS)
        .score(X, LABELS)
        for n in (0, 40)
    ]
    assert shares[0] < 0.5 < 0.9 < shares[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: DBN((6, 3)).fit(X, LABELS, rbms=machines(16, 6, 4)),
            "rbms: expected machines that chain 16 -> 6 -> 3 .*6 -> 4",
        ),
        (lambda: DBN((6, 3)).fit(X, LABELS, rbms=machines(16, 6)), "rbms: expected machines that chain 16 -> 6 -> 3"),
        (lambda: DBN((6,)).fit(X, LABELS, rbms=[]), "got none"),
        (lambda: DBN((6,)).fit(2 * X, LABELS), r"X: expected values in \[0, 1\]"),
        (lambda: DBN((6,)).fit(2 * X, LABELS), "scale X, or take visible='gaussian'"),
        (lambda: DBN((6,)).fit(X, LABELS, rbms=[BernoulliRBM(6)]), "BernoulliRBM has not learnt anything yet"),
        (
            lambda: DBN((6,)).fit(X, LABELS, rbms=[GaussianRBM(6, n_iter=1).fit(X)]),
            r"rbms\[0\]: expected a BernoulliRBM with visible='bernoulli', got a GaussianRBM",
        ),
        (lambda: DBN((6,), visible="normal").fit(X, LABELS), "visible: expected one of 'bernoulli', 'gaussian'"),
        (lambda: DBN(()).fit(X, LABELS), "hidden_layer_sizes: expected at least one width"),
        (lambda: DBNAutoencoder((6, 0)).fit(X), r"hidden_layer_sizes\[1\]: expected .* >= 1, got 0"),
        (lambda: DBN((6,), max_iter=1).fit(X, LABELS).predict(X[:, 1:]), "X has 15 features"),
        (lambda: DBN().transform(X), "DBN has not learnt anything yet"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("rbms", "got"), [(BernoulliRBM(6), "BernoulliRBM"), ([3], r"\['int'\]")])
def test_machines_come_in_a_list(rbms, got):
    with pytest.raises(TypeError, match=f"rbms: expected a list of machines, BernoulliRBM or GaussianRBM, got {got}"):
        DBN((6,)).fit(X, LABELS, rbms=rbms)


def test_columns_of_codes_have_names():
    model = DBNAutoencoder((6, 3), pretrain_iter=1, max_iter=1).fit(X)
    assert model.get_feature_names_out().tolist() == [f"dbnautoencoder{i}" for i in range(model.transform(X).shape[1])]
    with pytest.raises(ValueError, match="DBN has not learnt anything yet"):
        DBN().get_feature_names_out()
