"""The command `seqnn lm`: train n-gram models, score texts with them, draw sentences from them."""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..lm import NGramLM, TextScore
from ..text import files_of, split_words
from ._actions import add_action, add_group, lines_of
from ._options import add_settings, offered
from ._shell import STDOUT, Shell, source, target, typed
from ._training import check_targets, megabytes, named_corpus

_ARPA = re.compile(r"\.arpa(\.(gz|bz2|xz))?$", re.IGNORECASE)

_MODEL = "MODEL: a file of seqnn lm train, or an ARPA file, plain or packed (.gz, .bz2, .xz)."

_LINES = 1 << 14
"""Lines that are scored in one step."""


def add_command(commands: Any) -> None:
    """Add the sub-command, with its own sub-commands, to those of a parser."""
    actions = add_group(
        commands, "lm",
        help="train n-gram language models, score texts, draw sentences",
        description="Train n-gram language models as KenLM does, score texts with them, draw sentences from them.",
        examples="  seqnn lm train text.txt --order 5 -o model.lm\n  seqnn lm score model.lm test.txt --summary\n"
        "  seqnn lm generate model.lm once upon a time",
    )  # fmt: skip
    _add_train(actions)
    _add_score(actions)
    _add_generate(actions)


# Training.


def _add_train(actions: Any) -> None:
    train = add_action(
        actions, "train",
        "Count and smooth the n-grams of a text. CORPUS: text files (one sentence a line, words separated by white space; "
        "plain, .gz, .bz2, .xz, .zip) or directories of them; - is the standard input.",
        "  seqnn lm train text.txt --order 5 -o model.lm\n"
        "  seqnn lm train text.txt --prune 0 0 1 -o model.arpa.gz      for KenLM and others\n"
        "  zcat text.gz | seqnn lm train - -o - > model.arpa",
        run_train, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    train.add_argument("corpus", metavar="CORPUS", nargs="+")
    train.add_argument(
        "-o", "--output", metavar="FILE", required=True,
        help="names that end in .arpa, .arpa.gz, .arpa.bz2, .arpa.xz get an ARPA file, others seqnn's own binary, which "
        "opens at once; - is the standard output",
    )  # fmt: skip
    train.add_argument("--format", choices=("arpa", "binary"), help="the format of -o, whatever its name")
    train.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    add_settings(train, NGramLM, spelled=("prune", "discount_fallback"))
    train.add_argument(
        "--prune", metavar="N", type=int, nargs="+",
        help="leave out n-grams with counts up to N, one N for each length; the last serves for all longer ones",
    )  # fmt: skip
    fallback = train.add_mutually_exclusive_group()
    fallback.add_argument(
        "--discount-fallback", metavar="D", type=float, nargs=3,
        help="discounts for counts 1, 2, and 3 or more, where a small or artificial corpus gives none (default 0.5 1 1.5)",
    )  # fmt: skip
    fallback.add_argument(
        "--no-discount-fallback", action="store_const", const=None, dest="discount_fallback", help="fail instead"
    )


def run_train(arguments: argparse.Namespace) -> None:
    """Train, write, tell."""
    arguments.output = target(arguments.output)
    corpus, name = named_corpus([source(path) for path in arguments.corpus])
    form = getattr(arguments, "format", None)
    is_arpa = form == "arpa" if form else arguments.output == STDOUT or _ARPA.search(arguments.output) is not None
    check_targets(arguments, [arguments.output], files_of(corpus) or [])
    shell = Shell(quiet=arguments.quiet, to_stderr=arguments.output == STDOUT)
    settings = {key: getattr(arguments, key) for key in offered(NGramLM) if hasattr(arguments, key)}
    if "prune" in settings:
        settings["prune"] = tuple(settings["prune"])
    if is_arpa and "kneser_ney" not in settings.get("smoothing", "kneser_ney"):
        raise ValueError(f"--smoothing: an ARPA file cannot hold {settings['smoothing']!r}; take --format binary")
    began = time.perf_counter()
    model = NGramLM(**settings, verbose=shell.bars).fit(corpus)
    seconds = time.perf_counter() - began
    (model.save_arpa if is_arpa else model.save)(arguments.output)
    vocabulary = model.vocabulary_
    shell.say(
        f"read {name}: {vocabulary.counts[3:].sum() + vocabulary.counts[0]:,} words in {vocabulary.counts[2]:,} sentences"
    )
    grams = ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(model.ngram_counts_, 1))
    shell.say(f"{grams} ({seconds:.1f} s)")
    shell.say(megabytes(arguments.output, "the model"))
    shell.close()


# Scoring.


def _add_score(actions: Any) -> None:
    score = add_action(
        actions, "score",
        "Print the log10 probability of each line. Without a FILE lines are read from the standard input. " + _MODEL,
        "  seqnn lm score model.arpa.gz test.txt\n"
        "  seqnn lm score model.lm test.txt --summary       perplexity\n"
        "  seqnn lm score model.lm --words --json < test.txt",
        run_score,
    )  # fmt: skip
    score.add_argument("model", metavar="MODEL")
    score.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    form = score.add_mutually_exclusive_group()
    form.add_argument(
        "--words", action="store_true", help="print each word with its log10 probability and n-gram length"
    )
    form.add_argument("--summary", action="store_true", help="print the perplexity of the whole text instead")
    score.add_argument("--json", action="store_true", help="print a JSON object for each line, or for the summary")
    score.add_argument("--no-bos", action="store_true", help="do not begin after <s>")
    score.add_argument("--no-eos", action="store_true", help="leave out the end of the sentence, </s>")


