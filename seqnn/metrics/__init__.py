"""Metrics: BLEU, chrF, TER, ROUGE, spans, GLUE and SuperGLUE, retrieval, SQuAD, perplexity.

Text generation, with sacrebleu's and rouge-score's numbers:

* `bleu`, `chrf` (chrF++), `ter`: scores of a corpus that print as sacrebleu's, with signature and confidence interval;
  `sentence_bleu`, `sentence_chrf`, `sentence_ter` of one sentence; `bleu_matrix`, `chrf_matrix`, `ter_matrix` of all pairs.
* `rouge`, `rouge_matrix`: ROUGE-N, -L, -Lsum, -W; `porter_stem`.
* `bootstrap_interval`, `paired_bootstrap`: confidence intervals, and whether a system differs from a baseline.

Tagged tokens: `span_f1` (conlleval and strict), `spans`, `spans_to_tags`, `convert_tags`, `find_invalid_tags`,
`token_accuracy`.

Labels and numbers: `accuracy`, `f1_score`, `matthews`, `pearson`, `spearman`; `glue_score`, `superglue_score`,
`glue_average`, with `read_glue` and `read_superglue` for their files, and `write_glue` for those of the leaderboard;
`read_sts`; `squad_score`, with `read_squad`; `recall_at_k`, `mean_reciprocal_rank`, `ndcg`; `perplexity`,
`bits_per_token`; `maximum_mean_discrepancy` and `coverage` of two samples, and `mode_coverage`.
"""

from ._bleu import BLEUScore, bleu, bleu_matrix, sentence_bleu
from ._bootstrap import Interval, bootstrap_interval
from ._chrf import chrf, chrf_matrix, sentence_chrf
from ._classification import accuracy, f1_score, matthews, pearson, spearman
from ._coverage import ModeCoverage, coverage, mode_coverage
from ._discrepancy import maximum_mean_discrepancy
from ._glue import glue_average, glue_score, superglue_score
from ._glue_files import Examples, glue_classes, read_glue, write_glue
from ._perplexity import bits_per_token, perplexity
from ._retrieval import mean_reciprocal_rank, ndcg, recall_at_k
from ._rouge import RougeScore, rouge, rouge_matrix
from ._score import Score
from ._significance import PairedResult, paired_bootstrap
from ._span_scores import SpanScore, SpanScores
from ._span_tags import InvalidTag, convert_tags, find_invalid_tags, spans_to_tags
from ._spans import Span, span_f1, spans, token_accuracy
from ._squad import AnswerScore, normalize_answer, squad_score
from ._squad_files import Question, read_squad
from ._sts_files import read_sts
from ._superglue_files import read_superglue
from ._ter import TERScore, sentence_ter, ter, ter_matrix
from ._tokens import porter_stem

__all__ = [
    "AnswerScore",
    "BLEUScore",
    "Examples",
    "Interval",
    "InvalidTag",
    "ModeCoverage",
    "PairedResult",
    "Question",
    "RougeScore",
    "Score",
    "Span",
    "SpanScore",
    "SpanScores",
    "TERScore",
    "accuracy",
    "bits_per_token",
    "bleu",
    "bleu_matrix",
    "bootstrap_interval",
    "chrf",
    "chrf_matrix",
    "convert_tags",
    "coverage",
    "f1_score",
    "find_invalid_tags",
    "glue_average",
    "glue_classes",
    "glue_score",
    "matthews",
    "maximum_mean_discrepancy",
    "mean_reciprocal_rank",
    "mode_coverage",
    "ndcg",
    "normalize_answer",
    "paired_bootstrap",
    "pearson",
    "perplexity",
    "porter_stem",
    "read_glue",
    "read_squad",
    "read_sts",
    "read_superglue",
    "recall_at_k",
    "rouge",
    "rouge_matrix",
    "sentence_bleu",
    "sentence_chrf",
    "sentence_ter",
    "span_f1",
    "spans",
    "spans_to_tags",
    "spearman",
    "squad_score",
    "superglue_score",
    "ter",
    "ter_matrix",
    "token_accuracy",
    "write_glue",
]
