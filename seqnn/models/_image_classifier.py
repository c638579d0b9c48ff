"""A classifier of images by a convolutional network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import ops, train
from .._arguments import integer
from .._settings import Integer, Number, Sizes
from ._base import (
    ClassifierMixin,
    ClassWeight,
    Network,
    TransformerMixin,
    drop_weightless,
    in_parts,
    label_array,
    number_classes,
    split_equal_rows,
)
from ._cnn import CNN
from ._coders import Stacked
from ._coding_estimator import CodingEstimator
from ._explanation import POINTS, explained_classes, odds_by_input
from ._images import ROWS, SIZELESS, ImagesMixin
from ._losses import CLASSES
from ._weights import by_class

__all__ = ["ImageClassifier"]


class ImageClassifier(ClassifierMixin, TransformerMixin, ImagesMixin, CodingEstimator):
    """Classify images by a `CNN` with a softmax, trained by AdamW with early stopping.

    X are images of one size, grey ones [N, rows, columns], or with channels [N, channels, rows, columns], of any numbers:
    each channel is standardised. y: a label for each, of any kind that sorts. Equal images are on one side when some are
    held out.

    Args:
        hidden_layer_sizes: widths of the linear layers between the blocks and the softmax.
        dropout: share of what each linear layer takes that is dropped, in training.
        class_weight: how much each class counts: None (all the same), "balanced" (N / (classes * count of the class)), or
            {label: weight}.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW.

    Attributes:
        model_: the network, a `CNN`.
        classes_: the labels, sorted.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: images are not of one size, too small for the blocks, or not finite; labels are of one class.
        TypeError: X are no numbers.

    Sources: see `CNN`.

    >>> from seqnn.data import shapes
    >>> from seqnn.models import ImageClassifier
    >>> known, new = shapes(300, size=16), shapes(100, size=16, seed=1)
    >>> model = ImageClassifier(channels=(8, 16), max_iter=15, learning_rate=5e-3).fit(known.images, known.labels)
    >>> model.score(new.images, new.labels) > 0.9
    True
    """

    hidden_layer_sizes = Sizes((128,))
    dropout = Number(0.5, minimum=0, maximum=1)
    class_weight = ClassWeight()
    batch_size = Integer(64, minimum=1)
    learning_rate = Number(2e-3, minimum=0)
    weight_decay = Number(1e-4, minimum=0)

    model_ = Network(CNN, sizeless=SIZELESS)

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        residual: bool = False,
        batch_norm: bool = False,
        pool_size: int = 2,
        pooling: str = "max",
        hidden_layer_sizes: Sequence[int] = (128,),
        dropout: float = 0.5,
        shift: int = 0,
        channels_last: bool = False,
        class_weight: dict | str | None = None,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from images and their labels.

        Args:
            X: images.
            y: a label for each.
            sample_weight: how much each image counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        settings = self._begin()
        x = self._learn_images(X)
        x, labels, weights = drop_weightless(x, label_array(y, len(x)), sample_weight)
        self.classes_, ids = number_classes(labels)
        weights = by_class(settings.class_weight, self.classes_, ids, weights)
        parts = split_equal_rows(x.reshape(len(x), -1), settings, weights)
        inputs, targets = (self._images.scaled(x), Stacked()), (ids, Stacked())
        return self._learn(inputs, targets, CLASSES, weights, {"accuracy": train.accuracy}, parts=parts)

    def _arguments(self) -> dict[str, Any]:
        rows, columns = self._grid()
        sizes = [self._used.channels[-1] * rows * columns, *self._used.hidden_layer_sizes, len(self.classes_)]
        return {**self._blocks(), "sizes": sizes, "dropout": self._used.dropout}

    def _each(self, X: Any, function: Callable[[np.ndarray], Any]) -> np.ndarray:  # noqa: N803
        """Return function(images [B, channels, rows, columns]) of all images, some at a time."""
        self._require_fit()
        x = self._check_images(X)
        return in_parts(lambda images: function(self._images.scaled(images)), len(x), ROWS, x)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probabilities [N, classes], in the order of `classes_`.

        Args:
            X: images as those of `fit`.
        """
        return ops.softmax(self._each(X, lambda x: self.model_(x)))

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return features of images: what the last linear layer takes, [N, hidden_layer_sizes[-1]].

        Args:
            X: images as those of `fit`.
        """

        def features(x: np.ndarray) -> Any:
            h = self.model_.flat(x)
            for layer in [*self.model_.head][:-1]:
                h = layer(h)
            return h

        return self._each(X, features)

    @property
    def _n_features_out(self) -> int:
        self._require_fit()
        return [*self.model_.head][-1].in_features

    def feature_maps(self, X: Any, layer: int = 0) -> np.ndarray:  # noqa: N803
        """Return what the filters of a block find in images, [N, channels[layer], rows, columns].

        `plot.image_grid(model.feature_maps(X[:1])[0])` draws those of one image, and
        `plot.image_grid(model.model_.blocks[1].convolution.weight.data[:, 0], signed=True)` the filters of the first block.

        Args:
            X: images as those of `fit`.
            layer: number of the block, from 0; negative ones count from the last.
        """
        self._require_fit()
        count = len(self._used.channels)
        if not -count <= (layer := integer("layer", layer, -count)) < count:
            raise ValueError(f"layer: expected a number below {count}, the blocks, got {layer}")
        return self._each(X, lambda x: self.model_.blocks.maps(x)[layer])

    def explain(self, X: Any, *, method: str = "gradient", label: Any = None) -> np.ndarray:  # noqa: N803
        """Return how much each pixel speaks for the label of its image.

        A pixel adds its value times the gradient of the label's log-odds, summed over the channels: black pixels add nothing.
        `plot.image_grid(model.explain(X), signed=True)` draws the maps.

        Args:
            X: images as those of `fit`.
            method: "gradient": by the gradient at the image; "integrated": by the mean of the gradients on the way from a
                black image, so that the pixels add up to what they do together.
            label: the label to explain, one of `classes_`; default: the predicted one of each.

        Returns:
            [N, rows, columns]: more than 0 for the label, less against it.

        Raises:
            ValueError: an unknown method or label.
        """
        self._require_fit()
        if method not in [*POINTS]:
            raise ValueError(f"method: expected 'gradient' or 'integrated', got {method!r}")
        x = self._check_images(X)
        classes = explained_classes(self.classes_, self.predict_proba(X), label)
        found = np.empty((len(x), *x.shape[2:]), np.float32)
        for part in np.split(np.arange(len(x)), range(ROWS, len(x), ROWS)):
            pixels = np.ascontiguousarray(x[part].transpose(0, 2, 3, 1))
            found[part] = odds_by_input(self.model_, self._answer, pixels, classes[part], POINTS[method])
        return found

    def _answer(self, pixels: Any) -> Any:
        """Return the logits of images [B, rows, columns, channels] that are not standardised."""
        return self.model_(self._images.scaled(pixels.transpose(0, 3, 1, 2)))
