"""The families of encoders, BERT and its relatives, as Hugging Face's files have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._family import Family, activation
from ._names import Table

__all__ = ["BERT", "CAMEMBERT", "DISTILBERT", "ELECTRA", "ENCODERS", "MPNET", "ROBERTA", "XLM_ROBERTA"]

_LAYER = "encoder.layer.{}."
_NAMES: dict[str, str | tuple[str, ...]] = {
    "embedding": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "transformer.layers.{}.self_attn.in_proj": tuple(f"{_LAYER}attention.self.{x}" for x in ("query", "key", "value")),
    "transformer.layers.{}.self_attn.out_proj": f"{_LAYER}attention.output.dense",
    "transformer.layers.{}.norm1": f"{_LAYER}attention.output.LayerNorm",
    "transformer.layers.{}.linear1": f"{_LAYER}intermediate.dense",
    "transformer.layers.{}.linear2": f"{_LAYER}output.dense",
    "transformer.layers.{}.norm2": f"{_LAYER}output.LayerNorm",
    "pooler": "pooler.dense",
}
_DISTILLED = "transformer.layer.{}."
_DISTIL_NAMES: dict[str, str | tuple[str, ...]] = {
    **{ours: theirs for ours, theirs in _NAMES.items() if theirs[:4] == "embe"},
    "transformer.layers.{}.self_attn.in_proj": tuple(f"{_DISTILLED}attention.{x}_lin" for x in "qkv"),
    "transformer.layers.{}.self_attn.out_proj": f"{_DISTILLED}attention.out_lin",
    "transformer.layers.{}.norm1": f"{_DISTILLED}sa_layer_norm",
    "transformer.layers.{}.linear1": f"{_DISTILLED}ffn.lin1",
    "transformer.layers.{}.linear2": f"{_DISTILLED}ffn.lin2",
    "transformer.layers.{}.norm2": f"{_DISTILLED}output_layer_norm",
}
_MPNET_NAMES = {
    **_NAMES,
    "transformer.layers.{}.self_attn.in_proj": tuple(f"{_LAYER}attention.attn.{x}" for x in "qkv"),
    "transformer.layers.{}.self_attn.out_proj": f"{_LAYER}attention.attn.o",
    "transformer.layers.{}.norm1": f"{_LAYER}attention.LayerNorm",
    "transformer.relative": "encoder.relative_attention_bias",
}
_ELECTRA_NAMES = {**_NAMES, "projection": "embeddings_project"}
_HEADS = ("cls.", "classifier.", "qa_outputs.", "lm_head.", "pre_classifier.", "vocab_", "discriminator_", "generator_")
_BUFFERS = (r"position_ids$",)
_ARGUMENTS = {
    "vocabulary_size": ("vocab_size", 30522), "max_positions": ("max_position_embeddings", 512),
    "num_segments": ("type_vocab_size", 2), "d_model": ("hidden_size", 768), "nhead": ("num_attention_heads", 12),
    "num_layers": ("num_hidden_layers", 12), "dim_feedforward": ("intermediate_size", 3072),
    "dropout": ("hidden_dropout_prob", 0.1), "layer_norm_eps": ("layer_norm_eps", 1e-12),
}  # fmt: skip
_DISTIL_ARGUMENTS = {
    "vocabulary_size": ("vocab_size", 30522), "max_positions": ("max_position_embeddings", 512), "d_model": ("dim", 768),
    "nhead": ("n_heads", 12), "num_layers": ("n_layers", 6), "dim_feedforward": ("hidden_dim", 3072),
    "dropout": ("dropout", 0.1),
}  # fmt: skip
_REQUIRED = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}
_PADDING = 1
"""The token that fills up sequences of a RoBERTa; its positions count from the number after it."""


def _table(prefix: str, names: Mapping[str, str | tuple[str, ...]], skipped: int = 0) -> Any:
    def table(model: Any) -> Table:
        without = () if model.pooler is not None else (rf"^({prefix}\.)?pooler\.",)
        heads = tuple(f"^{head}" for head in _HEADS)
        rows = {"positions": skipped} if skipped else {}
        return Table(names, f"{prefix}.", bare=_HEADS, skipped=rows, ignored=(*_BUFFERS, *heads, *without))

    return table


def _bert(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    pooler = any(name.endswith("pooler.dense.weight") for name in state)
    return {"activation": activation(config.get("hidden_act", "gelu")), "pooler": pooler}


def _roberta(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    padding = config.get("pad_token_id", _PADDING)
    if padding != _PADDING:
        raise ValueError(f"config.json: pad_token_id={padding!r}, expected {_PADDING}, from which positions count")
    positions = config.get("max_position_embeddings", 512)
    if not isinstance(positions, int) or positions <= _PADDING + 1:
        raise ValueError(f"config.json: max_position_embeddings: expected more than {_PADDING + 1}, got {positions!r}")
    return {**_bert(config, state), "max_positions": positions - _PADDING - 1}


def _mpnet(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {**_roberta(config, state), "num_segments": 0}


def _distilbert(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    return {"activation": activation(config.get("activation", "gelu")), "pooler": False, "num_segments": 0}


def _robust(model_type: str) -> Family:
    return Family(model_type, _ARGUMENTS, _REQUIRED, _table("roberta", _NAMES, _PADDING + 1), _roberta)


BERT = Family("bert", _ARGUMENTS, _REQUIRED, _table("bert", _NAMES), _bert)
ROBERTA, XLM_ROBERTA, CAMEMBERT = map(_robust, ("roberta", "xlm-roberta", "camembert"))
MPNET = Family(
    "mpnet",
    {**_ARGUMENTS, "vocabulary_size": ("vocab_size", 30527), "buckets": ("relative_attention_num_buckets", 32)},
    _REQUIRED,
    _table("mpnet", _MPNET_NAMES, _PADDING + 1),
    _mpnet,
)
ELECTRA = Family(
    "electra",
    {**_ARGUMENTS, "embedding_size": ("embedding_size", 128)},
    _REQUIRED,
    _table("electra", _ELECTRA_NAMES),
    _bert,
)
DISTILBERT = Family("distilbert", _DISTIL_ARGUMENTS, {}, _table("distilbert", _DISTIL_NAMES), _distilbert)
ENCODERS = {
    "Bert": BERT,
    "Roberta": ROBERTA,
    "XLMRoberta": XLM_ROBERTA,
    "Camembert": CAMEMBERT,
    "DistilBert": DISTILBERT,
    "MPNet": MPNET,
    "Electra": ELECTRA,
}
"""The beginning of the names of their classes -> the family."""
