"""scikit-learn's own checks of estimators, and its tools, on those of `seqnn.models`: `python -m benchmarks.suites sklearn`."""

from __future__ import annotations

import copy
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suites import Result
from seqnn import models

TESTS = Path(__file__).resolve().parent.parent / "tests"
DENSE = (models.LogisticRegression, models.MLPClassifier, models.MLPRegressor)
"""The estimators of matrices [N, features], to which `check_estimator` applies."""


def run() -> Result:
    """Run `check_estimator` on the dense estimators, and clone, Pipeline, cross_val_score and GridSearchCV on all."""
    import sklearn

    sys.path.insert(0, str(TESTS))
    from estimator_cases import CASES

    result = Result(f"scikit-learn {sklearn.__version__}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cls in DENSE:
            _check(cls, result)
        for case, (estimator, x, y) in CASES.items():
            for tool, function in TOOLS.items():
                name = f"{type(estimator).__name__} ({case}): {tool}"
                try:
                    function(copy.deepcopy(estimator), x, y)
                    result.passed.append(name)
                except Exception as error:
                    result.failed[name] = f"{type(error).__name__}: {error}"
    return result


def _check(cls: type, result: Result) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    for found in check_estimator(cls(), on_fail=None, on_skip=None):
        name, reason = f"{cls.__name__}: {found['check_name']}", str(found["exception"])
        if found["status"] == "passed":
            result.passed.append(name)
        elif found["status"] == "skipped":
            result.skipped[name] = reason
        else:
            result.failed[name] = reason


def _splits(x: Any, y: Any) -> Any:
    from sklearn.model_selection import KFold, TimeSeriesSplit

    return TimeSeriesSplit(2, test_size=15) if y is None and isinstance(x, np.ndarray) else KFold(2)


def _truth(estimator: Any, x: Any, y: Any) -> Any:
    """Return y; for detectors some steps as anomalies."""
    return np.arange(len(x)) % 3 == 0 if isinstance(estimator, models.AnomalyDetector) else y


def _clone(estimator: Any, x: Any, y: Any) -> None:
    from sklearn.base import clone

    assert repr(clone(estimator)) == repr(estimator)


def _pipeline(estimator: Any, x: Any, y: Any) -> None:
    from sklearn.pipeline import make_pipeline

    make_pipeline(estimator).fit(x, y)


def _cross_val_score(estimator: Any, x: Any, y: Any) -> None:
    from sklearn.model_selection import cross_val_score

    scores = cross_val_score(estimator, x, _truth(estimator, x, y), cv=_splits(x, y), error_score="raise")
    assert np.isfinite(scores).all()


def _grid_search(estimator: Any, x: Any, y: Any) -> None:
    from sklearn.model_selection import GridSearchCV

    values = {"C": [0.1, 1.0], "quantile": [0.8, 0.9], "lags": [3, 4], "max_iter": [1, 2]}
    setting = next(name for name in values if name in estimator.get_params())
    search = GridSearchCV(estimator, {setting: values[setting]}, cv=_splits(x, y), error_score="raise")
    search.fit(x, _truth(estimator, x, y))


TOOLS = {"clone": _clone, "Pipeline": _pipeline, "cross_val_score": _cross_val_score, "GridSearchCV": _grid_search}
