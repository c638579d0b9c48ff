"""Texts and pairs of texts as the rows of token ids that encoders read, and the encoders themselves.

A row is [T]; or [T, 2], with which of two texts each token belongs to, where the encoder makes a difference.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn
from .._arguments import integer
from ..autograd import no_grad
from ..models import GPT, T5, BERTForPretraining, ClassificationHead, WithHead, by_length
from ..text import pad

__all__ = ["Reader", "answers", "as_batch", "network_with"]


class Reader:
    """An encoder, and what makes rows of texts.

    Args:
        model: one of `seqnn.pretrained` with a tokenizer; or a network of `seqnn.models`, such as `BERT`.
        tokenizer: of a network: a `text.SubwordTokenizer`.

    Raises:
        TypeError: it is something else.
        ValueError: there is no tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any = None) -> None:
        network = model if isinstance(model, nn.Module) else getattr(model, "model", None)
        network = network.bert if isinstance(network, BERTForPretraining) else network
        network = network.encoder if isinstance(network, WithHead) else network
        if not isinstance(network, nn.Module) or not hasattr(network, "embedding"):
            raise TypeError(
                f"model: expected one of seqnn.pretrained that is a network, or a BERT, GPT or T5, got {type(model).__name__}"
            )
        self.encoder = network
        self.tokenizer: Any = getattr(model, "tokenizer", None) if tokenizer is None else tokenizer
        if self.tokenizer is None:
            raise ValueError("tokenizer: expected a text.SubwordTokenizer, as the model has none, got None")
        with no_grad():
            self.width: int = getattr(network, "encode", network)(np.zeros((1, 1), np.int64)).shape[-1]

    @property
    def pooling(self) -> str:
        """Return what stands for a text: the first token of a BERT, the last of a GPT, the mean of a T5."""
        return "last" if isinstance(self.encoder, GPT) else "mean" if isinstance(self.encoder, T5) else "first"

    def most(self, max_length: int) -> int:
        """Return how many tokens a row may have."""
        limit = getattr(self.encoder, "max_positions", None)
        return min(integer("max_length", max_length, 4), *(() if limit is None else (limit,)))

    def rows(self, columns: Sequence[Sequence[str]], max_length: int) -> list[np.ndarray]:
        """Return the rows of texts (one column) or of pairs (two), at most `max_length` tokens; the longer text is cut."""
        own = self.tokenizer.tokenizer
        own.no_padding()
        own.enable_truncation(self.most(max_length))
        encoded = own.encode_batch([*columns[0]] if len(columns) == 1 else [*zip(*columns, strict=True)])
        own.no_truncation()
        empty = next((i for i, one in enumerate(encoded) if not one.ids), None)
        if empty is not None:
            raise ValueError(
                f"texts: expected at least one token in each, got none in number {empty}: let the tokenizer add special tokens"
            )
        return [self.row(one.ids, one.type_ids) for one in encoded]

    def row(self, ids: Any, segments: Any) -> np.ndarray:
        """Return a row of token ids, with the segments where there is a table of them."""
        table = getattr(self.encoder, "segments", None)
        if table is None or len(table.weight) < 2:
            return np.array(ids, np.int32)
        return np.array([ids, segments], np.int32).T


def network_with(reader: Reader, head: nn.Module) -> WithHead:
    """Return a copy of the encoder with a head, which begins with the pooler of a BERT where there is one."""
    encoder = copy.deepcopy(reader.encoder)
    encoder.unfreeze()
    pooler = getattr(encoder, "pooler", None)
    if pooler is not None:
        if isinstance(head, ClassificationHead) and head.dense is not None:
            head.dense.load_state_dict(pooler.state_dict())
        encoder.pooler = None
    return WithHead(encoder, head)


def as_batch(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return what a network is called with: ids [B, T], lengths [B], and segments [B, T] where the rows have them."""
    tokens, lengths = pad(rows)
    return (tokens, lengths) if tokens.ndim == 2 else (tokens[..., 0], lengths, tokens[..., 1])


def answers(network: nn.Module, rows: Sequence[np.ndarray], batch_size: int) -> list[np.ndarray]:
    """Return what a network in evaluation mode answers to each row."""
    network.eval()
    return by_length(rows, batch_size, lambda part: network(*as_batch(part)).numpy())
