"""What all estimators share: settings and learnt attributes, files, scikit-learn's protocol, training, checks of data."""

from ._class_weight import ClassWeight, class_weights
from ._data import as_features, as_labels, as_targets, r2_score
from ._estimator import Estimator
from ._estimator_file import EstimatorSetting, Inner
from ._examples import Coder, Examples, by_length, split_rows
from ._learnt import Array, ArrayList, History, Labels, Learner, Learnt, Part, Plain, Words
from ._mixins import ClassifierMixin, RegressorMixin
from ._network_estimator import Network, NetworkEstimator
from ._random_state import RandomState, as_seed
from ._scaler import Scaler
from ._sklearn import ConvergenceWarning, DataConversionWarning, NotFittedError, theirs_too
from ._tokenizer import Tokenizer

__all__ = [
    "Array",
    "ArrayList",
    "ClassWeight",
    "ClassifierMixin",
    "Coder",
    "ConvergenceWarning",
    "DataConversionWarning",
    "Estimator",
    "EstimatorSetting",
    "Examples",
    "History",
    "Inner",
    "Labels",
    "Learner",
    "Learnt",
    "Network",
    "NetworkEstimator",
    "NotFittedError",
    "Part",
    "Plain",
    "RandomState",
    "RegressorMixin",
    "Scaler",
    "Tokenizer",
    "Words",
    "as_features",
    "as_labels",
    "as_seed",
    "as_targets",
    "by_length",
    "class_weights",
    "r2_score",
    "split_rows",
    "theirs_too",
]
