"""What training needs from word counts: the Huffman tree and the alias table, against the same in plain Python."""

import heapq
from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options, timed
from seqnn.text import alias_table, huffman


def cases(options: Options) -> Iterator[Case]:
    """Yield both tables for a vocabulary with Zipf's counts."""
    size = 5_000 if options.quick else 100_000
    counts = 10_000_000 // np.arange(1, size + 1)
    yield Case(
        f"Huffman tree of {size} words",
        timed(lambda: huffman(counts)[0]),
        {"heapq": timed(lambda: code_lengths(counts.tolist()))},
        check=lambda ours, theirs: same_cost(counts, np.diff(ours), theirs),
        work=size,
        work_unit="words",
    )
    yield Case(
        f"alias table of {size} words",
        timed(lambda: drawn(*alias_table(counts, 0.75))),
        {"plain Python": timed(lambda: drawn(*vose((counts**0.75).tolist())))},
        check=same_shares,
        work=size,
        work_unit="words",
    )


def code_lengths(counts: list[int]) -> np.ndarray:
    """Return each word's depth in a Huffman tree, merged on a heap as gensim does."""
    size = len(counts)
    heap = [(count, node) for node, count in enumerate(counts)]
    heapq.heapify(heap)
    parent = [0] * (2 * size - 1)
    for node in range(size, 2 * size - 1):
        (a, left), (b, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[left] = parent[right] = node
        heapq.heappush(heap, (a + b, node))
    depth = [0] * (2 * size - 1)
    for node in range(2 * size - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    return np.array(depth[:size])


def same_cost(counts: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check that both trees need equally many bits for the corpus: ties may be merged differently."""
    assert counts @ ours == counts @ theirs, (counts @ ours, counts @ theirs)
    return 0.0


def vose(weights: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return thresholds (in 2^-32) and others, by Vose's method."""
    scale = len(weights) / sum(weights)
    left = [weight * scale for weight in weights]
    small = [cell for cell, weight in enumerate(left) if weight < 1]
    large = [cell for cell, weight in enumerate(left) if weight >= 1]
    threshold, other = [1.0] * len(left), list(range(len(left)))
    while small and large:
        poor, rich = small.pop(), large[-1]
        threshold[poor], other[poor] = left[poor], rich
        left[rich] -= 1 - left[poor]
        if left[rich] < 1:
            small.append(large.pop())
    return np.array(threshold) * 2.0**32, np.array(other)


def drawn(threshold: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the probability of each word that a table stands for."""
    share = threshold / 2.0**32
    return (share + np.bincount(other, 1 - share, len(share))) / len(share)


def same_shares(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Check that both draw each word equally often; return the largest difference, relative to its share plus the mean.

    A frequent word is the other one of many cells, and each threshold is rounded to 2**-32.
    """
    error = float((np.abs(ours - theirs) / (theirs + 1 / len(ours))).max())
    assert error < 1e-6, error
    return error
