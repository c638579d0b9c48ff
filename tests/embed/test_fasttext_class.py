"""The class FastText, its vectors and its files."""

import copy
import os
from pathlib import Path

import numpy as np
import pytest

import seqnn
from seqnn import FastText
from seqnn.embed import FastTextKeyedVectors, KeyedVectors
from seqnn.embed._vectors._subwords import ngram_numbers

SENTENCES = [["night", "nightly", "knight"], ["day", "daily", "today"], ["night", "day"]] * 60
FAST = {"vector_size": 12, "min_count": 1, "sample": 0, "verbose": 0, "bucket": 5000}


def by_hand(wv, word):
    """A word's vector from the parts, by the definition."""
    numbers, _ = ngram_numbers([word], wv.min_n, wv.max_n, wv.bucket)
    own = [wv.vectors_vocab[wv.key_to_index[word]]] if word in wv.key_to_index else []
    return np.mean([*own, *wv.vectors_ngrams[numbers]], axis=0)


@pytest.fixture(scope="module")
def model():
    return FastText(SENTENCES, sg=1, epochs=2, **FAST)


def test_vectors_are_means_of_their_parts(model):
    for word in ("night", "daily", "nights", "holiday"):
        np.testing.assert_allclose(model.wv[word], by_hand(model.wv, word), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.wv.vectors[2], by_hand(model.wv, model.wv.index_to_key[2]), rtol=1e-5, atol=1e-7)
    assert model.wv.vectors_ngrams.shape == (5000, 12)
    used = np.unique(ngram_numbers(model.wv.index_to_key, 3, 6, 5000)[0])
    assert np.flatnonzero(model.wv.vectors_ngrams.any(1)).tolist() == used.tolist()


def test_look_ups_of_unknown_words(model):
    wv = model.wv
    assert "nightlife" in wv and "nightlife" not in wv.key_to_index and 3 in wv and 99 not in wv
    assert np.linalg.norm(wv.get_vector("nightlife", norm=True)) == pytest.approx(1)
    pair = wv.get_vectors(["nightlife", "day"])
    np.testing.assert_allclose(pair, [wv["nightlife"], wv["day"]], rtol=1e-6)
    names = [key for key, _ in wv.most_similar("nightlife", topn=len(wv))]
    assert sorted(names) == sorted(wv.index_to_key)
    assert "night" not in [key for key, _ in wv.most_similar(["nightlife", "night"], topn=len(wv))]
    batch, single = wv.most_similar_batch(["nightlife", "day"])[0], wv.most_similar("nightlife")
    assert [key for key, _ in batch] == [key for key, _ in single]
    assert wv.most_similar_cosmul("nightlife", topn=1)[0][0] in wv.key_to_index
    assert wv.similarity("nightlife", "night") == pytest.approx(float(wv.similarities(["nightlife"], ["night"])[0, 0]))
    assert wv.distances("nightlife", ["nights", "day"]).shape == (2,)
    assert wv.distances("nightlife").shape == (len(wv),)
    assert wv.doesnt_match(["night", "nights", "nightly", "ay"]) is not None
    assert wv.get_sentence_vector(["night", "nightlife"]).shape == (12,)
    assert not wv.get_vector("").any() and wv.get_vector("").shape == (12,)  # "<>" has no 3-grams
    with pytest.raises(KeyError, match="nightlife"):
        wv.get_index("nightlife")
    with pytest.raises(KeyError, match="99"):
        wv[99]
    with pytest.raises(ValueError, match="read-only"):
        wv["nightlife"][0] = 1


@pytest.mark.parametrize("how", [{"bucket": 0}, {"max_n": 0}, {"min_n": 4, "max_n": 3}])
def test_without_ngrams_unknown_words_are_missing(how):
    model = FastText(SENTENCES, epochs=1, **FAST | how)
    assert "nightlife" not in model.wv and model.wv.bucket == 0
    with pytest.raises(KeyError, match="nightlife"):
        model.wv["nightlife"]
    with pytest.raises(KeyError, match="nightlife"):
        model.wv.most_similar("nightlife")
    np.testing.assert_array_equal(model.wv.vectors, model.wv.vectors_vocab)


@pytest.mark.parametrize("how", [{"sg": 1}, {"sg": 0}, {"sg": 1, "hs": 1, "negative": 0}, {"sg": 0, "cbow_mean": 0}])
def test_the_loss_falls(how):
    history = FastText(SENTENCES, epochs=8, alpha=0.05, **FAST | how).history_
    assert history[-1]["loss"] < history[0]["loss"] * 0.95


