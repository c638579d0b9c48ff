"""Text in: corpora, vocabularies."""

from ._corpus import Corpus, ScannedCorpus, is_one_shot, scan
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
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "Corpus",
    "ScannedCorpus",
    "Vocabulary",
    "alias_table",
    "huffman",
    "is_one_shot",
    "keep_thresholds",
    "scan",
]
