"""Measures of bias and debiasing where the vectors lack some of the words."""

import warnings

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn.embed import HardDebias, SoftDebias, bias_direction, compare_debiased, direct_bias, weat

WORDS = ["he", "she", "man", "woman", "nurse", "doctor", "rose", "gun"]


@pytest.fixture
def wv():
    return KeyedVectors.from_arrays(WORDS, np.random.default_rng(0).standard_normal((8, 6)))


PAIRS = [("he", "she"), ("man", "woman"), ("king", "queen")]


def test_words_without_a_vector_raise_by_default_and_are_dropped_on_request(wv):
    sets = [["nurse", "xx"], ["doctor"], ["rose", "yy", "zz"], ["gun"]]
    cases = [
        (lambda **how: weat(wv, *sets, **how), lambda: weat(wv, ["nurse"], ["doctor"], ["rose"], ["gun"])),
        (
            lambda **how: direct_bias(wv, ["nurse", "xx"], wv["he"] - wv["she"], **how),
            lambda: direct_bias(wv, ["nurse"], wv["he"] - wv["she"]),
        ),
        (lambda **how: bias_direction(wv, PAIRS, **how), lambda: bias_direction(wv, PAIRS[:2])),
    ]
    for with_unknown, known in cases:
        with pytest.raises(KeyError):
            with_unknown()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = with_unknown(missing="drop")
        assert caught and all("no vector and are left out" in str(w.message) for w in caught)
        np.testing.assert_array_equal(got, known())
        with pytest.raises(ValueError, match="missing: expected 'raise' or 'drop', got 'skip'"):
            with_unknown(missing="skip")


@pytest.mark.parametrize("kind", [HardDebias, SoftDebias])
def test_debiasing_drops_pairs_of_unknown_words_on_request(wv, kind):
    with pytest.raises(KeyError, match="king"):
        kind().fit(wv, PAIRS)
    with pytest.warns(UserWarning, match="king"):
        got = kind(missing="drop").fit(wv, PAIRS)
    np.testing.assert_allclose(got.direction_, kind().fit(wv, PAIRS[:2]).direction_)
    with pytest.raises(ValueError, match="missing: expected 'raise' or 'drop', got 'no'"):
        kind(missing="no")


def test_nothing_left_is_an_error(wv):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"none|no word|no pair|at least"):
            weat(wv, ["xx"], ["doctor"], ["rose"], ["gun"], missing="drop")
        with pytest.raises(ValueError, match=r"none|no word|no pair|at least|empty"):
            bias_direction(wv, [("king", "queen")], missing="drop")


def test_measures_know_the_built_in_lists(wv):
    before = wv
    after = HardDebias().fit(wv).transform(wv)
    result = compare_debiased(before, after)
    assert result
    assert direct_bias(after, ["nurse", "doctor"]) == pytest.approx(0, abs=1e-6)
    assert direct_bias(before, ["nurse", "doctor"]) > 1e-3


def test_the_estimators_show_their_settings():
    assert repr(HardDebias(method="mean")) == "HardDebias(method='mean')"
    assert SoftDebias(strength=2.0).get_params()["strength"] == 2.0
