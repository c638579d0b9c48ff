"""The modes of `seqnn fasttext` that ask for vectors, and its search for settings, with the original's spellings."""

from pathlib import Path

import numpy as np
import pytest
from test_cli import run

from seqnn import FastText, KeyedVectors
from seqnn.embed import load_facebook_vectors, save_facebook_model
from seqnn.models import FastTextClassifier

DATA = Path(__file__).parent / "data" / "fasttext"
TRAIN, TEST = DATA / "train.txt", DATA / "test.txt"
SENTENCES = [["to", "be", "or", "not", "to", "be", "that"], ["is", "the", "question", "night", "nightly"]] * 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m.bin"
    save_facebook_model(FastText(SENTENCES, vector_size=6, min_count=1, bucket=90, sample=0, verbose=0), path)
    return path


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Let the standard input be a text."""

    def ask(text):
        (tmp_path / "input").write_text(text)
        monkeypatch.setattr("seqnn._cli._actions.source", lambda path: tmp_path / "input" if path == "-" else path)

    return ask


def table(out):
    """The first word of each line, and the numbers after it."""
    rows = [line.split(" ") for line in out.splitlines()]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], float)


def test_neighbours_and_analogies(model, asked, capsys):
    wv = load_facebook_vectors(model)
    asked("night unheard\n")
    code, out, err = run(capsys, "fasttext", "nn", model, 3)
    expected = [*wv.most_similar("night", topn=3), *wv.most_similar("unheard", topn=3)]
    words, scores = table(out)
    assert (code, err) == (0, "") and words == [word for word, _ in expected]
    np.testing.assert_allclose(scores[:, 0], [score for _, score in expected], rtol=1e-5)
    assert len(run(capsys, "fasttext", "nn", model)[1].splitlines()) == 9 + 10  # all others, and all
    asked("night to be\nquestion the\nis")
    code, out, err = run(capsys, "fasttext", "analogies", model, 2)
    expected = wv.most_similar(positive=["night", "be"], negative=["to"], topn=2)
    expected += wv.most_similar(positive=["question", "is"], negative=["the"], topn=2)
    assert (code, err) == (0, "") and table(out)[0] == [word for word, _ in expected]


def test_vectors_of_words_texts_and_ngrams(model, asked, capsys):
    wv = load_facebook_vectors(model)
    asked("night unheard\nbe\n")
    code, out, _ = run(capsys, "fasttext", "print-word-vectors", model)
    words, vectors = table(out)
    assert code == 0 and words == ["night", "unheard", "be"]
    np.testing.assert_allclose(vectors, wv[words], rtol=1e-4, atol=1e-6)
    code, out, _ = run(capsys, "fasttext", "print-sentence-vectors", model)
    found = np.array([line.split() for line in out.splitlines()], float)
    expected = [wv.get_sentence_vector(["night", "unheard"]), wv.get_sentence_vector(["be"])]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    code, out, _ = run(capsys, "fasttext", "print-ngrams", model, "night")
    parts, vectors = table(out)
    assert code == 0 and parts[:3] == ["night", "<ni", "<nig"] and len(parts) == 1 + 5 + 4 + 3 + 2
    np.testing.assert_allclose(vectors.mean(axis=0), wv["night"], rtol=1e-3, atol=1e-4)
    assert table(run(capsys, "fasttext", "print-ngrams", model, "unheard")[1])[0][0] == "<un"


def test_unknown_words_and_models_without_ngrams(asked, capsys, tmp_path):
    path = tmp_path / "plain.txt"
    KeyedVectors.from_arrays(["a", "b", "c"], np.eye(3)).save_word2vec_format(path)
    asked("a zz b\n")
    code, out, err = run(capsys, "fasttext", "nn", path, 1)
    assert code == 0 and len(out.splitlines()) == 2 and "zz: the model has neither this word nor n-grams of it" in err
    code, out, err = run(capsys, "fasttext", "analogies", path)
    assert (code, out) == (0, "") and "zz: the model has neither" in err
    assert "zz 0 0 0\n" in run(capsys, "fasttext", "print-word-vectors", path)[1]
    code, _, err = run(capsys, "fasttext", "print-ngrams", path, "a")
    assert code == 1 and "expected a model of fastText, got vectors without n-grams" in err
    assert run(capsys, "fasttext", "print-sentence-vectors", path)[0] == 1


def test_texts_of_our_own_classifiers_have_vectors_too(asked, capsys, tmp_path):
    model = FastTextClassifier(vector_size=4, epochs=1).fit(["a b", "b c"], ["x", "y"])
    model.save(tmp_path / "own")
    asked("a c\n")
    code, out, _ = run(capsys, "fasttext", "print-sentence-vectors", tmp_path / "own")
    assert code == 0
    np.testing.assert_allclose(np.array(out.split(), float), model.get_sentence_vector("a c"), rtol=1e-4)


def test_settings_are_searched(capsys, tmp_path):
    name = tmp_path / "m"
    options = ["-input", TRAIN, "-output", name, "-autotune-validation", TEST, "-autotune-duration", 0.3, "-dim", 8]
    options += ["-bucket", 300, "-thread", 1, "-epoch", 5]
    code, out, err = run(capsys, "fasttext", "supervised", *options, "-autotune-metric", "f1:a")
    assert (code, err) == (0, "") and "trials, best score" in out and "vector_size=8" in out and "epochs=5" in out
    assert FastTextClassifier.load(f"{name}.bin").epochs == 5
    code, out, err = run(capsys, "classify", "train", TRAIN, "-o", f"{name}.b", "--validation", TEST, "--trials", 2,
                         "--size", 8, "--bucket", 300, "--metric", "recallAtPrecision:50", "--deterministic")  # fmt: skip
    assert (code, err) == (0, "") and "2 trials, best score" in out
    code, _, err = run(capsys, "classify", "train", TRAIN, "-o", f"{name}.b", "--trials", 2)
    assert code == 1 and "--validation: expected a file of texts that the search goes by" in err
    code, _, err = run(capsys, "fasttext", "supervised", *options, "-autotune-modelsize", "1K")
    assert code == 1 and "model_size may be too small" in err and not Path(f"{name}.ftz").exists()


def test_a_searched_model_of_limited_size_is_written_as_ftz_or_as_bin_where_words_are_few(capsys, tmp_path):
    options = ["--validation", TEST, "--trials", 1, "--size", 8, "--epochs", 1, "--deterministic", "--model-size"]
    small = tmp_path / "small.ftz"
    search = [TRAIN, *options, "1MB", "--word-ngrams", 2, "--bucket", 300]
    code, out, err = run(capsys, "classify", "train", *search, "-o", small)
    assert (code, err) == (0, "") and f"{small}: " in out
    assert FastTextClassifier.load(small).model_.quantized is not None
    few = tmp_path / "few.txt"
    few.write_text("__label__a good\n__label__b bad\n" * 9)
    code, out, err = run(capsys, "classify", "train", few, *options, "1MB", "-o", tmp_path / "few.ftz")
    assert (code, err) == (0, "") and not (tmp_path / "few.ftz").exists()
    assert FastTextClassifier.load(tmp_path / "few.bin").predict(["good"]) is not None
    code, _, err = run(capsys, "classify", "train", *search, "-o", tmp_path / "small.bin")
    assert code == 1 and "small.bin: expected a name that ends in .ftz with --model-size" in err
