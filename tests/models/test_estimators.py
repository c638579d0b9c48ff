"""What all estimators guarantee: settings, what they say before fit, files, notebooks."""

import copy
import inspect
import json
import pickle

import numpy as np
import pytest
from estimator_cases import CASES as PREDICTORS
from estimator_cases import CLASSES, GENERATORS, MATRIX, SERIES, TOKENS, TRANSFORMERS

from seqnn import _safetensors, models, random
from seqnn.models import (
    AnomalyDetector,
    ARForecaster,
    LogisticRegression,
    MLPClassifier,
    SequenceClassifier,
    SequenceTagger,
    TextCNNClassifier,
)
from seqnn.models._base import Estimator, GivenNetwork, Learner

CASES = PREDICTORS | TRANSFORMERS | GENERATORS
ESTIMATORS = sorted(
    {cls for name in models.__all__ if isinstance(cls := getattr(models, name), type) and issubclass(cls, Estimator)},
    key=lambda cls: cls.__name__,
)


@pytest.fixture(name="fitted", scope="module")
def every_estimator_fitted():
    found = {}
    for name, (estimator, x, y) in CASES.items():
        estimator = copy.deepcopy(estimator)
        found[name] = estimator.fit(x) if y is None else estimator.fit(x, y)
    return found


def answers(name, estimator):
    """All that an estimator says about its data."""
    x = CASES[name][1]
    if isinstance(estimator, AnomalyDetector):
        return [estimator.errors(x), estimator.predict(x)]
    if name in TRANSFORMERS:
        return [estimator.transform(x), estimator.reconstruct(x)]
    if name in GENERATORS:
        return [estimator.sample(5), estimator.discriminate(x)]
    if CASES[name][2] is None:
        return [estimator.predict(5), estimator.historical_forecasts(x)]
    names = ("predict", "predict_proba", "decision_function")
    return [getattr(estimator, method)(x) for method in names if hasattr(estimator, method)]


def assert_same(first, second):
    if isinstance(first, list):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            assert_same(a, b)
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second


def networks(estimator):
    """The networks of the user's, which no file keeps."""
    given = [name for name, setting in estimator._settings.items() if isinstance(setting, GivenNetwork)]
    return {name: getattr(estimator, name) for name in given}


def test_every_estimator_is_tried():
    assert {type(estimator) for estimator, _, _ in CASES.values()} == set(ESTIMATORS)


@pytest.mark.parametrize("name", CASES)
def test_a_file_gives_the_same_answers(name, fitted, tmp_path):
    estimator, path = fitted[name], tmp_path / "estimator.safetensors"
    estimator.save(path)
    before = random.get_state()
    again = type(estimator).load(path, **networks(estimator))
    assert random.get_state() == before
    assert_same(answers(name, estimator), answers(name, again))
    assert again.get_params(deep=False).keys() == estimator.get_params(deep=False).keys()
    assert repr(again) == repr(estimator)
    again.save(tmp_path / "again.safetensors")
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    if hasattr(estimator, "history_"):
        assert again.history_ == estimator.history_ and again.n_iter_ == estimator.n_iter_


@pytest.mark.parametrize("name", CASES)
def test_loading_never_computes_with_memory_that_has_no_numbers_yet(name, fitted, tmp_path, monkeypatch):
    fitted[name].save(tmp_path / "estimator.safetensors")
    empty = np.empty

    def signalling(shape, dtype=float, **others):  # any operation on such a NaN warns, even a conversion
        array = empty(shape, dtype, **others)
        if array.dtype in (np.float32, np.float64):
            bits, nan = (np.uint32, 0x7FA00001) if array.dtype == np.float32 else (np.uint64, 0x7FF4000000000001)
            array.view(bits)[...] = nan
        return array

    monkeypatch.setattr(np, "empty", signalling)
    again = type(fitted[name]).load(tmp_path / "estimator.safetensors", **networks(fitted[name]))
    monkeypatch.undo()
    assert_same(answers(name, fitted[name]), answers(name, again))


@pytest.mark.parametrize("name", CASES)
def test_copies_and_pickles_give_the_same_answers(name, fitted):
    for again in (copy.deepcopy(fitted[name]), pickle.loads(pickle.dumps(fitted[name]))):
        assert_same(answers(name, fitted[name]), answers(name, again))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_nothing_is_known_before_fit(cls):
    estimator = cls()
    for name in cls._learnt:
        assert not hasattr(estimator, name)
    with pytest.raises(models.NotFittedError, match=f"{cls.__name__} has not learnt anything yet: call fit first"):
        estimator.save("nowhere")
    method = next(method for method in ("predict", "transform", "discriminate") if hasattr(cls, method))
    with pytest.raises((ValueError, AttributeError), match="call fit first"):
        getattr(estimator, method)(SERIES if method == "predict" else MATRIX)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_docstring_names_what_is_learnt(cls):
    section = inspect.cleandoc(cls.__doc__).partition("\nAttributes:\n")[2].partition("\n\n")[0]
    for name in cls._learnt:
        assert name.startswith("_") or f"    {name}: " in section, f"{cls.__name__} says nothing about {name}"


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_settings_are_kept_as_given_until_fit(cls):
    estimator = cls()
    for name in cls._settings:
        estimator.set_params(**{name: "no such value"})
    assert set(estimator.get_params(deep=False).values()) == {"no such value"}
    with pytest.raises((TypeError, ValueError), match="expected"):
        estimator.fit(MATRIX, CLASSES) if "y" in inspect.signature(cls.fit).parameters else estimator.fit(SERIES)


