"""The commands that train: corpus, options, an interruption, the files that are written, a first look at the vectors."""

from __future__ import annotations

import argparse
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from .._atomic import atomic_write, require_writable
from .._callbacks import Callback
from ..data import python_docs
from ..embed import FORMATS, KeyedVectors, format_of_name
from ..text import files_of, treebank_tokenize
from ._foreign import Foreign
from ._options import Help, add_settings, offered
from ._shell import STDOUT, Shell, source, target

CORPUS = (
    "CORPUS: text files (one sentence a line, words separated by white space; plain, .gz, .bz2, .xz, .zip) or directories "
    "of them; - is the standard input; without one, the documentation installed with Python and NumPy."
)

OTHER_FORMATS = re.compile(r"\.(csv|tsv|npy|npz|json|pkl|pickle|h5|hdf5|parquet|zip|7z|zst|ftz)$", re.IGNORECASE)
"""Endings that promise what is not written."""

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
TOKENIZERS: dict[str, tuple[str, Callable[[str], list[str]]]] = {
    "tokenize": ("take the words out of raw text, without punctuation", _WORD.findall),
    "treebank": ("split raw English text, one sentence a line, as the Penn Treebank does", treebank_tokenize),
}
"""Options that say how lines become words: help, function."""


class Interrupted(KeyboardInterrupt):
    """A training was broken off, and its files are written."""


