"""Text in: corpora, vocabularies, tokens, padding."""

from ._corpus import Corpus, ScannedCorpus, is_one_shot, scan
from ._padding import length_buckets, pad, truncate, windows
from ._phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from ._pretraining import corrupt_spans, mask_tokens, next_sentence_pairs
from ._subword_tokenizer import SubwordTokenizer
from ._tokenize import regex_tokenize, split_words, tokenize, treebank_tokenize
from ._vocabulary import SPECIALS, Vocabulary
from ._vocabulary_limit import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from ._vocabulary_tables import alias_table, huffman, keep_thresholds

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "SPECIALS",
    "Corpus",
    "FrozenPhrases",
    "Phrases",
    "ScannedCorpus",
    "SubwordTokenizer",
    "Vocabulary",
    "alias_table",
    "corrupt_spans",
    "huffman",
    "is_one_shot",
    "keep_thresholds",
    "length_buckets",
    "mask_tokens",
    "next_sentence_pairs",
    "pad",
    "regex_tokenize",
    "scan",
    "split_words",
    "tokenize",
    "treebank_tokenize",
    "truncate",
    "windows",
]
