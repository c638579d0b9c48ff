"""The object that fits a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .._huggingface import read_config, read_tokenizer
from ..models import BART, BERT, GPT, T5, BERTForPretraining, ClassificationHead, SpanHead, WithHead
from ._architectures import load_folder
from ._base import PretrainedModel
from ._classifier import Classifier
from ._encoder import Encoder
from ._generator import Generator
from ._masked import MaskedLanguageModel
from ._question_answerer import QuestionAnswerer
from ._sentence import read_modules, sentence_modules
from ._static import StaticEncoder

__all__ = ["load_pretrained"]


def load_pretrained(folder: str | os.PathLike, *, names: Mapping[str, str] | None = None) -> PretrainedModel:
    """Read the model of a folder, with its tokenizer, for what it is made for; nothing but NumPy is needed.

    The folder is one of Hugging Face's `save_pretrained`, of sentence-transformers, or of model2vec: config.json, the
    weights as model.safetensors or its shards (float32, float16 or bfloat16) or as model.npz, and tokenizer.json for texts,
    which the `tokenizers` library reads. Weights are used where they lie in the mapped file, and copied when they change:
    do not shorten the file in place while the model is used.

    Args:
        folder: a folder on disk; nothing is downloaded.
        names: names of arrays in the file -> those that transformers gives them, where they differ.

    Returns:
        A `Generator` (GPT-2, LLaMA, Mistral, Qwen2, Qwen3, T5, BART, Marian, mBART, M2M-100, NLLB, Pegasus), an `Encoder` (BERT,
        RoBERTa, DistilBERT, MPNet, ELECTRA, MiniLM, the encoder of a T5, folders of sentence-transformers), a
        `MaskedLanguageModel` (BERT, RoBERTa, DistilBERT, MPNet), a `Classifier` (encoders, GPT-2, BART), a
        `QuestionAnswerer`, a `StaticEncoder` (model2vec), or a `PretrainedModel` (taggers: the network alone).

    Raises:
        ValueError: it is no such folder, the model is none of these, or files are missing, damaged, pickled or of other
            sizes; the message names what.

    >>> from seqnn import load_pretrained
    >>> load_pretrained("no such folder")
    Traceback (most recent call last):
    ValueError: no such folder: expected a folder with config.json and the weights, got nothing
    """
    path = Path(folder)
    listed = read_modules(path)
    if listed and listed[0][0] == "StaticEmbedding":
        return StaticEncoder(path, listed[0][1], normalize=any(kind == "Normalize" for kind, _ in listed))
    if listed:
        if listed[0][0] != "Transformer":
            raise ValueError(f"{path}: modules.json: expected Transformer or StaticEmbedding first, got {listed[0][0]}")
        network = path / listed[0][1]
        modules = sentence_modules(path, listed)
        return Encoder(load_folder(network, names), read_tokenizer(network), path, modules)
    if read_config(path).get("model_type") == "model2vec":
        return StaticEncoder(path)
    loaded = load_folder(path, names)
    tokenizer = loaded.model.tokenizer if hasattr(loaded.model, "tokenizer") else read_tokenizer(path)
    return _kind(loaded.model)(loaded, tokenizer, path)


def _kind(model: object) -> type[PretrainedModel]:
    """Return the class for a model."""
    if isinstance(model, GPT | BART) or (isinstance(model, T5) and model.decoder is not None):
        return Generator
    if isinstance(model, BERTForPretraining):
        return MaskedLanguageModel
    if isinstance(model, BERT | T5):
        return Encoder
    head = model.head if isinstance(model, WithHead) else None
    if isinstance(head, SpanHead):
        return QuestionAnswerer
    return Classifier if isinstance(head, ClassificationHead) else PretrainedModel
