"""The fastText trainer against a pure-NumPy twin, and the numbers of n-grams against the original's published algorithm.

The twin works in float64 and follows the text of one thread; which windows there are, test_word2vec.py's twin says.
"""

from itertools import pairwise

import numpy as np
import pytest
from harness import assert_close, assert_identical, each_isa, each_team, team
from kernels.test_word2vec import (
    BLOCK,
    MARGIN,
    OBJECTIVES,
    check_against_twin,
    check_bit_identical,
    check_long_sentences,
    check_same_examples,
    copied,
    make_case,
    place_outputs,
    sample_tokens,
    train,
    twin_cases,
    weights,
)

from seqnn import _core
from seqnn._strings import pack

WORDS = [
    "a",
    "ab",
    "the",
    "naïve",
    "</s>",
    "",
    "日本語",
    "<x>",
    "🙂🙃",
    "unbelievable",
    "\udc80\udc9f",
    "i\u0301",
    "s/",
]


def fnv(data):
    """FNV-1a over bytes that are taken as signed: fastText's hash."""
    h = 2166136261
    for byte in data:
        h = ((h ^ (byte if byte < 128 else byte - 256)) * 16777619) & 0xFFFFFFFF
    return h


def characters(data):
    """Bytes of one character each; stray continuation bytes belong to the character before them."""
    starts = [i for i, byte in enumerate(data) if byte & 0xC0 != 0x80] + [len(data)]
    return [data[i:j] for i, j in pairwise(starts)]


def ngrams(word, min_n, max_n, bucket):
    if word == "</s>":
        return []
    found, letters = [], characters(b"<" + word.encode("utf-8", "surrogateescape") + b">")
    for i in range(len(letters)):
        for n in range(1, min(max_n, len(letters) - i) + 1):
            border = n == 1 and i in (0, len(letters) - 1)
            if n >= min_n and not border:
                found.append(fnv(b"".join(letters[i : i + n])) % bucket)
    return found


