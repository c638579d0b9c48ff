"""Sums of co-occurrences of the parts of a corpus."""

import numpy as np
import pytest

from seqnn import GloVe
from seqnn.embed import CooccurrenceSums
from seqnn.text import WordCounts

RNG = np.random.default_rng(0)
SENTENCES = [[f"w{n % 40}" for n in RNG.zipf(1.5, size)] for size in RNG.integers(0, 15, 200)]
VOCABULARY = WordCounts.of(SENTENCES).vocabulary(min_count=3)


@pytest.mark.parametrize("options", [{"window": 5}, {"window": 60}, {"window": 3, "symmetric": False}])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_sums_of_parts_are_those_of_the_whole_bit_for_bit(options, order):
    parts = [CooccurrenceSums.of(SENTENCES[i::3], VOCABULARY, **options) for i in range(3)]
    merged = CooccurrenceSums.merge([parts[i] for i in order], max_memory=1000)
    again = CooccurrenceSums.merge([CooccurrenceSums.merge(parts[:2]), parts[2]])
    whole = GloVe(SENTENCES, min_count=3, vector_size=2, epochs=0, verbose=0, **options).cooccurrence_
    for found in (merged, again):
        sums = found.sums.copy()
        assert all((a == b).all() for a, b in zip(found.counts(), whole, strict=True))
        assert (found.sums == sums).all()  # rounding leaves them


def test_parts_of_other_windows_or_words_are_refused():
    parts = [CooccurrenceSums.of(SENTENCES, VOCABULARY, window=window) for window in (2, 5)]
    with pytest.raises(ValueError, match="parts: expected sums of one vocabulary, window and total_words, got"):
        CooccurrenceSums.merge(parts)
    with pytest.raises(ValueError, match="got none"):
        CooccurrenceSums.merge([])


def test_an_empty_part_adds_nothing():
    whole, empty = (CooccurrenceSums.of(s, VOCABULARY, window=2) for s in (SENTENCES, []))
    assert len(empty.sums) == 0
    assert (CooccurrenceSums.merge([empty, whole]).sums == whole.sums).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"vocabulary": ["a"]}, TypeError, r"vocabulary: expected a seqnn\.text\.Vocabulary, got list"),
        ({"window": 0}, ValueError, "window: expected an integer >= 1, got 0"),
        ({"window": "2"}, TypeError, "window: expected an integer >= 1, got '2'"),
        ({"window": 1001}, ValueError, "window: expected at most 1000"),
        ({"symmetric": "yes"}, ValueError, "symmetric: expected 0, 1, False or True"),
        ({"distance_weighting": 2}, ValueError, "distance_weighting: expected 0, 1, False or True, got 2"),
        ({"total_words": -1}, ValueError, "total_words: expected an integer >= 0"),
        ({"window": 400, "total_words": 2}, ValueError, "total_words: expected at least the .* got 2"),
    ],
)
def test_what_cannot_be_counted_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        CooccurrenceSums.of(SENTENCES, **{"vocabulary": VOCABULARY} | arguments)


def test_what_are_no_sums_is_refused():
    with pytest.raises(TypeError, match=r"parts\[0\]: expected CooccurrenceSums, got tuple"):
        CooccurrenceSums.merge([(1, 2)])
