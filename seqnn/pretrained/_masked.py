"""Models that fill in hidden tokens: BERT and its like."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .._arguments import integer
from .._huggingface import read_json
from ..autograd import no_grad
from ._encoder import Encoder

__all__ = ["Filling", "MaskedLanguageModel"]

_MASKS = ("[MASK]", "<mask>")


class Filling(NamedTuple):
    """A token for a hidden place.

    >>> from seqnn.pretrained import Filling
    >>> Filling("paris", 3000, 0.9, "the capital is paris").token
    'paris'
    """

    token: str
    """The token; its number as text where there is no tokenizer."""

    id: int
    """Its number."""

    probability: float
    """The softmax over all tokens at this place."""

    text: str
    """The text with this token there, and other hidden places as they are; empty where there is no tokenizer."""


class MaskedLanguageModel(Encoder):
    """A model that says which token was hidden; its encoder embeds, too.

    Args:
        loaded, tokenizer, folder, modules: as for `Encoder`.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from seqnn.models import BERT, BERTForPretraining
    >>> from seqnn.pretrained import MaskedLanguageModel
    >>> model = BERTForPretraining(BERT(20, d_model=8, nhead=2, num_layers=1)).eval()
    >>> filled = MaskedLanguageModel(SimpleNamespace(model=model, config={}), None, Path()).fill_mask([5, 4, 7], 3, mask_id=4)
    >>> [[filling.text for filling in place] for place in filled]
    [['', '', '']]
    """

    def fill_mask(self, text: Any, top_k: int = 5, *, mask_id: int | None = None) -> list[list[Filling]]:
        """Return the most probable tokens of each hidden place, independently of each other.

        Args:
            text: with the mask token, such as "[MASK]", once or more; or token ids.
            top_k: how many for each place.
            mask_id: the number of the mask token; default: that of the tokenizer.

        Returns:
            A list for each hidden place, from the first to the last: `Filling`s, the most probable first.

        Raises:
            ValueError: nothing is hidden, or there are more positions than the model has.
        """
        hidden = self._mask_id() if mask_id is None else integer("mask_id", mask_id, 0)
        (ids,) = self._encoded([text], "text", truncated=False)
        places = np.flatnonzero(ids == hidden)
        if not len(places):
            raise ValueError(f"text: expected the mask token {self._name(hidden)} (number {hidden}), got none in it")
        count = min(integer("top_k", top_k, 1), len(self.model.bert.embedding.weight))
        with no_grad():
            states = self._encoder(ids[None])[:, places]
            table = self.model.bert.embedding.weight if self.model.tied else None
            probabilities = ops.softmax(self.model.head(states, table))[0].numpy()
        return [
            self._fillings(ids, place, row, count) for place, row in zip(places.tolist(), probabilities, strict=True)
        ]

    def _fillings(self, ids: np.ndarray, place: int, probabilities: np.ndarray, count: int) -> list[Filling]:
        found = []
        for token in np.argsort(-probabilities, kind="stable")[:count].tolist():
            text = "" if self.tokenizer is None else self._filled(ids, place, token)
            found.append(Filling(self._name(token), token, float(probabilities[token]), text))
        return found

    def _filled(self, ids: np.ndarray, place: int, token: int) -> str:
        filled = ids.copy()
        filled[place] = token
        return self.tokenizer.decode(filled)

    def _name(self, token: int) -> str:
        return str(token) if self.tokenizer is None else self.tokenizer.decode([token], skip_specials=False).strip()

    def _mask_id(self) -> int:
        """Return the number of the mask token: the one that the folder names, or one with the usual names."""
        named = self.folder / "special_tokens_map.json"
        told = read_json(named).get("mask_token") if named.is_file() else None
        told = told.get("content") if isinstance(told, dict) else told
        tokenizer = self._need_tokenizer("mask_id")
        for token in (told, *_MASKS):
            number = tokenizer.tokenizer.token_to_id(token) if isinstance(token, str) else None
            if number is not None:
                return number
        raise ValueError(f"mask_id: expected the number of the mask token, as {self.folder} names none")
