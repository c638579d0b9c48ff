"""Files of n-gram models: ARPA to a binary that opens at once, against KenLM's build_binary; writing ARPA, opening."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import kenlm, peers
from benchmarks.case import Case, Options, timed
from seqnn.lm import NGramLM


def cases(options: Options) -> Iterator[Case]:
    """Yield the conversion by order, and what has no peer."""
    held_out = kenlm.held_out(options)
    title = kenlm.data(options).title
    at_hand = kenlm.programs() and peers.at_hand("SEQNN_PEERS_PYTHON")
    for threads in options.threads:
        for order in kenlm.ORDERS:
            arpa = kenlm.model_file(options, order, ".arpa")
            model = NGramLM.load(arpa)
            yield Case(
                f"ARPA to binary, order {order}",
                kenlm.ours(threads, lambda arpa=arpa: convert(arpa, options.folder / "ours.lm")),
                {"KenLM (build_binary)": timed(lambda arpa=arpa: build(arpa, options)) if at_hand else None},
                check=lambda ours, theirs: kenlm.same_scores(
                    NGramLM.load(ours).scores(kenlm.lines_of(held_out)), kenlm.scores(theirs, held_out).result
                ),
                work=sum(model.ngram_counts_),
                work_unit="n-grams",
                threads=threads,
                data=title,
            )
            yield Case(
                f"write ARPA, order {order}; NumPy's savetxt of the numbers alone",
                kenlm.ours(threads, lambda model=model: model.save_arpa(options.folder / "ours.arpa")),
                {"numpy.savetxt": timed(lambda model=model: write_numbers(model, options.folder / "theirs.txt"))},
                work=sum(model.ngram_counts_),
                work_unit="n-grams",
                threads=threads,
                data=title,
            )


def convert(arpa: Path, binary: Path) -> Path:
    """Read an ARPA file, write our binary."""
    NGramLM.load(arpa).save(binary)
    return binary


def build(arpa: Path, options: Options) -> Path:
    """Run build_binary."""
    kenlm.run("build_binary", arpa, options.folder / "theirs.binary")
    return options.folder / "theirs.binary"


def write_numbers(model: NGramLM, path: Path) -> None:
    """Write the log-probabilities of all n-grams, nothing else."""
    levels = model._model.scorer.trie.levels()
    np.savetxt(path, np.concatenate([level.first.view(np.float32) for level in levels]), "%.7g")
