"""Watch and its report on networks of which it is known what they do."""

import math

import numpy as np
import pytest

import seqnn
from seqnn import Tensor, diagnose, nn, ops, optim, train
from seqnn.diagnose import Watch


@pytest.fixture(autouse=True)
def same_draws():
    seqnn.random.seed(3)


def data(width=16, classes=4, examples=64):
    draw = np.random.default_rng(0)
    return draw.standard_normal((examples, width)).astype(np.float32), draw.integers(0, classes, examples)


def deep(activation, depth, std, width=16):
    """`depth` layers with normal weights, and four logits."""
    layers = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        nn.init.normal_(linear.weight, 0, std)
        nn.init.zeros_(linear.bias)
        layers += [linear] if activation is None else [linear, activation()]
    return nn.Sequential(*layers, nn.Linear(width, 4))


def one_step(model, x, y, **options):
    with Watch(model, **options) as watch:
        ops.cross_entropy(model(x), y).backward()
        watch.record()
    return watch


def kinds(watch):
    return [finding.kind for finding in watch.report().findings]


def hooks(model):
    return sum(len(m._hooks.before + m._hooks.after + m._hooks.backward) for m in model.modules() if m._hooks)


# The figures.


def test_figures_are_those_of_numpy():
    model = nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    model[0].weight.data *= 10
    x, y = data()
    states, tensors = [x], []
    for layer in model:
        tensors.append(layer(states[-1] if not tensors else tensors[-1]))
        states.append(tensors[-1].data)
    grads = seqnn.autograd.grad(ops.cross_entropy(tensors[-1], y), tensors)
    watch = one_step(model, x, y)
    history = watch.history
    assert history["step"].tolist() == [0]
    assert watch.layers == {"0": "Linear", "1": "Tanh", "2": "Linear", "3": "ReLU", "4": "Linear"}
    for i, (out, grad) in enumerate(zip(states[1:], grads, strict=True)):
        got = {figure: history[figure][str(i)][0] for figure in ("mean", "std", "zeros", "finite", "gradient")}
        expected = [out.mean(), out.std(), (out == 0).mean(), 1.0, np.linalg.norm(grad)]
        np.testing.assert_allclose(list(got.values()), expected, rtol=1e-5, atol=1e-7)
    assert history["saturated"]["1"][0] == np.mean(np.abs(states[2]) > 0.99) > 0
    assert np.isnan(history["saturated"]["3"][0])
    for name, p in model.named_parameters():
        np.testing.assert_allclose(history["weight_gradient"][name][0], np.linalg.norm(p.grad), rtol=1e-6)
        assert np.isnan(history["update"][name][0])


def test_passes_of_one_step_are_put_together():
    model = nn.Linear(16, 4)
    x, y = data()
    with Watch(model) as watch:
        outs = [model(x[:20]), model(x[20:])]
        for out, target in zip(outs, (y[:20], y[20:]), strict=True):
            ops.cross_entropy(out, target, reduction="sum").backward()
        watch.record()
    whole = one_step(model, x, y).history
    both = np.concatenate([o.data for o in outs])
    np.testing.assert_allclose(watch.history["mean"]["Linear"], both.mean(), rtol=1e-5)
    np.testing.assert_allclose(watch.history["std"]["Linear"], both.std(), rtol=1e-5)
    np.testing.assert_allclose(watch.history["gradient"]["Linear"], 64 * whole["gradient"]["Linear"], rtol=1e-5)


