"""Vectors that further training keeps: `freeze`, gensim's vectors_lockf, and vectors that are taken over from a file."""

import numpy as np
import pytest

from seqnn import FastText, GloVe, KeyedVectors, Word2Vec

SENTENCES = [["to", "be", "or", "not", "to", "be", "that"], ["is", "the", "question", "night", "nightly"]] * 40
SMALL = {"vector_size": 20, "min_count": 1, "sample": 0, "verbose": 0, "epochs": 2}
MODES = [{"sg": 0}, {"sg": 1}, {"sg": 1, "hs": 1, "negative": 0}, {"sg": 0, "deterministic": True}]


def moved(model, before):
    """The words whose vectors are not the same bits any more."""
    changed = (model.wv.vectors[: len(before)] != before).any(axis=1)
    return {word for word, now in zip(model.wv.index_to_key, changed, strict=False) if now}


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_frozen_words_keep_their_bits_and_the_others_are_trained(kind, mode):
    model = kind(SENTENCES, **SMALL, **mode)
    model.wv.freeze(["be", "question"])
    before = model.wv.vectors.copy()
    model.train(SENTENCES)
    assert moved(model, before) == set(model.wv.index_to_key) - {"be", "question"}


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_frozen_words_stay_so_in_files_and_when_words_are_added(kind, tmp_path):
    model = kind(SENTENCES, **SMALL)
    model.wv.freeze(["be", 0])
    model.save(tmp_path / "model")
    model = kind.load(tmp_path / "model")
    model.build_vocab([["nightfall", "a", "be"]], update=True)
    before = model.wv.vectors.copy()
    model.train([*SENTENCES, ["nightfall", "a", "be"]])
    assert moved(model, before) == set(model.wv.index_to_key) - {"be", model.wv.index_to_key[0]}
    loaded = KeyedVectors.load(tmp_path / "model")
    assert (loaded._lockf == 0).any() and len(loaded._lockf) == loaded._trained


def test_a_new_vocabulary_begins_without_frozen_words():
    model = Word2Vec(SENTENCES, **SMALL)
    model.wv.freeze(model.wv.index_to_key)
    model.build_vocab(SENTENCES)
    before = model.wv.vectors.copy()
    model.train(SENTENCES)
    assert moved(model, before) == set(model.wv.index_to_key)


def test_vectors_lockf_is_gensims_share_of_the_changes():
    model = Word2Vec(SENTENCES, **SMALL)
    model.wv.vectors_lockf = np.zeros(len(model.wv), np.float32)
    before = model.wv.vectors.copy()
    model.train(SENTENCES)
    assert not moved(model, before)
    model.wv.vectors_lockf[2] = 1.0
    model.train(SENTENCES)
    assert moved(model, before) == {model.wv.index_to_key[2]}
    model.wv.freeze(model.wv.index_to_key, factor=1)
    model.train(SENTENCES)
    assert moved(model, before) == set(model.wv.index_to_key)
    model.wv.vectors_lockf = 0.25
    assert model.wv.vectors_lockf.tolist() == [0.25] * len(model.wv)


def test_all_shares_of_one_train_to_the_same_bits_as_none():
    one, other = (Word2Vec(SENTENCES, **SMALL, workers=1) for _ in range(2))
    one.wv.vectors_lockf = np.ones(len(one.wv))
    one.train(SENTENCES)
    other.train(SENTENCES)
    assert (one.wv.vectors == other.wv.vectors).all()


def test_parts_of_fasttext_take_their_shares():
    model = FastText(SENTENCES, **SMALL)
    model.wv.vectors_ngrams_lockf = 0
    parts = model.wv.vectors_ngrams.copy()
    before = model.wv.vectors_vocab.copy()
    model.train(SENTENCES)
    assert (model.wv.vectors_ngrams == parts).all()
    assert (model.wv.vectors_vocab != before).any(axis=1).all()
    model.wv.vectors_vocab_lockf[:] = 0
    before = model.wv.vectors.copy()
    model.train(SENTENCES)
    assert not moved(model, before)


