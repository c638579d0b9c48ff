"""Scoring sentences of a text that the model has not seen, against KenLM's Python module."""

from collections.abc import Iterator

from benchmarks import kenlm
from benchmarks.case import Case, Options
from seqnn.lm import NGramLM


def cases(options: Options) -> Iterator[Case]:
    """Yield all sentences in one call, sentence by sentence, and word by word."""
    held_out = kenlm.held_out(options)
    lines = kenlm.lines_of(held_out)
    for threads in options.threads:
        for order in kenlm.ORDERS:
            model = NGramLM.load(kenlm.model_file(options, order, ".lm"))
            theirs = kenlm.model_file(options, order, ".binary") if kenlm.programs() else held_out
            for name, function, method in (
                ("all sentences in one call", lambda model=model: model.scores(lines), "score"),
                ("sentence by sentence", lambda model=model: [model.score(line) for line in lines], "score"),
                (
                    "word by word",
                    lambda model=model: [sum(word.log_prob for word in model.full_scores(line)) for line in lines],
                    "full_scores",
                ),
            ):
                yield Case(
                    f"{name}, order {order}",
                    kenlm.ours(threads, function),
                    {"KenLM (Python)": kenlm.scoring(theirs, held_out, method)},
                    check=kenlm.same_scores,
                    work=kenlm.words_of(held_out),
                    work_unit="words",
                    threads=threads,
                    data=kenlm.data(options).title,
                    goals={"KenLM (Python)": 2.5} if name.startswith("all") else {},
                )
