"""GLUE: an encoder is fine-tuned for one of its tasks, scored, and its answers are written for the leaderboard."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import ops, random
from ..autograd import Tensor
from ..metrics import Examples, glue_classes, glue_score, read_glue, write_glue
from ..models import ClassificationHead, WithHead
from ..pretrained import fine_tune
from ._reading import Reader, answers, network_with

__all__ = ["GLUEResult", "run_glue"]

TASKS = ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI")
_DIAGNOSTIC = ("AX/diagnostic.tsv", "AX/test.tsv", "diagnostic/diagnostic.tsv")
"""Where the diagnostic set is that a model of MNLI answers, seen from the folder of all tasks."""


@dataclass(frozen=True)
class GLUEResult:
    """Scores, answers and the network of a task: what `run_glue` returns.

    Args:
        task: its name.
        scores: the figures of `metrics.glue_score` on each development set by its name, as `metrics.glue_average` takes them.
        predictions: the answers to each test set by its name: numbers of classes, or numbers.
        history: of the fine-tuning, a list for each figure, one value an epoch.
        network: the fine-tuned encoder with its head.

    >>> import tempfile
    >>> import numpy as np
    >>> from seqnn.evaluate import GLUEResult
    >>> result = GLUEResult("RTE", {"RTE": {"accuracy": 0.7}}, {"RTE": np.array([0, 1])}, {}, None)
    >>> [path[-7:] for path in result.write(tempfile.mkdtemp())]
    ['RTE.tsv']
    """

    task: str
    scores: dict[str, dict[str, float]]
    predictions: dict[str, np.ndarray]
    history: dict[str, list[Any]]
    network: WithHead | None

    def write(self, folder: str | os.PathLike) -> list[str]:
        """Write the answers to the test sets as the leaderboard takes them, one file each.

        Args:
            folder: it is made where it does not exist.

        Returns:
            The paths of the files; none where there was no test set.
        """
        return [write_glue(name, folder, predictions) for name, predictions in self.predictions.items()]


def run_glue(
    model: Any,
    task: str,
    folder: str | os.PathLike,
    *,
    tokenizer: Any = None,
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float = 3e-5,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    max_length: int = 128,
    malformed: Literal["raise", "skip"] = "raise",
    seed: int = 0,
    verbose: int = 1,
) -> GLUEResult:
    """Fine-tune an encoder for a task of GLUE, score it on the development set, and answer the test set.

    The model that is given stays as it is. A class is told from the first token of a BERT (its pooler goes on learning),
    the last one of a GPT, the mean of a T5; STS-B's number is brought to 0 to 5.

    Args:
        model: one of `seqnn.pretrained` with a tokenizer, or a `models.BERT`, `GPT` or `T5` with `tokenizer`.
        task: "CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE" or "WNLI", in any spelling.
        folder: with train.tsv, dev.tsv and, if there is one, test.tsv, as GLUE's archives have them (MNLI: dev_matched.tsv,
            dev_mismatched.tsv and so on); or the folder above, whose folders are called like the tasks. MNLI's model also
            answers the diagnostic set, AX/diagnostic.tsv.
        tokenizer: a `text.SubwordTokenizer` that adds special tokens; default: that of the model.
        epochs: passes over the examples.
        batch_size: examples of a step.
        learning_rate: the largest one.
        warmup: share of the steps in which the learning rate rises; then it falls to 0.
        weight_decay: of matrices.
        max_length: the most tokens of a text or pair; the longer text of a pair is cut first.
        malformed: as for `metrics.read_glue`, of the files with labels.
        seed: of the head, the order of the examples, and dropout.
        verbose: 0 shows no bar.

    Returns:
        Scores, answers, history and the network.

    Raises:
        FileNotFoundError: train.tsv or dev.tsv is not there.
        ValueError: an unknown task, a file that is not as it should be (with its line), no tokenizer.

    Source: Wang et al., "GLUE: a multi-task benchmark and analysis platform for natural language understanding", 2018.

    >>> from seqnn.evaluate import run_glue
    >>> from seqnn.models import BERT
    >>> from seqnn.text import SubwordTokenizer
    >>> tokenizer = SubwordTokenizer.train(["it rains"] * 9, vocab_size=300)
    >>> run_glue(BERT(300, d_model=8, nhead=2, num_layers=1), "RTE", "no such folder", tokenizer=tokenizer)
    Traceback (most recent call last):
    FileNotFoundError: no such folder: expected train.tsv of RTE, in it or in its folder RTE
    """
    name = _task(task)
    place = _place(Path(folder), name)
    reader = Reader(model, tokenizer)
    train = _read(name, place / "train.tsv", malformed)
    dev = {part: _read(name, place / file, malformed) for part, file in _files(name, "dev").items()}
    test = {part: _read(name, path, None) for part, path in _tests(place, name).items()}
    classes = glue_classes(name)
    with random.seeded(seed):
        head = ClassificationHead(
            reader.width, max(1, len(classes)), pooling=reader.pooling, dense=reader.pooling == "first"
        )
        network = network_with(reader, head)
    history = fine_tune(
        network, reader.rows(_columns(train), max_length), np.asarray(train.labels, np.int64 if classes else np.float32),
        ops.cross_entropy if classes else _squared, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, warmup=warmup, weight_decay=weight_decay, seed=seed, verbose=verbose,
        decay=None, validation=None, callbacks=(),
    )  # fmt: skip

    def predict(examples: Examples) -> np.ndarray:
        rows = reader.rows(_columns(examples), max_length)
        logits = np.stack(answers(network, rows, batch_size))
        return logits.argmax(axis=1) if classes else logits[:, 0].clip(0, 5)

    scores = {part: glue_score(part, predict(examples), examples.labels) for part, examples in dev.items()}
    return GLUEResult(name, scores, {part: predict(examples) for part, examples in test.items()}, history, network)


def _task(task: str) -> str:
    """Return the leaderboard's name of a task in any spelling."""
    plain = "".join(c for c in task.lower() if c.isalnum()) if isinstance(task, str) else task
    found = next((name for name in TASKS if name.lower().replace("-", "") == plain), None)
    if found is None:
        raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {task!r}")
    return found


