"""Captions of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import decode, nn, ops
from .._settings import Choice, Number
from ..autograd import Tensor
from ..text import tokenize
from ._base import Network, drop_weightless, require_pairs
from ._cnn import Blocks
from ._coders import Stacked
from ._encoder_decoder import SCORES, ReaderWriter, make_writer
from ._images import ROWS, SIZELESS, ImagesMixin
from ._recurrent_estimator import WritingEstimator
from ._sequences import as_sequences

__all__ = ["ImageCaptioner"]


class ImageReader(nn.Module):
    """Images [B, in_channels, H, W] to the vectors of all places of their feature maps [B, places, D], and to their mean.

    Args:
        in_channels, channels: as for `CNN`.
        places: rows * columns of the last block's feature maps. Each has a vector that is learnt, which is added to what the
            filters find there: an object is known by what it is and by where it is.
        **blocks: other arguments of the blocks of a `CNN`.
    """

    def __init__(self, in_channels: int, channels: Sequence[int], places: int, **blocks: Any) -> None:
        self.blocks = Blocks(in_channels, channels, **blocks)
        self.places = nn.Parameter(np.empty((places, channels[-1]), np.float32))
        nn.init.normal_(self.places, 0.0, 0.1)

    def forward(self, x: Any, lengths: Any = None) -> tuple[Tensor, Tensor]:
        """Return the vectors [B, places, D] and their means [B, D].

        Args:
            x: images.
            lengths: not used, as all have the same size.
        """
        if self.training or len(x) <= ROWS:
            maps = self.blocks(x)
        else:  # feature maps of the first blocks are large
            maps = ops.concatenate([self.blocks(x[i : i + ROWS]) for i in range(0, len(x), ROWS)])
        states = ops.swapaxes(maps.reshape(*maps.shape[:2], -1), 1, 2) + self.places
        return states, states.mean(axis=1)


class CaptionNetwork(ReaderWriter):
    """An `ImageReader`, and after it what writes ids of words, as that of an `EncoderDecoder`.

    Args:
        places, channels, in_channels: as for `ImageReader`.
        outputs: how many ids there are.
        attention: None, or the score.
        hidden_size, cell, num_layers, dropout, embedding_size, order: as for `EncoderDecoder`.
        **blocks: as for `ImageReader`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        places: int,
        outputs: int,
        *,
        hidden_size: int,
        cell: str,
        num_layers: int,
        dropout: float,
        embedding_size: int,
        attention: str | None,
        order: str,
        **blocks: Any,
    ) -> None:
        super().__init__()
        self.reader = ImageReader(in_channels, channels, places, **blocks)
        self.writer = make_writer(
            channels[-1], outputs, hidden_size=hidden_size, cell=cell, num_layers=num_layers, dropout=dropout,
            embedding_size=embedding_size, context="every_step", attention=attention, order=order,
        )  # fmt: skip

    def forward(self, x: Any, guide: Any, following: Any = None) -> Tensor:
        """Return the logits of each next id, or their loss.

        Args:
            x: images.
            guide, following: as for `EncoderDecoder`.
        """
        return super().forward(x, None, guide, following)


