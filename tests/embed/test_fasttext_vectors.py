"""N-grams stay with their vectors: loading, saving, debiasing, added words, threads, and the files of all fastTexts."""

import gzip
import json
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from embed.test_fasttext_class import FAST, SENTENCES
from embed.test_fasttext_facebook import WORDS, write_bin

from seqnn import FastText, KeyedVectors, _safetensors
from seqnn.embed import (
    FastTextKeyedVectors,
    HardDebias,
    SoftDebias,
    load_facebook_model,
    load_facebook_vectors,
    save_facebook_model,
)


@pytest.fixture(scope="module")
def model():
    return FastText(SENTENCES, epochs=2, **FAST)


def test_a_file_is_read_as_the_class_that_wrote_it(model, tmp_path):
    model.save(tmp_path / "model")
    model.wv.save(tmp_path / "vectors")
    save_facebook_model(model, tmp_path / "model.bin")
    for name in ("model", "vectors", "model.bin"):
        wv = KeyedVectors.load(tmp_path / name)
        assert isinstance(wv, FastTextKeyedVectors) and "knightly" in wv
        np.testing.assert_array_equal(wv["knightly"], model.wv["knightly"])
        wv.save(tmp_path / "again")
        np.testing.assert_array_equal(FastTextKeyedVectors.load(tmp_path / "again")["knightly"], model.wv["knightly"])


@pytest.mark.parametrize("how", [{"model": 3, "labels": 4}, {"model": 2}])
@pytest.mark.parametrize("lengths", [(0, 0), (5, 3)])
def test_rows_of_word_ngrams_are_no_character_ngrams_and_every_step_works(tmp_path, how, lengths):
    write_bin(tmp_path / "m.bin", WORDS, minn=lengths[0], maxn=lengths[1], bucket=2000, **how)
    wv = load_facebook_vectors(tmp_path / "m.bin")
    assert len(wv) == 5 and "nights" not in wv and wv.bucket == 0
    before = wv.vectors.copy()
    wv.adjust_vectors()
    wv.save(tmp_path / "saved")
    assert (KeyedVectors.load(tmp_path / "saved").vectors == before).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # output weights of other models begin anew
        model = load_facebook_model(tmp_path / "m.bin")
    model.verbose, model.sample, model.min_count = 0, 0, 1
    model.save(tmp_path / "model")
    model.train([["night", "日本"]] * 9, epochs=1)
    model.build_vocab([["night", "nightly"]] * 5, update=True)
    model.train([["night", "nightly"]] * 9, epochs=1)
    assert np.isfinite(model.wv.vectors).all() and "nightly" in model.wv
    assert (FastText.load(tmp_path / "model").wv.vectors == before).all()


def test_packed_models_are_read(model, tmp_path):
    save_facebook_model(model, tmp_path / "model.bin")
    (tmp_path / "cc.en.300.bin.gz").write_bytes(gzip.compress((tmp_path / "model.bin").read_bytes()))
    for load in (load_facebook_vectors, KeyedVectors.load):
        wv = load(tmp_path / "cc.en.300.bin.gz")
        assert (wv["knightly"] == model.wv["knightly"]).all()
    assert (load_facebook_model(tmp_path / "cc.en.300.bin.gz").wv["knightly"] == model.wv["knightly"]).all()
    whole = (tmp_path / "cc.en.300.bin.gz").read_bytes()
    (tmp_path / "cut.bin.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.bin\.gz: the compressed file is truncated or damaged"):
        load_facebook_vectors(tmp_path / "cut.bin.gz")


