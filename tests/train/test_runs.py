"""Runs of a Trainer: their length in steps, new ones after an interruption, checkpoints of all values, damage."""

import json
import os
import signal

import numpy as np
import pytest

from seqnn import Callback, EarlyStopping, _safetensors, nn, ops, optim, random, train

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 64)


def make(path=None, *, lr=0.1, optimizer=optim.Adam, **more):
    random.seed(0)  # of dropout
    rng = np.random.default_rng(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.2), nn.Linear(5, 3))
    for parameter in model.parameters():
        parameter.data[...] = rng.standard_normal(parameter.shape)
    return train.Trainer(
        model, ops.cross_entropy, optimizer(model.parameters(), lr=lr), checkpoint=path, verbose=0, **more
    )


def weights(trainer):
    return [p.data.copy() for p in trainer.model.parameters()]


def same(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


class At(Callback):
    """Does something at one step."""

    def __init__(self, step, act):
        self.step, self.act = step, act

    def on_step_end(self, trainer):
        if trainer.steps == self.step:
            self.act()


def control_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("steps", "epochs"), [(3, 1), (8, 1), (9, 2), (20, 3)])
def test_a_run_ends_after_a_number_of_steps(steps, epochs):
    run = make()
    history = run.fit((X, Y), batch_size=8, steps=steps)
    assert run.steps == steps and len(history["loss"]) == epochs and run._position is None
    assert sum(history["examples"]) == steps * 8
    run.fit((X, Y), batch_size=8, steps=steps)
    assert run.steps == 2 * steps
    listed = make()
    listed.fit(((X[i : i + 8], Y[i : i + 8]) for i in [0] * 100), steps=steps)
    assert listed.steps == steps


def test_steps_count_updates_and_epochs_may_end_a_run_before():
    run = make(accumulate=4)
    run.fit((X, Y), batch_size=8, steps=3)
    assert run.steps == 3 and len(run.history_) == 2
    run = make()
    run.fit((X, Y), epochs=1, batch_size=8, steps=100)
    assert run.steps == 8
    model = run.model
    train.fit(model, ops.cross_entropy, (X, Y), None, optim.SGD(model.parameters()), steps=2, verbose=0)
    for wrong in (0, -1, 1.5, "3"):
        with pytest.raises((ValueError, TypeError), match="steps: expected"):
            run.fit((X, Y), steps=wrong)


def test_a_run_of_steps_goes_on_exactly(tmp_path):
    whole = make()
    whole.fit((X, Y), batch_size=8, steps=21)
    run = make(tmp_path / "c", callbacks=[At(13, control_c)])
    with pytest.raises(KeyboardInterrupt):
        run.fit((X, Y), batch_size=8, steps=21)
    again = make(tmp_path / "c")
    again.resume(tmp_path / "c")
    again.fit((X, Y), batch_size=8, epochs=3)
    assert same(weights(again), weights(whole)) and again.steps == 21
    assert [e["loss"] for e in again.history_] == [e["loss"] for e in whole.history_]


class CrashError(Exception):
    pass


def crash():
    raise CrashError


@pytest.mark.parametrize("how", [control_c, crash])
def test_after_an_interruption_a_new_run_may_begin_on_other_data(how):
    run = make(callbacks=[At(12, how)])
    with pytest.raises((KeyboardInterrupt, CrashError)):
        run.fit((X, Y), epochs=9, batch_size=8)
    assert len(run.history_) == 1
    with pytest.raises(
        ValueError, match=r"data: the run began with other batches; .*fit\(\.\.\., resume=False\) begins a"
    ):
        run.fit((X[:32], Y[:32]), epochs=9, batch_size=8)
    with pytest.raises(ValueError, match="epochs: the run stands in"):
        run.fit((X, Y), epochs=1, batch_size=8)
    run.fit((X[:32], Y[:32]), epochs=2, batch_size=8, resume=False)
    assert len(run.history_) == 3 and run.epochs_trained >= 3 and run._position is None


def test_after_divergence_a_new_run_may_begin():
    run = make(lr=0.1, optimizer=optim.SGD)
    bad = X.copy()
    bad[5] = np.nan
    with pytest.raises(FloatingPointError):
        run.fit((bad, Y), epochs=2, batch_size=8, shuffle=False)
    run.optimizer.param_groups[0]["lr"] = 0.01
    history = run.fit((X, Y), epochs=2, batch_size=16, resume=False)
    assert np.isfinite(history["loss"][-2:]).all()


def test_an_error_in_the_data_of_the_first_step_leaves_no_run_behind():
    run = make()
    with pytest.raises(ValueError, match="7"):
        run.fit((np.zeros((8, 7), np.float32), Y[:8]), batch_size=8)
    run.fit((X, Y), epochs=1, batch_size=16)
    assert len(run.history_) == 1


