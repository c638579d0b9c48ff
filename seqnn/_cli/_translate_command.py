"""The command `seqnn translate`: train a translator on parallel files, translate lines, score translations."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from .._arguments import integer
from ..metrics import bleu
from ..models import Seq2Seq
from ..text import split_words
from ._actions import add_action, add_group
from ._lines import read_lines, read_parallel
from ._options import add_settings, offered
from ._shell import Shell
from ._training import check_targets, megabytes

_SPELLED = (
    "cell",
    "attention",
    "bidirectional",
    "tokenizer",
    "embedding",
    "target_embedding",
    "freeze",
    "random_state",
)
_SCORES = ("additive", "general", "dot", "scaled_dot", "cosine", "none")
_FILES = "Files hold a sentence a line, words separated by white space; plain or packed (.gz, .bz2, .xz)."


def add_command(commands: Any) -> None:
    """Add the sub-command, with its own sub-commands, to those of a parser."""
    actions = add_group(
        commands, "translate",
        help="train translators, translate, score translations",
        description="Train a recurrent encoder and decoder with attention on parallel texts, translate, score translations.",
        examples="  seqnn translate train train.de train.en -o model --validation val.de val.en\n"
        "  seqnn translate run model test.de > out.en\n  seqnn translate evaluate model test.de test.en",
    )  # fmt: skip
    _add_train(actions)
    _add_run(actions)
    _add_evaluate(actions)


def _add_train(actions: Any) -> None:
    train = add_action(
        actions, "train", f"Learn to translate from two files. {_FILES}",
        "  seqnn translate train train.de train.en -o model --validation val.de val.en --hidden-size 256\n"
        "  seqnn translate train dates.txt iso.txt -o dates --characters --max-iter 5\n"
        "  seqnn translate train a.de a.en b.de b.fr --target-language en --target-language fr -o model",
        run_train, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    train.add_argument(
        "--characters", action="store_true", default=False, help="read and write characters instead of words"
    )
    train.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="the sentences to translate, and a translation in each line; more such pairs for more languages",
    )
    train.add_argument(
        "--target-language",
        metavar="NAME",
        action="append",
        help="what the translations of a pair of files are written in, where one model learns several languages: once for "
        "each pair, in their order",
    )
    train.add_argument("-o", "--output", metavar="FILE", required=True, help="the model")
    train.add_argument(
        "--validation",
        metavar="FILE",
        nargs=2,
        action="append",
        help="two files whose loss and BLEU are told each epoch; of several languages two for each pair, in their order",
    )
    train.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="equal seeds give equal models (default 0)")
    train.add_argument("--cell", choices=("rnn", "lstm", "gru"), default="gru", help="of both sides (default gru)")
    train.add_argument("--attention", choices=_SCORES, default="additive", help="the score (default additive)")
    train.add_argument(
        "--one-direction", action="store_false", default=True, dest="bidirectional", help="read from left to right only"
    )
    add_settings(train, Seq2Seq, spelled=_SPELLED)


def run_train(arguments: argparse.Namespace) -> None:
    """Train, write, tell."""
    validation = getattr(arguments, "validation", [])
    files, languages = _pairs_of(arguments.files, validation, getattr(arguments, "target_language", []))
    check_targets(arguments, [arguments.output], [path for pair in files + validation for path in pair])
    tokenize = list if arguments.characters else split_words
    texts, held = (_read_pairs(pairs, languages, tokenize) for pairs in (files, validation))
    shell = Shell(quiet=arguments.quiet)
    settings = {name: getattr(arguments, name) for name in offered(Seq2Seq) if hasattr(arguments, name)}
    settings["attention"] = None if arguments.attention == "none" else arguments.attention
    model = Seq2Seq(**settings, tokenizer=tokenize, random_state=arguments.seed, verbose=shell.bars)
    began = time.perf_counter()
    model.fit(*texts[:2], target_language=texts[2] if languages else None, validation=held if validation else None)
    seconds = time.perf_counter() - began
    words = " and ".join(f"{sum(map(len, side)):,}" for side in texts[:2])
    written = f", to write {', '.join(sorted(set(languages)))}" if languages else ""
    shell.say(f"read {len(texts[0]):,} pairs of {words} {'characters' if arguments.characters else 'words'}{written}")
    shell.say(f"{model.n_iter_} epochs ({seconds:.1f} s), loss {model.history_['loss'][-1]:.4f}")
    if validation:
        best = int(np.argmin(model.history_["val_loss"]))
        told = ", ".join(f"{name} {model.history_[f'val_{name}'][best]:.4g}" for name in ("loss", "bleu"))
        shell.say(f"validation, epoch {best + 1}: {told}")
    model.save(arguments.output)
    shell.say(megabytes(arguments.output, "the model"))
    shell.close()


def _pairs_of(files: list[str], validation: list[list[str]], languages: list[str]) -> tuple[list[list[str]], list[str]]:
    """Return the pairs of files of a training, and the language of each pair; a ValueError where these do not go together."""
    if len(files) % 2:
        raise ValueError(f"FILE: expected pairs, SOURCE TARGET, got {len(files)} files: {', '.join(files)}")
    pairs = [files[i : i + 2] for i in range(0, len(files), 2)]
    if len(languages) != len(pairs) and (languages or len(pairs) > 1):
        raise ValueError(
            f"--target-language: expected one for each of {len(pairs)} pairs of files, got {len(languages)}"
        )
    if "" in languages:
        raise ValueError("--target-language: expected a name such as en, got an empty one")
    if validation and len(validation) != len(pairs):
        raise ValueError(f"--validation: expected one for each of {len(pairs)} pairs of files, got {len(validation)}")
    return pairs, languages


def _read_pairs(pairs: list[list[str]], languages: list[str], tokenize: Callable[[str], list[str]]) -> tuple:
    """Return the sentences of all pairs of files and their translations, as tokens; where there are languages, that of each."""
    sides: tuple[list, list, list] = [], [], []
    for (source, target), language in zip_longest(pairs, languages[: len(pairs)]):
        read = read_parallel(source, target)
        for side, lines in zip(sides[:2], read, strict=True):
            side += map(tokenize, lines)
        sides[2].extend([language] * len(read[0]))
    return sides if languages else sides[:2]


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num-beams", type=int, default=1, metavar="K", help="beams of the search (default 1: greedy)")
    parser.add_argument(
        "--length-penalty", type=float, default=1.0, metavar="X", help="the exponent of the length of beams (default 1)"
    )
    parser.add_argument("--max-length", type=int, metavar="N", help="most words; default: those of the training")
    parser.add_argument(
        "--target-language",
        metavar="NAME",
        help="what to write, by a model whose fit was told the languages of its texts",
    )


def _add_run(actions: Any) -> None:
    run = add_action(
        actions, "run", f"Translate lines. Without a FILE lines are read from the standard input. {_FILES}",
        "  seqnn translate run model test.de > out.en\n  echo ein hund | seqnn translate run model --num-beams 5 --alignment",
        run_run,
    )  # fmt: skip
    run.add_argument("model", metavar="MODEL")
    run.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    _add_search(run)
    run.add_argument(
        "--alignment",
        action="store_true",
        help="after a tab, the source word that each word attends to most: 0-0 2-1 ...",
    )


def run_run(arguments: argparse.Namespace) -> None:
    """Print translations; that of a line without a word is empty."""
    model, shell = Seq2Seq.load(arguments.model), Shell()
    for path in arguments.files:
        lines = [model.tokenizer(line) if line.strip() else [] for line in read_lines(path)]
        found = _translated(model, [line for line in lines if line], arguments, arguments.alignment)
        for line in lines:
            words, pairs = next(found) if line else ([], "")
            shell.result(_joined(words, model) + (f"\t{pairs}" if arguments.alignment else ""))
            if shell.error is not None:
                break
    shell.close()


def _add_evaluate(actions: Any) -> None:
    evaluate = add_action(
        actions, "evaluate", f"Translate a file and score the translations. {_FILES}",
        "  seqnn translate evaluate model test.de test.en --num-beams 5",
        run_evaluate,
    )  # fmt: skip
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("source", metavar="SOURCE")
    evaluate.add_argument("references", metavar="REFERENCES", help="a translation in each line")
    _add_search(evaluate)
    evaluate.add_argument("--tokenize", default="13a", help="of BLEU: 13a (default), intl, char, zh or none")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Print BLEU and the share of lines that are translated exactly."""
    source, references = read_parallel(arguments.source, arguments.references)
    model, shell = Seq2Seq.load(arguments.model), Shell()
    found = _translated(model, [model.tokenizer(line) for line in source], arguments, False)
    texts = [_joined(words, model) for words, _ in found]
    references = [_joined(model.tokenizer(line), model) for line in references]
    score = bleu(texts, references, tokenize=arguments.tokenize)
    exact = sum(text == reference for text, reference in zip(texts, references, strict=True)) / len(texts)
    if arguments.json:
        shell.result(json.dumps({"lines": len(texts), "bleu": score.score, "exact": exact}))
    else:
        shell.result(f"lines   {len(texts):,}")
        shell.result(f"exact   {100 * exact:.2f} %")
        shell.result(f"{score}")
    shell.close()


def _translated(model: Seq2Seq, lines: list[list[str]], arguments: argparse.Namespace, need_weights: bool) -> Any:
    """Yield the words of each translation, and where they look."""
    most = arguments.max_length
    options = {"num_beams": arguments.num_beams, "steps": None if most is None else integer("--max-length", most, 1)}
    if arguments.num_beams > 1:
        options["length_penalty"] = arguments.length_penalty
    language = options["target_language"] = arguments.target_language
    if not lines:
        return
    if not need_weights:
        yield from ((words, "") for words in model.predict(lines, **options))
        return
    for words, alignment in zip(*model.predict(lines, need_weights=True, **options), strict=True):
        read = alignment.weights[:, 0 if language is None else 1 :]  # without the token of the language
        places = np.argmax(read, axis=1)[: len(words)]
        yield words, " ".join(f"{s}-{t}" for t, s in enumerate(places.tolist()))


def _joined(words: list[str], model: Seq2Seq) -> str:
    return ("" if model.tokenizer is list else " ").join(words)
