"""Reading and writing word2vec's text and binary formats, against gensim."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.synthetic import side, write_vectors


def cases(options: Options) -> Iterator[Case]:
    """Yield loading and saving, text and binary."""
    rows = 5_000 if options.quick else 100_000
    source = write_vectors(options.folder, rows, 100)
    for threads in options.threads:
        for binary in False, True:
            kind = "binary" if binary else "text"
            path = write_vectors(options.folder, rows, 100, text=not binary)
            requests = {
                library: {
                    "load": {"task": "load", "path": str(path), "binary": binary},
                    "save": {
                        "task": "save",
                        "path": str(source),
                        "out": str(options.folder / f"{library}.out"),
                        "binary": binary,
                    },
                }
                for library in ("seqnn", "gensim")
            }
            for task, check in ("load", same_vectors), ("save", same_size):
                yield Case(
                    f"{task} {rows} × 100, word2vec {kind}",
                    side("seqnn", requests["seqnn"][task], threads),
                    {"gensim": side("gensim", requests["gensim"][task], threads)},
                    check=check,
                    work=rows,
                    work_unit="rows",
                    threads=threads,
                )


def same_vectors(ours: dict, theirs: dict) -> float:
    """Check that both read the same numbers; return the largest difference in the last row."""
    assert ours["words"] == theirs["words"], (ours["words"], theirs["words"])
    assert np.isclose(ours["sum"], theirs["sum"], rtol=1e-9), (ours["sum"], theirs["sum"])
    return float(np.abs(np.array(ours["last"]) - np.array(theirs["last"])).max())


def same_size(ours: dict, theirs: dict) -> float:
    """Check that the files are of about one size; return the relative difference."""
    difference = abs(ours["bytes"] / theirs["bytes"] - 1)
    assert difference < 0.1, (ours["bytes"], theirs["bytes"])
    return difference
