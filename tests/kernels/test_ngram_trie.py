"""Tries: every n-gram is found, and no other; the same bits for any number of threads; nothing in the arrays is trusted."""

import itertools
from contextlib import suppress

import numpy as np
import pytest
from attacker import guarded, release
from harness import each_team
from ngram_reference import make_sentences

from seqnn import _core
from seqnn.lm import NGramLM
from seqnn.lm._ngram_trie import Level, TrieBuilder, build


def make_levels(seed, words, sizes):
    """Random n-grams closed under leaving the last word out, in the order of words: their levels, and as tuples."""
    rng = np.random.default_rng(seed)
    grams = [(w,) for w in range(words)]
    levels = [Level(np.arange(words, dtype=np.uint32), np.zeros(words, np.uint32), *_figures(words))]
    everything = [grams]
    for size in sizes:
        parents = np.minimum(rng.zipf(1.3, size), len(grams)) - 1  # a few contexts have many children
        grams = sorted({(*everything[-1][p], int(rng.integers(0, words))) for p in parents})
        index = {gram: i for i, gram in enumerate(everything[-1])}
        parents = np.array([index[gram[:-1]] for gram in grams], np.uint32)
        levels.append(Level(np.array([g[-1] for g in grams], np.uint32), parents, *_figures(len(grams))))
        everything.append(grams)
    return levels, everything


def _figures(size):
    return np.arange(size, dtype=np.uint32), np.arange(size, dtype=np.uint32) + np.uint32(7)


@pytest.mark.parametrize(("words", "sizes"), [(3, ()), (5, (4,)), (40, (300,)), (60, (2000, 3000)), (9, (20, 0, 0))])
def test_every_ngram_is_found_and_no_other(words, sizes):
    levels, grams = make_levels(1, words, sizes)
    first = None
    for _ in each_team():
        trie = build(levels, words)
        first = first or trie
        assert trie.nodes.tobytes() == first.nodes.tobytes() and trie.leaves.tobytes() == first.leaves.tobytes()
        assert trie.words == words and trie.counts == [len(g) for g in grams]
        for n, expected in enumerate(grams, 1):
            present = set(expected)
            if n < 3:
                rows = np.array(list(itertools.product(range(words), repeat=n)), np.int32)
            else:
                rows = np.array([*expected, *((*g[:-1], (g[-1] + 1) % words) for g in expected)], np.int32).reshape(
                    -1, n
                )
            slots = _core.ngram_trie_find(trie.nodes, trie.leaves, trie.order, rows)
            assert [slot > 0 for slot in slots.tolist()] == [tuple(row) in present for row in rows.tolist()]
            found = slots[slots > 0]
            assert len(set(found.tolist())) == len({tuple(row) for row in rows.tolist()} & present)
            assert all(trie.starts[n] <= slot < trie.starts[n + 1] for slot in found.tolist())


def test_levels_come_back():
    levels, grams = make_levels(2, 50, (700, 900))
    back = [()]
    for given, level, expected in zip(levels, build(levels, 50).levels(), grams, strict=True):
        back = [(*back[p], w) for p, w in zip(level.parents.tolist(), level.words.tolist(), strict=True)]
        assert sorted(back) == expected
        figures = dict(zip(expected, zip(given.first.tolist(), given.second.tolist(), strict=True), strict=True))
        assert level.first.tolist() == [figures[gram][0] for gram in back]
        assert level.second is None or level.second.tolist() == [figures[gram][1] for gram in back]


def test_the_slot_without_the_first_word():
    levels, grams = make_levels(3, 30, (400, 500))
    trie = build(levels, 30)
    for _ in each_team():
        suffixes, missing = _core.ngram_trie_suffixes(trie.nodes, trie.leaves, 3)
        assert missing[0] == sum(g[1:] not in set(grams[1]) for g in grams[2])
        for n in (2, 3):
            rows = np.array(grams[n - 1], np.int32)
            slots = _core.ngram_trie_find(trie.nodes, trie.leaves, 3, rows)
            expected = _core.ngram_trie_find(trie.nodes, trie.leaves, 3, rows[:, 1:])
            np.testing.assert_array_equal(suffixes[slots], expected)


