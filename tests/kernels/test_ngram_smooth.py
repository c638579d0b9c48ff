"""Smoothing: the probabilities of every n-gram are those of the definitions in plain Python, and sum to one."""

import math

import numpy as np
import pytest
from harness import each_team
from ngram_reference import BOS, EOS, UNK, KneserNey, Relative, StupidBackoff, make_sentences

from seqnn import _core
from seqnn.lm import NGramLM
from seqnn.lm._ngram_smooth import kneser_ney
from seqnn.lm._ngram_trie import Level, build

CORPORA = [
    make_sentences(1),
    make_sentences(2, 400, 5),
    make_sentences(3, 200, 60),
    [*make_sentences(4, 6, 3, 4), ["w1", "w2", "w0", "w1"]],
    [["a", UNK, "b"], ["b", UNK], ["a", "b"], [], ["a", UNK, "b"]],
]


def contexts_of(reference):
    """Contexts that the reference knows, that of a sentence's beginning, and some that nobody knows."""
    found = [context for context in reference.followers if EOS not in context]
    return [*found[:: len(found) // 200 + 1], (BOS,), ("w0", "nowhere"), ("nowhere",)]


def check(model, reference, *, sums_to_one=True, tolerance=2e-6):
    """Every word after every context has the probability of the reference."""
    words = model.vocabulary_.words
    assert sorted(words) == sorted({*reference.words, BOS})
    for context in contexts_of(reference):
        context = reference.context(tuple(map(reference.known, context)))
        tokens = [w for w in context if w != BOS]
        got = model.next_word_distribution(tokens, bos=BOS in context)
        expected = [0.0 if w == BOS else reference.p(w, context) for w in words]
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=1e-9, err_msg=f"{context}")
        assert not sums_to_one or sum(expected) == pytest.approx(1, abs=1e-9)
        assert not sums_to_one or got.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("corpus", range(len(CORPORA)))
def test_kneser_ney_is_its_definition(order, corpus):
    sentences = CORPORA[corpus]
    for modified, discount in ((False, None), (False, 0.3)):
        settings = {"smoothing": "modified_kneser_ney" if modified else "kneser_ney", "discount": discount}
        reference = KneserNey(sentences, order, modified, discount)
        for _ in each_team():
            model = NGramLM(order, **settings).fit(sentences)
            np.testing.assert_allclose(model.discounts_, reference.discounts, rtol=1e-12)
        check(model, reference)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("corpus", range(4))
def test_modified_kneser_ney_is_its_definition(order, corpus):
    # The last word occurs once, so that KenLM's way to count the last n-grams makes no difference.
    sentences = [*CORPORA[corpus], ["w0", "last"]]
    reference = KneserNey(sentences, order, True)
    for _ in each_team():
        model = NGramLM(order).fit(sentences)
        np.testing.assert_allclose(model.discounts_, reference.discounts, rtol=1e-12)
    check(model, reference)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("smoothing", "k"), [("laplace", 1.0), ("add_k", 0.05), ("mle", 0.0)])
def test_relative_frequencies_are_their_definition(order, smoothing, k):
    for sentences in CORPORA:
        reference = Relative(sentences, order, k)
        for _ in each_team():
            model = NGramLM(order, smoothing, k=k or 1.0).fit(sentences)
        check(model, reference, sums_to_one=False)
        if k:
            check(model, reference)
        for tokens in ([], ["w0"], ["w1", "w2", "w0"], ["nowhere", "a"], ["b", "nowhere"]):
            p = reference.sentence(tokens)
            assert model.score(tokens) == pytest.approx(math.log10(p) if p else -math.inf, abs=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_stupid_backoff_is_its_definition(order):
    for sentences in CORPORA:
        reference = StupidBackoff(sentences, order, 0.3)
        for _ in each_team():
            model = NGramLM(order, "stupid_backoff", alpha=0.3).fit(sentences)
        check(model, reference, sums_to_one=False)


def test_the_fallback_of_the_discounts():
    sentences = [["a", "b"], ["a", "b"], ["a", "b"]]
    model = NGramLM(2).fit(sentences)
    assert model.discounts_.tolist() == [[0.5, 1.0, 1.5]] * 2
    assert NGramLM(2, discount_fallback=(0.1, 0.2, 0.3)).fit(sentences).discounts_.tolist() == [[0.1, 0.2, 0.3]] * 2
    with pytest.raises(ValueError, match=r"no discounts .* there are no 1-grams with count 2; .* discount_fallback="):
        NGramLM(2, discount_fallback=None).fit(sentences)
    times = {"a": 1, "b": 1, "c": 2, "d": 2, **dict.fromkeys("efghi", 3)}
    with pytest.raises(ValueError, match=r"the discounts of 1-grams, .* are out of range"):
        NGramLM(1, discount_fallback=None).fit([[word] * n for word, n in times.items()])


@pytest.mark.parametrize("prune", [(0, 1), (0, 0, 1), (1,), (0, 1, 2), (1, 2)])
def test_pruned_models_still_sum_to_one(prune):
    sentences = make_sentences(5, 300, 20)
    whole, model = NGramLM(3).fit(sentences), NGramLM(3, prune=prune).fit(sentences)
    limits = [*prune, *[prune[-1]] * (3 - len(prune))]
    counts = KneserNey(sentences, 3, True).counts
    kept = [sum(c > limit for c in n.values()) for n, limit in zip(counts, limits, strict=True)]
    kept[0] += 2 + (counts[0][EOS,] <= limits[0])  # "<unk>", "<s>", and "</s>" are always kept
    assert model.ngram_counts_ == kept != whole.ngram_counts_
    np.testing.assert_array_equal(model.discounts_, whole.discounts_)
    for context in ([], ["w0"], ["w1", "w3"], ["nowhere"], ["w4", "w12"]):
        assert model.next_word_distribution(context).sum() == pytest.approx(1, abs=1e-5)


def test_rare_words_are_counted_as_unknown():
    sentences = [["a", "b", "rare"], ["b", "seldom", "a"], ["a"]]
    model = NGramLM(2, "mle", min_count=2).fit(sentences)
    assert model.vocabulary_.words == [UNK, BOS, EOS, "a", "b"]
    assert model.vocabulary_.counts.tolist() == [2, 3, 3, 3, 2]
    assert model.next_word_distribution("b").round(6).tolist() == [1, 0, 0, 0, 0]


def test_kernels_refuse_tries_and_suffixes_that_do_not_belong_together():
    words = np.arange(4, dtype=np.uint32)
    levels = [Level(words, words, words, words), Level(words[:1], words[:1], words[1:2], words[1:2])]
    trie = build(levels, 4)
    with pytest.raises(ValueError, match="no trie"):
        _core.ngram_smooth_tally(trie.nodes, trie.leaves, 3)
    bad = np.full(len(trie.nodes) - 1 + len(trie.leaves), 2**32 - 1, np.uint32)
    with pytest.raises(ValueError, match="suffixes: expected a node"):
        _core.ngram_smooth_adjust(trie.nodes, trie.leaves, 2, bad, np.zeros(2, np.int64))
    assert kneser_ney(build(levels, 4), modified=True)[0].counts == [4, 1]