def test_the_optimizer_tells_the_change_of_the_weights():
    model = nn.Linear(16, 4)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    x, y = data()
    before = model.weight.data.copy()
    with Watch(model, optimizer) as watch:
        for _ in range(3):
            ops.cross_entropy(model(x), y).backward()
            gradient = np.linalg.norm(model.weight.grad)
            optimizer.step()
            if len(watch.history["step"]) == 1:
                first = gradient
            optimizer.zero_grad()
        with pytest.raises(RuntimeError, match="recorded already"):
            watch.record()
    history = watch.history
    assert history["step"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(history["weight_gradient"]["weight"][[0, 2]], [first, gradient], rtol=1e-6)
    np.testing.assert_allclose(history["update"]["weight"][0], 0.5 * first / np.linalg.norm(before), rtol=1e-4)
    assert "step" not in vars(optimizer)
    assert hooks(model) == 0


def test_training_is_not_changed():
    def train_once(watched):
        seqnn.random.seed(5)
        model = nn.Sequential(nn.Embedding(30, 8), nn.GlobalAvgPool(), nn.Dropout(0.2), nn.Linear(8, 4))
        ids = np.random.default_rng(0).integers(0, 30, (48, 8))
        train.fit(
            model, ops.cross_entropy, (ids, ids[:, 0] % 4), 3, optim.Adagrad(model.parameters(), lr=0.01), verbose=0,
            callbacks=[Watch(model)] if watched else [], validation=(ids, ids[:, 0] % 4),
        )  # fmt: skip
        return model.state_dict()

    plain, watched = train_once(False), train_once(True)
    for name, array in plain.items():
        np.testing.assert_array_equal(array, watched[name])


# On constructed networks.


def test_small_weights_vanish():
    watch = one_step(deep(nn.Tanh, 12, 0.05), *data())
    assert kinds(watch) == ["vanishing"]
    report = watch.report()
    assert report.flow.factor < 0.5
    text = " ".join(str(report).split())
    assert "1 finding in 1 recorded step, 25 layers." in text
    assert "Gradients shrink backwards through depth" in text and "Try residual connections" in text
    assert "at 0 (Linear) and" in text


def test_large_weights_explode():
    watch = one_step(deep(None, 8, 2.0), *data())
    assert kinds(watch) == ["exploding"]
    norms = np.array(list(watch.report().findings[0].where.values()))
    assert (norms[:-2] > norms[1:-1]).all()


def test_gradients_that_underflow_have_vanished():
    watch = one_step(deep(nn.Tanh, 40, 1e-3), *data())
    assert kinds(watch) == ["vanishing", "zero gradient"]
    assert "0.weight" in watch.report().findings[1].where


def test_saturated():
    model = deep(nn.Tanh, 2, 50.0)
    watch = one_step(model, *data())
    (finding,) = [f for f in watch.report().findings if f.kind == "saturated"]
    assert list(finding.where) == ["1", "3"] and finding.where["1"] > 0.9
    sure = nn.Sequential(nn.Linear(16, 4), nn.Sigmoid())
    sure[0].weight.data *= 1000
    with Watch(sure) as watch:
        sure(data()[0])
        assert kinds(watch) == []  # the last layer may be sure of itself


def test_a_dead_layer_and_what_is_below():
    model = deep(nn.ReLU, 4, math.sqrt(2 / 16))
    model[4].bias.data[:] = -100
    watch = one_step(model, *data())
    dead, zero = watch.report().findings
    assert (dead.kind, dead.where) == ("dead", {"5": 1.0, "7": 1.0})  # biases are 0: the next one is dead as well
    assert zero.kind == "zero gradient" and "0.weight" in zero.where and "8.bias" not in zero.where
    assert "The dead ReLUs of 5 (ReLU), 7 (ReLU) let none through." in zero.text
    assert "16 of 16 units (100%)" in dead.text


def test_dead_units_are_those_silent_for_the_whole_window():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU())
    model[0].weight.data[:] = [[1, 0], [0, 1], [-1, -1]]
    with Watch(model, window=3) as watch:
        for x in ([[1, 0]], [[0, 1]], [[1, 0]], [[1, 0]], [[1, 0]]):
            model(np.float32(x))
            watch.record()
            if len(watch.history["step"]) == 4:
                np.testing.assert_array_equal(watch.dead["1"], [False, False, True])
    np.testing.assert_array_equal(watch.dead["1"], [False, True, True])
    assert kinds(watch) == []  # five values are too few to call single units dead