def test_after_control_c_in_the_short_form_the_trainer_is_at_hand():
    model = make().model
    with pytest.raises(KeyboardInterrupt) as caught:
        train.fit(
            model, ops.cross_entropy, (X, Y), 5, optim.SGD(model.parameters(), lr=0.1), batch_size=8, verbose=0,
            callbacks=[At(20, control_c)],
        )  # fmt: skip
    trainer = caught.value.trainer
    assert len(trainer.history["loss"]) == 2 and "sys.last_value.trainer" in "".join(caught.value.__notes__)
    assert len(trainer.fit((X, Y), epochs=5, batch_size=8)["loss"]) == 5


class Scalars(Callback):
    """Puts NumPy's values into the history."""

    def on_epoch_end(self, trainer):
        trainer.history_[-1] |= {"f": np.float32(0.5), "n": np.int64(3), "a": np.arange(2), "b": np.bool_(True)}


@pytest.mark.parametrize(
    "how",
    [
        {"lr": np.float32(0.01)},
        {"lr": np.float64(0.01)},
        {"schedule": lambda step: np.float32(1 / (1 + step))},
        {"optimizer": lambda p, lr: optim.Adam(p, lr=lr, betas=(np.float32(0.9), np.float32(0.99)))},
        {"optimizer": lambda p, lr: optim.AdamW(p, lr=lr, weight_decay=np.float32(0.1))},
        {"clip_norm": np.float32(1)},
    ],
    ids=["lr32", "lr64", "schedule", "betas", "decay", "clip"],
)
def test_a_checkpoint_holds_numpys_scalars_and_resumes_exactly(tmp_path, how):
    whole = make(**how, callbacks=[Scalars()])
    whole.fit((X, Y), epochs=4, batch_size=8)
    run = make(tmp_path / "c", **how, callbacks=[Scalars(), At(19, control_c)])
    with pytest.raises(KeyboardInterrupt):
        run.fit((X, Y), epochs=4, batch_size=8)
    again = make(tmp_path / "c", **how, callbacks=[Scalars()])
    again.resume(tmp_path / "c")
    again.fit((X, Y), epochs=4, batch_size=8)
    assert same(weights(again), weights(whole))
    assert again.history_[0]["n"] == 3 and list(again.history_[0]["a"]) == [0, 1]


def test_a_checkpoint_that_cannot_be_written_names_the_value(tmp_path):
    class Odd(Callback):
        def on_epoch_end(self, trainer):
            trainer.history_[-1]["odd"] = object()

    with pytest.raises(TypeError, match="expected what JSON can hold, got object"):
        make(tmp_path / "c", callbacks=[Odd()]).fit((X, Y))


def changes(record):
    """Damaged records, each with the name of what is wrong."""
    for name in ("steps", "epochs_trained", "history_", "_run_start", "position", "optimizer", "random", "scheduler"):
        yield name, {k: v for k, v in record.items() if k != name}
    for name, value in {
        "steps": "x", "history_": 5, "epochs_trained": -3, "_run_start": 10**6, "position": 3, "optimizer": [], "random": {},
    }.items():  # fmt: skip
        yield name, record | {name: value}
    yield "data", record | {"position": record["position"] | {"data": 3}}
    yield "optimizer", record | {"optimizer": record["optimizer"] | {"steps": {"0": -5}}}
    yield "optimizer", record | {"optimizer": record["optimizer"] | {"steps": {"x": 1}}}
    yield "deep", record | {"history_": json.loads("[" * 900 + "]" * 900)}


def test_resuming_a_damaged_checkpoint_is_a_value_error_and_changes_nothing(tmp_path):
    run = make(tmp_path / "c", ema=0.9, schedule=optim.Linear(5), callbacks=[EarlyStopping("loss"), At(12, control_c)])
    with pytest.raises(KeyboardInterrupt):
        run.fit((X, Y), epochs=4, batch_size=8)
    tensors, metadata = _safetensors.load(tmp_path / "c")
    record = json.loads(metadata["seqnn.train"])
    damaged = [(name, tensors, json.dumps(changed)) for name, changed in changes(record)]
    damaged += [("text", tensors, "[" * 100_000), ("text", tensors, "nonsense")]
    for name in tensors:
        damaged.append((name, {k: v for k, v in tensors.items() if k != name}, metadata["seqnn.train"]))
        damaged.append((name, tensors | {name: np.zeros(99, np.float32)}, metadata["seqnn.train"]))
    other = make(ema=0.9, schedule=optim.Linear(5), callbacks=[EarlyStopping("loss")])
    other.fit((X, Y), epochs=1, batch_size=32)

    def state():
        return [
            *weights(other), *(a.copy() for a in other.ema.averages), other.steps, other.epochs_trained, len(other.history_),
            json.dumps(other.history_), other._position, repr(other.optimizer.state_dict()), repr(other.scheduler.state_dict()),
        ]  # fmt: skip

    before = state()
    for name, arrays, text in damaged:
        _safetensors.save(tmp_path / "bad", arrays, metadata | {"seqnn.train": text})
        with pytest.raises(ValueError, match=r"bad: "):
            other.resume(tmp_path / "bad")
        for one, two in zip(before, state(), strict=True):
            assert np.array_equal(one, two), name
    other.resume(tmp_path / "c")
    assert other.steps == 12
