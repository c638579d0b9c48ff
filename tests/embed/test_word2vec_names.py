"""Word2Vec under gensim's names, and what bad input gets."""

import inspect

import numpy as np
import pytest
from topics import SMALL, two_topics

from seqnn import Callback, Word2Vec


def test_the_constructor_is_gensims():
    gensim = pytest.importorskip("gensim.models")
    ours, theirs = (list(inspect.signature(c).parameters.values()) for c in (Word2Vec, gensim.Word2Vec))
    assert [p.name for p in ours[: len(theirs)]] == [p.name for p in theirs]
    different = [(a.name, a.default) for a, b in zip(ours, theirs, strict=False) if a.default != b.default]
    assert different == [("workers", None)]
    assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :])


@pytest.mark.parametrize("method", ["build_vocab", "build_vocab_from_freq", "train", "predict_output_word", "score"])
def test_the_methods_are_gensims(method):
    gensim = pytest.importorskip("gensim.models")
    ours, theirs = (inspect.signature(getattr(c, method)).parameters for c in (Word2Vec, gensim.Word2Vec))
    theirs = [p for p in theirs.values() if p.kind is not p.VAR_KEYWORD]
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs]


def test_what_gensim_models_have_is_there():
    gensim = pytest.importorskip("gensim.models")
    theirs = gensim.Word2Vec(two_topics(20), min_count=1, vector_size=8, workers=1)
    ours = Word2Vec(two_topics(20), min_count=1, vector_size=8, verbose=0)
    used = (
        "alpha comment corpus_count corpus_total_words epochs get_latest_training_loss hs layer1_size max_vocab_size "
        "min_alpha min_count negative ns_exponent sample save seed sg syn1neg train_count vector_size window wv workers"
    )
    for name in used.split():
        assert hasattr(theirs, name) and hasattr(ours, name), name
    assert str(ours) == str(theirs)
    assert (ours.corpus_count, ours.corpus_total_words) == (theirs.corpus_count, theirs.corpus_total_words)
    assert ours.wv.index_to_key == theirs.wv.index_to_key
    assert ours.syn1neg.shape == theirs.syn1neg.shape


def test_names_of_gensim_3_are_explained():
    with pytest.raises(TypeError, match="vector_size="):
        Word2Vec(two_topics(10), size=10)
    with pytest.raises(TypeError, match="epochs="):
        Word2Vec(two_topics(10), iter=10)
    with pytest.raises(TypeError, match="unexpected keyword"):
        Word2Vec(two_topics(10), nonsense=10)


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("vector_size", 0, ValueError), ("vector_size", -3, ValueError), ("vector_size", 10.0, TypeError),
        ("window", 0, ValueError), ("window", 5000, ValueError), ("negative", -1, ValueError),
        ("negative", 2.5, TypeError), ("epochs", -1, ValueError), ("epochs", "5", TypeError), ("alpha", 0, ValueError),
        ("alpha", -0.1, ValueError), ("alpha", float("nan"), ValueError), ("alpha", "high", TypeError),
        ("min_alpha", 0.5, ValueError), ("min_alpha", -1, ValueError), ("sample", -1e-3, ValueError),
        ("sample", float("inf"), ValueError), ("min_count", -1, ValueError), ("workers", 0, ValueError),
        ("sg", 2, ValueError), ("hs", "yes", ValueError), ("cbow_mean", 3, ValueError), ("seed", -1, ValueError),
        ("max_final_vocab", 0, ValueError), ("max_vocab_size", -2, ValueError), ("ns_exponent", float("nan"), ValueError),
        ("errors", "sometimes", ValueError), ("max_memory", "much", ValueError), ("max_memory", -1, ValueError),
        ("callbacks", [object()], TypeError), ("callbacks", Callback(), TypeError), ("deterministic", 5, ValueError),
        ("callbacks", 3, TypeError), ("early_stopping", 3, TypeError), ("tokenizer", 3, TypeError),
        ("trim_rule", 3, TypeError),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(argument, value, error):
    with pytest.raises(error, match=argument):
        Word2Vec(two_topics(10), **{**SMALL, argument: value})


