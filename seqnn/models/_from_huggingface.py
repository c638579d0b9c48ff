"""Models of Hugging Face's with whatever head a folder says that they have."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import nn
from ._bert import BERT, BERTForPretraining
from ._gpt import GPT
from ._heads import ClassificationHead, TaggingHead, WithHead
from ._huggingface import read_config, read_state
from ._huggingface_config import BERT as BERT_FAMILY
from ._huggingface_config import GPT2, made
from ._spans import SpanHead
from ._t5 import T5

__all__ = ["from_huggingface"]

Folder = str | os.PathLike
State = Mapping[str, np.ndarray]


def from_huggingface(folder: Folder) -> Any:
    """Make the model that a folder of Hugging Face's `save_pretrained` holds, in evaluation mode; no torch is needed.

    config.json says which model it is and its sizes; whatever would give other numbers than the original is refused.
    The weights are those of model.safetensors or of its shards; bfloat16 becomes float32.

    Args:
        folder: with config.json and the weights.

    Returns:
        A `GPT` (GPT2LMHeadModel, GPT2Model), `BERT` (BertModel), `BERTForPretraining` (BertForPreTraining, BertForMaskedLM),
        `T5` (T5ForConditionalGeneration, T5Model, T5EncoderModel); or `WithHead` (BertForSequenceClassification,
        BertForTokenClassification, BertForQuestionAnswering, GPT2ForSequenceClassification).

    Raises:
        ValueError: it is another model, or uses what these have not; the message names the folder and the reason.

    >>> from seqnn.models import from_huggingface
    >>> from_huggingface("no such folder")
    Traceback (most recent call last):
    ValueError: no such folder: expected a folder with config.json and the weights, got nothing
    """
    config = read_config(folder)
    kinds = config.get("architectures")
    kind = kinds[0] if isinstance(kinds, list) and len(kinds) == 1 else kinds
    if not isinstance(kind, str) or kind not in _BARE | _HEADED:
        raise ValueError(f"{folder}: expected one of {', '.join([*_BARE, *_HEADED])} in config.json, got {kind!r}")
    if kind in _BARE:
        return _BARE[kind](folder)
    state = read_state(folder)
    try:
        return _HEADED[kind](config, state).eval()
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{folder}: {'missing ' if isinstance(error, KeyError) else ''}{error}") from None


def _pretraining(config: Mapping[str, Any], state: State, next_sentence: bool) -> BERTForPretraining:
    tied = bool(config.get("tie_word_embeddings", True)) or "cls.predictions.decoder.weight" not in state
    with nn.init.skipped():
        bert = BERT(**{**BERT_FAMILY.read(config, state), "pooler": next_sentence})
        model = BERTForPretraining(bert, next_sentence=next_sentence, tied=tied)
    return model.load_huggingface(state)


def _bert_with(
    head: Callable[..., nn.Module], names: Mapping[str, str]
) -> Callable[[Mapping[str, Any], State], WithHead]:
    """Return how a BERT with a head is made; `names` are ours and theirs of the head's layers."""

    def make(config: Mapping[str, Any], state: State) -> WithHead:
        with nn.init.skipped():
            encoder = BERT(**{**BERT_FAMILY.read(config, state), "pooler": False})
        return _headed(encoder.load_huggingface(state), head, names, state)

    return make


def _gpt2_classifier(config: Mapping[str, Any], state: State) -> WithHead:
    encoder = made(GPT, GPT2, config, state)

    def head(d_model: int, classes: int) -> nn.Module:
        return ClassificationHead(d_model, classes, pooling="last", dense=False, bias=False)

    return _headed(encoder, head, {"output": "score"}, state)


def _headed(encoder: Any, head: Callable[..., nn.Module], names: Mapping[str, str], state: State) -> WithHead:
    """Put a head on an encoder, with its weights."""
    layer = names["output"]
    classes, d_model = state[f"{layer}.weight"].shape
    with nn.init.skipped():
        top = head(d_model, classes) if head is not SpanHead else head(d_model)
    keys = {key: f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}" for key in top.state_dict()}
    top.load_state_dict({ours: state[theirs] for ours, theirs in keys.items()})
    return WithHead(encoder, top)


_BARE: dict[str, Callable[[Folder], nn.Module]] = {
    "GPT2LMHeadModel": GPT.from_huggingface,
    "GPT2Model": GPT.from_huggingface,
    "BertModel": BERT.from_huggingface,
    "T5ForConditionalGeneration": T5.from_huggingface,
    "T5Model": T5.from_huggingface,
    "T5EncoderModel": T5.from_huggingface,
}
_HEADED: dict[str, Callable[[Mapping[str, Any], State], nn.Module]] = {
    "BertForPreTraining": lambda config, state: _pretraining(config, state, True),
    "BertForMaskedLM": lambda config, state: _pretraining(config, state, False),
    "BertForSequenceClassification": _bert_with(
        ClassificationHead, {"dense": "bert.pooler.dense", "output": "classifier"}
    ),
    "BertForTokenClassification": _bert_with(TaggingHead, {"output": "classifier"}),
    "BertForQuestionAnswering": _bert_with(SpanHead, {"output": "qa_outputs"}),
    "GPT2ForSequenceClassification": _gpt2_classifier,
}
