"""Models that name the class of a text, or of a pair of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import ops
from .._arguments import integer
from ..autograd import no_grad
from ..models import by_length
from ..text import pad
from ._base import PretrainedModel, texts_of

__all__ = ["Classifier"]


class Classifier(PretrainedModel):
    """A model with a head for classes.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    Attributes:
        classes: the names of the classes, as config.json says them (id2label).

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from seqnn.models import BERT, ClassificationHead, WithHead
    >>> from seqnn.pretrained import Classifier
    >>> model = WithHead(BERT(20, d_model=8, nhead=2, num_layers=1, pooler=False), ClassificationHead(8, 2)).eval()
    >>> config = {"id2label": {"0": "bad", "1": "good"}}
    >>> classifier = Classifier(SimpleNamespace(model=model, config=config), None, Path())
    >>> classifier.classes, classifier.predict_proba([[1, 2, 3], [4, 5]]).shape
    (['bad', 'good'], (2, 2))
    """

    def __init__(self, loaded: Any, tokenizer: Any, folder: Path) -> None:
        super().__init__(loaded, tokenizer, folder)
        count = self.model.head.output.out_features
        names = loaded.config.get("id2label") or {}
        if not isinstance(names, dict):
            raise ValueError(f"{folder}: config.json: id2label: expected names by numbers, got {names!r:.80}")
        self.classes = [str(names.get(str(i), f"LABEL_{i}")) for i in range(count)]

    def predict(self, texts: Any, *, batch_size: int = 32) -> Any:
        """Return the most probable class of each text; of a model with one output its number.

        Args:
            texts: a text or several, pairs of texts, or the token ids of each.
            batch_size: how many are read at once.

        Returns:
            A list of names of classes, or float32 [N] of a model with one output; one of them for one text.

        Raises:
            ValueError: a text has more positions than the model.
        """
        logits, single = self._logits(texts, batch_size)
        found: Any = logits[:, 0] if len(self.classes) == 1 else [self.classes[i] for i in logits.argmax(axis=1)]
        return found[0] if single else found

    def predict_proba(self, texts: Any, *, batch_size: int = 32) -> np.ndarray:
        """Return the probability of each class, in the order of `classes`.

        Where config.json says that a text may have several classes (multi_label_classification), each has its own.

        Args:
            texts, batch_size: as for `predict`.

        Returns:
            float32 [N, classes]; [classes] for one text.

        Raises:
            ValueError: the model has one output, a number without a probability; or as for `predict`.
        """
        several = self.config.get("problem_type") == "multi_label_classification"
        if len(self.classes) == 1 and not several:
            raise ValueError("predict_proba: expected a model with two classes or more, got one output: see predict")
        logits, single = self._logits(texts, batch_size)
        with no_grad():
            found = (ops.sigmoid if several else ops.softmax)(logits)
        return np.asarray(found)[0] if single else np.asarray(found)

    def _logits(self, texts: Any, batch_size: int) -> tuple[np.ndarray, bool]:
        pair = isinstance(texts, tuple) and len(texts) == 2 and all(isinstance(text, str) for text in texts)
        rows, single = ([texts], True) if pair else texts_of(texts, "texts")
        found = by_length(self._with_segments(rows), integer("batch_size", batch_size, 1), self._answer)
        return np.reshape(np.asarray(found, np.float32), (-1, len(self.classes))), single

    def _answer(self, part: list[np.ndarray]) -> np.ndarray:
        """Return the logits of some texts of like length."""
        tokens, lengths = pad(part)
        if tokens.ndim == 2:
            return self.model(tokens, lengths).numpy()
        return self.model(tokens[..., 0], lengths, tokens[..., 1]).numpy()

    def _with_segments(self, rows: list[Any]) -> list[np.ndarray]:
        """Return the token ids of texts or pairs, [T]; [T, 2] with which of the two a token belongs to, where that counts."""
        if not any(isinstance(row, tuple) and row and isinstance(row[0], str) for row in rows):
            return self._ids(rows, "texts")
        found = self._need_tokenizer("texts").tokenizer.encode_batch(rows)
        segments = getattr(self.model.encoder, "segments", None)
        if segments is None or len(segments.weight) < 2:
            return [np.array(one.ids, np.int32) for one in found]
        return [np.array([one.ids, one.type_ids], np.int32).T for one in found]