def test_nothing_to_train():
    with pytest.raises(ValueError, match="hs=0 and negative=0"):
        Word2Vec(two_topics(10), hs=0, negative=0)
    with pytest.raises(ValueError, match="empty"):
        Word2Vec([], **SMALL)
    with pytest.raises(ValueError, match="empty"):
        Word2Vec([[], []], **SMALL)
    with pytest.raises(ValueError, match=r"min_count=5.*'b'.* 3 times"):
        Word2Vec([["a", "b", "b", "b"]], verbose=0)
    with pytest.raises(TypeError, match="split"):
        Word2Vec(["the quick brown fox"], **SMALL)
    with pytest.raises((FileNotFoundError, ValueError, TypeError), match="quick brown"):
        Word2Vec("the quick brown fox", **SMALL)
    with pytest.raises(TypeError, match="corpus_file"):
        Word2Vec(corpus_file=[["a"]], **SMALL)
    with pytest.raises(TypeError, match="two corpora"):
        Word2Vec([["a"]], "path", **SMALL)
    with pytest.raises(TypeError, match="no corpus"):
        Word2Vec(**SMALL).build_vocab()
    with pytest.raises(RuntimeError, match="build_vocab"):
        Word2Vec(**SMALL).train([["a"]])
    with pytest.warns(UserWarning, match="build_vocab and train"):
        Word2Vec(**SMALL, callbacks=[Callback()])
    model = Word2Vec(two_topics(10), **SMALL)
    with pytest.raises(ValueError, match="no word of this corpus"):
        model.train([["x", "y"]])
    with pytest.raises(ValueError, match="epochs"):
        model.train(two_topics(10), epochs=-1)
    with pytest.raises(ValueError, match=r"min_alpha"):
        model.train(two_topics(10), start_alpha=0.01, end_alpha=0.02)
    with pytest.raises(TypeError, match="word_freq"):
        model.build_vocab_from_freq(["a", "b"])
    with pytest.raises(ValueError, match=r"word_freq\['a'\]"):
        model.build_vocab_from_freq({"a": -1})


def test_a_corpus_without_pairs_is_told():
    with pytest.warns(RuntimeWarning, match="no training example"):
        model = Word2Vec([["alone"], ["lonely"]], **SMALL, epochs=2)
    assert [entry["examples"] for entry in model.history_] == [0, 0]
    assert np.isnan(model.history_[0]["loss"])


def test_too_big_for_the_memory():
    with pytest.raises(MemoryError, match="GiB"):
        Word2Vec(two_topics(10), **{**SMALL, "vector_size": 2**31 - 1})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("negative", -5), ("window", -5), ("window", 5000), ("seed", -1), ("workers", 0), ("sample", -1), ("hs", 2)],
)  # fmt: skip
def test_settings_changed_as_attributes_are_checked_at_once(setting, value, tmp_path):
    model = Word2Vec(two_topics(10), **SMALL)
    before = getattr(model, setting)
    with pytest.raises(ValueError, match=setting):
        setattr(model, setting, value)
    assert getattr(model, setting) == before
    model.save(path := tmp_path / "model.safetensors")
    assert len(Word2Vec.load(path).wv) == len(model.wv)


@pytest.mark.parametrize(("setting", "value"), [("hs", 1), ("negative", 0), ("vector_size", 4)])
def test_settings_that_do_not_fit_the_weights_are_told_before_they_do_harm(setting, value, tmp_path):
    model = Word2Vec(two_topics(10), **SMALL)
    model.save(path := tmp_path / "model.safetensors")
    setattr(model, setting, value)
    with pytest.raises(ValueError, match=setting):
        model.train(two_topics(10), epochs=1)
    with pytest.raises(ValueError, match=setting):
        model.save(path)
    assert len(Word2Vec.load(path).wv) == len(model.wv)


def test_counts_of_absurd_words():
    model = Word2Vec(**{**SMALL, "min_count": 0})
    with pytest.raises(TypeError, match=r"word_freq.*int"):
        model.build_vocab_from_freq({1: 3})
    with pytest.raises(ValueError, match="together"):
        model.build_vocab_from_freq({"a": 2**62, "b": 1})
    model = Word2Vec(**{**SMALL, "min_count": 0, "ns_exponent": 0.0})
    model.build_vocab_from_freq({"a": 0, "b": 0})
    assert model.train([["a", "b"]], epochs=1) == (2, 2)
