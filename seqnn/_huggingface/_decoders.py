"""The families of models that write, GPT-2, LLaMA, Mistral, Qwen and T5, as Hugging Face's files have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._family import GATED, Family, activation, is_tied, read_flag, read_number
from ._names import Table

__all__ = ["GPT2", "LLAMA", "MISTRAL", "QWEN2", "QWEN3", "T5"]

_HEAD = "lm_head.weight"
_GPT2_NAMES = {
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


def _gpt2_table(model: Any) -> Table:
    return Table(
        _GPT2_NAMES,
        "transformer.",
        bare=("lm_head.", "score."),
        transposed=("in_proj", "out_proj", "linear1", "linear2"),
        copies={_HEAD: "embedding.weight"} if model.tied else {},
        ignored=(r"attn\.(masked_)?bias$", r"^score\.weight$"),
    )


def _gpt2(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "activation": activation(config.get("activation_function", "gelu_new")),
        "tied": is_tied(config, state, _HEAD),
    }


GPT2 = Family(
    "gpt2",
    {
        "vocabulary_size": ("vocab_size", 50257), "max_positions": ("n_positions", 1024), "d_model": ("n_embd", 768),
        "nhead": ("n_head", 12), "num_layers": ("n_layer", 12), "dim_feedforward": ("n_inner", None),
        "dropout": ("resid_pdrop", 0.1), "layer_norm_eps": ("layer_norm_epsilon", 1e-5),
    },
    {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False},
    _gpt2_table,
    _gpt2,
)  # fmt: skip


_WITH_GATE = {"silu": "swiglu", "gelu": "geglu", "gelu_tanh": "geglu_tanh", "relu": "reglu"}
_LAYER = "layers.{}."
_LLAMA_NAMES: dict[str, str | tuple[str, ...]] = {
    "embedding": "embed_tokens",
    "transformer.layers.{}.norm1": f"{_LAYER}input_layernorm",
    "transformer.layers.{}.self_attn.in_proj": tuple(f"{_LAYER}self_attn.{x}_proj" for x in "qkv"),
    "transformer.layers.{}.self_attn.q_norm": f"{_LAYER}self_attn.q_norm",
    "transformer.layers.{}.self_attn.k_norm": f"{_LAYER}self_attn.k_norm",
    "transformer.layers.{}.self_attn.out_proj": f"{_LAYER}self_attn.o_proj",
    "transformer.layers.{}.norm2": f"{_LAYER}post_attention_layernorm",
    "transformer.layers.{}.linear1": f"{_LAYER}mlp.gate_proj",
    "transformer.layers.{}.linear3": f"{_LAYER}mlp.up_proj",
    "transformer.layers.{}.linear2": f"{_LAYER}mlp.down_proj",
    "transformer.norm": "norm",
    "head": "lm_head",
}


def _llama_table(model: Any) -> Table:
    copies = {_HEAD: "embedding.weight"} if model.tied else {}
    return Table(_LLAMA_NAMES, "model.", bare=("lm_head.",), copies=copies, ignored=(r"rotary_emb\.inv_freq$",))


def _llama(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    kind = activation(config.get("hidden_act", "silu"))
    if kind not in _WITH_GATE:
        raise ValueError(f"config.json: hidden_act: expected one of {', '.join(_WITH_GATE)}, got {kind!r}")
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(scaling, dict):
        raise ValueError(f"config.json: rope_scaling: expected an object, got {scaling!r:.80}")
    base = read_number(scaling, "rope_theta", read_number(config, "rope_theta", 10000.0))
    scaling = {key: value for key, value in scaling.items() if key != "rope_theta"}
    if scaling.get("rope_type", scaling.get("type", "default")) == "default":
        scaling = {}
    elif scaling.get("original_max_position_embeddings") is None:
        scaling["original_max_position_embeddings"] = read_number(config, "max_position_embeddings", 2048)
    return {
        "activation": _WITH_GATE[kind],
        "tied": is_tied(config, state, _HEAD, default=False),
        "positions": "rotary", "norm": "rms_norm", "bias": False,
        "rotary_base": base, "rotary_scaling": scaling or None,
    }  # fmt: skip


def _llama_with_biases(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a model whose attention, and whose feed-forward networks, may have biases."""
    attention = read_flag(config, "attention_bias", False)
    biases = {"bias": read_flag(config, "mlp_bias", False), "qkv_bias": attention, "out_bias": attention}
    return {**_llama(config, state), **biases}


