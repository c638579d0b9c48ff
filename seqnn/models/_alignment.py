"""How the words of a translation attend to those of a text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Alignment"]


class Alignment(NamedTuple):
    """A report of how the words of a translation attend to those of the text: the arguments of `plot.alignment`.

    >>> from seqnn.models import Translator
    >>> X, y = [["ein", "hund"], ["ein", "mann"]] * 4, [["a", "dog"], ["a", "man"]] * 4
    >>> model = Translator(d_model=8, nhead=2, num_layers=1, dim_feedforward=8, max_iter=1).fit(X, y)
    >>> alignment = model.align([["ein", "hund"]], max_new_tokens=3)[0]
    >>> alignment.source, alignment.weights.shape == (2, len(alignment.target), 3)
    (['ein', 'hund', '</s>'], True)
    """

    weights: np.ndarray
    """[heads, words of the translation, words of the text]; of a recurrent model, without heads, [translation, text]."""

    source: list[str]
    """The words of the text as the model read them; a `Translator` reads a "</s>" at its end."""

    target: list[str]
    """The words of the translation, with the "</s>" at its end."""
