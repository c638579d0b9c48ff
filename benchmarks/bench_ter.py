"""Translation edit rate of a corpus."""

from collections.abc import Iterator

from benchmarks.bench_ngrams import sacrebleu
from benchmarks.captions import close, documents, sentences, systems
from benchmarks.case import Case, Options
from benchmarks.torch_peer import ours
from seqnn.metrics import ter


def cases(options: Options) -> Iterator[Case]:
    """Yield captions, and texts of several of them."""
    count = 60 if options.quick else 600
    references = sentences(count)
    hypotheses = systems(references)
    for threads in options.threads:
        for name, texts in (
            (f"TER of {count} lines", (hypotheses, references)),
            (f"TER of {count // 6} lines of 6 sentences", (documents(hypotheses, 6), documents(references, 6))),
        ):
            yield Case(
                name,
                ours(lambda texts=texts: ter(*texts).score, threads),
                {"sacrebleu": sacrebleu("TER", *texts)},
                check=close,
                work=len(texts[0]),
                work_unit="lines",
                threads=threads,
                data="captions",
                goals={"sacrebleu": 20},
            )