def _place(folder: Path, name: str) -> Path:
    """Return the folder of a task."""
    for place in (folder, folder / name):
        if (place / "train.tsv").is_file():
            return place
    raise FileNotFoundError(f"{folder}: expected train.tsv of {name}, in it or in its folder {name}")


def _read(name: str, path: Path, malformed: Literal["raise", "skip"] | None) -> Examples:
    """Return the examples of a file, which has labels; malformed=None: of a test set, which needs none, and all lines count."""
    examples = read_glue(name, path, malformed=malformed or "raise")
    if not len(examples):
        raise ValueError(f"{path}: expected examples of {name}, got none")
    if malformed is not None and examples.labels is None:
        raise ValueError(f"{path}: expected examples of {name} with labels, got none with one")
    return examples


def _files(name: str, kind: str) -> dict[str, str]:
    """Return the files of development or test sets by the names of the sets."""
    if name != "MNLI":
        return {name: f"{kind}.tsv"}
    return {"MNLI-m": f"{kind}_matched.tsv", "MNLI-mm": f"{kind}_mismatched.tsv"}


def _tests(place: Path, name: str) -> dict[str, Path]:
    """Return the test sets that there are."""
    found = {part: place / file for part, file in _files(name, "test").items()}
    found = {part: path for part, path in found.items() if path.is_file()}
    if name == "MNLI":
        paths = [*(place.parent / path for path in _DIAGNOSTIC), place / "diagnostic.tsv"]
        found.update([("AX", path) for path in paths if path.is_file()][:1])
    return found


def _columns(examples: Examples) -> list[list[str]]:
    return [*examples.texts.values()]


def _squared(output: Tensor, target: np.ndarray) -> Tensor:
    return ops.mse_loss(output[:, 0], target)
