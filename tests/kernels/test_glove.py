"""GloVe's kernels: one pass of AdaGrad over the counts, entry by entry, in the order that the kernel says it takes."""

import numpy as np
import pytest
from harness import each_isa, each_team

from seqnn import _core, random

COLUMN_BITS = 10
STREAMS = 2


def order_in_cell(entries, seed, epoch, position):
    """Segments (runs of one row) in an order drawn by Philox; STREAMS of them take turns, entry by entry."""
    rows = entries >> COLUMN_BITS
    bounds = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(entries)]
    order = []
    for i in range(len(bounds) - 1):
        draw = int(random.bits(1, seed=seed, stream=epoch, start=position + i // 4)[i % 4])
        j = draw * (i + 1) >> 32
        order.append(i)
        order[i], order[j] = order[j], i
    waiting = [list(range(bounds[s], bounds[s + 1])) for s in order]
    active = [[] for _ in range(STREAMS)]
    taken = []
    while len(taken) < len(entries):
        for stream in active:
            if not stream and waiting:
                stream.extend(waiting.pop(0))
            if stream:
                taken.append(stream.pop(0))
    return taken


def reference(
    grid, words, contexts, *, x_max, alpha, rate, seed, epoch, word_factors=None, context_factors=None
):  # fmt: skip
    """Plain AdaGrad as in the paper and Stanford's program, float64; changes words and contexts [V, 2, W].

    A vector takes the share of its changes that its factor says, a bias all.
    """
    loss = 0.0
    shares = []
    for matrix, factors, bias in ((words, word_factors, -2), (contexts, context_factors, -1)):
        share = np.ones((len(matrix), matrix.shape[2]))
        if factors is not None:
            share *= factors[:, None]
        share[:, bias] = 1
        shares.append(share)
    last = words.shape[2] - 2
    rates = np.full((2, words.shape[2]), rate)
    rates[0, last:], rates[1, last:] = (1, 0), (0, 1)
    stripes = len(grid["stripe_starts"]) - 1
    for cell in grid["order"]:
        begin, end = grid["cell_starts"][cell : cell + 2]
        if begin == end:
            continue
        entries = grid["entries"][begin:end].astype(np.int64)
        for e in order_in_cell(entries, seed, epoch, int(begin)):
            row = (entries[e] >> COLUMN_BITS) * grid["parts"] + cell // stripes
            column = grid["stripe_starts"][cell % stripes] + (entries[e] & (1 << COLUMN_BITS) - 1)
            w, c = words[row], contexts[column]
            log_x = grid["logs"][begin + e]
            error = w[0] @ c[0] - log_x
            weighted = min(1.0, np.exp(alpha * (log_x - np.log(x_max)))) * error
            loss += 0.5 * weighted * error
            slope_w, slope_c = weighted * rates[0] * c[0], weighted * rates[1] * w[0]
            w[0] -= shares[0][row] * slope_w / np.sqrt(w[1])
            c[0] -= shares[1][column] * slope_c / np.sqrt(c[1])
            w[1] += slope_w**2
            c[1] += slope_c**2
    return loss


def problem(rows, parts, stripe_starts, density, width, seed=0):
    """Random counts in a grid of cells, and matrices with biases in the last lanes."""
    rng = np.random.default_rng(seed)
    size = stripe_starts[-1]
    dense = np.where(rng.random((rows, size)) < density, rng.lognormal(1, 2, (rows, size)), 0)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(axis=1))])
    columns = np.nonzero(dense)[1].astype(np.int32)
    stripes = np.array(stripe_starts, np.int32)
    sizes = np.zeros((parts, len(stripes) - 1), np.int64)
    _core.glove_cell_sizes(columns, indptr, stripes, sizes)
    assert sizes.sum() == len(columns)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    grid = {
        "entries": np.empty(len(columns), np.uint32), "logs": np.empty(len(columns)), "cell_starts": starts,
        "stripe_starts": stripes, "parts": parts, "order": rng.permutation(sizes.size).astype(np.int32),
    }  # fmt: skip
    _core.glove_arrange(
        columns, dense[dense > 0], indptr, stripes, starts[:-1].reshape(sizes.shape), grid["entries"], grid["logs"]
    )
    words, contexts = rng.normal(0, 0.3, (rows, 2, width)), rng.normal(0, 0.3, (size, 2, width))
    words[:, 0, -1] = contexts[:, 0, -2] = 1
    words[:, 1] = contexts[:, 1] = 1
    return grid, dense, words, contexts


CASES = [
    (11, 3, [0, 2, 7, 20], 0.7, 16),
    (40, 8, [0, 1, 30], 0.3, 112),
    (9, 2, [0, 9], 1.0, 48),
    (5, 8, [0, 3], 0.0, 64),
]


@pytest.mark.parametrize("kept", [(), ("word",), ("word", "context")])
@pytest.mark.parametrize("case", CASES)
def test_one_pass_is_plain_adagrad(case, kept):
    grid, _, words, contexts = problem(*case)
    options = {"x_max": 10.0, "alpha": 0.75, "rate": 0.05, "seed": 7, "epoch": 3}
    for side, matrix in (("word", words), ("context", contexts)):
        if side in kept:
            options[f"{side}_factors"] = np.random.default_rng(1).choice([0.0, 0.25, 1.0], len(matrix))
    w, c = words.copy(), contexts.copy()
    expected = reference(grid, w, c, **options)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 2e-3)):
        for isa in each_isa():
            first = None
            for _ in each_team():
                got_w, got_c = words.astype(dtype), contexts.astype(dtype)
                arrays = grid | {"logs": grid["logs"].astype(dtype)} | options
                arrays |= {name: options[name].astype(dtype) for name in options if name.endswith("factors")}
                loss = _core.glove_train(words=got_w, contexts=got_c, **arrays)[0]
                result = got_w.tobytes() + got_c.tobytes() + loss.tobytes()
                first = first or result
                assert result == first, f"{dtype}, {isa}: another team, another result"
            np.testing.assert_allclose(got_w, w, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(got_c, c, rtol=tolerance, atol=tolerance)
            assert loss == pytest.approx(expected, rel=max(tolerance, 1e-4))


def test_cells_hold_every_count_once():
    grid, dense, *_ = problem(40, 8, [0, 1, 30], 0.3, 16)
    found = np.zeros_like(dense)
    stripes = len(grid["stripe_starts"]) - 1
    for cell in range(8 * stripes):
        for e in range(*grid["cell_starts"][cell : cell + 2]):
            entry = int(grid["entries"][e])
            row = (entry >> COLUMN_BITS) * 8 + cell // stripes
            column = grid["stripe_starts"][cell % stripes] + (entry & (1 << COLUMN_BITS) - 1)
            assert found[row, column] == 0
            found[row, column] = np.exp(grid["logs"][e])
    np.testing.assert_allclose(found, dense, rtol=1e-12)


def test_calls_may_be_cut_anywhere():
    grid, _, words, contexts = problem(40, 4, [0, 3, 9, 30], 0.6, 16)
    options = {"x_max": 10.0, "alpha": 0.75, "rate": 0.05, "seed": 1, "epoch": 0}
    results = set()
    for cuts in ([], [5], [1, 2, 7]):
        w, c = words.astype(np.float32), contexts.astype(np.float32)
        arrays = grid | {"logs": grid["logs"].astype(np.float32)}
        loss = 0.0
        for part in np.split(grid["order"], cuts):
            loss += _core.glove_train(words=w, contexts=c, **arrays | {"order": part}, **options)[0]
        results.add((w.tobytes(), c.tobytes(), loss))
    assert len(results) == 1
