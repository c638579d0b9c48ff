"""Doc2Vec: training and inference against gensim, with what is trained asked for; `--quality`: are reviews good or bad?

The quality is the share of 1,066 sentences of film reviews, of which vectors are inferred, that a linear classifier of the
vectors of 9,596 others knows. Both sides have the same settings.
"""

import json
from collections.abc import Iterator

from benchmarks import peers, quality, text
from benchmarks.bench_movers import side
from benchmarks.bench_text_cnn import FOLDER
from benchmarks.case import Case, Options

MODES = {
    "PV-DM": {"dm": 1},
    "PV-DM, sum": {"dm": 1, "dm_mean": 0},
    "PV-DM, concatenated": {"dm": 1, "dm_concat": 1},
    "PV-DBOW": {"dm": 0},
    "PV-DBOW with words": {"dm": 0, "dbow_words": 1},
}


SETTINGS = {"vector_size": 50, "min_count": 2}
BAND = 0.015
"""The standard deviation of the share of 1,066 sentences."""


def cases(options: Options) -> Iterator[Case]:
    """Yield training in each mode, and inference."""
    data = text.thinned(options.folder, 200 if options.quick else 20)
    for threads in options.threads:
        for name, arguments in MODES.items():
            for task in ("train", "infer") if name in ("PV-DM", "PV-DBOW") else ("train",):
                request = {"task": task, "path": str(data.path), "arguments": json.dumps(arguments)}
                yield Case(
                    f"{name}: {'training' if task == 'train' else 'inference of 1,000 documents'}",
                    side("seqnn", request, threads),
                    {"gensim": side("gensim", request, threads)},
                    work=data.words if task == "train" else 1000,
                    work_unit="words" if task == "train" else "documents",
                    threads=threads,
                    data=data.title,
                    goals={"gensim": 10},
                )


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the share of sentences that are known, over three seeds, in each mode."""
    if not FOLDER.exists():
        return
    for name, arguments in MODES.items():
        settings = SETTINGS | arguments | {"epochs": options.epochs}
        request = {"task": "classify", "folder": str(FOLDER), "threads": 1, "settings": settings}
        ours, theirs = [], []
        for seed in (1, 2, 3):
            ours.append(share("seqnn", request, seed))
            key = f"{name}, {options.epochs} epochs, seed {seed}"
            if key not in known and peers.at_hand("SEQNN_PEERS_PYTHON"):
                known[key] = share("gensim", request, seed)
            if key in known:
                theirs.append(known[key])
        if theirs:
            yield quality.Row(f"{name}, {options.epochs} epochs", "gensim", "sentences known", ours, theirs, BAND)


def share(library: str, request: dict, seed: int) -> float:
    """Return the share of one side."""
    threads = dict.fromkeys(("SEQNN_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return peers.run_python(library, "side_documents", request | {"seed": seed}, threads)["share"]
