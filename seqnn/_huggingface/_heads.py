"""What the layers of heads are called in the files of Hugging Face's: those of hidden tokens, classes, tags and spans."""

from __future__ import annotations

from typing import Any

from ._names import Table

__all__ = ["CLASSES", "MASKED_OUTPUTS", "SPANS", "TAGS", "masked_table"]

_MASKED = {
    "Bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    "Roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
    "DistilBert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
}
"""Where the layers of a `LanguageModelHead` with a transform are: its dense, norm, and bias."""

MASKED_OUTPUTS = {"Bert": "cls.predictions.decoder", "Roberta": "lm_head.decoder", "DistilBert": "vocab_projector"}
"""Where its table is, and perhaps its bias once more."""

CLASSES = {
    "Bert": {"head.dense": "pooler.dense", "head.output": "classifier"},
    "Roberta": {"head.dense": "classifier.dense", "head.output": "classifier.out_proj"},
    "DistilBert": {"head.dense": "pre_classifier", "head.output": "classifier"},
    "GPT2": {"head.output": "score"},
    "Electra": {"head.dense": "classifier.dense", "head.output": "classifier.out_proj"},
    "Bart": {"head.dense": "classification_head.dense", "head.output": "classification_head.out_proj"},
}
"""The layers of a `ClassificationHead` -> theirs."""

TAGS, SPANS = {"head.output": "classifier"}, {"head.output": "qa_outputs"}
"""The layer of a `TaggingHead` and of a `SpanHead` -> theirs."""


def masked_table(model: Any, encoder: Table, kind: str = "Bert") -> Table:
    """Return the names of a `BERTForPretraining`.

    Args:
        model: whose table it is.
        encoder: the table of its encoder.
        kind: which of the heads it has.
    """
    dense, norm, bias = _MASKED[kind]
    output = MASKED_OUTPUTS[kind]
    names = {"head.dense": dense, "head.norm": norm, "head.bias": bias, "head.weight": f"{output}.weight"}
    copies = {f"{output}.bias": "head.bias"} if bias != f"{output}.bias" else {}
    copies |= {f"{output}.weight": "bert.embedding.weight"} if model.tied else {}
    follows = {} if model.next_sentence is None else {"next_sentence": "cls.seq_relationship"}
    ignored = (r"^cls\.seq_relationship\.",) if model.next_sentence is None else ()
    return encoder.inside("bert", names | follows, copies=copies, ignored=ignored)
