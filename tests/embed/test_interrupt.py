"""Ctrl-C and fork, in processes of their own."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from harness import interrupted

from seqnn import FastText, GloVe, Word2Vec

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and fork as POSIX has them")

CORPUS = """
import sys
import numpy as np
import seqnn
from seqnn import Word2Vec
from seqnn.embed import Callback

class Ready(Callback):
    def on_epoch_end(self, model):
        if len(model.history_) == 1:
            print("ready", flush=True)

rng = np.random.default_rng(0)
corpus = rng.integers(0, 2000, 400_000), np.arange(0, 400_001, 40)
settings = dict(vector_size=64, negative=10, sg=1, sample=0, epochs=100_000, callbacks=[Ready()])
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CORPUS + script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(process):
    """Send Ctrl-C when the training has begun; what the process wrote."""
    assert process.stdout.readline() == "ready\n"
    return interrupted(process)


@pytest.mark.parametrize("trainer", [Word2Vec, FastText, GloVe], ids=lambda trainer: trainer.__name__)
def test_ctrl_c_leaves_a_model_that_can_be_saved_and_resumed(tmp_path, trainer):
    process = start(
        """
trainer = getattr(seqnn, sys.argv[1])
if trainer is seqnn.GloVe:
    settings = dict(vector_size=64, epochs=100_000, callbacks=[Ready()])
try:
    trainer(corpus, **settings)
except KeyboardInterrupt as error:
    error.model.save(sys.argv[2])
    print("saved")
""",
        trainer.__name__,
        tmp_path / "model.safetensors",
    )
    out, err = interrupt(process)
    assert process.returncode == 0 and out == "saved\n", err
    model = trainer.load(tmp_path / "model.safetensors")
    assert np.isfinite(model.wv.vectors).all() and model._position.epochs == 100_000
    rng = np.random.default_rng(0)
    corpus = rng.integers(0, 2000, 400_000), np.arange(0, 400_001, 40)

    class StopError(Exception):
        pass

    class Look:
        def on_train_begin(self, model):
            self.before = model._position.epoch, model._position.unit, len(model.history_)

        def on_epoch_begin(self, model):
            pass

        def on_epoch_end(self, model):
            raise StopError

        on_train_end = on_epoch_begin

    model.verbose = 0
    look = Look()
    go_on = model.fit if trainer is GloVe else model.train
    with pytest.raises(StopError):
        go_on(corpus, callbacks=[look])
    epoch, unit, entries = look.before
    units = model.history_[0]["pairs" if trainer is GloVe else "words"]
    assert epoch == entries >= 1 and unit <= units and len(model.history_) == entries + 1


def test_ctrl_c_that_nobody_catches_tells_what_to_do():
    process = start("Word2Vec(corpus, **settings, verbose=0)")
    out, err = interrupt(process)
    assert process.returncode == -signal.SIGINT and out == ""
    assert "KeyboardInterrupt" in err and "Training stopped in epoch" in err and "train(corpus)" in err


def test_ctrl_c_during_a_callback():
    process = start(
        """
class Sleep(Callback):
    def on_epoch_end(self, model):
        import time
        print("asleep", flush=True)
        time.sleep(1000)

settings["callbacks"] = [Sleep()]
try:
    Word2Vec(corpus, **settings, verbose=0)
except KeyboardInterrupt as error:
    print(len(error.model.history_))
"""
    )
    assert process.stdout.readline() == "asleep\n"
    out, err = interrupted(process)
    assert process.returncode == 0 and out == "1\n", err


def test_training_after_a_fork():
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            CORPUS
            + """
import os
settings |= dict(epochs=1, verbose=0, callbacks=(), workers=2)
model = Word2Vec(corpus, **settings)
child = os.fork()
if not child:
    Word2Vec(corpus, **settings)
    model.train(corpus)
    os._exit(7 if model.epochs_trained == 2 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), model.epochs_trained)
model.train(corpus)
""",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0 and process.stdout == "7 1\n", process.stderr


def test_no_warning_and_no_logging():
    code = """
model = Word2Vec(corpus, **(settings | dict(epochs=1, verbose=0, callbacks=())))
model.wv.most_similar("1")
"""
    process = start(code)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_bar_goes_to_stderr():
    process = start("Word2Vec(corpus, **(settings | dict(epochs=1, callbacks=())))")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out == ""
    assert "words/s" in err and "loss=" in err and "100%" in err
