"""Choosing words as gensim does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnn.text import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP, Vocabulary, huffman, keep_thresholds, scan

SENTENCES = st.lists(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=9), min_size=1, max_size=30)


def build(sentences, max_vocab_size=None, **options):
    """The vocabulary of token lists."""
    scanned = scan(sentences, max_vocab_size=max_vocab_size, trim_rule=options.get("trim_rule"))
    return Vocabulary.build(scanned.words, scanned.counts, **options)[0]


def test_order_and_mapping():
    words, counts = ["a", "b", "c", "d"], [2, 5, 2, 1]
    vocabulary, mapping = Vocabulary.build(words, counts, min_count=2)
    assert vocabulary.words == ["b", "c", "a"] and vocabulary.counts.tolist() == [5, 2, 2]
    assert mapping.dtype == np.int32 and mapping.tolist() == [2, 0, 1, -1]
    assert vocabulary.index == {"b": 0, "c": 1, "a": 2}
    assert Vocabulary.build(words, counts, min_count=2, sorted_vocab=False)[0].words == ["a", "b", "c"]
    assert vocabulary.positions(["c", "x"]).tolist() == [1, -1]
    assert "a" in vocabulary and "d" not in vocabulary and list(vocabulary) == vocabulary.words and len(vocabulary) == 3


def test_max_final_vocab_raises_min_count():
    words, counts = list("abcde"), [9, 7, 7, 5, 1]
    assert Vocabulary.build(words, counts, min_count=1, max_final_vocab=2)[0].words == ["a"]
    assert Vocabulary.build(words, counts, min_count=1, max_final_vocab=3)[0].words == ["a", "c", "b"]
    assert Vocabulary.build(words, counts, min_count=6, max_final_vocab=4)[0].words == ["a", "c", "b"]
    assert len(Vocabulary.build(words, counts, min_count=1, max_final_vocab=9)[0]) == 5
    with pytest.raises(ValueError, match="max_final_vocab"):
        Vocabulary.build(words, counts, max_final_vocab=-1)


def test_trim_rule():
    asked = []

    def rule(word, count, min_count):
        asked.append((word, count, min_count))
        return {"a": RULE_KEEP, "b": RULE_DISCARD, "c": None}.get(word, RULE_DEFAULT)

    words = Vocabulary.build(list("abcd"), [1, 9, 5, 1], min_count=5, trim_rule=rule)[0].words
    assert words == ["c", "a"]
    assert asked == [("a", 1, 5), ("b", 9, 5), ("c", 5, 5), ("d", 1, 5)]
    with pytest.raises(ValueError, match="trim_rule: expected RULE_DEFAULT"):
        Vocabulary.build(["a"], [1], trim_rule=lambda *_: "keep")


def test_errors():
    with pytest.raises(ValueError, match=r"no word is kept with min_count=5; of 2 words .*'b', occurs 4 times"):
        Vocabulary.build(["a", "b"], [1, 4])
    with pytest.raises(ValueError, match="vocabulary is empty"):
        Vocabulary.build([], [])
    with pytest.raises(ValueError, match="occur again"):
        Vocabulary(["a", "a"], [1, 2])
    with pytest.raises(ValueError, match="counts"):
        Vocabulary(["a", "b"], [1])
    with pytest.raises(ValueError, match="sample"):
        keep_thresholds(np.array([1]), -1e-3)
    with pytest.raises(ValueError, match="sample"):
        keep_thresholds(np.array([1]), float("nan"))


def test_update_appends_new_words():
    old = Vocabulary(["x", "y"], [5, 3])
    new, mapping = old.update(["n", "y", "m", "rare"], [2, 1, 7, 1], min_count=2)
    assert new.words == ["x", "y", "n", "m"] and new.counts.tolist() == [5, 4, 2, 7]
    assert mapping.tolist() == [2, 1, 3, -1]
    assert old.words == ["x", "y"] and old.counts.tolist() == [5, 3]


def test_keep_thresholds():
    counts = np.array([1000, 100, 10])
    total, sample = counts.sum(), 1e-2
    probability = np.minimum((np.sqrt(counts / (sample * total)) + 1) * (sample * total) / counts, 1)
    thresholds = keep_thresholds(counts, sample)
    assert thresholds.dtype == np.uint32
    np.testing.assert_allclose(thresholds / 2**32, probability, rtol=0, atol=2.0**-31)
    assert (keep_thresholds(counts, 0) == 2**32 - 1).all()
    assert keep_thresholds(counts, 100)[1:].tolist() == [2**32 - 1] * 2


def gensim_model(**options):
    return pytest.importorskip("gensim.models").Word2Vec(vector_size=2, hs=1, workers=1, seed=1, **options)


def agree(model, vocabulary):
    """Words, order, counts, sub-sampling and the length of Huffman codes are gensim's."""
    counts = [model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key]
    assert vocabulary.words == model.wv.index_to_key
    assert vocabulary.counts.tolist() == counts
    thresholds = [model.wv.get_vecattr(word, "sample_int") for word in model.wv.index_to_key]
    np.testing.assert_allclose(keep_thresholds(vocabulary.counts, model.sample), thresholds, rtol=1e-9)
    if len(counts) > 1:
        lengths = [len(model.wv.get_vecattr(word, "code")) for word in model.wv.index_to_key]
        assert np.diff(huffman(vocabulary.counts)[0]) @ counts == np.dot(lengths, counts)


@given(
    SENTENCES,
    st.fixed_dictionaries(
        {"min_count": st.integers(1, 4)},
        optional={
            "max_final_vocab": st.integers(1, 9),
            "max_vocab_size": st.integers(3, 12),
            "sorted_vocab": st.booleans(),
        },
    ),
    st.sampled_from([0, 1e-3, 0.1, 1.5, 3]),
)
def test_as_gensim(sentences, options, sample):
    model = gensim_model(sample=sample, **{**options, "sorted_vocab": int(options.get("sorted_vocab", True))})
    model.build_vocab(sentences)
    if not len(model.wv):
        with pytest.raises(ValueError, match="empty"):
            build(sentences, **options)
        return
    agree(model, build(sentences, **options))


@given(SENTENCES, SENTENCES)
def test_update_as_gensim(first, second):
    model = gensim_model(min_count=2)
    model.build_vocab(first)
    if not len(model.wv) or not any(second):
        return
    vocabulary = build(first, min_count=2)
    model.build_vocab(second, update=True)
    scanned = scan(second)
    vocabulary, _ = vocabulary.update(scanned.words, scanned.counts, min_count=2)
    assert vocabulary.words == model.wv.index_to_key
    assert vocabulary.counts.tolist() == [model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key]


@given(SENTENCES, st.integers(2, 8))
def test_limit_with_a_trim_rule_as_gensim(sentences, limit):
    def rule(word, count, min_count):
        return RULE_KEEP if word < "d" else RULE_DISCARD if word > "n" else RULE_DEFAULT

    model = gensim_model(min_count=2, max_vocab_size=limit)
    model.build_vocab(sentences, trim_rule=rule)
    if len(model.wv):
        vocabulary = build(sentences, min_count=2, max_vocab_size=limit, trim_rule=rule)
        assert vocabulary.words == model.wv.index_to_key
