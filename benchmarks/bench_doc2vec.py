"""Doc2Vec: training and inference against gensim, with what is trained asked for."""

import json
from collections.abc import Iterator

from benchmarks import text
from benchmarks.bench_movers import side
from benchmarks.case import Case, Options

MODES = {
    "PV-DM": {"dm": 1},
    "PV-DM, sum": {"dm": 1, "dm_mean": 0},
    "PV-DBOW": {"dm": 0},
    "PV-DBOW with words": {"dm": 0, "dbow_words": 1},
}


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
