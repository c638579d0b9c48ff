"""Alias table, Huffman tree and counting under a limit, against plain Python."""

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnn import _core
from seqnn.text import alias_table, huffman
from seqnn.text._vocabulary_limit import limited

COUNTS = st.lists(st.integers(1, 10**6), min_size=1, max_size=60)


def drawn(threshold, other):
    """Probability of each word: threshold / 2**32 of its own cell, the rest of the cells that name it."""
    full = (threshold == 2**32 - 1) & (other == np.arange(len(other)))
    own = np.where(full, 2.0**32, threshold.astype(np.float64))
    mass = own.copy()
    np.add.at(mass, other, 2.0**32 - own)
    return mass / (len(own) * 2.0**32)


@given(COUNTS, st.sampled_from([0.75, 1.0, 0.0, -0.5]))
def test_alias_table_draws_powers_of_counts(counts, exponent):
    threshold, other = alias_table(np.array(counts), exponent)
    assert threshold.dtype == np.uint32 and other.dtype == np.int32
    weights = np.array(counts, float) ** exponent
    np.testing.assert_allclose(drawn(threshold, other), weights / weights.sum(), rtol=0, atol=2.0**-32)


def test_alias_table_of_a_large_vocabulary():
    counts = (1e9 / np.arange(1, 1_000_001)).astype(np.int64)
    weights = counts**0.75
    np.testing.assert_allclose(drawn(*alias_table(counts, 0.75)), weights / weights.sum(), rtol=0, atol=2.0**-32)


def test_words_without_weight_are_never_drawn():
    assert drawn(*alias_table(np.array([0, 5, 0, 5]), 0.75)).tolist() == [0, 0.5, 0, 0.5]
    with pytest.raises(ValueError, match="ns_exponent"):
        alias_table(np.array([0, 0]), 0.75)
    with pytest.raises(ValueError, match="ns_exponent"):
        alias_table(np.array([0, 1]), -1.0)
    with pytest.raises(ValueError, match="at least one"):
        alias_table(np.array([], np.int64), 0.75)


def cost(counts):
    """The least sum of counts * code lengths: the sum of all merges of a heap."""
    heap, total = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total


@given(COUNTS)
def test_huffman_codes_are_the_shortest_and_lead_to_the_words(counts):
    offsets, nodes, codes = huffman(np.array(counts))
    assert (offsets.dtype, nodes.dtype, codes.dtype) == (np.int64, np.int32, np.uint8)
    assert int(np.diff(offsets) @ counts) == cost(counts)
    children = {}
    for word in range(len(counts)):
        path = [(int(n), int(c)) for n, c in zip(nodes, codes, strict=True)][offsets[word] : offsets[word + 1]]
        if path:
            assert path[0][0] == len(counts) - 2, "paths begin at the root"
        for (node, code), (below, _) in pairwise(path):
            assert children.setdefault((node, code), ("node", below)) == ("node", below)
        if path:
            assert children.setdefault(path[-1], ("word", word)) == ("word", word)
    assert len(children) == 2 * (len(counts) - 1)


def tree_of_word2vec(counts):
    """(node, code) from the root to each word, by the algorithm of word2vec.c and fastText; `counts` fall."""
    words, total = len(counts), [*counts] + [10**15] * (len(counts) - 1)
    parent, code, leaf, node = {}, {}, words - 1, words
    for made in range(words, 2 * words - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        total[made] = total[pair[0]] + total[pair[1]]
        for bit, child in enumerate(pair):
            parent[child], code[child] = made, bit
    paths = []
    for at in range(words):
        path = []
        while at in parent:
            path.insert(0, (parent[at] - words, code[at]))
            at = parent[at]
        paths.append(path)
    return paths


@given(COUNTS)
def test_the_huffman_tree_is_the_one_of_word2vec(counts):
    counts = sorted(counts, reverse=True)
    offsets, nodes, codes = huffman(np.array(counts))
    steps = list(zip(nodes.tolist(), codes.tolist(), strict=True))
    assert [steps[a:b] for a, b in pairwise(offsets)] == tree_of_word2vec(counts)


def test_huffman_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        huffman(np.array([], np.int64))
    with pytest.raises(ValueError, match="offsets"):
        _core.vocabulary_huffman_paths(np.array([0, 5]), np.array([0]), np.array([-1]), np.array([0]), 5)


def replayed(sentences, limit):
    counts, smallest = {}, 1
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
        if len(counts) > limit:
            counts = {word: count for word, count in counts.items() if count >= smallest}
            smallest += 1
    return counts


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=40), st.integers(1, 12))
def test_limited_counting(sentences, limit):
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    offsets = np.cumsum([0, *map(len, sentences)])
    words, counts = limited([str(i) for i in range(21)], ids, offsets, limit, None)
    assert dict(zip(words.tolist(), counts.tolist(), strict=True)) == (expected := replayed(sentences, limit))
    assert words.tolist() == list(expected)
