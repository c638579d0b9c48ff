"""Longest common subsequences, against the table of lengths."""

import numpy as np
import pytest
from harness import each_team
from hypothesis import given
from hypothesis import strategies as st

from seqnn import _core
from seqnn.metrics import _lcs
from seqnn.metrics._tokens import Tokens


def table(x, y):
    lengths = np.zeros((len(x) + 1, len(y) + 1), int)
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            same = x[i - 1] == y[j - 1]
            lengths[i, j] = lengths[i - 1, j - 1] + 1 if same else max(lengths[i - 1, j], lengths[i, j - 1])
    return lengths


def places(x, y):
    """Places in x of one LCS, from the end: y's token goes where that leaves the longer rest, else x's."""
    lengths, found = table(x, y), set()
    i, j = len(x), len(y)
    while i and j:
        if x[i - 1] == y[j - 1]:
            i, j = i - 1, j - 1
            found.add(i)
        elif lengths[i, j - 1] > lengths[i - 1, j]:
            j -= 1
        else:
            i -= 1
    return found


def union_hits(hypothesis, reference):
    left = [token for sentence in hypothesis for token in sentence]
    hits = 0
    for sentence in reference:
        for place in sorted(set().union(*(places(sentence, other) for other in hypothesis))):
            if sentence[place] in left:
                left.remove(sentence[place])
                hits += 1
    return hits


def weighted(x, y, f):
    """Lin's table: length and run of matches that ends here."""
    lengths = np.zeros((len(x) + 1, len(y) + 1))
    runs = np.zeros((len(x) + 1, len(y) + 1), int)
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            if x[i - 1] == y[j - 1]:
                run = runs[i - 1, j - 1]
                lengths[i, j] = lengths[i - 1, j - 1] + f(run + 1) - f(run)
                runs[i, j] = run + 1
            else:
                lengths[i, j] = max(lengths[i - 1, j], lengths[i, j - 1])
    return lengths[-1, -1]


def tokens_of(sequences):
    offsets = np.cumsum([0, *map(len, sequences)])
    ids = np.array([token for s in sequences for token in s], np.int32)
    return Tokens(ids, offsets, int(ids.max(initial=-1)) + 1)


SEQUENCE = st.lists(st.integers(0, 4), max_size=12)


@given(SEQUENCE, SEQUENCE)
def test_any_two_sequences(x, y):
    tokens = tokens_of([x, y])
    assert _lcs.lcs_length(tokens, np.array([0, 1]), np.array([1, 0])).tolist() == [table(x, y)[-1, -1]] * 2
    got = _lcs.lcs_weighted(tokens, np.array([0]), np.array([1]), 1.2)
    assert got[0] == pytest.approx(weighted(x, y, lambda k: k**1.2), rel=1e-12)


@given(st.lists(SEQUENCE, max_size=4), st.lists(SEQUENCE, max_size=4))
def test_any_two_documents(hypothesis, reference):
    bounds = np.array([0, len(hypothesis), len(hypothesis) + len(reference)])
    got = _lcs.lcs_union(tokens_of([*hypothesis, *reference]), bounds, np.array([0]), np.array([1]))
    assert got[0] == union_hits(hypothesis, reference)


@pytest.mark.parametrize("sizes", [(1, 200), (63, 64), (64, 65), (65, 129), (128, 300), (200, 190)])
@pytest.mark.parametrize("words", [2, 12, 90])
def test_sequences_longer_than_a_word_of_bits(sizes, words):
    rng = np.random.default_rng(sum(sizes))
    x, y = (rng.integers(0, words, size).tolist() for size in sizes)
    tokens = tokens_of([x, y, x])
    expected = table(x, y)[-1, -1]
    for _ in each_team():
        got = _lcs.lcs_length(tokens, np.array([0, 1, 0]), np.array([1, 0, 2]))
        assert got.tolist() == [expected, expected, len(x)]
        union = _lcs.lcs_union(tokens, np.array([0, 1, 3]), np.array([0, 1]), np.array([1, 0]))
        assert union.tolist() == [union_hits([x], [y, x]), union_hits([y, x], [x])]


def test_lins_example_prefers_matches_in_a_row():
    tokens = tokens_of([[*b"ABCDEFG"], [*b"ABCDHIK"], [*b"AHBKCID"]])
    got = _lcs.lcs_weighted(tokens, np.array([1, 2]), np.array([0, 0]), 2)
    assert np.sqrt(got / 7**2).round(3).tolist() == [0.571, 0.286]  # as in the paper
    assert _lcs.lcs_length(tokens, np.array([1, 2]), np.array([0, 0])).tolist() == [4, 4]


def test_teams_give_the_same():
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, 9, rng.integers(0, 90)).tolist() for _ in range(300)]
    tokens, left = tokens_of(sequences), rng.integers(0, 300, 500)
    right, first = rng.integers(0, 300, 500), None
    for _ in each_team():
        got = [
            _lcs.lcs_length(tokens, left, right),
            _lcs.lcs_weighted(tokens, left, right, 1.2),
            _lcs.lcs_union(tokens, np.arange(0, 301, 3), left // 3, right // 3),
        ]
        first = first or got
        assert all(a.tobytes() == b.tobytes() for a, b in zip(got, first, strict=True))
    assert first[0].tolist()[:50] == [
        table(sequences[a], sequences[b])[-1, -1] for a, b in zip(left[:50], right[:50], strict=True)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 2], [0], [0], 1), "ids"),
        (([0, 1], [0, 2], [0], [1], 2), "right"),
        (([0, 1], [0, 3], [0], [0], 2), "offsets"),
    ],
)
def test_bad_ids_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"lcs_length: .*{message}"):
        _core.lcs_length(*arguments)
    with pytest.raises(ValueError, match="weight for each number of tokens in a row"):
        _core.lcs_weighted([0, 1], [0, 2], [0], [0], [0.0, 1.0])
