"""What all models of a folder have: the network, the tokenizer, and a way back into a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .._huggingface import Loaded, state_of, write
from ..ops import QuantizedWeight
from ..tune import Adapters

__all__ = ["PretrainedModel", "texts_of"]

_COPIED = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json",
    "merges.txt", "spiece.model", "sentencepiece.bpe.model", "vocabulary.json", "generation_config.json", "modules.json",
    "sentence_bert_config.json", "config_sentence_transformers.json",
)  # fmt: skip
"""What stands beside configuration and weights, and is copied as it is."""


class PretrainedModel:
    """A network that a folder holds, with its tokenizer.

    Args:
        loaded: the network, and what it takes to write it.
        tokenizer: of the folder, or None.
        folder: that it comes from.

    Attributes:
        model: the network, one of `seqnn.models`, in evaluation mode: call it, train it, quantise it.
        tokenizer: a `text.SubwordTokenizer`; None where there is no tokenizer.json, or no `tokenizers` library: then token
            ids stand for texts.
        config: what config.json says.
        folder: where it was read.

    >>> from seqnn.pretrained import load_pretrained
    >>> load_pretrained("no such folder")
    Traceback (most recent call last):
    ValueError: no such folder: expected a folder with config.json and the weights, got nothing
    """

    def __init__(self, loaded: Loaded, tokenizer: Any, folder: Path) -> None:
        self.model: Any = loaded.model
        self.tokenizer, self.config, self.folder = tokenizer, loaded.config, folder
        self._loaded = loaded

    @cached_property
    def adapters(self) -> Adapters:
        """The adapters of the model, whose modules have the names that peft knows them by: `adapters.load(folder)`."""
        return Adapters(self.model, getattr(self._loaded, "table", None), getattr(self._loaded, "prefixed", True))

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write a folder of the same format and names, which transformers and `load_pretrained` open.

        Weights are float32, in one model.safetensors. The tokenizer and what else stands in the folder that the model comes
        from is copied.

        Args:
            folder: it is made where it does not exist.

        Raises:
            ValueError: the model is quantised: its float32 weights are gone; or it has adapters: `adapters.save` writes
                one, and `adapters.merge_and_unload()` makes LoRAs a part of the model.
        """
        if self.adapters.configs:
            raise ValueError(
                f"save_pretrained: expected a model without adapters, got one with {', '.join(self.adapters.configs)}: "
                "adapters.save(folder) writes an adapter alone, adapters.merge_and_unload() makes LoRAs a part of the model"
            )
        if any(isinstance(parameter.data, QuantizedWeight) for parameter in self.model.parameters()):
            raise ValueError(
                "save_pretrained: expected float32 weights, got a quantised model: save it before quantize"
            )
        kept = {key: value for key, value in self.config.items() if key not in ("torch_dtype", "dtype")}
        state = state_of(self.model, self._loaded.table, prefixed=self._loaded.prefixed)
        target = Path(folder)
        write(self._network_in(target), {**kept, "dtype": "float32"}, state, None)
        if target.resolve() != self.folder.resolve():
            self._copy_rest(target)

    def _network_in(self, folder: Path) -> Path:
        """Return where the network stands in a folder."""
        return folder

    def _copy_rest(self, target: Path) -> None:
        for name in _COPIED:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, target / name)

    def _ids(self, texts: Sequence[Any], name: str) -> list[np.ndarray]:
        """Return the token ids of texts, which may be token ids themselves."""
        if all(isinstance(text, str) for text in texts):
            return self._need_tokenizer(name).encode_batch(texts) if texts else []
        rows = []
        for i, text in enumerate(texts):
            try:
                row = np.asarray(text)
            except ValueError:  # rows of unequal length
                row = np.empty((0, 0))
            rows.append(row)
            if row.ndim != 1 or row.dtype.kind not in "iu" or not row.size:
                raise TypeError(f"{name}: expected texts, or the token ids of each, got {texts[i]!r:.80} at {i}")
        return rows

    def _need_tokenizer(self, name: str) -> Any:
        if self.tokenizer is None:
            raise ValueError(
                f"{name}: expected token ids, got texts: there is no tokenizer.json in {self.folder}, or no tokenizers library "
                "(pip install 'seqnn-cpu[text]')"
            )
        return self.tokenizer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({type(self.model).__name__}) of {str(self.folder)!r}>"


def texts_of(given: Any, name: str) -> tuple[list[Any], bool]:
    """Return a list of texts, or of the token ids of each, and whether it was one only that is no list.

    Args:
        given: a text, or texts; or ids, or several.
        name: what messages call it.
    """
    if isinstance(given, str) or (isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iu"):
        return [given], True
    if isinstance(given, bytes | dict) or not hasattr(given, "__iter__"):
        raise TypeError(f"{name}: expected a text or several, or token ids, got {type(given).__name__}")
    rows = [*given]
    if rows and all(isinstance(row, int | np.integer) for row in rows):
        return [np.asarray(rows)], True
    return rows, False
