"""word2vec: training, vocabulary, memory and scaling against gensim, word2vec.c and pWord2Vec."""

import functools
import itertools
import json
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import peers, quality, text
from benchmarks.case import Case, Measured, Options, constant

SKIP_GRAM = {"vector_size": 100, "sg": 1}
CBOW = {"vector_size": 100, "sg": 0}
SOFTMAX_TREE = {"vector_size": 100, "sg": 1, "hs": 1, "negative": 0}
COMMON = {"window": 5, "sample": 1e-3, "alpha": 0.025, "min_count": 1, "epochs": 1, "seed": 1}
FILES = itertools.count()  # each side saves its vectors under a name of its own
MAX_DISAGREEMENT = 0.5  # 0: the same vectors; 1: unrelated ones; see README.md here


def cases(options: Options) -> Iterator[Case]:
    """Yield every row of the table; the corpus is thinned where a peer would take too long."""
    full = text.thinned(options.folder, 40) if options.quick else text.whole(options.folder)
    part = full if options.quick else text.thinned(options.folder, 4)
    for threads in options.threads:
        yield from training(part, threads)
        yield isa_case(part, threads)
        yield vocabulary_case(full, threads)
        yield from whole_cases(part, threads)
        yield memory_case(full, threads)
        yield from deterministic_cases(full, threads)
        if threads > 1:
            yield scaling_case(full, threads)


def training(part: text.Text, threads: int) -> Iterator[Case]:
    """Yield the cases that time the training phase alone."""
    rows = [
        ("skip-gram NS, dim 100", SKIP_GRAM, {"gensim": 20, "word2vec.c": 25, "pWord2Vec": 4.5}),
        ("skip-gram NS, dim 300", SKIP_GRAM | {"vector_size": 300}, {"gensim": 15}),
        ("CBOW NS, dim 100", CBOW, {"gensim": 7}),
        ("skip-gram HS, dim 100", SOFTMAX_TREE, {"gensim": 5}),
    ]
    for name, arguments, goals in rows:
        sides = {"gensim": python_side("gensim", "train", part, threads, arguments)}
        if arguments["vector_size"] == 100:
            sides["word2vec.c"] = c_side("SEQNN_WORD2VEC", part, threads, arguments)
        if arguments["sg"] and not arguments.get("hs"):
            sides["pWord2Vec"] = c_side("SEQNN_PWORD2VEC", part, threads, arguments)
        ours = python_side("seqnn", "train", part, threads, arguments)
        yield training_case(name, ours, sides, part, threads, goals)


def agreement(data: text.Text) -> Callable[[dict, dict], float]:
    """Return the check of vectors trained on `data`; little data trains them too little to ask."""
    return functools.partial(agree, MAX_DISAGREEMENT if data.words > 2_000_000 else 2.0)


def training_case(name, ours, sides, part, threads, goals) -> Case:
    """Return one training case over `part`."""
    return Case(
        f"{name}: training",
        ours,
        sides,
        check=agreement(part),
        work=part.words,
        work_unit="words",
        threads=threads,
        data=part.title,
        goals=goals,
    )


def isa_case(part: text.Text, threads: int) -> Case:
    """Return the main row with the kernels of a CPU that has no more than AVX2."""
    ours = python_side("seqnn", "train", part, threads, SKIP_GRAM, isa="avx2")
    sides = {"gensim": python_side("gensim", "train", part, threads, SKIP_GRAM)}
    name = "skip-gram NS, dim 100, AVX2 only"
    return training_case(name, ours, sides, part, threads, {"gensim": 10})


def vocabulary_case(full: text.Text, threads: int) -> Case:
    """Return the case of reading and counting a file; ours is encoded afterwards, too."""
    arguments = SKIP_GRAM | {"min_count": text.MIN_COUNT}
    return Case(
        "vocabulary and encoding",
        python_side("seqnn", "vocabulary", full, threads, arguments),
        {"gensim": python_side("gensim", "vocabulary", full, threads, arguments)},
        check=same_vocabulary,
        work=full.words,
        work_unit="words",
        threads=threads,
        data=full.title,
        goals={"gensim": 8},
    )