@pytest.mark.parametrize("name", CASES)
def test_changed_settings_do_not_change_what_was_fitted(name, fitted, tmp_path):
    estimator = copy.deepcopy(fitted[name])
    before = answers(name, estimator)
    changes = {"hidden_size": 9, "lags": 7, "horizon": 3, "embedding_size": 9, "widths": (2,), "d_model": 12}
    estimator.set_params(**{name: value for name, value in changes.items() if name in estimator._settings})
    assert_same(answers(name, estimator), before)
    estimator.save(tmp_path / "estimator.safetensors")
    again = type(estimator).load(tmp_path / "estimator.safetensors", **networks(estimator))
    assert_same(answers(name, again), before)
    assert repr(again) == repr(estimator)


def test_a_notebook_shows_the_settings(fitted):
    shown = fitted["perceptron"]._repr_html_()
    assert "<b>MLPClassifier</b> (fitted)" in shown and "<td>max_iter</td><td><b>2</b></td>" in shown
    assert "<td>dropout</td><td>0.0</td>" in shown
    shown = LogisticRegression(class_weight="<script>")._repr_html_()
    assert "(not fitted)" in shown and "<script>" not in shown


def test_a_missing_attribute_is_that_of_an_estimator_without_fit():
    with pytest.raises(AttributeError, match="LogisticRegression has not learnt anything yet"):
        getattr(LogisticRegression(), "coef_")  # noqa: B009
    again = pickle.loads(pickle.dumps(models.NotFittedError("call fit first")))
    assert isinstance(again, models.NotFittedError) and str(again) == "call fit first"


# Damaged files.


def rewritten(path, change):
    """Write the file anew after change(record, arrays)."""
    arrays, metadata = _safetensors.load(path, mmap=False)
    record = json.loads(metadata["seqnn.estimator"])
    change(record, arrays)
    _safetensors.save(path, arrays, {"seqnn.estimator": json.dumps(record)})


@pytest.fixture(name="path")
def saved_classifier(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted["classes of tokens"].save(path)
    return path


def at(*keys, value):
    def change(record, arrays):
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


def tensor(name, array):
    return lambda record, arrays: arrays.update({name: np.asarray(array)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record, arrays: record.clear(), "damaged, KeyError: 'version'"),
        (lambda record, arrays: record.pop("learnt"), "damaged, KeyError: 'learnt'"),
        (at("version", value=99), "written by a newer seqnn"),
        (at("estimator", value="MLPClassifier"), "holds a MLPClassifier, expected a SequenceClassifier"),
        (at("settings", "depth", value=3), "SequenceClassifier has no depth"),
        (at("settings", "hidden_size", value="4"), "hidden_size: expected an integer"),
        (at("fitted_with", "hidden_size", value=2**30), "hidden_size: 1073741824 is more than the arrays have"),
        (at("fitted_with", "num_layers", value=2**30), "num_layers: 1073741824 is more than the arrays have"),
        (at("fitted_with", "hidden_size", value=6), "does not fit ManyToOne"),
        (at("fitted_with", "cell", value="os.system"), "cell: expected one of"),
        (at("learnt", "predict", value=1), "expected the attributes of SequenceClassifier"),
        (at("learnt", "classes_", value=None), "classes_: expected labels, got None"),
        (at("learnt", "classes_", "values", value=["up", "up"]), "classes_: expected different labels"),
        (at("learnt", "classes_", "values", value=["a", "b", "c"]), "does not fit ManyToOne"),
        (at("learnt", "n_iter_", value=2.5), "n_iter_: expected int, got 2.5"),
        (at("learnt", "history_", value={"loss": "x"}), "history_: expected lists of numbers by name"),
        (at("learnt", "_input", "kind", value="Pickle"), "_input: expected one of Numbers, Tokens"),
        (at("learnt", "_input", "learnt", "vocabulary", value=[1]), "_input.vocabulary: expected a vocabulary"),
        (
            at("learnt", "_input", "learnt", "vocabulary", "counts", value=[2**70]),
            "counts: expected integers >= 0, got object from 1180591620717411303424",
        ),
        (at("learnt", "_input", "learnt", value={}), r"_input\.vocabulary: missing"),
        (at("learnt", "model_", "frozen", value=["reader.none"]), "no parameter matches"),
        (tensor("model_.output.bias", np.zeros(3, "f4")), r"output\.bias: expected shape \(2,\), got \(3,\)"),
        (tensor("model_.output.bias", np.zeros(2, "i4")), "model_.output.bias: expected floating numbers, got int32"),
        (tensor("model_.other", np.zeros(2, "f4")), "unexpected keys: other"),
        (tensor("more", np.zeros(2)), "left over: more"),
        (lambda record, arrays: arrays.pop("model_.output.bias"), r"missing keys: output\.bias"),
    ],
)
def test_a_damaged_file_is_a_value_error_that_names_it(change, message, path):
    rewritten(path, change)
    with pytest.raises(ValueError, match=message) as caught:
        SequenceClassifier.load(path)
    assert str(path) in str(caught.value)


