"""The modes of the original fastText but for the training of vectors, with its spellings: `seqnn fasttext supervised` etc."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from ..embed import load_facebook_vectors
from ..models import TUNED, FastTextClassifier
from ._classifying import describe_search, load, print_predictions, print_scores, size_of
from ._fasttext_queries import analogies, nearest, ngram_vectors, sentence_vectors, word_vectors
from ._shell import Shell, source, typed
from ._training import check_targets, write_vectors

MEANING = {
    "lr": "alpha", "dim": "vector_size", "epoch": "epochs", "minCount": "min_count", "minCountLabel": "min_count_label",
    "minn": "min_n", "maxn": "max_n", "neg": "negative", "wordNgrams": "word_ngrams", "loss": "loss", "bucket": "bucket",
    "thread": "workers", "label": "label_prefix", "pretrainedVectors": "pretrained", "seed": "random_state",
}  # fmt: skip
"""The original's options of training, and the settings that they are."""

AUTOTUNE = {
    "autotune-validation": "validation", "autotune-metric": "metric", "autotune-predictions": "predictions",
    "autotune-duration": "duration", "autotune-modelsize": "model_size",
}  # fmt: skip
"""The original's options of a search, and the arguments of `autotune`."""

_WITHOUT_EFFECT = {"t", "ws", "lrUpdateRate", "saveOutput", "verbose"}

SWITCHES = ("qnorm", "qout", "retrain")
"""The original's options without a value."""


def _needed(given: Mapping[str, Any], *names: str) -> list[Any]:
    for name in names:
        if name not in given:
            raise ValueError(f"-{name}: expected a file")
    return [given[name] for name in names]


def _settings(given: Mapping[str, Any], *more: str) -> dict[str, Any]:
    known = {*MEANING, *more, *_WITHOUT_EFFECT, "input", "output"}
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"-{unknown[0]}: not an option of this mode")
    return {MEANING[name]: value for name, value in given.items() if name in MEANING}


def supervised(arguments: argparse.Namespace, words: list[str], given: dict[str, Any]) -> None:
    """Train; write .bin and .vec."""
    _count(words, 0, 0, "-input FILE -output NAME and options")
    text, base = _needed(given, "input", "output")
    tuning = {name: given[option] for option, name in AUTOTUNE.items() if option in given}
    if tuning and "validation" not in tuning:
        raise ValueError("-autotune-validation: expected a file")
    small = "model_size" in tuning
    outputs = [f"{base}.ftz", f"{base}.bin"] if small else [f"{base}.bin", f"{base}.vec"]
    check_targets(arguments, outputs, [source(path) for path in (text, tuning.get("validation")) if path])
    shell = Shell(quiet=given.get("verbose", 2) == 0)
    model = FastTextClassifier(**_settings(given, *AUTOTUNE), verbose=shell.bars)
    if tuning:
        fixed = [name for option, name in MEANING.items() if option in given and name in TUNED]
        held = source(tuning.pop("validation"))
        model.autotune(source(text), validation=held, **tuning, fixed=fixed)
        shell.say(describe_search(model))
    else:
        model.fit(source(text))
    if small and model.model_.quantized is None:  # too few words for that
        outputs.reverse()
    model.save(outputs[0])
    if not small:
        write_vectors(load_facebook_vectors(outputs[0]), outputs[1], "text")
    d = model.model_.dictionary
    shell.say(
        f"{len(d.words):,} words, {len(d.labels):,} labels; loss {model.history_.get('loss', [float('nan')])[-1]:.4f}"
    )
    shell.say(size_of(outputs[0]))
    shell.close()


def quantize(arguments: argparse.Namespace, words: list[str], given: dict[str, Any]) -> None:
    """Read .bin; write .ftz."""
    _count(words, 0, 0, "-output NAME and options")
    (base,) = _needed(given, "output")
    switches = {name: given.pop(name, False) for name in SWITCHES}
    sizes = {name: given.pop(name) for name in ("cutoff", "dsub") if name in given}
    check_targets(arguments, [f"{base}.ftz"], [f"{base}.bin"])
    shell = Shell(quiet=given.get("verbose", 2) == 0)
    model = FastTextClassifier.load(f"{base}.bin", **_settings(given))
    text = source(_needed(given, "input")[0]) if switches["retrain"] else None
    model.quantize(text, **switches, **sizes).save(f"{base}.ftz")
    shell.say(size_of(f"{base}.ftz"))
    shell.close()


def _count(words: list[str], least: int, most: int, expected: str) -> None:
    if not least <= len(words) <= most:
        raise ValueError(f"expected {expected}, got {' '.join(words) or 'nothing'}")


def _number(words: list[str], place: int, kind: Callable[[str], Any], default: Any, name: str) -> Any:
    try:
        return kind(words[place]) if len(words) > place else default
    except ValueError:
        raise ValueError(f"{name}: expected a number, got {words[place]!r}") from None


def _predict(words: list[str], *, probabilities: bool) -> None:
    _count(words, 2, 4, "MODEL FILE [K] [THRESHOLD]")
    k, threshold = _number(words, 2, int, 1, "K"), _number(words, 3, float, 0.0, "THRESHOLD")
    print_predictions(load(words[0]), [words[1]], k, threshold, probabilities=probabilities)


def _test(words: list[str], *, labels: bool) -> None:
    _count(words, 2, 4, "MODEL FILE [K] [THRESHOLD]")
    k, threshold = _number(words, 2, int, 1, "K"), _number(words, 3, float, 0.0, "THRESHOLD")
    print_scores(load(words[0]), words[1], k, threshold, labels=labels)


def _query(words: list[str], answer: Callable[[str, int], None], expected: str) -> None:
    _count(words, 1, 2, f"MODEL [K], and {expected} on the standard input")
    k = _number(words, 1, int, 10, "K")
    if k < 1:
        raise ValueError(f"K: expected an integer >= 1, got {k}")
    answer(words[0], k)


def _printed(words: list[str], answer: Callable[[str], None], expected: str) -> None:
    _count(words, 1, 1, f"MODEL, and {expected} on the standard input")
    answer(words[0])


def _ngrams(words: list[str]) -> None:
    _count(words, 2, 2, "MODEL WORD")
    ngram_vectors(words[0], typed(words[1]))


MODES: dict[str, Callable[[argparse.Namespace, list[str], dict[str, Any]], None]] = {
    "supervised": supervised,
    "quantize": quantize,
    "predict": lambda arguments, words, given: _predict(words, probabilities=False),
    "predict-prob": lambda arguments, words, given: _predict(words, probabilities=True),
    "test": lambda arguments, words, given: _test(words, labels=False),
    "test-label": lambda arguments, words, given: _test(words, labels=True),
    "print-sentence-vectors": lambda arguments, words, given: _printed(words, sentence_vectors, "texts"),
    "print-word-vectors": lambda arguments, words, given: _printed(words, word_vectors, "words"),
    "print-ngrams": lambda arguments, words, given: _ngrams(words),
    "nn": lambda arguments, words, given: _query(words, nearest, "words"),
    "analogies": lambda arguments, words, given: _query(words, analogies, "three words A B C each"),
}
"""What each mode does with the words after it and the options that were given."""
