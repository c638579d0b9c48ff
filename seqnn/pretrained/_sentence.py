"""What sentence-transformers puts after a network: pooling, dense layers, norm 1; modules.json lists it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from .. import ops
from .._huggingface import read_config, read_json, read_state
from ..autograd import no_grad

__all__ = ["SentenceModules", "read_modules", "sentence_modules"]

_LEGACY = {
    "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}  # fmt: skip
_ACTIVATIONS = {"Tanh": "tanh", "Identity": None, "ReLU": "relu", "GELU": "gelu", "SiLU": "silu"}


@dataclass(frozen=True)
class SentenceModules:
    """The way from hidden states to a vector of each sentence."""

    pooling: tuple[str, ...] = ("mean",)
    """What stands for a sentence; several are joined."""

    dense: tuple[tuple[np.ndarray, np.ndarray | None, str | None], ...] = ()
    """Weight, bias and activation of layers after the pooling."""

    normalize: bool = False
    max_length: int | None = None
    prompt: str = ""
    """Put before each text."""

    lower: bool = False
    """Whether texts are read in lower case."""

    network: str = ""
    """Where the network stands in the folder."""

    folders: tuple[str, ...] = field(default=())
    """Those of the other modules."""

    def text(self, sentence: str) -> str:
        """Return what is read of a sentence: after the prompt, and in lower case where that is asked for."""
        whole = self.prompt + sentence
        return whole.lower() if self.lower else whole

    def size(self, width: int) -> int:
        """Return the size of the vectors that are made of hidden states of a width.

        Raises:
            ValueError: the weights do not follow each other.
        """
        found = width * len(self.pooling)
        for weight, _, _ in self.dense:
            if weight.shape[1] != found:
                raise ValueError(f"expected a dense layer for vectors of {found} numbers, got {weight.shape[1]}")
            found = len(weight)
        return found

    def __call__(self, hidden: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return vectors [B, D] of hidden states [B, T, width]."""
        mask = (np.arange(hidden.shape[1]) < lengths[:, None])[:, :, None]
        found = np.concatenate([_POOLINGS[kind](hidden, lengths, mask) for kind in self.pooling], axis=1)
        with no_grad():
            for weight, bias, activation in self.dense:
                found = ops.linear(found, weight, bias, activation=activation)
        return np.asarray(found, np.float32)


def _mean(hidden: np.ndarray, lengths: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, hidden, 0).sum(axis=1) / lengths[:, None].astype(np.float32)


def _weighted(hidden: np.ndarray, lengths: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weights = np.where(mask, np.arange(1, hidden.shape[1] + 1, dtype=np.float32)[:, None], 0)
    return np.where(mask, hidden * weights, 0).sum(axis=1) / weights.sum(axis=1)


_POOLINGS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "cls": lambda hidden, lengths, mask: hidden[:, 0],
    "lasttoken": lambda hidden, lengths, mask: hidden[np.arange(len(hidden)), lengths - 1],
    "max": lambda hidden, lengths, mask: np.where(mask, hidden, -np.inf).max(axis=1),
    "mean": _mean,
    "mean_sqrt_len_tokens": lambda hidden, lengths, mask: _mean(hidden, np.sqrt(lengths), mask),
    "weightedmean": _weighted,
}


def read_modules(folder: Path) -> list[tuple[str, str]]:
    """Return the kind and the path of each module that modules.json lists; nothing where there is no such file."""
    path = folder / "modules.json"
    if not path.is_file():
        return []
    try:
        listed = json.loads(path.read_text("utf-8"))
        found = [(str(entry["type"]).rpartition(".")[2], str(entry["path"])) for entry in listed]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"{path}: expected a list of modules with type and path: {error}") from None
    for _, place in found:  # they are written, too, by save_pretrained
        if PureWindowsPath(place).anchor or ".." in PureWindowsPath(place).parts:
            raise ValueError(f"{path}: expected paths inside the folder, got {place!r:.80}")
    return found


