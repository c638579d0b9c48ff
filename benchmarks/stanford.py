"""Stanford's GloVe programs (vocab_count, cooccur, shuffle, glove) as a peer: SEQNN_GLOVE names the folder they are in."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks import peers, text

COUNT = np.dtype([("row", np.int32), ("column", np.int32), ("value", np.float64)])
ITERATION = re.compile(rb"iter: (\d+), cost: ([0-9.]+|-?nan|inf)")
WINDOW = 10


class Stanford:
    """The programs' files for one text; each step writes what the next one reads."""

    def __init__(self, data: text.Text, name: str) -> None:
        self.programs = Path(peers.at_hand("SEQNN_GLOVE"))
        self.data = data
        self.base = data.path.with_suffix(f".{name}")

    def file(self, suffix: str) -> Path:
        """One of the files."""
        return self.base.with_suffix(f"{self.base.suffix}.{suffix}")

    def step(self, program: str, read: Path, write: Path, *options: object) -> None:
        """Run one of the filters."""
        command = [self.programs / program, "-verbose", "0", *map(str, options)]
        with open(read, "rb") as source, open(write, "wb") as target:
            subprocess.run(command, stdin=source, stdout=target, stderr=subprocess.DEVNULL, check=True)

    def vocabulary(self) -> None:
        """Count the words."""
        self.step("vocab_count", self.data.path, self.file("vocab"), "-min-count", text.MIN_COUNT)

    def count(self) -> np.ndarray:
        """Count co-occurrences; returns the records, memory-mapped."""
        overflow = self.file("overflow")
        self.step(
            "cooccur", self.data.path, self.file("counts"), "-vocab-file", self.file("vocab"), "-memory", 6,
            "-window-size", WINDOW, "-overflow-file", overflow,
        )  # fmt: skip
        return np.memmap(self.file("counts"), COUNT, "r")

    def shuffle(self) -> None:
        """Put the records in random order."""
        self.step("shuffle", self.file("counts"), self.file("shuffled"), "-memory", 6, "-temp-file", self.file("temp"))

    def train(self, threads: int, iterations: int, size: int, seed: int = 1) -> tuple[float, list[float]]:
        """Train; returns the seconds an iteration, without the first where there are several, and the costs."""
        command = [
            self.programs / "glove", "-input-file", self.file("shuffled"), "-vocab-file", self.file("vocab"),
            "-save-file", self.file("vectors"), "-threads", threads, "-iter", iterations, "-vector-size", size,
            "-x-max", 100, "-seed", seed, "-verbose", 2,
        ]  # fmt: skip
        moments, costs = [time.perf_counter()], []
        with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE) as process:
            for line in process.stderr:
                if found := ITERATION.search(line):
                    moments.append(time.perf_counter())
                    costs.append(float(found[2]))
        if process.returncode or len(costs) != iterations:
            raise RuntimeError(f"glove ended with {process.returncode} after {len(costs)} iterations")
        first = 1 if iterations > 1 else 0
        return (moments[-1] - moments[first]) / (iterations - first), costs

    def vectors(self) -> tuple[np.ndarray, list[str]]:
        """The trained vectors and their words, without the program's <unk>."""
        words, rows = [], []
        with open(f"{self.file('vectors')}.txt", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                word, *numbers = line.rstrip("\n").split(" ")
                if word != "<unk>":
                    words.append(word)
                    rows.append(np.array(numbers, np.float32))
        return np.array(rows), words
