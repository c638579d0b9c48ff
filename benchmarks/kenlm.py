"""KenLM as a peer: SEQNN_KENLM names the folder of lmplz and build_binary, SEQNN_PEERS_PYTHON a Python that has its module."""

import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

import seqnn
from benchmarks import peers, text
from benchmarks.case import Measured, Options, timed
from seqnn.lm import NGramLM

ORDERS = (3, 5)
CLOSE = 5e-5
"""The largest difference of two log10 probabilities of a sentence that counts as the same."""


def data(options: Options) -> text.Text:
    """Return what is trained on: every 4th line of the corpus."""
    return text.thinned(options.folder, 40 if options.quick else 4)


def held_out(options: Options) -> Path:
    """Write lines of at most 200 words, which `data` has not, and return their file."""
    path = options.folder / "held-out.txt"
    if not path.exists():
        with open(text.whole(options.folder).path, "rb") as lines, open(path, "wb") as out:
            some = islice(lines, 1, None, 400 if options.quick else 44)
            out.writelines(line for line in some if len(line.split()) <= 200)
    return path


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def words_of(path: Path) -> int:
    """Count the words of a file."""
    return sum(len(line.split()) for line in lines_of(path))


def model_file(options: Options, order: int, suffix: str) -> Path:
    """Return the file of KenLM's or our model of an order; it is made where it is missing."""
    path = options.folder / f"model{order}{suffix}"
    if not path.exists():
        if suffix == ".lm":
            NGramLM(order).fit(data(options).path).save(path)
        elif suffix == ".arpa" and not programs():
            NGramLM(order).fit(data(options).path).save_arpa(path)
        elif suffix == ".arpa":
            run("lmplz", *training(options, order, data(options).path, path))
        else:
            run("build_binary", model_file(options, order, ".arpa"), path)
    return path


def programs() -> Path | None:
    """Return the folder of KenLM's programs, or None."""
    folder = peers.at_hand("SEQNN_KENLM")
    return Path(folder) if folder else None


def training(options: Options, order: int, source: Path, target: Path) -> list[object]:
    """Return the arguments of lmplz; with more than a gigabyte it is slower."""
    files = ("--text", source, "--arpa", target, "-T", options.folder)
    return ["-o", order, "-S", "1G", "--discount_fallback", *files]


def run(program: str, *arguments: object) -> None:
    """Run one of KenLM's programs."""
    command = [programs() / program, *arguments]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def scores(model: Path, source: Path, method: str = "score") -> Measured:
    """Score lines in KenLM's Python, one after the other."""
    answer = peers.run_python("kenlm", "side_kenlm", {"model": str(model), "text": str(source), "method": method}, {})
    return Measured(answer["seconds"], np.array(answer["scores"]))


def scoring(model: Path, source: Path, method: str = "score") -> Callable[[], Measured] | None:
    """Return the side that does so, or None."""
    return (lambda: scores(model, source, method)) if programs() and peers.at_hand("SEQNN_PEERS_PYTHON") else None


def ours(threads: int, function: Callable[[], object]) -> Callable[[], Measured]:
    """Return a side of ours on a number of threads."""

    def limited() -> object:
        with seqnn.threads(threads):
            return function()

    return timed(limited)


def same_scores(first: np.ndarray, second: np.ndarray) -> float:
    """Check that all sentences have the same log10 probability; return the largest difference."""
    difference = float(np.abs(np.asarray(first) - second).max())
    assert difference < CLOSE, difference
    return difference
