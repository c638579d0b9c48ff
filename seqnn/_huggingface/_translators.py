"""The families of BART, Marian, mBART and M2M-100 (and NLLB), as Hugging Face's files have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._family import Family, activation, is_tied, read_flag, read_number
from ._names import Table

__all__ = ["BART", "BART_LIKE", "M2M_100", "MARIAN", "MBART", "PEGASUS"]

_HEAD, _BIAS = "lm_head.weight", "final_logits_bias"


def _names() -> dict[str, str | tuple[str, ...]]:
    names: dict[str, str | tuple[str, ...]] = {
        "embedding": "shared", "head": "lm_head", "head.bias": _BIAS
    }  # fmt: skip
    attentions = {"self_attn": "self_attn", "multihead_attn": "encoder_attn"}
    for stack, of_layer in (("encoder", 1), ("decoder", 2)):
        layer = f"{stack}.layers.{{}}."
        for number, (ours, theirs) in enumerate([*attentions.items()][:of_layer], 1):
            names[f"{layer}{ours}.in_proj"] = tuple(f"{layer}{theirs}.{x}_proj" for x in "qkv")
            names[f"{layer}{ours}.out_proj"] = f"{layer}{theirs}.out_proj"
            names[f"{layer}norm{number}"] = f"{layer}{theirs}_layer_norm"
        names[f"{layer}linear1"], names[f"{layer}linear2"] = f"{layer}fc1", f"{layer}fc2"
        names[f"{layer}norm{of_layer + 1}"] = f"{layer}final_layer_norm"
        names[f"{stack}.norm"] = f"{stack}.layer_norm"
        names[f"{stack}_positions"] = f"{stack}.embed_positions"
        names[f"{stack}_norm"] = f"{stack}.layernorm_embedding"
    return names


_NAMES = _names()
_UNUSED = 2
"""Rows of learned positions that no position has, as the padding's number and what is before it are left out."""


def _table(model: Any) -> Table:
    learned = hasattr(model.decoder_positions, "weight")
    parts = ("encoder_positions", "decoder_positions")
    copies = {f"{prefix}{part}.embed_tokens.weight" for prefix in ("", "model.") for part in ("encoder", "decoder")}
    return Table(
        _NAMES,
        "model.",
        bare=("lm_head.", _BIAS, "classification_head."),
        one_row=(_BIAS,),
        skipped=dict.fromkeys(parts, _UNUSED) if learned else {},
        copies=dict.fromkeys([*copies, *([_HEAD] if model.tied else [])], "embedding.weight"),
        ignored=(
            *(() if learned else (r"embed_positions\.weights?$",)),
            *(() if model.head.bias is not None else (rf"^{_BIAS}$",)),
            r"^classification_head\.", r"(en|de)coder\.version$",
        ),
    )  # fmt: skip


def _further(**fixed: Any) -> Any:
    def further(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        found = {**fixed, "activation": activation(config.get("activation_function", fixed["activation"]))}
        found["embedding_scale"] = read_flag(config, "scale_embedding", fixed["embedding_scale"])
        found["start_id"] = read_number(config, "decoder_start_token_id", fixed["start_id"])
        ends = config.get("eos_token_id")
        first = ends[0] if isinstance(ends, list) and ends else ends
        found["eos_id"] = read_number({"eos_token_id": first}, "eos_token_id", fixed["eos_id"])
        return {**found, "tied": is_tied(config, state, _HEAD), "output_bias": _BIAS in state}

    return further


def _family(model_type: str, vocabulary: int, padding: int, **fixed: Any) -> Family:
    return Family(
        model_type,
        {
            "vocabulary_size": ("vocab_size", vocabulary), "max_positions": ("max_position_embeddings", 1024),
            "d_model": ("d_model", 1024), "nhead": ("encoder_attention_heads", 16),
            "decoder_nhead": ("decoder_attention_heads", 16), "num_layers": ("encoder_layers", 12),
            "num_decoder_layers": ("decoder_layers", 12), "dim_feedforward": ("encoder_ffn_dim", 4096),
            "decoder_dim_feedforward": ("decoder_ffn_dim", 4096), "dropout": ("dropout", 0.1),
            "pad_id": ("pad_token_id", padding),
        },
        {"share_encoder_decoder_embeddings": True, "is_decoder": False},
        _table,
        _further(**fixed),
    )  # fmt: skip


_POST = {"activation": "gelu", "embedding_scale": False, "eos_id": 2, "start_id": 2}
BART = _family("bart", 50265, 1, **_POST)
MBART = _family("mbart", 50265, 1, norm_first=True, wrapped=True, **_POST)
MARIAN = _family(
    "marian", 58101, 58100, positions="sinusoidal", embedding_norm=False, **{**_POST, "eos_id": 0, "start_id": 58100}
)
PEGASUS = _family(
    "pegasus",
    50265,
    0,
    positions="sinusoidal",
    embedding_norm=False,
    norm_first=True,
    **{**_POST, "eos_id": 1, "start_id": 0},
)
M2M_100 = _family(
    "m2m_100", 128112, 1, positions="fairseq", embedding_norm=False, norm_first=True,
    **{**_POST, "activation": "relu", "embedding_scale": True},
)  # fmt: skip
BART_LIKE = {family.model_type: family for family in (BART, MARIAN, MBART, M2M_100, PEGASUS)}
"""model_type -> the family."""
