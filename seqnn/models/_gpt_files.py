"""A GPT as a GPT-2 in a folder of Hugging Face's transformers: what config.json says."""

from __future__ import annotations

from os import PathLike
from typing import Any

from .._huggingface import GPT2, activation_named, state_of, write
from ..text import SPECIALS, SubwordTokenizer, Vocabulary

__all__ = ["save"]


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
    write(folder, config, state_of(model, GPT2.table(model)), model.tokenizer)


def _end_of(tokenizer: Any) -> int | None:
    """Return the token that ends texts; None where there is none."""
    try:
        return int(tokenizer.special_id("eos" if isinstance(tokenizer, Vocabulary) else SPECIALS["eos"]))
    except (AttributeError, KeyError):
        return None
