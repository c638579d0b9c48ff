import logging
import math
import os
import signal

import numpy as np
import pytest

from seqnn import Tensor, nn, ops, optim, random, train


def data(n=200, features=6, classes=3):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, features)).astype(np.float32)
    return x, (x @ rng.standard_normal((features, classes))).argmax(axis=1)


def network(dropout=0.0, seed=0):
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))
    for parameter in model.parameters():
        parameter.data[...] = 0.4 * rng.standard_normal(parameter.shape)
    return model


def weights(trainer):
    return b"".join(p.data.tobytes() for p in trainer.model.parameters())


def make(path=None, *, dropout=0.3, optimizer=optim.AdamW, **options):
    """A trainer with everything that has state."""
    model = network(dropout)
    settings = {
        "schedule": optim.Linear(5).then(optim.Cosine(60)), "clip_norm": 1.0, "ema": 0.9, "accumulate": 2,
        "metrics": {"accuracy": train.accuracy}, "verbose": 0, "checkpoint": path,
    }  # fmt: skip
    return train.Trainer(model, ops.cross_entropy, optimizer(model.parameters(), lr=0.05), **(settings | options))


def figures(trainer):
    """The history without the times."""
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in trainer.history_]


class StopAt:
    """Raises after a number of steps, as Ctrl-C or a crash would."""

    def __init__(self, step, how):
        self.step, self.how = step, how

    def on_step_end(self, trainer):
        if trainer.steps == self.step:
            self.how()

    on_train_begin = on_epoch_begin = on_epoch_end = on_train_end = lambda self, trainer: None


def control_c():
    os.kill(os.getpid(), signal.SIGINT)


def crash():
    raise OSError("the power failed")


def test_mlp_follows_torch_for_fifty_steps():
    torch = pytest.importorskip("torch")
    x, y = data()
    for name, options in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.01}), ("RMSprop", {"lr": 0.01})):
        model = network()
        theirs = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
        with torch.no_grad():
            for their, mine in zip(theirs.parameters(), model.parameters(), strict=True):
                their.copy_(torch.from_numpy(mine.data.copy()))
        optimizer = getattr(torch.optim, name)(theirs.parameters(), **options)
        batches = train.Batches(x, y, batch_size=20, seed=5)
        expected, got = [], []
        for epoch in range(5):
            for bx, by in batches.epoch(epoch):
                loss = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(bx)), torch.from_numpy(by))
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
                optimizer.step()
                expected.append(loss.item())

        def loss(output, target, got=got):
            value = ops.cross_entropy(output, target)
            got.append(value.item())
            return value

        train.fit(
            model, loss, batches, 5, getattr(optim, name)(model.parameters(), **options), clip_norm=1.0, verbose=0
        )
        assert len(got) == 50
        np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_it_learns_and_remembers():
    x, y = data()
    model = network()
    trainer = train.Trainer(
        model,
        ops.cross_entropy,
        optim.Adam(model.parameters(), lr=0.05),
        metrics={"accuracy": train.accuracy},
        verbose=0,
    )
    history = trainer.fit((x[:150], y[:150]), epochs=10, validation=(x[150:], y[150:]))
    assert history["epoch"] == list(range(1, 11))
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert history["val_accuracy"][-1] > 0.8
    assert trainer.evaluate((x[150:], y[150:]))["accuracy"] == history["val_accuracy"][-1]
    assert trainer.steps == 10 * 5 and not model.training
    trainer.fit((x[:150], y[:150]), epochs=2)
    assert trainer.history["epoch"][-2:] == [11, 12] and trainer.history["val_loss"][-1] is None


@pytest.mark.parametrize("optimizer", [optim.AdamW, optim.SGD, optim.Adagrad, optim.RMSprop])
@pytest.mark.parametrize("step", [2, 7, 12])
def test_resumed_run_is_the_uninterrupted_one(tmp_path, step, optimizer):
    x, y = data()
    batches = {"batch_size": 16, "seed": 3, "validation": (x[:20], y[:20])}
    random.seed(1)
    whole = make(optimizer=optimizer)
    whole.fit((x, y), 3, **batches)

    path = tmp_path / "run.safetensors"
    random.seed(1)
    cut = make(path, optimizer=optimizer, callbacks=[StopAt(step, crash)], checkpoint_every=1)
    with pytest.raises(OSError, match="power failed"):
        cut.fit((x, y), 3, **batches)
    random.seed(99)
    again = make(path, optimizer=optimizer)
    again.resume(path)
    assert again.steps == step - 1  # the one that crashed was not written
    again.fit((x, y), 3, **batches)
    assert weights(again) == weights(whole)
    assert figures(again) == figures(whole)
    for mine, other in zip(again.ema.averages, whole.ema.averages, strict=True):
        assert mine.tobytes() == other.tobytes()


