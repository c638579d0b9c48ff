"""Pictures of networks are rendered to PNG, and what is on the Axes is what was recorded."""

import numpy as np
import pytest
from picture_checks import png

import seqnn
from seqnn import diagnose, nn, ops, optim, plot, train
from seqnn.models import MLPClassifier
from seqnn.plot._lines import _spread

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(name="run", scope="module")
def trained_with_a_watch():
    seqnn.random.seed(1)
    draw = np.random.default_rng(0)
    x = draw.standard_normal((80, 8)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    layers = [layer for _ in range(5) for layer in (nn.Linear(8, 8), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    model[2].bias.data[:4] = -50
    watch = diagnose.Watch(model)
    trainer = train.Trainer(
        model, ops.cross_entropy, optim.Adam(model.parameters(), lr=0.01), metrics={"accuracy": train.accuracy},
        callbacks=[watch], verbose=0,
    )  # fmt: skip
    trainer.fit((x[:64], y[:64]), epochs=4, batch_size=16, validation=(x[64:], y[64:]))
    return watch, trainer


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def overlapping(ax):
    boxes = [t.get_window_extent() for t in ax.texts if t.get_text()]
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if min(a.y1, b.y1) - max(a.y0, b.y0) > 2]


def test_gradient_map(run, tmp_path):
    watch, _ = run
    ax = plot.gradient_norms(watch, title="Gradients")
    png(ax, tmp_path)
    table = ax.collections[0].get_array()
    assert table.shape == (13, 16)
    np.testing.assert_allclose(table[0], watch.history["gradient"]["0"])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:2] == ["0 (Linear)", "1 (ReLU)"] and len(labels) == 13
    assert ax.get_title(loc="left") == "Gradients"


def test_gradient_lines(run, tmp_path):
    watch, _ = run
    ax = plot.gradient_norms(watch, of="parameters", kind="lines")
    png(ax, tmp_path)
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    for name, norms in watch.history["weight_gradient"].items():
        np.testing.assert_array_equal(lines[name], np.where(norms > 0, norms, np.nan))
    assert sorted(texts(ax)) == sorted(watch.history["weight_gradient"])
    assert ax.get_yscale() == "log"
    assert not overlapping(plot.gradient_norms({f"layer {i}": [1.0, 2.0 + i / 100] for i in range(10)}))


def test_what_is_not_finite_or_absent(tmp_path):
    rows = {"a": [1.0, np.inf, 2.0], "b": [np.nan, 0.5, 0.0], "zero": [0.0, 0.0, 0.0]}
    ax = plot.gradient_norms(rows)
    png(ax, tmp_path)
    assert [line.get_xdata().tolist() for line in ax.lines if line.get_marker() == "x"] == [[1], [], []]
    assert sorted(texts(ax)) == ["a", "b"]
    ax = plot.gradient_norms(rows, kind="map")
    png(ax, tmp_path)
    np.testing.assert_array_equal(ax.collections[0].get_array().mask.sum(axis=1), [1, 2, 3])
    assert ax.collections[1].get_array().count() == 1
    png(plot.gradient_norms({"all zero": [0.0]}, kind="map"), tmp_path)


def test_update_ratios(run, tmp_path):
    watch, _ = run
    ax = plot.update_ratios(watch)
    png(ax, tmp_path)
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(lines["0.weight"], watch.history["update"]["0.weight"])
    assert "0.bias" not in lines
    assert any(set(np.atleast_1d(y)) == {1e-3} for y in lines.values())
    assert ax.get_ylim()[0] < 1e-3


def test_activation_statistics(run, tmp_path):
    watch, _ = run
    ax = plot.activation_statistics(watch)
    png(ax, tmp_path)
    history = watch.history
    bars = {(round(p.get_y() + p.get_height() / 2), round(p.get_height(), 2)): p for p in ax.patches}
    for y, name in enumerate(history["mean"]):
        for record, height in ((-1, 0.34), (0, 0.66)):
            bar = bars[y, height]
            mean, std = history["mean"][name][record], history["std"][name][record]
            np.testing.assert_allclose([bar.get_x(), bar.get_width()], [mean - std, 2 * std])
    assert texts(ax)[1] == f"{history['zeros']['3'][-1]:.0%} zero"
    assert "step 15 (grey: 0)" in ax.get_xlabel()
    assert len(plot.activation_statistics(watch, record=0).patches) == 13


def test_dead_units(run, tmp_path):
    watch, _ = run
    ax = plot.dead_units(watch, title="Dead")
    png(ax, tmp_path)
    np.testing.assert_allclose([b.get_width() for b in ax.containers[1]], [d.mean() for d in watch.dead.values()])
    assert texts(ax)[1] == f"{watch.dead['3'].sum()} of 8" and watch.dead["3"].sum() >= 4
    ax = plot.dead_units({"conv": np.ones(64, bool), "fc": [True, False]})
    png(ax, tmp_path)
    assert texts(ax) == ["64 of 64", "1 of 2"]


def test_jacobian_products(tmp_path):
    draw = np.random.default_rng(0)
    model = nn.Sequential(*[layer for _ in range(3) for layer in (nn.Linear(6, 6), nn.Tanh())])
    found = diagnose.depth_jacobians(model, draw.standard_normal((5, 6)).astype(np.float32))
    ax = plot.jacobian_products(found, title="Depth")
    png(ax, tmp_path)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.median(found.products, axis=1))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), np.median(found.local, axis=1))
    assert [t.get_text() for t in ax.get_xticklabels()] == list(found.names)
    weight = 0.3 * draw.standard_normal((8, 8))
    found = diagnose.time_jacobians(
        lambda x, h: ops.tanh(x + h @ weight), draw.standard_normal((4, 60, 8)), np.zeros((4, 8))
    )
    ax = plot.jacobian_products(found)
    png(ax, tmp_path)
    assert (ax.get_xlabel(), ax.get_yscale()) == ("step", "log")
    dead = diagnose.Jacobians(("a", "b"), np.array([[0.0], [1.0]]), np.array([[0.0], [np.inf]]), "depth")
    png(plot.jacobian_products(dead), tmp_path)


