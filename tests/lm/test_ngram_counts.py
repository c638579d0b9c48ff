"""Counts of n-grams of the parts of a corpus."""

from collections import Counter

import numpy as np
import pytest

from seqnn.lm import NGramCounts, NGramLM
from seqnn.text import Vocabulary, WordCounts

RNG = np.random.default_rng(0)
SENTENCES = [[f"w{n % 20}" for n in RNG.zipf(1.5, size)] for size in RNG.integers(0, 9, 300)]
PARTS = [SENTENCES[:10], SENTENCES[10:10], SENTENCES[10:200], SENTENCES[200:]]


def counted(parts, order=3, **options):
    vocabulary = NGramCounts.vocabulary_of(WordCounts.of(SENTENCES, keep_empty=True), **options)
    return NGramCounts.merge([NGramCounts.of(part, vocabulary, order) for part in parts])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_ngrams_are_those_that_python_counts(length):
    counts = counted(PARTS)
    ids, found = counts.ngrams(length)
    expected = Counter()
    for sentence in SENTENCES:
        marked = ["<s>", *sentence, "</s>"]
        expected.update(tuple(marked[i : i + length]) for i in range(len(marked) - length + 1))
    assert {tuple(counts.vocabulary.decode(row)): n for row, n in zip(ids, found.tolist(), strict=True)} == expected


@pytest.mark.parametrize("smoothing", ["modified_kneser_ney", "laplace", "stupid_backoff"])
def test_a_model_of_merged_counts_is_that_of_the_whole_bit_for_bit(smoothing):
    whole = NGramLM(3, smoothing, min_count=2).fit(SENTENCES)
    model = NGramLM(3, smoothing, min_count=2).fit_counts(counted(PARTS[::-1], min_count=2))
    tries = model._model.scorer.trie, whole._model.scorer.trie
    assert (tries[0].nodes == tries[1].nodes).all() and (tries[0].leaves == tries[1].leaves).all()
    assert model.vocabulary_.words == whole.vocabulary_.words
    assert (model.vocabulary_.counts == whole.vocabulary_.counts).all()


def test_many_parts_are_merged_in_groups():
    found = counted([[sentence] for sentence in SENTENCES])
    assert (found.rows == counted(PARTS).rows).all() and (found.counts == counted(PARTS).counts).all()


def test_counts_beyond_31_bits_are_refused():
    part = counted(PARTS)
    large = NGramCounts(part.vocabulary, 3, part.rows[:1], np.array([2**31 - 9], np.uint32), 3)
    with pytest.raises(ValueError, match=r"expected at most 2\*\*31 - 1"):
        NGramCounts.merge([large, part])


def test_what_does_not_fit_is_refused():
    part = counted(PARTS)
    with pytest.raises(ValueError, match="parts: expected counts of one order, got"):
        NGramCounts.merge([part, counted(PARTS, order=2)])
    with pytest.raises(ValueError, match="got none"):
        NGramCounts.merge([])
    with pytest.raises(ValueError, match=r"parts\[1\]: expected the vocabulary of parts\[0\]"):
        NGramCounts.merge([part, counted(PARTS, min_count=60)])
    with pytest.raises(ValueError, match="counts: expected n-grams of order=4 words, got those of 3"):
        NGramLM(4).fit_counts(part)
    with pytest.raises(ValueError, match="order: 16 is too large"):
        NGramLM(16).fit_counts(counted(PARTS, order=16))
    with pytest.raises(ValueError, match="vocabulary: expected one that begins with <unk>"):
        NGramCounts.of(SENTENCES, Vocabulary(["a"]))
    with pytest.raises(ValueError, match="'<s>'"):
        NGramCounts.vocabulary_of([["<s>", "a"]])
    with pytest.raises(TypeError, match=r"vocabulary: expected a seqnn.text.Vocabulary, got list"):
        NGramCounts.of(SENTENCES, ["a"])
    with pytest.raises(TypeError, match=r"parts\[1\]: expected NGramCounts, got int"):
        NGramCounts.merge([part, 3])
    with pytest.raises(TypeError, match="counts: expected NGramCounts, got dict"):
        NGramLM(3).fit_counts({})
    with pytest.raises(ValueError, match="the corpus is empty: it has no word"):
        NGramLM(2).fit_counts(NGramCounts.of([[], []], part.vocabulary, 2))
    with pytest.raises(ValueError, match="order: expected"):
        NGramCounts.of(SENTENCES, part.vocabulary, 17)
    with pytest.raises(ValueError, match="length: expected"):
        part.ngrams(4)


def test_marks_in_a_part_are_refused_as_in_the_whole():
    vocabulary = counted(PARTS).vocabulary
    with pytest.raises(ValueError, match="the corpus has the word '<s>'"):
        NGramCounts.of([["<s>", "w1"]], vocabulary)
    assert NGramCounts.of([["<unk>", "w1"]], vocabulary).total_words == 2


def test_words_are_counted_without_marks():
    assert counted(PARTS).total_words == sum(map(len, SENTENCES))


def test_symbols_in_the_corpus_may_be_skipped():
    corpus = [["<s>", "a", "</s>", "b", "<unk>"]]
    vocabulary = NGramCounts.vocabulary_of(corpus, skip_symbols=True)
    ids, _ = NGramCounts.of(corpus, vocabulary, 2, skip_symbols=True).ngrams(2)
    assert [vocabulary.decode(row) for row in ids] == [["<s>", "a"], ["a", "b"], ["b", "</s>"]]
