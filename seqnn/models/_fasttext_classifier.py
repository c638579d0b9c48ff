"""A classifier of texts by the mean of word vectors, as the original fastText's."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np

from .._arguments import flag, integer
from .._callbacks import EarlyStopping
from .._run import columns
from .._settings import Anything, Choice, Flag, Integer, Number
from .._threads import MAX_THREADS
from ..embed import MAX_BUCKET, MAX_N
from ._base import Plain, RandomState, as_seed
from ._fasttext_autotune import Autotuned
from ._fasttext_labels import GivenLabels, label_name
from ._fasttext_model import LOSSES, MAX_WORD_NGRAMS
from ._fasttext_quantization import pruned, quantized
from ._fasttext_settings import Prefix, Vectors, one_callback
from ._fasttext_texts import Texts, is_path
from ._fasttext_training import Measure, Runs, Trainer, first_model, learn_dictionary

__all__ = ["FastTextClassifier"]


class FastTextClassifier(Autotuned):
    """Classify texts by the mean of the vectors of their words and n-grams, as `fasttext supervised` does.

    X: strings, whose words white space separates, or lists of tokens. y: a label for each text, of any kind that sorts, or
    a list of labels for each. X may also be the path of a file with a text in each line, whose labels are the words that
    begin with `label_prefix`; then y is None.

    The names are those of `FastText`. The original's are, in this order: lr, dim, epoch, minCount, minCountLabel, minn,
    maxn, neg, wordNgrams, loss, bucket, thread, label, pretrainedVectors; its ws, t and lrUpdateRate have no effect here.

    Only n-grams that occur in the texts have a vector; others count as zeros. So a large `bucket` costs nothing.

    Args:
        alpha: learning rate; it falls linearly to 0.
        vector_size: length of the vectors.
        epochs: passes over the texts, each in a new order.
        min_count: rarer words are left out.
        min_count_label: rarer labels are left out.
        min_n, max_n: characters of the shortest and longest n-grams of "<word>"; max_n=0: none.
        negative: other labels that each text is told apart from, with loss="ns".
        word_ngrams: most words of an n-gram; 1: only words.
        loss: "softmax" over the labels; "hs", a tree of labels, for very many; "ns", negative samples; "ova", a decision
            for each label, for texts with several.
        bucket: n-grams are told apart by their hash modulo this number.
        workers: threads; None: all allowed ones.
        label_prefix: how labels begin in files; such words of a text are never taken for words.
        pretrained: first vectors: `KeyedVectors`, a pair (matrix, words), or the path of a file; their words are added to
            those of the texts.
        deterministic: the same seed gives the same bits for any number of threads, on the same instruction set: one thread
            trains. Without it, threads write to the shared weights without locks, as in the original.
        early_stopping: an `EarlyStopping`; with `validation` the history has the figure "val_precision". Files do not
            keep it.
        random_state: seed of the first vectors, the order of the texts and the draws; a generator of NumPy's, or None for
            a fresh seed in every fit.
        verbose: 1 shows a bar.

    Attributes:
        classes_: the labels, sorted.
        model_: dictionary and matrices.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Source: Joulin, Grave, Bojanowski, Mikolov 2017, "Bag of tricks for efficient text classification".

    >>> from seqnn.models import FastTextClassifier
    >>> texts = ["a very good film", "a very bad film", "such good fun", "in bad taste"] * 20
    >>> model = FastTextClassifier(vector_size=8, epochs=20).fit(texts, ["+", "-", "+", "-"] * 20)
    >>> model.predict(["such good fun", "in bad taste"]).tolist(), model.predict_top("good")[0]
    (['+', '-'], ('__label__+',))
    """

    alpha = Number(0.1, minimum=0)
    vector_size = Integer(100, minimum=1)
    epochs = Integer(5)
    min_count = Integer(1)
    min_count_label = Integer(0)
    min_n = Integer(0, maximum=MAX_N)
    max_n = Integer(0, maximum=MAX_N)
    negative = Integer(5, minimum=1, maximum=1000)
    word_ngrams = Integer(1, minimum=1, maximum=MAX_WORD_NGRAMS)
    loss = Choice("softmax", LOSSES)
    bucket = Integer(2_000_000, minimum=1, maximum=MAX_BUCKET)
    workers = Integer(None, minimum=1, maximum=MAX_THREADS)
    label_prefix = Prefix("__label__")
    pretrained = Vectors()
    deterministic = Flag(False)
    early_stopping = Anything(None, one_callback)
    random_state = RandomState(0)
    verbose = Integer(0)

    _seed = Plain(int)
    _trainer = Runs()

    _renamed: ClassVar[dict[str, str]] = {
        "lr": "alpha", "learning_rate": "alpha", "dim": "vector_size", "epoch": "epochs", "max_iter": "epochs",
        "minCount": "min_count", "minCountLabel": "min_count_label", "minn": "min_n", "maxn": "max_n", "neg": "negative",
        "wordNgrams": "word_ngrams", "thread": "workers", "label": "label_prefix", "pretrainedVectors": "pretrained",
        "embedding": "pretrained", "seed": "random_state",
    }  # fmt: skip

    def __init__(
        self,
        *,
        alpha: float = 0.1,
        vector_size: int = 100,
        epochs: int = 5,
        min_count: int = 1,
        min_count_label: int = 0,
        min_n: int = 0,
        max_n: int = 0,
        negative: int = 5,
        word_ngrams: int = 1,
        loss: str = "softmax",
        bucket: int = 2_000_000,
        workers: int | None = None,
        label_prefix: str = "__label__",
        pretrained: Any = None,
        deterministic: bool = False,
        early_stopping: EarlyStopping | None = None,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    # Learning.

    def fit(self, X: Any, y: Any = None, validation: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from texts and their labels.

        Args:
            X: texts, or the path of a file with labels.
            y: a label or a list of labels for each text; None with a file.
            validation: a pair (texts, labels) or the path of a file: after each epoch the precision of the first
                prediction goes into the history.

        Returns:
            The estimator. After Ctrl-C it can be used, and `resume` goes on.
        """
        self._begin()
        return self._learn(*self._read(X, y), validation)

    def _learn(
        self, texts: Texts, given: GivenLabels | None, validation: Any = None, callbacks: Sequence[Any] = ()
    ) -> Self:
        """Learn from texts that are read; see `fit`."""
        settings = self._used
        self._seed = as_seed(settings.random_state)
        if settings.pretrained is not None and settings.pretrained.size != settings.vector_size:
            raise ValueError(
                f"pretrained: expected vectors of vector_size={settings.vector_size} numbers, got "
                f"{settings.pretrained.size}: set vector_size={settings.pretrained.size}"
            )
        dictionary = learn_dictionary(texts, None if given is None else given.counted(), settings)
        self._learn_classes(dictionary.labels, given)
        features = dictionary.parts(texts)
        if dictionary.bucket:
            dictionary, ids = dictionary.with_rows_of(features[0])
            features = ids, features[1]
        self.model_ = first_model(dictionary, settings, self._seed)
        self._trainer = Trainer(self.model_)
        return self._train(features, self._true(texts, given), validation, callbacks)

    def resume(self, X: Any, y: Any = None, validation: Any = None) -> Self:  # noqa: N803
        """Go on with a fit that Ctrl-C interrupted, to the very result that it would have had.

        Args:
            X: the same texts.
            y: the same labels.
            validation: as for `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: no fit was interrupted, or the texts are others.
        """
        self._require_fit()
        if self.model_.quantized is not None:
            raise ValueError("resume: a quantised model cannot be trained further: codes stand for its vectors")
        if vars(self).get("_trainer") is None:
            raise ValueError("resume: no fit was interrupted: fit(X, y) begins one")
        texts, given = self._read(X, y)
        features = self.model_.dictionary.parts(texts)
        return self._train(features, self._true(texts, given), validation, go_on=True)

    def _learn_classes(self, labels: list[str], given: GivenLabels | None) -> None:
        prefix = self._used.label_prefix
        if not labels:
            hint = "" if given is not None else f": no word begins with label_prefix={prefix!r}"
            raise ValueError(f"X: expected labels, got none that occurs min_count_label times{hint}")
        if given is None:
            classes = np.array([label_name(label, prefix) for label in labels])
        else:
            known = {*labels}
            classes = given.classes[[name in known for name in given.names]]
        if len(classes) < 2:
            raise ValueError(f"y: expected at least two classes, got {classes.tolist()} (1 class)")
        self.classes_ = np.sort(classes)

    def _train(
        self, features: tuple[np.ndarray, np.ndarray], labels: tuple[np.ndarray, np.ndarray], validation: Any = None,
        callbacks: Sequence[Any] = (), *, go_on: bool = False,
    ) -> Self:  # fmt: skip
        settings, trainer = self._used, self._trainer
        counts = [np.diff(offsets) > 0 for _, offsets in (features, labels)]
        if not (counts[0] & counts[1]).any():
            raise ValueError("X: expected at least one text with a label and a word, got none")
        callbacks = list(callbacks)
        if validation is not None:
            texts, given = self._read_held(validation)
            held = texts, self._true(texts, given)
            callbacks.append(Measure(lambda: self._scores(*held, 1, 0.0).precision))
        if settings.early_stopping is not None:
            callbacks.append(settings.early_stopping)
        try:
            trainer.fit(features, labels, settings, self._seed, callbacks, go_on=go_on)
        finally:
            self.history_ = columns(trainer.history_)
            self.n_iter_ = len(trainer.history_)
            if trainer._position is None:
                del vars(self)["_trainer"]
        return self

    def _read_held(self, validation: Any, prefix: str | None = None) -> tuple[Texts, GivenLabels | None]:
        if not is_path(validation) and not (isinstance(validation, tuple) and len(validation) == 2):
            raise TypeError(f"validation: expected a pair (texts, labels) or a path, got {type(validation).__name__}")
        return self._read(*((validation, None) if is_path(validation) else validation), prefix)

    # Small models.

    def quantize(
        self,
        X: Any = None,  # noqa: N803
        y: Any = None,
        *,
        cutoff: int = 0,
        dsub: int = 2,
        qnorm: bool = False,
        qout: bool = False,
        retrain: bool = False,
    ) -> Self:
        """Return a classifier that takes far less space in a file, `save("name.ftz")`, and predicts nearly the same.

        Args:
            X: with `retrain`, texts or a file, as for `fit`.
            y: their labels.
            cutoff: words and n-grams that are kept, those with the longest vectors; 0: all.
            dsub: numbers of a vector that one byte stands for.
            qnorm: whether the lengths of vectors are kept apart, a byte each.
            qout: whether the vectors of labels are quantised as well.
            retrain: whether what is left after `cutoff` is trained again, with the settings of `fit`.

        Returns:
            A new classifier.

        Raises:
            ValueError: there are fewer than 256 words and n-grams, or labels with `qout`; or the model is quantised already.
        """
        self._require_fit()
        if self.model_.quantized is not None:
            raise ValueError("quantize: the model is quantised already: quantise the one that it was made of")
        if retrain != (X is not None):
            raise TypeError("X: expected texts to train on again with retrain=True, and None without")
        cutoff, dsub = integer("cutoff", cutoff, 0), integer("dsub", dsub, 1)
        texts, given = self._read(X, y) if retrain else (None, None)
        return self._quantized(texts, given, cutoff, dsub, norms=flag("qnorm", qnorm), output=flag("qout", qout))

    def _quantized(
        self, texts: Texts | None, given: GivenLabels | None, cutoff: int, dsub: int, *, norms: bool, output: bool
    ) -> Self:
        """Return a small classifier, trained again on texts where some are given; see `quantize`."""
        small = copy(self)
        vars(small).pop("_trainer", None)
        small.model_ = pruned(self.model_, cutoff)
        if texts is not None:
            small._trainer = Trainer(small.model_)
            small._train(small.model_.dictionary.parts(texts), small._true(texts, given))
        small.model_ = quantized(small.model_, part=dsub, norms=norms, output=output, seed=self._seed)
        return small
