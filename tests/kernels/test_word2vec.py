"""The word2vec trainer against a pure-NumPy twin that draws, samples and trains as stated in csrc/kernels/word2vec*.

The twin works in float64 and follows the text window by window, which is what the kernel does on one thread, and with
`deterministic` on any number of them.
"""

from itertools import pairwise

import numpy as np
import pytest
from harness import TEAMS, assert_close, assert_identical, each_isa, team

from seqnn import _core

BLOCK, MARGIN, GROUP = 8192, 1024, 6
MASK = np.uint64(2**32 - 1)


def philox(count, seed, stream, start=0):
    """`count` draws of 32 bits from counter `start` on."""
    position = np.uint64(start) + np.arange((count + 3) // 4, dtype=np.uint64)
    c = [position & MASK, position >> np.uint64(32), np.full_like(position, stream), np.zeros_like(position)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [
            p1 >> np.uint64(32) ^ c[1] ^ np.uint64(k[0]),
            p1 & MASK,
            p0 >> np.uint64(32) ^ c[3] ^ np.uint64(k[1]),
            p0 & MASK,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).ravel()[:count]


def sample_block(case, index):
    """The windows (centre, contexts, negatives) of a block."""
    tokens, windows = sample_tokens(case, index)
    return [(tokens[i], tokens[contexts], negatives) for i, contexts, negatives in windows]


def sample_tokens(case, index):
    """All kept tokens of the corpus; the windows of a block as places among them."""
    ids, offsets, seed, stream = case["ids"], case["offsets"], case["seed"], 3 * case["epoch"]
    first, last = index * BLOCK, min((index + 1) * BLOCK, len(ids))
    draws = philox(len(ids), seed, stream)
    keep = case["keep"]
    kept = np.ones(len(ids), bool) if keep is None else draws <= keep[ids]
    position, sentence = np.flatnonzero(kept), np.searchsorted(offsets, np.arange(len(ids)), side="right")
    centres = [int(i) for i in np.flatnonzero((position >= first) & (position < last))]
    cut = philox(len(centres), seed, stream + 1, index << 32) * np.uint64(case["window"]) >> np.uint64(32)
    negatives = philox(len(centres) * case["negative"], seed, stream + 2, index << 32)
    if case["alias_threshold"] is not None:
        product = negatives * np.uint64(len(case["alias_threshold"]))
        slot = (product >> np.uint64(32)).astype(np.int64)
        negatives = np.where((product & MASK) <= case["alias_threshold"][slot], slot, case["alias_other"][slot])
    negatives = negatives.reshape(len(centres), -1)
    windows = []
    for c, i in enumerate(centres):
        span = case["window"] - (int(cut[c]) if case["shrink"] else 0)
        contexts = [
            j
            for j in range(max(0, i - span), min(len(position), i + span + 1))
            if j != i
            and sentence[position[j]] == sentence[position[i]]
            and first - MARGIN <= position[j] < last + MARGIN
        ]
        windows.append((i, contexts, negatives[c]))
    return ids[position], windows


def place_outputs(case, centre, negatives):
    """The groups of a window: lists of (matrix name, row, sign)."""
    groups = []
    if case["nodes"] is not None:
        span = slice(case["path_offsets"][centre], case["path_offsets"][centre + 1])
        path = [
            ("nodes", n, 2.0 * c - 1) for n, c in zip(case["path_nodes"][span], case["path_codes"][span], strict=True)
        ]
        groups += [path[g : g + GROUP] for g in range(0, len(path), GROUP)]
    if case["output"] is not None:
        row = [("output", centre, -1.0)]
        for k, negative in enumerate(negatives):
            seen = negative == centre or negative in negatives[:k]
            row.append(("output", negative, 0.0 if seen else 1.0))
        groups += [row[g : g + GROUP] for g in range(0, len(row), GROUP)]
    return groups


def reference(case, sample=sample_block):
    """Trains case's matrices (float64) in place on the windows that `sample` gives; returns loss and number of examples."""
    loss, examples, cbow = 0.0, 0, case["cbow"]
    w = {name: case[name] for name in ("input", "output", "nodes")}
    for turn, index in enumerate(case["order"].tolist()):
        alpha = case["alpha"] + case["slope"] * turn
        for centre, contexts, negatives in sample(case, index):
            if not len(contexts):
                continue
            examples += 1 if cbow else len(contexts)
            rows = w["input"][contexts]
            if cbow:
                rows = rows.sum(0, keepdims=True) / (len(contexts) if case["mean"] else 1)
            groups = []
            for group in place_outputs(case, centre, negatives):
                sign = np.array([s for _, _, s in group])
                outputs = np.stack([w[name][row] for name, row, _ in group])
                z = sign * (rows @ outputs.T)
                loss += float((sign**2 * np.logaddexp(0, z)).sum())
                groups.append((group, -alpha * sign / (1 + np.exp(-z))))
            apply_updates(w, contexts, groups, rows[0] if cbow else None, case["mean"])
    return loss, examples


def apply_updates(w, contexts, groups, hidden, mean):
    """Adds the errors of one window to the rows, group after group; `hidden`: sum or mean of the contexts for CBOW."""
    back = 0
    for group, error in groups:
        outputs = np.stack([w[name][row] for name, row, _ in group])
        change = np.zeros_like(outputs)
        if hidden is not None:
            change = error.T @ hidden[None]
            back = back + error[0] @ outputs
        else:
            for i, c in enumerate(contexts):
                change += np.outer(error[i], w["input"][c])
                w["input"][c] += error[i] @ outputs
        for j, (name, row, sign) in enumerate(group):
            if sign:
                w[name][row] += change[j]
    if hidden is not None:
        for c in contexts:
            w["input"][c] += back if mean else back / len(contexts)


def make_case(
    rng,
    tokens,
    *,
    words=23,
    width=32,
    dim=20,
    lengths=(0, 30),
    hs=False,
    ns=True,
    negative=5,
    sub_sampled=True,
    **change,
):
    """Random weights, tables and sentences: any alias table and any tree with distinct nodes on a path is legal."""
    counts = rng.integers(*lengths, size=tokens)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    offsets = np.append(offsets[offsets < tokens], tokens)
    ids = np.minimum(rng.geometric(0.15, tokens) - 1, words - 1).astype(np.int32)
    depth = rng.integers(1, 16, size=words)
    matrix = lambda rows: np.pad(rng.normal(size=(rows, dim)) * 0.4, ((0, 0), (0, width - dim)))  # noqa: E731
    u32 = lambda: rng.integers(0, 2**32, words, dtype=np.uint32)  # noqa: E731
    case = {
        "ids": ids,
        "offsets": offsets,
        "order": rng.permutation(-(-tokens // BLOCK)).astype(np.int32),
        "input": matrix(words),
        "output": matrix(words) if ns else None,
        "nodes": matrix(20) if hs else None,
        "keep": u32() | np.uint32(1 << 31) if sub_sampled else None,
        "alias_threshold": u32() if ns else None,
        "alias_other": rng.integers(0, words, words).astype(np.int32) if ns else None,
        "path_offsets": np.concatenate([[0], np.cumsum(depth)]) if hs else None,
        "path_nodes": np.concatenate([rng.permutation(20)[:d] for d in depth]).astype(np.int32) if hs else None,
        "path_codes": rng.integers(0, 2, depth.sum()).astype(np.uint8) if hs else None,
    }
    settings = {"window": 4, "cbow": False, "mean": True, "shrink": True, "seed": 2**40 + 9, "epoch": 2}
    return case | settings | {"alpha": 0.05, "slope": -1e-3} | {"negative": negative if ns else 0} | change


def copied(case, dtype=np.float64):
    return {k: v.astype(dtype) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for k, v in case.items()}


def train(case, *, deterministic=False, cuts=()):
    """Runs the kernel over the whole corpus in place, cut into calls after `cuts` blocks; returns (loss, examples)."""
    loss, examples = 0.0, 0
    for first, last in pairwise([0, *cuts, len(case["order"])]):
        part = case | {"order": case["order"][first:last], "alpha": case["alpha"] + case["slope"] * first}
        name = "doc2vec" if "documents" in case else "fasttext" if "rows" in case else "word2vec"
        kernel = getattr(_core, f"{name}_train")
        more, count = kernel(**part, deterministic=deterministic)
        loss, examples = loss + more.item(), examples + count.item()
    return loss, examples


def weights(case):
    names = ("input", "output", "nodes", "documents", "null_word")
    return tuple(case[name] for name in names if case.get(name) is not None)


OBJECTIVES = {"ns": {}, "hs": {"ns": False, "hs": True}, "both": {"hs": True}}


def twin_cases(rng, **how):
    """Cases for a twin: sub-sampled and not, all widths that have functions of their own."""
    return [
        make_case(rng, 330, **how),
        make_case(rng, 150, **how, shrink=False, sub_sampled=False, window=7, negative=1, width=16, dim=16),
        make_case(rng, 150, **how, words=200, negative=13, width=112, dim=100, window=5),
        make_case(rng, 80, **how, words=200, negative=3, width=304, dim=300, window=5),
    ]


def check_against_twin(case, twin, deterministic, tolerances, loss_tolerance=1e-5):
    """One thread on all instruction sets; the tolerances are those of float64 and float32."""
    expected = copied(case)
    expected_loss = twin(expected)
    for dtype, tolerance in zip((np.float64, np.float32), tolerances, strict=True):
        for isa in each_isa():
            with team(1):
                got = copied(case, dtype)
                loss, examples = train(got, deterministic=deterministic)
                assert examples == expected_loss[1]
                assert loss == pytest.approx(expected_loss[0], rel=loss_tolerance)
                assert_close(weights(got), weights(expected), tolerance, f"{dtype}, {isa}")


def check_long_sentences(case, twin):
    """A run over blocks of one sentence, cut in two."""
    assert case["offsets"].tolist() == [0, len(case["ids"])]
    expected, got = copied(case), copied(case)
    loss, examples = twin(expected)
    with team(1):
        assert train(got, cuts=(1,)) == (pytest.approx(loss, rel=1e-5), examples)
    assert_close(weights(got), weights(expected), 1e-9)


def check_bit_identical(case):
    """The deterministic mode for all teams, however a run is cut into calls."""
    case = case | {"alpha": 2.0**-6, "slope": -(2.0**-10)}  # learning rates of blocks are exact
    for dtype in (np.float32, np.float64):
        first = None
        for size, cuts in zip((*TEAMS, 2), ((), (1,), (2, 3), (), (1, 2)), strict=True):
            with team(size):
                got = copied(case, dtype)
                loss, examples = train(got, deterministic=True, cuts=cuts)
            first = first or (weights(got), loss, examples)
            assert_identical(weights(got), first[0], f"{dtype}, team of {size}, cuts {cuts}")
            assert examples == first[2] and loss == pytest.approx(first[1], rel=1e-14)


def check_same_examples(case, loss_tolerance):
    """The default mode for all teams, however a run is cut into calls."""
    expected = train(copied(case, np.float32))
    for size in TEAMS:
        for cuts in ((), (1, 3)):
            with team(size):
                got = copied(case, np.float32)
                loss, examples = train(got, cuts=cuts)
            assert examples == expected[1]
            assert loss == pytest.approx(expected[0], rel=loss_tolerance)
            assert all(np.isfinite(w).all() for w in weights(got))


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("shape", ["skip-gram", "cbow-mean", "cbow-sum"])
def test_training_equals_the_twin(shape, objective, deterministic):
    how = OBJECTIVES[objective] | {"cbow": shape != "skip-gram", "mean": shape == "cbow-mean"}
    for case in twin_cases(np.random.default_rng(1), **how):
        check_against_twin(case, reference, deterministic, (1e-12, 2e-5))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("cbow", [False, True])
def test_deterministic_mode_is_bit_identical_for_any_team_and_any_cut(cbow, objective):
    how = {"words": 300, "width": 112, "dim": 100, "cbow": cbow} | OBJECTIVES[objective]
    check_bit_identical(make_case(np.random.default_rng(2), 3 * BLOCK + 500, **how))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_default_mode_trains_on_the_same_examples_for_any_team_and_any_cut(objective):
    case = make_case(np.random.default_rng(3), 4 * BLOCK + 77, words=300, **OBJECTIVES[objective])
    check_same_examples(case, 0.02)


def test_a_sentence_may_be_longer_than_several_blocks():
    how = {"words": 40, "width": 16, "dim": 7, "lengths": (10**6, 10**6 + 1), "window": 3}
    check_long_sentences(make_case(np.random.default_rng(4), 2 * BLOCK + 900, **how), reference)


@pytest.mark.parametrize("deterministic", [False, True])
def test_windows_larger_than_the_sentences_tiny_vocabularies_and_nothing_at_all(deterministic):
    rng = np.random.default_rng(5)
    for words, tokens, window in ((1, 40, 3), (2, 60, 1000), (3, 50, 10**6), (2, 0, 5)):
        for cbow in (False, True):
            case = make_case(rng, tokens, words=words, window=window, cbow=cbow, hs=words > 1, lengths=(1, 9))
            expected, got = copied(case), copied(case)
            loss, examples = reference(expected)
            with team(1):
                assert train(got, deterministic=deterministic) == (pytest.approx(loss, rel=1e-5), examples)
            assert_close(weights(got), weights(expected), 1e-9)


def test_sentences_of_one_token_change_nothing():
    case = make_case(np.random.default_rng(6), 100, lengths=(1, 2))
    got = copied(case)
    assert train(got) == (0, 0)
    assert_identical(weights(got), weights(case))


def test_padding_stays_zero():
    case = copied(make_case(np.random.default_rng(7), 500, width=48, dim=33, hs=True), np.float32)
    train(case)
    assert all((w[:, 33:] == 0).all() for w in weights(case))


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("cbow", [False, True])
def test_overflowing_weights_neither_hang_nor_crash(cbow, deterministic):
    for value in (1e4, 1e30, np.inf, np.nan):
        case = copied(make_case(np.random.default_rng(8), 400, cbow=cbow, hs=True), np.float32)
        case["input"][3] = value
        for _ in each_isa():
            loss, _ = train(copied(case, np.float32), deterministic=deterministic)
            if value == 1e4:
                assert np.isfinite(loss)
            if np.isnan(value):
                assert np.isnan(loss)
