"""A tagger over features: training and tagging of named entities, against CRFsuite."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.torch_peer import ours
from seqnn.metrics import span_f1
from seqnn.models import CRFTagger
from seqnn.models._crf_items import read_items, read_labels
from seqnn.models._crf_training import Training, train_lbfgs
from seqnn.text import Scanner

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "ner_es"
STEPS = 10
SETTINGS = {"c1": 0.1, "c2": 0.05, "all_possible_transitions": True}

Item = dict[str, Any]


def sentences(name: str, count: int) -> list[list[tuple[str, str, str]]]:
    """Return (word, part of speech, tag) of the first sentences of a file, or of made ones where it is not at hand."""
    if not (FOLDER / name).exists():
        return made(count)
    texts = (FOLDER / name).read_text(encoding="utf-8").strip().split("\n\n")[:count]
    return [[tuple(line.split()) for line in text.splitlines() if line.strip()] for text in texts]


def made(count: int) -> list[list[tuple[str, str, str]]]:
    """Return sentences of made words, whose first letters tell something of their tags."""
    rng = np.random.default_rng(0)
    kinds = {"O": ("VN", "abcdef"), "B-PER": ("NP", "GHI"), "B-LOC": ("NP", "IJK")}
    found = []
    for _ in range(count):
        tags = rng.choice([*kinds], rng.integers(5, 40), p=[0.8, 0.1, 0.1]).tolist()
        words = [f"{rng.choice([*kinds[tag][1]])}{rng.integers(2000)}" for tag in tags]
        found.append([(word, kinds[tag][0], tag) for word, tag in zip(words, tags, strict=True)])
    return found


def features(sentence: list[tuple[str, str, str]]) -> list[Item]:
    """Return what is usual of each word and its neighbours."""
    return [
        {"bias": 1.0, "suffix": sentence[i][0][-3:], "suffix 2": sentence[i][0][-2:], "digit": sentence[i][0].isdigit()}
        | beside(sentence, i, "")
        | (beside(sentence, i - 1, "-1:") if i else {"first": True})
        | (beside(sentence, i + 1, "+1:") if i + 1 < len(sentence) else {"last": True})
        for i in range(len(sentence))
    ]


def beside(sentence: list[tuple[str, str, str]], i: int, prefix: str) -> Item:
    """Return features of a word, by names with a prefix."""
    word, part, _ = sentence[i]
    return {
        f"{prefix}word": word.lower(), f"{prefix}title": word.istitle(), f"{prefix}upper": word.isupper(),
        f"{prefix}part": part, f"{prefix}part 2": part[:2],
    }  # fmt: skip


def cases(options: Options) -> Iterator[Case]:
    """Yield training from dicts, the steps alone, and tagging."""
    count = 200 if options.quick else 2500
    train, test = sentences("esp.train", count), sentences("esp.testa", count // 3)
    x, y = [features(s) for s in train], [[tag for _, _, tag in s] for s in train]
    xt, gold = [features(s) for s in test], [[tag for _, _, tag in s] for s in test]
    items, data = sum(map(len, x)), "named entities of Spanish news"
    for threads in options.threads:
        yield Case(
            f"steps of L-BFGS, {items:,} items",
            our_steps(x, y, threads),
            {"CRFsuite": their_steps(x, y)},
            check=same_losses, unit="s a step", work=items, work_unit="items", threads=threads, data=data,
            goals={"CRFsuite": 1.8 if threads == 1 else 4},
        )  # fmt: skip
        yield Case(
            f"{3 * STEPS} steps from dicts to tags",
            ours(lambda: our_f1(x, y, xt, gold), threads),
            {"CRFsuite": their_f1(x, y, xt, gold)},
            check=same_f1, threads=threads, data=data, repeat=1,
        )  # fmt: skip
        model = quiet_fit(x, y, STEPS)
        tokens = sum(map(len, xt))
        yield Case(
            f"tagging of {tokens:,} items from dicts",
            ours(lambda model=model: model.predict(xt), threads),
            {"CRFsuite": their_tags(model, xt)},
            check=same_tags, work=tokens, work_unit="items", threads=threads, data=data, goals={"CRFsuite": 4},
        )  # fmt: skip


def quiet_fit(x: list, y: list, steps: int) -> CRFTagger:
    """Train without the warning that it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CRFTagger(**SETTINGS, max_iterations=steps).fit(x, y)