class ImageCaptioner(ImagesMixin, WritingEstimator):
    """Describe images in words: convolutions read, and recurrent layers with attention to places of the image write.

    X are images of one size, as for `ImageClassifier`; y a caption for each: strings, which `tokenizer` cuts into words, or
    token lists.

    Args:
        cell: of what writes: "rnn", "lstm" or "gru", and without attention also "stlm".
        attention: the score by which what writes attends to the places of the last block's feature maps: "additive",
            "general", "dot", "scaled_dot", "cosine"; None: it sees their mean at every step. With attention it has one layer,
            whatever num_layers is.
        order: of the attention: "before" the state is updated (Bahdanau), or "after" (Luong, with input feeding).
        dropout: share of units that is dropped of the words' vectors and before the last layer, in training.

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: images are not of one size, too small for the blocks, or not finite; there is not one caption for each.
        TypeError: captions are no texts.

    Sources: Vinyals, Toshev, Bengio, Erhan, "Show and tell", CVPR 2015 (without attention); Xu et al., "Show, attend and
    tell", ICML 2015.

    >>> from seqnn.data import shapes
    >>> from seqnn.models import ImageCaptioner
    >>> known = shapes(200, size=16)
    >>> model = ImageCaptioner(channels=(8, 16), hidden_size=32, batch_size=16, max_iter=12, learning_rate=0.01)
    >>> model.fit(known.images, known.captions).predict(known.images[:1])[0][:7] in ("a small", "a large")
    True
    """

    cell = Choice("gru", ("rnn", "lstm", "gru", "stlm"))
    attention = Choice("additive", SCORES, optional=True)
    order = Choice("before", ("before", "after"))
    learning_rate = Number(2e-3, minimum=0)

    model_ = Network(CaptionNetwork, sizeless=SIZELESS)

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        residual: bool = False,
        batch_norm: bool = False,
        pool_size: int = 2,
        pooling: str = "max",
        shift: int = 0,
        channels_last: bool = False,
        cell: str = "gru",
        hidden_size: int = 64,
        num_layers: int = 1,
        attention: str | None = "additive",
        order: str = "before",
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        target_embedding: Any = None,
        freeze: bool = False,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from images and their captions.

        Args:
            X: images.
            y: a caption for each.
            sample_weight: how much each pair counts, [N]; default: all the same.

        Returns:
            The estimator.
        """
        settings = self._begin()
        x = self._learn_images(X)
        captions = as_sequences(y, "y", settings.tokenizer)
        if not captions.tokens:
            raise TypeError("y: expected captions, strings or lists of tokens, got numbers")
        require_pairs(x, captions.rows)
        rows, x, weights = drop_weightless(captions.rows, x, sample_weight)
        return self._fit_writer(self._images.scaled(x), Stacked(), captions._replace(rows=rows), weights)

    def _arguments(self) -> dict[str, Any]:
        settings, (rows, columns) = self._used, self._grid()
        return {
            **self._blocks(), **self._layers(), **self._output.writer(), "places": rows * columns,
            "attention": settings.attention, "order": settings.order,
        }  # fmt: skip

    def _writer(self, model: CaptionNetwork) -> nn.Module:
        return model.writer

    def _scaled(self, X: Any) -> np.ndarray:  # noqa: N803
        self._require_fit()
        return self._images.scaled(self._check_images(X))

    def predict(self, X: Any, *, steps: int | None = None, **options: Any) -> list[Any]:  # noqa: N803
        """Return the caption of each image: a string, or a list of tokens where the y of `fit` were lists.

        Args:
            X: images as those of `fit`.
            steps: how many words at most; default: as many as the longest caption of `fit` has.
            **options: how words are chosen, see `decode.Options`: num_beams, length_penalty, do_sample, ...
        """
        written = self.model_.generate(self._scaled(X), None, *self._generation(steps, options), **options)
        return self._output.decoded(written, self._join)

    def generate(self, X: Any, *, steps: int | None = None, **options: Any) -> decode.Generation:  # noqa: N803
        """Describe images, and tell all that is known of the captions.

        Args:
            X, steps: as for `predict`.
            **options: see `decode.Options`: num_beams, num_return_sequences, ...

        Returns:
            A `decode.Generation`: `.texts` are the words joined by blanks, `.scores` their scores.
        """
        x, end = self._scaled(X), self._output.generation(self._longest(steps))
        return self.model_.decode(x, None, *end, **{"tokenizer": self._output.vocabulary, **options})

    def attend(self, X: Any, *, steps: int | None = None, **options: Any) -> list[tuple[list[str], np.ndarray]]:  # noqa: N803
        """Describe images, and return where in the image the network looks for each word.

        `words, maps = model.attend(X[:1])[0]; plot.image_grid(maps, labels=words)` draws the maps of the first one.

        Args:
            X, steps, **options: as for `predict`.

        Returns:
            For each image its words, with "</s>" where the caption ends before `steps`, and the weights [words, rows,
            columns] of the places of the last block's feature maps, which add up to 1 for each word.

        Raises:
            ValueError: for a model without attention.
        """
        x, end = self._scaled(X), self._generation(steps, options)
        if self._used.attention is None:
            raise ValueError("attend: expected a model with attention, this one has none (attention=None)")
        written = self.model_.generate(x, None, *end, **options)
        found = self._attended(written, end, lambda before: self.model_.align(x, None, before))
        return [(words, weights.reshape(-1, *self._grid())) for _, words, weights in found]
