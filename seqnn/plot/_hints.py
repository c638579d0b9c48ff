"""What to write for the names by which people look for a picture."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import Any

_MEANT = {
    "heatmap": "similarity_heatmap",
    "similarity": "similarity_heatmap",
    "cosines": "similarity_heatmap",
    "analogy": "analogy_map",
    "analogies": "analogy_map",
    "bias": "bias_bars",
    "projection": "projection_bars",
    "words": "word_map",
    "map": "word_map",
    "tsne": 'word_map(..., method="tsne")',
    "loss": "loss_curve",
    "history": "learning_curve",
    "accuracy": 'learning_curve(history, "accuracy")',
    "gradients": "gradient_norms",
    "updates": "update_ratios",
    "activations": "activation_statistics",
    "jacobians": "jacobian_products",
    "heads": "attention",
    "align": "alignment",
    "series": "forecast",
    "anomaly": "anomalies",
    "memory": "memories",
    "tree": "beam",
    "beam_search": "beam",
    "decoding": "strategies",
    "images": "image_grid",
    "imshow": "image_grid",
    "make_grid": "image_grid",
    "filters": "image_grid(weights, signed=True)",
}


def hint(name: str) -> Any:
    """Raise the AttributeError of `seqnn.plot`, which names the function that may be meant."""
    if name.startswith("__"):
        raise AttributeError(name)
    names = sys.modules[__package__].__all__
    near = [_MEANT[name]] if name in _MEANT else get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
    raise AttributeError(f"seqnn.plot has no {name!r}; {meant}")
