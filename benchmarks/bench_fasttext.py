"""FastText: training against gensim and the original program."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import peers, quality, text
from benchmarks.bench_word2vec import CBOW, COMMON, FILES, SKIP_GRAM, python_side, scored, training_case
from benchmarks.case import Case, Measured, Options


def cases(options: Options) -> Iterator[Case]:
    """Yield every row of the table."""
    part = text.thinned(options.folder, 40 if options.quick else 8)
    rows = [
        ("FastText skip-gram NS, dim 100", SKIP_GRAM, {"gensim": 10, "fastText": 5}),
        ("FastText CBOW NS, dim 100", CBOW, {"gensim": 5, "fastText": 5}),
    ]
    for threads in options.threads:
        for name, arguments, goals in rows:
            ours, gensim = (
                python_side(library, "train", part, threads, arguments, model="FastText")
                for library in ("seqnn", "gensim")
            )
            sides = {"gensim": gensim, "fastText": original_side(part, threads, arguments)}
            yield training_case(name, ours, sides, part, threads, goals)
            exact = python_side("seqnn", "train", part, threads, arguments | {"deterministic": True}, model="FastText")
            both = {"seqnn, default mode": ours}
            yield training_case(f"{name}, deterministic=True", exact, both, part, threads, {})


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the scores of our vectors and gensim's (`run.py --quality`)."""
    rows = [
        ("skip-gram NS", SKIP_GRAM, {}),
        ("skip-gram NS, deterministic=True", SKIP_GRAM, {"deterministic": True}),
        ("CBOW NS", CBOW, {}),
    ]
    yield from scored(options, known, rows, "FastText")


def original_side(data: text.Text, threads: int, arguments: dict) -> Callable[[], Measured] | None:
    """Return a side that runs the original program; it counts the words of the part that it is given."""
    program = peers.at_hand("SEQNN_FASTTEXT")
    if not program:
        return None
    output = data.path.with_suffix(".fasttext")
    saved = str(data.path.with_suffix(f".{next(FILES)}"))
    options = {
        "input": data.path,
        "output": output,
        "dim": arguments["vector_size"],
        "ws": COMMON["window"],
        "t": COMMON["sample"],
        "lr": COMMON["alpha"],
        "minCount": 2,  # about the vocabulary of the others, which is the whole corpus' with a minimum of 5
        "epoch": COMMON["epochs"],
        "thread": threads,
        "verbose": 2,
    }
    command = [program, "skipgram" if arguments["sg"] else "cbow"]
    for option, value in options.items():
        command += [f"-{option}", str(value)]

    def side() -> Measured:
        seconds = peers.run_c_program(command)
        convert_text(f"{output}.vec", saved)
        return Measured(seconds, {"saved": saved})

    return side


def convert_text(path: str, saved: str) -> None:
    """Rewrite word2vec's text format as `side_word2vec.save` writes vectors."""
    with open(path, encoding="utf-8", errors="replace") as file:
        next(file)
        lines = [line.rstrip().split(" ") for line in file]
    np.save(f"{saved}.npy", np.array([fields[1:] for fields in lines], np.float32))
    with open(f"{saved}.words", "w", encoding="utf-8") as file:
        file.write("\n".join(fields[0] for fields in lines))
