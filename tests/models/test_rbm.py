"""Restricted Boltzmann machines: exact small cases, and what they learn."""

import itertools

import numpy as np
import pytest

from seqnn import _core, threads
from seqnn.models import BernoulliRBM, GaussianRBM
from seqnn.models._rbm_partition import Machine, annealed, enumerated

RNG = np.random.default_rng(0)
BARS = np.repeat(np.eye(4), 4, axis=1)[RNG.integers(4, size=400)]  # one of four bars of four pixels
NOISY = np.where(RNG.random(BARS.shape) < 0.05, 1 - BARS, BARS)


def states(units):
    return np.array([*itertools.product([0.0, 1.0], repeat=units)])


def small(kind=BernoulliRBM, hidden=3, visible=4, scale=1.0):
    """A machine with weights that are drawn."""
    rng = np.random.default_rng(3)
    rbm = kind(hidden, n_iter=0).fit(np.zeros((2, visible)))
    rbm.components_ = scale * rng.standard_normal((hidden, visible))
    rbm.intercept_hidden_, rbm.intercept_visible_ = rng.standard_normal(hidden), rng.standard_normal(visible)
    return rbm


def table(rbm):
    """All joint states of a binary machine, and their probabilities."""
    hidden, visible = rbm.components_.shape
    v, h = (a.reshape(-1, n) for a, n in zip(_pairs(states(visible), states(hidden)), (visible, hidden), strict=True))
    weight = np.exp(-rbm.energy(v, h))
    return v, h, weight / weight.sum(), np.log(weight.sum())


def _pairs(a, b):
    return np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))


def test_energies_free_energies_and_probabilities_are_those_of_all_states():
    rbm = small()
    p, log_z = table(rbm)[2:]
    rows = states(4)
    by_rows = p.reshape(16, 8)
    np.testing.assert_allclose(-rbm.free_energy(rows) - log_z, np.log(by_rows.sum(axis=1)), atol=1e-12)
    expected = (by_rows[:, :, None] * states(3)).sum(axis=1) / by_rows.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rbm.transform(rows), expected, atol=1e-12)
    assert rbm.log_partition() == pytest.approx(log_z, abs=1e-12)
    assert rbm.log_partition("exact") == rbm.log_partition()


def test_log_z_is_the_same_by_either_side():
    for hidden, visible in ((3, 9), (9, 3)):
        rbm = small(hidden=hidden, visible=visible)
        assert rbm.log_partition() == pytest.approx(table(rbm)[3], abs=1e-11)


def test_log_z_of_normal_units_is_the_integral():
    rbm = small(GaussianRBM, hidden=3, visible=1)
    grid = np.linspace(-30, 30, 60_001)[:, None]
    total = np.exp(-rbm.free_energy(grid)).sum() * (grid[1, 0] - grid[0, 0])
    assert rbm.log_partition() == pytest.approx(np.log(total), abs=1e-9)


@pytest.mark.parametrize("gaussian", [False, True])
def test_annealing_finds_log_z_within_a_percent(gaussian):
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((12, 30)) * (0.15 if gaussian else 0.7)
    machine = Machine(weight, rng.standard_normal(12), rng.standard_normal(30), gaussian)
    exact = enumerated(machine)
    assert annealed(machine, 50, 200, seed=0) == pytest.approx(exact, rel=0.01)


def test_gibbs_steps_reach_the_distribution_of_the_machine():
    rbm = small()
    v, _, p, _ = table(rbm)
    exact = np.zeros(16)
    np.add.at(exact, (v @ [8, 4, 2, 1]).astype(int), p)
    drawn = rbm.gibbs(np.zeros((60_000, 4)), steps=20)
    counts = np.bincount((drawn @ [8, 4, 2, 1]).astype(int), minlength=16) / len(drawn)
    np.testing.assert_allclose(counts, exact, atol=0.01)
    assert (rbm.gibbs(np.zeros((50, 4))) != rbm.gibbs(np.zeros((50, 4)))).any()


