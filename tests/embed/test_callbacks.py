"""Callbacks and early stopping."""

import numpy as np
import pytest

from seqnn import Word2Vec
from seqnn.embed import Callback, EarlyStopping

SENTENCES = [[f"w{(7 * i + j * j) % 23}" for j in range(12)] for i in range(200)]
SETTINGS = {"vector_size": 12, "sample": 0, "min_count": 1, "verbose": 0, "workers": 1}


class Log(Callback):
    def __init__(self, name="", log=None):
        self.name, self.log = name, [] if log is None else log

    def on_train_begin(self, model):
        self.log.append((self.name, "train begin", len(model.history_)))

    def on_epoch_begin(self, model):
        self.log.append((self.name, "epoch begin", len(model.history_)))

    def on_epoch_end(self, model):
        self.log.append((self.name, "epoch end", len(model.history_)))

    def on_train_end(self, model):
        self.log.append((self.name, "train end", len(model.history_)))


EXPECTED = [
    ("train begin", 0), ("epoch begin", 0), ("epoch end", 1), ("epoch begin", 1), ("epoch end", 2), ("train end", 2),
]  # fmt: skip


def test_the_order_of_calls():
    log = []
    Word2Vec(SENTENCES, **SETTINGS, epochs=2, callbacks=(Log("one", log), Log("two", log)))
    assert log == [(name, what, n) for what, n in EXPECTED for name in ("one", "two")]


def test_gensims_callbacks_work():
    callbacks = pytest.importorskip("gensim.models.callbacks")
    log = []

    class Theirs(callbacks.CallbackAny2Vec):
        def on_epoch_end(self, model):
            log.append(model.get_latest_training_loss())

    Word2Vec(SENTENCES, **SETTINGS, epochs=2, callbacks=[Theirs()])
    assert len(log) == 2 and 0 < log[0] < log[1]


def test_the_model_can_be_used_in_a_callback(tmp_path):
    class Use(Callback):
        def on_epoch_end(self, model):
            self.near = model.wv.most_similar("w1", topn=3)
            self.exact = (model.wv.vectors @ model.wv["w1"]) / np.linalg.norm(model.wv.vectors, axis=1)
            model.save(tmp_path / f"{len(model.history_)}.safetensors")

    use = Use()
    model = Word2Vec(SENTENCES, **SETTINGS, epochs=3, callbacks=[use])
    np.testing.assert_allclose(
        use.near[0][1], np.sort(use.exact)[-2] / np.linalg.norm(model.wv["w1"]), rtol=1e-4
    )  # the lengths are those of this epoch
    loaded = Word2Vec.load(tmp_path / "2.safetensors")
    assert loaded.epochs_trained == 0 and len(loaded.history_) == 2
    loaded.train(SENTENCES)
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)


def test_an_exception_leaves_a_model_that_goes_on():
    class Broken(Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 2:
                raise KeyError("mine")

    model = Word2Vec(**SETTINGS, epochs=4)
    model.build_vocab(SENTENCES)
    with pytest.raises(KeyError, match="mine"):
        model.train(SENTENCES, callbacks=[Broken()])
    log = Log()
    model.train(SENTENCES, callbacks=[log])
    assert [entry[1:] for entry in log.log] == [
        ("train begin", 2), ("epoch begin", 2), ("epoch end", 3), ("epoch begin", 3), ("epoch end", 4), ("train end", 4),
    ]  # fmt: skip
    whole = Word2Vec(SENTENCES, **SETTINGS, epochs=4)
    np.testing.assert_array_equal(whole.wv.vectors, model.wv.vectors)


class Replay:
    """A monitor that gives stated scores, and keeps the vectors that it saw."""

    def __init__(self, *scores):
        self.scores, self.seen = iter(scores), []

    def __call__(self, model):
        self.seen.append(model.wv.vectors.copy())
        return next(self.scores)


@pytest.mark.parametrize(
    ("scores", "settings", "epochs", "best"),
    [
        ((1, 2, 3, 2, 1, 0, 9), {"patience": 2}, 6, 3),
        ((1, 2, 3, 2, 1, 0, 9), {"patience": 0}, 4, 3),
        ((1, 2, 3, 3, 3, 9, 9), {"patience": 1}, 5, 3),
        ((1, 2, 3, 2, 9, 9, 8), {"patience": 2}, 7, 5),
        ((5, 4, 4.5, 4.4, 4.2, 0, 0), {"patience": 2, "mode": "min"}, 5, 2),
        ((1, 1.1, 1.2, 1.3, 9, 9, 9), {"patience": 2, "min_delta": 0.5}, 4, 1),
        ((float("nan"), 1, float("nan"), float("nan"), 5, 5, 5), {"patience": 1}, 4, 2),
    ],
)
@pytest.mark.parametrize("restore", [False, True])
def test_early_stopping(scores, settings, epochs, best, restore):
    monitor = Replay(*scores)
    stopping = EarlyStopping(monitor, **settings, restore_best=restore)
    model = Word2Vec(SENTENCES, **SETTINGS, epochs=7, early_stopping=stopping)
    assert len(model.history_) == epochs == model.epochs_trained
    np.testing.assert_array_equal([entry["score"] for entry in model.history_], scores[:epochs])
    assert stopping.best_epoch_ == best
    np.testing.assert_array_equal(model.wv.vectors, monitor.seen[best - 1 if restore else epochs - 1])
    assert model.train(SENTENCES, epochs=0) == (0, 0)  # the run is over


def test_the_loss_is_the_default_monitor():
    stopping = EarlyStopping(min_delta=1e9, patience=1)
    assert stopping.mode == "min"
    model = Word2Vec(SENTENCES, **SETTINGS, epochs=7, early_stopping=stopping)
    assert len(model.history_) == 3
    assert [entry["score"] for entry in model.history_] == [entry["loss"] for entry in model.history_]


def test_early_stopping_counts_on_after_an_interruption():
    class Stop(Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 3:
                raise KeyboardInterrupt

    monitor = Replay(1, 5, 4, 3, 2, 1)
    model = Word2Vec(**SETTINGS, epochs=9, early_stopping=EarlyStopping(monitor, patience=2))
    model.build_vocab(SENTENCES)
    with pytest.raises(KeyboardInterrupt):
        model.train(SENTENCES, callbacks=[Stop()])
    monitor.scores = iter([4, 3, 2, 1])  # the third epoch was not judged any more
    model.train(SENTENCES)
    assert len(model.history_) == 6
    model.early_stopping = EarlyStopping(Replay(*[1] * 9), patience=2)
    model.train(SENTENCES)
    assert len(model.history_) == 6 + 4


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"monitor": 3}, "monitor"), ({"patience": -1}, "patience"), ({"patience": 1.5}, "patience"),
        ({"min_delta": -1}, "min_delta"), ({"min_delta": float("nan")}, "min_delta"), ({"mode": "best"}, "mode"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=name):
        EarlyStopping(**arguments)
