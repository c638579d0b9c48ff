"""SQuAD's scores, retrieval metrics, perplexity."""

import itertools

import numpy as np
import pytest

from seqnn.metrics import (
    bits_per_token,
    mean_reciprocal_rank,
    ndcg,
    normalize_answer,
    perplexity,
    recall_at_k,
    squad_score,
)


def test_answers_are_compared_without_case_punctuation_and_articles():
    assert normalize_answer("The U.S.A., an  A-Team!") == "usa ateam"
    got = squad_score(["The Broncos.", "in 1066 AD", "x"], [["broncos"], ["1066", "year 1066 AD"], ["y"]])
    assert got == pytest.approx((100 / 3, 100 * (1 + 2 / 3 + 0) / 3))


def test_versions_differ_where_no_word_is_left():
    assert squad_score(["the"], [["a"]], version="1.1") == (100, 0)
    assert squad_score(["the"], [["a"]], version="2.0") == (100, 100)
    assert squad_score(["", "x", ""], [[], [], ["x"]]) == pytest.approx((100 / 3, 100 / 3))
    assert squad_score([""], [["", "x"]], version="2.0") == (0, 0)  # an answer that is left counts alone


def test_repeated_words_count_as_often_as_in_both():
    assert squad_score(["b b b"], [["b b c"]], version="1.1").f1 == pytest.approx(100 * 2 / 3)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((["a"], []), {}, ValueError, "predictions: expected 0 answers, one for each question, got 1"),
        (([], []), {}, ValueError, "at least one"),
        ((["a"], ["a"]), {}, TypeError, r"answers\[0\]: expected a list of strings, got a single one"),
        (([1], [["a"]]), {}, TypeError, r"predictions\[0\]: expected a string, got int"),
        ((["a"], [[1]]), {}, TypeError, r"answers\[0\]\[0\]: expected a string, got int"),
        ((["a"], [["a"]]), {"version": "3"}, ValueError, "version: expected '1.1' or '2.0', got '3'"),
    ],
)
def test_bad_answers_are_named(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        squad_score(*arguments, **settings)


RANKED = [["a", "b", "c", "d"], ["c", "a"], ["x"], []]
RELEVANT = [{"b", "d"}, {"a": 2.0, "b": 1.0, "c": 0.0}, {"y"}, {"a"}]


def test_ranked_lists():
    assert recall_at_k(RANKED, RELEVANT, 2) == pytest.approx((1 / 2 + 1 / 2 + 0 + 0) / 4)
    assert recall_at_k(RANKED, RELEVANT, 10) == pytest.approx((1 + 1 / 2) / 4)
    assert mean_reciprocal_rank(RANKED, RELEVANT) == pytest.approx((1 / 2 + 1 / 2) / 4)
    assert mean_reciprocal_rank(RANKED, RELEVANT, k=1) == 0
    first = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    second = (2 / np.log2(3)) / (2 + 1 / np.log2(3))
    assert ndcg(RANKED, RELEVANT) == pytest.approx((first + second) / 4)
    assert ndcg(RANKED, RELEVANT, k=1) == 0


def test_scores_are_ranked_the_largest_first():
    scores = np.array([[0.1, 0.9, 0.5], [0.2, 0.3, 0.1]])
    assert mean_reciprocal_rank(scores, np.array([2, 1])) == 0.75
    assert recall_at_k(scores, np.array([[0, 0, 1], [1, 0, 1]]), 2) == 0.75
    lists = [["b", "c", "a"], ["a", "b", "c"]]
    grades = [{"a": 1, "c": 3}, {"b": 2}]
    matrix = np.array([[1, 0, 3], [0, 2, 0]])
    distinct = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
    for metric in (ndcg, mean_reciprocal_rank):
        assert metric(lists, grades) == pytest.approx(metric(distinct, matrix))
        assert metric(lists, grades, k=2) == pytest.approx(metric(distinct, matrix, k=2))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6])
def test_equal_scores_count_as_the_mean_over_all_their_orders(k):
    rng = np.random.default_rng(k)
    for _ in range(20):
        scores = rng.integers(0, 3, 6)
        grades = rng.integers(0, 3, 6)
        grades[0] = 1
        found = {metric: [] for metric in (recall_at_k, mean_reciprocal_rank, ndcg)}
        for order in itertools.permutations(range(6)):
            if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
                for metric, values in found.items():
                    values.append(metric([order], [dict(enumerate(grades.tolist()))], k=k))
        for metric, values in found.items():
            assert metric(scores[None], grades[None], k=k) == pytest.approx(np.mean(values), rel=1e-12)


def test_a_constant_scorer_gains_nothing_by_the_order_of_the_documents():
    scores = np.zeros((1, 10))
    for place in (0, 9):
        assert mean_reciprocal_rank(scores, np.array([place])) == pytest.approx(np.mean(1 / np.arange(1, 11)))
        assert recall_at_k(scores, np.array([place]), 3) == pytest.approx(0.3)


