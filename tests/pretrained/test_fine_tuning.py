"""Classifiers that are fine-tuned on texts: what learns, what is read and written, what is refused."""

import json

import numpy as np
import pretrained_record as recorded
import pytest

from seqnn import _safetensors, load_pretrained, random, tune
from seqnn.pretrained import Classifier

TEXTS = [[2, 5, 6, 7, 3], [4, 10, 6, 3], [4, 5, 8, 7, 8, 5, 9, 3], [2, 9, 10, 11, 8, 6, 3]] * 6
LABELS = ["good", "bad", "bad", "good"] * 6
FAST = {"epochs": 12, "batch_size": 8, "learning_rate": 0.02, "verbose": 0}


def smaller(folder):
    """Give a recorded model weights as a model has them at first, with which it learns fast."""
    state, _ = _safetensors.load(folder / "model.safetensors")
    kinds = {"LayerNorm.weight": lambda a: 0 * a + 1, "bias": lambda a: 0 * a}
    changed = {
        key: next((f for end, f in kinds.items() if key.endswith(end)), lambda a: 0.5 * a)(array)
        for key, array in state.items()
    }
    _safetensors.save(folder / "model.safetensors", changed)
    return folder


@pytest.fixture
def bert(tmp_path):
    return smaller(recorded.folder(tmp_path / "bert", "BertForMaskedLM")[0])


@pytest.mark.parametrize("how", ["full", "lora", "adapter", "head", "gradual", tune.PrefixTuning(2)])
def test_a_classifier_learns_its_texts_in_one_call(how, bert):
    found = Classifier.from_pretrained(bert, ["bad", "good"])
    total = sum(parameter.size for parameter in found.model.parameters())
    assert found.fit(TEXTS, LABELS, tune=how, validation=(TEXTS, LABELS), **FAST) is found
    history = found.history
    assert history["loss"][-1] < history["loss"][0] and len(history["val_accuracy"]) == 12
    if how in ("full", "gradual", "lora"):
        assert np.mean([a == b for a, b in zip(found.predict(TEXTS), LABELS, strict=True)]) > 0.9
    assert (found.adapters.trainable() == total) == (how in ("full", "gradual"))


@pytest.mark.parametrize("name", [
    "BertForSequenceClassification", "RobertaForMaskedLM", "DistilBertForMaskedLM", "GPT2LMHeadModel", "BertModel",
])  # fmt: skip
def test_a_new_head_stands_on_any_encoder_and_the_whole_goes_into_a_folder(name, tmp_path):
    folder = recorded.folder(tmp_path / "first", name)[0]
    found = Classifier.from_pretrained(folder, ["a", "b", "c", "d"])
    assert found.classes == ["a", "b", "c", "d"] and found.predict_proba(TEXTS[:2]).shape == (2, 4)
    found.save_pretrained(tmp_path / "second")
    config = json.loads((tmp_path / "second" / "config.json").read_text())
    assert config["architectures"][0].endswith("ForSequenceClassification") and config["label2id"]["d"] == 3
    again = load_pretrained(tmp_path / "second")
    assert type(again) is Classifier and again.classes == found.classes
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:4]), found.predict_proba(TEXTS[:4]))


def test_the_pooler_of_a_bert_is_the_first_layer_of_its_head(tmp_path):
    folder = recorded.folder(tmp_path / "first", "BertModel")[0]
    pooler = _safetensors.load(folder / "model.safetensors")[0]["pooler.dense.weight"]
    np.testing.assert_array_equal(Classifier.from_pretrained(folder, ["x", "y"]).model.head.dense.weight.data, pooler)


def test_adapters_of_two_tasks_share_one_model_and_go_through_files(bert, tmp_path):
    found = Classifier.from_pretrained(bert, ["bad", "good"])
    found.fit(TEXTS, LABELS, tune="lora", name="first", **FAST)
    first = found.predict_proba(TEXTS)
    found.fit(TEXTS, LABELS[::-1], tune="adapter", name="second", **FAST)
    second = found.predict_proba(TEXTS)
    found.adapters.activate("first")
    np.testing.assert_array_equal(found.predict_proba(TEXTS), first)
    for name in ("first", "second"):
        found.adapters.save(tmp_path / name, name)
    other = Classifier.from_pretrained(bert, ["bad", "good"])
    for name, expected in (("second", second), ("first", first)):
        other.adapters.load(tmp_path / name, name)
        np.testing.assert_allclose(other.predict_proba(TEXTS), expected, atol=1e-6)
    found.fit(TEXTS, LABELS, tune=None, **{**FAST, "epochs": 1})
    assert not np.array_equal(found.predict_proba(TEXTS), first)