def test_words_that_look_alike_become_similar():
    prose = [line.split() for line in Path(os.__file__).read_text(encoding="utf-8").splitlines() if line.strip()]
    model = FastText(prose, sg=1, vector_size=32, epochs=3, min_count=3, verbose=0, bucket=20000, alpha=0.05)
    alike = model.wv.similarity("directory", "directorys")
    assert alike > 0.6 and alike > model.wv.similarity("directory", "xyzzy")


def test_deterministic_training_is_the_same_for_any_number_of_threads():
    saved = [FastText(SENTENCES, epochs=2, workers=n, deterministic=True, **FAST) for n in (1, 2, 3)]
    for model in saved[1:]:
        np.testing.assert_array_equal(model.wv.vectors, saved[0].wv.vectors)


def test_one_thread_is_reproducible_and_the_seed_matters():
    one, same, other = (FastText(SENTENCES, epochs=1, workers=1, seed=seed, **FAST).wv.vectors for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_words_added_later_keep_what_was_learnt(model):
    model = FastText(SENTENCES, epochs=1, **FAST)
    known, ngrams = model.wv.vectors_vocab.copy(), model.wv.vectors_ngrams
    model.build_vocab([["nightfall", "zebra"]] * 3, update=True)
    np.testing.assert_array_equal(model.wv.vectors_vocab[: len(known)], known)
    used = ngrams.any(1)
    np.testing.assert_array_equal(model.wv.vectors_ngrams[used], ngrams[used])
    assert model.wv.vectors_ngrams.any(1).sum() > used.sum()
    assert model.wv["zebra"].any()
    model.train([["nightfall", "zebra", "night"]] * 30, epochs=2)
    np.testing.assert_allclose(model.wv["zebra"], by_hand(model.wv, "zebra"), rtol=1e-5, atol=1e-7)
    assert not np.array_equal(model.wv.vectors_vocab[: len(known)], known)


@pytest.mark.parametrize("mmap", [False, True])
def test_save_and_load(model, tmp_path, mmap):
    path = tmp_path / "model"
    model.save(path)
    loaded = FastText.load(path, mmap=mmap)
    assert (loaded.min_n, loaded.max_n, loaded.bucket, loaded.sg) == (3, 6, 5000, 1)
    for word in ("night", "nightlife"):
        np.testing.assert_array_equal(loaded.wv[word], model.wv[word])
    loaded.train(SENTENCES, epochs=1)
    assert not np.array_equal(loaded.wv["night"], model.wv["night"])
    vectors = FastTextKeyedVectors.load(path)
    np.testing.assert_array_equal(vectors["nightlife"], model.wv["nightlife"])
    assert vectors.get_vecattr("night", "count") == 120
    np.testing.assert_array_equal(KeyedVectors.load(path)["nightlife"], model.wv["nightlife"])
    with pytest.raises(ValueError, match=r"not a file of Word2Vec\.save"):
        seqnn.Word2Vec.load(path)


def test_vectors_have_files_of_their_own(model, tmp_path):
    model.wv.save(tmp_path / "vectors")
    loaded = FastTextKeyedVectors.load(tmp_path / "vectors")
    np.testing.assert_array_equal(loaded["nightlife"], model.wv["nightlife"])
    model.wv.save_word2vec_format(tmp_path / "text")
    assert KeyedVectors.load(tmp_path / "text").index_to_key == model.wv.index_to_key
    KeyedVectors.load(tmp_path / "text").save(tmp_path / "plain")
    with pytest.raises(ValueError, match="without n-grams"):
        FastTextKeyedVectors.load(tmp_path / "plain")


def test_vectors_that_a_user_assigns_are_kept_by_files_and_trained_on(tmp_path):
    model = FastText(SENTENCES, epochs=1, **FAST)
    given = np.random.default_rng(1).standard_normal(model.wv.vectors.shape)
    model.wv.vectors = given
    model.save(tmp_path / "model")
    for wv in (model.wv, FastText.load(tmp_path / "model").wv):
        np.testing.assert_allclose(wv.vectors, given, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(wv["night"], by_hand(wv, "night"), rtol=1e-5, atol=1e-6)
    model.train(SENTENCES, epochs=1, start_alpha=1e-9, end_alpha=1e-9)
    np.testing.assert_allclose(model.wv.vectors, given, atol=1e-5)
    with pytest.raises(ValueError, match=r"vectors: expected shape \(6, 12\), got \(5, 12\)"):
        model.wv.vectors = given[:5]


def test_words_that_a_user_adds_have_no_parts(tmp_path):
    model = FastText(SENTENCES, epochs=1, **FAST)
    model.wv.add_vectors(["new"], np.ones((1, 12)))
    assert model.wv["new"].tolist() == [1] * 12 and "new" in model.wv.key_to_index
    model.wv.adjust_vectors()
    model.wv.save(tmp_path / "v")
    for wv in (model.wv, FastTextKeyedVectors.load(tmp_path / "v")):
        assert wv["new"].tolist() == [1] * 12 and len(wv) == 7
        np.testing.assert_array_equal(wv["nights"], model.wv["nights"])
        np.testing.assert_allclose(wv["night"], by_hand(wv, "night"), rtol=1e-5, atol=1e-7)
    for call in (lambda: model.save(tmp_path / "m"), lambda: model.train(SENTENCES, epochs=1)):
        with pytest.raises(ValueError, match="were changed"):
            call()


def test_an_interrupted_run_goes_on_exactly(tmp_path):
    class Stop(seqnn.Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 1:
                raise KeyboardInterrupt

    whole = FastText(SENTENCES, epochs=3, workers=1, **FAST)
    model = FastText(epochs=3, workers=1, **FAST)
    model.build_vocab(SENTENCES)
    with pytest.raises(KeyboardInterrupt):
        model.train(SENTENCES, callbacks=[Stop()])
    model.save(tmp_path / "stopped")
    model = FastText.load(tmp_path / "stopped")
    model.train(SENTENCES)
    np.testing.assert_array_equal(model.wv.vectors, whole.wv.vectors)


def test_a_copy_is_a_model_of_its_own():
    model = FastText(SENTENCES, epochs=1, **FAST)
    before = model.wv.vectors.copy()
    other = copy.deepcopy(model)
    other.train(SENTENCES, epochs=1)
    assert not np.array_equal(other.wv.vectors, before) and not np.array_equal(other.wv["nights"], model.wv["nights"])
    np.testing.assert_array_equal(model.wv.vectors, before)


def test_warnings_point_to_the_caller():
    with pytest.warns(UserWarning, match="together with a corpus") as caught:
        FastText(callbacks=[seqnn.Callback()])
    assert caught[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="no training example") as caught:
        FastText([["night"]] * 9, **FAST)
    assert caught[0].filename == __file__


def test_history_callbacks_and_early_stopping():
    seen = []

    class Watch(seqnn.Callback):
        def on_epoch_end(self, model):
            seen.append((len(model.history_), model.wv["night"].copy(), model.wv["nights"].copy()))

    stopping = seqnn.EarlyStopping(patience=1, min_delta=10.0, restore_best=True)
    model = FastText(SENTENCES, epochs=9, callbacks=[Watch()], early_stopping=stopping, **FAST)
    assert 2 <= len(model.history_) < 9 and len(seen) == len(model.history_) == model.epochs_trained
    assert {"epoch", "loss", "examples", "words", "seconds", "words_per_second", "alpha"} <= set(model.history_[0])
    assert not np.array_equal(seen[0][1], seen[1][1]) and not np.array_equal(seen[0][2], seen[1][2])
    np.testing.assert_array_equal(seen[0][1], model.wv["night"])
    np.testing.assert_array_equal(seen[0][2], model.wv["nights"])


def test_a_diverging_run_returns_to_the_last_good_epoch():
    model = FastText(SENTENCES, epochs=1, **FAST)
    before = model.wv.vectors.copy()
    with pytest.raises(FloatingPointError, match="Lower alpha"):
        model.train(SENTENCES, epochs=3, start_alpha=1e35)
    np.testing.assert_array_equal(model.wv.vectors, before)


def test_other_methods_of_word2vec(model):
    assert len(model.predict_output_word(["night", "unheard-of"])) > 0
    assert model.syn1neg.shape == (len(model.wv), 12)
    assert repr(model) == "FastText<vocab=6, vector_size=12, alpha=0.025>"


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"word_ngrams": 2}, "word_ngrams"),
        ({"min_n": -1}, "min_n"),
        ({"max_n": 2.5}, "max_n"),
        ({"bucket": 2**31}, "bucket"),
        ({"size": 3}, "vector_size"),
    ],
)
def test_bad_arguments_are_named(bad, error):
    with pytest.raises((TypeError, ValueError), match=error):
        FastText(**bad)


def test_the_ngrams_of_a_model_stay(model):
    model = FastText(SENTENCES, epochs=0, **FAST)
    model.max_n = 5
    with pytest.raises(ValueError, match="max_n"):
        model.train(SENTENCES, epochs=1)
