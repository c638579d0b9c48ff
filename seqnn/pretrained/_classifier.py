"""Models that name the class of a text, or of a pair of texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np

from .. import ops, random
from .._arguments import integer, optional_integer
from ..autograd import no_grad
from ..models import by_length
from ..text import pad
from ..tune import attempt
from ._base import PretrainedModel, texts_of
from ._fine_tuning import fine_tune, start
from ._new_head import with_new_head
from ._targets import targets_of

__all__ = ["Classifier"]


class Classifier(PretrainedModel):
    """A model with a head for classes.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.

    Attributes:
        classes: the names of the classes, as config.json says them (id2label).
        history: of the last `fit`, a list for each figure.

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

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, classes: Sequence[Any]) -> Self:
        """Put a new head for classes on the encoder of a folder: `fit` is to train it.

        Args:
            folder: of a BERT, RoBERTa, DistilBERT, MiniLM or GPT-2, whatever its head, or one of sentence-transformers.
            classes: their names, two or more.

        Returns:
            A classifier.

        Raises:
            ValueError: the folder holds another model, or there are no two different names.
        """
        return cls(*with_new_head(folder, classes))

    def fit(
        self,
        texts: Any,
        labels: Any,
        *,
        tune: Any = "full",
        epochs: int = 3,
        batch_size: int = 16,
        learning_rate: float | None = None,
        decay: float | None = None,
        warmup: float = 0.1,
        weight_decay: float = 0.01,
        max_length: int | None = None,
        validation: tuple[Any, Any] | None = None,
        name: str = "default",
        callbacks: Iterable[Any] = (),
        seed: int = 0,
        verbose: int = 1,
    ) -> Self:
        """Fine-tune on texts and their classes, by AdamW with gradients of norm 1 at most.

        Args:
            texts: texts, pairs of texts, or the token ids of each.
            labels: a class of each: its name, or its number in `classes`; numbers for a model with one output; rows of 0
                and 1 where a text may have several classes.
            tune: what learns: "full", all; "gradual", the head, and one layer more each epoch; "head"; "lora" or "adapter",
                a new adapter and the head; or a `tune.LoRA`, `tune.Bottleneck` or `tune.PrefixTuning`. None: what is set to
                learn, such as an adapter that is active.
            epochs: passes over the texts.
            batch_size: texts a step.
            learning_rate: default: 5e-5 for "full" and "gradual", else 1e-3; it rises from 0 and falls to 0 again. Where there
                are few steps, a hundred or so, a small model learns more with 2e-4 and 3e-3.
            decay: factor of the learning rate from each layer to the one below it; None: all have the same.
            warmup: share of the steps in which the learning rate rises.
            weight_decay: of matrices.
            max_length: most tokens of a text, of which the rest is left out; default: as many as the model has positions.
            validation: texts and labels that are looked at after each epoch.
            name: of the new adapter in `adapters`.
            callbacks: of the training, such as `EarlyStopping`.
            seed: of the order of texts, of dropout, and of what is new.
            verbose: 0 shows no bar.

        Returns:
            This classifier; `history` says the figures of each epoch.

        Raises:
            ValueError: texts and labels are not as many, a label is unknown, `tune` is none, or there are adapters already; a
                new adapter is taken out again then.
            TypeError: an argument is of another kind; the same holds.
        """
        if validation is not None and (not isinstance(validation, tuple | list) or len(validation) != 2):
            raise ValueError(f"validation: expected (texts, labels), got {validation!r:.60}")
        seed = integer("seed", seed, 0, 2**63 - 1)
        rows, targets = self._examples(texts, labels, max_length, "texts")
        check = None if validation is None else self._examples(*validation, max_length, "validation")
        with nullcontext() if tune is None else attempt(self.adapters, name, (TypeError, ValueError)):
            with random.seeded(seed):
                rate, further = start(self, tune, name)
            self.history = fine_tune(
                self.model, rows, targets, self._loss(), epochs=epochs, batch_size=batch_size, warmup=warmup, decay=decay,
                learning_rate=rate if learning_rate is None else learning_rate, weight_decay=weight_decay,
                validation=check, callbacks=[*callbacks, *further], seed=seed, verbose=verbose,
            )  # fmt: skip
        return self

    def _loss(self) -> Any:
        if self._several:
            return ops.binary_cross_entropy_with_logits
        return _squared_error if len(self.classes) == 1 else ops.cross_entropy

    @property
    def _several(self) -> bool:
        """Tell whether a text may have several classes."""
        return self.config.get("problem_type") == "multi_label_classification"

    def _examples(
        self, texts: Any, labels: Any, max_length: int | None, name: str
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Return the token ids of texts, at most `max_length` of each, and what they are to be."""
        given = [*texts] if hasattr(texts, "__iter__") and not isinstance(texts, str) else []
        targets = targets_of(labels, self.classes, self._several)
        if not given or len(given) != len(targets):
            raise ValueError(
                f"{name}: expected as many texts as labels, at least one, got {len(given)} and {len(targets)}"
            )
        limit = getattr(self.model.encoder, "max_positions", None)
        limit = min(
            [most for most in (limit, optional_integer("max_length", max_length, 1)) if most is not None], default=None
        )
        own = None if self.tokenizer is None else self.tokenizer.tokenizer
        if own is not None and limit is not None:
            own.enable_truncation(limit)
        try:
            rows = self._with_segments(given)
        finally:
            if own is not None:
                own.no_truncation()
        return [row[:limit] for row in rows], targets

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
        if len(self.classes) == 1 and not self._several:
            raise ValueError("predict_proba: expected a model with two classes or more, got one output: see predict")
        logits, single = self._logits(texts, batch_size)
        with no_grad():
            found = (ops.sigmoid if self._several else ops.softmax)(logits)
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


def _squared_error(logits: Any, targets: np.ndarray) -> Any:
    return ops.mse_loss(logits[:, 0], targets)
