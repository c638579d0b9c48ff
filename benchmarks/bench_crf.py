"""A linear-chain CRF, loss with gradients and the best tags, against code in torch's operations as pytorch-crf has it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

SIZES = [(32, 40, 9), (128, 40, 20), (64, 100, 50)]
"""Sequences, steps and tags: a batch of named entities, of parts of speech, of finer labels."""


def their_loss(emissions: Any, transitions: Any, start: Any, end: Any, tags: Any, mask: Any) -> Any:
    """Return the mean loss, step by step: emissions [T, B, K], tags and mask [T, B]."""
    rows = torch.arange(emissions.shape[1])
    forward = start + emissions[0]
    score = start[tags[0]] + emissions[0, rows, tags[0]]
    for t in range(1, len(emissions)):
        score = score + (transitions[tags[t - 1], tags[t]] + emissions[t, rows, tags[t]]) * mask[t]
        longer = torch.logsumexp(forward.unsqueeze(2) + transitions + emissions[t].unsqueeze(1), dim=1)
        forward = torch.where(mask[t].unsqueeze(1), longer, forward)
    last = tags[mask.long().sum(0) - 1, rows]
    return (torch.logsumexp(forward + end, dim=1) - score - end[last]).mean()


def their_tags(emissions: Any, transitions: Any, start: Any, end: Any, mask: Any) -> list[np.ndarray]:
    """Return the best tags [B, T], -1 in the padding."""
    score, history = start + emissions[0], []
    for t in range(1, len(emissions)):
        longer, came = (score.unsqueeze(2) + transitions + emissions[t].unsqueeze(1)).max(dim=1)
        score = torch.where(mask[t].unsqueeze(1), longer, score)
        history.append(came)
    score, lengths = score + end, mask.long().sum(0).tolist()
    best = np.full((len(lengths), len(emissions)), -1)
    for row, length in enumerate(lengths):
        tag = best[row, length - 1] = score[row].argmax().item()
        for t in range(length - 2, -1, -1):
            tag = best[row, t] = history[t][row, tag].item()
    return [best]


def cases(options: Options) -> Iterator[Case]:
    """Yield a training step and a search of each size; lengths differ."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for rows, steps, tags in SIZES[:1] if options.quick else SIZES:
            x = rng.standard_normal((rows, steps, tags), np.float32)
            scores = [rng.standard_normal(shape, np.float32) * 0.3 for shape in ((tags, tags), (tags,), (tags,))]
            y, lengths = rng.integers(0, tags, (rows, steps)), rng.integers(steps // 2, steps + 1, rows)
            lengths[0] = steps
            mask = np.arange(steps)[:, None] < lengths

            def our(x, a, s, e, y=y, lengths=lengths):
                return ops.crf_nll(x, y, a, s, e, lengths=lengths)

            def their(x, a, s, e, y=y, mask=mask):
                return their_loss(x.transpose(0, 1), a, s, e, torch.from_numpy(y.T), torch.from_numpy(mask))

            def search(x=x, scores=scores, lengths=lengths):
                return [ops.crf_decode(x, *scores, lengths=lengths)[0]]

            def their_search(x=x, scores=scores, mask=mask):
                with torch.no_grad():
                    given = [torch.from_numpy(s) for s in scores]
                    return their_tags(torch.from_numpy(x).transpose(0, 1), *given, torch.from_numpy(mask))

            name = f"CRF, {rows} x {steps} steps, {tags} tags"
            one = np.float32(1)
            yield Case(
                f"{name}, forward + backward",
                ours(our_step(our, [x, *scores], one), threads),
                {"torch": theirs(their_step(their, [x, *scores], one), threads)},
                check=same_arrays,
                threads=threads,
                goals={"torch": 20.0},
            )
            yield Case(
                f"{name}, best tags", ours(search, threads), {"torch": theirs(their_search, threads)}, check=same_arrays,
                threads=threads,
            )  # fmt: skip
