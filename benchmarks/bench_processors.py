"""Penalties and n-gram blocking over a batch of logits against torch's expressions."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.bench_beams import NGRAM, NOTHING, PENALTY, blocked, penalised
from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import _core


def cases(options: Options) -> Iterator[Case]:
    """Yield batches with short and with long histories."""
    for threads in options.threads:
        for rows, vocabulary, tokens in [(8, 2000, 64)] if options.quick else [(32, 32_000, 64), (32, 32_000, 1024)]:
            draw = np.random.default_rng(1)
            logits = draw.standard_normal((rows, vocabulary), np.float32) * 3
            ids = draw.integers(0, vocabulary, (rows, tokens))
            yield Case(
                f"repetition penalty and n-gram blocking, {rows} x {vocabulary}, {tokens} tokens so far",
                ours(process(logits, ids), threads),
                {"torch": theirs(torch_process(logits, ids), threads)},
                check=same_scores,
                threads=threads,
            )


def process(logits: np.ndarray, ids: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a call of ours."""
    given = {
        **NOTHING, "ids": ids, "begins": np.zeros(len(ids), np.int64), "repetition_penalty": PENALTY,
        "ngram_size": NGRAM, "ngram_penalty": np.inf,
    }  # fmt: skip
    return lambda: _core.processors_apply(logits, **given).scores


def torch_process(logits: np.ndarray, ids: np.ndarray) -> Callable[[], np.ndarray]:
    """Return the same as transformers' processors write it."""

    def step() -> np.ndarray:
        with torch.no_grad():
            tokens = torch.from_numpy(ids)
            return blocked(penalised(torch.from_numpy(logits), tokens), tokens).numpy()

    return step


def same_scores(mine: np.ndarray, other: np.ndarray) -> float:
    """Check that the scores agree; return the largest difference."""
    assert (np.isneginf(mine) == np.isneginf(other)).all()
    worst = float(np.abs(mine - other)[~np.isneginf(mine)].max())
    assert worst < 1e-5, f"scores differ by {worst}"
    return worst