def run_score(arguments: argparse.Namespace) -> None:
    """Print scores, or the summary."""
    if arguments.summary and (arguments.no_bos or arguments.no_eos):
        raise ValueError("--summary: a perplexity is that of whole sentences; leave out --no-bos and --no-eos")
    model, shell = NGramLM.load(source(arguments.model)), Shell()
    lines = lines_of(arguments.files)
    if arguments.summary:
        print_summary(_summed(model, lines), shell, as_json=arguments.json)
        shell.close()
        return
    marks = {"bos": not arguments.no_bos, "eos": not arguments.no_eos}
    while chunk := list(islice(lines, _LINES)):
        for line, score in zip(chunk, model.scores(chunk, **marks).tolist(), strict=True):
            shell.result(_scored(model, line, score, arguments, marks))
        if shell.error is not None:
            break
    shell.close()


def _scored(model: NGramLM, line: str, score: float, arguments: argparse.Namespace, marks: dict[str, bool]) -> str:
    """Make what is printed about a line."""
    found: dict[str, Any] = {"score": finite(score)}
    if arguments.words:
        tokens = [*split_words(line), *["</s>"] * marks["eos"]]
        words = zip(tokens, model.full_scores(line, **marks), strict=True)
        if not arguments.json:
            return "  ".join([f"{score:.6f}", *(f"{t}={w.log_prob:.4f}/{w.ngram_length}" for t, w in words)])
        found["words"] = [{"word": t, **w._asdict(), "log_prob": finite(w.log_prob)} for t, w in words]
    return json.dumps(found, ensure_ascii=False) if arguments.json else f"{score:.6f}"


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it, which knows no infinity."""
    return value if math.isfinite(value) else None


def _summed(model: NGramLM, lines: Iterator[str]) -> TextScore:
    """Score all lines, some at a time."""
    parts = []
    while chunk := list(islice(lines, _LINES)):
        parts.append(model.evaluate(chunk))
    return TextScore.joined(parts)


def print_summary(found: TextScore, shell: Shell, *, as_json: bool) -> None:
    """Print the figures of a whole text."""
    if as_json:
        shell.result(json.dumps({name: finite(value) for name, value in found._asdict().items()}))
        return
    shell.result(f"sentences                   {found.sentences:,}")
    shell.result(f"tokens                      {found.tokens:,}")
    shell.result(f"unknown words               {found.unknown:,}")
    shell.result(f"log10 probability           {found.log_prob:.4f}")
    shell.result(f"perplexity                  {found.perplexity:.4f}")
    shell.result(f"perplexity of known words   {found.perplexity_known:.4f}")


# Drawing.


def _add_generate(actions: Any) -> None:
    generate = add_action(
        actions, "generate",
        "Draw sentences. Each begins with the words of PROMPT. " + _MODEL,
        "  seqnn lm generate model.lm -n 5\n  seqnn lm generate model.lm once upon a --temperature 0.7 --seed 1",
        run_generate,
    )  # fmt: skip
    generate.add_argument("model", metavar="MODEL")
    generate.add_argument("prompt", metavar="PROMPT", nargs="*")
    generate.add_argument("-n", "--sentences", type=int, default=1, metavar="N", help="how many (default 1)")
    generate.add_argument("--max-new-tokens", type=int, default=100, metavar="N", help="most words (default 100)")
    generate.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="X",
        help="draw from p ** (1 / X) (default 1); 0: the best word",
    )
    generate.add_argument("--top-k", type=int, metavar="K", help="draw from the K most probable words")
    generate.add_argument("--top-p", type=float, metavar="P", help="draw from the fewest words that have together P")
    generate.add_argument("--seed", type=int, metavar="N", help="equal seeds draw equal sentences")
    generate.add_argument("--json", action="store_true", help="print a list of words for each sentence")


def run_generate(arguments: argparse.Namespace) -> None:
    """Print sentences."""
    if arguments.sentences < 1:
        raise ValueError(f"--sentences: expected an integer >= 1, got {arguments.sentences}")
    model, shell = NGramLM.load(source(arguments.model)), Shell()
    prompt = [word for text in arguments.prompt for word in split_words(typed(text))]
    for number in range(arguments.sentences):
        seed = None if arguments.seed is None else arguments.seed + number
        words = model.generate(
            prompt,
            max_new_tokens=arguments.max_new_tokens,
            temperature=arguments.temperature,
            top_k=arguments.top_k,
            top_p=arguments.top_p,
            seed=seed,
        )
        sentence = [*prompt, *words]
        shell.result(json.dumps(sentence, ensure_ascii=False) if arguments.json else " ".join(sentence))
        if shell.error is not None:
            break
    shell.close()
