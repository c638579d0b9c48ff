"""What scikit-learn's users expect, without a dependency on it: its errors and warnings where it is loaded, its tags."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

__all__ = ["ConvergenceWarning", "DataConversionWarning", "NotFittedError", "make_tags", "theirs_too"]


class NotFittedError(ValueError, AttributeError, RuntimeError):
    """An estimator is asked for what only `fit` gives; where scikit-learn is loaded it is scikit-learn's error as well."""

    def __reduce__(self) -> tuple:
        return _remake, (self.args,)


class ConvergenceWarning(UserWarning):
    """A solver stopped before its tolerance was met; where scikit-learn is loaded it is scikit-learn's warning as well."""


class DataConversionWarning(UserWarning):
    """Data were taken in another form; where scikit-learn is loaded it is scikit-learn's warning as well."""


def theirs_too(own: type) -> type:
    """Return a class that is `own` and, where scikit-learn is loaded, its class of the same name."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), own.__name__, None)
    return own if theirs is None else _both(own, theirs)


@cache
def _both(own: type, theirs: type) -> type:
    return type(own.__name__, (own, theirs), {"__module__": own.__module__, "__doc__": own.__doc__})


def _remake(args: tuple) -> Exception:
    """Make a NotFittedError again that was pickled, as those of other processes are."""
    return theirs_too(NotFittedError)(*args)


def make_tags(kind: str | None, *, dense: bool, required: bool, multi_output: bool) -> Any:
    """Return scikit-learn's tags of an estimator; only scikit-learn calls for them."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=required, multi_output=multi_output),
        classifier_tags=ClassifierTags() if kind == "classifier" else None,
        regressor_tags=RegressorTags() if kind == "regressor" else None,
        input_tags=InputTags(two_d_array=dense, three_d_array=not dense, string=not dense),
    )
