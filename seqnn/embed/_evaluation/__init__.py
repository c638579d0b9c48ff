"""The room of test sets: their readers, and what vectors score on them."""

from ._analogies import Analogy, AnalogyScore, evaluate_analogies, read_analogies
from ._categories import Categorization, evaluate_categorization, read_categories
from ._outliers import OutlierGroup, OutlierScore, evaluate_outliers, read_outliers
from ._similarity import RatedPair, Similarity, evaluate_similarity, read_rated_pairs

__all__ = [
    "Analogy",
    "AnalogyScore",
    "Categorization",
    "OutlierGroup",
    "OutlierScore",
    "RatedPair",
    "Similarity",
    "evaluate_analogies",
    "evaluate_categorization",
    "evaluate_outliers",
    "evaluate_similarity",
    "read_analogies",
    "read_categories",
    "read_outliers",
    "read_rated_pairs",
]
