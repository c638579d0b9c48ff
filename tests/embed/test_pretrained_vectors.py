"""Training that begins with vectors of elsewhere: `pretrained`, `freeze`, GloVe's `mittens`."""

import numpy as np
import pytest

from seqnn import Callback, EarlyStopping, FastText, GloVe, KeyedVectors, Word2Vec

SENTENCES = [["to", "be", "or", "not", "to", "be", "that"], ["is", "the", "question", "night", "nightly"]] * 40
SMALL = {"vector_size": 20, "min_count": 1, "verbose": 0, "epochs": 2}
KINDS = [Word2Vec, FastText, GloVe]


@pytest.fixture
def known():
    rng = np.random.default_rng(0)
    words = ["be", "night", "question", "elsewhere"]
    return KeyedVectors.from_arrays(words, rng.standard_normal((4, 20)).astype("f4"))


def made(kind, **more):
    return kind(SENTENCES, **SMALL | ({} if kind is GloVe else {"sample": 0}) | more)


def away(model, known, words=("be", "night", "question")):
    """How far words are from their first vectors."""
    return np.abs(model.wv[list(words)] - known[list(words)]).max(axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_known_words_begin_there_and_others_as_they_would(kind, known):
    model, plain = made(kind, pretrained=known, epochs=0), made(kind, epochs=0)
    assert (away(model, known) < 1e-6).all() and "elsewhere" not in model.wv.key_to_index
    assert (model.wv["to"] == plain.wv["to"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_all_some_or_a_share_of_the_vectors_stay(kind, known):
    assert (away(made(kind, pretrained=known, freeze=True), known) < 1e-6).all()
    some = away(made(kind, pretrained=known, freeze=["be", "elsewhere"]), known)
    assert some[0] < 1e-6 and (some[1:] > 1e-4).all()
    free = away(made(kind, pretrained=known), known)
    assert (free > 1e-4).all()
    share = away(made(kind, pretrained=known, freeze={"be": 0.0, "question": 0.125, "night": 1.0}), known)
    assert share[0] < 1e-6 and 0 < share[2] < free[2] and share[1] > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_may_be_a_path_a_pair_or_those_of_another_library(kind, known, tmp_path):
    expected = made(kind, pretrained=known, workers=1).wv.vectors
    known.save_word2vec_format(tmp_path / "known.bin", binary=True)

    class Foreign:
        key_to_index, index_to_key, vectors = known.key_to_index, known.index_to_key, known.vectors

    for given in (tmp_path / "known.bin", (known.vectors, known.index_to_key), Foreign()):
        assert (made(kind, pretrained=given, workers=1).wv.vectors == expected).all()


@pytest.mark.parametrize("how", [{}, {"freeze": ["be"]}])
@pytest.mark.parametrize("kind", KINDS)
def test_any_team_and_an_interruption_give_the_same_bits(kind, how, known, tmp_path):
    how = how | ({"mittens": 2.0} if kind is GloVe else {"deterministic": True})
    whole, team = (made(kind, pretrained=known, epochs=4, workers=workers, **how).wv.vectors for workers in (1, 3))
    assert (whole == team).all()

    class Halt(Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as error:
        made(kind, pretrained=known, epochs=4, callbacks=[Halt()], **how)
    error.value.model.save(tmp_path / "model")
    model = kind.load(tmp_path / "model")
    model.fit(SENTENCES) if kind is GloVe else model.train(SENTENCES)
    assert (model.wv.vectors == whole).all()


def test_a_run_that_diverges_goes_back_to_the_pretrained_vectors(known):
    with pytest.raises(FloatingPointError) as error, np.errstate(all="ignore"):
        made(Word2Vec, pretrained=known, alpha=1e30)
    assert (away(error.value.model, known) == 0).all()


def test_words_that_are_added_begin_there_too(known):
    model = Word2Vec(**SMALL, pretrained=known, freeze=True)
    model.build_vocab(SENTENCES)
    model.wv["be"] = np.ones(20)
    model.build_vocab([["elsewhere", "new"]], update=True)
    assert (model.wv["elsewhere"] == known["elsewhere"]).all() and (model.wv["be"] == 1).all()
    model.train([["elsewhere", "new", "be"]] * 9)
    assert (model.wv["elsewhere"] == known["elsewhere"]).all()
    other = Word2Vec(**SMALL, pretrained=known)
    other.reset_from(model)
    assert (away(other, known) == 0).all()


def test_ngrams_of_the_same_kind_are_taken_over():
    first = made(FastText, epochs=5)
    model = made(FastText, epochs=0, pretrained=first.wv, seed=9)
    np.testing.assert_allclose(model.wv["nights"], first.wv["nights"], atol=1e-6)
    np.testing.assert_allclose(model.wv.vectors, first.wv.vectors, atol=1e-6)
    other = made(FastText, epochs=0, pretrained=first.wv, min_n=2)
    assert np.abs(other.wv["nights"] - first.wv["nights"]).max() > 1e-3
    np.testing.assert_allclose(other.wv.vectors, first.wv.vectors, atol=1e-6)
    by_parts = Word2Vec([["nights", "be"]], **SMALL | {"epochs": 0}, pretrained=first.wv)
    np.testing.assert_allclose(by_parts.wv["nights"], first.wv["nights"], atol=1e-6)


@pytest.mark.parametrize("vectors", ["sum", "word", "both"])
def test_mittens_holds_words_the_nearer_the_stronger_it_is(vectors, known):
    size = 10 if vectors == "both" else 20
    distances = []
    for strength in (0, 1, 100):
        model = made(GloVe, pretrained=known, mittens=strength, vectors=vectors, epochs=20, vector_size=size)
        distances.append(away(model, known).max())
        assert np.isfinite(model.history_[-1]["loss"])
    assert distances[0] > 1.5 * distances[1] > 3 * distances[2]


def test_the_cost_of_mittens_is_the_squared_distance(known):
    model = made(GloVe, pretrained=known, epochs=0, mittens=3.0)
    moved = model.wv.vectors.copy()
    moved[model.wv.get_index("be")] += 0.5
    model.wv.vectors[...] = moved
    model._follow_vectors()
    assert model._weights.approach(3.0, 0.05, None) == pytest.approx(3.0 * 20 * 0.25)
    # w + c - r = 0.5, half of it in each; squared gradients are 1: away' = 0.5 / (1 + 4 * 3 * 0.05)
    found = model._weights._computed()[model.wv.get_index("be")] - known["be"]
    np.testing.assert_allclose(found, 0.5 / 1.6, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_that_cannot_be_the_first_are_refused(kind, known):
    narrow = KeyedVectors.from_arrays(["be"], np.ones((1, 8)))
    strange = KeyedVectors.from_arrays(["BE"], np.ones((1, 20)))
    broken = KeyedVectors.from_arrays(["be"], np.full((1, 20), np.nan))
    for wrong, error, told in (
        ({"pretrained": narrow}, ValueError, "pretrained: expected vectors of 20 numbers, as vector_size says, got 8"),
        ({"pretrained": strange}, ValueError, "pretrained: expected vectors of some of the 10 words, such as"),
        ({"pretrained": broken}, ValueError, "pretrained: expected finite numbers, got NaN or infinity for 'be'"),
        ({"pretrained": 5}, TypeError, "pretrained: expected KeyedVectors, a pair"),
        ({"pretrained": Word2Vec()}, TypeError, r"got Word2Vec: give its vectors, model\.wv"),
        ({"freeze": True}, ValueError, "freeze: expected pretrained vectors that can be kept, got pretrained=None"),
        ({"pretrained": known, "freeze": ["so"]}, ValueError, "freeze: expected words of the pretrained vectors, got"),
        ({"pretrained": known, "freeze": {"be": np.inf}}, ValueError, r"freeze\['be'\]: expected"),
        ({"pretrained": known, "freeze": {"be": -0.5}}, ValueError, r"freeze\['be'\]: .* number >= 0, got -0\.5"),
        ({"pretrained": known, "freeze": "be"}, TypeError, "freeze: expected True, False, words, or a factor"),
    ):
        with pytest.raises(error, match=told):
            made(kind, **wrong)


def test_mittens_without_vectors_to_stay_near_to_is_refused(known):
    with pytest.raises(ValueError, match="mittens: expected pretrained vectors to stay near to, got pretrained=None"):
        made(GloVe, mittens=1.0)
    with pytest.raises(ValueError, match="mittens: expected"):
        made(GloVe, pretrained=known, mittens=-1.0)
    stopping = EarlyStopping(lambda model: -away(model, known).max(), patience=0, restore_best=True)
    model = made(GloVe, pretrained=known, epochs=9, early_stopping=stopping)
    assert len(model.history_) == 2 and model.history_[0]["score"] == pytest.approx(-away(model, known).max())


def test_words_to_keep_are_words_and_vectors_fit_into_float32(known):
    for freeze, error, message in (
        ([["be"]], TypeError, r"freeze: expected True, False, words, .* got \[\['be'\]\]"),
        ([0], ValueError, "freeze: expected words of the pretrained vectors, got 0"),
    ):
        with pytest.raises(error, match=message):
            made(Word2Vec, pretrained=known, freeze=freeze)
    with pytest.raises(ValueError, match="pretrained: expected finite numbers, got NaN or infinity for 'be'"):
        made(Word2Vec, pretrained=(np.full((1, 20), 1e300), ["be"]))


@pytest.mark.parametrize("kind", [Word2Vec, GloVe])
def test_vectors_of_another_type_that_a_user_gave_can_be_loaded_again(kind, known, tmp_path):
    model = made(kind)
    model.wv.vectors = np.ones(model.wv.vectors.shape, np.float64)
    model.save(tmp_path / "model")
    assert (kind.load(tmp_path / "model").wv.vectors == 1).all()
