"""Drawing the next tokens of a batch against torch's expressions, which sort the vocabulary for top-p."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.bench_beams import NOTHING
from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours, theirs, torch
from seqnn import _core

CHOICES: dict[str, dict] = {
    "greedy": {"greedy": True},
    "plain": {},
    "top-k 50": {"top_k": 50},
    "top-p 0.9": {"top_p": 0.9},
    "temperature, top-k 50, top-p 0.9": {"temperature": 0.8, "top_k": 50, "top_p": 0.9},
    "min-p 0.05": {"min_p": 0.05},
    "typical 0.9": {"typical_p": 0.9},
}


def cases(options: Options) -> Iterator[Case]:
    """Yield a draw for one row and for many."""
    for threads in options.threads:
        for rows, vocabulary in [(8, 2000)] if options.quick else [(1, 32_000), (128, 32_000)]:
            logits = np.random.default_rng(1).standard_normal((rows, vocabulary), np.float32) * 3
            for name, choice in CHOICES.items():
                yield Case(
                    f"{name}, {rows} x {vocabulary}",
                    ours(draw(logits, choice), threads),
                    {"torch": theirs(torch_draw(logits, choice), threads)},
                    threads=threads,
                )


def draw(logits: np.ndarray, choice: dict) -> Callable[[], np.ndarray]:
    """Return a draw of ours."""
    rows = len(logits)
    given = {
        **NOTHING, **choice, "ids": np.zeros((rows, 0), np.int64), "begins": np.zeros(rows, np.int64),
        "streams": np.arange(rows),
    }  # fmt: skip
    return lambda: _core.samplers_draw(logits, **given).tokens


def torch_draw(logits: np.ndarray, choice: dict) -> Callable[[], np.ndarray]:
    """Return the same as transformers' warpers write it."""

    def step() -> np.ndarray:
        with torch.no_grad():
            scores = torch.from_numpy(logits)
            if "greedy" in choice:
                return scores.argmax(dim=-1).numpy()
            scores = scores / choice.get("temperature", 1.0)
            if "top_k" in choice:
                limit = torch.topk(scores, choice["top_k"])[0][:, -1:]
                scores = scores.masked_fill(scores < limit, -torch.inf)
            if "top_p" in choice:
                ordered, order = torch.sort(scores)
                out = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1 - choice["top_p"]
                out[:, -1] = False
                scores = scores.masked_fill(out.scatter(1, order, out), -torch.inf)
            if "min_p" in choice:
                p = scores.softmax(dim=-1)
                scores = scores.masked_fill(p < choice["min_p"] * p.amax(dim=-1, keepdim=True), -torch.inf)
            if "typical_p" in choice:
                log_p = scores.log_softmax(dim=-1)
                entropy = -(log_p * log_p.exp()).nansum(-1, keepdim=True)
                distance, order = torch.sort((-log_p - entropy).abs())
                sums = scores.gather(-1, order).softmax(dim=-1).cumsum(dim=-1)
                last = (sums < choice["typical_p"]).sum(dim=1).clamp_(max=scores.shape[1] - 1)
                out = distance > distance.gather(1, last[:, None])
                scores = scores.masked_fill(out.scatter(1, order, out), -torch.inf)
            return torch.multinomial(scores.softmax(dim=-1), 1)[:, 0].numpy()

    return step
