"""A GPT as a GPT-2 in the files of Hugging Face's transformers: names, and what config.json says."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ..text import SPECIALS, SubwordTokenizer, Vocabulary
from . import _huggingface
from ._huggingface_config import activation_named

__all__ = ["NAMES", "TRANSPOSED", "save"]

TRANSPOSED = "in_proj", "out_proj", "linear1", "linear2"
NAMES = {  # of GPT-2 in Hugging Face's transformers
    "embedding": "wte",
    "positions": "wpe",
    "transformer.layers.{}.norm1": "h.{}.ln_1",
    "transformer.layers.{}.self_attn.in_proj": "h.{}.attn.c_attn",
    "transformer.layers.{}.self_attn.out_proj": "h.{}.attn.c_proj",
    "transformer.layers.{}.norm2": "h.{}.ln_2",
    "transformer.layers.{}.linear1": "h.{}.mlp.c_fc",
    "transformer.layers.{}.linear2": "h.{}.mlp.c_proj",
    "transformer.norm": "ln_f",
    "head": "lm_head",
}


def save(model: Any, folder: str | PathLike) -> None:
    """Do what `GPT.save_huggingface` promises."""
    layer = model.transformer.layers[0]
    if model.positions is None or layer.linear1.bias is None:
        raise ValueError("save_huggingface: expected learned positions and biases, as a GPT-2 has")
    if model.tokenizer is not None and not isinstance(model.tokenizer, SubwordTokenizer | Vocabulary):
        raise TypeError(
            f"tokenizer: expected a SubwordTokenizer, a Vocabulary or None, got {type(model.tokenizer).__name__}"
        )
    vocabulary, width = model.embedding.weight.shape
    config = {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": vocabulary,
        "n_positions": model.max_positions, "n_embd": width, "n_head": layer.self_attn.num_heads,
        "n_layer": len(model.transformer.layers), "n_inner": layer.linear1.out_features,
        "activation_function": activation_named(layer.activation), "layer_norm_epsilon": model.transformer.norm.eps,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), model.dropout.p),
        "tie_word_embeddings": model.tied, "bos_token_id": None, "eos_token_id": _end_of(model.tokenizer),
    }  # fmt: skip
    state = _huggingface.state_of(model, NAMES, prefix="transformer.", headed="lm_head", transposed=TRANSPOSED)
    _huggingface.write(folder, config, state, model.tokenizer)


def _end_of(tokenizer: Any) -> int | None:
    """Return the token that ends texts; None where there is none."""
    try:
        return int(tokenizer.special_id("eos" if isinstance(tokenizer, Vocabulary) else SPECIALS["eos"]))
    except (AttributeError, KeyError):
        return None
