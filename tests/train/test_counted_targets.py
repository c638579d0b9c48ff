"""Means over the targets that count, however they are cut into batches."""

import numpy as np
import pytest

from seqnn import EarlyStopping, nn, ops, optim, train

IGNORED = -100


def network(seed=0):
    rng = np.random.default_rng(seed)
    model = nn.Linear(3, 4)
    for parameter in model.parameters():
        parameter.data[...] = rng.standard_normal(parameter.shape)
    return model


def padded(rows=6, seed=1):
    """Sequences of very different lengths, their rest ignored."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 10, 3)).astype(np.float32)
    y = rng.integers(0, 4, (rows, 10))
    for row, length in enumerate(rng.permutation(np.linspace(1, 10, rows).astype(int))):
        y[row, length:] = IGNORED
    return x, y


def token_loss(output, target):
    return ops.cross_entropy(output.reshape(-1, 4), target.reshape(-1), ignore_index=IGNORED)


def sum_and_count(output, target):
    flat = target.reshape(-1)
    return ops.cross_entropy(output.reshape(-1, 4), flat, ignore_index=IGNORED, reduction="sum"), (flat >= 0).sum()


def right_and_count(output, target):
    counted = target != IGNORED
    return (output.argmax(-1) == target)[counted].sum(), counted.sum()


def trainer(model, loss=token_loss, **more):
    metrics = {"accuracy": train.accuracy, "pair": right_and_count}
    return train.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.1), metrics=metrics, verbose=0, **more)


@pytest.mark.parametrize("loss", [token_loss, sum_and_count])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 5, 6])
def test_evaluation_is_the_mean_over_all_targets_that_count(loss, batch_size):
    x, y = padded()
    model = network()
    got = trainer(model, loss).evaluate((x, y), batch_size=batch_size)
    counted = y != IGNORED
    logits = model(x).numpy().astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -np.take_along_axis(logs, np.where(counted, y, 0)[..., None], -1)[..., 0][counted].mean()
    right = (logits.argmax(-1) == y)[counted].mean()
    assert got["loss"] == pytest.approx(expected, rel=1e-5)
    assert got["accuracy"] == pytest.approx(right) and got["pair"] == pytest.approx(right)


def test_a_smaller_last_batch_counts_by_its_examples():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((10, 3)).astype(np.float32), rng.standard_normal((10, 4)).astype(np.float32)
    model = network()

    def squares(output, target):
        return ((output - target) ** 2).mean()

    expected = float(squares(model(x).numpy(), y))
    for size in (3, 4, 7, 10):
        found = train.Trainer(model, squares, optim.SGD(model.parameters()), verbose=0).evaluate(
            (x, y), batch_size=size
        )
        assert found["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [token_loss, sum_and_count])
@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_accumulated_steps_are_the_step_of_one_large_batch(loss, cut):
    x, y = padded()
    models = network(), network()
    whole = trainer(models[0], loss)
    parts = trainer(models[1], loss, accumulate=-(-6 // cut))
    whole.fit((x, y), epochs=2, batch_size=6, shuffle=False)
    parts.fit((x, y), epochs=2, batch_size=cut, shuffle=False)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        np.testing.assert_allclose(other.data, one.data, atol=1e-6)
    for name in ("loss", "grad_norm"):
        np.testing.assert_allclose(parts.history[name], whole.history[name], rtol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("loss", [token_loss, sum_and_count])
def test_a_batch_in_which_nothing_counts_weighs_nothing(loss, accumulate):
    x, y = padded()
    nothing = np.zeros((6, 10, 3), np.float32), np.full((6, 10), IGNORED)
    one, other = trainer(network(), loss, accumulate=accumulate), trainer(network(), loss, accumulate=accumulate)
    one.fit([(x, y)], epochs=3, validation=[(x, y)])
    other.fit([nothing, (x, y)], epochs=3, validation=[nothing, (x, y), nothing])
    for name in ("loss", "val_loss", "val_accuracy", "val_pair"):
        np.testing.assert_allclose(other.history[name], one.history[name], rtol=1e-6)
    assert other.steps == 3


def test_early_stopping_sees_numbers_where_a_batch_is_all_padding():
    x, y = padded()
    y[2] = IGNORED
    stop = EarlyStopping("val_loss", patience=2)
    run = trainer(network(), callbacks=[stop])
    run.fit((x, y), epochs=8, batch_size=1, validation=(x, y))
    assert np.isfinite(run.history["val_loss"]).all() and stop.best_epoch_ is not None


def test_nothing_to_count_at_all_is_an_error():
    x, y = padded()
    y[:] = IGNORED
    run = trainer(network())
    with pytest.raises(ValueError, match="targets that count, all are -100"):
        run.evaluate((x, y))
    with pytest.raises(ValueError, match=r"no target of epoch 1 counts \(all are -100\)"):
        run.fit((x, y))


def test_a_watched_figure_that_is_never_a_number_is_warned_of():
    class Silent:
        def __call__(self, output, target):
            return float("nan")

    model = network()
    stop = EarlyStopping("val_odd", patience=1)
    run = train.Trainer(
        model, token_loss, optim.SGD(model.parameters()), metrics={"odd": Silent()}, callbacks=[stop], verbose=0
    )
    with pytest.warns(RuntimeWarning, match="'val_odd' was NaN in every epoch"):
        run.fit(padded(), epochs=4, validation=padded())


@pytest.mark.parametrize(
    "loss", [lambda o, t: o, lambda o, t: 3.0, lambda o, t: (o.sum(), 3, 4), lambda o, t: None, lambda o, t: (o, 2)]
)
def test_what_is_no_loss_is_refused(loss):
    with pytest.raises(TypeError, match=r"loss: expected a scalar Tensor, got .*; or \(sum, count\)"):
        trainer(network(), loss).fit(padded())


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(ignore_index=0),
        nn.CrossEntropyLoss(weight=[0.1, 5.0, 1.0, 0.0]),
        nn.CrossEntropyLoss(weight=[0.1, 5.0, 1.0, 2.0], ignore_index=1),
        nn.NLLLoss(weight=[0.1, 5.0, 1.0, 0.0]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("cut", [1, 2, 5])
def test_weights_of_classes_and_other_targets_that_do_not_count_are_joined_over_batches(loss, cut):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((12, 3)).astype(np.float32), rng.integers(0, 4, 12)
    weights = []
    for batch_size, accumulate in ((12, 1), (cut, -(-12 // cut))):
        model = nn.Sequential(network(), nn.LogSoftmax())
        run = train.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.5), accumulate=accumulate, verbose=0)
        expected = loss(model(x), y).item()
        assert run.evaluate((x, y), batch_size=batch_size)["loss"] == pytest.approx(expected, rel=1e-5)
        history = run.fit((x, y), 1, batch_size=batch_size, shuffle=False)
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
        weights.append(model[0].weight.data.copy())
    np.testing.assert_allclose(weights[1], weights[0], atol=1e-6)


def test_integer_targets_of_a_regression_all_count():
    x, y = np.zeros((4, 1), np.float32), np.array([[-100], [-100], [0], [100]])
    model = nn.Linear(1, 1)
    model.weight.data[...] = model.bias.data[...] = 0
    run = train.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters()), verbose=0)
    for batch_size in (1, 3, 4):
        assert run.evaluate((x, y), batch_size=batch_size)["loss"] == pytest.approx(7500)


def test_an_accuracy_that_leaves_out_another_class_is_the_share_of_all_that_count():
    y = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    x = np.eye(3, dtype=np.float32)[[1, 1, 1, 1, 0, 2, 2, 0]]
    model = nn.Identity()

    def metric(output, target):
        return train.accuracy(output, target, ignore_index=0)

    unused = nn.Linear(1, 1)
    run = train.Trainer(
        model, nn.CrossEntropyLoss(), optim.SGD(unused.parameters()), metrics={"accuracy": metric}, verbose=0
    )
    for batch_size in (1, 2, 3, 8):
        assert run.evaluate((x, y), batch_size=batch_size)["accuracy"] == pytest.approx(3 / 5)


def test_an_accuracy_of_a_single_score_per_example_wants_targets_of_its_shape():
    scores, target = np.array([[2.0], [-1.0]]), np.array([1, 0])
    with pytest.raises(ValueError, match=r"output \(2, 1\) and target \(2,\) do not fit: expected"):
        train.accuracy(scores, target)
    assert train.accuracy(scores[:, 0], target) == train.accuracy(scores, target[:, None]) == 1
    assert train.accuracy([[0.1, 0.9]], [1]) == 1