def test_control_c_leaves_a_checkpoint_and_fit_goes_on(tmp_path):
    x, y = data()
    random.seed(1)
    whole = make()
    whole.fit((x, y), 2)
    path = tmp_path / "run.safetensors"
    random.seed(1)
    trainer = make(path, callbacks=[StopAt(3, control_c)])
    with pytest.raises(KeyboardInterrupt) as caught:
        trainer.fit((x, y), 2)
    assert "epoch 1 of 2, after 6 batches of it" in caught.value.__notes__[0]
    fresh = make()
    fresh.resume(path)
    state = random.get_state()
    trainer.fit((x, y), 2)
    random.set_state(state)
    fresh.fit((x, y), 2)
    assert weights(trainer) == weights(fresh) == weights(whole)
    assert figures(trainer) == figures(fresh) == figures(whole)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_any_iterable_is_resumed_at_its_place(tmp_path):
    x, y = data()
    batches = [(x[i : i + 20], y[i : i + 20]) for i in range(0, 200, 20)]
    whole = make(dropout=0.0)
    whole.fit(batches, 2)
    path = tmp_path / "run.safetensors"
    trainer = make(path, dropout=0.0, callbacks=[StopAt(7, crash)], checkpoint_every=3)
    with pytest.raises(OSError, match="power failed"):
        trainer.fit(batches, 2)
    again = make(dropout=0.0)
    again.resume(path)
    assert again.steps == 6
    again.fit(batches, 2)
    assert weights(again) == weights(whole)
    with pytest.raises(ValueError, match="generator can be gone through only once"):
        make(dropout=0.0).fit(iter(batches), 2)


def test_accumulated_batches_are_one_batch():
    x, y = data()
    results = []
    for batch_size, accumulate in ((40, 1), (10, 4)):
        model = network()
        trainer = train.Trainer(
            model,
            ops.cross_entropy,
            optim.SGD(model.parameters(), lr=0.3),
            accumulate=accumulate,
            clip_norm=0.5,
            verbose=0,
        )
        trainer.fit((x, y), 2, batch_size=batch_size, shuffle=False)
        assert trainer.steps == 10
        results.append(np.concatenate([p.data.reshape(-1) for p in model.parameters()]))
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_early_stopping_restores_the_best_epoch():
    x, y = data()
    seen = []

    class Keep(train.Callback):
        def on_epoch_end(self, trainer):
            seen.append(weights(trainer))

    model = network()
    scores = iter([1.0, 3.0, 2.0, 2.5, 0.0])
    stopping = train.EarlyStopping("val_score", patience=1, restore_best=True)
    trainer = train.Trainer(
        model,
        ops.cross_entropy,
        optim.SGD(model.parameters(), lr=0.1),
        metrics={"score": lambda output, target: next(scores)},
        callbacks=[Keep(), stopping],
        verbose=0,
    )
    history = trainer.fit((x, y), 10, validation=train.Batches(x, y, batch_size=200))
    assert history["val_score"] == [1.0, 3.0, 2.0, 2.5]
    assert stopping.best_epoch_ == 2
    assert weights(trainer) == seen[1]
    trainer.callbacks = [train.EarlyStopping("val_lost")]
    with pytest.raises(ValueError, match="the history has no 'val_lost', only epoch, loss"):
        trainer.fit((x, y), 1)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("way", ["uninterrupted", "resumed", "in the same process"])
