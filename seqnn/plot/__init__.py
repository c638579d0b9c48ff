"""Pictures of vectors, of networks, and of their training; needs matplotlib: pip install 'seqnn-cpu[plot]'.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._activations import activation_statistics, dead_units
from ._analogy import analogy_map
from ._anomalies import anomalies
from ._attention import alignment, attention
from ._bars import bias_bars, projection_bars
from ._beam import beam
from ._forecast import forecast
from ._gradients import gradient_norms, update_ratios
from ._heatmap import similarity_heatmap
from ._hints import hint as __getattr__  # noqa: F401 - for names that are not here
from ._image_grid import image_grid
from ._jacobians import jacobian_products
from ._learning_curve import learning_curve
from ._loss_curve import loss_curve
from ._marked_text import entities, highlight
from ._memories import memories
from ._strategies import strategies
from ._word_map import pca, word_map
from ._word_map import plane as plane

__all__ = [
    "activation_statistics",
    "alignment",
    "analogy_map",
    "anomalies",
    "attention",
    "beam",
    "bias_bars",
    "dead_units",
    "entities",
    "forecast",
    "gradient_norms",
    "highlight",
    "image_grid",
    "jacobian_products",
    "learning_curve",
    "loss_curve",
    "memories",
    "pca",
    "projection_bars",
    "similarity_heatmap",
    "strategies",
    "update_ratios",
    "word_map",
]
