"""Minimum Bayes risk: what is chosen is what the definition says."""

import numpy as np
import pytest

from seqnn import decode

TEXTS = ["the cat sat", "a cat sat down", "the cat sat down", "dogs", ""]


def f1(a, b):
    common = sum(min(a.split().count(w), b.split().count(w)) for w in set(a.split()))
    return 2 * common / (len(a.split()) + len(b.split())) if common else float(not a and not b)


def test_the_built_in_utility_is_the_function_it_names():
    ours, theirs = decode.mbr(TEXTS, utility="f1"), decode.mbr(TEXTS, utility=f1)
    np.testing.assert_allclose(ours.utilities, theirs.utilities, atol=1e-12)
    assert ours.best == theirs.best == TEXTS[ours.index] == "the cat sat down"
    ids = [np.array([7, 8, 9]), np.array([7, 8]), np.array([8, 9, 7])]
    tokens = [["x", "y", "z"], ["x", "y"], ["y", "z", "x"]]
    np.testing.assert_array_equal(
        decode.mbr(ids, utility="ngram_f").utilities, decode.mbr(tokens, utility="ngram_f").utilities
    )


def test_scores_are_weighted_means_over_the_references():
    matrix = np.random.default_rng(0).random((4, 3))
    found = decode.mbr([1, 2, 3, 4], [5, 6, 7], matrix, weights=[1, 2, 5])
    np.testing.assert_allclose(found.scores, matrix @ [0.125, 0.25, 0.625])
    assert found.index == found.scores.argmax() and found.best == found.index + 1
    np.testing.assert_allclose(decode.mbr([1, 2, 3, 4], [5, 6, 7], matrix).scores, matrix.mean(axis=1))


def test_cosine_of_embeddings():
    rows = np.random.default_rng(1).standard_normal((5, 3))
    rows[4] = 0
    unit = rows[:4] / np.linalg.norm(rows[:4], axis=1, keepdims=True)
    found = decode.mbr(rows, utility="cosine").utilities
    np.testing.assert_allclose(found[:4, :4], unit @ unit.T, atol=1e-12)
    assert not found[4].any()


def test_recall_counts_as_beta_says():
    found = decode.mbr([["a"], ["a", "b"]], utility="f1", beta=2.0).utilities
    np.testing.assert_allclose(found, [[1, 5 * 1 * 0.5 / (4 * 1 + 0.5)], [5 * 0.5 / (4 * 0.5 + 1), 1]])


def test_samples_of_a_model_are_chosen_among():
    table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    drawn = decode.sample(lambda ids, state: (table[ids[:, -1]], state), [1], 50, max_new_tokens=4, seed=0)
    found = decode.mbr(drawn.new_tokens, utility="ngram_f", ngram_size=2)
    assert found.best.tolist() == [2, 0, 1, 2]


def test_bad_input():
    for arguments, message in (
        (([],), "hypotheses: expected at least one, got none"),
        ((["a"], []), "references: expected at least one, got none"),
        (
            (["a"], None, "bleu"),
            "utility: expected one of 'f1', 'ngram_f', 'cosine', a function or a matrix, got 'bleu'",
        ),
        ((["a"], None, np.zeros((2, 1))), r"utility: expected a matrix \[1, 1\], got \[2, 1\]"),
        (
            (["a", "b"], None, lambda h, r: np.nan),
            "utility: expected finite numbers, got nan for hypothesis 0 and reference 0",
        ),
        ((["a"], None, "cosine"), r"hypotheses: expected embeddings \[C, D\]"),
    ):
        with pytest.raises(ValueError, match=message):
            decode.mbr(*arguments)
    for options, message in (
        ({"weights": [1]}, "weights: expected 2 numbers >= 0"), ({"weights": [0, 0]}, "weights"),
        ({"weights": [1, -1]}, "weights"),
        ({"beta": 0}, "beta: expected a finite number > 0, got 0"), ({"ngram_size": 0}, "ngram_size: expected an integer >= 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            decode.mbr(["a", "b"], **options)