def test_learning_curve(run, tmp_path):
    _, trainer = run
    ax = plot.learning_curve(trainer, log=True)
    png(ax, tmp_path)
    assert ax.lines[0].get_ydata().tolist() == trainer.history["loss"]
    assert ax.lines[1].get_ydata().tolist() == trainer.history["val_loss"]
    assert sorted(texts(ax)) == ["training", "validation"]
    assert ax.lines[2].get_ydata() == min(trainer.history["val_loss"])
    ax = plot.learning_curve(trainer.history, "accuracy")
    png(ax, tmp_path)
    assert ax.lines[1].get_ydata() == max(trainer.history["val_accuracy"])
    assert ax.get_ylabel() == "accuracy (validation)"
    assert len(plot.learning_curve([{"loss": 2.0}, {"loss": 1.0}]).lines) == 1


def test_loss_curve_takes_a_trainer(run, tmp_path):
    _, trainer = run
    png(plot.loss_curve(trainer), tmp_path)


def test_histories_of_every_form_are_drawn(run):
    _, trainer = run
    model = MLPClassifier((4,), max_iter=3).fit(np.eye(20), np.arange(20) % 2)
    for history in (model, model.history_, trainer, trainer.history, trainer.history_):
        losses = plot.loss_curve(history).lines[0].get_ydata()
        assert losses.tolist() == plot.learning_curve(history).lines[0].get_ydata().tolist() and len(losses) in (3, 4)
    both = plot.loss_curve({"perceptron": model, "trainer": trainer.history, "plain": {"loss": [3.0, 2.0]}})
    assert [len(line.get_xdata()) for line in both.lines] == [3, 4, 2]
    with pytest.raises(ValueError, match="models: the history has no 'loss', only accuracy"):
        plot.loss_curve([{"accuracy": 1.0}])
    with pytest.raises(ValueError, match="the history is empty: train the model first"):
        plot.loss_curve({"a": {}})


def test_four_in_one_figure(run, tmp_path):
    watch, _ = run
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    draw = (plot.gradient_norms, plot.update_ratios, plot.activation_statistics, plot.dead_units)
    for function, ax in zip(draw, axes.flat, strict=True):
        assert function(watch, ax=ax) is ax
    figure.savefig(tmp_path / "four.png")


def test_labels_are_spread():
    np.testing.assert_allclose(_spread(np.array([0.5, 0.5, 0.1]), 0.1), [0.45, 0.55, 0.1])
    np.testing.assert_allclose(_spread(np.array([1.0, 1.0]), 0.2), [0.8, 1.0])
    np.testing.assert_allclose(_spread(np.array([0.0, 0.01, 0.9]), 0.1), [0, 0.1, 0.9], atol=0.01)
    random = _spread(np.random.default_rng(0).random(9), 0.1)
    assert np.diff(np.sort(random)).min() > 0.0999 and random.min() >= 0 and random.max() <= 1


@pytest.mark.parametrize(
    ("error", "message", "draw"),
    [
        (TypeError, r"watch: expected a diagnose\.Watch or", lambda w, t: plot.gradient_norms(3)),
        (ValueError, "of: expected 'layers' or 'parameters'", lambda w, t: plot.gradient_norms(w, of="loss")),
        (ValueError, "kind: expected 'lines' or 'map'", lambda w, t: plot.gradient_norms(w, kind="bars")),
        (ValueError, "at least one name", lambda w, t: plot.gradient_norms({})),
        (ValueError, "the same number of numbers", lambda w, t: plot.gradient_norms({"a": [1.0], "b": [1.0, 2.0]})),
        (ValueError, "nothing recorded has a 'gradient'", lambda w, t: plot.gradient_norms({"a": [np.nan]})),
        (ValueError, "nothing was recorded yet", lambda w, t: plot.gradient_norms(diagnose.Watch(nn.Linear(2, 2)))),
        (
            ValueError,
            "nothing was recorded yet",
            lambda w, t: plot.activation_statistics(diagnose.Watch(nn.Linear(2, 2))),
        ),
        (
            ValueError,
            "record: expected an index into 16 records",
            lambda w, t: plot.activation_statistics(w, record=16),
        ),
        (TypeError, r"watch: expected a diagnose\.Watch", lambda w, t: plot.activation_statistics(t)),
        (ValueError, "at least one layer with ReLU", lambda w, t: plot.dead_units({})),
        (TypeError, "watch: expected", lambda w, t: plot.dead_units([True])),
        (TypeError, "jacobians: expected", lambda w, t: plot.jacobian_products(np.ones((2, 2)))),
        (TypeError, "history: expected a Trainer", lambda w, t: plot.learning_curve(w)),
        (ValueError, "train the model first", lambda w, t: plot.learning_curve([])),
        (ValueError, "no 'bleu' or 'val_bleu', only epoch, loss", lambda w, t: plot.learning_curve(t, "bleu")),
    ],
)
def test_bad_input(error, message, draw, run):
    with pytest.raises(error, match=message):
        draw(*run)
