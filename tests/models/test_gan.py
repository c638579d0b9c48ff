"""Adversarial nets: what they learn, and what they keep."""

import copy

import numpy as np
import pytest
from gan_cases import FAST, ROWS, players

from seqnn import Callback, nn, ops, random, threads
from seqnn.data import gaussian_ring
from seqnn.metrics import mode_coverage
from seqnn.models import GAN, MLP


class Joined(nn.Module):
    """A network of two inputs, side by side."""

    def __init__(self, *sizes):
        self.net = MLP(sizes)

    def forward(self, x, y):
        return self.net(ops.concatenate([x, y], axis=1))


def test_results_are_the_same_for_any_number_of_threads_and_every_call():
    found = []
    for count in (1, 2, 3):
        with threads(count):
            gan = GAN(*players(), **FAST).fit(ROWS)
            found.append((gan.sample(7, seed=1), gan.sample(7, seed=1), gan.discriminate(ROWS)))
    for made in found:
        for one, other in zip(made, found[0], strict=True):
            assert one.tobytes() == other.tobytes()
    assert (gan.sample(7, seed=2) != found[0][0]).any()
    other = GAN(*players(), **FAST, random_state=1).fit(ROWS)
    assert (other.sample(7, seed=1) != found[0][0]).any()


def test_the_given_networks_stay_as_they_are_and_every_fit_begins_from_them():
    gan = GAN(*players(), **FAST)
    before = copy.deepcopy(gan.generator.state_dict())
    first = gan.fit(ROWS).sample(3)
    np.testing.assert_array_equal(gan.fit(ROWS).sample(3), first)
    for name, array in gan.generator.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert not gan.generator_.training and gan.n_iter_ == 2
    assert all(parameter.requires_grad and parameter.grad is None for parameter in gan.discriminator_.parameters())


def test_frozen_parts_and_their_running_means_rest():
    generator, discriminator = players()
    discriminator = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), *discriminator)
    discriminator.freeze("0", "1")
    gan = GAN(generator, discriminator, **FAST).fit(ROWS)
    for name, array in gan.discriminator_.state_dict().items():
        assert (array == discriminator.state_dict()[name]).all() == (name.split(".")[0] in "01")


def test_a_clipped_discriminator_has_small_weights_and_a_normalised_one_needs_no_clip():
    wasserstein = {**FAST, "loss": "wasserstein", "learning_rate": 0.05}
    gan = GAN(*players(), weight_clip=0.02, **wasserstein).fit(ROWS)
    assert max(np.abs(p.data).max() for p in gan.discriminator_.parameters()) <= np.float32(0.02)
    generator, discriminator = players()
    bounded = nn.Sequential(*(nn.spectral_norm(m) if isinstance(m, nn.Linear) else m for m in discriminator))
    gan = GAN(generator, bounded, **wasserstein).fit(ROWS)
    slopes = [np.linalg.norm(layer.weight.numpy(), 2) for layer in gan.discriminator_ if isinstance(layer, nn.Linear)]
    assert max(slopes) < 1.1


def test_it_reaches_the_modes_of_a_ring():
    points, centers = gaussian_ring(1024, modes=6, deviation=0.15)
    with random.seeded(0):
        nets = MLP([8, 64, 64, 2]), MLP([2, 64, 64, 1])
    gan = GAN(*nets, noise=8, learning_rate=2e-3, batch_size=64, max_iter=50).fit(points)
    found = mode_coverage(gan.sample(1000), centers, radius=0.45, least=20)
    assert found.modes == 6 and found.share > 0.5
    assert set(gan.history_) == {
        "epoch",
        "discriminator_loss",
        "generator_loss",
        "data_score",
        "sample_score",
        "seconds",
    }
    assert len(gan.history_["generator_loss"]) == 50
    report = gan.report(points)
    assert report.coverage > 0.4 and abs(report.spread - 1) < 0.2 and report.discrepancy < 0.1
    assert abs(report.data_score - 0.5) < 0.35 and "alike" not in str(report)


def test_conditions_decide_what_is_made():
    labels = np.arange(256) % 2
    y = np.eye(2, dtype=np.float32)[labels]
    x = (np.where(labels, 2.0, -2.0)[:, None] + 0.2 * np.random.default_rng(1).standard_normal((256, 1))).astype("f4")
    with random.seeded(0):
        nets = Joined(6, 32, 1), Joined(3, 32, 1)
    gan = GAN(*nets, noise=4, learning_rate=5e-3, max_iter=40, batch_size=64).fit(x, y)
    made = gan.sample(y=y[:100])[:, 0]
    assert ((made > 0) == labels[:100]).mean() > 0.95
    assert gan.discriminate(x, y).shape == (256,)
    with pytest.raises(ValueError, match="y: expected a condition for each of 5 rows, got shape"):
        gan.sample(5, y[:4])


