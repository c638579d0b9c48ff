"""A convolutional network for sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor

__all__ = ["TextCNN"]


class TextCNN(nn.Module):
    """Word ids [N, T] to class logits [N, classes]: filters over windows of words, the largest of each, one Linear.

    h_k = max_t relu(W_k x[t : t + width_k] + b_k) for `filters` filters of each width; logits = W dropout([h_1, h_2, …]) + b.

    Args:
        vocabulary_size: how many words.
        classes: how many classes.
        embedding_size: dimensions of the word vectors.
        widths: how many words the filters see; shorter sentences are to be padded to the widest.
        filters: how many of each width.
        dropout: share of what the last layer gets that is dropped, in training.
        pad_id: the id of the padding, whose vector is zero and not learnt. Windows that reach into the padding do not
            count, so that a sentence gives the same in any batch.
        vectors: first word vectors [V, D], such as those of `seqnn.Word2Vec`; default: random ones in [-0.25, 0.25].
        static: whether the word vectors stay as they are.

    Raises:
        ValueError: `vectors` has another shape.

    Source: Kim, "Convolutional neural networks for sentence classification", 2014.

    >>> import numpy as np
    >>> from seqnn.models import TextCNN
    >>> TextCNN(100, 2)(np.ones((3, 7), np.int32)).shape
    (3, 2)
    """

    def __init__(
        self,
        vocabulary_size: int,
        classes: int,
        *,
        embedding_size: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        pad_id: int = 0,
        vectors: np.ndarray | None = None,
        static: bool = False,
    ) -> None:
        if vectors is not None and np.shape(vectors) != (vocabulary_size, embedding_size):
            raise ValueError(
                f"vectors: expected [vocabulary_size, embedding_size] = {[vocabulary_size, embedding_size]}, "
                f"got {list(np.shape(vectors))}"
            )
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=pad_id)
        nn.init.uniform_(self.embedding.weight, -0.25, 0.25)
        if vectors is not None:
            self.embedding.weight.data[...] = vectors
        self.embedding.weight.data[pad_id] = 0
        self.embedding.weight.requires_grad = not static
        self.convolutions = nn.ModuleList([nn.Conv1d(embedding_size, filters, width) for width in widths])
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(filters * len(widths), classes)

    def forward(self, ids: Any) -> Tensor:
        """Return the logits [N, classes] of word ids [N, T].

        Args:
            ids: [N, T].
        """
        return self.answer(self.embedding(ids), (np.asarray(ids) != self.pad_id).sum(axis=1))

    def answer(self, embedded: Any, lengths: Any) -> Tensor:
        """Return the logits [N, classes] of word vectors.

        Args:
            embedded: [N, T, embedding_size]; the vectors of the padding are zero.
            lengths: how many words count, [N].
        """
        x, sizes = embedded.swapaxes(1, 2), np.asarray(lengths)[:, None]
        largest = []
        for convolution in self.convolutions:
            h = ops.relu(convolution(x))  # [N, filters, windows]
            inside = np.arange(h.shape[2]) < np.maximum(sizes - (x.shape[2] - h.shape[2]), 1)
            largest.append(ops.global_max_pool(h, mask=inside))
        return self.output(self.dropout(ops.concatenate(largest, axis=1)))
