"""The command `seqnn word2vec`: train vectors of a corpus, show some neighbours, write the vectors."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from .._files import atomic_write
from ..embed._callbacks import Callback
from ..embed._vector_files import read_counts
from ..embed._word2vec import Word2Vec
from ._training import check_target, named_corpus, print_neighbours
from ._vector_commands import describe, write_vectors

PASSED_ON = (
    "vector_size", "window", "min_count", "max_final_vocab", "sample", "alpha", "min_alpha", "epochs", "sg", "hs",
    "negative", "ns_exponent", "cbow_mean", "seed", "workers", "deterministic", "shrink_windows", "max_memory", "errors",
)  # fmt: skip
"""Arguments of `Word2Vec` that the command sets where they are given."""

C_SPELLINGS = {
    "train": str, "output": str, "size": int, "window": int, "sample": float, "hs": int, "negative": int,
    "threads": int, "iter": int, "min-count": int, "alpha": float, "debug": int, "binary": int, "save-vocab": str,
    "read-vocab": str, "cbow": int, "classes": int,
}  # fmt: skip
"""The options of Mikolov's word2vec.c, each with one dash and one value."""

C_MEANING = {"size": "vector_size", "threads": "workers", "iter": "epochs"}


def add_command(commands: Any) -> None:
    """Add the sub-command to those of an argparse parser."""
    parser = commands.add_parser(
        "word2vec",
        help="train word vectors",
        description="Trains word vectors. CORPUS: text files (one sentence a line, words separated by white space; "
        "plain, .gz, .bz2, .xz) or directories of them; without one, the documentation installed with Python and NumPy.",
        epilog="The options of word2vec.c are understood too, with its defaults: "
        + " ".join("-" + name for name in C_SPELLINGS),
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("corpus", metavar="CORPUS", nargs="*", default=[])
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=".txt, .bin or .safetensors; the texts also .gz, .bz2, .xz"
    )
    parser.add_argument("--model", metavar="FILE", help="write the whole model (safetensors), to train it further")
    parser.add_argument("--vector-size", "--size", type=int, metavar="N", help="length of the vectors (100)")
    parser.add_argument("--window", type=int, metavar="N", help="most words between centre and context (5)")
    parser.add_argument("--min-count", type=int, metavar="N", help="leave rarer words out (5)")
    parser.add_argument("--max-final-vocab", type=int, metavar="N", help="keep at most so many words")
    parser.add_argument("--sample", type=float, metavar="X", help="threshold of sub-sampling (1e-3), 0 for none")
    parser.add_argument("--alpha", type=float, metavar="X", help="learning rate at the start (0.025)")
    parser.add_argument("--min-alpha", type=float, metavar="X", help="learning rate at the end (0.0001)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the corpus (5)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--sg", action="store_const", const=1, help="skip-gram")
    mode.add_argument("--cbow", action="store_const", const=0, dest="sg", help="continuous bag of words (default)")
    parser.add_argument("--hs", action="store_const", const=1, help="hierarchical softmax")
    parser.add_argument("--negative", type=int, metavar="N", help="negative samples a word (5), 0 for none")
    parser.add_argument("--ns-exponent", type=float, metavar="X", help="draw negatives by count ** X (0.75)")
    parser.add_argument("--cbow-mean", type=int, choices=(0, 1), help="1 mean, 0 sum of the contexts (1)")
    parser.add_argument("--fixed-windows", action="store_const", const=False, dest="shrink_windows",
                        help="always the full window, instead of a random part of it")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N", help="of all random numbers (1)")
    parser.add_argument("--workers", "--threads", type=int, metavar="N", help="threads (all allowed ones)")
    parser.add_argument(
        "--deterministic", action="store_const", const=True, help="the same bits for any number of threads"
    )
    parser.add_argument(
        "--max-memory", metavar="SIZE", help="such as 2GB; a larger encoded corpus goes to a temporary file"
    )
    parser.add_argument("--errors", choices=("replace", "ignore", "strict"), help="what invalid UTF-8 gets (replace)")
    parser.add_argument("--binary", action="store_const", const=1, help="word2vec's binary format whatever the name")
    parser.add_argument("--save-vocab", metavar="FILE", help="write the words and their counts")
    parser.add_argument("--read-vocab", metavar="FILE", help="take the words and their counts from a file")
    parser.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
    for name, kind in C_SPELLINGS.items():
        parser.add_argument("-" + name, type=kind, dest="c_" + name, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def translate(arguments: argparse.Namespace) -> None:
    """Give word2vec.c's options the names of ours, and its defaults where one of them was used."""
    given = {name: getattr(arguments, "c_" + name) for name in C_SPELLINGS if hasattr(arguments, "c_" + name)}
    if given.pop("classes", 0):
        raise ValueError(
            "-classes: clusters of words are not offered; cluster the vectors, for example by scikit-learn"
        )
    if not given:
        return
    if "train" in given:
        arguments.corpus.append(given.pop("train"))
    arguments.sg = int(not given.pop("cbow", 1))
    arguments.quiet = arguments.quiet or given.pop("debug", 2) == 0
    arguments.alpha = getattr(arguments, "alpha", 0.025 if arguments.sg else 0.05)
    for name, value in given.items():
        setattr(arguments, C_MEANING.get(name, name.replace("-", "_")), value)


def run(arguments: argparse.Namespace) -> None:
    """Train, report, write."""
    translate(arguments)
    for target in ("output", "model", "save_vocab"):
        check_target(getattr(arguments, target, None))
    settings = {name: getattr(arguments, name) for name in PASSED_ON if hasattr(arguments, name)}
    settings["verbose"] = int(not arguments.quiet)
    if not arguments.quiet and not (hasattr(arguments, "output") or hasattr(arguments, "model")):
        print("the vectors will only be shown: -o FILE writes them", file=sys.stderr)
    corpus, name = named_corpus(arguments.corpus)
    callbacks = [] if arguments.quiet else [Report(name)]
    if hasattr(arguments, "read_vocab"):
        model = Word2Vec(**settings)
        model.build_vocab_from_freq(read_counts(arguments.read_vocab))
        model.train(corpus, callbacks=callbacks)
    else:
        model = Word2Vec(corpus, **settings, callbacks=callbacks)
    if not arguments.quiet:
        print_neighbours(model.wv)
    for line in _write(model, arguments):
        if not arguments.quiet:
            print(line)


class Report(Callback):
    """Prints what was read before the training, and its speed after it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.perf_counter()

    def on_train_begin(self, model: Word2Vec) -> None:
        """What was read."""
        if model.corpus_count:
            seconds = time.perf_counter() - self.began
            print(
                f"read {self.name}: {model.corpus_total_words:,} words in {model.corpus_count:,} sentences "
                f"({seconds:.1f} s)"
            )
        print(f"vocabulary: {len(model.wv):,} words that occur {model.effective_min_count} times or more", flush=True)

    def on_train_end(self, model: Word2Vec) -> None:
        """How fast."""
        words = sum(entry["words"] for entry in model.history_)
        seconds = max(model.total_train_time, 1e-9)
        loss = f", loss {model.history_[-1]['loss']:.4f}" if model.history_ else ""
        print(f"trained {words:,} words in {seconds:.1f} s: {words / seconds:,.0f} words/s{loss}", flush=True)


def _write(model: Word2Vec, arguments: argparse.Namespace) -> Iterator[str]:
    """Write the files that were asked for; what stands in each."""
    wv = model.wv
    if hasattr(arguments, "save_vocab"):
        with atomic_write(arguments.save_vocab, "w") as file:
            counts = [wv.get_vecattr(word, "count") for word in wv.index_to_key]
            file.writelines(f"{word} {count}\n" for word, count in zip(wv.index_to_key, counts, strict=True))
        yield f"{arguments.save_vocab}: {len(wv):,} words"
    if hasattr(arguments, "output"):
        binary = getattr(arguments, "binary", None)
        write_vectors(wv, arguments.output, binary=None if binary is None else bool(binary))
        yield f"{arguments.output}: {describe(wv, arguments.output)}"
    if hasattr(arguments, "model"):
        model.save(arguments.model)
        yield f"{arguments.model}: the model, {os.path.getsize(arguments.model) / 1e6:.1f} MB"