@pytest.mark.parametrize("steps", [1, 2])
def test_the_change_by_contrastive_divergence_is_right_in_expectation(steps):
    rbm = small()
    rows = states(4)[[3, 9, 14]]
    p = table(rbm)[2]
    joint = p.reshape(16, 8)
    up, down = joint / joint.sum(axis=1, keepdims=True), joint / joint.sum(axis=0)
    at = np.zeros((3, 16))
    at[range(3), [3, 9, 14]] = 1
    for _ in range(steps):
        at = at @ up @ down.T
    probable = rbm.transform(states(4))
    negative = np.einsum("nv,vh,vi->hi", at, probable, states(4)) / 3
    positive = rbm.transform(rows).T @ rows / 3
    mean, many = np.zeros((3, 4)), 4000
    copies = np.tile(rows, (200, 1))
    for stream in range(many // 200):
        weight = rbm.components_.T.copy()
        biases = rbm.intercept_hidden_.copy(), rbm.intercept_visible_.copy()
        _core.rbm_update(copies, weight, *biases, rate=1.0, steps=steps, seed=1, stream=stream)
        mean += (weight.T - rbm.components_) / (many // 200)
    np.testing.assert_allclose(mean, positive - negative, atol=0.02)


@pytest.mark.parametrize("options", [{}, {"persistent": False, "k": 2}, {"momentum": 0.5, "weight_decay": 1e-5}])
def test_it_learns_what_pixels_have_in_common(options):
    rbm = BernoulliRBM(8, learning_rate=0.02, n_iter=60, **options)
    before = BernoulliRBM(8, n_iter=0).fit(NOISY).score_samples(NOISY).mean()
    scores = rbm.fit(NOISY).score_samples(NOISY)
    assert scores.shape == (400,) and scores.mean() > before / 2
    clean = rbm.reconstruct(NOISY).round()
    assert (clean != BARS).mean() < 0.5 * (NOISY != BARS).mean()
    exact = -rbm.free_energy(NOISY) - rbm.log_partition()
    assert exact.mean() > -7  # the data have 4.6 nats, and independent pixels would need 9.4


def test_sparsity_draws_the_hidden_units_to_their_target():
    means = [
        BernoulliRBM(8, n_iter=40, sparsity=s, sparsity_target=0.1).fit_transform(NOISY).mean() for s in (0.0, 10.0)
    ]
    assert abs(means[1] - 0.1) < 0.05 < abs(means[0] - 0.1)


def test_normal_units_learn_the_modes_of_numbers():
    rng = np.random.default_rng(5)
    signs = np.where(rng.random((600, 1)) < 0.5, 1.0, -1.0)
    x = signs * np.array([2.0, -2.0, 2.0, 0.0]) + rng.standard_normal((600, 4))
    rbm = GaussianRBM(4, learning_rate=0.003, n_iter=100).fit(x)
    assert (np.sign(rbm.reconstruct(x)[:, 0]) == signs[:, 0]).mean() > 0.95
    independent = -(np.square(x - x.mean(0)) / x.var(0) + np.log(2 * np.pi * x.var(0))).sum(axis=1) / 2
    exact = rbm.score_samples(x) - rbm.log_partition()
    assert exact.mean() > independent.mean() + 1


def test_results_are_the_same_for_any_number_of_threads_and_every_call():
    found = []
    for count in (1, 2, 3):
        with threads(count):
            found.append(BernoulliRBM(40, n_iter=2, momentum=0.5, random_state=1).fit(NOISY))
    for rbm in found[1:]:
        assert rbm.components_.tobytes() == found[0].components_.tobytes()
        np.testing.assert_array_equal(rbm.h_samples_, found[0].h_samples_)
    assert found[0].h_samples_.shape == (10, 40)


def test_batches_may_be_given_one_by_one(tmp_path):
    rbm = BernoulliRBM(8, batch_size=20, random_state=2)
    for _ in range(30):
        for start in range(0, 400, 20):
            rbm.partial_fit(NOISY[start : start + 20])
    assert (rbm.reconstruct(NOISY).round() != BARS).mean() < 0.05
    rbm.save(tmp_path / "rbm.safetensors")
    again = BernoulliRBM.load(tmp_path / "rbm.safetensors")
    np.testing.assert_array_equal(again.transform(NOISY), rbm.transform(NOISY))
    again.partial_fit(NOISY[:20])
    assert (again.components_ != rbm.components_).any()


def test_dtype_is_that_of_the_data():
    for dtype in (np.float32, np.float64):
        rbm = BernoulliRBM(3, n_iter=1).fit(NOISY.astype(dtype))
        assert rbm.components_.dtype == rbm.transform(NOISY).dtype == dtype
    assert BernoulliRBM(3, n_iter=1).fit(NOISY.astype(bool)).get_feature_names_out()[2] == "bernoullirbm2"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: BernoulliRBM(2).fit([[0.0, 1.0], [0.5, -3.0]]),
            r"X: expected values in \[0, 1\] .*, row 1 has -3: scale X",
        ),
        (lambda: BernoulliRBM(2).fit([[0.0, 1.5]]), r"row 0 has 1.5: scale X, or take GaussianRBM"),
        (lambda: BernoulliRBM(2).fit([[0.0, np.nan]]), "X: expected finite numbers, row 0 has NaN"),
        (lambda: BernoulliRBM(2, k=0).fit(NOISY), "k: expected .* >= 1, got 0"),
        (lambda: BernoulliRBM(0).fit(NOISY), "n_components: expected .* >= 1, got 0"),
        (lambda: BernoulliRBM(2, momentum=1.0).fit(NOISY), "momentum: expected .* < 1, got 1"),
        (lambda: BernoulliRBM(2, learning_rate=-1).fit(NOISY), "learning_rate: expected .* > 0, got -1"),
        (lambda: small().transform(np.zeros((2, 3))), "X has 3 features"),
        (lambda: small().gibbs(np.zeros((2, 4)), steps=0), "steps: expected .* >= 1, got 0"),
        (lambda: small().energy(np.zeros((2, 4)), np.zeros((2, 4))), r"h: expected shape \[2, 3\], got \[2, 4\]"),
        (lambda: small(hidden=21, visible=21).log_partition("exact"), "at most 20 units on one side"),
        (lambda: small().log_partition("guess"), "method: expected 'auto', 'exact' or 'ais', got 'guess'"),
        (lambda: BernoulliRBM(2).transform(NOISY), "BernoulliRBM has not learnt anything yet"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_weights_that_grow_without_bound_are_an_error():
    with pytest.raises(
        ValueError, match=r"GaussianRBM: the weights grew beyond all bounds in epoch .*: lower learning_rate"
    ):
        GaussianRBM(20, learning_rate=50.0, n_iter=30).fit(10 * np.random.default_rng(0).standard_normal((100, 20)))


@pytest.mark.peers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sklearn_gives_the_same_answers_by_the_same_parameters(dtype):
    network = pytest.importorskip("sklearn.neural_network")
    x = NOISY.astype(dtype)
    mine = BernoulliRBM(8, n_iter=20).fit(x)
    theirs = network.BernoulliRBM(8, n_iter=1).fit(x)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(theirs, name, getattr(mine, name))
    np.testing.assert_allclose(mine.transform(x), theirs.transform(x), atol=1e-6)
    means = [np.mean([one.score_samples(x).mean() for _ in range(100)]) for one in (mine, theirs)]
    assert means[0] == pytest.approx(means[1], rel=0.05)
    other = network.BernoulliRBM(8, n_iter=20, random_state=0).fit(x).score_samples(x).mean()
    assert mine.score_samples(x).mean() > other - 0.5


def test_printing_the_mean_score_changes_nothing_that_is_learnt(capsys):
    quiet, told = (BernoulliRBM(4, n_iter=3, verbose=verbose).fit(NOISY) for verbose in (0, 1))
    assert capsys.readouterr().out.count("mean score") == 3
    np.testing.assert_array_equal(quiet.components_, told.components_)
    np.testing.assert_array_equal(quiet.score_samples(NOISY), told.score_samples(NOISY))


def test_both_ways_to_sum_all_states_give_a_plain_float():
    assert {type(small().log_partition(method, n_steps=2)) for method in ("exact", "ais")} == {float}