def test_dead_channels_of_a_convolution():
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.GlobalMaxPool(), nn.Linear(3, 4))
    model[0].bias.data[:] = [5, -50, -50]
    x = np.random.default_rng(0).standard_normal((8, 2, 40)).astype(np.float32)
    watch = one_step(model, x, np.zeros(8, np.int64))
    np.testing.assert_array_equal(watch.dead["1"], [False, True, True])
    assert kinds(watch)[0] == "dead"


def test_functions_in_forward_are_seen():
    class Net(nn.Module):
        def __init__(self):
            self.first, self.second, self.third = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 4)

        def forward(self, x):
            return self.third(ops.relu(self.second(ops.relu(self.first(x)))))

    model = nn.Sequential(Net())
    model[0].second.bias.data[:] = -100
    watch = one_step(model, *data())
    assert list(watch.layers) == ["0.first", "0.relu", "0.second", "0.relu.2", "0.third"]
    assert watch.report().findings[0].where == {"0.relu.2": 1.0}
    with seqnn.autograd.watch(lambda *_: None):  # somebody else's block goes first
        assert list(one_step(model, *data()).layers) == ["0.first", "0.second", "0.third"]
    assert model.summary((2, 16)).units == 2 * (16 + 16 * 4 + 4)


def test_an_error_in_forward_leaves_nothing_behind():
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    model = nn.Sequential(nn.Linear(16, 16), Broken())
    with Watch(model) as watch, pytest.raises(ValueError, match="no"):
        model(data()[0])
    ops.relu(Tensor([1.0]))
    assert list(watch.layers) == ["0"]
    assert not seqnn.autograd._tape.mode.get() & seqnn.autograd._tape.WATCH


def test_nan_and_infinity():
    model = deep(None, 3, 0.3)
    x, y = data()
    with Watch(model) as watch:
        for step in range(3):
            if step == 1:
                model[1].weight.data[0, 0] = np.nan
            ops.cross_entropy(model(x), y).backward()
            watch.record()
    (finding,) = [f for f in watch.report().findings if f.kind == "not finite"]
    assert list(finding.where) == ["1", "2", "3"]
    assert "in step 1 the output of 1 (Linear) was the first" in finding.text
    with Watch(model := deep(None, 3, 0.3)) as watch:
        model(x).backward(np.full((64, 4), np.inf, np.float32))
        watch.record()
    (finding,) = [f for f in watch.report().findings if f.kind == "not finite"]
    assert "not the gradient at 3 (Linear)" in finding.text


def test_parameters_without_gradient_and_without_update():
    class Net(nn.Module):
        def __init__(self):
            self.used, self.unused, self.frozen = nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(4, 4)
            self.forgotten = nn.Linear(4, 4)
            self.frozen.freeze()

        def forward(self, x):
            return self.forgotten(self.frozen(self.used(x)))

    model = Net()
    optimizer = optim.SGD(model.used.parameters(), lr=0.01)
    x, y = data()
    with Watch(model, optimizer) as watch:
        ops.cross_entropy(model(x), y).backward()
        optimizer.step()
    found = {f.kind: list(f.where) for f in watch.report().findings}
    assert found == {
        "no gradient": ["unused.weight", "unused.bias"],
        "no update": ["forgotten.weight", "forgotten.bias"],
    }
    optimizer = optim.SGD(model.parameters(), lr=100.0)
    with Watch(model, optimizer) as watch:
        ops.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert "large update" in kinds(watch)


def test_a_healthy_network_reports_nothing():
    model = deep(nn.ReLU, 6, math.sqrt(2 / 16))
    watch = Watch(model)
    trainer = train.Trainer(
        model, ops.cross_entropy, optim.Adam(model.parameters(), lr=1e-3), callbacks=[watch], verbose=0
    )
    trainer.fit(data(), epochs=5, validation=data())
    assert str(watch.report()) == "Nothing unusual in 10 recorded steps, 13 layers."
    assert watch.report().flow.kind == "stable"


# With the Trainer.