def test_the_same_seed_gives_the_same_model(bert):
    found = []
    for _ in range(2):
        with random.seeded(3):
            model = Classifier.from_pretrained(bert, ["bad", "good"])
        found.append(model.fit(TEXTS, LABELS, tune="lora", **FAST).predict_proba(TEXTS))
    np.testing.assert_array_equal(*found)


def test_one_output_learns_numbers_and_several_classes_rows(tmp_path):
    folder, record = recorded.folder(tmp_path / "m", "BertForSequenceClassification")
    told = {**record["config"], "problem_type": "multi_label_classification"}
    (smaller(folder) / "config.json").write_text(json.dumps(told))
    rows = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]] * 6)
    found = load_pretrained(folder).fit(TEXTS, rows, **{**FAST, "epochs": 30})
    assert ((found.predict_proba(TEXTS) > 0.5) == rows).mean() > 0.9
    with pytest.raises(ValueError, match="labels: expected rows of 3 of 0 and 1"):
        found.fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="labels: expected rows of 0 and 1, got nan"):
        found.fit(TEXTS, np.where(rows == 0, np.nan, rows))
    state = {key: array.copy() for key, array in _safetensors.load(folder / "model.safetensors")[0].items()}
    state |= {key: array[:1] for key, array in state.items() if key.startswith("classifier.")}
    _safetensors.save(folder / "model.safetensors", state)
    (folder / "config.json").write_text(json.dumps(record["config"]))
    single = load_pretrained(folder)
    single.fit(TEXTS, np.arange(24) % 4 / 4, **FAST)
    assert single.history["loss"][-1] < single.history["loss"][0]
    with pytest.raises(ValueError, match="labels: expected finite numbers"):
        single.fit(TEXTS, [np.nan] * 24)


def test_bad_input_is_refused_before_anything_changes(bert, tmp_path):
    for classes in (["a"], ["a", "a"], "ab", []):
        with pytest.raises(ValueError, match="classes: expected the names of two classes or more, each once, got"):
            Classifier.from_pretrained(bert, classes)
    llama = recorded.folder(tmp_path / "llama", "LlamaForCausalLM")[0]
    with pytest.raises(
        ValueError, match=r"model_type: expected one of .*bert.*, to put a head for classes on, got 'llama'"
    ):
        Classifier.from_pretrained(llama, ["a", "b"])
    found = Classifier.from_pretrained(bert, ["bad", "good"])
    keys = list(found.model.state_dict())
    for texts, labels, options, message in (
        (TEXTS, LABELS[:3], {}, "texts: expected as many texts as labels, at least one, got 24 and 3"),
        ([], [], {}, "texts: expected as many texts as labels, at least one, got 0 and 0"),
        (TEXTS, ["ugly"] * 24, {}, "labels: expected names of bad, good, or their numbers, got 'ugly'"),
        (TEXTS, [2] * 24, {}, "labels: expected names of bad, good, or their numbers, got '2'"),
        (TEXTS, [LABELS], {}, "labels: expected one for each text, got an array of shape"),
        (TEXTS, LABELS, {"tune": "some"}, "tune: expected one of full, gradual, head, lora, adapter"),
        (TEXTS, LABELS, {"tune": tune.PromptTuning(2)}, "tune: expected one of full, .*, or None, got PromptTuning"),
        (TEXTS, LABELS, {"tune": "lora", "learning_rate": -1.0}, "lr: expected a number in"),
        (TEXTS, LABELS, {"tune": "lora", "epochs": 0}, "epochs: expected an integer >= 1"),
        (TEXTS, LABELS, {"validation": (TEXTS,)}, r"validation: expected \(texts, labels\), got"),
        (TEXTS, [[0], [0, 1]] * 12, {}, "labels: expected one for each text, got rows of unequal length"),
        ([[99]] * 24, LABELS, {"tune": "adapter"}, "ids holds 99"),
        (["a text"], ["bad"], {}, "texts: expected token ids, got texts: there is no tokenizer.json"),
        (TEXTS, LABELS, {"validation": (TEXTS, [])}, "validation: expected as many texts as labels"),
    ):
        with pytest.raises(ValueError, match=message):
            found.fit(texts, labels, verbose=0, **options)
        assert list(found.model.state_dict()) == keys
    for options, message in (
        ({"labels": 3}, "labels: expected one for each text, got 3"),
        ({"seed": None}, "seed: expected"),
    ):
        with pytest.raises(TypeError, match=message):
            found.fit(TEXTS, **{"labels": LABELS, **options})
    found.fit([range(2, 30)] * 4, [0, 1, 0, 1], epochs=1, tune="lora", verbose=0)  # longer than the positions: cut
    with pytest.raises(ValueError, match="tune: 'full' is for a model without adapters, got one with default"):
        found.fit(TEXTS, LABELS)
