"""Models of the original fastText: read, trained further, written."""

import os
import shutil
import struct
import subprocess

import numpy as np
import pytest
from embed.test_fasttext_class import FAST, SENTENCES, by_hand

from seqnn import FastText
from seqnn.embed import KeyedVectors, load_facebook_model, load_facebook_vectors, save_facebook_model
from seqnn.embed._vectors._subwords import ngram_numbers
from seqnn.text import huffman


def write_bin(
    path,
    words,
    *,
    dim=4,
    bucket=50,
    minn=2,
    maxn=4,
    magic=793712314,
    version=12,
    model=2,
    loss=2,
    quantised=0,
    labels=0,
):
    """A file as the original writes it, with random matrices, which are returned."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(len(words) + bucket, dim)).astype("<f4")
    output = rng.normal(size=(labels or len(words), dim)).astype("<f4")
    data = struct.pack("<ii12id", magic, version, dim, 5, 3, 1, 5, 1, loss, model, bucket, minn, maxn, 100, 1e-4)
    data += struct.pack("<iiiqq", len(words) + labels, len(words), labels, 99, -1)
    for i, word in enumerate(words):
        data += word + b"\0" + struct.pack("<qb", max(50 - i, 1), 0)
    data += b"".join(b"__label__%d\0" % i + struct.pack("<qb", 9, 1) for i in range(labels))
    data += struct.pack("<?qq", quantised, *parts.shape) + parts.tobytes()
    data += struct.pack("<?qq", 0, *output.shape) + output.tobytes()
    path.write_bytes(data)
    return parts, output


WORDS = [b"</s>", b"night", "naïve".encode(), b"bad\xff\xfebytes", "日本".encode()]


def test_files_of_the_original(tmp_path):
    for offset in range(4):  # the matrices lie at any byte
        words = [b"</s>" + b"x" * offset, *WORDS[1:]]
        parts, _ = write_bin(tmp_path / "m.bin", words)
        wv = load_facebook_vectors(tmp_path / "m.bin")
        assert wv.index_to_key[1:3] == ["night", "naïve"] and wv.get_vecattr("night", "count") == 49
        assert wv.vectors_vocab.shape == (5, 4) and wv.vectors_ngrams.shape == (50, 4)
        for word in ("night", "nights", "naïveté", "日本語", wv.index_to_key[3]):
            numbers, _ = ngram_numbers([word], 2, 4, 50)
            own = [wv.key_to_index[word]] if word in wv.key_to_index else []
            expected = parts[[*own, *(5 + numbers)]].mean(0)
            np.testing.assert_allclose(wv[word], expected, rtol=1e-5, atol=1e-7)
        one_by_one = [wv[word] for word in wv.index_to_key]
        np.testing.assert_array_equal(wv.vectors, one_by_one)
        assert wv.most_similar("nights", topn=2)
    np.testing.assert_array_equal(load_facebook_vectors(tmp_path / "m.bin").vectors[1], wv["night"])


def test_the_end_of_a_sentence_has_no_ngrams(tmp_path):
    parts, _ = write_bin(tmp_path / "m.bin", WORDS)
    np.testing.assert_array_equal(load_facebook_vectors(tmp_path / "m.bin")["</s>"], parts[0])


def test_a_model_of_the_original_is_trained_further(tmp_path):
    parts, output = write_bin(tmp_path / "m.bin", [b"night", b"day", b"today"], dim=5)
    model = load_facebook_model(tmp_path / "m.bin")
    assert (model.vector_size, model.window, model.epochs, model.negative, model.sg) == (5, 5, 3, 5, 1)
    np.testing.assert_array_equal(model.syn1neg, output)
    np.testing.assert_array_equal(model.wv.vectors_ngrams, parts[3:])
    model.verbose, model.sample = 0, 0
    model.train([["night", "day", "today"]] * 50, epochs=2)
    assert not np.array_equal(model.wv.vectors_ngrams, parts[3:])
    np.testing.assert_allclose(model.wv["nights"], by_hand(model.wv, "nights"), rtol=1e-5, atol=1e-7)
    model.build_vocab([["tomorrow"]] * 5, update=True)
    assert model.wv.index_to_key[-1] == "tomorrow" and len(model.wv.vectors_ngrams) == 50
    model.save(tmp_path / "ours")
    np.testing.assert_array_equal(FastText.load(tmp_path / "ours").wv["nights"], model.wv["nights"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": 5}, "not a .bin file"),
        ({"version": 13}, "version 13"),
        ({"quantised": 1}, "quantised"),
        ({"loss": 9}, "loss=9"),
        ({"dim": 4, "model": 7}, "model=7"),
    ],
)
def test_other_files_are_refused(tmp_path, change, message):
    write_bin(tmp_path / "m.bin", WORDS, **change)
    with pytest.raises(ValueError, match=message) as caught:
        load_facebook_vectors(tmp_path / "m.bin")
    assert "m.bin" in str(caught.value)


def test_a_model_with_hierarchical_softmax_is_trained_further(tmp_path):
    words = [f"w{i}".encode() for i in range(9)]
    parts, output = write_bin(tmp_path / "m.bin", words, loss=1, model=1)
    model = load_facebook_model(tmp_path / "m.bin")
    assert (model.hs, model.negative, model.sg) == (1, 0, 0)
    # The original takes the branch 1 at an inner node with the probability sigmoid(node . hidden); ours the branch 0.
    offsets, nodes, codes = huffman(np.array([50 - i for i in range(9)]))
    path, code = nodes[offsets[3] : offsets[4]], codes[offsets[3] : offsets[4]]
    hidden = model.wv["w1"].astype(float)
    theirs = np.log(1 / (1 + np.exp((1 - 2.0 * code) * (output[path] @ hidden)))).sum()
    ours = np.log(1 / (1 + np.exp((2.0 * code - 1) * (model.syn1[path] @ hidden)))).sum()
    assert ours == pytest.approx(theirs, rel=1e-6)
    model.verbose, model.sample = 0, 0
    model.train([["w1", "w2", "w3"]] * 60, epochs=3, start_alpha=0.1)
    losses = [entry["loss"] for entry in model.history_]
    assert losses[-1] < losses[0] and not np.array_equal(model.wv.vectors_ngrams, parts[9:])


@pytest.mark.parametrize("how", [{"model": 3}, {"loss": 3}, {"loss": 4}])
def test_of_models_with_other_outputs_the_vectors_are_trained_further(tmp_path, how):
    write_bin(tmp_path / "m.bin", WORDS, **how, labels=5 if how.get("model") == 3 else 0)
    wv = load_facebook_vectors(tmp_path / "m.bin")
    assert wv["nights"].any()
    with pytest.warns(UserWarning, match=r"m\.bin: the output weights of .* begin anew"):
        model = load_facebook_model(tmp_path / "m.bin")
    np.testing.assert_array_equal(model.wv["nights"], wv["nights"])
    assert not model.syn1neg.any()
    model.verbose, model.sample = 0, 0
    model.train([["night", "日本"]] * 9, epochs=1)
    assert model.syn1neg.any()


@pytest.mark.parametrize(
    "how",
    [
        {"sg": 1},
        {"sg": 0, "window": 3, "negative": 7},
        {"hs": 1, "negative": 0},
        {"bucket": 0},
        {"min_n": 2, "max_n": 3},
    ],
)
def test_writing_and_reading_give_the_same_model(tmp_path, how):
    model = FastText(SENTENCES, epochs=2, **FAST | how)
    model.build_vocab([["nightfall"] * 200], update=True)  # rows no longer come by falling count
    save_facebook_model(model, tmp_path / "m.bin")
    back = load_facebook_model(tmp_path / "m.bin")
    for name in ("vector_size", "window", "epochs", "negative", "hs", "sg", "sample", "corpus_total_words"):
        assert getattr(back, name) == getattr(model, name), name
    assert back.wv.bucket == model.wv.bucket and back.wv.index_to_key[0] == "nightfall"
    words = [*model.wv.index_to_key, *(["nights", "nightlife"] if model.wv.bucket else [])]
    for word in words:
        np.testing.assert_allclose(back.wv[word], model.wv[word], rtol=1e-6, atol=1e-8)
    rows = model.wv.get_indices(back.wv.index_to_key)
    np.testing.assert_array_equal(back.wv.get_vecattr("night", "count"), model.wv.get_vecattr("night", "count"))
    np.testing.assert_array_equal(back.wv.vectors_ngrams, model.wv.vectors_ngrams)
    if model.hs:
        np.testing.assert_array_equal(back.syn1, model.syn1)
        back.sample = model.sample = 0
        np.testing.assert_allclose(back.score(SENTENCES[:5]), model.score(SENTENCES[:5]), rtol=1e-5)
    else:
        np.testing.assert_array_equal(back.syn1neg, model.syn1neg[rows])
    save_facebook_model(back, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "m.bin").read_bytes()


def test_load_reads_it_and_other_readers_tell_who_does(tmp_path):
    write_bin(tmp_path / "m.bin", WORDS)
    wv = KeyedVectors.load(tmp_path / "m.bin")
    np.testing.assert_array_equal(wv["nights"], load_facebook_vectors(tmp_path / "m.bin")["nights"])
    with pytest.raises(ValueError, match=r"m\.bin: a model of the original fastText: load_facebook_vectors"):
        KeyedVectors.load_word2vec_format(tmp_path / "m.bin", binary=True)


def test_what_cannot_be_written(tmp_path):
    path = tmp_path / "m.bin"
    with pytest.raises(TypeError, match="model: expected a FastText, got KeyedVectors"):
        save_facebook_model(KeyedVectors(3), path)
    with pytest.raises(RuntimeError, match="no vocabulary"):
        save_facebook_model(FastText(), path)
    with pytest.warns(UserWarning, match="hs=1 and negative=5"):
        save_facebook_model(both := FastText(SENTENCES, epochs=1, hs=1, **FAST), path)
    back = load_facebook_model(path)
    assert back.hs and not back.negative
    np.testing.assert_array_equal(back.syn1, both.syn1)
    path.unlink()
    model = FastText(epochs=0, **FAST)
    model.build_vocab_from_freq({"a\0b": 2})
    with pytest.raises(ValueError, match="zero byte"):
        save_facebook_model(model, path)
    assert not path.exists()


def test_damaged_files_are_an_error(tmp_path):
    write_bin(tmp_path / "m.bin", WORDS, loss=1)
    whole = (tmp_path / "m.bin").read_bytes()
    for size in range(0, len(whole), 7):
        (tmp_path / "bad.bin").write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"bad\.bin"):
            load_facebook_vectors(tmp_path / "bad.bin")
    (tmp_path / "bad.bin").write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="1 bytes more"):
        load_facebook_vectors(tmp_path / "bad.bin")
    rng = np.random.default_rng(1)
    for turn in range(600):
        damaged, at = bytearray(whole), rng.integers(0, 230)
        size = 4 if turn % 2 else 1
        damaged[at : at + size] = rng.bytes(size)
        (tmp_path / "bad.bin").write_bytes(damaged)
        for load in (load_facebook_vectors, load_facebook_model):
            read_or_refuse(load, tmp_path / "bad.bin")


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "m.bin"
    model = FastText(SENTENCES, **FAST)
    save_facebook_model(model, path)
    data, word = bytearray(path.read_bytes()), model.wv.index_to_key[1]
    at = data.index(model.wv.vectors_vocab[1].tobytes())
    data[at : at + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    message = rf"m.bin: the vector of .*'{word}' holds NaN or infinity"
    for load in (load_facebook_vectors, KeyedVectors.load):
        mapped = load(path)
        mapped[model.wv.index_to_key[0]]
        for ask in (lambda wv: wv[word], lambda wv: wv[["unknown", word]], lambda wv: wv.most_similar("unknown")):
            with pytest.raises(ValueError, match=message):
                ask(mapped)
        with pytest.raises(ValueError, match=message):
            load(path, mmap=False)
    with pytest.raises(ValueError, match=message):
        load_facebook_model(path)
    for mmap in (True, False):
        assert np.isnan(KeyedVectors.load(path, mmap=mmap, allow_nonfinite=True)[word][0])


def read_or_refuse(load, path):
    """Use what a damaged file holds; what is refused must name the file."""
    try:
        model = load(path)
    except ValueError as error:
        if "bad.bin" not in str(error):
            raise
        return
    if load is load_facebook_model:
        assert model.wv.vectors.shape == (len(model.wv), model.vector_size)
        model.verbose = 0
        return
    if model.bucket:
        assert model["nights"].shape == (model.vector_size,)
    else:
        with pytest.raises(KeyError):
            model["nights"]


@pytest.mark.skipif(not os.environ.get("SEQNN_FASTTEXT"), reason="SEQNN_FASTTEXT names no fastText program")
@pytest.mark.parametrize("kind", ["skipgram", "cbow", "supervised"])
def test_vectors_are_the_original_programs(tmp_path, kind):
    program = shutil.which(os.environ["SEQNN_FASTTEXT"])
    text = "\n".join(" ".join(["__label__a", *sentence, "naïve 日本語"]) for sentence in SENTENCES)
    (tmp_path / "text").write_text(text, encoding="utf-8")
    options = {"dim": 10, "minCount": 1, "bucket": 500, "minn": 2, "maxn": 5, "thread": 1, "epoch": 2, "verbose": 0}
    command = [program, kind, "-input", str(tmp_path / "text"), "-output", str(tmp_path / "m")]
    command += [text for name, value in options.items() for text in (f"-{name}", str(value))]
    subprocess.run(command, check=True)
    words = ["night", "nightlife", "naïveté", "日本", "</s>", "x"]
    ask = [program, "print-word-vectors", str(tmp_path / "m.bin")]
    answer = subprocess.run(ask, input="\n".join(words), capture_output=True, text=True, check=True).stdout
    wv = load_facebook_vectors(tmp_path / "m.bin")
    for word, line in zip(words, answer.splitlines(), strict=True):
        np.testing.assert_allclose(wv[word], np.array(line.split()[1:], float), rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(not os.environ.get("SEQNN_FASTTEXT"), reason="SEQNN_FASTTEXT names no fastText program")
@pytest.mark.parametrize("how", [{"sg": 1}, {"hs": 1, "negative": 0}, {"bucket": 0}])
def test_the_original_program_reads_what_is_written(tmp_path, how):
    model = FastText([[*sentence, "naïve", "日本語"] for sentence in SENTENCES], epochs=1, **FAST | how)
    save_facebook_model(model, tmp_path / "m.bin")
    words = ["night", "naïve", "日本語", *(["nightlife", "naïveté"] if model.wv.bucket else [])]
    ask = [shutil.which(os.environ["SEQNN_FASTTEXT"]), "print-word-vectors", str(tmp_path / "m.bin")]
    answer = subprocess.run(ask, input="\n".join(words), capture_output=True, text=True, check=True).stdout
    for word, line in zip(words, answer.splitlines(), strict=True):
        np.testing.assert_allclose(model.wv[word], np.array(line.split()[1:], float), rtol=1e-4, atol=1e-5)


def test_vectors_are_gensims(tmp_path):
    gensim = pytest.importorskip("gensim.models.fasttext")
    write_bin(tmp_path / "m.bin", [b"night", "naïve".encode(), "日本".encode()], minn=3, maxn=6)
    theirs, ours = gensim.load_facebook_vectors(str(tmp_path / "m.bin")), load_facebook_vectors(tmp_path / "m.bin")
    for word in ("night", "nightlife", "naïveté", "日本語"):
        np.testing.assert_allclose(ours[word], theirs[word], rtol=1e-5, atol=1e-6)


def test_gensim_reads_what_is_written(tmp_path):
    gensim = pytest.importorskip("gensim.models.fasttext")
    model = FastText(SENTENCES, epochs=1, **FAST)
    save_facebook_model(model, tmp_path / "m.bin")
    theirs = gensim.load_facebook_model(str(tmp_path / "m.bin"))
    for word in ("night", "nightlife"):
        np.testing.assert_allclose(theirs.wv[word], model.wv[word], rtol=1e-5, atol=1e-6)
