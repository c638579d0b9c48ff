"""Scoring: texts, states and distributions agree with backing off in plain Python, and with each other."""

import math

import numpy as np
import pytest
from harness import each_team
from ngram_reference import make_sentences

from seqnn import _core
from seqnn.lm import NGramLM
from seqnn.lm._ngram_score import ABSENT, Scorer
from seqnn.text import split_words

# "b c" and "c" after it are there without "a" before: "a b c" is not, and "b d" is missing though "a b d" is there.
ARPA = """\\data\\
ngram 1=7
ngram 2=6
ngram 3=3

\\1-grams:
-1.5\t<unk>\t-0.25
-99\t<s>\t-0.5
-0.75\t</s>
-0.5\ta\t-0.125
-0.625\tb\t-0.375
-0.875\tc\t-0.0625
-1.125\td

\\2-grams:
-0.25\t<s> a\t-0.1875
-0.375\ta b\t-0.3125
-0.4375\tb c\t-0.03125
-0.5625\tc </s>
-0.6875\t<unk> a\t-0.8125
-0.8125\tb a

\\3-grams:
-0.125\t<s> a b
-0.0625\ta b d
-0.15625\t<unk> a b

\\end\\
"""


def parsed(arpa):
    """({n-gram: log10 p}, {n-gram: log10 weight}) of an ARPA file."""
    log_probs, weights = {}, {}
    for line in arpa.splitlines():
        fields = line.split("\t")
        if len(fields) >= 2:
            gram = tuple(fields[1].split(" "))
            log_probs[gram], weights[gram] = float(fields[0]), float([*fields, 0][2])
    return log_probs, weights


def reference(arpa, order, tokens, bos=True, eos=True):
    """[(log10 p, length of the n-gram)] of each word: the longest n-gram, and the weights of the longer contexts."""
    log_probs, weights = parsed(arpa)
    words, found = ["<s>"] * bos, []
    for word in [*(t if (t,) in log_probs else "<unk>" for t in tokens), *["</s>"] * eos]:
        context, total = tuple(words)[-order + 1 :] if order > 1 else (), 0.0
        while (*context, word) not in log_probs:
            total += weights.get(context, 0.0)
            context = context[1:]
        found.append((total + log_probs[(*context, word)], len(context) + 1))
        words.append(word)
    return found


@pytest.fixture
def arpa_model(tmp_path):
    (tmp_path / "model.arpa").write_text(ARPA)
    return NGramLM.load(tmp_path / "model.arpa")


def random_texts(words, seed=0):
    rng = np.random.default_rng(seed)
    lengths = [0, 1, 700, 0, 255, 256, 257, *rng.integers(0, 9, 300)]
    return [[words[i] for i in rng.integers(0, len(words), n)] for n in lengths]


@pytest.mark.parametrize(("bos", "eos"), [(True, True), (False, True), (True, False), (False, False)])
def test_scores_back_off_as_an_arpa_file_says(arpa_model, bos, eos):
    texts = random_texts(["a", "b", "c", "d", "x", "a", "b"])
    assert not arpa_model._model.scorer.kind  # it lacks the n-gram "b d"
    expected = [reference(ARPA, 3, tokens, bos, eos) for tokens in texts]
    for _ in each_team():
        scores = arpa_model.scores(texts, bos=bos, eos=eos)
        np.testing.assert_allclose(scores, [sum(p for p, _ in words) for words in expected], rtol=1e-6, atol=1e-6)
    for tokens, words in zip(texts[:40], expected, strict=False):
        got = arpa_model.full_scores(tokens, bos=bos, eos=eos)
        assert [(w.log_prob, w.ngram_length) for w in got] == [(pytest.approx(p, abs=1e-6), n) for p, n in words]
        assert [w.oov for w in got] == [*(t == "x" for t in tokens), *[False] * eos]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("smoothing", ["modified_kneser_ney", "stupid_backoff", "add_k", "mle"])
