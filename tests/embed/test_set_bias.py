"""RND, RNSB, MAC and ECT: the numbers of WEFE, and what unknown words do."""

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn.embed import ect, mac, rnd, rnsb, weat

WORDS = [f"w{i}" for i in range(40)]
T1, T2, A1, A2 = WORDS[:6], WORDS[6:13], WORDS[13:24], WORDS[24:33]


@pytest.fixture
def wv():
    vectors = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    return KeyedVectors.from_arrays(WORDS, vectors)


def test_the_numbers_are_wefes(wv):
    """Of WEFE 1.0.1 with these vectors and sets; RNSB with holdout=False, liblinear, tol=1e-10."""
    np.testing.assert_allclose(rnd(wv, T1, T2, A1).score, 0.14437422, atol=1e-6)
    np.testing.assert_allclose(rnd(wv, T1, T2, A1, normalize=True).score, 0.082125254, atol=1e-6)
    np.testing.assert_allclose(rnd(wv, T1, T2, A1, distance="cos").score, -0.11191187, atol=1e-6)
    np.testing.assert_allclose(mac(wv, [T1, T2], [A1, A2]).score, 1.0244746, atol=1e-6)
    np.testing.assert_allclose(ect(wv, T1, T2, A1).statistic, 0.3181818181818182, atol=1e-12)
    found = rnsb(wv, [T1, T2], A1, A2)
    np.testing.assert_allclose(
        [found.score, found.by_word["w3"]], [0.20302573038314864, 0.19429016169676372], atol=1e-6
    )
    np.testing.assert_allclose(rnsb(wv, [T1, T2], A1, A2, normalize=True).score, 0.06326396528812943, atol=1e-6)


def test_each_word_has_its_part_and_they_come_by_rising_value(wv):
    for found, words in (
        (rnd(wv, T1, T2, A1), A1),
        (mac(wv, {"women": T1, "men": T2}, {"home": A1}), T1 + T2),
        (rnsb(wv, [T1, T2], A1, A2), T1 + T2),
    ):
        values = list(found.by_word.values())
        assert set(found.by_word) == set(words) and values == sorted(values)
    assert abs(np.mean(list(rnd(wv, T1, T2, A1).by_word.values())) - rnd(wv, T1, T2, A1).score) < 1e-12


def test_groups_without_bias_score_none(wv):
    assert rnd(wv, T1, T1, A1).score == 0
    assert abs(ect(wv, T1, T1, A1).statistic - 1) < 1e-12
    alike = (np.concatenate([wv.vectors[:2], np.ones((3, 8))]), ["good", "bad", "a", "b", "c"])
    assert abs(rnsb(alike, [["a", "b", "c"]], ["good"], ["bad"]).score) < 1e-12


CASES = {
    "rnd": lambda wv, first, **how: rnd(wv, first, T2, A1, **how),
    "mac": lambda wv, first, **how: mac(wv, [first, T2], [A1], **how),
    "ect": lambda wv, first, **how: ect(wv, first, T2, A1, **how),
    "rnsb": lambda wv, first, **how: rnsb(wv, [first, T2], A1, A2, **how),
    "weat": lambda wv, first, **how: weat(wv, first, T2, A1, A2, **how),
}


@pytest.mark.parametrize("name", CASES)
def test_unknown_words_raise_or_are_dropped_up_to_a_share(wv, name):
    measure = CASES[name]
    with pytest.raises(KeyError, match=r"targets?(_1|\[0\]): 1 of 7 words have no vector: 'xx'"):
        measure(wv, [*T1, "xx"])
    with pytest.warns(UserWarning, match="1 of 7 words have no vector and are left out: 'xx'"):
        got = measure(wv, [*T1, "xx"], missing="drop")
    np.testing.assert_equal(got, measure(wv, T1))
    reason = r"targets?(_1|\[0\]): 1 of 7 words have no vector, more than lost_vocabulary_threshold=0.1 allows: 'xx'"
    with pytest.raises(ValueError, match=reason):
        measure(wv, [*T1, "xx"], missing="drop", lost_vocabulary_threshold=0.1)
    with pytest.raises(ValueError, match="lost_vocabulary_threshold: expected a finite number >= 0 and <= 1, got 2"):
        measure(wv, T1, lost_vocabulary_threshold=2)
    with pytest.raises(ValueError, match="missing: expected 'raise' or 'drop', got 'nan'"):
        measure(wv, T1, missing="nan")


def test_the_share_is_a_fifth_unless_another_is_given(wv):
    with pytest.raises(ValueError, match=r"attribute: 2 of 9 .* more than lost_vocabulary_threshold=0.2 allows"):
        rnd(wv, T1, T2, [*A1[:7], "xx", "yy"], missing="drop")


def test_bad_input_is_named(wv):
    with pytest.raises(ValueError, match="distance: expected 'norm' or 'cos', got 'l2'"):
        rnd(wv, T1, T2, A1, distance="l2")
    with pytest.raises(TypeError, match="targets: expected a list of lists of words, got"):
        mac(wv, T1, [A1])
    with pytest.raises(ValueError, match="attributes: expected at least one set of words, got none"):
        mac(wv, [T1], [])
    with pytest.raises(ValueError, match="attribute: expected at least two known words to order, got 1"):
        ect(wv, T1, T2, A1[:1])
    with pytest.raises(ValueError, match="target_1: expected at least one word, got none"):
        ect(wv, [], T2, A1)
    with pytest.raises(ValueError, match="attribute: a word occurs twice"):
        rnd(wv, T1, T2, [*A1, A1[0]])
    with pytest.raises(TypeError, match="attribute: expected a list of words, got a string: 'w1'"):
        rnd(wv, T1, T2, "w1")
    with pytest.raises(ValueError, match="c: expected a finite number > 0, got 0"):
        rnsb(wv, [T1], A1, A2, c=0)
    with pytest.raises(TypeError, match="targets: expected a list of lists of words, got"):
        mac(wv, [1], [A1])
    with pytest.raises(ValueError, match="vectors: those of target_1 hold NaN or infinity"):
        rnd((np.array([[np.nan], [1]]), ["a", "b"]), ["a"], ["b"], ["b"])