def our_steps(x: list, y: list, threads: int) -> Callable[[], Measured]:
    """Return a side that trains on what has been read, and says how long a step took."""
    tagger = CRFTagger(**SETTINGS, max_iterations=STEPS)
    scanner = Scanner()
    items = read_items(x, scanner.add, zeros=True)
    classes, tags = read_labels(y, items.lengths)
    training = Training(items, tags, scanner, len(classes), tagger._begin())

    def measure() -> Measured:
        with seqnn.threads(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            _, history = train_lbfgs(training, tagger._begin())
            return Measured((time.perf_counter() - start) / STEPS, history["loss"])

    return measure


def their_trainer(x: list, y: list, steps: int) -> Any:
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for items, labels in zip(x, y, strict=True):
        trainer.append(items, labels)
    names = {"all_possible_transitions": "feature.possible_transitions"}
    trainer.set_params({names.get(name, name): value for name, value in SETTINGS.items()} | {"max_iterations": steps})
    return trainer


def their_steps(x: list, y: list) -> Callable[[], Measured] | None:
    """Return how long CRFsuite's steps took, by its log."""
    if not installed("pycrfsuite"):
        return None

    def measure() -> Measured:
        trainer = their_trainer(x, y, STEPS)
        with tempfile.NamedTemporaryFile() as file:
            start, start_cpu = time.perf_counter(), time.process_time()
            trainer.train(file.name)
            wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        log = trainer.logparser.iterations
        share = sum(step["time"] for step in log) / cpu  # the log has the processor's time
        return Measured(share * wall / STEPS, [step["loss"] for step in log])

    return measure


def our_f1(x: list, y: list, xt: list, gold: list) -> float:
    return span_f1(gold, quiet_fit(x, y, 3 * STEPS).predict(xt), mode="conlleval").f1


def their_f1(x: list, y: list, xt: list, gold: list) -> Callable[[], Measured] | None:
    """Return CRFsuite's F1 after the same training."""
    if not installed("pycrfsuite"):
        return None
    import pycrfsuite

    def measure() -> float:
        with tempfile.NamedTemporaryFile() as file:
            their_trainer(x, y, 3 * STEPS).train(file.name)
            tagger = pycrfsuite.Tagger()
            tagger.open(file.name)
            return span_f1(gold, [tagger.tag(items) for items in xt], mode="conlleval").f1

    return timed(measure)


def their_tags(model: CRFTagger, x: list) -> Callable[[], Measured] | None:
    """Return CRFsuite's tags with the same weights."""
    if not installed("pycrfsuite"):
        return None
    import pycrfsuite

    tagger = pycrfsuite.Tagger()
    with tempfile.NamedTemporaryFile() as file:
        model.save_crfsuite(file.name)
        tagger.open(file.name)
    return timed(lambda: [tagger.tag(items) for items in x])


def same_losses(ours: list[float], theirs: list[float]) -> float:
    """Check the loss after each step."""
    error = float(np.abs(np.array(ours) / np.array(theirs) - 1).max())
    assert error < 1e-6, f"losses differ by {error}"
    return error


def same_f1(ours: float, theirs: float) -> float:
    """Check F1."""
    assert abs(ours - theirs) < 0.002, f"F1 {ours} and {theirs}"
    return abs(ours - theirs)


def same_tags(ours: list, theirs: list) -> float:
    """Check all tags."""
    assert ours == theirs, "tags differ"
    return 0.0
