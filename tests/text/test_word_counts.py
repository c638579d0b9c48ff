"""Counts of words of the parts of a corpus."""

from itertools import pairwise

import numpy as np
import pytest

from seqnn.text import Vocabulary, WordCounts, scan

SENTENCES = [["b", "a"], [], ["c", "a", "a"], ["d"], ["a", "e", "b"]]


@pytest.mark.parametrize("cuts", [(), (2,), (1, 2, 3, 4), (0, 5)])
def test_counts_of_parts_in_order_are_those_of_the_whole(cuts):
    bounds = [0, *cuts, len(SENTENCES)]
    parts = [WordCounts.of(SENTENCES[a:b], keep_empty=True) for a, b in pairwise(bounds)]
    whole, merged = scan(SENTENCES), WordCounts.merge(parts)
    assert merged.words == whole.words and (merged.counts == whole.counts).all()
    assert merged.sentences == whole.sentences == 5 and merged.total_words == 9
    expected = Vocabulary.build(whole.words, whole.counts, min_count=2)[0]
    vocabulary = merged.vocabulary(min_count=2)
    assert vocabulary.words == expected.words and (vocabulary.counts == expected.counts).all()


def test_no_parts_have_no_words_and_large_counts_stay_exact():
    assert WordCounts.merge([]).words == []
    large = WordCounts(["a"], np.array([2**60], np.int64), 1)
    assert WordCounts.merge([large, large]).counts.tolist() == [2**61]


def test_what_are_no_counts_is_refused():
    with pytest.raises(TypeError, match=r"parts\[1\]: expected WordCounts, got dict"):
        WordCounts.merge([WordCounts.of(SENTENCES), {"a": 1}])
