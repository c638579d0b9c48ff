"""ARPA files: what is written comes back to the last bit, what others write is read, and errors name the line."""

import bz2
import gzip
import lzma
import re

import numpy as np
import pytest
from harness import each_team
from ngram_reference import make_sentences

from seqnn import _core
from seqnn.lm import NGramLM, _arpa_reader

SMALL = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-0.90309\t<unk>\t0
0\t<s>\t-0.25
-0.5\t</s>
-0.5\tä\t-0.125
-0.5\tb\t-0.04

\\2-grams:
-0.25\t<s> ä
-0.125\tä b
-0.5\tb </s>

\\end\\
"""


def load(tmp_path, text, name="model.arpa"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return NGramLM.load(path)


def contents(model):
    """{n-gram: bits of its figures}."""
    grams, found = [()], {}
    for level in model._model.scorer.trie.levels():
        words = [model.vocabulary_.words[w] for w in level.words.tolist()]
        grams = [(*grams[p], word) for p, word in zip(level.parents.tolist(), words, strict=True)]
        weights = level.second.tolist() if level.second is not None else [0] * len(grams)
        found |= dict(zip(grams, zip(level.first.tolist(), weights, strict=True), strict=True))
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_what_is_written_comes_back(order, suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(_arpa_reader, "_PIECE", 1000)
    sentences = [*make_sentences(1, 200, 60), ["ä\u00a0ö", "日本", "-1.5", "\\end\\"]]
    model = NGramLM(order).fit(sentences)
    path = tmp_path / f"model.arpa{suffix}"
    for _ in each_team():
        model.save_arpa(path)
        again = NGramLM.load(path)
        assert again.order == order and contents(again) == contents(model)
        texts = [s[:-1] for s in sentences]
        np.testing.assert_array_equal(model.scores(texts), again.scores(texts))
    assert path.read_bytes().startswith({"": b"\\data", ".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7z"}[suffix])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_packed_files_are_read(pack, tmp_path):
    model = load(tmp_path, pack(SMALL.encode()))
    assert model.order == 2 and model.vocabulary_.words == ["<unk>", "<s>", "</s>", "ä", "b"]
    assert model.score("ä b") == -0.25 - 0.125 - 0.5
    assert model.score("x") == pytest.approx(-0.25 - 0.90309 - 0.5)


def test_spellings_of_others_are_read(tmp_path):
    expected = load(tmp_path, SMALL, "expected.arpa")
    text = SMALL.replace("\t", "  ").replace("\n", "\r\n").replace("<unk>", "<UNK>").replace("-0.5  </s>", "-5e-1 </s>")
    text = "# made by hand\n\n" + text.replace("=", " = ").replace("\\2-grams", "\r\n\r\n\\2-grams")
    assert contents(load(tmp_path, text)) == contents(expected)
    assert load(tmp_path, SMALL.replace("-0.125\tä b", "-inf\tä b")).score("ä b") == -np.inf
    assert load(tmp_path, SMALL.replace("0\t<s>", "-99\t<s>")).score("ä b") == expected.score("ä b")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("1=5", "1=\t5").replace("-0.90309\t", "-0.90309 ").replace("\n\n\\2", "\n\\2"),
        lambda text: text.replace("\n\n\\2", "\n \t \n\\2").replace("\tä b\n", "\tä b\n  \n"),
        lambda text: text.replace("ngram 1=5", "ngram  1=        5").replace("\n\n", "\n"),
        lambda text: text.replace("\\2-grams:", "\\2-grams: "),
        lambda text: "a header\nof its own\n" + text + "and what follows",
        lambda text: "\ufeff" + text,
    ],
    ids=["tabs in the header", "blanks in empty lines", "no empty lines", "a blank after a mark", "text around", "a mark"],
)  # fmt: skip
def test_spellings_that_other_readers_stumbled_over_are_read(change, tmp_path):
    assert change(SMALL) != SMALL
    assert contents(load(tmp_path, change(SMALL))) == contents(load(tmp_path, SMALL, "expected.arpa"))


def test_a_length_may_have_no_n_grams(tmp_path):
    text = SMALL.replace("ngram 2=3", "ngram 2=3\nngram 3=0").replace("\\end", "\\3-grams:\n\n\\end")
    model = load(tmp_path, text)
    assert model.ngram_counts_ == [5, 3, 0] and model.score("ä b") == -0.25 - 0.125 - 0.5
    model.save_arpa(tmp_path / "again.arpa")
    assert contents(NGramLM.load(tmp_path / "again.arpa")) == contents(model)


@pytest.mark.parametrize("word", ["new york", "", "a\tb", "a\x0bb"])
def test_words_that_would_fall_apart_are_not_written(word, tmp_path):
    model = NGramLM(2).fit([["a", word], ["b"]])
    with pytest.raises(ValueError, match=r"save_arpa: the word '.*' is empty or has white space, .*use save\(\)"):
        model.save_arpa(tmp_path / "model.arpa")
    assert not list(tmp_path.iterdir())
    model.save(tmp_path / "model")
    assert NGramLM.load(tmp_path / "model").score(["a", word]) == model.score(["a", word])


def test_a_model_without_the_unknown_word(tmp_path):
    text = SMALL.replace("-0.90309\t<unk>\t0\n", "").replace("1=5", "1=4")
    with pytest.warns(UserWarning, match=r"model.arpa: the model has no '<unk>': unknown words get log10 p = -100"):
        model = load(tmp_path, text)
    assert model.score("x") == pytest.approx(-0.25 - 100 - 0.5)
    assert model.vocabulary_.words[0] == "<unk>"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("-0.125\tä b\n", "", 16, "the file has 2 2-grams, its header promises 3"),
        ("2=3", "2=2", 17, "the file has 3 2-grams, its header promises 2"),
        ("ngram 1=5\n", "", 2, "expected 'ngram 1=NUMBER', got 'ngram 2=3'"),
        ("ngram 2=3", "ngram 2=x", 3, "expected 'ngram 2=NUMBER', got 'ngram 2=x'"),
        ("ngram 1=5\nngram 2=3\n", "", 3, "expected 1 to 16 lines 'ngram N=NUMBER' before, got 0"),
        ("2=3", "2=3000000", 5, "the header promises 3000005 n-grams, more than the file can hold"),
        ("\\2-grams:", "\\3-grams:", 12, r"expected \\2-grams:, got '\\\\3-grams:'"),
        ("\n\\end\\\n", "", 16, "the file ends before"),
        ("\\end\\\n", "\\3-grams:\n", 17, r"expected \\end\\, got '\\\\3-grams:'"),
        ("-0.5\tb </s>\n\n\\end\\\n", "", 15, "the file has 2 2-grams, its header promises 3, it is truncated"),
        ("-0.125\tä b", "-0.125\tä", 14, "expected a log10 probability, 2 words, and no more .*, got '-0.125.tä'"),
        ("-0.125\tä b", "-0.125\tä b c", 14, "expected a log10 probability, 2 words"),
        ("-0.125\tä b", "-0.125\tä b\t1\t2", 14, "expected a log10 probability, 2 words"),
        ("-0.5\tb\t-0.04", "-0.5\tb\tinf", 10, "expected a log10 probability, 1 word, and no more"),
        ("-0.125\tä b", "zero\tä b", 14, "expected a log10 probability first, got 'zero.tä b'"),
        ("-0.125\tä b", "nan\tä b", 14, "expected a log10 probability first"),
        ("-0.125\tä b", "0.125\tä b", 14, "expected a log10 probability that is not above 0"),
        ("ä b", "ä z", 14, "'-0.125.tä z': 'z' is not among the 1-grams"),
        ("b </s>", "ä b", 15, "'-0.5.tä b': this 2-gram stands in a line before, too"),
        ("-0.5\tb\t", "-0.5\tä\t", 10, "'-0.5.tä.t-0.04': this word stands in a line before, too"),
        ("<s>\t", "<S>\t", 6, "the 1-grams lack '<s>'"),
        ("ä b", "ä b\0", 13, "a NUL byte among the 2-grams"),
    ],
)
def test_errors_name_the_line(old, new, line, message, tmp_path):
    assert SMALL.count(old) == 1 or old in ("ä b", "b </s>")
    with pytest.raises(ValueError, match=rf"model\.arpa: line {line}: {message}"):
        load(tmp_path, SMALL.replace(old, new, 1))


def test_an_error_far_down_names_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_arpa_reader, "_PIECE", 500)
    path = tmp_path / "model.arpa"
    NGramLM(3).fit(make_sentences(2, 300, 40)).save_arpa(path)
    lines = path.read_text().split("\n")
    place = lines.index("\\3-grams:") + 321
    for bad, message in (("oops", "first, got 'oops'"), (lines[place - 1], "stands in a line before")):
        with pytest.raises(ValueError, match=rf"line {place + 1}: .*{re.escape(message)}"):
            load(tmp_path, "\n".join([*lines[:place], bad, *lines[place + 1 :]]))


def test_a_context_must_be_there(tmp_path):
    text = SMALL.replace("ngram 2=3", "ngram 2=3\nngram 3=1").replace("\\end", "\\3-grams:\n-1 b ä b\n\n\\end")
    with pytest.raises(ValueError, match=r"line 19: '-1 b ä b': its context 'b ä' is not among the 2-grams"):
        load(tmp_path, text)


@pytest.mark.parametrize("text", ["", "no model\n" * 3, "\n\n"])
def test_other_files_are_refused(text, tmp_path):
    with pytest.raises(ValueError, match=r"not an ARPA file: it has no line \\data\\"):
        load(tmp_path, text)


def test_damaged_packed_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="compressed file is truncated or damaged"):
        load(tmp_path, gzip.compress(SMALL.encode())[:-20])


@pytest.mark.parametrize("smoothing", ["laplace", "add_k", "mle", "stupid_backoff"])
def test_models_that_do_not_back_off_cannot_be_written(smoothing, tmp_path):
    model = NGramLM(2, smoothing).fit([["a", "b"]])
    with pytest.raises(ValueError, match=f"save_arpa: an ARPA file cannot hold the smoothing '{smoothing}'"):
        model.save_arpa(tmp_path / "model.arpa")
    assert not list(tmp_path.iterdir())


def test_kernels_refuse_what_does_not_fit():
    text = np.frombuffer(b"-1 a\n-2 b\n", np.uint8)
    values, words = np.zeros(1, np.float32), np.zeros(11, np.uint8)
    with pytest.raises(ValueError, match="too few places for the lines"):
        _core.arpa_parse(text, 1, values, values.copy(), words)
    rows, pool, offsets = np.array([[0]], np.int32), np.zeros(3, np.uint8), np.array([0, 3])
    with pytest.raises(ValueError, match="text: too small"):
        _core.arpa_format(rows, values, None, pool, offsets, np.zeros(67, np.uint8))
    with pytest.raises(ValueError, match="rows"):
        _core.arpa_format(rows + 1, values, None, pool, offsets, np.zeros(99, np.uint8))
    text = np.zeros(68, np.uint8)
    used = _core.arpa_format(rows, np.array([-np.inf], np.float32), values + 0.5, pool + 65, offsets, text)
    assert text[: used[0]].tobytes() == b"-99.0\tAAA\t-0.5\n"
