"""From a text to a model that can be asked, modified Kneser-Ney, against KenLM's lmplz and build_binary."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import kenlm, peers
from benchmarks.case import Case, Options, timed
from seqnn.lm import NGramLM


def cases(options: Options) -> Iterator[Case]:
    """Yield training by order."""
    text = kenlm.data(options)
    held_out = kenlm.held_out(options)
    at_hand = kenlm.programs() and peers.at_hand("SEQNN_PEERS_PYTHON")
    for threads in options.threads:
        for order in kenlm.ORDERS:
            yield Case(
                f"text to model, order {order}",
                kenlm.ours(threads, lambda order=order: NGramLM(order).fit(text.path)),
                {"KenLM (lmplz, build_binary)": timed(lambda order=order: train(options, order)) if at_hand else None},
                check=lambda ours, theirs: kenlm.same_scores(
                    ours.scores(kenlm.lines_of(held_out)), kenlm.scores(theirs, held_out).result
                ),
                work=text.words,
                work_unit="words",
                threads=threads,
                data=text.title,
                goals={"KenLM (lmplz, build_binary)": 4},
            )


def train(options: Options, order: int) -> Path:
    """Run lmplz, then build_binary."""
    arpa, binary = options.folder / "theirs.arpa", options.folder / "theirs.binary"
    kenlm.run("lmplz", *kenlm.training(options, order, kenlm.data(options).path, arpa))
    kenlm.run("build_binary", arpa, binary)
    return binary