def test_a_model_begins_with_known_vectors_and_keeps_them(tmp_path):
    rng = np.random.default_rng(0)
    known = KeyedVectors.from_arrays(["be", "night", "elsewhere"], rng.standard_normal((3, 20)).astype("f4"))
    known.save_word2vec_format(tmp_path / "known.bin", binary=True)
    for kind in (Word2Vec, FastText):
        model = kind(**SMALL)
        model.build_vocab(SENTENCES)
        assert model.wv.intersect_word2vec_format(tmp_path / "known.bin", binary=True) == 2
        model.train(SENTENCES)
        if kind is Word2Vec:
            assert (model.wv[["be", "night"]] == known[["be", "night"]]).all()
        else:
            np.testing.assert_allclose(model.wv[["be", "night"]], known[["be", "night"]], atol=1e-5)
        assert "elsewhere" not in model.wv.key_to_index
    wide = Word2Vec(SENTENCES, **SMALL | {"vector_size": 8})
    with pytest.raises(ValueError, match="expected vectors of size 8, got 20"):
        wide.wv.intersect_word2vec_format(tmp_path / "known.bin", binary=True)


def test_shares_that_cannot_be_are_refused():
    wv = Word2Vec(SENTENCES, **SMALL).wv
    for wrong in (np.zeros(3), np.full(len(wv), np.nan), np.zeros((len(wv), 2))):
        with pytest.raises(ValueError, match="vectors_lockf: expected a finite factor for each of"):
            wv.vectors_lockf = wrong
    with pytest.raises(KeyError, match="elsewhere"):
        wv.freeze(["be", "elsewhere"])
    with pytest.raises(ValueError, match="factor: expected"):
        wv.freeze(["be"], np.inf)
    with pytest.raises(ValueError, match=r"factor: expected a finite number >= 0, got -0\.5"):
        wv.freeze(["be"], -0.5)
    wv = FastText(SENTENCES, **SMALL).wv
    for use in (lambda: wv.vectors_lockf, lambda: setattr(wv, "vectors_lockf", 0)):
        with pytest.raises(AttributeError, match=r"has no 'vectors_lockf': vectors_vocab_lockf .* freeze\(words\)"):
            use()
    with pytest.raises(ValueError, match="vectors_ngrams_lockf: expected a finite factor"):
        wv.vectors_ngrams_lockf = np.zeros(5)
    wv.add_vectors(["new"], np.zeros((1, 20)))
    with pytest.raises(ValueError, match="words without parts were added"):
        wv.freeze(["new"])


@pytest.mark.parametrize("vectors", ["sum", "word", "both"])
def test_glove_keeps_frozen_words_on_any_team_and_trains_the_others(vectors):
    found = []
    for workers in (1, 3):
        model = GloVe(
            SENTENCES, vector_size=20, min_count=1, epochs=2, verbose=0, vectors=vectors, workers=workers
        )  # fmt: skip
        model.wv.freeze(["be"])
        model.wv.freeze(["question"], 0.5)
        before, biases = model.wv.vectors.copy(), model.word_biases_.copy()
        model.fit(SENTENCES, warm_start=True)
        assert moved(model, before) == {*model.wv.index_to_key} - {"be"}
        assert (model.word_biases_ != biases).all()
        found.append(model.wv.vectors)
    assert (found[0] == found[1]).all()


def test_shares_of_one_train_glove_as_none():
    one, other = (GloVe(SENTENCES, vector_size=4, min_count=1, epochs=2, verbose=0) for _ in range(2))
    one.wv.vectors_lockf = 1
    one.wv.vectors_lockf[0] = 1 - 2**-24  # no share is dropped: the kernel with shares runs
    for model in (one, other):
        model.fit(SENTENCES, warm_start=True)
    np.testing.assert_allclose(one.wv.vectors, other.wv.vectors, rtol=1e-5, atol=1e-6)