def test_texts_states_and_distributions_agree(order, smoothing):
    sentences = make_sentences(7, 150, 10)
    model = NGramLM(order, smoothing, k=0.1).fit(sentences)
    scorer, words = model._model.scorer, model.vocabulary_.words
    texts = [text for text in random_texts([*words[3:], "unknown"], seed=1) if len(text) < 40]
    first = None
    for _ in each_team():
        for bos in (True, False):
            states = scorer.states(np.full((len(texts), int(bos)), 1, np.int32))
            scores = model.scores(texts, bos=bos, eos=False)
            total, rows = np.zeros(len(texts)), np.arange(len(texts))
            for t in range(max(map(len, texts))):
                rows = np.array([i for i in rows if t < len(texts[i])])
                ids = np.array([model.vocabulary_.index.get(texts[i][t], 0) for i in rows], np.int32)
                distribution = scorer.distribution(states[rows])
                log_probs, states[rows] = scorer.advance(states[rows], ids)
                total[rows] += log_probs
                given = distribution[np.arange(len(rows)), ids].astype(np.float64)
                np.testing.assert_allclose(given, log_probs * np.log(10), rtol=1e-6, atol=1e-5)
                assert np.all(distribution[:, 1] == -np.inf)
                first = distribution.tobytes() if first is None else first
            np.testing.assert_allclose(total, scores, rtol=1e-6, atol=1e-4)


def test_an_unknown_number_is_the_unknown_word(arpa_model):
    scorer = arpa_model._model.scorer
    for number in (-1, 7, 2**31 - 1):
        scores, _, _ = scorer.texts(np.array([3, number, 4], np.int32), np.array([0, 3]), True, True)
        assert scores[0] == pytest.approx(arpa_model.score("a x b"))


def test_a_begin_of_sentence_starts_a_state_anew(arpa_model):
    scorer = arpa_model._model.scorer
    fresh = scorer.states(np.array([[1]]))
    np.testing.assert_array_equal(scorer.states(np.array([[3, 4, 1]])), fresh)
    assert fresh.tolist() == [[2, 0]]
    assert scorer.states(np.array([[4, 4]])).tolist() == [[5, ABSENT]]


def test_states_of_another_model_are_refused(arpa_model):
    scorer = arpa_model._model.scorer
    for state in ([9, 0], [2, 3], [2, 2**31], [0, 0, 0]):
        with pytest.raises(ValueError, match="states"):
            scorer.advance(np.array([state], np.uint32), np.array([3], np.int32))
        with pytest.raises(ValueError, match="states"):
            scorer.distribution(np.array([state], np.uint32))
    trie = scorer.trie
    with pytest.raises(ValueError, match="no trie"):
        Scorer(type(trie)(trie.nodes, trie.leaves, 2)).texts(np.zeros(1, np.int32), np.array([0, 1]), True, True)
    with pytest.raises(ValueError, match="words: expected the number of words"):
        _core.ngram_score_distribution(trie.nodes, trie.leaves, 3, 0, 0.0, np.zeros((1, 2), np.uint32), 6)


def test_a_hidden_state_scores_like_the_words_that_led_to_it():
    model = NGramLM(4).fit(make_sentences(8, 300, 15))
    scorer, index = model._model.scorer, model.vocabulary_.index
    long = [index[w] for w in split_words("w1 w3 w9 w2 w7 w0 w0 w1")]
    np.testing.assert_array_equal(scorer.states(np.array([long])), scorer.states(np.array([long[-3:]])))


def test_very_unlikely_words_have_finite_scores_and_impossible_ones_do_not():
    model = NGramLM(2, "mle").fit([["a", "b"], ["b", "b"]])
    assert model.score("b b") == pytest.approx(math.log10(0.5 * 1 / 3 * 2 / 3))
    assert model.score("b a") == -math.inf and model.score("x") == -math.inf
    assert model.scores([["b", "a"], ["a", "b"]]).tolist() == [-math.inf, pytest.approx(math.log10(1 / 3))]
