"""`model.wv` under the hands of its user: what a model takes over from it, and what it refuses."""

import numpy as np
import pytest

from seqnn import Callback, FastText, GloVe, KeyedVectors, Word2Vec

CORPUS = [["a", "b", "c", "d", "x", "y"]] * 20
SMALL = {"vector_size": 8, "min_count": 1, "verbose": 0, "epochs": 2}


def make(kind):
    return kind(CORPUS, **SMALL, **({} if kind is GloVe else {"sample": 0}))


def go_on(model):
    if isinstance(model, GloVe):
        model.fit(CORPUS, warm_start=True)
    else:
        model.train(CORPUS)


def others(wv, words):
    """Vectors of the same class with other words."""
    random = np.random.default_rng(0).standard_normal((len(words), wv.vector_size)).astype("f4")
    return KeyedVectors.from_arrays(words, random)


@pytest.mark.parametrize("kind", [Word2Vec, FastText, GloVe])
@pytest.mark.parametrize("change", ["reversed", "reversed in place", "others", "fewer", "more"])
def test_vectors_whose_words_were_changed_are_refused_before_anything_is_trained_or_saved(kind, change, tmp_path):
    model = make(kind)
    words = list(model.wv.index_to_key)
    if change == "reversed in place":
        model.wv.index_to_key.reverse()
        model.wv.key_to_index.update((word, i) for i, word in enumerate(model.wv.index_to_key))
    elif change == "more":
        model.wv.add_vector("new", np.zeros(8))
    else:
        given = {"reversed": words[::-1], "others": [f"q{i}" for i in range(6)], "fewer": words[:-1]}[change]
        model.wv = others(model.wv, given)
    uses = [lambda: go_on(model), lambda: model.save(tmp_path / "model")]
    if kind is Word2Vec:
        uses += [lambda: model.predict_output_word(["a"]), lambda: model.build_vocab([["new"]], update=True)]
    for use in uses:
        with pytest.raises(ValueError, match=r"wv: its words were changed; expected the 6 words .*vectors_for_all"):
            use()
    assert not list(tmp_path.iterdir())


def test_vectors_in_the_order_of_the_model_are_taken_over_as_the_error_says():
    model = make(Word2Vec)
    other = others(model.wv, model.wv.index_to_key[::-1])
    model.wv = other.vectors_for_all(model.wv.index_to_key)
    before = {word: other[word].copy() for word in other.index_to_key}
    model.train([["x", "y"]] * 50)
    assert {word for word in before if not np.allclose(model.wv[word], before[word])} == {"x", "y"}


@pytest.mark.parametrize("kind", [Word2Vec, FastText, GloVe])
def test_an_edited_vector_is_saved_and_trained_on(kind, tmp_path):
    model, nines = make(kind), np.full(8, 9, np.float32)
    model.wv["b"] = nines
    model.save(tmp_path / "model")
    for loaded in (kind.load(tmp_path / "model").wv, KeyedVectors.load(tmp_path / "model")):
        np.testing.assert_allclose(loaded["b"], nines, rtol=1e-5)
    go_on(model)
    assert np.abs(model.wv["b"] - nines).max() < 2


@pytest.mark.parametrize("combine", ["sum", "word", "both"])
def test_glove_goes_on_from_edited_vectors_of_every_kind(combine, tmp_path):
    model = GloVe(CORPUS, **SMALL, vectors=combine)
    edited = np.full(model.wv.vector_size, 9, np.float32)
    model.wv["b"] = edited
    model.save(tmp_path / "model")
    assert (GloVe.load(tmp_path / "model").wv["b"] == edited).all()
    model.fit(CORPUS, warm_start=True)
    assert np.abs(model.wv["b"] - edited).max() < 2


@pytest.mark.parametrize("kind", [Word2Vec, FastText, GloVe])
def test_a_model_that_lies_read_only_in_a_file_is_trained_on_a_copy(kind, tmp_path):
    make(kind).save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    model = kind.load(tmp_path / "model", mmap=True)
    go_on(model)
    assert (tmp_path / "model").read_bytes() == content


@pytest.mark.parametrize("kind", [Word2Vec, FastText, GloVe])
def test_a_model_whose_memory_is_read_only_is_trained_on_a_copy(kind):
    model = make(kind)
    for array in model._weights.arrays():  # as joblib.load(mmap_mode="r") makes them
        array.setflags(write=False)
    before = model.wv.vectors.copy()
    go_on(model)
    assert (model.wv.vectors != before).any()


class PrunedError(Exception):
    pass


class Prune(Callback):
    def on_epoch_end(self, model):
        if len(model.history_) == 2:
            raise PrunedError


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_any_error_of_a_callback_in_the_constructor_carries_the_model(kind):
    with pytest.raises(PrunedError) as caught:
        kind(CORPUS, **SMALL | {"epochs": 5}, callbacks=[Prune()])
    model = caught.value.model
    assert len(model.history_) == 2
    model.train(CORPUS)
    assert len(model.history_) == 5


def test_a_misspelt_setting_is_not_accepted_in_silence():
    model = make(Word2Vec)
    for name, meant in {
        "epoch": "epochs",
        "vector_sizes": "vector_size",
        "negativ": "negative",
        "iter": "epochs",
    }.items():
        with pytest.raises(AttributeError, match=f"Word2Vec has no setting '{name}'; did you mean '{meant}'"):
            setattr(model, name, 50)
    model.my_own = 50
