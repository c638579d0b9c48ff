"""Families of Hugging Face's models: what a config.json says of our arguments, and what we have not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import nn
from .._arguments import flag, integer, number
from ._files import read_config, read_state, read_tokenizer
from ._names import Table, load

__all__ = [
    "GATED", "Family", "Loaded", "Make", "activation", "activation_named", "bare", "from_folder", "is_tied", "read_flag",
    "read_folder", "read_number",
]  # fmt: skip

_ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "relu": "relu", "silu": "silu", "swish": "silu",
}  # fmt: skip
_FROM_ZERO = ("type_vocab_size", "pad_token_id", "eos_token_id", "decoder_start_token_id")
"""Integers that may be 0."""

GATED = {"gated-gelu": "geglu_tanh", "gated-silu": "swiglu", "gated-relu": "reglu"}


Make = Callable[[dict[str, Any], Mapping[str, Any], Mapping[str, Any]], Any]
"""(arguments of the bare model, config, state) -> a model whose weights are still to be set."""


@dataclass(frozen=True)
class Family:
    """How the configuration of one family of models is read."""

    model_type: str
    arguments: Mapping[str, tuple[str, Any]]
    """Our argument -> (their key, their default)."""

    required: Mapping[str, Any]
    """Their key -> the only value that we have, which is their default too."""

    table: Callable[[Any], Table]
    """Our model -> the names of its parameters."""

    further: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]] = field(default=lambda config, state: {})
    """(config, state) -> arguments that take more than one key."""

    def read(self, config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of our model; a ValueError lists what we have not."""
        if config.get("model_type", self.model_type) != self.model_type:
            raise ValueError(f"model_type: expected {self.model_type!r}, got {config['model_type']!r}")
        problems = [
            f"{k}={config[k]!r}" for k, only in self.required.items() if config.get(k, only) not in (only, None)
        ]
        if problems:
            raise ValueError(f"config.json: {', '.join(problems)} would give other numbers than this model's")
        found = {ours: read_number(config, *theirs) for ours, theirs in self.arguments.items()}
        found |= self.further(config, state)
        layers = max(found["num_layers"], found.get("num_decoder_layers", 0))
        if layers > len(state):
            raise ValueError(f"config.json: says {layers} layers, but there are only {len(state)} arrays")
        return found


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode, and what it takes to write its folder again."""

    model: Any
    config: dict[str, Any]
    table: Table
    prefixed: bool
    """Whether the names of its parameters have their prefix."""


def read_number(config: Mapping[str, Any], key: str, default: Any) -> Any:
    """Return a number of a configuration: a float where the default is one, else an integer; null is the default."""
    value = config.get(key)
    if value is None:
        return default
    name = f"config.json: {key}"
    if isinstance(default, float):
        return number(name, value, minimum=0)
    return integer(name, value, 0 if key in _FROM_ZERO else 1)


def read_flag(config: Mapping[str, Any], key: str, default: bool) -> bool:
    """Return a switch of a configuration; null is False."""
    value = config.get(key, default)
    return value is not None and flag(f"config.json: {key}", value)


def bare(kind: Callable[..., Any]) -> Make:
    """Return how a model without a head is made of its arguments."""
    return lambda arguments, config, state: kind(**arguments)


def from_folder(kind: Callable[..., Any], folder: str | os.PathLike, family: Family) -> Any:
    """Make a model from a folder of `save_pretrained`, with its weights, and its tokenizer where that can be read."""
    return read_folder(folder, read_config(folder), family, bare(kind), family.table).model


def read_folder(
    folder: str | os.PathLike,
    config: dict[str, Any],
    family: Family,
    make: Make,
    table: Callable[[Any], Table],
    state: Mapping[str, Any] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Loaded:
    """Make a model with the weights and the tokenizer of a folder.

    Args:
        folder: of `save_pretrained`.
        config: its configuration.
        family: that reads the configuration.
        make: make(arguments, config, state) -> a model whose weights are still to be set.
        table: table(model) -> the names of its parameters.
        state: the arrays; None: those of the folder.
        renamed: names in the file -> theirs, where those differ.

    Raises:
        ValueError: something does not fit; the message names the folder.
    """
    found: Mapping[str, Any] = read_state(folder, writable=True) if state is None else state
    try:
        found = _renamed(found, renamed or {})
        with nn.init.skipped():
            model = make(family.read(config, found), config, found)
        names = table(model)
        load(model, found, names, assign=state is None)
        if hasattr(model, "tokenizer"):
            model.tokenizer = read_tokenizer(folder)
    except (TypeError, ValueError, LookupError, OverflowError, MemoryError) as error:
        missing = "missing " if isinstance(error, KeyError) else ""
        raise ValueError(f"{os.fspath(folder)}: {missing}{error}") from None
    return Loaded(model.eval(), config, names, any(name.startswith(names.prefix) for name in found))


def _renamed(state: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return arrays by other names; those that are not mentioned keep theirs."""
    if absent := sorted(names.keys() - state.keys()):
        raise ValueError(f"names: expected names in the file, got {', '.join(map(repr, absent[:5]))}")
    found = {names.get(name, name): array for name, array in state.items()}
    if len(found) < len(state):
        raise ValueError("names: expected another name for each array, got one for two of them")
    return found


def is_tied(config: Mapping[str, Any], state: Mapping[str, Any], output: str, default: bool = True) -> bool:
    """Tell whether the output uses the table of the embeddings: config.json says so, or there is no other one."""
    return read_flag(config, "tie_word_embeddings", default) or output not in state


def activation(name: Any, further: Mapping[str, str] | None = None) -> str:
    """Return our name of an activation; `further` are known, too."""
    known = {**_ACTIVATIONS, **(further or {})}
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"config.json: the activation {name!r} is none of {', '.join(known)}")
    return known[name]


def activation_named(name: str) -> str:
    """Return their name of one of our activations."""
    found = next((theirs for theirs, ours in _ACTIVATIONS.items() if ours == name), None)
    if found is None:
        raise ValueError(f"activation: expected one of {', '.join(sorted({*_ACTIVATIONS.values()}))}, got {name!r}")
    return found