def test_early_stopping_returns_to_the_best_epoch_after_an_interruption(tmp_path, monkeypatch, way, in_memory):
    """The second of four epochs is the best one; the run is broken off in the third."""
    if not in_memory:
        monkeypatch.setattr("seqnn._snapshot.IN_MEMORY", 0)
    x, y = data()
    scores, seen = {1: 1.0, 2: 3.0, 3: 2.0, 4: 2.5}, {}

    class Break(train.Callback):
        def __init__(self, at):
            self.at = at

        def on_step_end(self, trainer):
            if trainer.steps == self.at:
                raise KeyboardInterrupt

        def on_epoch_end(self, trainer):
            seen[trainer.epochs_trained] = weights(trainer)

    def trainer(at):
        random.seed(1)
        model = network()
        early = train.EarlyStopping(lambda t: scores[t.epochs_trained], patience=1, restore_best=True)
        return train.Trainer(
            model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), ema=0.9, verbose=0,
            callbacks=[Break(at), early], checkpoint=tmp_path / "run", checkpoint_every=1,
        )  # fmt: skip

    steps = -(-len(x) // 32)
    run = trainer(None if way == "uninterrupted" else 2 * steps + 1)
    if way != "uninterrupted":
        with pytest.raises(KeyboardInterrupt):
            run.fit((x, y), 10)
    if way == "resumed":
        run = trainer(None)
        run.resume(tmp_path / "run")
    run.callbacks[0].at = None
    run.fit((x, y), 10)
    assert len(run.history_) == 4 and run.callbacks[1].best_epoch_ == 2
    assert weights(run) == seen[2] != seen[4]


def test_callbacks_remember_through_a_checkpoint(tmp_path):
    class Counter(train.Callback):
        count = 0

        def on_epoch_end(self, trainer):
            self.count += 1

        def state_dict(self):
            return {"count": np.array(self.count)}

        def load_state_dict(self, state):
            self.count = int(state["count"])

    def trainer(*callbacks):
        model = network()
        return train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters()), callbacks=callbacks, verbose=0)

    first, second = Counter(), Counter()
    second.count = 5
    run = trainer(first, train.Callback(), second)
    run.fit(data(), 3)
    run.save(tmp_path / "run")
    again = trainer(Counter(), Counter())
    again.resume(tmp_path / "run")
    assert [c.count for c in again.callbacks] == [3, 8]


@pytest.mark.parametrize("accumulate", [1, 3])
def test_divergence_names_the_first_layer(accumulate):
    x, y = data()
    model = network()

    def trainer(**options):
        return train.Trainer(
            model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.1), accumulate=accumulate, verbose=0, **options
        )

    trainer().fit((x, y), 1)
    x[40] = np.inf
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(
        FloatingPointError,
        match=r"epoch 1 of 1.*the loss is nan.*Sequential: the input: 6 of 1200.*learning rate \(now 0\.1\)",
    ):
        trainer().fit((x, y), 1, shuffle=False, batch_size=200)
    assert all((p.data == b).all() and p.grad is None for p, b in zip(model.parameters(), before, strict=True))
    x[40] = 0
    model[3].weight.data[0, 0] = np.nan
    with pytest.raises(FloatingPointError, match=r"First in the forward pass: 3 \(Linear\)"):
        trainer().fit((x, y), 1)


def test_a_gradient_that_is_not_finite_stops_before_the_step():
    model = nn.Sequential(nn.Linear(2, 1))
    model[0].weight.data[...], model[0].bias.data[...] = 0, 0
    trainer = train.Trainer(model, lambda y, t: (y * y).sum() ** 0.5, optim.SGD(model.parameters(), lr=0.1), verbose=0)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"norm of the gradients is nan.*backward"):
        trainer.fit((np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)), 1)
    assert not model[0].weight.data.any()


def test_schedule_clipping_and_log(caplog):
    x, y = data()
    model = network()
    rates = []
    watch = StopAt(0, crash)
    watch.on_step_end = lambda trainer: rates.append(trainer.optimizer.param_groups[0]["lr"])
    trainer = train.Trainer(
        model,
        ops.cross_entropy,
        optim.SGD(model.parameters(), lr=0.1),
        schedule=optim.Exponential(0.5),
        clip_value=1e-3,
        callbacks=[watch],
        verbose=0,
    )
    with caplog.at_level(logging.INFO, "seqnn.train"):
        history = trainer.fit((x, y), 1, batch_size=50)
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125, 0.00625])
    assert history["grad_norm"][0] <= 1e-3 * math.sqrt(sum(p.size for p in model.parameters()))
    assert "epoch 1 of 1: loss" in caplog.text


