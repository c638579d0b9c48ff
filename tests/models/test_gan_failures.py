"""Adversarial nets: what is said where they fail."""

import numpy as np
import pytest
from gan_cases import FAST, ROWS, players

from seqnn import nn, ops, optim
from seqnn.models import GAN, MLP, ConvergenceWarning, GANReport


class Constant(nn.Module):
    """A generator that makes the same row of any noise."""

    def __init__(self, size):
        self.row = nn.Parameter(np.zeros(size, np.float32))

    def forward(self, z):
        return ops.expand(self.row, (len(z), len(self.row.data)))


def test_a_generator_whose_samples_are_alike_is_reported_in_words():
    gan = GAN(Constant(3), players()[1], **FAST)
    with pytest.warns(
        ConvergenceWarning, match="samples are nearly alike, 0 % as far apart as data: the generator has"
    ):
        gan.fit(ROWS)
    report = gan.report(ROWS)
    assert "collapsed" in report.verdict and report.spread == 0 and str(report).count("\n") == 1


def test_a_discriminator_that_knows_all_is_reported_in_words():
    gan = GAN(
        *players(), **{**FAST, "max_iter": 60}, generator_optimizer=lambda p: optim.SGD(p, lr=0.0), learning_rate=0.02
    )
    with pytest.warns(ConvergenceWarning, match="discriminator tells nearly all samples from data"):
        gan.fit(ROWS + 5)
    assert "tells nearly all samples from data" in gan.report(ROWS + 5).verdict


def test_the_verdict_says_what_the_figures_mean():
    assert "reach 30 % of the data only" in GANReport(0.6, 0.4, 0.1, 0.3, 1.0, logits=True).verdict
    assert GANReport(0.6, 0.4, 0.1, 0.9, 1.0, logits=True).verdict.startswith("No sign of collapse")


def test_a_run_that_diverges_names_the_layer_and_leaves_the_estimator_as_it_was():
    gan = GAN(*players(), **FAST).fit(ROWS)
    before = gan.sample(3)
    gan.set_params(learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"training diverged in epoch 1 of 2.*of the .*First in the .* pass"):
        gan.fit(ROWS)
    np.testing.assert_array_equal(gan.sample(3), before)


NAN = ROWS.copy()
NAN[7, 1] = np.nan


@pytest.mark.parametrize(
    ("changes", "x", "message"),
    [
        ({}, NAN, "X: expected finite numbers, row 7 has NaN or infinity"),
        ({}, ROWS[:, 0], r"X: expected numbers \[N, ...\] with at least one row, got shape \[96\]"),
        ({}, ROWS[:0], r"X: expected numbers .* got shape \[0, 3\]"),
        ({"discriminator": MLP([3, 2])}, ROWS, r"discriminator: expected one score for each row, .* \[2, 1\], got \[2, 2\]"),
        ({"discriminator": MLP([4, 1])}, ROWS, "discriminator: 0 .Linear.: x must have in_features=4"),
        ({"discriminator": nn.ReLU()}, ROWS, "discriminator: expected parameters to learn, got a ReLU"),
        ({"discriminator": nn.Sequential(MLP([3, 1]), nn.Sigmoid())}, ROWS, "discriminator: expected scores without an act"),
        ({"generator": MLP([4, 2])}, ROWS, r"generator: expected rows \[3\] as X has, got \[2\]"),
        ({"generator": MLP([5, 3])}, ROWS, "generator: 0 .Linear.: x must have in_features=5"),
        ({"generator": nn.Sequential(MLP([4, 3]), nn.Tanh())}, ROWS, "X: expected numbers from -1 to 1, as the last layer"),
        ({"generator": None}, ROWS, "generator: expected an nn.Module, got NoneType"),
        ({"loss": "hinge"}, ROWS, "loss: expected one of 'non-saturating', 'minimax', 'least-squares', 'wasserstein', got"),
        ({"discriminator_steps": 0}, ROWS, "discriminator_steps: expected an integer >= 1, got 0"),
        ({"noise": 0}, ROWS, "noise: expected an integer >= 1, got 0"),
        ({"noise": None}, ROWS, "noise: expected a size or a shape, as there are no conditions y"),
        ({"label_smoothing": 1.0}, ROWS, "label_smoothing: expected a finite number >= 0 and < 1, got 1.0"),
        ({"loss": "wasserstein"}, ROWS, "weight_clip: expected a number, such as 0.01, or nn.spectral_norm of each layer"),
        ({"loss": "wasserstein", "weight_clip": 0.1, "label_smoothing": 0.1}, ROWS, "label_smoothing: expected 0 with loss="),
        ({"reconstruction": 1.0}, ROWS, "reconstruction: expected 0, as there are no conditions y"),
        ({"generator_optimizer": 3}, ROWS, "generator_optimizer: expected a function of parameters that returns an opt"),
        ({"generator_optimizer": list}, ROWS, "generator_optimizer: expected an optimiser of seqnn.optim from it, got list"),
        ({"callbacks": 3}, ROWS, "callbacks: expected a sequence, got int"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(changes, x, message):
    generator, discriminator = players()
    gan = GAN(**{"generator": generator, "discriminator": discriminator, **FAST, **changes})
    with pytest.raises((ValueError, TypeError), match=message):
        gan.fit(x)


def test_names_of_other_places_are_understood_in_errors():
    with pytest.raises(TypeError, match="GAN has no setting 'n_critic'; did you mean 'discriminator_steps'"):
        GAN(*players(), n_critic=5)
