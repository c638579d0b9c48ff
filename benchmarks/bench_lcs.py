"""Longest common subsequences: ROUGE-L of sentences and of documents."""

from collections.abc import Iterator

from benchmarks.captions import close, documents, sentences, systems
from benchmarks.case import Case, Options
from benchmarks.rouge_peer import rouge_score
from benchmarks.torch_peer import ours
from seqnn.metrics import rouge


def cases(options: Options) -> Iterator[Case]:
    """Yield ROUGE-L and ROUGE-Lsum."""
    count = 200 if options.quick else 2_000
    references = sentences(count)
    hypotheses = systems(references)
    long = documents(hypotheses, 20), documents(references, 20)
    everything = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    for threads in options.threads:
        for name, texts, kinds, stemmer, goal in (
            (f"ROUGE-L of {count} sentences", (hypotheses, references), ["rougeL"], False, 16),
            (
                f"ROUGE-1, -2, -L and -Lsum of {count} sentences, stemmed",
                (hypotheses, references),
                everything,
                True,
                50,
            ),
            (f"ROUGE-L of {len(long[0])} documents of 20 sentences", long, ["rougeL"], False, 80),
            (f"ROUGE-Lsum of {len(long[0])} documents of 20 sentences", long, ["rougeLsum"], False, 80),
        ):

            def score(texts=texts, kinds=kinds, stemmer=stemmer):
                return rouge(*texts, kinds, stemmer)[kinds[-1]].fmeasure

            yield Case(
                name,
                ours(score, threads),
                {"rouge-score": rouge_score(*texts, kinds, stemmer)},
                check=close,
                work=len(texts[0]),
                work_unit="pairs",
                threads=threads,
                data="captions",
                goals={"rouge-score": goal},
            )