def _qwen2(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {**_llama(config, state), "qkv_bias": True}


def _qwen3(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {**_llama_with_biases(config, state), "bias": False, "qk_norm": True}


def _mistral(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a model whose window of attention is as long as its texts may become."""
    positions = read_number(config, "max_position_embeddings", 131072)
    said = {"sliding_window": config.get("sliding_window", 4096)}  # null: there is none
    return {**_llama(config, state), "max_positions": min(positions, read_number(said, "sliding_window", positions))}


def _llama_like(model_type: str, required: Mapping[str, Any], further: Any, head_dim: int | None = None) -> Family:
    return Family(
        model_type,
        {
            "vocabulary_size": ("vocab_size", 32000), "max_positions": ("max_position_embeddings", 2048),
            "d_model": ("hidden_size", 4096), "nhead": ("num_attention_heads", 32),
            "num_groups": ("num_key_value_heads", None), "head_dim": ("head_dim", head_dim),
            "num_layers": ("num_hidden_layers", 32), "dim_feedforward": ("intermediate_size", 11008),
            "dropout": ("attention_dropout", 0.0), "layer_norm_eps": ("rms_norm_eps", 1e-6),
        },
        required,
        _llama_table,
        further,
    )  # fmt: skip


LLAMA = _llama_like("llama", {"pretraining_tp": 1}, _llama_with_biases)
MISTRAL = _llama_like("mistral", {}, _mistral)
QWEN2 = _llama_like("qwen2", {"use_sliding_window": False}, _qwen2)
QWEN3 = _llama_like("qwen3", {"use_sliding_window": False}, _qwen3, head_dim=128)


def _t5_names(gated: bool) -> dict[str, str | tuple[str, ...]]:
    names: dict[str, str | tuple[str, ...]] = {"embedding": "shared", "head": "lm_head"}
    for stack, attentions in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "multihead_attn"))):
        ours, theirs = stack + ".layers.{}.", stack + ".block.{}.layer."
        for i, attention in enumerate(attentions):
            inside = f"{theirs}{i}.{('SelfAttention', 'EncDecAttention')[i]}."
            names[f"{ours}{attention}.in_proj"] = (inside + "q", inside + "k", inside + "v")
            names[f"{ours}{attention}.out_proj"] = inside + "o"
            names[f"{ours}norm{i + 1}"] = f"{theirs}{i}.layer_norm"
        i = len(attentions)
        names[f"{ours}linear1"] = f"{theirs}{i}.DenseReluDense.wi{'_0' if gated else ''}"
        names[f"{ours}linear3"] = f"{theirs}{i}.DenseReluDense.wi_1"
        names[f"{ours}linear2"] = f"{theirs}{i}.DenseReluDense.wo"
        names[f"{ours}norm{i + 1}"] = f"{theirs}{i}.layer_norm"
        names[f"{stack}.norm"] = f"{stack}.final_layer_norm"
        names[f"{stack}.relative"] = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"
    return names


def _t5_table(model: Any) -> Table:
    copies = {f"{stack}.embed_tokens.weight": "embedding.weight" for stack in ("encoder", "decoder")}
    copies |= {_HEAD: "embedding.weight"} if model.tied and model.decoder is not None else {}
    ignored = [r"EncDecAttention\.relative_attention_bias\.weight$"]
    ignored += [] if model.decoder is not None else [r"^decoder\.", r"^lm_head\."]
    return Table(_t5_names(model.encoder.layers[0].linear3 is not None), copies=copies, ignored=tuple(ignored))


def _t5(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    begin, pad = config.get("decoder_start_token_id"), config.get("pad_token_id", 0)
    if begin not in (None, pad):
        raise ValueError(f"config.json: decoder_start_token_id={begin!r}, expected pad_token_id={pad!r}")
    tied = is_tied(config, state, _HEAD)
    decoder = any(name.startswith("decoder.") for name in state)
    layers = read_number(config, "num_decoder_layers", read_number(config, "num_layers", 6)) if decoder else 0
    return {
        "activation": activation(config.get("feed_forward_proj", "relu"), GATED),
        "tied": tied,
        "scale_output": read_flag(config, "scale_decoder_outputs", tied),
        "num_decoder_layers": layers,
    }


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
    _t5_table,
    _t5,
)  # fmt: skip
