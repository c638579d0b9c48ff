import numpy as np
import pytest
from decode_reference import NOTHING, processors_apply
from harness import check_op, each_isa

from seqnn import _core


def case(rows, vocabulary, tokens=0, *, seed=0, spread=2.0, **options):
    rng = np.random.default_rng(seed)
    return {
        "logits": rng.standard_normal((rows, vocabulary)) * spread,
        "ids": rng.integers(0, vocabulary, (rows, tokens)),
        "begins": rng.integers(0, tokens + 1, rows) // 2,
        **NOTHING,
        **options,
    }


def test_edits():
    rng = np.random.default_rng(1)
    words = {"words": np.array([3, 1, 2, 0, 0]), "word_offsets": np.array([0, 1, 3, 5])}
    check_op(
        _core.processors_apply,
        processors_apply,
        [
            case(3, 7),
            case(3, 2500, 40, repetition_penalty=1.3, normalise=True),
            case(2, 9, 30, repetition_penalty=0.7, frequency_penalty=0.3, presence_penalty=0.5, prompt=10),
            case(3, 4, 20, ngram_size=2, ngram_penalty=0.25),
            case(3, 40, 60, ngram_size=3, ngram_penalty=np.inf),
            case(2, 5, 3, ngram_size=1, ngram_penalty=1.0, normalise=True),
            case(4, 6, 12, **words, suppressed=np.array([5, 5])),
            case(3, 50, 8, allowed=rng.random((3, 50)) < 0.5, frequency_penalty=1.0),
            case(3, 50, 8, allowed=rng.random((1, 50)) < 0.5, normalise=True),
            case(0, 5),
        ],
    )


def test_warpers():
    check_op(
        _core.processors_apply,
        processors_apply,
        [
            case(3, 300, temperature=0.5),
            case(3, 5000, top_k=50),
            case(3, 40, top_k=100),
            case(3, 5000, top_p=0.9),
            case(3, 3000, top_p=0.5, spread=0.01),  # many tokens of nearly the same score
            case(3, 5000, top_p=0.01),
            case(3, 5000, min_p=0.05),
            case(3, 5000, typical_p=0.9),
            case(3, 700, typical_p=0.2, keep=3),
            case(3, 900, top_k=1, top_p=0.1, min_p=0.9, keep=2),
            case(4, 2000, temperature=0.7, top_k=40, top_p=0.8, min_p=0.01, typical_p=0.7),
            case(2, 1, top_k=1, top_p=0.5, typical_p=0.5),
        ],
        tolerance={np.dtype(np.float32): 2e-4, np.dtype(np.float64): 1e-10},
    )


def test_equal_scores_stay_with_top_k_and_the_lowest_ids_with_top_p():
    logits = np.zeros((1, 200))
    logits[0, 7] = 1.0
    for _ in each_isa():
        ids = {"ids": np.zeros((1, 0), int), "begins": np.zeros(1, int), **NOTHING}
        assert np.isfinite(_core.processors_apply(logits, **ids, top_k=2).scores).all()
        share = (np.e + 3.5) / (np.e + 199)
        kept = _core.processors_apply(logits, **ids, top_p=share).scores
        assert np.flatnonzero(np.isfinite(kept[0])).tolist() == [0, 1, 2, 3, 7]


@pytest.mark.parametrize("spread", [1e-30, 1e30])
def test_scores_of_any_size_are_cut_right(spread):
    logits = np.random.default_rng(0).standard_normal((2, 3000)) * spread
    logits[0, ::2] = -np.inf
    found = _core.processors_apply(logits, np.zeros((2, 0), int), np.zeros(2, int), **NOTHING, top_k=10).scores
    assert (np.isfinite(found).sum(axis=1) == 10).all()
    for row, kept in zip(logits, found, strict=True):
        assert set(np.flatnonzero(np.isfinite(kept))) == set(np.argsort(row)[-10:])


def test_rows_that_are_not_finite_and_rows_without_a_token_are_told_apart():
    logits = np.zeros((5, 4))
    logits[0, 2], logits[1, 1], logits[2] = np.nan, np.inf, -np.inf
    allowed = np.ones((5, 4), bool)
    allowed[3] = False
    for normalise in (False, True):
        found = _core.processors_apply(
            logits, np.zeros((5, 0), int), np.zeros(5, int), **NOTHING, allowed=allowed, normalise=normalise
        )
        assert found.status.tolist() == [1, 1, 1, 2, 0]


def test_ids_outside_the_vocabulary_and_places_outside_the_row_are_left_alone():
    found = _core.processors_apply(
        np.ones((2, 3)), np.array([[7, -5, 1], [2**40, 0, 0]]), np.array([-9, 99]), **NOTHING, repetition_penalty=2.0
    )
    assert found.scores.tolist() == [[1, 0.5, 1], [1, 1, 1]]


def test_tokens_that_sum_to_top_p_exactly_are_enough():
    for dtype in (np.float32, np.float64):
        logits = np.log(np.array([[0.3, 0.1, 0.1, 0.5]], dtype))
        for _ in each_isa():
            found = _core.processors_apply(logits, np.zeros((1, 0), int), np.zeros(1, int), **NOTHING, top_p=0.8)
            assert np.isfinite(found.scores).tolist() == [[True, False, False, True]]
