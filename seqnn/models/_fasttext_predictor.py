"""What a trained classifier as the original fastText's says about texts, and its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Self

import numpy as np

from .._arguments import number
from .._files import Path, name_of
from .._threads import threads
from ..embed import About
from ._base import ClassifierMixin, Estimator, History, Plain
from ._fasttext_files import is_foreign, read_model, write_model
from ._fasttext_labels import GivenLabels, Scores, checked_k, given_labels, label_name, label_places, score_labels
from ._fasttext_meter import Meter
from ._fasttext_model import Net
from ._fasttext_texts import Texts, file_texts, given_texts, is_path

__all__ = ["FastTextPredictor"]

_ROWS = 1 << 8
"""Texts whose probabilities are computed together."""

Top = tuple[Any, Any]


class FastTextPredictor(ClassifierMixin, Estimator):
    """What `FastTextClassifier` does after training.

    Attributes:
        classes_: the labels, sorted.
        model_: dictionary and matrices.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.
    """

    model_ = Net()
    history_ = History()
    n_iter_ = Plain(int)

    def _read(self, X: Any, y: Any, prefix: str | None = None) -> tuple[Texts, GivenLabels | None]:  # noqa: N803
        """Return texts, and their labels where these are given apart from them."""
        if is_path(X):
            if y is not None:
                raise TypeError("y: expected None with X the path of a file, whose labels stand in it")
            return file_texts(X), None
        texts = given_texts(X)
        return texts, given_labels(y, len(texts), prefix or self._used.label_prefix)

    def _true(self, texts: Texts, given: GivenLabels | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the texts' labels, and where those of each text begin."""
        dictionary = self.model_.dictionary
        return dictionary.parts(texts, labels=True) if given is None else given.numbered(dictionary.labels)

    # Predicting.

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`; with ns and ova those of each label by itself.

        Args:
            X: as for `fit`.
        """
        places = self._places()
        return np.concatenate([probabilities[:, places] for _, probabilities, _ in self._chunks(self._texts(X))])

    def predict_top(self, text: Any, k: int = 1, threshold: float = 0.0) -> Top:
        """Return the most probable labels, and their probabilities, as `predict` of the original's Python package does.

        Labels have their prefix. Except with the loss hs, a probability is 0.00001 above that of `predict_proba`, as the
        original reports it.

        Args:
            text: a string, or a list of texts.
            k: how many labels; -1: all.
            threshold: labels that are less probable are left out.

        Returns:
            For a string a tuple of labels and an array of probabilities; for a list a list of such lists and arrays. A text
            without known words has none.
        """
        self._require_fit()
        texts = given_texts([text] if isinstance(text, str) else text, "text")
        k, threshold = checked_k(k), number("threshold", threshold)
        names = np.array(self.model_.dictionary.labels, object)
        labels: list[list[str]] = []
        found: list[np.ndarray] = []
        for places, probabilities, kept in self._best(texts, k, threshold):
            values = self.model_.reported(probabilities)
            if kept.all():
                labels += names[places].tolist()
                found += list(values)
            else:
                labels += [names[row[good]].tolist() for row, good in zip(places, kept, strict=True)]
                found += [row[good] for row, good in zip(values, kept, strict=True)]
        return (tuple(labels[0]), found[0]) if isinstance(text, str) else (labels, found)

    def _best(self, texts: Texts, k: int, threshold: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield of some texts after the others the numbers of the best labels, their probabilities, and which count."""
        for _, probabilities, counts in self._chunks(texts):
            count = probabilities.shape[1] if k < 0 else min(k, probabilities.shape[1])
            turned = probabilities[:, ::-1]  # of equal ones the original takes the last
            one = count == 1
            places = turned.argmax(axis=1)[:, None] if one else np.argsort(-turned, axis=1, kind="stable")[:, :count]
            order = probabilities.shape[1] - 1 - places
            values = np.take_along_axis(probabilities, order, axis=1)
            kept = self.model_.passing(values, threshold) & (counts > 0)[:, None]
            yield order, values, kept

    def test(self, X: Any, y: Any = None, k: int = 1, threshold: float = 0.0) -> Scores:  # noqa: N803
        """Compare the best labels of texts with the true ones, as the original's test does: precision and recall at k.

        True labels that the classifier does not know are left out, and so are texts without any that it knows.

        Args:
            X: texts, or the path of a file with labels.
            y: a label or a list of labels for each text; None with a file.
            k: labels that are predicted for a text; -1: all.
            threshold: labels that are less probable are not predicted.

        Returns:
            The scores, with those of each label.

        Raises:
            ValueError: no text has a label that is known.
        """
        self._require_fit()
        texts, given = self._read(X, y)
        return self._scores(texts, self._true(texts, given), checked_k(k), number("threshold", threshold))

    def get_meter(self, X: Any, y: Any = None, k: int = -1) -> Meter:  # noqa: N803
        """Measure precision and recall of each label at every threshold of its probability.

        Args:
            X: texts, or the path of a file with labels.
            y: a label or a list of labels for each text; None with a file.
            k: labels that are predicted for a text; -1: all.

        Returns:
            The curves, with the methods that the original's Python package gives them.

        Raises:
            ValueError: no text has a label that is known.

        >>> from seqnn.models import FastTextClassifier
        >>> texts, signs = ["good", "bad", "good bad"] * 9, ["+", "-", "-"] * 9
        >>> model = FastTextClassifier(vector_size=4, epochs=99, deterministic=True).fit(texts, signs)
        >>> meter = model.get_meter(texts, signs)
        >>> meter.recall_at_precision(1.0, "-"), meter.threshold_at_precision(1.0, "-") > 0.3
        (1.0, True)
        """
        self._require_fit()
        texts, given = self._read(X, y)
        return self._meter(texts, self._true(texts, given), checked_k(k))

    def _meter(self, texts: Texts, true: tuple[np.ndarray, np.ndarray], k: int) -> Meter:
        (row, column), scores, (numbers, ids) = self._predicted(texts, true, k, 0.0)
        count = len(self.model_.dictionary.labels)
        right = np.isin(row * count + column, numbers * count + ids)
        return Meter(self._classes(), column, self.model_.thresholds(scores), right, np.bincount(ids, minlength=count))

    def _scores(self, texts: Texts, true: tuple[np.ndarray, np.ndarray], k: int, threshold: float) -> Scores:
        predicted, _, right = self._predicted(texts, true, k, threshold)
        return score_labels(predicted, right, self._classes())

    def _predicted(
        self, texts: Texts, true: tuple[np.ndarray, np.ndarray], k: int, threshold: float
    ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return (texts, labels) of the best labels, their probabilities, and (texts, labels) of the true ones."""
        ids, offsets = true
        numbers = np.repeat(np.arange(len(texts)), np.diff(offsets))
        if not len(ids):
            raise ValueError("y: expected labels, got none that the classifier knows")
        asked = np.zeros(len(texts), bool)
        asked[numbers] = True
        places, values, kept = (np.concatenate(parts) for parts in zip(*self._best(texts, k, threshold), strict=True))
        row, column = np.nonzero(kept & asked[:, None])
        return (row, places[row, column]), values[row, column], (numbers, ids)

    def _classes(self) -> list[Any]:
        """Return the classes in the order of the dictionary."""
        classes: list[Any] = [None] * len(self.model_.dictionary.labels)
        for place, label in zip(self._places(), self.classes_.tolist(), strict=True):
            classes[place] = label
        return classes

    def get_sentence_vector(self, text: str) -> np.ndarray:
        """Return the vector of a text, the mean of those of its words and n-grams, [vector_size].

        Args:
            text: a string.
        """
        self._require_fit()
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {type(text).__name__}: transform(X) takes many")
        return self.model_.means(given_texts([text]))[0][0]

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the vectors of texts, [N, vector_size].

        Args:
            X: as for `fit`.
        """
        return self.model_.means(self._texts(X))[0]

    def _texts(self, X: Any) -> Texts:  # noqa: N803
        self._require_fit()
        return given_texts(X)

    def _places(self) -> np.ndarray:
        """Return the number in the dictionary of each of `classes_`."""
        return label_places(self.classes_.tolist(), self.model_.dictionary.labels, self._used.label_prefix)

    def _chunks(self, texts: Texts) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield vectors, probabilities in the order of the dictionary, and numbers of parts, of some texts after the others."""
        workers = self._used.workers
        with nullcontext() if workers is None else threads(workers):
            means, counts = self.model_.means(texts)
        for i in range(0, len(texts), _ROWS):
            part = means[i : i + _ROWS]
            yield part, self.model_.probabilities(part), counts[i : i + _ROWS]

    # Files.

    def save(self, path: Path) -> None:
        """Write the classifier to one file.

        Args:
            path: a name that ends in ".bin" or ".ftz" gives a file of the original; others one that also holds settings,
                history, and where an interrupted fit stands.

        Raises:
            NotFittedError: nothing was learnt yet.
            ValueError: ".ftz" of a model that is not quantised, ".bin" of one that is.
        """
        settings = self._require_fit()
        name, quantized = name_of(path).lower(), self.model_.quantized is not None
        if not name.endswith((".bin", ".ftz")):
            super().save(path)
            return
        if name.endswith(".ftz") != quantized:
            raise ValueError(
                f"{name_of(path)}: this model is quantised: the name must end in .ftz" if quantized else
                f"{name_of(path)}: expected a quantised model, see quantize(), or a name that ends in .bin"
            )  # fmt: skip
        d = self.model_.dictionary
        about = About(
            self.model_.input.shape[1], 5, settings.epochs, settings.min_count, settings.negative, settings.loss,
            "supervised", d.bucket, d.min_n, d.max_n, 1e-4, int(d.counts.sum() + d.label_counts.sum()), d.words, d.counts,
        )  # fmt: skip
        write_model(path, self.model_, about)

    @classmethod
    def load(cls, path: Path, **settings: Any) -> Self:
        """Read what `save` wrote, or a supervised `.bin` or `.ftz` file of the original. Nothing of it is run.

        Args:
            path: the file.
            settings: new values.

        Returns:
            The classifier, fitted.

        Raises:
            ValueError: the file is damaged or truncated, or holds something else; the message names it.
        """
        if not is_foreign(path):
            found = super().load(path, **settings)
            found._check_classes(path)
            return found
        prefix = cls(**settings)._checked().label_prefix
        model, about = read_model(path, prefix)
        known = {
            "vector_size": about.dim, "epochs": about.epoch, "min_count": about.min_count, "negative": about.neg,
            "loss": about.loss, "min_n": about.minn, "max_n": about.maxn, "word_ngrams": about.word_ngrams,
            "bucket": about.bucket or cls.bucket.default,
        }  # fmt: skip
        found = cls(**{**known, **settings})
        try:
            found._begin()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name_of(path)}: damaged: {error}") from None
        found.model_, found.history_, found.n_iter_, found._seed = model, {}, 0, 0
        found.classes_ = np.unique([label_name(label, prefix) for label in about.labels])
        found._check_classes(path)
        return found

    def _check_classes(self, path: Path) -> None:
        """Raise a ValueError that names the file where the classes are not those of the dictionary."""
        try:
            self._places()
        except ValueError as error:
            raise ValueError(f"{name_of(path)}: damaged: {error}") from None
