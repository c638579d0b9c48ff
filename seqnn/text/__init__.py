"""Text for models to read: corpora, vocabularies, tokens, padding.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._conll import TaggedText, read_conll, write_conll
from ._corpus import Corpus, ScannedCorpus, scan
from ._masking import mask_several, mask_tokens
from ._offsets import token_offsets
from ._padding import length_buckets, pad, truncate, windows
from ._phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from ._pretraining import causal_windows, corrupt_spans, frame_task, next_sentence_pairs
from ._scanner import NulByteError as NulByteError
from ._scanner import Scanner as Scanner
from ._scanner import ScannerTeam as ScannerTeam
from ._scanner import in_order as in_order
from ._sources import encoded_of as encoded_of
from ._sources import files_of as files_of
from ._sources import is_one_shot
from ._sources import is_open_file as is_open_file
from ._subword_tokenizer import SubwordTokenizer
from ._tokenize import regex_tokenize, split_words, tokenize, treebank_tokenize
from ._vocabulary import SPECIALS, Vocabulary
from ._vocabulary import effective_min_count as effective_min_count
from ._vocabulary_limit import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from ._vocabulary_tables import alias_table, huffman, keep_thresholds
from ._word_counts import WordCounts
from ._word_index import WordIndex as WordIndex

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
    "TaggedText",
    "Vocabulary",
    "WordCounts",
    "alias_table",
    "causal_windows",
    "corrupt_spans",
    "frame_task",
    "huffman",
    "is_one_shot",
    "keep_thresholds",
    "length_buckets",
    "mask_several",
    "mask_tokens",
    "next_sentence_pairs",
    "pad",
    "read_conll",
    "regex_tokenize",
    "scan",
    "split_words",
    "token_offsets",
    "tokenize",
    "treebank_tokenize",
    "truncate",
    "windows",
    "write_conll",
]
