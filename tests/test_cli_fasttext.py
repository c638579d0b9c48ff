"""The command `seqnn fasttext`."""

import numpy as np
import pytest
from test_cli import WORDS, run

from seqnn import FastText, KeyedVectors
from seqnn.embed import load_facebook_model, load_facebook_vectors


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    rng = np.random.default_rng(0)
    path.write_text("".join(" ".join(rng.choice(WORDS, 10)) + "\n" for _ in range(300)))
    return path


def test_options_reach_the_model(corpus, tmp_path, capsys):
    options = (
        "--vector-size 12 --window 3 --min-count 2 --sample 0.01 --alpha 0.03 --epochs 2 --sg --negative 3 --seed 5 "
        "--workers 1 --deterministic --min-n 2 --max-n 4 --bucket 99"
    )
    model, output = tmp_path / "m", tmp_path / "v.txt"
    code, out, err = run(capsys, "fasttext", corpus, *options.split(), "--model", model, "-o", output)
    assert code == 0, err
    assert f"{output}: 12 vectors of 12 numbers" in out and f"{model}: the model" in out
    found = FastText.load(model)
    expected = {
        "vector_size": 12, "window": 3, "min_count": 2, "sample": 0.01, "alpha": 0.03, "epochs": 2, "sg": 1,
        "negative": 3, "seed": 5, "workers": 1, "deterministic": True, "min_n": 2, "max_n": 4, "bucket": 99,
    }  # fmt: skip
    assert {name: getattr(found, name) for name in expected} == expected
    np.testing.assert_allclose(KeyedVectors.load(output).vectors, found.wv.vectors, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("skipgram", {"sg": 1, "alpha": 0.05, "sample": 1e-4, "ns_exponent": 0.5, "min_alpha": 0.0, "negative": 5}),
        (
            "cbow -ws 2 -epoch 2 -lr 0.1 -neg 3 -t 0.01",
            {"sg": 0, "window": 2, "epochs": 2, "alpha": 0.1, "negative": 3},
        ),
        ("cbow -loss hs -minCount 2 -thread 1", {"hs": 1, "negative": 0, "min_count": 2, "workers": 1}),
        ("skipgram -minn 2 -maxn 3 -wordNgrams 1 -label __x", {"min_n": 2, "max_n": 3, "vector_size": 8}),
    ],
)
def test_spellings_of_the_original(corpus, tmp_path, capsys, monkeypatch, options, expected):
    made = []
    monkeypatch.setattr("seqnn._cli._fasttext_command.save_facebook_model", lambda model, path: made.append(model))
    target = tmp_path / "m"
    code, out, err = run(
        capsys, "fasttext", *options.split(), "-input", corpus, "-output", target, "-dim", 8, "-bucket", 60,
        "-verbose", 0,
    )  # fmt: skip
    assert (code, out, err) == (0, "", "")
    assert {name: getattr(made[0], name) for name in expected} == expected
    assert KeyedVectors.load(f"{target}.vec").index_to_key == made[0].wv.index_to_key


def test_a_model_in_the_format_of_the_original(corpus, tmp_path, capsys):
    code, _, err = run(
        capsys, "fasttext", "cbow", "-input", corpus, "-output", tmp_path / "m", "-dim", 4, "-bucket", 30
    )
    assert code == 0, err
    wv, model = load_facebook_vectors(tmp_path / "m.bin"), load_facebook_model(tmp_path / "m.bin")
    assert wv["redapples"].shape == (4,) and model.wv.bucket == 30 and not model.sg
    text = KeyedVectors.load(tmp_path / "m.vec")
    np.testing.assert_allclose(text.vectors, wv[text.index_to_key], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("supervised -input {corpus}", "-output: expected a file"),
        ("cbow -input {corpus} -loss softmax", "-loss: expected ns or hs, got softmax"),
        ("cbow -input {corpus} -wordNgrams 2", "word_ngrams"),
        ("cbow -input missing", "missing"),
        ("cbow -input {corpus} -output missing/m", "missing"),
        ("{corpus} --bucket -1", "bucket"),
    ],
)
def test_errors_take_one_line(corpus, capsys, monkeypatch, tmp_path, options, told):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "fasttext", *options.format(corpus=corpus).split())
    assert code == 1 and err.splitlines()[-1].startswith("seqnn: error: ") and told in err
