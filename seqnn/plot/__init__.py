"""Pictures of vectors and of their training; needs matplotlib: pip install seqnn[plot]."""

from ._analogy import analogy_map
from ._bars import bias_bars, projection_bars
from ._heatmap import similarity_heatmap
from ._loss import loss_curve
from ._word_map import pca, word_map

__all__ = [
    "analogy_map",
    "bias_bars",
    "loss_curve",
    "pca",
    "projection_bars",
    "similarity_heatmap",
    "word_map",
]
