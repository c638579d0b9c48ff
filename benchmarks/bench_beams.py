"""A step of beam search: the candidates of all beams against torch's expression, and what the library adds to a step."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.case import Case, Measured, Options, constant
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import _core, decode

PENALTY, NGRAM, BEAMS, STEPS = 1.2, 3, 4, 64
NOTHING = {"suppressed": np.zeros(0, np.int64), "words": np.zeros(0, np.int64), "word_offsets": np.zeros(1, np.int64)}


def cases(options: Options) -> Iterator[Case]:
    """Yield selection over a batch of beams, with and without processors, and whole steps of `decode.generate`."""
    shapes = [(8, 2000)] if options.quick else [(4, 32_000), (128, 32_000), (128, 8_000)]
    for threads in options.threads:
        for rows, vocabulary in shapes:
            draw = np.random.default_rng(1)
            logits = draw.standard_normal((rows, vocabulary), np.float32) * 3
            ids = draw.integers(0, vocabulary, (rows, STEPS))
            for name, processors in (("", False), (", repetition penalty and n-gram blocking", True)):
                yield Case(
                    f"candidates of {rows} beams, {vocabulary} tokens{name}",
                    ours(select(logits, ids, processors), threads),
                    {"torch": theirs(torch_select(logits, ids, processors), threads)},
                    check=same_candidates,
                    threads=threads,
                    goals={"torch": 5} if rows == 128 else {},
                )
        vocabulary = 2000 if options.quick else 32_000
        yield Case(
            f"a step of generate beside the model, batch 1, {BEAMS} beams, {vocabulary} tokens",
            whole_step(vocabulary, threads),
            {"bound of 30 us": constant(30e-6)},
            threads=threads,
            goals={"bound of 30 us": 1},
        )


def select(logits: np.ndarray, ids: np.ndarray, processors: bool) -> Callable[[], list]:
    """Return one step of ours."""
    rows = len(logits)
    given = {
        **NOTHING, "ids": ids, "begins": np.zeros(rows, np.int64), "running": np.zeros(rows), "history": np.zeros((rows, STEPS)),
        "set_offsets": np.arange(0, rows + 1, BEAMS), "ends": np.array([2]), "width": BEAMS, "count": 2 * BEAMS,
    }  # fmt: skip
    if processors:
        given |= {"repetition_penalty": PENALTY, "ngram_size": NGRAM, "ngram_penalty": np.inf}

    def step() -> list:
        found = _core.beams_select(logits, **given)
        return [found.scores, found.tokens]

    return step


def torch_select(logits: np.ndarray, ids: np.ndarray, processors: bool) -> Callable[[], list]:
    """Return what transformers computes of the same: log_softmax, processors, topk."""

    def step() -> list:
        with torch.no_grad():
            scores = torch.log_softmax(torch.from_numpy(logits), dim=-1)
            if processors:
                scores = blocked(penalised(scores, torch.from_numpy(ids)), torch.from_numpy(ids))
            best, at = torch.topk(scores.view(len(logits) // BEAMS, -1), 2 * BEAMS)
            return [best.numpy(), (at % logits.shape[1]).numpy()]

    return step


def penalised(scores, ids):
    """Return scores after the repetition penalty, as transformers writes it."""
    seen = torch.gather(scores, 1, ids)
    return scores.scatter(1, ids, torch.where(seen < 0, seen * PENALTY, seen / PENALTY))


def blocked(scores, ids):
    """Return scores without the tokens that would repeat an n-gram, as transformers writes it."""
    windows = ids.unfold(dimension=1, size=NGRAM, step=1)
    matches = (windows[..., :-1] == ids[:, None, 1 - NGRAM :]).all(dim=-1)
    banned = torch.zeros((len(scores), scores.shape[1] + 1), dtype=torch.bool)
    banned.scatter_(1, torch.where(matches, windows[..., -1], scores.shape[1]), True)
    return scores.masked_fill(banned[:, :-1], -torch.inf)


def same_candidates(mine: list, other: list) -> float:
    """Check that the same candidates were found; return the largest difference of a score."""
    worst = float(np.abs(mine[0] - other[0]).max())
    assert worst < 1e-4 and (mine[1] == other[1]).mean() > 0.99, f"scores differ by {worst}"
    return worst


def whole_step(vocabulary: int, threads: int) -> Callable[[], Measured]:
    """Return a side that measures `generate` with a model that costs nothing, by the step."""
    logits = np.random.default_rng(0).standard_normal((BEAMS, vocabulary), np.float32) * 3

    def step(ids: np.ndarray, state: None) -> tuple:
        return logits[: len(ids)], state

    run = ours(
        lambda: decode.generate(step, [1], num_beams=BEAMS, max_new_tokens=STEPS, eos_token_id=vocabulary), threads
    )

    def side() -> Measured:
        return Measured(min(run().value for _ in range(5)) / STEPS)

    return side