def test_conditions_are_asked_for_where_fit_got_some_and_nowhere_else():
    plain = GAN(*players(), **FAST).fit(ROWS)
    conditional = GAN(Joined(5, 8, 3), Joined(4, 8, 1), **FAST).fit(ROWS, ROWS[:, :1])
    for call in (lambda: plain.sample(y=ROWS[:, :1]), lambda: plain.discriminate(ROWS, ROWS[:, :1])):
        with pytest.raises(ValueError, match="y: expected None, as fit got no conditions"):
            call()
    for call in (lambda: conditional.sample(3), lambda: conditional.report(ROWS)):
        with pytest.raises(ValueError, match="y: expected conditions, as fit got some, got None"):
            call()
    with pytest.raises(ValueError, match=r"y: expected a condition for each of 1 rows, got shape \[\]"):
        conditional.sample(y=5)
    assert conditional.sample(y=np.zeros((0, 1))).shape == (0, 3)
    with pytest.raises(ValueError, match=r"discriminator: 0 .Linear.: x must have in_features=3"):
        plain.discriminate(ROWS[:, :2])
    with pytest.raises(ValueError, match="X: expected two rows or more to compare samples with, got one"):
        plain.report(ROWS[:1])


class Counted(MLP):
    """A network that notes how many rows it gets at once."""

    most = 0

    def forward(self, x):
        self.most = max(self.most, len(x))
        return super().forward(x)


def test_many_samples_and_scores_take_memory_for_some_at_a_time():
    with random.seeded(0):
        gan = GAN(Counted([4, 3]), Counted([3, 1]), **FAST).fit(ROWS)
    made = gan.sample(3000, seed=1)
    scores = gan.discriminate(made)
    assert made.shape == (3000, 3) and scores.shape == (3000,)
    assert max(gan.generator_.most, gan.discriminator_.most) <= 512
    np.testing.assert_allclose(gan.discriminate(made[1000:1100]), scores[1000:1100], rtol=1e-6)
    assert gan.sample(0).shape == (0, 3)


class Judge(nn.Module):
    """A discriminator of pairs of images."""

    def __init__(self):
        self.net = nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(36, 1))

    def forward(self, x, y):
        return self.net(ops.concatenate([x, y], axis=1))


def test_paired_images_are_made_from_images_without_noise():
    draw = np.random.default_rng(0)
    y = draw.random((64, 1, 8, 8), dtype=np.float32)
    with random.seeded(2):
        nets = nn.Sequential(nn.Conv2d(1, 1, 1)), Judge()
    gan = GAN(*nets, noise=None, reconstruction=100.0, learning_rate=0.05, batch_size=16, max_iter=25).fit(1 - y, y)
    assert np.abs(gan.sample(y=y) - (1 - y)).mean() < 0.05
    errors = gan.history_["reconstruction"]
    assert errors[-1] < 0.3 * errors[0]
    with pytest.raises(ValueError, match="y: expected conditions, as the generator gets no noise"):
        gan.sample(3)


def test_transposed_convolutions_make_images():
    x = np.tanh(np.random.default_rng(0).standard_normal((20, 1, 8, 8))).astype(np.float32)
    with random.seeded(0):
        generator = nn.Sequential(
            nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh()
        )
        judge = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1))
    gan = GAN(generator, judge, noise=(6, 1, 1), batch_size=10, max_iter=2).fit(x)
    assert gan.sample(3).shape == (3, 1, 8, 8) and np.abs(gan.sample(3)).max() <= 1


class Stop(Callback):
    """Ctrl-C, or a request to stop, after an epoch."""

    def __init__(self, epoch, error=None):
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, model):
        if len(model.history_) == self.epoch:
            if self.error:
                raise self.error
            model.stop_training = True


def test_an_interrupted_fit_leaves_what_was_learnt():
    gan = GAN(*players(), **{**FAST, "max_iter": 5}, callbacks=[Stop(3, KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt) as caught:
        gan.fit(ROWS)
    assert "Training stopped after 3 of 5 epochs. The estimator keeps" in caught.value.__notes__[0]
    assert gan.n_iter_ == 3 and not gan.generator_.training
    expected = GAN(*players(), **{**FAST, "max_iter": 3}).fit(ROWS)
    np.testing.assert_array_equal(gan.sample(4), expected.sample(4))


def test_callbacks_can_stop_a_run():
    gan = GAN(*players(), **{**FAST, "max_iter": 5}, callbacks=[Stop(2)]).fit(ROWS)
    assert gan.n_iter_ == 2


def test_a_file_needs_networks_of_the_same_layers(tmp_path):
    gan, path = GAN(*players(), **FAST).fit(ROWS), tmp_path / "gan.safetensors"
    gan.save(path)
    generator, discriminator = players(seed=5)
    again = GAN.load(path, generator=generator, discriminator=discriminator)
    np.testing.assert_array_equal(again.sample(4), gan.sample(4))
    with pytest.raises(
        ValueError, match=r"gan\.safetensors: generator: a file keeps the weights of a network only: give one"
    ):
        GAN.load(path)
    with pytest.raises(ValueError, match="the state does not fit MLP"):
        GAN.load(path, generator=players(width=9)[0], discriminator=discriminator)