def test_the_second_of_two_equal_ngrams_gets_no_slot():
    builder = TrieBuilder([4, 3])
    slots = builder.add_words(np.arange(4), *_figures(4))
    parents, words = np.array([1, 2, 1]), np.array([3, 3, 3], np.uint32)
    assert (builder.add(slots[parents], words, np.zeros(3, np.uint32), None) > 0).tolist() == [True, True, False]


def test_damaged_tries_are_refused_or_searched_in_vain():
    levels, grams = make_levels(4, 20, (100, 200))
    trie = build(levels, 20)
    rows = np.array(grams[2], np.int32)
    with pytest.raises(ValueError, match="no trie of n-grams of this order"):
        _core.ngram_trie_find(trie.nodes, trie.leaves, 2, rows[:, :2])
    rng = np.random.default_rng(0)
    for _ in range(300):
        nodes = trie.nodes.copy()
        nodes.reshape(-1)[rng.integers(0, nodes.size, 5)] = rng.integers(0, 2**32, 5)
        with suppress(ValueError):
            slots = _core.ngram_trie_find(nodes, trie.leaves, 3, rows)
            suffixes, _ = _core.ngram_trie_suffixes(nodes, trie.leaves, 3)
            assert max(slots.max(), suffixes.max()) < len(nodes) - 1 + len(trie.leaves)


def test_children_of_other_nodes_or_without_room_are_refused():
    nodes = np.zeros((9, 4), np.uint32)
    nodes[0, 3], nodes[1:5, 3] = 1, 4
    three = np.array([1, 2, 3], np.uint32)
    with pytest.raises(ValueError, match="parents: expected nodes from low to high - 1"):
        _core.ngram_trie_room(nodes, 1, 3, three)
    assert _core.ngram_trie_room(nodes, 1, 4, three).tolist() == [7]
    with pytest.raises(ValueError, match="no room"):
        _core.ngram_trie_place(nodes, np.zeros((2, 2), np.uint32), 1, 4, three, three, three)
    with pytest.raises(ValueError, match="low <= high"):
        _core.ngram_trie_place(nodes, None, 4, 1, three, three, three)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_spoilt_tries_give_numbers_or_an_error_and_nothing_else(order):
    trie = NGramLM(order).fit(make_sentences(11, 60, 25))._model.scorer.trie
    rng = np.random.default_rng(order)
    for _ in range(300):
        nodes, leaves = np.array(trie.nodes), np.array(trie.leaves)
        slots = len(nodes) + len(leaves)
        for array in (nodes, leaves):
            places = rng.integers(0, array.size, rng.integers(1, 30))
            wild = rng.choice([0, 2**31, 2**32 - 1], len(places))
            array.reshape(-1)[places] = np.where(
                rng.random(len(places)) < 0.7, rng.integers(0, slots, len(places)), wild
            )
        nodes, leaves = guarded(nodes, at_end=True), guarded(leaves, at_end=True)
        ids = rng.integers(-2, 40, 50).astype(np.int32)
        states = rng.integers(0, slots, (3, order - 1)).astype(np.uint32)
        suffixes = rng.integers(0, slots, slots - 1).astype(np.uint32)
        for name, *arguments in (
            ("ngram_score_texts", 2, 0.0, ids, np.array([0, 3, 50]), 1, 1),
            ("ngram_score_advance", 0, 0.0, states, ids[:3]),
            ("ngram_score_distribution", 1, 0.0, states, trie.words),
            ("ngram_trie_find", ids[: 6 * order].reshape(-1, order)),
            ("ngram_trie_suffixes",),
            ("ngram_smooth_last",),
            ("ngram_smooth_tally",),
            ("ngram_smooth_adjust", suffixes, np.zeros(order, np.int64)),
            ("ngram_smooth_kneser_ney", suffixes, np.full((order, 4), 0.5), 0.1),
            ("ngram_smooth_relative", 0.1, 5, 0.2),
        ):
            with suppress(ValueError):
                getattr(_core, name)(nodes, leaves, order, *arguments)
        release()


def test_the_mark_of_a_free_slot_is_no_word():
    levels, _ = make_levels(3, 9, (40,))
    trie = build(levels, 9)
    rows = np.array([[w, -1] for w in range(9)], np.int32)
    assert not _core.ngram_trie_find(trie.nodes, trie.leaves, 2, rows).any()
