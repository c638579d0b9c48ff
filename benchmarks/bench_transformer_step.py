"""Decoding with Transformers: 64 new tokens against transformers, CTranslate2 and our own layers one by one."""

from collections.abc import Callable, Iterator

import numpy as np

import seqnn
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.decoder_peers import SIZES, Decoders

POINTS, TOKENS = ((1, 1), (32, 1), (1, 4), (32, 4)), 64
"""(batch, beams); new tokens."""


def cases(options: Options) -> Iterator[Case]:
    """Yield whole calls of `generate`, in float32 and in 8 bits, and the bandwidth that a step of one row reaches."""
    for name in ["small"] if options.quick else [n for n in SIZES if n != "small"]:
        decoders = Decoders(name, options.folder)
        for threads in options.threads:
            for batch, beams in POINTS:
                point = batch, beams, TOKENS, threads
                rest = {"threads": threads, "work": batch * TOKENS, "work_unit": "tokens"}
                title = f"{name}, batch {batch}, {'greedy' if beams == 1 else f'{beams} beams'}, {TOKENS} tokens"
                peers = {
                    "CTranslate2": decoders.ctranslate2_side(*point),
                    "transformers": decoders.torch_side(*point),
                }
                if batch == 1 or not decoders.gpt:  # elsewhere it takes a minute
                    peers["layer by layer"] = decoders.our_side("watched", *point)
                yield Case(
                    title,
                    decoders.our_side("ours", *point),
                    peers,
                    check=same_tokens,
                    goals={"CTranslate2": 1.5, "transformers": 4 if batch == 1 else 2.5},
                    **rest,
                )
                yield Case(
                    f"{title}, 8 bits",
                    decoders.our_side("narrow", *point),
                    {"CTranslate2": decoders.ctranslate2_side(*point, "int8")},
                    goals={"CTranslate2": 2},
                    **rest,
                )
            yield Case(
                f"{name}, a step of one row beside a pass over as many bytes",
                one_step(decoders, threads),
                {"numpy's sum": one_pass(decoders)},
                threads=threads,
                work=decoders.step_bytes / 1e9,
                work_unit="GB",
                goals={"numpy's sum": 0.85},
            )


def same_tokens(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check that both sides write the same; return the share of tokens that differ."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    share = float((ours != theirs).mean())
    assert share == 0, share
    return share


def one_step(decoders: Decoders, threads: int) -> Callable[[], Measured]:
    """Return a side that computes the logits after one more token of one sequence."""
    prompt = [row[:4] for row in decoders.prompts(1)]

    def side() -> Measured:
        with seqnn.threads(threads):
            start = decoders.ours.start_decoding(prompt, 4)
            first = np.append(start.ids, [[5]], axis=1)
            start.step(start.ids, start.state)
            start.step(first, start.state)
            return timed(lambda: start.step(np.append(first, [[5]], axis=1), start.state)[0])()

    return side


def one_pass(decoders: Decoders) -> Callable[[], Measured]:
    """Return a side that reads as many bytes from memory."""
    made = []

    def side() -> Measured:
        if not made:
            made.append(np.zeros(decoders.step_bytes // 4, np.float32))
            made[0].sum()
        return timed(lambda: made[0].sum())()

    return side
