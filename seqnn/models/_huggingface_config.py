"""What a config.json of Hugging Face's says about a model: our arguments, and what we have not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import nn
from ._huggingface import read_config, read_state, read_tokenizer

__all__ = ["BERT", "GPT2", "T5", "Family", "activation_named", "from_folder", "made"]

_ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "relu": "relu", "silu": "silu", "swish": "silu",
}  # fmt: skip
_GATED = {"gated-gelu": "geglu_tanh", "gated-silu": "swiglu", "gated-relu": "reglu"}


@dataclass(frozen=True)
class Family:
    """How the configuration of one family of models is read."""

    model_type: str
    arguments: Mapping[str, tuple[str, Any]]
    """Our argument -> (their key, their default)."""

    required: Mapping[str, Any]
    """Their key -> the only value that we have, which is their default too."""

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
        given = {ours: (config.get(theirs), default) for ours, (theirs, default) in self.arguments.items()}
        found = {ours: default if value is None else value for ours, (value, default) in given.items()}
        found |= self.further(config, state)
        if isinstance(found["num_layers"], int) and found["num_layers"] > len(state):
            raise ValueError(f"config.json: says {found['num_layers']} layers, but there are only {len(state)} arrays")
        return found


def from_folder(kind: type[nn.Module], folder: str | os.PathLike, family: Family) -> Any:
    """Make a model from a folder of `save_pretrained`, with its weights, and its tokenizer where that can be read."""
    config = read_config(folder)
    state = read_state(folder)
    try:
        model = made(kind, family, config, state).eval()
        if hasattr(model, "tokenizer"):
            model.tokenizer = read_tokenizer(folder)
        return model
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ValueError(f"{os.fspath(folder)}: {error}") from None


def made(kind: type[nn.Module], family: Family, config: Mapping[str, Any], state: Mapping[str, Any]) -> Any:
    """Make a model of a configuration and weights."""
    arguments = family.read(config, state)
    with nn.init.skipped():
        model = kind(**arguments)
    return model.load_huggingface(state)


def activation(name: Any, known: Mapping[str, str] = _ACTIVATIONS) -> str:
    """Return our name of an activation."""
    if name not in known:
        raise ValueError(f"config.json: the activation {name!r} is none of {', '.join(known)}")
    return known[name]


def activation_named(name: str) -> str:
    """Return their name of one of our activations."""
    found = next((theirs for theirs, ours in _ACTIVATIONS.items() if ours == name), None)
    if found is None:
        raise ValueError(f"activation: expected one of {', '.join(sorted({*_ACTIVATIONS.values()}))}, got {name!r}")
    return found


def _gpt2(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "activation": activation(config.get("activation_function", "gelu_new")),
        "tied": bool(config.get("tie_word_embeddings", True)) or "lm_head.weight" not in state,
    }


def _bert(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    pooler = any(name.endswith("pooler.dense.weight") for name in state)
    return {"activation": activation(config.get("hidden_act", "gelu")), "pooler": pooler}


def _t5(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    begin, pad = config.get("decoder_start_token_id"), config.get("pad_token_id", 0)
    if begin not in (None, pad):
        raise ValueError(f"config.json: decoder_start_token_id={begin!r}, expected pad_token_id={pad!r}")
    kind = config.get("feed_forward_proj", "relu")
    tied = bool(config.get("tie_word_embeddings", True)) or "lm_head.weight" not in state
    decoder = any(name.startswith("decoder.") for name in state)
    layers = config.get("num_decoder_layers")
    return {
        "activation": activation(kind, {**_ACTIVATIONS, **_GATED}),
        "tied": tied,
        "scale_output": bool(config.get("scale_decoder_outputs", tied)),
        "num_decoder_layers": (config.get("num_layers", 6) if layers is None else layers) if decoder else 0,
    }


GPT2 = Family(
    "gpt2",
    {
        "vocabulary_size": ("vocab_size", 50257), "max_positions": ("n_positions", 1024), "d_model": ("n_embd", 768),
        "nhead": ("n_head", 12), "num_layers": ("n_layer", 12), "dim_feedforward": ("n_inner", None),
        "dropout": ("resid_pdrop", 0.1), "layer_norm_eps": ("layer_norm_epsilon", 1e-5),
    },
    {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False},
    _gpt2,
)  # fmt: skip

BERT = Family(
    "bert",
    {
        "vocabulary_size": ("vocab_size", 30522), "max_positions": ("max_position_embeddings", 512),
        "num_segments": ("type_vocab_size", 2), "d_model": ("hidden_size", 768), "nhead": ("num_attention_heads", 12),
        "num_layers": ("num_hidden_layers", 12), "dim_feedforward": ("intermediate_size", 3072),
        "dropout": ("hidden_dropout_prob", 0.1), "layer_norm_eps": ("layer_norm_eps", 1e-12),
    },
    {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False},
    _bert,
)  # fmt: skip

T5 = Family(
    "t5",
    {
        "vocabulary_size": ("vocab_size", 32128), "d_model": ("d_model", 512), "nhead": ("num_heads", 8),
        "head_dim": ("d_kv", 64), "num_layers": ("num_layers", 6), "dim_feedforward": ("d_ff", 2048),
        "dropout": ("dropout_rate", 0.1), "buckets": ("relative_attention_num_buckets", 32),
        "max_distance": ("relative_attention_max_distance", 128), "layer_norm_eps": ("layer_norm_epsilon", 1e-6),
        "pad_id": ("pad_token_id", 0), "eos_id": ("eos_token_id", 1),
    },
    {"is_decoder": False},
    _t5,
)  # fmt: skip
