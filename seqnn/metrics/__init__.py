"""Metrics."""

from ._bleu import BLEUScore, bleu, bleu_matrix, sentence_bleu
from ._bootstrap import Interval, PairedResult, bootstrap_interval, paired_bootstrap
from ._chrf import chrf, chrf_matrix, sentence_chrf
from ._rouge import RougeScore, rouge, rouge_matrix
from ._score import Score
from ._spans import Span, SpanScore, SpanScores, span_f1, spans, token_accuracy
from ._span_tags import InvalidTag, convert_tags, find_invalid_tags, spans_to_tags
from ._ter import TERScore, sentence_ter, ter, ter_matrix
from ._tokens import porter_stem

__all__ = ["BLEUScore", "Interval", "PairedResult", "Score", "TERScore", "bleu", "bleu_matrix", "bootstrap_interval", "chrf", "chrf_matrix", "paired_bootstrap", "porter_stem", "Span", "SpanScore", "SpanScores", "span_f1", "spans", "token_accuracy", "InvalidTag", "convert_tags", "find_invalid_tags", "spans_to_tags", "RougeScore", "rouge", "rouge_matrix", "sentence_bleu", "sentence_chrf", "sentence_ter", "ter", "ter_matrix"]