def old_bin(path, words, encoding="utf-8", dim=4, bucket=50):
    """A file as fastText wrote it in 2016: no magic number, no version, no flags of quantisation."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(len(words) + bucket, dim)).astype("<f4")
    output = rng.normal(size=(len(words), dim)).astype("<f4")
    data = struct.pack("<12id", dim, 5, 3, 1, 5, 1, 2, 2, bucket, 2, 4, 100, 1e-4)
    data += struct.pack("<iiiq", len(words), len(words), 0, 99)
    data += b"".join(w.encode(encoding) + b"\0" + struct.pack("<qb", 50 - i, 0) for i, w in enumerate(words))
    for matrix in (parts, output):
        data += struct.pack("<qq", *matrix.shape) + matrix.tobytes()
    path.write_bytes(data)
    return parts


@pytest.mark.parametrize("encoding", ["utf-8", "cp852", "latin-1"])
def test_models_of_2016_and_other_encodings_are_read(tmp_path, encoding):
    words = ["</s>", "night", "ländle", "straße"]
    parts = old_bin(tmp_path / "old.bin", words, encoding)
    write_bin(tmp_path / "new.bin", [word.encode(encoding) for word in words])
    for name in ("old.bin", "new.bin"):
        for load in (load_facebook_vectors, KeyedVectors.load, load_facebook_model):
            loaded = load(tmp_path / name, encoding=encoding)
            wv = loaded.wv if isinstance(loaded, FastText) else loaded
            assert wv.index_to_key == words
            if name == "old.bin":
                assert (wv.vectors_vocab == parts[:4]).all()
    with pytest.raises(UnicodeDecodeError, match=r"old\.bin: .* is not valid ascii .*unicode_errors='replace'"):
        load_facebook_vectors(tmp_path / "old.bin", encoding="ascii")
    assert load_facebook_vectors(tmp_path / "old.bin", "ascii", unicode_errors="ignore").index_to_key[1] == "night"


def test_debiased_vectors_keep_their_ngrams(model):
    pairs = [("night", "day")]
    before = model.wv.vectors.copy()
    debias = HardDebias().fit(model.wv, definitional_pairs=pairs)
    after = debias.transform(model.wv)
    assert isinstance(after, FastTextKeyedVectors) and (model.wv.vectors == before).all()

    def bias(wv, word):
        return abs(float(wv.get_vector(word, norm=True) @ debias.direction_))

    for word in ("knight", "nightly", "today"):
        assert bias(model.wv, word) > 1e-3 and bias(after, word) < 1e-5
    assert bias(after, "knightly") < 1e-5  # an unknown word
    after.adjust_vectors()
    assert bias(after, "knight") < 1e-5
    soft = SoftDebias().fit(model.wv, definitional_pairs=pairs, neutral_words=["knight", "daily"])
    assert isinstance(soft.transform(model.wv), FastTextKeyedVectors)


def test_debiasing_in_place_changes_the_parts_too(tmp_path):
    model = FastText(SENTENCES, epochs=2, **FAST)
    debias = HardDebias().fit(model.wv, definitional_pairs=[("night", "day")])
    debias.transform(model.wv, copy=False)
    for word in ("knight", "knightly"):
        assert abs(float(model.wv.get_vector(word, norm=True) @ debias.direction_)) < 1e-5
    model.wv.adjust_vectors()
    assert abs(float(model.wv.get_vector("knight", norm=True) @ debias.direction_)) < 1e-5


@pytest.mark.parametrize("read", [False, True])
def test_vectors_with_added_words_are_saved(model, tmp_path, read):
    wv = FastText(SENTENCES, epochs=1, **FAST).wv
    if read:
        wv.save(tmp_path / "first")
        wv = FastTextKeyedVectors.load(tmp_path / "first")
    wv.add_vectors(["new", "newer"], np.arange(24).reshape(2, 12), extras={"count": [3, 4]})
    wv.save(tmp_path / "saved")
    loaded = FastTextKeyedVectors.load(tmp_path / "saved")
    assert loaded["newer"].tolist() == list(range(12, 24)) and loaded.get_vecattr("new", "count") == 3
    for word in ("night", "knightly"):
        assert (loaded[word] == wv[word]).all()
    loaded.adjust_vectors()
    assert loaded["newer"].tolist() == list(range(12, 24))


def test_threads_that_ask_first_see_whole_vectors(tmp_path):
    write_bin(tmp_path / "m.bin", [b"word%d" % i for i in range(20_000)], dim=16, bucket=5000)
    expected = load_facebook_vectors(tmp_path / "m.bin").most_similar("word5x", topn=3)
    for change in (False, True):
        wv = load_facebook_vectors(tmp_path / "m.bin")
        if change:
            assert wv.most_similar("word5x", topn=3) == expected
            wv.adjust_vectors()
        barrier = threading.Barrier(4)

        def ask(_, wv=wv, barrier=barrier):
            barrier.wait()
            return wv.most_similar("word5x", topn=3)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(4))) == [expected] * 4
        assert wv.most_similar("word5x", topn=3) == expected


def test_sentences_may_be_arrays_and_empty(model):
    wv = model.wv
    words = np.array(["night", "nightly"])
    assert (wv.get_sentence_vector(words) == wv.get_sentence_vector(words.tolist())).all()
    assert (wv.get_mean_vector(words) == wv.get_mean_vector(words.tolist())).all()
    assert not wv.get_sentence_vector([]).any() and wv.get_sentence_vector([]).shape == (12,)


def test_only_known_words_have_an_index(model):
    assert "nights" in model.wv and not model.wv.has_index_for("nights") and model.wv.has_index_for("night")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"bucket": 2**32}, "bucket"),
        ({"bucket": -5}, "bucket"),
        ({"bucket": 50.5}, "bucket"),
        ({"bucket": "x"}, "bucket"),
        ({"bucket": 2**70}, "bucket"),
        ({"max_n": 2**62}, "max_n"),
        ({"min_n": -1}, "min_n"),
        ({"min_n": None}, "min_n"),
    ],
)
def test_a_file_with_impossible_ngrams_is_refused_when_it_is_read(model, tmp_path, about, message):
    for name, save, load in (
        ("vectors", model.wv.save, FastTextKeyedVectors.load),
        ("model", model.save, FastText.load),
    ):
        save(tmp_path / name)
        tensors, metadata = _safetensors.load(tmp_path / name)
        metadata["seqnn.subwords"] = json.dumps(json.loads(metadata["seqnn.subwords"]) | about)
        _safetensors.save(tmp_path / "changed", tensors, metadata)
        with pytest.raises(ValueError, match=f"changed: damaged n-grams: .*{message}"):
            load(tmp_path / "changed")


def test_a_file_with_endless_ngrams_is_refused_at_once(tmp_path):
    write_bin(tmp_path / "m.bin", [b"x" * 20_000], minn=3, maxn=2**31 - 1)
    with pytest.raises(ValueError, match=r"m\.bin: .*max_n: expected .*at most 100"):
        load_facebook_vectors(tmp_path / "m.bin")


def test_vectors_that_are_not_mapped_outlive_their_file(tmp_path):
    write_bin(tmp_path / "m.bin", WORDS)
    for load in (load_facebook_vectors, KeyedVectors.load):
        wv = load(tmp_path / "m.bin", mmap=False)
        expected = wv["nights"].copy()
        content = (tmp_path / "m.bin").read_bytes()
        with open(tmp_path / "m.bin", "r+b") as file:
            file.truncate(10)
        assert (wv["nights"] == expected).all() and np.isfinite(wv.vectors).all()
        (tmp_path / "m.bin").write_bytes(content)