class TrainingCommand:
    """One command that trains; its subclasses say what is theirs."""

    name: ClassVar[str]
    summary: ClassVar[str]
    examples: ClassVar[str]
    model_type: ClassVar[Any]
    foreign: ClassVar[Foreign]
    outputs: ClassVar[tuple[str, ...]] = ("output", "model", "save_vocab")
    """Options that name files to be written."""
    inputs: ClassVar[tuple[str, ...]] = ("read_vocab", "pretrained")
    """Options that name files to be read."""

    def add_to(self, commands: Any) -> None:
        """Add the sub-command to those of a parser."""
        parser = commands.add_parser(
            self.name,
            help=self.summary,
            description=f"{self.summary[0].upper()}{self.summary[1:]}. {CORPUS}",
            epilog=f"Examples:\n{self.examples}\n\nThe options of {self.foreign.programs} are understood too, with the "
            f"defaults there:\n{self.foreign.spellings()}",
            formatter_class=Help,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        parser.add_argument("corpus", metavar="CORPUS", nargs="*", default=[])
        parser.add_argument(
            "-o", "--output", metavar="FILE",
            help=".txt, .glove, .bin or .safetensors, the first three also .gz, .bz2, .xz; else word2vec text; - is the "
            "standard output",
        )  # fmt: skip
        parser.add_argument("--format", choices=written_formats(), help="the format of -o, whatever its name")
        parser.add_argument("--model", metavar="FILE", help="write the whole model (safetensors), to train it further")
        parser.add_argument(
            "--resume", metavar="FILE",
            help="train the model in FILE, which --model wrote, further: an interrupted run to its end, else --epochs more",
        )  # fmt: skip
        parser.add_argument(
            "--pretrained",
            metavar="FILE",
            help="first vectors of the words that have one there, in any format that is read",
        )
        parser.add_argument("--freeze", action="store_true", help="keep the vectors of --pretrained as they are")
        parser.add_argument("--save-vocab", metavar="FILE", help="write the words and their counts")
        parser.add_argument("--lower", action="store_true", default=False, help="turn the text to lower case")
        split = parser.add_mutually_exclusive_group()
        for name, (text, _) in TOKENIZERS.items():
            split.add_argument(f"--{name}", action="store_const", const=name, dest="tokenizer", help=text)
        parser.add_argument("--quiet", action="store_true", default=False, help="print nothing but errors")
        self.add_options(parser)
        self.foreign.add_to(parser)
        parser.set_defaults(run=self.run)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this command."""
        add_settings(parser, self.model_type)

    def translate(self, arguments: argparse.Namespace) -> None:
        """Give the options of other programs the names of ours."""

    def train(self, arguments: argparse.Namespace, settings: dict[str, Any], shell: Shell) -> Any:
        """Make a model and train it."""
        raise NotImplementedError

    def train_further(self, model: Any, arguments: argparse.Namespace, shell: Shell) -> Any:
        """Train the model of --resume."""
        raise NotImplementedError

    def load(self, path: str) -> Any:
        """Load the model of --resume."""
        return self.model_type.load(path)

    def write(self, model: Any, arguments: argparse.Namespace) -> Iterator[str]:
        """Write the files that were asked for, and yield a line about each."""
        if hasattr(arguments, "save_vocab"):
            with atomic_write(arguments.save_vocab, "w") as file:
                wv = model.wv
                file.writelines(f"{word} {wv.get_vecattr(word, 'count')}\n" for word in wv.index_to_key)
            yield f"{arguments.save_vocab}: {len(wv):,} words"
        if hasattr(arguments, "output"):
            write_vectors(model.wv, arguments.output, getattr(arguments, "format", None))
            yield described(model.wv, arguments.output)
        if hasattr(arguments, "model"):
            self.write_model(model, arguments.model)
            yield megabytes(arguments.model, "the model")

    def write_model(self, model: Any, path: str) -> None:
        model.save(path)

    def run(self, arguments: argparse.Namespace) -> None:
        """Train, write, tell."""
        self.translate(arguments)
        for name in self.outputs:
            if hasattr(arguments, name):
                setattr(arguments, name, target(getattr(arguments, name)))
        arguments.corpus = [source(path) for path in arguments.corpus]
        outputs = [getattr(arguments, name) for name in self.outputs if hasattr(arguments, name)]
        check_targets(arguments, outputs, self._read(arguments))
        shell = Shell(quiet=arguments.quiet, to_stderr=STDOUT in outputs)
        try:
            model = self._trained(arguments, shell)
        except KeyboardInterrupt as error:
            model = getattr(error, "model", None)
            if model is None or not (model.history_ or (model._position is not None and model._position.begun)):
                raise
            kept = (
                "what is trained is written" if outputs else "nothing is written: there is no -o FILE or --model FILE"
            )
            shell.complain(f"interrupted after {len(model.history_)} whole epochs; {kept}")
            for line in self._write_all(model, arguments):
                shell.say(line)
            if hasattr(arguments, "model"):
                shell.warn(f"to go on: seqnn {self.name} CORPUS --resume {arguments.model}")
            raise Interrupted from None
        lines = self._write_all(model, arguments)
        if not shell.quiet:
            for line in (*neighbour_lines(model), *lines):
                shell.say(line)
        shell.close()

    def _write_all(self, model: Any, arguments: argparse.Namespace) -> list[str]:
        """Write all files before anything is printed."""
        return list(self.write(model, arguments))

    def _read(self, arguments: argparse.Namespace) -> list[str]:
        """List the files that are read."""
        named = [getattr(arguments, name) for name in self.inputs if hasattr(arguments, name)]
        return [*named, *(files_of(named_corpus(arguments.corpus)[0]) or [] if arguments.corpus else [])]

    def _trained(self, arguments: argparse.Namespace, shell: Shell) -> Any:
        names = [*offered(self.model_type), "pretrained", "freeze"]
        settings = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
        if "pretrained" in settings:
            settings["pretrained"] = source(settings["pretrained"])
        if settings.get("epochs") == 0:
            raise ValueError("--epochs: expected at least 1, got 0: the vectors would be random")
        tokenizer = tokenizer_of(arguments)
        if not hasattr(arguments, "resume"):
            return self.train(arguments, {**settings, "tokenizer": tokenizer, "verbose": shell.bars}, shell)
        if given := settings.keys() - {"epochs", "workers"}:
            names = ", ".join("--" + name.replace("_", "-") for name in sorted(given))
            raise ValueError(
                f"{names}: the model of --resume has settings of its own; only --epochs and --workers may be given"
            )
        model = self.load(arguments.resume)
        model.verbose, model.tokenizer = shell.bars, tokenizer
        if "workers" in settings:
            model.workers = settings["workers"]
        return self.train_further(model, arguments, shell)


class Report(Callback):
    """Tells what was read before the training, and its speed after it."""

    unit = "words"
    loss = ", loss {:.4f}"

    def __init__(self, name: str, arguments: argparse.Namespace, shell: Shell) -> None:
        self.name, self.shell = name, shell
        self.shown_only = not (hasattr(arguments, "output") or hasattr(arguments, "model"))
        self.began = time.perf_counter()

    def on_train_begin(self, model: Any) -> None:
        """Tell what was read."""
        self.epochs = len(model.history_)
        if self.shown_only:
            self.shell.warn("the vectors will only be shown: -o FILE writes them")
        if model.corpus_count:
            seconds = time.perf_counter() - self.began
            self.shell.say(
                f"read {self.name}: {model.corpus_total_words:,} words in {model.corpus_count:,} sentences "
                f"({seconds:.1f} s)"
            )
        self.shell.say(f"vocabulary: {len(model.wv):,} words{self.about(model)}")

    def about(self, model: Any) -> str:
        """Say more about the vocabulary."""
        return f" that occur {model.effective_min_count} times or more"

    def on_train_end(self, model: Any) -> None:
        """Tell how fast."""
        entries = model.history_[self.epochs :]
        done = sum(entry[self.unit] for entry in entries)
        seconds = max(sum(entry["seconds"] for entry in entries), 1e-9)
        loss = self.loss.format(entries[-1]["loss"]) if entries else ""
        self.shell.say(f"trained {done:,} {self.unit} in {seconds:.1f} s: {done / seconds:,.0f} {self.unit}/s{loss}")


def named_corpus(paths: list[str]) -> tuple[Any, str]:
    """Return the corpus and what to call it."""
    if not paths:
        return python_docs(), "the documentation of Python and NumPy"
    return (paths[0], paths[0]) if len(paths) == 1 else (paths, f"{len(paths)} files")


def tokenizer_of(arguments: argparse.Namespace) -> Callable[[str], list[str]] | None:
    """Return the tokenizer that --lower, --tokenize and --treebank ask for."""
    split = TOKENIZERS[arguments.tokenizer][1] if hasattr(arguments, "tokenizer") else None
    if not arguments.lower:
        return split
    return lambda line: (split or str.split)(line.lower())


def written_formats() -> tuple[str, ...]:
    """List the formats that can be written."""
    return tuple(name for name, form in FORMATS.items() if form.write is not None)


def check_targets(arguments: argparse.Namespace, outputs: list[str], inputs: list[str]) -> None:
    """Refuse outputs that cannot be written or would replace an input: that must be known before the training."""
    for number, path in enumerate(outputs):
        if not path:
            raise ValueError("-o: expected a file name, got an empty one")
        if path == STDOUT:
            continue
        if (
            path == getattr(arguments, "output", None)
            and OTHER_FORMATS.search(path)
            and not hasattr(arguments, "format")
        ):
            raise ValueError(
                f"{path}: this format is not written; expected .txt, .vec, .glove, .bin, .safetensors, or --format"
            )
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "is a folder", path)
        require_writable(path)
        if os.path.exists(path) and any(os.path.exists(i) and os.path.samefile(path, i) for i in inputs):
            raise ValueError(f"{path}: is read by this command, and would be replaced by its result")
        if any(os.path.abspath(path) == os.path.abspath(other) for other in outputs[:number]):
            raise ValueError(f"{path}: two results would be written to it")


def write_vectors(wv: KeyedVectors, path: str, form: str | None = None) -> None:
    """Write vectors in a format, by default the one that the name ends in."""
    form = form or format_of_name(path)
    if form == "safetensors":
        wv.save(path)
    else:
        wv.save_word2vec_format(path, binary=form == "binary", write_header=form != "glove")


def described(wv: KeyedVectors, path: str) -> str:
    """Make a line about a written file of vectors."""
    return f"{path}: {len(wv):,} vectors of {wv.vector_size} numbers{_size(path)}"


def megabytes(path: str, what: str) -> str:
    """Make a line about another written file."""
    return f"{path}: {what}{_size(path)}"


def _size(path: str) -> str:
    return f", {os.path.getsize(path) / 1e6:.1f} MB" if os.path.isfile(path) else ""


def neighbour_lines(model: Any, words: int = 5, topn: int = 5) -> Iterator[str]:
    """Yield the nearest words of some frequent words: long ones of letters, past the most frequent (function words)."""
    wv = model.wv
    past = min(100, len(wv) // 10)
    content = [w for w in wv.index_to_key[past : past + 1000] if len(w) >= 5 and w.isalpha()] or wv.index_to_key
    chosen = content[:words]
    if len(wv) < 2:
        return
    width = max(map(len, chosen))
    yield ""
    found = {word: wv.most_similar(word, topn=topn) for word in chosen}
    for word, pairs in found.items():
        yield f"{word:>{width}}  " + ", ".join(f"{w} {s:.2f}" for w, s in pairs)
    if len(wv) > 100 and min(score for pairs in found.values() for _, score in pairs) > 0.97:
        words_read = model.corpus_total_words
        yield (
            f"(all cosines are near 1: {words_read:,} words are few for these settings; --sg --epochs 20 often helps)"
        )
