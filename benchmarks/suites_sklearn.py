"""scikit-learn's own checks of estimators, run on those of `seqnn.models`."""

from __future__ import annotations

import copy
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from seqnn import models

TESTS = Path(__file__).resolve().parent.parent / "tests"


def run() -> list[dict[str, Any]]:
    """Return a row for each estimator: the checks that passed, those that did not, and the tools that take it."""
    sys.path.insert(0, str(TESTS))
    from estimator_cases import CASES

    rows = [_checked(cls) for cls in (models.LogisticRegression, models.MLPClassifier, models.MLPRegressor)]
    seen = {row["estimator"]: row for row in rows}
    for estimator, x, y in CASES.values():
        name = type(estimator).__name__
        row = seen.setdefault(name, {"estimator": name, "passed": 0, "failed": 0, "not passed": []})
        for tool, function in TOOLS.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(copy.deepcopy(estimator), x, y)
                row["passed"] += 1
            except Exception as error:
                row["failed"] += 1
                row["not passed"] += [f"{tool}: {error}"]
    return list(seen.values())


def _checked(cls: type) -> dict[str, Any]:
    """Run `check_estimator`; checks that scikit-learn skips by itself count neither way."""
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(cls(), on_fail=None, on_skip=None)
    failed = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    passed = sum(r["status"] == "passed" for r in results)
    return {"estimator": cls.__name__, "passed": passed, "failed": len(failed), "not passed": failed}


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
    truth = _truth(estimator, x, y)
    GridSearchCV(estimator, {setting: values[setting]}, cv=_splits(x, y), error_score="raise").fit(x, truth)


TOOLS = {
    "clone": _clone,
    "Pipeline": _pipeline,
    "cross_val_score": _cross_val_score,
    "GridSearchCV": _grid_search,
}
