"""BERT's own tasks: hidden tokens, and pairs of sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from .._arguments import integer
from .._huggingface import BERT as FAMILY
from .._huggingface import Table, masked_table
from ._bert import BERT, start_small
from ._decoding import evaluating
from ._heads import LanguageModelHead
from ._huggingface_model import HuggingFaceWeights
from ._mask_filling import Filled, fill_masks
from ._token_ids import as_ids

__all__ = ["BERTForPretraining"]


class BERTForPretraining(HuggingFaceWeights):
    """A BERT with its two tasks: the tokens that are hidden, and whether sentence B follows sentence A.

    `seqnn.text.next_sentence_pairs` and `mask_tokens` make the batches. `load_huggingface` takes the weights of a
    BertForPreTraining, or, without the second task, of a BertForMaskedLM.

    Args:
        bert: the encoder.
        next_sentence: whether there is the second task; its two logits are 0 = B follows A, 1 = B is from elsewhere.
        tied: whether the token head uses the table of the embeddings.

    Raises:
        ValueError: the second task needs a pooler, and the encoder has none.

    >>> import numpy as np
    >>> from seqnn.models import BERT, BERTForPretraining
    >>> model = BERTForPretraining(BERT(50, d_model=16, nhead=2, num_layers=2))
    >>> tokens, follows = model(np.arange(10).reshape(2, 5))
    >>> tokens.shape, follows.shape
    ((2, 5, 50), (2, 2))
    """

    _family = FAMILY

    def __init__(self, bert: BERT, *, next_sentence: bool = True, tied: bool = True) -> None:
        if next_sentence and bert.pooler is None:
            raise ValueError("next_sentence: expected a BERT with a pooler, or next_sentence=False")
        self.bert, self.tied = bert, tied
        vocabulary_size, d_model = bert.embedding.weight.shape
        self.head = LanguageModelHead(
            d_model, vocabulary_size, tied=tied, transform=True, bias=True, activation=bert.activation,
            layer_norm_eps=bert.norm.eps,
        )  # fmt: skip
        self.next_sentence = nn.Linear(d_model, 2) if next_sentence else None
        start_small(self.head)
        if self.next_sentence is not None:
            start_small(self.next_sentence)

    def forward(
        self,
        ids: Any,
        lengths: Any = None,
        segments: Any = None,
        targets: Any = None,
        next_targets: Any = None,
        *,
        attention_mask: Any = None,
    ) -> Any:
        """Return the token logits [B, T, V] and the sentence logits [B, 2], or the loss.

        Args:
            ids: [B, T].
            lengths: [B]: positions from there on are padding.
            segments: [B, T]; default: 0.
            targets: [B, T], -100 where nothing was hidden: the mean cross-entropy of the hidden tokens is returned.
            next_targets: [B] of 0 and 1: the cross-entropy of the sentences is added.
            attention_mask: booleans, or 1 and 0, [B, T], instead of `lengths`.

        Returns:
            (token logits, sentence logits), only the first without the second task, or the loss.
        """
        hidden = self.bert(ids, lengths, segments, attention_mask=attention_mask)
        tokens = self.head(hidden, self.bert.embedding.weight if self.tied else None, targets)
        if next_targets is not None and self.next_sentence is None:
            raise ValueError("next_targets: this model was made with next_sentence=False")
        if self.next_sentence is None or (targets is not None and next_targets is None):
            return tokens
        follows = self.next_sentence(self.bert.pool(hidden))
        if targets is None:
            return tokens, follows
        return tokens + ops.cross_entropy(follows, next_targets)

    def fill_masks(
        self,
        ids: Any,
        mask_id: int,
        *,
        lengths: Any = None,
        segments: Any = None,
        order: str = "confidence",
        iterations: int = 10,
    ) -> Filled:
        """Fill in the hidden tokens of sequences, in evaluation mode.

        Args:
            ids: [B, T], with `mask_id` where a token is hidden.
            mask_id: the token that hides others; it is never filled in.
            lengths: [B]: positions from there on are padding.
            segments: [B, T]; default: 0.
            order: "parallel": all at once, none knows of the others; "confidence": in each pass the token that is most
                probable, which the next ones see; "left_to_right": in each pass the first one; "mask_predict": all at once,
                then those that are least probable are hidden again and filled in anew, fewer each time.
            iterations: passes of "mask_predict".

        Returns:
            The sequences, and the log-probabilities of what was filled in.

        Raises:
            ValueError: nothing is hidden, or the order is not known.

        Source of "mask_predict": Ghazvininejad, Levy, Liu, Zettlemoyer, "Mask-predict", EMNLP 2019.

        >>> from seqnn.models import BERT, BERTForPretraining
        >>> model = BERTForPretraining(BERT(50, d_model=16, nhead=2, num_layers=2))
        >>> filled = model.fill_masks([[5, 4, 4, 7]], mask_id=4)
        >>> bool((filled.ids != 4).all()), (filled.scores < 0).tolist()
        (True, [[False, True, True, False]])
        """
        ids = as_ids(ids)
        integer("mask_id", mask_id, 0, len(self.bert.embedding.weight) - 1)
        table = self.bert.embedding.weight if self.tied else None
        hidden = ids == mask_id
        if lengths is not None:
            hidden &= np.arange(ids.shape[1]) < np.asarray(lengths)[:, None]

        def score(filled: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            states = self.bert(filled, lengths, segments)
            return self.head(states[rows, columns], table).numpy()

        with evaluating(self):
            return fill_masks(score, ids, hidden, mask_id, order, iterations)

    def _product_weights(self) -> tuple[str, ...]:
        return ("bert.embedding.weight",) if self.tied else ()

    def _names(self) -> Table:
        return masked_table(self, self._family.table(self.bert))
