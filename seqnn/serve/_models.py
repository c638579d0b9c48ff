"""What the page shows of a model that was loaded: its attention, its beams, what it fills in."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import decode
from ..autograd import no_grad
from ..models import BART, BERT, GPT, T5
from ..pretrained import Generator, MaskedLanguageModel, PretrainedModel
from ._fields import Fields, RequestError

__all__ = ["Model"]

MOST_CHARACTERS = 5_000
MOST_TOKENS = 64
"""Of a text whose attention is shown: there are L H T T weights."""

Answer = Callable[[Fields], dict[str, Any]]


class Model:
    """Answers to questions about a model of texts.

    Args:
        loaded: a `PretrainedModel` with a tokenizer, or a language model that `decode.generate` takes.
    """

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        self._network: Any = loaded
        # The `tokenizer_` of an estimator makes ids of texts; its setting `tokenizer` only cuts them.
        known = (getattr(loaded, name, None) for name in ("tokenizer_", "tokenizer"))
        self._tokenizer: Any = next((each for each in known if hasattr(each, "encode")), None)
        if isinstance(loaded, PretrainedModel):
            network = loaded.model
            self._network = getattr(network, "encoder", network) if not isinstance(network, BART | T5) else network
            self._network = getattr(self._network, "bert", self._network)
        self._attends = self._tokenizer is not None and isinstance(self._network, BERT | GPT | T5 | BART)
        writes = isinstance(loaded, Generator) or not isinstance(loaded, PretrainedModel)
        self._writes = writes and self._tokenizer is not None

    @property
    def actions(self) -> dict[str, Answer]:
        """The questions that this model answers."""
        found: dict[str, Answer] = {}
        if self._attends:
            found["attention"] = self.attention
        if self._writes:
            found["beams"] = self.beams
        if isinstance(self._loaded, MaskedLanguageModel) and self._tokenizer is not None:
            found["fill"] = self.fill
        return found

    @property
    def about(self) -> dict[str, Any]:
        """What the page tells of it."""
        named = self._loaded.model if isinstance(self._loaded, PretrainedModel) else self._loaded
        about: dict[str, Any] = {"kind": type(named).__name__}
        if "fill" in self.actions:
            about["mask"] = self._names([self._loaded._mask_id()])[0]
        return about

    def attention(self, fields: Fields) -> dict[str, Any]:
        """Compute the weights of every layer and head for a text."""
        fields.allow("text")
        text = fields.text("text", MOST_CHARACTERS)
        ids = self._ids(text)
        tokens = self._names(ids)
        with no_grad():
            parts = self._weights(np.array([ids]), tokens)
        return {"parts": [_packed(*part) for part in parts]}

    def beams(self, fields: Fields) -> dict[str, Any]:
        """Search for what follows a text, and keep the tree of the search."""
        fields.allow("text", "num_beams", "max_new_tokens", "length_penalty")
        text = fields.text("text", MOST_CHARACTERS)
        beams = fields.integer("num_beams", 4, 2, 16)
        options: dict[str, Any] = {
            "num_beams": beams, "num_return_sequences": beams, "return_tree": True, "do_sample": False,
            "max_new_tokens": fields.integer("max_new_tokens", 12, 1, 64),
            "length_penalty": fields.number("length_penalty", 1.0, -5.0, 5.0),
        }  # fmt: skip
        model = self._loaded
        if isinstance(model, Generator):
            options, model = model.options(options), model.model
        found = decode.generate(model, text, **options)
        (tree,) = found.trees or ()
        sequences = [
            {"text": written, "score": float(score), "reason": reason, "tokens": self._names(tokens.tolist()),
             "log_probs": [_finite(x) for x in logs[: len(tokens)].tolist()]}
            for written, score, reason, tokens, logs in zip(
                found.texts, found.scores, found.finish_reason, found.new_tokens, found.token_log_probs, strict=True)
            if reason != "none"
        ]  # fmt: skip
        return {
            "sequences": sequences,
            "tree": {
                "parents": [int(parent) for parent in tree.parents],
                "tokens": [text, *self._names(tree.tokens[1:])],
                "log_probs": [_finite(x) for x in tree.log_probs],
                "scores": [_finite(x) for x in tree.scores],
                "fates": tree.fates,
                "best": [int(node) for node in tree.best],
            },
        }

    def fill(self, fields: Fields) -> dict[str, Any]:
        """Tell the most probable tokens of each hidden place of a text."""
        fields.allow("text", "top_k")
        text, count = fields.text("text", MOST_CHARACTERS), fields.integer("top_k", 8, 1, 50)
        places = self._loaded.fill_mask(text, count)
        return {
            "places": [
                [{"token": f.token, "probability": f.probability, "text": f.text} for f in fillings]
                for fillings in places
            ]
        }

    def _weights(self, ids: np.ndarray, tokens: list[str]) -> list[tuple[str, list[str], list[str], list[Any]]]:
        """Return (what attends to what, who attends, to whom, weights [H, T, S] of each layer)."""
        network = self._network
        if isinstance(network, BERT):
            return [("text → text", tokens, tokens, network(ids, need_weights=True)[1])]
        memory, weights = network.encode(ids, need_weights=True)
        parts = [("text → text", tokens, tokens, weights)]
        if isinstance(network, GPT) or network.decoder is None:
            return parts
        written = network.generate(ids, min(24, self._positions))[0]
        row = np.concatenate([[network.start_id], written])[None, : self._positions]
        names = self._names(row[0].tolist())
        decoded = network.decode(row, memory, need_weights=True)[1]
        own, across = ([layer[i] for layer in decoded] for i in (0, 1))
        return [*parts, ("answer → text", names, tokens, across), ("answer → answer", names, names, own)]

    @property
    def _positions(self) -> int:
        """Most tokens of a text."""
        learned = getattr(getattr(self._network, "decoder_positions", None), "weight", ())  # of a BART
        return min(getattr(self._network, "max_positions", None) or len(learned) or MOST_TOKENS, MOST_TOKENS)

    def _ids(self, text: str) -> list[int]:
        """Return the tokens of a text, not too many."""
        own = getattr(self._tokenizer, "tokenizer", None)
        if hasattr(own, "no_truncation"):
            own.no_truncation()
        ids = [int(token) for token in self._tokenizer.encode(text)]
        if not 1 <= len(ids) <= self._positions:
            raise RequestError("text", f"a text of 1 to {self._positions} tokens", f"{len(ids)}")
        return ids

    def _names(self, ids: list[int]) -> list[str]:
        """Return tokens as texts: as they are read, or, where that is nothing readable, as the tokenizer stores them."""
        return [token_name(self._tokenizer, token) for token in ids]


def token_name(tokenizer: Any, token: int) -> str:
    """Return a token as a text: as it is read, or as the tokenizer stores it where that is nothing readable."""
    if tokenizer is None:
        return str(token)
    own = getattr(tokenizer, "tokenizer", None)
    stored = own.id_to_token(token) if hasattr(own, "id_to_token") else None
    if stored is not None and stored.startswith("##"):
        return stored
    read = tokenizer.decode([token])
    read = read if isinstance(read, str) else " ".join(map(str, read))
    marked = stored is not None and stored[:1] in "▁Ġ" and not read.startswith(" ")
    return f" {read}" * marked or read if read.strip() and "\ufffd" not in read else stored or read or str(token)


def _packed(name: str, rows: list[str], columns: list[str], weights: list[Any]) -> dict[str, Any]:
    """Return weights as the page reads them: 16 bits each, 65535 is 1."""
    array = np.stack([np.asarray(layer.numpy() if hasattr(layer, "numpy") else layer)[0] for layer in weights])
    if not np.isfinite(array).all():
        raise RequestError("model", "finite weights of attention", "NaN or infinity")
    packed = np.rint(np.clip(array, 0, 1) * 65535).astype("<u2")
    return {
        "name": name, "rows": rows, "columns": columns, "layers": len(array), "heads": array.shape[1],
        "weights": base64.b64encode(packed.tobytes()).decode("ascii"),
    }  # fmt: skip


def _finite(value: float) -> float:
    """Return a number that JSON can hold: that of an impossible token is a very small one."""
    return float(value) if math.isfinite(value) else -1e30