def whole_cases(part: text.Text, threads: int) -> Iterator[Case]:
    """Yield the constructor from start to end: over lists of words, and over a file."""
    rows = [
        ("Word2Vec(lists), defaults", "whole_lists", {"min_count": 5, "epochs": 5}, 8),
        ("Word2Vec(corpus_file=), skip-gram", "whole_file", SKIP_GRAM | {"min_count": 5}, 0),
    ]
    for name, task, arguments, goal in rows:
        yield Case(
            f"{name}: everything",
            python_side("seqnn", task, part, threads, arguments),
            {"gensim": python_side("gensim", task, part, threads, arguments)},
            check=agreement(part),
            work=part.words * arguments.get("epochs", 1),
            work_unit="words",
            threads=threads,
            data=part.title,
            goals={"gensim": goal} if goal else {},
        )


def memory_case(full: text.Text, threads: int) -> Case:
    """Return the peak memory of a whole run, against the bound that we set ourselves."""
    arguments = SKIP_GRAM | {"min_count": text.MIN_COUNT}
    ours, theirs = (python_side(library, "whole_file", full, threads, arguments) for library in ("seqnn", "gensim"))
    ids, matrices = 4 * (full.words + full.lines), 2 * 4 * 100 * full.vocabulary
    bound = "ids + two matrices + 150 MB"
    return Case(
        "skip-gram NS, dim 100: peak memory",
        in_memory(ours),
        {
            bound: constant((ids + matrices) / 1e6 + 150),
            "gensim": in_memory(theirs),
        },
        unit="MB",
        threads=threads,
        data=full.title,
        goals={bound: 1},
        repeat=1,
    )


def deterministic_cases(full: text.Text, threads: int) -> Iterator[Case]:
    """Yield what `deterministic=True` costs, and how it gains from threads."""
    exact = SKIP_GRAM | {"deterministic": True}
    sides = {"seqnn, default mode": python_side("seqnn", "train", full, threads, SKIP_GRAM)}
    goals = {"seqnn, default mode": 0.6}
    if threads > 1:
        sides["seqnn, deterministic, 1 thread"] = python_side("seqnn", "train", full, 1, exact)
        goals["seqnn, deterministic, 1 thread"] = 1.6
    ours = python_side("seqnn", "train", full, threads, exact)
    name = "skip-gram NS, dim 100, deterministic=True"
    yield training_case(name, ours, sides, full, threads, goals)


def scaling_case(full: text.Text, threads: int) -> Case:
    """Return our gain from one thread to several."""
    ours = python_side("seqnn", "train", full, threads, SKIP_GRAM)
    sides = {"seqnn, 1 thread": python_side("seqnn", "train", full, 1, SKIP_GRAM)}
    name = "skip-gram NS, dim 100, scaling"
    return training_case(name, ours, sides, full, threads, {"seqnn, 1 thread": 0.9 * threads})


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the scores of our vectors and gensim's (`run.py --quality`)."""
    rows = [
        ("skip-gram NS", SKIP_GRAM, {}),
        ("skip-gram NS, deterministic=True", SKIP_GRAM, {"deterministic": True}),
        ("CBOW NS", CBOW, {}),
        ("skip-gram HS", SOFTMAX_TREE, {}),
    ]
    yield from scored(options, known, rows)


def scored(options: Options, known: dict, rows: list, model: str = "Word2Vec") -> Iterator[quality.Row]:
    """Yield the scores of rows (name, arguments, arguments for us alone) over three seeds.

    gensim reads `corpus_file`: its two workers read the two halves of the text side by side, and each lowers the learning
    rate as if it were alone, so that it falls by half as much in an epoch and is higher on the average than ours.
    `known` holds gensim's scores of earlier runs by their settings, and is added to.
    """
    folder = peers.at_hand("SEQNN_EVAL")
    if not folder:
        raise SystemExit("--quality needs SEQNN_EVAL, a folder with the evaluation sets")
    data = text.thinned(options.folder, 4) if options.quick else text.whole(options.folder)
    threads = options.threads[-1]
    prefix = "" if model == "Word2Vec" else f"{model}, "
    for name, arguments, our_extra in rows:
        runs = [arguments | {"epochs": options.epochs, "seed": seed} for seed in (1, 2, 3)]
        ours = [
            score(python_side("seqnn", "train", data, threads, run | our_extra, model=model), folder) for run in runs
        ]
        theirs = []
        for run in runs if peers.at_hand("SEQNN_PEERS_PYTHON") else []:
            key = f"{prefix}gensim corpus_file, {threads} workers, {data.name}, {json.dumps(run)}"
            if key not in known:
                side = python_side("gensim", "train", data, threads, run, model=model)
                known[key] = score(side, folder)
            theirs.append(known[key])
        yield from quality.compare(f"{prefix}{name}, epochs={options.epochs}", "gensim corpus_file", ours, theirs)


