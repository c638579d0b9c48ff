"""Co-occurrence counts: exactly those of a loop over all pairs of words, for any number of threads, window, memory."""

import math
from fractions import Fraction

import numpy as np
import pytest
from harness import each_team

from seqnn import _core
from seqnn.embed._trainers._cooccurrence_count import _weights, count
from seqnn.text import Corpus


def reference(corpus, *, window, symmetric, distance_weighting):
    """{(row, column): exact count}."""
    counts = {}
    for start, end in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        sentence = corpus.ids[start:end].tolist()
        for i, word in enumerate(sentence):
            for d in range(1, min(window, len(sentence) - 1 - i) + 1):
                weight = Fraction(1, d) if distance_weighting else Fraction(1)
                pairs = [(word, sentence[i + d])] + ([(sentence[i + d], word)] if symmetric else [])
                for pair in pairs:
                    counts[pair] = counts.get(pair, 0) + weight
    return counts


def random_corpus(words, sentences, vocabulary, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, words) - 1, vocabulary - 1).astype(np.int32)
    inner = np.sort(rng.integers(0, words + 1, sentences - 1))
    return Corpus(ids, np.concatenate([[0], inner, [words]]))


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("window", [1, 2, 10, 70])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("distance_weighting", [True, False])
def test_counts_are_exact(window, symmetric, distance_weighting):
    corpus = random_corpus(1500, 40, 150)
    options = {"window": window, "symmetric": symmetric, "distance_weighting": distance_weighting}
    expected = reference(corpus, **options)
    first = None
    for _ in each_team():
        counts = count(corpus, 150, **options)
        rows, cols, values = counts
        assert set(zip(rows.tolist(), cols.tolist(), strict=True)) == set(expected)
        exact = [float(expected[pair]) for pair in zip(rows.tolist(), cols.tolist(), strict=True)]
        if window < 40:  # the sums are whole multiples of 1 / lcm(1..window)
            assert values.tolist() == exact
        else:
            np.testing.assert_allclose(values, exact, rtol=1e-10)
        assert np.all(np.diff(rows * 150 + cols) > 0) and counts.shape == (150, 150)
        first = first or counts
        assert same(counts, first)


@pytest.mark.parametrize("window", [3, 40])
def test_spilled_counts_are_the_same(window):
    corpus = random_corpus(20000, 700, 500, seed=1)
    whole = count(corpus, 500, window=window)
    for limit in (0, 20_000, "100KB", 2**40):
        spilled = count(corpus, 500, window=window, max_memory=limit)
        assert same(whole, spilled)
        assert isinstance(spilled.indices, np.memmap) == (limit != 2**40)


def test_sentences_of_any_length_and_progress():
    ids = np.zeros(5000, np.int32)
    seen = []
    counts = count(Corpus(ids, np.array([0, 0, 5000, 5000])), 3, window=2, progress=lambda done, all: seen.append(done))
    assert counts.data.tolist() == [2 * (4999 + 4998 / 2)] and counts.shape == (3, 3) and seen[-1] == 5000
    assert count(Corpus(ids[:0], np.array([0])), 3).nnz == 0


def test_weights_stay_exact_in_64_bits():
    weights, unit = _weights(10, 10**9, True)
    assert unit == 2520 == math.lcm(*range(1, 11)) and weights.tolist() == [0] + [2520 // d for d in range(1, 11)]
    weights, unit = _weights(1000, 10**9, True)
    assert math.log2(unit).is_integer() and 2 * 10**9 * weights.sum() < 2**63
    np.testing.assert_allclose(weights[1:] / unit, 1 / np.arange(1, 1001), rtol=1e-4)


def test_kernels_refuse_what_does_not_fit():
    ids, offsets = np.zeros(100, np.int32), np.array([0, 100])
    starts, positions, bits = np.zeros(2, np.int64), np.empty(100, np.int32), np.zeros(2, np.uint64)
    with pytest.raises(ValueError, match="boundaries"):
        _core.cooccurrence_index(ids, offsets, starts, positions, bits[:1])
    with pytest.raises(ValueError, match="offsets"):
        _core.cooccurrence_index(ids, np.array([0, 101]), starts, positions, bits)
    _core.cooccurrence_index(ids, offsets, starts, positions, bits)
    short = {"columns": np.empty(0, np.int32), "sums": np.empty(0, np.int64), "row_ends": np.zeros(1, np.int64)}
    with pytest.raises(ValueError, match="too few places"):
        _core.cooccurrence_count(ids, bits, positions, starts, np.array([0, 1]), vocabulary=1, symmetric=True, **short)
    with pytest.raises(ValueError, match="too few places"):
        _core.cooccurrence_merge(ids[:2], starts, np.array([[0, 2]]), vocabulary=1, **short)