def sentence_modules(folder: Path, listed: list[tuple[str, str]]) -> SentenceModules:
    """Return what comes after the network.

    Args:
        folder: of sentence-transformers.
        listed: its modules, of which the first is the network.

    Raises:
        ValueError: there is a module, a pooling or an activation that is not known; it is named.
    """
    network = listed[0][1]
    found: dict[str, Any] = {
        "max_length": _max_length(folder / network), "lower": _lower(folder / network), "prompt": _prompt(folder),
        "network": network,
    }  # fmt: skip
    dense, last = [], -1
    for i, (kind, path) in enumerate(listed[1:]):
        if kind == "Pooling" and i == 0:
            found["pooling"] = _pooling(folder / path, found["prompt"])
        elif kind == "Dense" and i > 0:
            dense.append(_dense(folder / path))
        elif kind == "Normalize" and i > 0:
            found["normalize"], last = True, i
        else:
            raise ValueError(
                f"{folder}: modules.json: expected Transformer, Pooling, then Dense and Normalize, got {kind} as number {i + 1}"
            )
    if found.get("normalize") and last != len(listed) - 2:
        raise ValueError(f"{folder}: modules.json: expected Normalize as the last module")
    folders = tuple(path for _, path in listed[1:] if path and (folder / path).is_dir())
    return SentenceModules(**found, dense=tuple(dense), folders=folders)


def _pooling(folder: Path, prompt: str) -> tuple[str, ...]:
    path = folder / "config.json"
    config = read_config(folder)
    chosen = config.get("pooling_mode") or [mode for key, mode in _LEGACY.items() if config.get(key)] or "mean"
    modes = tuple(chosen) if isinstance(chosen, list) else (chosen,)
    if unknown := [mode for mode in modes if not isinstance(mode, str) or mode not in _POOLINGS]:
        raise ValueError(f"{path}: pooling: expected some of {', '.join(_POOLINGS)}, got {unknown[0]!r}")
    if prompt and not config.get("include_prompt", True):
        raise ValueError(f"{path}: include_prompt=False with the prompt {prompt!r:.40} would give other numbers")
    return modes


def _dense(folder: Path) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    config, state = read_config(folder), read_state(folder)
    name = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if name not in _ACTIVATIONS or "linear.weight" not in state:
        raise ValueError(
            f"{folder}: expected linear.weight and an activation of {', '.join(_ACTIVATIONS)}, got {name!r}"
        )
    weight, bias = state["linear.weight"], state.get("linear.bias")
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        shapes = list(weight.shape), None if bias is None else list(bias.shape)
        raise ValueError(
            f"{folder}: expected linear.weight [O, I] and linear.bias [O], got {shapes[0]} and {shapes[1]}"
        )
    return weight.astype(np.float32), None if bias is None else bias.astype(np.float32), _ACTIVATIONS[name]


def _lower(network: Path) -> bool:
    """Tell whether sentence_bert_config.json asks for texts in lower case."""
    path = network / "sentence_bert_config.json"
    return path.is_file() and bool(read_json(path).get("do_lower_case"))


def _max_length(network: Path) -> int | None:
    """Return how many tokens of a sentence count: what sentence_bert_config.json says, or tokenizer_config.json."""
    for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        found = read_json(network / name).get(key) if (network / name).is_file() else None
        if isinstance(found, int) and 0 < found < 1 << 31:
            return found
    return None


def _prompt(folder: Path) -> str:
    """Return what is put before each text where nobody says otherwise."""
    path = folder / "config_sentence_transformers.json"
    config = read_json(path) if path.is_file() else {}
    name = config.get("default_prompt_name")
    if name is None:
        return ""
    prompts = config.get("prompts") or {}
    prompt = prompts.get(name, "") if isinstance(prompts, dict) and isinstance(name, str) else None
    if not isinstance(prompt, str):
        raise ValueError(f"{path}: expected prompts by their names, got {prompts!r:.80} and {name!r:.40}")
    return prompt
