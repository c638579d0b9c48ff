"""What `seqnn classify` and the modes of `seqnn fasttext` for labels have in common: predictions and scores, printed."""

from __future__ import annotations

import math
import os
from itertools import islice

from ..models import TUNED, FastTextClassifier
from ._actions import lines_of
from ._shell import Shell, source

_LINES = 1 << 12
"""Lines that are classified in one step."""

BYTES = "surrogateescape"
"""Bytes that are no UTF-8 stay what they are: a model may know such words."""


def load(path: str) -> FastTextClassifier:
    """Load a classifier, of our own or of the original's."""
    return FastTextClassifier.load(source(path))


def print_predictions(
    model: FastTextClassifier, files: list[str], k: int, threshold: float, *, probabilities: bool, prefix: bool = True
) -> None:
    """Print the best labels of each line of some files."""
    shell, lines, start = Shell(), lines_of(files, BYTES), 0 if prefix else len(model.label_prefix)
    while chunk := list(islice(lines, _LINES)):
        for labels, values in zip(*model.predict_top(chunk, k, threshold), strict=True):
            names = (label[start:] if label.startswith(model.label_prefix) else label for label in labels)
            pairs = zip(names, values.tolist(), strict=True)
            shell.result(" ".join(f"{label} {value:.6g}" if probabilities else label for label, value in pairs))
        if shell.error is not None:
            break
    shell.close()


def print_vectors(model: FastTextClassifier, files: list[str]) -> None:
    """Print the vector of each line of some files."""
    shell, lines = Shell(), lines_of(files, BYTES)
    while chunk := list(islice(lines, _LINES)):
        for vector in model.transform(chunk).tolist():
            shell.result(" ".join(f"{value:.5g}" for value in vector))
        if shell.error is not None:
            break
    shell.close()


def print_scores(model: FastTextClassifier, file: str, k: int, threshold: float, *, labels: bool) -> None:
    """Print precision and recall, as the original does; of each label as well where this is asked for."""
    scores, shell = model.test(source(file), k=k, threshold=threshold), Shell()
    rows = sorted(scores.labels.items(), key=lambda item: -item[1]["true"]) if labels else []
    for label, row in rows:
        figures = (
            f"{name} : {_figure(row[key])}  "
            for name, key in (("F1-Score", "f1"), ("Precision", "precision"), ("Recall", "recall"))
        )
        shell.result(f"{''.join(figures)} {model.label_prefix}{label}")
    shell.result(f"N\t{scores.examples}")
    shell.result(f"P@{k}\t{scores.precision:.3f}")
    shell.result(f"R@{k}\t{scores.recall:.3f}")
    shell.close()


def _figure(value: float) -> str:
    return "--------" if math.isnan(value) else f"{value:.6f}"


def describe_search(model: FastTextClassifier) -> str:
    """Return a line about a search for settings."""
    score = max(trial["score"] for trial in model.trials_ if not math.isnan(trial["score"]))
    chosen = ", ".join(f"{name}={getattr(model, name):.4g}" for name in TUNED)
    return f"{len(model.trials_)} trials, best score {score:.4f}: {chosen}"


def size_of(path: str) -> str:
    """Return a line about a written file."""
    return f"{path}: {os.path.getsize(path) / 1e6:.1f} MB" if os.path.isfile(path) else path
