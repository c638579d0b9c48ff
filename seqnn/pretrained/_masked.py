"""Models that fill in hidden tokens: BERT and its like."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .._arguments import integer
from .._huggingface import read_json
from ..autograd import no_grad
from ._encoder import Encoder

__all__ = ["FilledText", "Filling", "MaskedLanguageModel"]

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


class FilledText(NamedTuple):
    """A text whose hidden places were all filled in.

    >>> import numpy as np
    >>> from seqnn.pretrained import FilledText
    >>> FilledText("it rains", ["rains"], np.array([5, 7]), np.array([-0.1])).tokens
    ['rains']
    """

    text: str
    """The text; empty where there is no tokenizer."""

    tokens: list[str]
    """What was filled in, from the first place to the last."""

    ids: np.ndarray
    """The token ids of the whole text."""

    scores: np.ndarray
    """The log-probability of each of the tokens when it was filled in."""


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
        ids, places, _ = self._hidden_places(text, mask_id)
        count = min(integer("top_k", top_k, 1), len(self.model.bert.embedding.weight))
        with no_grad():
            states = self._encoder(ids[None])[:, places]
            table = self.model.bert.embedding.weight if self.model.tied else None
            probabilities = ops.softmax(self.model.head(states, table))[0].numpy()
        return [
            self._fillings(ids, place, row, count) for place, row in zip(places.tolist(), probabilities, strict=True)
        ]

    def fill_masks(
        self, text: Any, *, order: str = "confidence", iterations: int = 10, mask_id: int | None = None
    ) -> FilledText:
        """Fill in all hidden places of a text so that they fit together.

        Args:
            text: with the mask token, such as "[MASK]", once or more; or token ids.
            order: "parallel", "confidence", "left_to_right" or "mask_predict", as for `BERTForPretraining.fill_masks`.
            iterations: passes of "mask_predict".
            mask_id: the number of the mask token; default: that of the tokenizer.

        Returns:
            The text with its tokens.

        Raises:
            ValueError: nothing is hidden, the order is not known, or there are more positions than the model has.
        """
        ids, places, hidden = self._hidden_places(text, mask_id)
        filled = self.model.fill_masks(ids[None], hidden, order=order, iterations=iterations)
        found = "" if self.tokenizer is None else self.tokenizer.decode(filled.ids[0])
        tokens = [self._name(token) for token in filled.ids[0, places].tolist()]
        return FilledText(found, tokens, filled.ids[0], filled.scores[0, places])

    def _hidden_places(self, text: Any, mask_id: int | None) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the ids of a text, the places of the mask token, and its number."""
        hidden = self._mask_id() if mask_id is None else integer("mask_id", mask_id, 0)
        (ids,) = self._encoded([text], "text", truncated=False)
        places = np.flatnonzero(ids == hidden)
        if not len(places):
            raise ValueError(f"text: expected the mask token {self._name(hidden)} (number {hidden}), got none in it")
        return ids, places, hidden

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
