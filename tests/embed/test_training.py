"""The loop of the trainers, with a step function that only keeps a record."""

import signal
import threading
from itertools import pairwise

import numpy as np
import pytest

from seqnn import Word2Vec, _core
from seqnn._interrupts import DeferredInterrupt
from seqnn._memory import big_zeros, padded
from seqnn._run import Trainable
from seqnn._snapshot import Snapshot
from seqnn.embed import Callback
from seqnn.embed._trainers._steps import STEP_SECONDS, Pace, RatedPosition, StepRun, Task, all_finite


class Recorder(Trainable):
    """A model whose weights count the units, and the steps that it was asked for."""

    def __init__(self):
        self.weights = np.zeros((3, 4), np.float32)
        self.steps = []
        self._forget_runs()
        self.changes = 0
        self.before = self.after = lambda: None

    def step(self, *, first, last, epoch, alpha, slope):
        self.before()
        self.steps.append((epoch, first, last, alpha + slope * first))
        self.weights += last - first
        self.after()
        return 2.0 * (last - first), last - first

    def _trained_arrays(self):
        return [self.weights]

    def _weights_changed(self):
        self.changes += 1

    def run(self, position=None, units=100, block=8, callbacks=(), **settings):
        position = position or RatedPosition(epochs=2, start_alpha=0.2, end_alpha=0.0)
        task = Task(step=self.step, units=units, block=block, unit="pairs", advice="Slow down", **settings)
        StepRun(self, task, position, callbacks, threads=2).go(units=units, verbose=0)
        return position


def test_steps_cover_every_epoch_in_blocks():
    model = Recorder()
    position = model.run()
    for epoch in (0, 1):
        steps = [s for s in model.steps if s[0] == epoch]
        assert steps[0][1] == 0 and steps[-1][2] == 100
        assert all(a[2] == b[1] for a, b in pairwise(steps))
        assert all(s[1] % 8 == 0 for s in steps)
    assert model.steps[0][:3] == (0, 0, 16)
    assert (position.epoch, position.unit, position.loss, position.examples) == (2, 0, 0.0, 0)
    assert [entry["loss"] for entry in model.history_] == [2.0, 2.0]
    assert [entry["pairs"] for entry in model.history_] == [100, 100] and model.history_[0]["pairs_per_second"] > 0
    assert model.changes == 2


def test_the_rate_falls_over_all_epochs():
    model = Recorder()
    model.run(RatedPosition(epochs=4, start_alpha=0.4, end_alpha=0.2, first_epoch=7))
    assert [s[0] for s in model.steps] == sorted(s[0] for s in model.steps) and model.steps[0][0] == 7
    for epoch, first, _, alpha in model.steps:
        assert alpha == pytest.approx(0.4 - 0.2 * (epoch - 7 + first / 100) / 4)
    np.testing.assert_allclose([entry["alpha"] for entry in model.history_], [0.35, 0.3, 0.25, 0.2])
    assert [entry["epoch"] for entry in model.history_] == [8, 9, 10, 11]


def test_no_epochs_no_steps():
    model = Recorder()
    model.run(RatedPosition(epochs=0, start_alpha=0.4, end_alpha=0.2))
    assert model.steps == [] and model.history_ == []


def test_the_pace_follows_the_speed():
    pace = Pace(block=10, threads=2)
    assert pace.next(0, 1000) == 20
    pace.note(20, 1e-9)
    assert pace.next(20, 1000) == 100  # four times as many
    pace.note(80, 10.0)
    assert pace.next(100, 1000) == 120  # a block a thread is the least
    assert pace.next(990, 1000) == 1000
    pace.note(20, STEP_SECONDS / 3.5)
    assert pace.next(120, 1000) == 180  # whole blocks, as many for each thread


def test_ctrl_c_waits_for_the_end_of_a_step():
    model = Recorder()
    at = iter(range(100))
    model.before = lambda: signal.raise_signal(signal.SIGINT) if next(at) == 3 else None
    position = RatedPosition(epochs=3, start_alpha=0.2, end_alpha=0.0)
    with pytest.raises(KeyboardInterrupt):
        model.run(position)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(model.steps) == 4 and model.weights[0, 0] == position.epoch * 100 + position.unit
    assert position.loss == 2.0 * position.unit
    model.run(position)
    units = [u for s in model.steps for u in range(s[1], s[2])]
    assert units == [*range(100)] * 3


def test_ctrl_c_acts_at_once_in_callbacks():
    class Slow(Callback):
        def on_epoch_end(self, model):
            signal.raise_signal(signal.SIGINT)
            model.survived = True

    model = Recorder()
    with pytest.raises(KeyboardInterrupt):
        model.run(callbacks=[Slow()])
    assert not hasattr(model, "survived") and len(model.history_) == 1


def test_interrupts_are_left_alone_elsewhere():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *a: seen.append(1))
    try:
        with DeferredInterrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
            assert seen == [1]
            with interrupt.allowed():
                pass
    finally:
        signal.signal(signal.SIGINT, before)
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(Recorder().run().epoch))
    thread.start()
    thread.join()
    assert outcome == [2]


def test_an_interrupt_at_the_very_end_is_not_lost():
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("large", [False, True])
def test_not_finite_goes_back_to_the_last_good_epoch(large, monkeypatch):
    if large:
        monkeypatch.setattr("seqnn._snapshot.IN_MEMORY", 0)
    model = Recorder()
    position = RatedPosition(epochs=5, start_alpha=0.2, end_alpha=0.0)

    def damage():
        if position.epoch == 2:
            model.weights[1, 1] = np.inf

    model.after = damage
    with pytest.raises(FloatingPointError, match=r"epoch 3 of 5: the weights.*after epoch 2.*Slow down"):
        model.run(position)
    np.testing.assert_array_equal(model.weights, np.full((3, 4), 200))
    assert len(model.history_) == 2


