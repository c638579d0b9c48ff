"""Encoders of sentences: BERT and its like, with what sentence-transformers puts on top."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import integer
from ..models import BERTForPretraining, by_length
from ..text import pad
from ._base import PretrainedModel, texts_of
from ._sentence import SentenceModules

__all__ = ["Encoder", "normalized"]


class Encoder(PretrainedModel):
    """A model that makes a vector of each sentence.

    A folder of sentence-transformers says how: by the mean over the tokens, the first token, a dense layer, norm 1. Without
    that the vector is the mean over the tokens.

    Args:
        loaded, tokenizer, folder: as for `PretrainedModel`.
        modules: what comes after the network; default: the mean.

    Attributes:
        max_length: most tokens of a sentence; what comes after them is left out.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from seqnn.models import BERT
    >>> from seqnn.pretrained import Encoder
    >>> loaded = SimpleNamespace(model=BERT(20, d_model=8, nhead=2, num_layers=1).eval(), config={})
    >>> Encoder(loaded, None, Path()).embed([[1, 2, 3], [4, 5]]).shape
    (2, 8)
    """

    def __init__(self, loaded: Any, tokenizer: Any, folder: Path, modules: SentenceModules | None = None) -> None:
        super().__init__(loaded, tokenizer, folder)
        self._modules = SentenceModules() if modules is None else modules
        self._encoder: Any = self.model.bert if isinstance(self.model, BERTForPretraining) else self.model
        try:
            self._size = self._modules.size(self._encoder.embedding.embedding_dim)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from None
        limits = [self._modules.max_length, getattr(self._encoder, "max_positions", None)]
        self.max_length: int | None = min((limit for limit in limits if limit is not None), default=None)

    def embed(self, sentences: Any, *, batch_size: int = 32, normalize: bool | None = None) -> np.ndarray:
        """Return a vector of each sentence.

        Sentences of like length are read together; padding costs nothing. Where sentences come one by one,
        `encoder.model.freeze()` saves a look at all weights each time: whether they changed since they were packed.

        Args:
            sentences: a text or several, or the token ids of each.
            batch_size: how many are read at once.
            normalize: whether vectors get norm 1; default: as the folder says.

        Returns:
            float32 [N, D]; [D] for one text that is no list. Where a text has no token the vector is 0.

        Raises:
            TypeError: something is neither a text nor ids.
            ValueError: texts without a tokenizer.
        """
        rows, single = texts_of(sentences, "sentences")
        size = integer("batch_size", batch_size, 1)
        ids = self.token_ids(rows, "sentences")
        found, told = np.zeros((len(rows), self._size), np.float32), np.array([len(row) > 0 for row in ids], bool)
        read = by_length([row for row in ids if len(row)], size, lambda part: self._modules(*self.hidden(part)))
        found[told] = np.reshape(read, (-1, self._size))
        wanted = self._modules.normalize if normalize is None else normalize
        found = normalized(found) if wanted else found
        return found[0] if single else found

    def copy(self) -> Encoder:
        """Return the same with a network and adapters of its own, for fine-tuning."""
        found = copy.copy(self)
        found.model, adapters = copy.deepcopy((self.model, self.__dict__.get("adapters")))
        if adapters is not None:
            found.adapters = adapters
        found._encoder = found.model.bert if isinstance(found.model, BERTForPretraining) else found.model
        return found

    def token_ids(self, sentences: list[Any], name: str = "sentences") -> list[np.ndarray]:
        """Return the token ids of each sentence as `embed` reads it, at most `max_length`.

        Args:
            sentences: texts, or the token ids of each.
            name: what messages call them.
        """
        return self._encoded([self._modules.text(row) if isinstance(row, str) else row for row in sentences], name)

    @property
    def network(self) -> Any:
        """Return the network that makes hidden states of token ids."""
        return self._encoder

    def hidden(self, ids: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return hidden states [B, T, D] without gradients, and how many count of each sequence.

        Args:
            ids: the token ids of each sequence, at least one.
        """
        packed = self._encoder.encode_packed(np.concatenate(ids), [len(row) for row in ids])
        return pad(np.split(packed, np.cumsum([len(row) for row in ids])[:-1]))

    def _encoded(self, texts: list[Any], name: str, *, truncated: bool = True) -> list[np.ndarray]:
        """Return the token ids of texts, at most `max_length` of each where they are truncated; special tokens stay."""
        if self.tokenizer is not None:
            own = self.tokenizer.tokenizer
            if truncated and self.max_length is not None:
                own.enable_truncation(self.max_length)
            else:
                own.no_truncation()
        return self._ids(texts, name)

    def _network_in(self, folder: Path) -> Path:
        return folder / self._modules.network

    def _copy_rest(self, target: Path) -> None:
        super()._copy_rest(target)
        for part in self._modules.folders:
            shutil.copytree(self.folder / part, target / part, dirs_exist_ok=True)


def normalized(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [N, D] of norm 1; those of norm 0 stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms == 0, 1, norms)
