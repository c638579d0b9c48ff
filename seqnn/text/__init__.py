"""Text in: corpora, vocabularies."""

from ._corpus import Corpus, ScannedCorpus, is_one_shot, scan
from ._phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from ._vocabulary import (
    RULE_DEFAULT,
    RULE_DISCARD,
    RULE_KEEP,
    Vocabulary,
    alias_table,
    huffman,
    keep_thresholds,
)

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "Corpus",
    "FrozenPhrases",
    "Phrases",
    "ScannedCorpus",
    "Vocabulary",
    "alias_table",
    "huffman",
    "is_one_shot",
    "keep_thresholds",
    "scan",
]
