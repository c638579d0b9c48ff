"""Static encoders, those of model2vec: the vector of a sentence is the mean of the vectors of its tokens."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from .. import _safetensors
from .._huggingface import read_config, read_state, read_tokenizer
from ._base import PretrainedModel, texts_of
from ._encoder import normalized

__all__ = ["StaticEncoder"]

_MOST = 512
"""Tokens of a sentence that count where the folder says nothing."""


class StaticEncoder(PretrainedModel):
    """A table of vectors of tokens, the mean of which is the vector of a sentence.

    Args:
        folder: of model2vec, or one of sentence-transformers whose network is a StaticEmbedding.
        network: where the table stands in it.
        normalize: whether vectors get norm 1; default: as its config.json says.

    Attributes:
        vectors: the table [V, D]; `model` is the same.
        weights: of each token [V], or None.
        mapping: the row of each token [V], or None: its number.

    >>> from seqnn.pretrained import StaticEncoder
    >>> StaticEncoder("no such folder")
    Traceback (most recent call last):
    ValueError: no such folder: expected a folder with config.json and the weights, got nothing
    """

    def __init__(self, folder: str | os.PathLike, network: str = "", *, normalize: bool | None = None) -> None:
        self.folder, place = Path(folder), Path(folder) / network
        self.config: dict[str, Any] = {} if network else read_config(place)
        state = read_state(place)
        table = "embeddings" if "embeddings" in state else "embedding.weight"
        if missing := {table} - state.keys():
            raise ValueError(f"{place}: the table of a static encoder is missing: {missing.pop()} or embeddings")
        if extra := state.keys() - {table, "weights", "mapping"}:
            raise ValueError(
                f"{place}: expected embeddings, weights and mapping, got {', '.join(sorted(extra))} as well"
            )
        self.model = self.vectors = np.asarray(state[table], np.float32)
        self.weights = None if "weights" not in state else np.asarray(state["weights"], np.float32)
        self.mapping = state.get("mapping")
        self.tokenizer = read_tokenizer(place)
        self.normalize = bool(self.config.get("normalize", False)) if normalize is None else normalize
        self.max_length: int | None = self.config.get("max_length", None if network else _MOST)
        self._network, self._table = network, table
        self._check(place)

    def embed(self, sentences: Any, *, normalize: bool | None = None) -> np.ndarray:
        """Return a vector of each sentence; zeros where no token is known.

        Args:
            sentences: a text or several, or the token ids of each.
            normalize: whether vectors get norm 1; default: as the folder says.

        Returns:
            float32 [N, D]; [D] for one text that is no list.

        Raises:
            TypeError: something is neither a text nor ids.
            ValueError: texts without a tokenizer.
        """
        rows, single = texts_of(sentences, "sentences")
        found = np.zeros((len(rows), self.vectors.shape[1]), np.float32)
        for i, ids in enumerate(self._known_ids(rows)):
            if len(ids):
                tokens = self.vectors[ids if self.mapping is None else self.mapping[ids]]
                found[i] = (tokens if self.weights is None else tokens * self.weights[ids, None]).mean(axis=0)
        found = normalized(found) if (self.normalize if normalize is None else normalize) else found
        return found[0] if single else found

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write a folder of the same format, which model2vec and `load_pretrained` open.

        Args:
            folder: it is made where it does not exist.
        """
        target = Path(folder)
        place = target / self._network
        place.mkdir(parents=True, exist_ok=True)
        arrays = {self._table: self.vectors, "weights": self.weights, "mapping": self.mapping}
        _safetensors.save(place / "model.safetensors", {k: v for k, v in arrays.items() if v is not None})
        if target.resolve() == self.folder.resolve():
            return
        self._copy_rest(target)
        for name in ("config.json", f"{self._network}/tokenizer.json"):
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, target / name)

    def _known_ids(self, rows: list[Any]) -> list[np.ndarray]:
        """Return the ids of the tokens that have vectors, at most `max_length` before the unknown ones are left out."""
        if not rows or not all(isinstance(row, str) for row in rows):
            found, most = self._ids(rows, "sentences"), len(self.vectors if self.mapping is None else self.mapping)
            for i, ids in enumerate(found):
                if not 0 <= ids.min() <= ids.max() < most:
                    raise ValueError(f"sentences: expected token ids in [0, {most}), got {ids!r:.80} at {i}")
            return found
        own = self._need_tokenizer("sentences").tokenizer
        if self.max_length is None:
            own.no_truncation()
        else:
            own.enable_truncation(self.max_length)
            rows = [row[: self.max_length * self._token_length()] for row in rows]
        unknown = self._unknown()
        try:
            encoded = own.encode_batch_fast(rows, add_special_tokens=False)
        except TypeError:
            self.tokenizer.encode_batch(rows)  # it says which text cannot be read
            raise
        found = [np.array(one.ids, np.int64) for one in encoded]
        return [ids[ids != unknown] for ids in found] if unknown is not None else found

    def _token_length(self) -> int:
        """Return the median of the letters of a token: model2vec cuts texts before it looks for tokens."""
        return max(1, int(np.median([len(token) for token in self.tokenizer.tokenizer.get_vocab()])))

    def _unknown(self) -> int | None:
        """Return the number of the token for unknown ones; a StaticEmbedding of sentence-transformers keeps it."""
        own = self.tokenizer.tokenizer
        if self._network:
            return None
        if hasattr(own.model, "unk_token"):
            return None if own.model.unk_token is None else own.token_to_id(own.model.unk_token)
        return json.loads(own.to_str())["model"].get("unk_id")

    def _check(self, place: Path) -> None:
        if (rows := self.mapping) is not None and (rows.ndim != 1 or rows.dtype.kind not in "iu"):
            raise ValueError(f"{place}: mapping: expected integers [tokens], got {rows.dtype} {list(rows.shape)}")
        limit = self.max_length
        if limit is not None and (not isinstance(limit, int) or limit < 1):
            raise ValueError(f"{place}: max_length: expected an integer >= 1, got {limit!r:.40}")
        count = (self.vectors if self.mapping is None else self.mapping).shape[:1]
        if self.vectors.ndim != 2 or (self.weights is not None and self.weights.shape != count):
            raise ValueError(f"{place}: expected a table [V, D] and a weight for each token, got {self.vectors.shape}")
        if self.mapping is not None and (
            self.mapping.min(initial=0) < 0 or self.mapping.max(initial=0) >= len(self.vectors)
        ):
            raise ValueError(f"{place}: mapping: expected rows below {len(self.vectors)}")
        if self.tokenizer is not None and len(self.tokenizer) > count[0]:
            raise ValueError(f"{place}: expected a row for each of {len(self.tokenizer)} tokens, got {count[0]}")