def score(side: Callable[[], Measured], folder: str) -> list[float]:
    """Run a training side and score its vectors."""
    return quality.scores(*quality.load(side().result["saved"]), folder)


def python_side(library, task, data: text.Text, threads, arguments, isa=None, model="Word2Vec"):
    """Return a side that runs `side_word2vec.py` and measures seconds, or None where gensim is not at hand."""
    if library == "gensim" and not peers.at_hand("SEQNN_PEERS_PYTHON"):
        return None
    saved = str(data.path.with_suffix(f".{next(FILES)}"))
    request = {
        "task": task,
        "model": model,
        "corpus": str(data.path),
        "counts": str(data.counts),
        "lines": data.lines,
        "words": data.words,
        "arguments": COMMON | {"workers": threads} | arguments,
        "save": None if task == "vocabulary" else saved,
    }
    # The trainers have threads of their own, so that one thread of BLAS is gensim's best.
    environment = {"OPENBLAS_NUM_THREADS": "1", "SEQNN_NUM_THREADS": str(threads)}
    if isa:
        environment["SEQNN_ISA"] = isa

    def side() -> Measured:
        answer = peers.run_python(library, "side_word2vec", request, environment)
        return Measured(answer["seconds"], answer | {"saved": saved})

    return side


def in_memory(side: Callable[[], Measured] | None) -> Callable[[], Measured] | None:
    """Return a Python side that measures its peak memory in MB instead."""
    return side and (lambda: Measured(side().result["peak_mb"]))


def c_side(variable, data: text.Text, threads, arguments) -> Callable[[], Measured] | None:
    """Return a side that runs a C program with word2vec.c's options, or None."""
    program = peers.at_hand(variable)
    if not program:
        return None
    vocabulary, vectors = data.path.with_suffix(".vocab"), data.path.with_suffix(".bin")
    saved = str(data.path.with_suffix(f".{next(FILES)}"))
    counts = json.loads(data.counts.read_text())
    lines = "".join(f"{word} {number}\n" for word, number in counts.items())
    vocabulary.write_text(f"</s> {data.lines}\n{lines}")
    options = {
        "train": data.path,
        "read-vocab": vocabulary,
        "output": vectors,
        "size": arguments["vector_size"],
        "cbow": 1 - arguments["sg"],
        "hs": arguments.get("hs", 0),
        "negative": arguments.get("negative", 5),
        "window": COMMON["window"],
        "sample": COMMON["sample"],
        "alpha": COMMON["alpha"],
        "min-count": COMMON["min_count"],
        "iter": COMMON["epochs"],
        "threads": threads,
        "binary": 1,
    }
    command = [program]
    for option, value in options.items():
        command += [f"-{option}", str(value)]

    def side() -> Measured:
        seconds = peers.run_c_program(command)
        convert(vectors, saved)
        return Measured(seconds, {"saved": saved})

    return side


def convert(binary, saved: str) -> None:
    """Rewrite word2vec's binary format as `side_word2vec.save` writes vectors."""
    words, rows = [], []
    with open(binary, "rb") as file:
        size, dim = map(int, file.readline().split())
        content = file.read()
    at = 0
    for _ in range(size):
        space = content.index(b" ", at)
        words.append(content[at:space].decode("utf-8", "replace").strip())
        rows.append(np.frombuffer(content, np.float32, dim, space + 1))
        at = space + 1 + 4 * dim
    np.save(f"{saved}.npy", np.array(rows))
    with open(f"{saved}.words", "w", encoding="utf-8") as file:
        file.write("\n".join(words))


def agree(limit: float, ours: dict, theirs: dict) -> float:
    """Check that two sets of vectors see much the same neighbourhoods."""
    error = quality.disagreement(ours["saved"], theirs["saved"])
    assert error < limit, f"the vectors disagree: {error:.2f}"
    return error


def same_vocabulary(ours: dict, theirs: dict) -> float:
    """Check that both counted the same words equally often."""
    assert ours["digest"] == theirs["digest"], (ours["vocabulary"], theirs["vocabulary"])
    return 0.0
