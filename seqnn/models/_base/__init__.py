"""What all estimators share: settings and learnt attributes, files, scikit-learn's protocol, training, checks of data."""

from ._class_weight import ClassWeight, class_weights
from ._data import (
    as_features,
    as_labels,
    as_numbers,
    as_targets,
    as_weights,
    drop_weightless,
    label_array,
    number_classes,
    r2_score,
    same_labels,
)
from ._estimator import Estimator
from ._estimator_file import EstimatorSetting, Inner
from ._examples import (
    Coder,
    Examples,
    by_length,
    evened,
    in_parts,
    of_rows,
    require_pairs,
    split_equal_rows,
    split_rows,
)
from ._features import FeaturesMixin
from ._given_network import GivenNetwork, NetworkCopy
from ._learnt import Array, ArrayList, History, Labels, Learner, Learnt, Part, Plain, Words
from ._mixins import ClassifierMixin, RegressorMixin, TransformerMixin
from ._network_estimator import Network, NetworkEstimator, Watch
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
    "FeaturesMixin",
    "GivenNetwork",
    "History",
    "Inner",
    "Labels",
    "Learner",
    "Learnt",
    "Network",
    "NetworkCopy",
    "NetworkEstimator",
    "NotFittedError",
    "Part",
    "Plain",
    "RandomState",
    "RegressorMixin",
    "Scaler",
    "Tokenizer",
    "TransformerMixin",
    "Watch",
    "Words",
    "as_features",
    "as_labels",
    "as_numbers",
    "as_seed",
    "as_targets",
    "as_weights",
    "by_length",
    "class_weights",
    "drop_weightless",
    "evened",
    "in_parts",
    "label_array",
    "number_classes",
    "of_rows",
    "r2_score",
    "require_pairs",
    "same_labels",
    "split_equal_rows",
    "split_rows",
    "theirs_too",
]