def test_a_loss_that_is_not_finite_stops_at_once():
    model = Recorder()
    steps = []
    model.weights[:] = 5

    def step(**where):
        steps.append(where)
        model.weights += 1
        return np.nan, 1

    task = Task(step=step, units=1000, block=1, unit="pairs", advice="")
    with pytest.raises(FloatingPointError, match="the loss"):
        StepRun(model, task, RatedPosition(2, start_alpha=0.1, end_alpha=0.1), [], threads=1).go(units=1000, verbose=0)
    assert len(steps) == 1
    np.testing.assert_array_equal(model.weights, np.full((3, 4), 5))


def test_initial_weights_are_drawn_anew():
    model = Recorder()
    model.after = lambda: model.weights.fill(np.nan)
    with pytest.raises(FloatingPointError):
        model.run(untrained=lambda: model.weights.fill(42))
    assert (model.weights == 42).all()


def test_stop_training_ends_the_run():
    class Stop(Callback):
        ended = 0

        def on_epoch_end(self, model):
            model.stop_training = True

        def on_train_end(self, model):
            self.ended += 1

    model, stop = Recorder(), Stop()
    assert model.run(RatedPosition(9, start_alpha=0.1, end_alpha=0.1), callbacks=[stop]).epoch == 1 and stop.ended == 1


def test_all_finite():
    array = np.ones((300, 16), np.float32)
    assert all_finite(array) and all_finite(array[:0])
    for bad in (np.nan, np.inf, -np.inf):
        array[-1, -1] = bad
        assert not all_finite(array)
    big = np.zeros(2**22 + 5, np.float32)
    assert all_finite(big)
    big[-1] = np.nan
    assert not all_finite(big)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_snapshot(limit, monkeypatch):
    monkeypatch.setattr("seqnn._snapshot.IN_MEMORY", limit)
    rng = np.random.default_rng(0)
    arrays = [rng.random((50, 16), np.float32), rng.random((3, 16), np.float32), np.zeros((0, 16), np.float32)]
    with Snapshot(arrays) as snapshot:
        with pytest.raises(RuntimeError, match="take"):
            snapshot.restore()
        snapshot.take()
        arrays[0] += 1
        snapshot.take()
        kept = [a.copy() for a in arrays]
        for array in arrays:
            array[:] = np.nan
        snapshot.restore()
        for array, copy in zip(arrays, kept, strict=True):
            np.testing.assert_array_equal(array, copy)


def test_snapshot_without_room_for_a_file(monkeypatch):
    monkeypatch.setattr("seqnn._snapshot.IN_MEMORY", 0)

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    array = np.ones(4, np.float32)
    with Snapshot([array]) as snapshot:
        with pytest.warns(RuntimeWarning, match="No space left"):
            snapshot.take()
        array[:] = 0
        snapshot.restore()
    assert (array == 1).all()


def test_big_zeros():
    assert [padded(n) for n in (1, 16, 17, 100, 300)] == [16, 16, 32, 112, 304]
    array = big_zeros((1000, 112))
    assert array.dtype == np.float32 and array.flags.writeable and array.ctypes.data % 64 == 0 and not array.any()
    array[:] = 1
    assert array.sum() == 112000
    assert big_zeros((0, 16)).shape == (0, 16)
    with pytest.raises(MemoryError, match="GiB"):
        big_zeros((2**40, 2**20))


# The real step: an interruption in the middle of an epoch, in the middle of a step


@pytest.mark.parametrize("mode", [{"workers": 1}, {"workers": 2, "deterministic": True}])
@pytest.mark.parametrize("interrupted_step", [0, 2, 3])
def test_resumed_within_an_epoch_is_uninterrupted(tmp_path, monkeypatch, mode, interrupted_step):
    rng = np.random.default_rng(0)
    ids, offsets = rng.integers(0, 500, 90000), np.arange(0, 90001, 30)
    settings = {"vector_size": 12, "verbose": 0, "epochs": 2, "sample": 1e-2, "sg": 1, **mode}
    whole = Word2Vec((ids, offsets), **settings)
    calls = iter(range(1000))
    train = _core.word2vec_train

    def interrupted(*arguments, **named):
        if next(calls) == interrupted_step:
            signal.raise_signal(signal.SIGINT)
        return train(*arguments, **named)

    monkeypatch.setattr(_core, "word2vec_train", interrupted)
    monkeypatch.setattr("seqnn.embed._trainers._steps.STEP_SECONDS", 1e-9)  # one block a step
    with pytest.raises(KeyboardInterrupt) as caught:
        Word2Vec((ids, offsets), **settings)
    model = caught.value.model
    assert 0 < model._position.unit < 90000 and model._position.unit % 8192 == 0
    assert model._position.describe(90000) in caught.value.__notes__[0]
    model.save(tmp_path / "model.safetensors")
    for part in (model, Word2Vec.load(tmp_path / "model.safetensors")):
        part.train((ids, offsets))
        for a, b in zip(whole._trained_arrays(), part._trained_arrays(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert [e["examples"] for e in part.history_] == [e["examples"] for e in whole.history_]
        np.testing.assert_allclose([e["loss"] for e in part.history_], [e["loss"] for e in whole.history_], rtol=1e-12)
