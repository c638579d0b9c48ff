"""Bars of training as a notebook shows them: widgets of ipywidgets, of which these tests have simple stand-ins."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm.auto
import tqdm.notebook

from seqnn import Callback, EarlyStopping, Word2Vec, nn, ops, optim, train

X = np.random.default_rng(0).standard_normal((320, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


class Widget(SimpleNamespace):
    def __init__(self, **settings):
        super().__init__(
            value=0, bar_style="", layout=SimpleNamespace(), style=SimpleNamespace(bar_color=None), **settings
        )


@pytest.fixture
def widgets(monkeypatch):
    """Run as in a notebook; return the boxes that it shows, each of (text, bar, text)."""
    shown = []
    for name in ("IProgress", "HTML", "TqdmHBox"):
        monkeypatch.setattr(tqdm.notebook, name, Widget, raising=False)
    monkeypatch.setattr(tqdm.notebook, "display", shown.append, raising=False)
    monkeypatch.setattr(tqdm.auto, "tqdm", tqdm.notebook.tqdm)
    return shown


class StopAfterTwo(Callback):
    def on_epoch_end(self, model):
        model.stop_training = len(model.history_) == 2


def fit(epochs, *callbacks, lr=0.1, **options):
    model = nn.Linear(4, 2)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    return train.fit(model, ops.cross_entropy, (X, Y), epochs, optimizer, callbacks=callbacks, **options)


def check_full_and_green(widgets, done):
    _, bar, _ = widgets[-1].children
    assert (bar.bar_style, bar.value, bar.max) == ("success", done, done)


def test_a_bar_of_a_whole_run_ends_full_and_green(widgets):
    fit(3)
    check_full_and_green(widgets, 30)


def test_a_bar_of_a_run_that_was_stopped_ends_full_and_green(widgets):
    fit(9, StopAfterTwo())
    check_full_and_green(widgets, 20)
    fit(None, steps=13)
    check_full_and_green(widgets, 13)
    Word2Vec([["a", "b", "c"]] * 100, min_count=1, vector_size=4, epochs=9, callbacks=[StopAfterTwo()])
    check_full_and_green(widgets, 600)


def test_a_bar_of_a_run_that_converged_ends_full_and_green(widgets):
    history = fit(50, EarlyStopping("val_loss", patience=1), lr=3.0, validation=(X, Y))
    assert len(history["loss"]) < 50
    check_full_and_green(widgets, 10 * len(history["loss"]))


def test_a_bar_of_a_run_that_failed_ends_red(widgets):
    class Fail(Callback):
        def on_epoch_end(self, trainer):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fit(2, Fail())
    assert widgets[-1].children[1].bar_style == "danger"


def test_a_bar_shows_the_last_epoch_and_its_figures(widgets):
    history = fit(3, validation=(X, Y), metrics={"accuracy": train.accuracy})
    text = widgets[-1].children[2].value
    shown = dict(re.findall(r"(\w+)=([\d./]+)", text))
    last = {name: f"{history[name][-1]:.4f}" for name in ("loss", "val_loss", "val_accuracy")}
    assert shown == {"epoch": "3/3", **last}


NOTEBOOK_WITHOUT_WIDGETS = """
import sys
import types

sys.modules["ipywidgets"] = None
sys.modules["ipykernel.zmqshell"] = types.ModuleType("zmqshell")
sys.modules["IPython"] = types.ModuleType("IPython")
sys.modules["IPython"].get_ipython = object
import seqnn

seqnn.Word2Vec([["a", "b", "c"]] * 100, min_count=1, vector_size=4, epochs=2)
"""


def test_a_notebook_without_widgets_gets_a_bar_of_text_and_no_warning():
    command = [sys.executable, "-W", "always", "-c", NOTEBOOK_WITHOUT_WIDGETS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "600/600" in done.stderr and "TqdmWarning" not in done.stderr
