"""Models that name the class of a text, or of a pair of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import ops
from .._arguments import integer
from ..autograd import no_grad
from ..text import pad
from ._base import PretrainedModel, texts_of

__all__ = ["Classifier"]


class Classifier(PretrainedModel):
    """A model with a head for classes.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    Attributes:
        classes: the names of the classes, as config.json says them (id2label).

    >>> from seqnn.pretrained import Classifier
    >>> Classifier.predict.__name__
    'predict'
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
        ids, kinds = self._with_segments(rows)
        size = integer("batch_size", batch_size, 1)
        found = np.zeros((len(rows), len(self.classes)), np.float32)
        order = np.argsort([-len(row) for row in ids], kind="stable")
        for at in range(0, len(order), size):
            batch = order[at : at + size]
            tokens, lengths = pad([ids[i] for i in batch])
            further = () if kinds is None else (pad([kinds[i] for i in batch])[0],)
            with no_grad():
                found[batch] = self.model(tokens, lengths, *further).numpy()
        return found, single

    def _with_segments(self, rows: list[Any]) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
        """Return the token ids of texts or pairs, and, where there are pairs, which of the two a token belongs to."""
        if not any(isinstance(row, tuple) and row and isinstance(row[0], str) for row in rows):
            return self._ids(rows, "texts"), None
        found = self._need_tokenizer("texts").tokenizer.encode_batch(rows)
        segments = getattr(self.model.encoder, "segments", None)
        ids = [np.array(one.ids, np.int32) for one in found]
        if segments is None or len(segments.weight) < 2:
            return ids, None
        return ids, [np.array(one.type_ids, np.int32) for one in found]