def numbers(words, min_n, max_n, bucket):
    text, offsets = pack(words)
    counts = _core.fasttext_ngram_counts(text, offsets, min_n, max_n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return _core.fasttext_ngram_ids(text, offsets, starts, int(starts[-1]), min_n, max_n, bucket), starts


@pytest.mark.parametrize("lengths", [(3, 6), (1, 1), (1, 3), (0, 2), (2, 40), (4, 3), (3, 0)])
@pytest.mark.parametrize("bucket", [1, 97, 2_000_000, 2**31 - 1])
def test_ngrams_of_words(lengths, bucket):
    expected = [ngrams(word, *lengths, bucket) for word in WORDS]
    for _ in each_team():
        ids, starts = numbers(WORDS, *lengths, bucket)
        assert [ids[a:b].tolist() for a, b in pairwise(starts)] == expected


def test_known_hashes():
    # Of the original program: `fasttext print-ngrams` numbers its rows by these.
    ids, _ = numbers(["où"], 3, 6, 2_000_000)
    assert ids.tolist() == [fnv(s.encode()) % 2_000_000 for s in ("<où", "<où>", "où>")]
    assert fnv(b"\xc3") == ((2166136261 ^ 0xFFFFFFC3) * 16777619) % 2**32


@pytest.mark.parametrize("start", [0, 1, 3])
def test_sums_of_rows_that_lie_at_any_byte(start):
    rng = np.random.default_rng(0)
    for size, wide in ((1, 1), (7, 16), (100, 100)):
        rows = rng.normal(size=(9, wide)).astype(np.float32)
        data = np.frombuffer(b"x" * start + rows.tobytes(), np.uint8)[start:]
        offsets, ids = np.array([0, 3, 3, 10]), rng.integers(0, 9, 10)
        expected = [sum(rows[ids[a:b], :size], np.zeros(size, np.float32)) for a, b in pairwise(offsets)]
        for _ in each_isa():
            for _ in each_team():
                got = _core.fasttext_sums(data, 4 * wide, offsets, ids, size)
                assert_identical(got, np.stack(expected))
        with pytest.raises(ValueError, match="ids: a row lies outside"):
            _core.fasttext_sums(data[:-1], 4 * wide, offsets, np.full(10, 8), wide)
    with pytest.raises(ValueError, match="ids: a row lies outside"):
        _core.fasttext_sums(data, 400, offsets, np.full(10, -1), 100)


class Rows:
    """The rows of tokens: the mean of the rows of a word's parts, given back to them when a token goes out.

    Where rows take only shares of their changes all tokens go out before every window.
    """

    def __init__(self, case, tokens):
        self.input, self.parts = case["input"], [parts(case, token) for token in tokens]
        self.factors = case.get("factors")
        self.now, self.before, self.left, self.entered = {}, {}, None, 0

    def mean(self, j):
        return self.input[self.parts[j]].mean(0)

    def enter(self, i, contexts, window):
        if self.left is None or self.factors is not None:
            self.left = self.entered = max(0, i - window)
        for j in range(self.entered, max([i, *contexts]) + 1):
            self.now[j] = self.mean(j)
            self.before[j] = self.now[j].copy()
            self.entered = j + 1

    def leave(self, stop):
        if self.factors is not None:
            stop = self.entered
        while self.left is not None and self.left < min(stop, self.entered):
            change = self.now[self.left] - self.before[self.left]
            for row in self.parts[self.left]:
                self.input[row] += change * (1 if self.factors is None else self.factors[row])
            self.left += 1


def parts(case, token):
    return case["rows"][case["row_offsets"][token] : case["row_offsets"][token + 1]]


def errors(case, x, weight, outputs, alpha):
    """Errors [inputs, outputs] and the loss of inputs x against the groups of a window."""
    if case["cbow"]:
        x = (weight @ x)[None] / (weight.sum() if case["mean"] else 1)
    loss, found = 0.0, []
    for group in outputs:
        sign = np.array([s for _, _, s in group])
        z = sign * (x @ np.stack([case[name][row] for name, row, _ in group]).T)
        loss += float((sign**2 * np.logaddexp(0, z)).sum())
        found.append(-alpha * sign / (1 + np.exp(-z)))
    return found, loss


def update(case, x, weight, outputs, found):
    """Applies the errors to the inputs x (rows of a list) and to the outputs."""
    total = weight.sum()
    if case["cbow"]:
        hidden, back = sum(w * row for w, row in zip(weight, x, strict=True)) / (total if case["mean"] else 1), 0
    for group, error in zip(outputs, found, strict=True):
        rows = np.stack([case[name][row] for name, row, _ in group])
        if case["cbow"]:
            change, back = np.outer(error[0], hidden), back + error[0] @ rows
        else:
            change = error.T @ np.stack(x)
            for row, own in zip(x, error, strict=True):
                row += own @ rows
        for (name, row, sign), own in zip(group, change, strict=True):
            if sign:
                case[name][row] += own
    if case["cbow"]:
        for row in x:
            row += back if case["mean"] else back / total


def reference(case):
    """Trains case's matrices (float64) in place; returns loss and number of examples."""
    loss, examples = 0.0, 0
    for turn, index in enumerate(case["order"].tolist()):
        alpha = case["alpha"] + case["slope"] * turn
        tokens, windows = sample_tokens(case, index)
        rows = Rows(case, tokens)
        for i, contexts, negatives in windows:
            rows.leave(i - case["window"])
            rows.enter(i, contexts, case["window"])
            if not contexts:
                continue
            outputs, x = place_outputs(case, tokens[i], negatives), [rows.now[j] for j in contexts]
            weight = np.array([len(parts(case, tokens[j])) for j in contexts], float)
            found, more = errors(case, np.stack(x), weight, outputs, alpha)
            update(case, x, weight, outputs, found)
            loss, examples = loss + more, examples + (1 if case["cbow"] else len(contexts))
        rows.leave(len(tokens))
    return loss, examples


def make_parts(rng, case, buckets=30, most=9):
    """The case of word2vec's twin with `buckets` more input rows, and up to `most` of them for each word."""
    words, width = case["input"].shape
    dim = np.flatnonzero(case["input"].any(0)).max() + 1
    more = np.pad(rng.normal(size=(buckets, dim)) * 0.4, ((0, 0), (0, width - dim)))
    rows = [np.concatenate([[v], words + rng.integers(0, buckets, rng.integers(0, most))]) for v in range(words)]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    return case | {
        "input": np.concatenate([case["input"], more]),
        "row_offsets": offsets,
        "rows": np.concatenate(rows).astype(np.int32),
    }


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("shape", ["skip-gram", "cbow-mean", "cbow-sum"])
def test_training_equals_the_twin(shape, objective, deterministic):
    rng = np.random.default_rng(1)
    how = OBJECTIVES[objective] | {"cbow": shape != "skip-gram", "mean": shape == "cbow-mean", "alpha": 0.02}
    for case in twin_cases(rng, **how):
        case = make_parts(rng, case)
        case["input"] = case["input"] * (0.1 if shape == "cbow-sum" else 1)  # sums of dozens of rows
        check_against_twin(case, reference, deterministic, (1e-11, 1e-4), 1e-4)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("cbow", [False, True])
def test_rows_take_the_share_of_their_changes_that_their_factor_says(cbow, objective, deterministic):
    rng = np.random.default_rng(8)
    for case in twin_cases(rng, cbow=cbow, **OBJECTIVES[objective]):
        case = make_parts(rng, case)
        case["factors"] = rng.choice([0, 0.5, 1, 2], len(case["input"]))
        check_against_twin(case, reference, deterministic, (1e-11, 1e-4), 1e-4)
        got = copied(case)
        train(got, deterministic=deterministic)
        kept = case["factors"] == 0
        assert_identical(got["input"][kept], case["input"][kept])


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("cbow", [False, True])
def test_without_ngrams_it_is_word2vec(cbow, deterministic):
    rng = np.random.default_rng(2)
    case = make_case(rng, 400, words=2000, cbow=cbow)
    case["ids"] = rng.permutation(2000)[:400].astype(np.int32)  # no word occurs twice in a window
    alone = {"row_offsets": np.arange(2001), "rows": np.arange(2000, dtype=np.int32)}
    got, expected = copied(case), copied(case)
    with team(1):
        loss, examples = _core.fasttext_train(**got, **alone, deterministic=deterministic)
        wanted = _core.word2vec_train(**expected, deterministic=deterministic)
    assert examples == wanted[1] and loss == pytest.approx(wanted[0], rel=1e-12)
    assert_close(weights(got), weights(expected), 1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("cbow", [False, True])
def test_deterministic_mode_is_bit_identical_for_any_team_and_any_cut(cbow, objective):
    rng = np.random.default_rng(3)
    how = {"words": 300, "width": 112, "dim": 100, "cbow": cbow} | OBJECTIVES[objective]
    check_bit_identical(make_parts(rng, make_case(rng, 3 * BLOCK + 500, **how), buckets=1000))


def test_default_mode_trains_on_the_same_examples_for_any_team_and_any_cut():
    rng = np.random.default_rng(4)
    check_same_examples(make_parts(rng, make_case(rng, 4 * BLOCK + 77, words=300, alpha=0.01), buckets=1000), 0.05)


@pytest.mark.parametrize("deterministic", [False, True])
def test_windows_larger_than_the_sentences_tiny_vocabularies_and_nothing_at_all(deterministic):
    rng = np.random.default_rng(5)
    for words, tokens, window in ((1, 40, 3), (2, 60, 1000), (3, 50, 10**6), (2, 0, 5)):
        for cbow in (False, True):
            case = make_parts(
                rng, make_case(rng, tokens, words=words, window=window, cbow=cbow, lengths=(1, 9), alpha=0.01)
            )
            expected, got = copied(case), copied(case)
            loss, examples = reference(expected)
            with team(1):
                assert train(got, deterministic=deterministic) == (pytest.approx(loss, rel=1e-5), examples)
            assert_close(weights(got), weights(expected), 1e-9)


def test_a_sentence_may_be_longer_than_a_block():
    rng = np.random.default_rng(6)
    how = {"words": 40, "width": 16, "dim": 7, "lengths": (10**6, 10**6 + 1), "window": 3, "alpha": 0.005}
    check_long_sentences(make_parts(rng, make_case(rng, BLOCK + MARGIN, **how)), reference)


@pytest.mark.parametrize("deterministic", [False, True])
def test_overflowing_weights_neither_hang_nor_crash(deterministic):
    rng = np.random.default_rng(7)
    for value in (1e30, np.inf, np.nan):
        case = copied(make_parts(rng, make_case(rng, 400, hs=True)), np.float32)
        case["input"][3] = value
        for _ in each_isa():
            train(copied(case, np.float32), deterministic=deterministic)
