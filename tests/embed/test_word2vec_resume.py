"""Word2Vec goes on: after an interruption, with more words, from a file, after a run that diverged."""

import json

import numpy as np
import pytest
from topics import SMALL, same_model, two_topics

from seqnn import Callback, KeyedVectors, Word2Vec


class StopAt(Callback):
    """Ctrl-C at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, model):
        if len(model.history_) == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("mode", [{"workers": 1}, {"workers": 2, "deterministic": True}])
def test_resumed_is_uninterrupted(tmp_path, mode):
    sentences = two_topics(2000)
    settings = {**SMALL, "hs": 1, "sample": 0.05, "epochs": 4, **mode}
    whole = Word2Vec(sentences, **settings)
    part = Word2Vec(**settings)
    part.build_vocab(sentences)
    with pytest.raises(KeyboardInterrupt) as caught:
        part.train(sentences, callbacks=[StopAt(2)])
    assert caught.value.model is part and "epoch 3 of 4, at 0 %" in caught.value.__notes__[0]
    part.save(tmp_path / "model.safetensors")
    for loaded in (part, *(Word2Vec.load(tmp_path / "model.safetensors", mmap=m) for m in (False, True))):
        assert loaded.train(sentences) == (40000, 40000)
        same_model(whole, loaded)
        assert loaded.epochs_trained == 4


def test_an_interrupted_constructor_hands_its_model_over():
    with pytest.raises(KeyboardInterrupt) as caught:
        Word2Vec(two_topics(200), **SMALL, callbacks=[StopAt(1)], workers=1)
    model = caught.value.model
    model.train(two_topics(200))
    same_model(model, Word2Vec(two_topics(200), **SMALL, workers=1))


def test_an_interrupted_run_goes_on_only_where_it_was():
    model = Word2Vec(**SMALL)
    model.build_vocab(two_topics(100))
    with pytest.raises(KeyboardInterrupt):
        model.train(two_topics(100), callbacks=[StopAt(1)])
    with pytest.raises(ValueError, match="another corpus"):
        model.train(two_topics(99))
    with pytest.raises(ValueError, match="start_alpha"):
        model.train(two_topics(100), start_alpha=0.01)
    model.train(two_topics(99), epochs=1)
    assert model.epochs_trained == 2 and len(model.history_) == 2
    model.train(two_topics(99))
    assert model.epochs_trained == 7


def test_a_second_run_draws_other_numbers():
    model = Word2Vec(two_topics(100), **SMALL, epochs=1, alpha=0.01, min_alpha=0.01, workers=1)
    before = model.wv.vectors.copy()
    model.train(two_topics(100))
    both = Word2Vec(two_topics(100), **SMALL, epochs=2, alpha=0.01, min_alpha=0.01, workers=1)
    np.testing.assert_array_equal(model.wv.vectors, both.wv.vectors)
    assert (before != model.wv.vectors).any()


def test_adding_words():
    model = Word2Vec(two_topics(500), **SMALL, hs=1, workers=1)
    old, counts = model.wv.vectors.copy(), {w: model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key}
    words = list(model.wv.index_to_key)
    new = [["a0", "c0", "a1", "c1", "a2"]] * 50
    model.build_vocab(new, update=True)
    assert model.wv.index_to_key == [*words, *sorted(["c0", "c1"])]
    np.testing.assert_array_equal(model.wv.vectors[:20], old)
    assert 0 < abs(model.wv["c0"]).max() <= 0.5 / 20 and (model.wv["c0"] != model.wv["c1"]).all()
    assert model.wv.get_vecattr("a0", "count") == counts["a0"] + 50 and model.wv.get_vecattr("c0", "count") == 50
    assert model.syn1neg.shape == (22, 20) and model.syn1.shape == (21, 20) and not model.syn1neg[20:].any()
    model.train(new, epochs=20)
    assert model.wv.most_similar("c0", topn=1)[0][0][0] in "ac"
    assert model.epochs_trained == 25
    with pytest.raises(RuntimeError, match="no vocabulary"):
        Word2Vec(**SMALL).build_vocab(new, update=True)


def test_vectors_set_by_the_user_are_trained_on():
    model = Word2Vec(**SMALL, epochs=1)
    model.build_vocab(two_topics(100))
    start = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    model.wv.vectors = start
    model.train(two_topics(100))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (start, model.wv.vectors)]
    cosines = (unit[0] * unit[1]).sum(axis=1)
    assert 0.5 < cosines.mean() < 0.9999
    model.wv.add_vectors(["new"], np.zeros((1, 20), np.float32))
    with pytest.raises(ValueError, match="update=True"):
        model.train(two_topics(100))


@pytest.mark.parametrize("hs", [0, 1])
def test_a_diverged_run_keeps_the_last_good_weights(hs):
    sentences = two_topics(300)
    settings = {**SMALL, "sg": 1, "hs": hs, "workers": 1}
    with pytest.raises(FloatingPointError, match=r"epoch 1 of 5.*before the run.*alpha") as caught:
        Word2Vec(sentences, **settings, alpha=1e30)
    same_model(caught.value.model, Word2Vec(sentences, **settings, epochs=0))
    model = Word2Vec(sentences, **settings)
    good = [a.copy() for a in model._trained_arrays()]
    with pytest.raises(FloatingPointError):
        model.train(sentences, start_alpha=1e30)
    for a, b in zip(good, model._trained_arrays(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.train(sentences, epochs=1)
    assert model.epochs_trained == 6 and np.isfinite(model.wv.vectors).all()
    assert np.isfinite(model.wv.most_similar("a1")[0][1])


def test_a_file_holds_the_whole_model(tmp_path):
    path = tmp_path / "model.safetensors"
    model = Word2Vec(two_topics(100), **SMALL, hs=1, comment={"who": "me"}, seed=7, window=4, workers=2)
    model.save(path)
    for mmap in (False, True):
        loaded = Word2Vec.load(path, mmap=mmap)
        same_model(model, loaded)
        assert loaded.comment == {"who": "me"} and (loaded.seed, loaded.window, loaded.workers) == (7, 4, 2)
        assert loaded.history_ == model.history_ and loaded.corpus_total_words == 1000
        assert loaded.wv.get_vecattr("a1", "count") == model.wv.get_vecattr("a1", "count")
        assert loaded.wv.vectors.flags.writeable is not mmap
        assert loaded.score([["a1", "a2"]]) == model.score([["a1", "a2"]])
    np.testing.assert_array_equal(KeyedVectors.load(path)["a1"], model.wv["a1"])
    fresh = Word2Vec(**SMALL)
    fresh.save(path)
    assert len(Word2Vec.load(path).wv) == 0


def test_other_files_are_refused(tmp_path):
    model = Word2Vec(two_topics(20), **SMALL)
    model.wv.save(tmp_path / "vectors.safetensors")
    with pytest.raises(ValueError, match=r"vectors\.safetensors.*KeyedVectors\.load"):
        Word2Vec.load(tmp_path / "vectors.safetensors")
    (tmp_path / "text").write_text("hello world, this is no model")
    with pytest.raises(ValueError, match="text"):
        Word2Vec.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        Word2Vec.load(tmp_path / "missing")


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    model = Word2Vec(two_topics(20), **SMALL)
    model.save(path)
    data = path.read_bytes()
    for replace in [
        (b'"version": 1', b'"version": 9'),
        (b'"vector_size": 20', b'"vector_size": 21'),
        (b"history_", b"h1story_"),
    ]:
        escaped = [json.dumps(part.decode())[1:-1].encode() for part in replace]
        assert data.count(escaped[0]) == 1
        path.write_bytes(data.replace(*escaped))
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            Word2Vec.load(path)
    for cut in range(0, len(data), max(1, len(data) // 50)):
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            Word2Vec.load(path)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "model.safetensors"
    model = Word2Vec(two_topics(20), **SMALL)
    model.save(path)
    before = path.read_bytes()
    model.train(two_topics(20))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            model.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    model.comment = object()
    with pytest.raises(TypeError, match="comment"):
        model.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("unit", -8192, "unit"), ("unit", "8192", "unit"), ("epoch", 99, "epoch"), ("loss", None, "loss"),
     ("seconds", -1, "seconds"), ("unit", 5, "another corpus")],
)  # fmt: skip
def test_a_damaged_position_is_refused(tmp_path, field, value, words):
    model = Word2Vec(**{**SMALL, "epochs": 3})
    model.build_vocab(two_topics(50))
    with pytest.raises(KeyboardInterrupt):
        model.train(two_topics(50), callbacks=[StopAt(1)])
    setattr(model._position, field, value)
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=words):
        Word2Vec.load(tmp_path / "model.safetensors").train(two_topics(50))
