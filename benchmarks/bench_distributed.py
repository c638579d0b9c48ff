"""Training that several processes share: CPU seconds of ranks of MPI; `--quality`: what averaging over a Dask cluster loses.

The speed is CPU time, so that it says what sharing costs also where ranks share cores: two ranks with half of the batch each
against one rank with all of it, and the losses must agree. `--quality` trains skip-gram on shards of a text, whose lines were put
in a random order, and compares the loss of the final vectors on all of it with that of one machine.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import quality, text
from benchmarks.case import Case, Measured, Options
from seqnn import Word2Vec

BATCH, STEPS, LENGTH, WORDS, SIZE = 64, 20, 32, 5_000, 384
"""Sequences a step of all ranks together, steps, words a sequence, of the vocabulary, and of the model's states."""

EVERY, RATE, EPOCHS, BAND = 32, 0.025, 3, 0.02
AVERAGES = ((2, 1, 1), (2, 1, 2), (2, 8, 2), (8, 1, 1), (8, 8, 1), (8, 1, 4), (8, 8, 4), (8, 8, 8))
"""Shards, rounds an epoch, and the factor of the learning rate."""


def cases(options: Options) -> Iterator[Case]:
    """Yield steps of a language model."""
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    steps = 2 if options.quick else STEPS
    if mpiexec and importlib.util.find_spec("mpi4py"):
        yield Case(
            f"LSTM language model, 2 epochs of {steps} steps of {BATCH} sequences, 2 ranks",
            ranks(mpiexec, 2, steps), {"1 rank": ranks(mpiexec, 1, steps)},
            check=same_losses, unit="CPU s", threads=1, data="random words",
        )  # fmt: skip


def ranks(mpiexec: str, count: int, steps: int) -> Callable[[], Measured]:
    """Return a side that trains on some ranks: CPU seconds of all ranks together, and the losses."""
    request = {"steps": steps, "batch": BATCH, "length": LENGTH, "words": WORDS, "size": SIZE}
    command = [mpiexec, "-n", str(count), sys.executable, "-m", "benchmarks.side_ranks", json.dumps(request)]
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def side() -> Measured:
        environment = os.environ | allowed | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return Measured(found["seconds"], found["losses"])

    return side


def same_losses(mine: list[float], other: list[float]) -> float:
    """Check that the losses agree; return the largest relative difference."""
    worst = max(abs(a / b - 1) for a, b in zip(mine, other, strict=True))
    assert worst < 1e-5, (mine, other)
    return worst


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the loss of averaged vectors, with a minus, against that of one machine, of three seeds."""
    from distributed import Client

    from seqnn.distributed.dask import fit_word2vec

    corpus = text.thinned(options.folder, EVERY * (10 if options.quick else 1))
    sentences = [line.split() for line in corpus.path.read_text(encoding="utf-8").splitlines()]
    sentences = [sentences[n] for n in np.random.default_rng(0).permutation(len(sentences))]
    alone = [-loss_of(Word2Vec(sentences, **settings(seed, 1)), sentences) for seed in (1, 2, 3)]
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        for shards, rounds, factor in AVERAGES:
            folder = options.folder / f"{shards}"
            folder.mkdir(exist_ok=True)
            paths = [write(folder / f"{n}.txt", sentences[n::shards]) for n in range(shards)]
            found = [
                -loss_of(
                    fit_word2vec(client, paths, Word2Vec(**settings(seed, factor)), rounds_per_epoch=rounds), sentences
                )
                for seed in (1, 2, 3)
            ]
            case = f"skip-gram, {shards} shards, {rounds} rounds an epoch, alpha {RATE * factor:g}, {corpus.title}"
            yield quality.Row(case, "one machine", "- loss", found, alone, BAND)


def settings(seed: int, factor: float) -> dict[str, Any]:
    """Return those of a model."""
    given = {"vector_size": 50, "sg": 1, "alpha": RATE * factor, "epochs": EPOCHS}
    return given | {"min_count": 5, "seed": seed, "workers": 1, "verbose": 0}


def loss_of(fitted: Word2Vec, sentences: list[list[str]]) -> float:
    """Return the mean loss of an example, in nats: of an epoch that moves nothing."""
    fitted.train(sentences, total_examples=len(sentences), epochs=1, start_alpha=1e-12, end_alpha=1e-12)
    return fitted.history_[-1]["loss"]


def write(path: Path, sentences: list[list[str]]) -> str:
    """Write a shard."""
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in sentences), encoding="utf-8")
    return str(path)
