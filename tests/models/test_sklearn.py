"""scikit-learn's own checks and tools take the estimators for its own."""

import copy

import numpy as np
import pytest
from estimator_cases import CASES, CLASSES, MATRIX

from seqnn import models
from seqnn.models import AnomalyDetector, LogisticRegression, MLPClassifier, MLPRegressor

sklearn = pytest.importorskip("sklearn")
pytestmark = pytest.mark.peers

base = pytest.importorskip("sklearn.base")
exceptions = pytest.importorskip("sklearn.exceptions")
selection = pytest.importorskip("sklearn.model_selection")
pipeline = pytest.importorskip("sklearn.pipeline")


@pytest.mark.parametrize("cls", [LogisticRegression, MLPClassifier, MLPRegressor])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator_finds_nothing(cls):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    results = checks.check_estimator(cls(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] not in ("passed", "skipped")}
    assert not failed and sum(r["status"] == "passed" for r in results) >= 55


def data(name):
    """X and y as cross-validation takes them: one series is several, cut by rows, and detectors get true anomalies."""
    estimator, x, y = CASES[name]
    if isinstance(estimator, AnomalyDetector):
        y = np.arange(len(x)) % 3 == 0
    return copy.deepcopy(estimator), x, y


def splits(name):
    series = CASES[name][2] is None and name != "several series"
    return selection.TimeSeriesSplit(2, test_size=15) if series else selection.KFold(2)


@pytest.mark.parametrize("name", CASES)
def test_clones_have_the_settings_and_know_nothing(name):
    estimator, x, y = data(name)
    estimator.fit(x, y) if y is not None else estimator.fit(x)
    again = base.clone(estimator)
    assert type(again) is type(estimator) and repr(again) == repr(estimator)
    assert not [key for key in vars(again) if key.endswith("_")]
    with pytest.raises(exceptions.NotFittedError, match="call fit first"):
        again.predict(x)


@pytest.mark.parametrize("name", CASES)
def test_pipelines_end_in_any_estimator(name):
    estimator, x, y = data(name)
    whole = pipeline.Pipeline([("model", base.clone(estimator))]).fit(x, y)
    alone = estimator.fit(x) if y is None else estimator.fit(x, y)
    arguments = (x,) if y is None else (x, y)
    assert whole.score(*arguments) == alone.score(*arguments)
    assert "MLP" not in name or "fitted" in whole[-1]._repr_html_()


@pytest.mark.parametrize("name", CASES)
def test_cross_validation_scores_any_estimator(name):
    estimator, x, y = data(name)
    scores = selection.cross_val_score(estimator, x, y, cv=splits(name), error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()


@pytest.mark.parametrize("name", CASES)
def test_grid_search_finds_settings_of_any_estimator(name):
    estimator, x, y = data(name)
    grids = ("C", "quantile", "lags", "max_iter")
    setting = next(key for key in grids if key in estimator.get_params())
    values = {"C": [0.1, 1.0], "quantile": [0.8, 0.9], "lags": [3, 4], "max_iter": [1, 2]}[setting]
    search = selection.GridSearchCV(estimator, {setting: values}, cv=splits(name), error_score="raise").fit(x, y)
    assert search.best_params_[setting] in values
    assert getattr(search.best_estimator_, setting) == search.best_params_[setting]


def test_grid_search_reaches_into_the_forecaster_of_a_detector():
    estimator, x, y = data("anomalies")
    grid = {"forecaster__lags": [3, 5]}
    search = selection.GridSearchCV(estimator, grid, cv=splits("anomalies"), error_score="raise").fit(x, y)
    assert search.best_estimator_.forecaster_.lags == search.best_params_["forecaster__lags"]


def test_features_keep_their_names_and_order():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(MATRIX, columns=["a", "b", "c"])
    for estimator in (LogisticRegression(), MLPClassifier((4,), max_iter=2)):
        estimator.fit(frame, CLASSES)
        assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
        with pytest.raises(ValueError, match=r"The feature names should match .* must be in the same order"):
            estimator.predict(frame[["b", "a", "c"]])
        with pytest.raises(ValueError, match=r"unseen at fit time: z\. .* now missing: c\."):
            estimator.score(frame.rename(columns={"c": "z"}), CLASSES)
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            estimator.predict(MATRIX)
        estimator.fit(MATRIX, CLASSES)
        assert not hasattr(estimator, "feature_names_in_")
        with pytest.warns(UserWarning, match="X has feature names, but"):
            estimator.predict(frame)


def test_errors_and_warnings_are_those_of_scikit_learn_too():
    with pytest.raises(exceptions.NotFittedError) as caught:
        MLPClassifier().predict(MATRIX)
    assert isinstance(caught.value, models.NotFittedError)
    with pytest.warns(exceptions.ConvergenceWarning):
        LogisticRegression(max_iter=1).fit(MATRIX, CLASSES)
    with pytest.warns(exceptions.DataConversionWarning):
        LogisticRegression().fit(MATRIX, CLASSES[:, None])


@pytest.mark.parametrize("weight", [None, "balanced", {"up": 3.0}])
def test_sample_weights_give_the_coefficients_of_scikit_learn(weight):
    linear_model = pytest.importorskip("sklearn.linear_model")
    counts = np.random.default_rng(0).integers(0, 4, 30).astype(float)
    options = {"class_weight": weight, "max_iter": 1000}
    ours = LogisticRegression(**options, tol=1e-8).fit(MATRIX, CLASSES, counts)
    theirs = linear_model.LogisticRegression(**options, tol=1e-10).fit(MATRIX, CLASSES, counts)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    scores = (model.score(MATRIX, CLASSES, sample_weight=counts + 1) for model in (ours, theirs))
    assert len(set(scores)) == 1


def test_workers_of_joblib_fit_and_fail_as_one_does():
    classifier = MLPClassifier((4,), max_iter=3, dropout=0.2)
    alone = selection.cross_val_score(classifier, MATRIX, CLASSES, cv=3)
    np.testing.assert_array_equal(selection.cross_val_score(classifier, MATRIX, CLASSES, cv=3, n_jobs=2), alone)
    with pytest.raises(ValueError, match="alpha: expected"):
        selection.cross_val_score(MLPClassifier(alpha=-1), MATRIX, CLASSES, cv=3, n_jobs=2, error_score="raise")
