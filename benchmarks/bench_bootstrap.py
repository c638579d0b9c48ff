"""Bootstrap resampling: what a confidence interval and a paired test add to a score."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.captions import sentences, systems
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.torch_peer import ours
from seqnn.metrics import bleu, chrf, paired_bootstrap
from seqnn.metrics._bootstrap import Interval, resampled

RESAMPLES = 1000


def cases(options: Options) -> Iterator[Case]:
    """Yield intervals of BLEU and chrF, and a paired test of BLEU."""
    count = 200 if options.quick else 2_000
    references = sentences(count)
    hypotheses, others = systems(references), systems(references, seed=1)
    for threads in options.threads:
        for name, metric in (("BLEU", bleu), ("CHRF", chrf)):
            score = metric(hypotheses, references)

            def interval(score=score):
                found = Interval.of(score.compute(resampled(score.statistics, RESAMPLES)))
                return [found.mean, found.half_width]

            yield Case(
                f"{score.name}: interval of {count} lines by {RESAMPLES} resamples",
                ours(interval, threads),
                {"sacrebleu": sacrebleu_interval(name, hypotheses, references)},
                check=similar,
                threads=threads,
                data="captions",
                goals={"sacrebleu": 100},
            )

        def test():
            pair = bleu(hypotheses, references), bleu(others, references)
            return [paired_bootstrap(*pair, n_bootstrap=RESAMPLES).p_value]

        yield Case(
            f"BLEU: two scores of {count} lines and their paired test by {RESAMPLES} resamples",
            ours(test, threads),
            {"sacrebleu": sacrebleu_paired([hypotheses, others], references)},
            check=similar,
            threads=threads,
            data="captions",
            goals={"sacrebleu": 100},
        )


def sacrebleu_interval(name: str, hypotheses: list[str], references: list[str]) -> Callable[[], Measured] | None:
    """Return sacrebleu's interval; the statistics of the lines are computed before."""
    if not installed("sacrebleu"):
        return None
    from sacrebleu import metrics, significance

    metric = getattr(metrics, name)()
    statistics = metric._extract_corpus_statistics(hypotheses, [references])

    def interval() -> list[float]:
        _, scores = significance._bootstrap_resample(statistics, metric, RESAMPLES)
        return [float(number) for number in significance.estimate_ci(np.array([score.score for score in scores]))]

    return timed(interval)


def sacrebleu_paired(systems: list[list[str]], references: list[str]) -> Callable[[], Measured] | None:
    """Return the p-value of sacrebleu's paired test, scores included."""
    if not installed("sacrebleu"):
        return None
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    named = [(f"system {place}", lines) for place, lines in enumerate(systems)]

    def test() -> list[float]:
        found = PairedTest(named, {"BLEU": BLEU()}, [references], test_type="bs", n_samples=RESAMPLES)()[1]
        return [found["BLEU"][1].p_value]

    return timed(test)


def similar(ours: list[float], theirs: list[float]) -> float:
    """Check that numbers agree to 1e-5, as the peer adds in float32; return the largest difference, relative to them."""
    error = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))
    assert error < 1e-5, f"{ours} and {theirs}"
    return error
