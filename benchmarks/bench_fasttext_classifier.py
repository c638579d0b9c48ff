"""Classifiers of texts: training from a file to a file against the original program, predictions against a fork of its own."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import peers
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.torch_peer import ours
from seqnn.data import python_docs
from seqnn.models import FastTextClassifier

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
BAND = 0.02
"""Three standard deviations of the share of about 1,000 texts, and what threads and seeds do."""


@dataclass(frozen=True)
class Task:
    """Files of texts with labels, and how they are learnt."""

    name: str
    train: Path
    test: Path
    settings: dict


def cases(options: Options) -> Iterator[Case]:
    """Yield trainings, then predictions."""
    tasks = list(made_tasks(options.folder, 10 if options.quick else 1))
    for threads in options.threads:
        for task in tasks:
            lines = task.train.read_text(encoding="utf-8").count("\n")
            yield Case(
                f"train: {task.name}",
                trained(task, threads, options.folder),
                {"fastText": original(task, threads, options.folder)},
                check=same_precision, work=lines, work_unit="texts", threads=threads, data=task.train.stem,
                goals={"fastText": 5},
            )  # fmt: skip
        for task in tasks[:2]:
            path = options.folder / f"{task.train.stem}.bin"
            FastTextClassifier(**task.settings).fit(task.train).save(path)
            yield from predictions(f"predict: {task.name}", path, texts_of(task.test), threads)
        if identifier := peers.at_hand("SEQNN_LID"):
            yield from predictions("identify a language", Path(identifier), captions(options.quick), threads)


def made_tasks(folder: Path, part: int) -> Iterator[Task]:
    """Write the files; without the shared data both are made from Python's documentation."""
    docs = [" ".join(words) for words in python_docs() if len(words) > 5]
    polarity, words = [], []
    if (SHARED / "sentiment").exists():
        for name in ("pos", "neg"):
            lines = (SHARED / "sentiment" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
            polarity += [f"__label__{name} {line}" for line in lines]
        docs = (SHARED / "multi30k" / "train.en").read_text(encoding="utf-8").splitlines()
    else:
        polarity = [f"__label__{'self' in line} {line}" for line in docs]
    for line in docs:
        tokens = line.removesuffix(".").split()
        words.append(f"__label__{tokens[-1]} {' '.join(tokens[:-1])}")
    settings = {"alpha": 0.3, "word_ngrams": 2, "bucket": 200_000}
    yield written(folder, "polarity", polarity[::part], "two labels, softmax, bigrams", settings)
    yield written(folder, "polarity", polarity[::part], "two labels, ova, bigrams", settings | {"loss": "ova"})
    letters = {"alpha": 0.3, "min_n": 2, "max_n": 4, "bucket": 200_000}
    yield written(folder, "polarity", polarity[::part], "two labels, softmax, letters", letters)
    yield written(folder, "last-word", words[::part], "last word, hs", {"alpha": 0.3, "loss": "hs"})
    yield written(folder, "last-word", words[::part], "last word, ns", {"alpha": 0.3, "loss": "ns"})
    yield written(folder, "last-word", words[::part], "last word, softmax", {"alpha": 0.3})


def written(folder: Path, stem: str, lines: list[str], name: str, settings: dict) -> Task:
    """Write nine tenths of the lines for training and a tenth for the test."""
    random.Random(0).shuffle(lines := list(lines))
    held = len(lines) // 10
    paths = folder / f"{stem}.train", folder / f"{stem}.test"
    for path, some in zip(paths, (lines[held:], lines[:held]), strict=True):
        path.write_text("\n".join(some) + "\n", encoding="utf-8")
    return Task(name, *paths, settings)


def texts_of(path: Path) -> list[str]:
    """Return the texts of a file without their labels."""
    return [line.split(" ", 1)[1] for line in path.read_text(encoding="utf-8").splitlines() if " " in line]


def captions(quick: bool) -> list[str]:
    """Return short texts in two languages."""
    if not (SHARED / "multi30k").exists():
        return [" ".join(words) for words in python_docs()][: 500 if quick else 20_000]
    found = []
    for language in ("en", "de"):
        found += (SHARED / "multi30k" / f"train.{language}").read_text(encoding="utf-8").splitlines()
    return found[:: 50 if quick else 3]


def trained(task: Task, threads: int, folder: Path) -> Callable[[], Measured]:
    """Return our side: the time from the file to a file."""

    def side() -> Measured:
        begin = time.perf_counter()
        model = FastTextClassifier(**task.settings, workers=threads).fit(task.train)
        model.save(folder / "ours.bin")
        return Measured(time.perf_counter() - begin, model.test(task.test).precision)

    return side


NAMES = {
    "alpha": "lr",
    "word_ngrams": "wordNgrams",
    "min_n": "minn",
    "max_n": "maxn",
    "bucket": "bucket",
    "loss": "loss",
}


def original(task: Task, threads: int, folder: Path) -> Callable[[], Measured] | None:
    """Return the side of the original program."""
    program = peers.at_hand("SEQNN_FASTTEXT")
    if not program:
        return None
    command = [
        program,
        "supervised",
        "-input",
        task.train,
        "-output",
        folder / "theirs",
        "-thread",
        threads,
        "-verbose",
        0,
    ]
    for name, value in task.settings.items():
        command += [f"-{NAMES[name]}", value]

    def side() -> Measured:
        begin = time.perf_counter()
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        seconds = time.perf_counter() - begin
        return Measured(seconds, FastTextClassifier.load(folder / "theirs.bin").test(task.test).precision)

    return side


def same_precision(mine: float, theirs: float) -> float:
    """Check that we are not worse; return the difference."""
    assert mine > theirs - BAND, (mine, theirs)
    return mine - theirs


def predictions(name: str, path: Path, texts: list[str], threads: int) -> Iterator[Case]:
    """Yield the case of one model: many texts in one call against one call for each."""
    model = FastTextClassifier.load(path)
    yield Case(
        f"{name}: {len(texts)} texts",
        ours(lambda: model.predict_top(texts), threads),
        {"fasttext-predict": fork(path, texts)},
        check=same_labels, work=len(texts), work_unit="texts", threads=threads, goals={"fasttext-predict": 2},
    )  # fmt: skip


def fork(path: Path, texts: list[str]) -> Callable[[], Measured] | None:
    """Return the side of the package."""
    if not peers.installed("fasttext"):
        return None
    import fasttext

    model = fasttext.load_model(str(path))

    def predict() -> tuple[list, list]:
        pairs = [model.predict(text) for text in texts]
        return [list(labels) for labels, _ in pairs], [values for _, values in pairs]

    return timed(predict)


def same_labels(mine: tuple, theirs: tuple) -> float:
    """Check labels where they are not tied; return the largest difference of a probability."""
    difference = np.abs(np.concatenate(mine[1]) - np.concatenate(theirs[1])).max()
    assert difference < 1e-4, difference
    wrong = sum(a != b for a, b in zip(mine[0], theirs[0], strict=True))
    assert wrong <= len(mine[0]) / 500, wrong
    return float(difference)