def test_other_files_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match=r"model\.safetensors: holds a SequenceClassifier, expected a SequenceTagger"):
        SequenceTagger.load(path)
    _safetensors.save(tmp_path / "arrays", {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="arrays: holds no estimator"):
        SequenceClassifier.load(tmp_path / "arrays")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="cut: "):
        SequenceClassifier.load(tmp_path / "cut")
    with pytest.raises(FileNotFoundError):
        SequenceClassifier.load(tmp_path / "none")
    with pytest.raises(ValueError, match="size: no setting of SequenceClassifier"):
        SequenceClassifier.load(path, size=3)


def refusal(path):
    """Return why the file is refused; None where it is read."""
    try:
        SequenceClassifier.load(path).predict(TOKENS)
    except ValueError as error:
        return str(error)


def test_random_bytes_never_make_another_error(path):
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        mutant = bytearray(whole)
        for at in rng.integers(0, len(whole) if rng.random() < 0.3 else 2500, rng.integers(1, 4)):
            mutant[at] = rng.integers(256)
        path.write_bytes(mutant)
        error = refusal(path)
        assert error is None or str(path) in error


def test_parts_that_do_not_belong_together_are_refused(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted["logistic, three integers"].save(path)
    rewritten(path, tensor("classes_", [1, 2]))
    with pytest.raises(ValueError, match="coef_: expected a row for 2 classes, got 3"):
        LogisticRegression.load(path)
    fitted["autoregression"].save(path)
    rewritten(path, tensor("intercept_", np.zeros(5)))
    with pytest.raises(ValueError, match="intercept_: expected 2 entries, got 5"):
        ARForecaster.load(path)
    fitted["autoregression"].save(path)
    rewritten(path, tensor("sigma_", [np.nan, 1]))
    with pytest.raises(ValueError, match="sigma_: expected finite numbers"):
        ARForecaster.load(path)
    fitted["anomalies"].save(path)
    rewritten(path, at("learnt", "forecaster_", "estimator", value="MLPClassifier"))
    with pytest.raises(ValueError, match="forecaster_: expected a Forecaster, got a MLPClassifier"):
        AnomalyDetector.load(path)
    fitted["perceptron"].save(path)
    rewritten(path, tensor("_scaler.scale", np.ones(4)))
    with pytest.raises(ValueError, match=r"_scaler\.scale: expected 3 entries, got 4"):
        MLPClassifier.load(path)


def test_functions_are_given_again(tmp_path):
    texts = [" ".join(s) for s in TOKENS]
    model = TextCNNClassifier(filters=2, embedding_size=3, max_iter=1, tokenizer=lambda text: list(text))
    model.fit(texts, CLASSES).save(tmp_path / "cnn")
    with pytest.raises(
        ValueError, match=r"tokenizer: a file keeps no functions: give that of fit, load\(path, tokenizer"
    ):
        TextCNNClassifier.load(tmp_path / "cnn")
    again = TextCNNClassifier.load(tmp_path / "cnn", tokenizer=lambda text: list(text))
    np.testing.assert_array_equal(again.predict(texts), model.predict(texts))


def test_labels_of_every_kind_are_kept(tmp_path):
    days = np.array(["2020-01-01", "2021-02-03"], "datetime64[D]")
    for labels in (["a", "é"], [0, 1], [False, True], [-1.0, 3.0], days, np.array(["x", "y"], object)):
        y = np.asarray(labels)[np.arange(30) % 2]
        LogisticRegression().fit(MATRIX, y).save(tmp_path / "model")
        again = LogisticRegression.load(tmp_path / "model")
        assert again.classes_.dtype == np.unique(y).dtype and again.classes_.tolist() == np.unique(y).tolist()


def test_a_learner_lists_what_its_bases_learn():
    assert set(SequenceClassifier._learnt) == {"classes_", "_input", "model_", "history_", "n_iter_"}
    assert issubclass(SequenceClassifier, Learner)
