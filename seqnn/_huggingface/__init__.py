"""Folders and files of Hugging Face's: how they are read and written, and one description of each family of models."""

from ._decoders import GPT2, LLAMA, MISTRAL, QWEN2, QWEN3, T5
from ._encoders import BERT, ENCODERS
from ._family import Family, Loaded, Make, activation_named, bare, from_folder, is_tied, read_folder
from ._files import Source, read_config, read_json, read_state, read_tokenizer, write
from ._heads import CLASSES, MASKED_OUTPUTS, SPANS, TAGS, masked_table
from ._names import Table, load, state_of
from ._translators import BART, BART_LIKE

__all__ = [
    "BART", "BART_LIKE", "BERT", "CLASSES", "ENCODERS", "GPT2", "LLAMA", "MASKED_OUTPUTS", "MISTRAL", "QWEN2", "QWEN3", "SPANS",
    "T5", "TAGS", "Family", "Loaded", "Make", "Source", "Table", "activation_named", "bare", "from_folder", "is_tied", "load",
    "masked_table", "read_config", "read_folder", "read_json", "read_state", "read_tokenizer", "state_of", "write",
]  # fmt: skip