def test_bar_is_shown_on_request(capsys):
    x, y = data()
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    train.fit(model, ops.cross_entropy, (x, y), 2, optimizer, batch_size=100)
    assert "4.00/4.00" in capsys.readouterr().err
    train.fit(model, ops.cross_entropy, (x, y), 1, optimizer, verbose=0)
    assert not capsys.readouterr().err


def test_a_model_may_compute_its_own_loss():
    class Model(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(np.zeros(1, np.float32))

        def forward(self, a, b):
            return ((a * self.weight - b) ** 2).mean()

    model = Model()
    a = np.linspace(0.5, 1, 50, dtype=np.float32)
    train.fit(model, None, (a, 2 * a), 30, optim.SGD(model.parameters(), lr=0.3), verbose=0)
    np.testing.assert_allclose(model.weight.data, 2, rtol=1e-3)


def test_wrong_arguments(tmp_path):
    x, y = data()
    model = network()
    sgd = optim.SGD(model.parameters())
    with pytest.raises(TypeError, match=r"model: expected an nn\.Module, got function"):
        train.Trainer(network, ops.cross_entropy, sgd)
    with pytest.raises(TypeError, match=r"optimizer: expected one of seqnn\.optim, got float"):
        train.Trainer(model, ops.cross_entropy, 0.1)
    with pytest.raises(ValueError, match="checkpoint_every: expected checkpoint="):
        train.Trainer(model, ops.cross_entropy, sgd, checkpoint_every=3)
    trainer = train.Trainer(model, lambda output, target: output, sgd, verbose=0)
    with pytest.raises(TypeError, match=r"loss: expected a scalar Tensor, got a Tensor of shape \(32, 3\)"):
        trainer.fit((x, y), 1)
    with pytest.raises(TypeError, match=r"data: expected train\.Batches, a tuple"):
        trainer.fit(x, 1)
    with pytest.raises(ValueError, match=r"expected batches \(x, target\)"):
        trainer.fit(train.Batches(x), 1)


def test_a_resumed_run_checks_what_it_gets(tmp_path):
    x, y = data()
    path = tmp_path / "run.safetensors"
    trainer = make(path, callbacks=[StopAt(3, control_c)])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit((x, y), 2)
    with pytest.raises(
        ValueError, match=r"data: the run began with other batches; batch_size, seed changed from \[32, 0\]"
    ):
        trainer.fit((x, y), 2, batch_size=16, seed=4)
    with pytest.raises(ValueError, match=r"epochs: the run stands in epoch 1 of 2, after 6 batches of it; got 0"):
        trainer.fit((x, y), 0)
    before = weights(trainer)
    others = [
        (make(ema=None), "ema_updates: the checkpoint has one, this trainer has none"),
        (make(optimizer=optim.SGD), "optimizer: expected SGD, got AdamW"),
    ]
    wider = make()
    wider.model[0].weight = nn.Parameter(np.zeros((17, 6), np.float32))
    wider.optimizer = optim.AdamW(wider.model.parameters(), lr=0.3)
    others.append((wider, r"expected float32\(17, 6\), got float32\(16, 6\)"))
    for other, message in others:
        state = random.get_state()
        with pytest.raises(ValueError, match=message):
            other.resume(path)
        assert random.get_state() == state and other.steps == 0 and not other.optimizer.state_dict()["state"]
    raw = path.read_bytes()
    for size in (0, 7, 500, len(raw) - 1):
        path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match="safetensors"):
            trainer.resume(path)
    path.write_bytes(raw.replace(b'\\"epochs\\":', b'\\"epoxhs\\":'))
    with pytest.raises(ValueError, match="damaged, TypeError"):
        trainer.resume(path)
    assert weights(trainer) == before


def test_the_averages_are_what_is_evaluated():
    x, y = data()
    model = network()
    trainer = train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters(), lr=0.5), ema=0.9, verbose=0)
    trainer.fit((x, y), 1)
    now = [p.data for p in model.parameters()]
    found = trainer.evaluate((x, y))["loss"]
    assert all(p.data is array for p, array in zip(model.parameters(), now, strict=True))
    with trainer.ema.swapped():
        expected = ops.cross_entropy(model(Tensor(x)), y).item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert found != pytest.approx(ops.cross_entropy(model(Tensor(x)), y).item(), rel=1e-3)