def test_as_a_callback():
    model = deep(nn.ReLU, 2, 0.4)
    watch = Watch(model, every=2)
    optimizer = optim.Adam(model.parameters())
    trainer = train.Trainer(model, ops.cross_entropy, optimizer, callbacks=[watch], verbose=0, accumulate=2)
    trainer.fit(data(), epochs=4, batch_size=8, validation=data())
    assert watch.history["step"].tolist() == list(range(0, 16, 2))
    assert hooks(model) == 0 and "step" not in vars(optimizer)
    assert (watch.history["update"]["0.weight"] > 0).all()
    trainer.fit(data(), epochs=1, batch_size=8)
    assert watch.history["step"].tolist() == list(range(0, 20, 2))
    assert trainer.steps == 20
    layer = nn.Linear(16, 4)
    other = train.Trainer(layer, ops.cross_entropy, optim.Adam(layer.parameters()), callbacks=[watch], verbose=0)
    with pytest.raises(ValueError, match="not the one that is watched"):
        other.fit(data(), epochs=1)
    with pytest.raises(TypeError, match=r"expected a train\.Trainer, got Linear"):
        watch.on_train_begin(nn.Linear(2, 2))


def test_a_run_that_diverged():
    model = deep(None, 3, 0.3)
    watch = Watch(model)
    trainer = train.Trainer(
        model, ops.cross_entropy, optim.SGD(model.parameters(), lr=1e30), callbacks=[watch], verbose=0
    )
    with pytest.raises(FloatingPointError):
        trainer.fit(data(), epochs=3)
    assert "not finite" in kinds(watch)
    watch.stop()
    assert hooks(model) == 0


def test_started_by_hand_goes_on_after_the_run():
    model = deep(nn.ReLU, 1, 0.4)
    with Watch(model) as watch:
        train.fit(
            model, ops.cross_entropy, data(), 1, optim.SGD(model.parameters(), lr=0.1), callbacks=[watch], verbose=0
        )
        assert hooks(model) > 0
    assert hooks(model) == 0


# What is kept.


def test_memory_is_bounded():
    model = nn.Linear(2, 2)
    watch = Watch(model, keep=10)
    with watch:
        for _ in range(100):
            model(np.ones((1, 2), np.float32))
            watch.record()
    steps = watch.history["step"]
    assert len(steps) <= 10
    assert steps[0] == 0 and steps[-1] >= 84 and len(set(np.diff(steps))) == 1
    assert steps[1] == 16


def test_chosen_layers_and_evaluation():
    model = nn.Sequential(nn.Sequential(nn.Linear(16, 16), nn.ReLU()), nn.Linear(16, 4)).eval()
    with Watch(model, layers=["0", "0.*"], evaluation=True) as watch:
        model(data()[0])
        assert list(watch.layers) == ["0.0", "0.1", "0"]
        assert "1 recorded step," in str(watch.report())  # a step that is still open counts
    with Watch(model) as watch:
        model(data()[0])
        with pytest.raises(RuntimeError, match="no forward pass in training mode"):
            watch.record()
        with pytest.raises(RuntimeError, match="nothing was recorded yet"):
            watch.report()


def test_errors():
    for wrong, error, message in (
        ({"model": 3}, TypeError, "model: expected an nn.Module, got int"),
        ({"optimizer": "sgd"}, TypeError, "optimizer: expected"),
        ({"every": 0}, ValueError, "every"),
        ({"window": 0}, ValueError, "window"),
        ({"keep": 1}, ValueError, "keep"),
        ({"layers": "x.*"}, ValueError, r"layers: no layer matches 'x\.\*'; there are"),
    ):
        with pytest.raises(error, match=message):
            Watch(**{"model": nn.Linear(2, 2), **wrong})
    with pytest.raises(RuntimeError, match="not started"):
        Watch(nn.Linear(2, 2)).record()


def test_no_matplotlib():
    import subprocess
    import sys

    code = "import sys, seqnn.diagnose; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_report_is_plain():
    report = one_step(deep(nn.Tanh, 12, 0.05), *data()).report()
    assert isinstance(report, diagnose.Report) and isinstance(report.findings[0], diagnose.Finding)
    assert all(len(line) <= 110 for line in str(report).splitlines())
