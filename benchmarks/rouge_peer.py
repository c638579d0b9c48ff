"""rouge-score as a peer in this process; None where it is not installed."""

from collections.abc import Callable

from benchmarks.case import Measured, timed
from benchmarks.peers import installed


def rouge_score(
    hypotheses: list[str], references: list[str], kinds: list[str], stemmer: bool
) -> Callable[[], Measured] | None:
    """Return the mean F-measure of the last of the kinds over all pairs."""
    if not installed("rouge_score"):
        return None
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(kinds, use_stemmer=stemmer)

    def score() -> float:
        scores = [scorer.score(r, h)[kinds[-1]].fmeasure for h, r in zip(hypotheses, references, strict=True)]
        return sum(scores) / len(scores)

    return timed(score)
