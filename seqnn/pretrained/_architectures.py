"""The classes of Hugging Face's that are read: which of our models each is, with which head."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import nn
from .._huggingface import BART as BART_FAMILY
from .._huggingface import (
    BART_LIKE,
    CLASSES,
    ENCODERS,
    GPT2,
    LLAMA,
    MASKED_OUTPUTS,
    MISTRAL,
    QWEN2,
    QWEN3,
    SPANS,
    TAGS,
    Family,
    Loaded,
    Make,
    Table,
    bare,
    is_tied,
    masked_table,
    read_config,
    read_folder,
)
from .._huggingface import T5 as T5_FAMILY
from ..models import (
    BART,
    BERT,
    GPT,
    T5,
    BARTReader,
    BERTForPretraining,
    ClassificationHead,
    SpanHead,
    TaggingHead,
    WithHead,
)

__all__ = ["ARCHITECTURES", "load_folder", "read_as"]

Folder = str | os.PathLike
Config = Mapping[str, Any]
State = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Architecture:
    """How the model of one of their classes is made, and what its parameters are called."""

    family: Family
    make: Make
    table: Callable[[Any], Table]
    """The model -> the names of its parameters."""


def load_folder(folder: Folder, names: Mapping[str, str] | None = None) -> Loaded:
    """Make the model that a folder of `save_pretrained` holds.

    config.json says which model it is and its sizes; whatever would give other numbers than the original is refused.

    Args:
        folder: with config.json and the weights.
        names: names in the file -> those of transformers, where they differ.

    Raises:
        ValueError: it is another model, or uses what ours have not; the message names the folder and the reason.
    """
    config = read_config(folder)
    kinds = config.get("architectures")
    kind = kinds[0] if isinstance(kinds, list) and len(kinds) == 1 else kinds
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ValueError(f"{folder}: expected one of {', '.join(ARCHITECTURES)} in config.json, got {kind!r}")
    return read_as(folder, config, kind, names=names)


def read_as(
    folder: Folder,
    config: dict[str, Any],
    kind: str,
    state: State | None = None,
    names: Mapping[str, str] | None = None,
) -> Loaded:
    """Make the model of a class.

    Args:
        folder: that messages name.
        config: what config.json says.
        kind: the name of the class.
        state: the arrays; None: those of the folder.
        names: names in the file -> those of transformers, where they differ.
    """
    chosen = ARCHITECTURES[kind]
    return read_folder(folder, config, chosen.family, chosen.make, chosen.table, state, names)


def _masked(
    kind: str, next_sentence: bool, arguments: dict[str, Any], config: Config, state: State
) -> BERTForPretraining:
    if kind == "Roberta" and arguments["activation"] != "gelu":
        raise ValueError(
            f"config.json: hidden_act={config['hidden_act']!r} would give other numbers: the head has gelu"
        )
    tied = is_tied(config, state, f"{MASKED_OUTPUTS[kind]}.weight")
    return BERTForPretraining(BERT(**{**arguments, "pooler": next_sentence}), next_sentence=next_sentence, tied=tied)


def _headed(
    encoder: Callable[..., Any],
    head: Callable[..., nn.Module],
    names: Mapping[str, str],
    arguments: dict[str, Any],
    config: Config,
    state: State,
) -> WithHead:
    output = f"{names['head.output']}.weight"
    if state[output].ndim != 2:
        raise ValueError(f"{output}: expected [classes, width], got {list(state[output].shape)}")
    classes, d_model = state[output].shape
    if encoder is BERT:
        arguments = {**arguments, "pooler": False}
    return WithHead(encoder(**arguments), head(d_model) if head is SpanHead else head(d_model, classes))


def _with_head(
    family: Family, encoder: Callable[..., Any], head: Callable[..., nn.Module], names: Mapping[str, str]
) -> Architecture:
    return Architecture(
        family,
        partial(_headed, encoder, head, names),
        lambda model: family.table(model.encoder).inside("encoder", names),
    )


_AFTER_DENSE = {"DistilBert": "relu", "Electra": "gelu"}
"""The activations of heads that are not tanh."""


def _encoders() -> dict[str, Architecture]:
    """Return the classes of all families of encoders."""
    found: dict[str, Architecture] = {}
    for name, family in ENCODERS.items():
        kind = name if name in CLASSES else "Roberta"

        def masked(model: Any, family: Family = family, kind: str = kind) -> Table:
            return masked_table(model, family.table(model.bert), kind)

        classes = partial(ClassificationHead, activation=_AFTER_DENSE.get(name, "tanh"))
        found |= {
            f"{name}Model": Architecture(family, bare(BERT), family.table),
            f"{name}ForMaskedLM": Architecture(family, partial(_masked, kind, False), masked),
            f"{name}ForSequenceClassification": _with_head(family, BERT, classes, CLASSES[kind]),
            f"{name}ForTokenClassification": _with_head(family, BERT, TaggingHead, TAGS),
            f"{name}ForQuestionAnswering": _with_head(family, BERT, SpanHead, SPANS),
        }
        if name == "Electra":  # its head of hidden tokens is of another kind
            del found["ElectraForMaskedLM"]
        if name == "Bert":
            found["BertForPreTraining"] = Architecture(family, partial(_masked, kind, True), masked)
    return found


def _reading(**arguments: Any) -> BARTReader:
    return BARTReader(BART(**{**arguments, "tied": True, "output_bias": False}))


def _reading_table(model: WithHead) -> Table:
    table = BART_FAMILY.table(model.encoder.bart)
    copies = {theirs: f"encoder.bart.{ours}" for theirs, ours in table.copies.items()}
    return table.inside("encoder.bart", CLASSES["Bart"], copies=copies)


def _translators() -> dict[str, Architecture]:
    """Return the classes of BART and its relatives."""
    found: dict[str, Architecture] = {}
    for model_type, *kinds in (
        ("bart", "BartForConditionalGeneration", "BartModel"),
        ("marian", "MarianMTModel", "MarianModel"),
        ("mbart", "MBartForConditionalGeneration", "MBartModel"),
        ("m2m_100", "M2M100ForConditionalGeneration", "M2M100Model"),
        ("pegasus", "PegasusForConditionalGeneration", "PegasusModel"),
    ):
        family = BART_LIKE[model_type]
        found |= dict.fromkeys(kinds, Architecture(family, bare(BART), family.table))
    classes = partial(_headed, _reading, partial(ClassificationHead, pooling="last"), CLASSES["Bart"])
    return {**found, "BartForSequenceClassification": Architecture(BART_FAMILY, classes, _reading_table)}


_LAST = partial(ClassificationHead, pooling="last", dense=False, bias=False)

ARCHITECTURES: dict[str, Architecture] = {
    **dict.fromkeys(("GPT2LMHeadModel", "GPT2Model"), Architecture(GPT2, bare(GPT), GPT2.table)),
    "GPT2ForSequenceClassification": _with_head(GPT2, GPT, _LAST, CLASSES["GPT2"]),
    **{
        f"{name}{kind}": Architecture(family, bare(GPT), family.table)
        for name, family in {"Llama": LLAMA, "Mistral": MISTRAL, "Qwen2": QWEN2, "Qwen3": QWEN3}.items()
        for kind in ("ForCausalLM", "Model")
    },
    **_encoders(),
    **dict.fromkeys(
        ("T5ForConditionalGeneration", "T5Model", "T5EncoderModel"), Architecture(T5_FAMILY, bare(T5), T5_FAMILY.table)
    ),
    **_translators(),
}
"""The names of their classes -> how they are read."""
