"""Drawing sentences from an n-gram model."""

from __future__ import annotations

import numpy as np

from .. import random
from .._arguments import integer, number, optional_integer
from ._ngram_count import EOS, UNK
from ._ngram_score import Scorer


def generate(
    scorer: Scorer,
    ids: np.ndarray,
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int | None,
) -> list[int]:
    """Return the words drawn after `ids` up to the end of the sentence, see `NGramLM.generate`."""
    most = integer("max_new_tokens", max_new_tokens, 0)
    temperature = number("temperature", temperature, minimum=0.0)
    top_k = optional_integer("top_k", top_k, 1)
    if top_p is not None and number("top_p", top_p, above=0.0) > 1:
        raise ValueError(f"top_p: expected a probability in (0, 1], got {top_p!r}")
    key, stream = random.next_key() if seed is None else (integer("seed", seed, 0, 2**63 - 1), 0)
    points = random.uniform((most,), seed=key, stream=stream, dtype=np.float64)
    states = scorer.states(ids[None])
    drawn: list[int] = []
    for point in points:
        log_probs = scorer.distribution(states)[0]
        log_probs[UNK] = -np.inf
        possible = bool(np.isfinite(log_probs).any())
        if not possible and not drawn:
            raise ValueError("prompt: no word can follow it: without smoothing only what the corpus has is possible")
        word = _choose(log_probs, point, temperature, top_k, top_p) if possible else EOS
        if word == EOS:
            break
        drawn.append(word)
        _, states = scorer.advance(states, np.array([word], np.int32))
    return drawn


def _choose(log_probs: np.ndarray, point: float, temperature: float, top_k: int | None, top_p: float | None) -> int:
    """Return the word at a point of [0, 1) in a distribution, or the most probable one at temperature 0."""
    if not temperature:
        return int(log_probs.argmax())
    scores = (log_probs - log_probs.max()).astype(np.float64) / temperature
    if top_k is not None and top_k < len(scores):
        least = np.partition(scores, -top_k)[-top_k]
        surplus = np.count_nonzero(scores >= least) - top_k
        scores[scores < least] = -np.inf
        scores[np.flatnonzero(scores == least)[::-1][:surplus]] = -np.inf  # of equal ones the first are kept
    p = np.exp(scores)
    p /= p.sum()
    if top_p is not None and top_p < 1:
        order = np.argsort(-p, kind="stable")
        kept = int(np.searchsorted(np.cumsum(p[order]), top_p)) + 1
        p[order[kept:]] = 0
    ends = np.cumsum(p)
    return int(np.searchsorted(ends, point * ends[-1], "right"))
