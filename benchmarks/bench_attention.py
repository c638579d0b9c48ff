"""Attention against torch's scaled_dot_product_attention: plain, causal, padded, with its weights, one query over a cache."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import ops

SHAPES = [(1, 8, 128, 64), (8, 8, 128, 64), (8, 8, 512, 64), (1, 8, 2048, 64), (1, 12, 4096, 64)]


def peer(arrays: list[np.ndarray], **options: Any) -> Callable[[], list]:
    """Return torch's forward pass without a graph."""

    def run() -> list:
        with torch.no_grad():
            tensors = [torch.from_numpy(a) for a in arrays]
            return [torch.nn.functional.scaled_dot_product_attention(*tensors, **options)]

    return run


def cases(options: Options) -> Iterator[Case]:
    """Yield the shapes of small and long sequences, then the special cases."""
    rng = np.random.default_rng(1)
    for threads in options.threads:
        for shape in SHAPES[:2] if options.quick else SHAPES:
            q, k, v, grad = (rng.standard_normal(shape, np.float32) for _ in range(4))
            products = q.size * shape[2]
            for causal in (False, True):
                name = f"{'causal ' if causal else ''}attention {shape}"
                yield Case(
                    f"{name}, forward",
                    ours(lambda a=(q, k, v), c=causal: [ops.attention(*a, causal=c)], threads),
                    {"torch": theirs(peer([q, k, v], is_causal=causal), threads)},
                    check=same_arrays,
                    operations=4 * products * (0.5 if causal else 1),
                    moved=4 * q.nbytes,
                    threads=threads,
                    goals={"torch": 2.1},
                )

                def step(q, k, v, causal=causal):
                    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

                yield Case(
                    f"{name}, forward + backward",
                    ours(our_step(lambda *a, c=causal: ops.attention(*a, causal=c), [q, k, v], grad), threads),
                    {"torch": theirs(their_step(step, [q, k, v], grad), threads)},
                    check=same_arrays,
                    operations=12 * products * (0.5 if causal else 1),
                    moved=8 * q.nbytes,
                    threads=threads,
                    goals={"torch": 3.8 if causal and shape[2] <= 512 else 2.4},
                )
        yield from special(rng, threads, options.quick)


def special(rng: np.random.Generator, threads: int, quick: bool) -> Iterator[Case]:
    """Yield a query over a cache, padding by lengths, and the weights beside the plain forward pass."""
    q = rng.standard_normal((32, 8, 1, 64), np.float32)
    k, v = (rng.standard_normal((32, 8, 512, 64), np.float32) for _ in range(2))
    yield Case(
        "one query over a cache of 512, batch 32, 8 heads",
        ours(lambda: [ops.attention(q, k, v)], threads),
        {"torch": theirs(peer([q, k, v]), threads)},
        check=same_arrays,
        threads=threads,
        goals={"torch": 3 if threads == 1 else 1.9},
    )
    batch = 2 if quick else 8
    x, y, z = (rng.standard_normal((batch, 8, 512, 64), np.float32) for _ in range(3))
    lengths = np.linspace(128, 512, batch).astype(int)
    mask = (np.arange(512) < lengths[:, None])[:, None, None]
    yield Case(
        "padding by lengths, forward",
        ours(lambda: [ops.attention(x, y, z, lengths=lengths)], threads),
        {"torch": theirs(peer([x, y, z], attn_mask=torch and torch.from_numpy(mask)), threads)},
        check=same_arrays,
        threads=threads,
    )
    short = [np.ascontiguousarray(a[:, :, :256]) for a in (x, y, z)]
    half = np.full(batch, 256)
    yield Case(
        "256 of 512 positions by lengths, forward; beside it the 256 alone",
        ours(lambda: [ops.attention(x, y, z, lengths=half, query_lengths=half)[:, :, :256]], threads),
        {"seqnn": ours(lambda: [ops.attention(*short)], threads)},
        check=same_arrays,
        threads=threads,
        goals={"seqnn": 1 / 1.1},
    )
    for time, most in [(512, 0.68)] if quick else [(512, 0.68), (2048, 0.58)]:
        a, b, c = (rng.standard_normal((4096 // time, 8, time, 64), np.float32) for _ in range(3))
        yield Case(
            f"causal attention over {time} positions, forward; beside it the whole",
            ours(lambda a=a, b=b, c=c: [ops.attention(a, b, c, causal=True)], threads),
            {"seqnn": ours(lambda a=a, b=b, c=c: [ops.attention(a, b, c)], threads)},
            threads=threads,
            goals={"seqnn": 1 / most},
        )
    yield Case(
        "with the weights, forward; beside it the plain forward pass",
        ours(lambda: [ops.attention(x, y, z, need_weights=True)[0]], threads),
        {"seqnn": ours(lambda: [ops.attention(x, y, z)], threads)},
        check=same_arrays,
        threads=threads,
        goals={"seqnn": 1 / 1.5},
    )
