"""One model that writes several languages, by a token before each text."""

from itertools import product

import numpy as np
import pytest

from seqnn.models import Seq2Seq, Translator
from seqnn.models._target_language import language_token

NUMBERS = {
    "en": ["one", "two", "three", "four"], "de": ["eins", "zwei", "drei", "vier"], "fr": ["un", "deux", "trois", "quatre"]
}  # fmt: skip
COUNTS = [row for row in [*product(range(4)), *product(range(4), repeat=2)] for _ in NUMBERS]
LANGUAGES = [*NUMBERS] * (len(COUNTS) // 3)
X = [" ".join("1234"[n] for n in row) for row in COUNTS]
Y = [" ".join(NUMBERS[lang][n] for n in row) for row, lang in zip(COUNTS, LANGUAGES, strict=True)]
RARE = {"min_frequency": 21, "validation_fraction": 0}  # rarer than the tokens of the languages


def models(**settings):
    yield Seq2Seq(
        cell="gru",
        hidden_size=32,
        embedding_size=16,
        attention="additive",
        learning_rate=0.02,
        **{"max_iter": 30, **settings},
    )
    yield Translator(
        d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=60, learning_rate=0.5, batch_size=16, dropout=0.0,
        **{"max_iter": 50, **settings},
    )  # fmt: skip


def quick():
    return models(max_iter=1, validation_fraction=0)


@pytest.mark.parametrize("which", [0, 1])
def test_one_model_writes_all_languages(which, tmp_path):
    model = [*models(validation_fraction=0)][which].fit(X, Y, target_language=LANGUAGES)
    assert model.languages_.tolist() == ["de", "en", "fr"]
    assert model.score(X, Y, target_language=LANGUAGES) > 0.95
    text = "2 4"
    for language in ("en", "de", "fr"):
        expected = " ".join(NUMBERS[language][int(n) - 1] for n in text.split())
        assert model.predict([text], target_language=language) == [expected]
    three = model.predict([text] * 3, target_language=["fr", "de", "en"])
    assert [row.split()[0] for row in three] == ["deux", "zwei", "two"]
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model")
    assert again.languages_.tolist() == ["de", "en", "fr"]
    assert again.predict([text] * 3, target_language=["fr", "de", "en"]) == three
    assert model.align([text], target_language="fr")[0].source[0] == language_token("fr") == "<2fr>"
    found = model.generate([text], target_language="de", num_beams=3)
    assert found.texts[0].startswith("zwei")


@pytest.mark.parametrize("which", [0, 1])
def test_languages_of_few_texts_are_known_too(which):
    model = [*models(max_iter=1, **RARE)][which].fit(X, Y, target_language=LANGUAGES)
    words = (model._input.vocabulary if which == 0 else model.source_).words
    assert {"<2de>", "<2en>", "<2fr>"} <= set(words)
    assert len({*words}) == len(words)
    matrix, given = np.random.default_rng(0).standard_normal((4, 32 if which else 16)).astype(np.float32), list("1234")
    frozen = [*quick()][which].set_params(embedding=(matrix, given), freeze=True).fit(X, Y, target_language=LANGUAGES)
    one, two = (frozen.generate(X[:1], target_language=lang).scores for lang in ("de", "en"))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("which", [0, 1])
def test_held_out_texts_have_languages_too(which):
    model = [*models(max_iter=2)][which].fit(X, Y, target_language=LANGUAGES, validation=(X[:6], Y[:6], LANGUAGES[:6]))
    assert len(model.history_["val_bleu"]) == 2
    with pytest.raises(
        ValueError, match=r"validation: expected \(X, y, target_language\) as fit got these, got 2 parts"
    ):
        model.fit(X, Y, target_language=LANGUAGES, validation=(X[:6], Y[:6]))
    with pytest.raises(ValueError, match=r"validation\[2\]: expected one of 'de', 'en', 'fr', got 'it'"):
        model.fit(X, Y, target_language=LANGUAGES, validation=(X[:6], Y[:6], "it"))


@pytest.mark.parametrize("which", [0, 1])
def test_bad_languages_are_named(which):
    model = [*quick()][which]
    with pytest.raises(ValueError, match="target_language: expected one for each of 60 sequences, got 2"):
        model.fit(X, Y, target_language=["en", "de"])
    with pytest.raises(TypeError, match=r"target_language\[1\]: expected a name such as 'en', got None"):
        model.fit(X[:2], Y[:2], target_language=["en", None])
    with pytest.raises(
        TypeError, match="target_language: expected a language, or a list of one for each sequence, got 3"
    ):
        model.fit(X, Y, target_language=3)
    with pytest.raises(
        TypeError, match=r"target_language: expected a language, or a list of one for each sequence, got \{'en'\}"
    ):
        model.fit(X[:1], Y[:1], target_language={"en"})
    with pytest.raises(TypeError, match="target_language: expected a name such as 'en', got ''"):
        model.fit(X, Y, target_language="")
    with pytest.raises(TypeError, match=r"validation: expected a pair \(X, y\), got a tuple of 3"):
        model.fit(X, Y, validation=(X[:2], Y[:2], "en"))
    model.fit(X, Y, target_language=LANGUAGES)
    with pytest.raises(ValueError, match="target_language: expected one of 'de', 'en', 'fr', got 'it'"):
        model.predict(X[:2], target_language=["en", "it"])
    with pytest.raises(ValueError, match="target_language: expected one of 'de', 'en', 'fr', got None"):
        model.predict(X[:2])
    with pytest.raises(ValueError, match="target_language: expected None as fit got, got 'en'"):
        model.fit(X, Y).predict(X[:2], target_language="en")


def test_numbers_have_no_target_language():
    with pytest.raises(TypeError, match="target_language: expected None for X of numbers, got 'en'"):
        Seq2Seq(max_iter=1).fit([[1.0, 2.0]] * 20, [[1.0]] * 20, target_language="en")
