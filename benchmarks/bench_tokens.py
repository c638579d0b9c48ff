"""Tokenizers of metrics: the BLEU score of a corpus with each of them, and Porter's stems."""

from collections.abc import Callable, Iterator

from benchmarks.captions import close, sentences, systems
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.peers import installed
from benchmarks.torch_peer import ours
from seqnn.metrics import bleu, porter_stem


def cases(options: Options) -> Iterator[Case]:
    """Yield BLEU by tokenizer and size of the corpus, then stems."""
    for count in (200,) if options.quick else (1_000, 10_000):
        references = sentences(count)
        hypotheses = systems(references)
        for tokenize in ("13a", "none", "intl", "char"):
            for threads in options.threads:

                def score(texts=(hypotheses, references), tokenize=tokenize):
                    return bleu(*texts, tokenize).score

                yield Case(
                    f"BLEU of {count} lines, tokenizer {tokenize}",
                    ours(score, threads),
                    {"sacrebleu": sacrebleu(hypotheses, references, tokenize)},
                    check=close,
                    work=count,
                    work_unit="lines",
                    threads=threads,
                    data="captions",
                    goals={"sacrebleu": 30},
                )
    words = sorted({word for line in references for word in line.split()})[: 500 if options.quick else 20_000]
    yield Case(
        f"stems of {len(words)} words",
        ours(lambda: porter_stem(words), 1),
        {"nltk": nltk(words)},
        check=same_stems,
        work=len(words),
        work_unit="words",
        data="captions",
    )


def sacrebleu(hypotheses: list[str], references: list[str], tokenize: str) -> Callable[[], Measured] | None:
    """Return sacrebleu's side; its tokenizers keep what they have split, so each turn has one of its own."""
    if not installed("sacrebleu"):
        return None
    from sacrebleu.metrics import BLEU

    return timed(lambda: BLEU(tokenize=tokenize).corpus_score(hypotheses, [references]).score)


def nltk(words: list[str]) -> Callable[[], Measured] | None:
    """Return NLTK's side."""
    if not installed("nltk"):
        return None
    from nltk.stem.porter import PorterStemmer

    stemmer = PorterStemmer()
    return timed(lambda: [stemmer.stem(word) for word in words])


def same_stems(ours: list[str], theirs: list[str]) -> float:
    """Check that all stems are the same."""
    assert ours == theirs, next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
    return 0.0
