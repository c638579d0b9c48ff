"""Matching n-grams: chrF, ROUGE-N, and utilities of all pairs for minimum Bayes risk decoding."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.captions import close, sentences, systems
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.rouge_peer import rouge_score
from benchmarks.torch_peer import ours
from seqnn.metrics import bleu_matrix, chrf, chrf_matrix, rouge


def cases(options: Options) -> Iterator[Case]:
    """Yield scores of a corpus, then matrices."""
    count, samples = (100, 8) if options.quick else (2_000, 48)
    references = sentences(count)
    hypotheses = systems(references)
    candidates = [systems(references[:1] * samples, seed)[-1] for seed in range(samples)]
    for threads in options.threads:
        shared = {"check": close, "threads": threads, "data": "captions"}
        for name, order in (("chrF", 0), ("chrF++", 2)):
            yield Case(
                f"{name} of {count} lines",
                ours(lambda order=order: chrf(hypotheses, references, word_order=order).score, threads),
                {"sacrebleu": sacrebleu("CHRF", hypotheses, references, word_order=order)},
                work=count, work_unit="lines", goals={"sacrebleu": 20}, **shared,
            )  # fmt: skip
        for kind, stemmer, goal in (("rouge1", False, 16), ("rouge2", False, 16), ("rouge2", True, 50)):
            yield Case(
                f"{kind} of {count} pairs{', stemmed' * stemmer}",
                ours(lambda kind=kind, stemmer=stemmer: rouge(hypotheses, references, [kind], stemmer)[kind].fmeasure, threads),
                {"rouge-score": rouge_score(hypotheses, references, [kind], stemmer)},
                work=count, work_unit="pairs", goals={"rouge-score": goal}, **shared,
            )  # fmt: skip
        for name, metric, matrix, settings in (
            ("BLEU", "BLEU", bleu_matrix, {"effective_order": True}), ("chrF", "CHRF", chrf_matrix, {}),
        ):  # fmt: skip
            yield Case(
                f"{name} of all pairs of {samples} samples",
                ours(lambda matrix=matrix: matrix(candidates, candidates), threads),
                {"sacrebleu": pairs(metric, candidates, **settings)},
                work=samples**2, work_unit="pairs", goals={"sacrebleu": 50}, **shared,
            )  # fmt: skip


def sacrebleu(metric: str, hypotheses: list[str], references: list[str], **settings) -> Callable[[], Measured] | None:
    """Return sacrebleu's score of a corpus."""
    if not installed("sacrebleu"):
        return None
    from sacrebleu import metrics

    return timed(lambda: getattr(metrics, metric)(**settings).corpus_score(hypotheses, [references]).score)


def pairs(metric: str, texts: list[str], **settings) -> Callable[[], Measured] | None:
    """Return sacrebleu's sentence score of each pair, in a loop."""
    if not installed("sacrebleu"):
        return None
    from sacrebleu import metrics

    scorer = getattr(metrics, metric)(**settings)
    return timed(lambda: np.array([[scorer.sentence_score(h, [r]).score for r in texts] for h in texts]))
