"""Counting: the n-grams of each length are those of a loop over the sentences, for any number of threads and any memory."""

from itertools import pairwise

import numpy as np
import pytest
from harness import each_team
from ngram_reference import count as reference
from ngram_reference import make_sentences

from seqnn import _core
from seqnn.lm import _ngram_count
from seqnn.lm._ngram_count import BOS, EOS, count
from seqnn.text import Corpus


def encoded(sentences):
    """A corpus, the mapping of its ids to the numbers of words, and these words."""
    words = ["<unk>", "<s>", "</s>", *sorted({w for s in sentences for w in s})]
    ids = [words.index(w) - 3 for s in sentences for w in s]
    offsets = np.cumsum([0, *map(len, sentences)])
    return Corpus(np.array(ids, np.int32), offsets), np.arange(3, len(words), dtype=np.int32), words


def as_counters(levels, words):
    """[{n-gram: count}], and that each stands once and after those that come before it in the order of numbers."""
    grams = [()]
    counters = []
    for level in levels:
        grams = [(*grams[p], w) for p, w in zip(level.parents.tolist(), level.words.tolist(), strict=True)]
        assert grams == sorted(set(grams))
        counters.append({tuple(words[i] for i in g): c for g, c in zip(grams, level.first.tolist(), strict=True)})
    assert counters[0].pop(("<s>",), None) is not None
    return counters


@pytest.mark.parametrize("order", [1, 2, 3, 6, 16])
def test_counts_are_those_of_a_loop(order):
    for seed, sentences in enumerate(
        [make_sentences(1), make_sentences(2, 300, 4, 30), [[]], [["a"]], [[], ["a", "a"]]]
    ):
        corpus, mapping, words = encoded(sentences)
        expected = [dict(c) for c in reference(sentences, order)]
        for _ in each_team():
            assert as_counters(count(corpus, mapping, len(words), order), words) == expected, seed


@pytest.mark.parametrize("limit", [1, 20_000, 200_000])
def test_counts_within_a_memory_are_the_same(limit, monkeypatch):
    monkeypatch.setattr(_ngram_count, "_MOST_RUNS", 3)
    corpus, mapping, words = encoded(make_sentences(3, 3000, 50, 12))
    seen = []
    for order in (1, 4):
        whole = count(corpus, mapping, len(words), order)
        parts = count(corpus, mapping, len(words), order, limit, lambda done, total: seen.append((done, total)))
        for one, other in zip(whole, parts, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
    assert seen[-1] == (len(corpus.ids), len(corpus.ids)) and len(seen) > 2


def test_words_can_be_left_out():
    corpus, mapping, words = encoded([["a", "b", "a"], ["b"], ["a"]])
    mapping[words.index("b") - 3] = -1
    for _ in each_team():
        expected = [dict(c) for c in reference([["a", "a"], [], ["a"]], 3)]
        assert as_counters(count(corpus, mapping, len(words), 3), words) == expected


def test_rows_are_sorted_and_equal_ones_keep_their_order():
    text = np.array([BOS, 5, 4, EOS, BOS, 5, 4, EOS, BOS, 4, 4, 4, EOS, BOS, EOS], np.int32)
    rows = [tuple(text[i : i + 3].tolist()) for i in range(len(text))]
    rows = [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]
    order = sorted(range(len(rows)), key=lambda i: (rows[i], i))
    for _ in each_team():
        positions, shared = _core.ngram_count_sort(text, 6, 3)
        assert positions.tolist() == order
        for k, (a, b) in enumerate(pairwise(order), 1):
            common = next((n for n, (x, y) in enumerate(zip(rows[a], rows[b], strict=False)) if x != y), 3)
            assert shared[k] == (common if rows[a] != rows[b] else 3)
        assert shared[0] == 0


@pytest.mark.parametrize("words", [2**9, 2**23, 2**31 - 1])
@pytest.mark.parametrize("rows", [12, 13, 64, 65, 3000])
def test_large_numbers_and_groups_of_all_sizes_are_sorted(words, rows):
    rng = np.random.default_rng(rows)
    text = np.full((rows, 3), EOS, np.int32)
    text[:, 0] = words - 1
    text[:, 1] = rng.integers(3, words, rows)
    text[rows // 3 :, 1] = rng.choice(text[: rows // 3, 1], rows - rows // 3)
    expected = sorted(range(rows), key=lambda i: (int(text[i, 1]), i))
    for _ in each_team():
        positions, _ = _core.ngram_count_sort(text.ravel(), words, 2)
        assert (positions[positions % 3 == 0] // 3).tolist() == expected


def test_kernels_refuse_what_does_not_fit():
    text = np.array([BOS, 3, EOS], np.int32)
    with pytest.raises(ValueError, match="ids: expected numbers below map's size"):
        _core.ngram_count_stream(np.array([1], np.int32), np.array([0, 1]), np.array([3], np.int32))
    with pytest.raises(ValueError, match="stream: expected numbers below words"):
        _core.ngram_count_sort(text, 3, 2)
    with pytest.raises(ValueError, match="order"):
        _core.ngram_count_sort(text, 4, 17)
    positions, shared = _core.ngram_count_sort(text, 4, 2)
    bounds = np.array([0, 3])
    sizes = _core.ngram_count_sizes(text, positions, shared, bounds, 2)
    small = [np.zeros(2, np.uint32) for _ in range(3)]
    with pytest.raises(ValueError, match="sizes do not fit the rows"):
        _core.ngram_count_levels(text, positions, None, shared, bounds, 2, sizes, *small)
    with pytest.raises(ValueError, match="too few places"):
        _core.ngram_count_distinct(text, positions, shared, 2, np.zeros((1, 2), np.int32), np.zeros(1, np.uint32))
    with pytest.raises(ValueError, match="too many places"):
        _core.ngram_count_distinct(text, positions, shared, 2, np.zeros((9, 2), np.int32), np.zeros(9, np.uint32))
    with pytest.raises(ValueError, match="at most 2\\*\\*31 - 1"):
        count(Corpus(np.broadcast_to(np.int32(0), 2**31), np.array([0, 2**31])), np.zeros(1, np.int32), 4, 2)