def test_queries_without_a_relevant_document_do_not_count():
    assert recall_at_k([["a"], ["a"]], [{"a"}, set()], 1) == 1
    assert ndcg(np.eye(2), np.array([[1, 0], [0, 0]])) == 1
    assert np.isnan(mean_reciprocal_rank([["a"]], [set()]))


def test_ndcg_is_scikit_learns():
    """Numbers of scikit-learn 1.9.1's ndcg_score, ties included; and directly where it is installed."""
    grades = np.array([[3, 0, 2, 1, 0], [0, 1, 1, 2, 3]])
    scores = np.array([[0.5, 0.5, 0.1, 0.9, 0.1], [0.1, 0.2, 0.3, 0.4, 0.5]])
    assert ndcg(scores, grades) == pytest.approx(0.8689655260087096, rel=1e-12)
    assert ndcg(scores, grades, k=2) == pytest.approx(0.7283503981178886, rel=1e-12)
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for k in (None, 1, 3, 20):
        scores, grades = rng.integers(0, 5, (30, 9)) / 4, rng.integers(0, 4, (30, 9))
        grades[:, 0] = 1
        assert ndcg(scores, grades, k) == pytest.approx(metrics.ndcg_score(grades, scores, k=k), rel=1e-12)


@pytest.mark.parametrize(
    ("ranked", "relevant", "error", "message"),
    [
        (
            np.zeros(3),
            np.zeros(3),
            ValueError,
            r"ranked: expected scores \[queries, documents\], got float64 of shape \(3,\)",
        ),
        (np.zeros((2, 3)), np.zeros((2, 2)), ValueError, r"relevant: expected grades of shape \(2, 3\)"),
        (np.zeros((2, 3)), np.array([0, 3]), ValueError, "numbers of documents below 3, got 0 to 3"),
        (np.full((1, 2), np.nan), np.ones((1, 2)), ValueError, "NaN"),
        (np.zeros((1, 2)), -np.ones((1, 2)), ValueError, "grades of at least 0"),
        ([["a"]], [], ValueError, "relevant: expected documents of 1 queries, got 0"),
        ([], [], ValueError, "at least one query"),
        ([["a", "a"]], [{"a"}], ValueError, r"ranked\[0\]: expected each document once"),
        (["ab"], [{"a"}], TypeError, r"ranked\[0\]: expected a collection of documents, got str"),
        ([["a"]], [{"a": -1}], ValueError, "grades of at least 0"),
    ],
)
def test_bad_rankings_are_named(ranked, relevant, error, message):
    for metric in (lambda *sides: recall_at_k(*sides, 1), mean_reciprocal_rank, ndcg):
        with pytest.raises(error, match=message):
            metric(ranked, relevant)


def test_k_is_checked():
    with pytest.raises(ValueError, match="k: expected an integer >= 1, got 0"):
        recall_at_k([["a"]], [{"a"}], 0)
    with pytest.raises(TypeError, match="k"):
        ndcg([["a"]], [{"a"}], 1.5)


def test_perplexity_is_two_to_the_bits():
    logs = np.log([[0.5, 0.25], [0.125, 1.0]])
    assert bits_per_token(logs) == pytest.approx(6 / 4) and perplexity(logs) == pytest.approx(2**1.5)
    assert perplexity([logs[0], logs[1, :1]]) == pytest.approx(4)
    assert perplexity(np.log10([0.1, 0.001]), base=10) == pytest.approx(100)
    assert perplexity(logs, count=2) == pytest.approx(2**3)  # per word, of two words of two sub-words each
    assert bits_per_token(np.log2([0.5, 0.5]), count=8, base=2) == pytest.approx(0.25)
    assert perplexity([0.0, 1e-9]) == 1 and perplexity([-np.inf, -1.0]) == np.inf and perplexity([-2000.0]) == np.inf
    assert perplexity(np.float32([-1, -1])) == pytest.approx(np.e)


@pytest.mark.parametrize(
    ("logs", "settings", "error", "message"),
    [
        ([], {}, ValueError, "at least one, got none"),
        ([-1.0, 0.5], {}, ValueError, "at most 0, got 0.5 at 1"),
        ([np.nan], {}, ValueError, "at most 0, got nan at 0"),
        (["a"], {}, TypeError, "expected numbers"),
        ([-1.0], {"count": 0}, ValueError, "count"),
        ([-1.0], {"base": 1}, ValueError, "base"),
    ],
)
def test_bad_log_probabilities_are_named(logs, settings, error, message):
    for metric in (perplexity, bits_per_token):
        with pytest.raises(error, match=message):
            metric(logs, **settings)
