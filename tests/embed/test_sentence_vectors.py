"""Vectors of sentences against NumPy written out."""

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors
from seqnn.embed import SentenceVectors

WORDS = [f"w{i}" for i in range(30)]


def vectors(**options):
    return KeyedVectors.from_arrays(
        WORDS, np.random.default_rng(1).standard_normal((30, 7)).astype(np.float32), **options
    )


def sentences(count=80):
    rng = np.random.default_rng(2)
    return [rng.choice([*WORDS, "unknown"], n).tolist() for n in rng.integers(0, 9, count)]


def written_out(mean):
    """The mean of each sentence's rows, zeros without rows."""
    wv = vectors()
    rows = [np.array([wv[w] for w in s if w in wv], np.float64).reshape(-1, 7) for s in sentences()]
    return [mean(x, [w for w in s if w in wv]) if len(x) else None for x, s in zip(rows, sentences(), strict=True)]


def assert_rows(found, expected):
    for row, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(row, np.zeros(len(row)) if other is None else other, atol=2e-6)


def test_means_are_those_of_known_words():
    found = SentenceVectors(vectors()).fit_transform(iter(sentences()))
    assert found.dtype == np.float32 and found.shape == (80, 7)
    assert_rows(found, written_out(lambda rows, words: rows.mean(0)))


def test_sif_weights_rare_words_more_and_takes_the_first_component_away():
    counts = np.arange(30, 0, -1)
    share = dict(zip(WORDS, counts / counts.sum(), strict=True))
    weighted = written_out(lambda rows, words: np.array([0.01 / (0.01 + share[w]) for w in words]) @ rows / len(rows))
    plain = np.array([np.zeros(7) if row is None else row for row in weighted])
    component = np.linalg.svd(plain, full_matrices=False)[2][0]
    model = SentenceVectors(vectors(counts=counts), "sif", a=0.01).fit(sentences())
    assert abs(model.components_[0] @ component) == pytest.approx(1, abs=1e-5)
    expected = plain - np.outer(plain @ component, component)
    np.testing.assert_allclose(model.transform(sentences()), expected, atol=5e-6)
    given = SentenceVectors(vectors(), "sif", a=0.01, frequencies=share).fit_transform(sentences())
    np.testing.assert_allclose(given, expected, atol=5e-6)
    none = SentenceVectors(vectors(counts=counts), "sif", a=0.01, components=0).fit_transform(sentences())
    np.testing.assert_allclose(none, plain, atol=2e-6)
    own = SentenceVectors(vectors(), "sif").fit(sentences())
    assert own._frequencies["w3"] == sum(s.count("w3") for s in sentences())


def test_power_means_stand_side_by_side(monkeypatch):
    monkeypatch.setattr("seqnn.embed._vectors._sentence_vectors._TOKENS", 20)
    found = SentenceVectors(vectors(), "power", powers=(1, np.inf, -np.inf, 3)).transform(sentences())
    expected = written_out(
        lambda rows, words: np.concatenate([rows.mean(0), rows.max(0), rows.min(0), np.cbrt((rows**3).mean(0))])
    )
    assert_rows(found, expected)


def test_unknown_words_have_the_vectors_that_fasttext_makes(tmp_path):
    wv = FastText([["night", "nightly", "day"]] * 30, vector_size=8, min_count=1, sample=0, verbose=0, bucket=99).wv
    found = SentenceVectors(wv).transform([["nights", "day"], []])
    np.testing.assert_allclose(found[0], (wv["nights"] + wv["day"]) / 2, atol=1e-6)
    assert not found[1].any()
    (tmp_path / "lines").write_text("nights day\n\n")
    np.testing.assert_array_equal(SentenceVectors(wv).transform(tmp_path / "lines"), found)
    np.testing.assert_array_equal(SentenceVectors(wv, tokenizer=str.split).transform(["nights day", ""]), found)


@pytest.mark.parametrize("method", ["mean", "sif", "power"])
def test_sentences_without_a_known_word_and_no_sentences_at_all_have_zeros(method):
    model = SentenceVectors(vectors(), method)
    width = 7 if method != "power" else 21
    assert model.fit_transform([["unknown"], []]).tolist() == [[0.0] * width] * 2
    assert model.fit_transform([]).shape == (0, width)


def test_fitting_again_counts_the_words_of_the_new_sentences():
    model, rows = SentenceVectors(vectors(), "sif", components=0), [["w1", "w2"]]
    first = model.fit([["w1"] * 9 + ["w2"]]).transform(rows)
    again = model.fit([["w2"] * 9 + ["w1"]]).transform(rows)
    assert np.abs(again - first).max() > 1e-3
    new = SentenceVectors(vectors(), "sif", components=0).fit([["w2"] * 9 + ["w1"]]).transform(rows)
    np.testing.assert_array_equal(again, new)


def test_bad_input_is_refused():
    wv = vectors()
    no_numbers = KeyedVectors.from_arrays(["w1"], [[np.nan]])
    for call, error, message in (
        (lambda: SentenceVectors({}), TypeError, "vectors: expected KeyedVectors, got dict"),
        (lambda: SentenceVectors(wv, "median"), ValueError, "method: expected one of 'mean', 'sif', 'power'"),
        (lambda: SentenceVectors(wv, "power", powers=(2,)), ValueError, r"powers: expected odd integers .* got \[2\]"),
        (lambda: SentenceVectors(wv, "power", powers=()), ValueError, r"powers: expected odd integers .* got \(\)"),
        (
            lambda: SentenceVectors(wv, "power", powers="13"),
            ValueError,
            r"powers: expected odd integers .* got \['1', '3'\]",
        ),
        (lambda: SentenceVectors(wv, "power", powers=101), ValueError, r"powers: .* from 1 to 99, .* got \[101\]"),
        (
            lambda: SentenceVectors(wv, "sif", frequencies=["w1"]),
            TypeError,
            "frequencies: expected counts by words, got list",
        ),
        (
            lambda: SentenceVectors(wv, "sif", frequencies={"w1": -1}),
            ValueError,
            "frequencies.*: expected .* >= 0, got -1",
        ),
        (
            lambda: SentenceVectors(no_numbers, "sif").fit([["w1"]]),
            ValueError,
            "vectors: expected finite numbers for 'sif'",
        ),
        (lambda: SentenceVectors(wv, a=0), ValueError, "a: "),
        (lambda: SentenceVectors(wv, components=8), ValueError, "components"),
        (lambda: SentenceVectors(wv, "sif").transform([["w1"]]), RuntimeError, "call fit"),
        (lambda: SentenceVectors(wv).transform(["w1 w2"]), (TypeError, FileNotFoundError), "w1 w2"),
    ):
        with pytest.raises(error, match=message):
            call()
