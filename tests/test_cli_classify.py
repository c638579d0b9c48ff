"""The command `seqnn classify`, and the original's modes of `seqnn fasttext` for texts with labels."""

from pathlib import Path

import numpy as np
import pytest
from test_cli import run

from seqnn import KeyedVectors
from seqnn.models import FastTextClassifier

DATA = Path(__file__).parent / "data" / "fasttext"
TRAIN, TEST = DATA / "train.txt", DATA / "test.txt"
SIZES = ("-dim", 8, "-epoch", 4, "-lr", 0.3, "-bucket", 300, "-thread", 1)


def test_train_predict_test_and_quantise(tmp_path, capsys):
    model, small = tmp_path / "m.bin", tmp_path / "m.ftz"
    options = "--size 12 --epochs 5 --alpha 0.5 --word-ngrams 2 --bucket 400 --seed 3 --deterministic"
    code, out, err = run(capsys, "classify", "train", TRAIN, "--validation", TEST, *options.split(), "-o", model)
    assert code == 0, err
    assert "5 labels; 5 epochs" in out and "epoch 5: precision" in out
    code, out, err = run(capsys, "classify", "test", model, TEST, "--labels", "-k", 2)
    scores = FastTextClassifier.load(model).test(TEST, k=2)
    assert code == 0 and f"N\t40\nP@2\t{scores.precision:.3f}\nR@2\t{scores.recall:.3f}\n" in out
    assert f"F1-Score : {scores.labels['a']['f1']:.6f}" in out and "__label__a" in out
    code, out, err = run(capsys, "classify", "quantize", model, "-o", small, "--cutoff", 300, "--qnorm")
    assert code == 0, err
    assert len(FastTextClassifier.load(small).model_.input) == 300
    (tmp_path / "texts").write_text("ba ke\nlo mi nu\n")
    code, out, err = run(capsys, "classify", "predict", small, tmp_path / "texts", "-k", 2, "--probabilities")
    labels, values = FastTextClassifier.load(small).predict_top(["ba ke", "lo mi nu"], 2)
    expected = [
        " ".join(f"{name.removeprefix('__label__')} {p:.6g}" for name, p in zip(a, b, strict=True))
        for a, b in zip(labels, values, strict=True)
    ]
    assert (code, out.splitlines()) == (0, expected)


def test_modes_and_spellings_of_the_original(tmp_path, capsys, monkeypatch):
    name = tmp_path / "m"
    code, out, err = run(capsys, "fasttext", "supervised", "-input", TRAIN, "-output", name, *SIZES, "-wordNgrams", 2,
                         "-loss", "ova", "-minCount", 2, "-ws", 3, "-t", 0.1)  # fmt: skip
    assert (code, err) == (0, "") and "5 labels" in out
    model = FastTextClassifier.load(f"{name}.bin")
    expected = {"vector_size": 8, "epochs": 4, "word_ngrams": 2, "bucket": 300, "loss": "ova", "min_count": 2}
    assert {key: getattr(model, key) for key in expected} == expected
    assert KeyedVectors.load(f"{name}.vec").index_to_key == model.model_.dictionary.words
    for mode, k in (("test", 1), ("test-label", 2)):
        code, out, err = run(capsys, "fasttext", mode, f"{name}.bin", TEST, k)
        assert code == 0 and f"P@{k}\t{model.test(TEST, k=k).precision:.3f}" in out
        assert ("F1-Score" in out) == (mode == "test-label")
    code, out, err = run(
        capsys, "fasttext", "quantize", "-output", name, "-input", TRAIN, "-cutoff", 280, "-qnorm", "-retrain"
    )
    assert (code, err) == (0, "")
    assert len(FastTextClassifier.load(f"{name}.ftz").model_.input) == 280


def test_predictions_are_printed_as_by_the_original(tmp_path, capsys):
    (tmp_path / "texts").write_text("unseen wörds only\n\n", encoding="utf-8")
    code, out, _ = run(capsys, "fasttext", "predict-prob", DATA / "hs.ftz", tmp_path / "texts", 2)
    assert code == 0 and len(out.splitlines()) == 2
    # `fasttext predict-prob hs.ftz - 2` prints this of an empty line.
    label, probability = out.splitlines()[1].split()[:2]
    labels, values = FastTextClassifier.load(DATA / "hs.ftz").predict_top("")
    assert (label,) == labels and float(probability) == pytest.approx(values[0], rel=1e-5)
    code, out, _ = run(capsys, "fasttext", "predict", DATA / "hs.ftz", tmp_path / "texts", 1, 1.5)
    assert (code, out) == (0, "\n\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["supervised", "-input", TRAIN], "-output: expected a file"),
        (["supervised", "-input", "none", "-output", "x", "-cutoff", 3], "-cutoff: not an option of this mode"),
        (["predict", "m"], "expected MODEL FILE [K] [THRESHOLD], got m"),
        (["predict", DATA / "hs.ftz", TEST, "many"], "K: expected a number, got 'many'"),
        (["test", TRAIN, TEST], "train.txt"),
        (["quantize", "-output", "nothing"], "nothing.bin"),
        (["dump", "m"], "dump: not offered, unlike the original's other modes"),
        (["nn", "m", 0], "K: expected an integer >= 1, got 0"),
        (["print-ngrams", "m"], "expected MODEL WORD, got m"),
        (["analogies"], "expected MODEL [K], and three words A B C each on the standard input, got nothing"),
        (
            ["supervised", "-input", TRAIN, "-output", "x", "-autotune-duration", 3],
            "-autotune-validation: expected a file",
        ),
    ],
)
def test_wrong_use_is_told_in_a_line(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "fasttext", *words)
    assert code == 1 and message in err and err.count("\n") == 1


def test_an_output_never_replaces_an_input(capsys, tmp_path):
    text = tmp_path / "t.bin"
    text.write_bytes(TRAIN.read_bytes())
    code, _, err = run(capsys, "classify", "train", text, "-o", text)
    assert code == 1 and "would be replaced" in err
    code, _, err = run(capsys, "fasttext", "supervised", "-input", text, "-output", tmp_path / "t")
    assert code == 1 and "would be replaced" in err and text.read_bytes() == TRAIN.read_bytes()


def test_training_does_not_quantise(capsys, tmp_path):
    code, _, err = run(capsys, "classify", "train", TRAIN, "-o", tmp_path / "m.ftz")
    assert code == 1 and "m.ftz: expected a name that ends in .bin; seqnn classify quantize makes .ftz of it" in err


def test_sentence_vectors_are_printed(capsys, tmp_path, monkeypatch):
    (tmp_path / "texts").write_text("ba ke\n")
    monkeypatch.setattr("seqnn._cli._actions.source", lambda path: tmp_path / "texts" if path == "-" else path)
    code, out, _ = run(capsys, "fasttext", "print-sentence-vectors", DATA / "hs.ftz")
    expected = FastTextClassifier.load(DATA / "hs.ftz").get_sentence_vector("ba ke")
    assert code == 0
    np.testing.assert_allclose(np.array(out.split(), float), expected, rtol=1e-4)
