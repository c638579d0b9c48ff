"""Where the peers are, and how both sides are run as processes of their own.

A peer that its environment variable does not name is None, "not at hand":
SEQNN_PEERS_PYTHON  a Python that has gensim and KenLM's module        SEQNN_EVAL  a folder of evaluation sets
SEQNN_GLOVE         the folder of Stanford's GloVe programs
SEQNN_LID           fastText's language identifier, lid.176.ftz
SEQNN_KENLM         the folder of KenLM's lmplz and build_binary
SEQNN_WORD2VEC, SEQNN_PWORD2VEC, SEQNN_FASTTEXT  a program; "<program>.version" beside it says in a line how it was built
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

PROGRESS = re.compile(rb"Progress: +([0-9.]+)%")


def at_hand(variable: str) -> str | None:
    """Return the file or folder that an environment variable names, or None."""
    path = os.environ.get(variable, "")
    return path if path and os.path.exists(path) else None


def run_python(library: str, module: str, request: dict, environment: dict[str, str]) -> dict:
    """Run `benchmarks/<module>.py <library> <request>` with that library's Python.

    Returns what the script prints as its last line, decoded from JSON.
    """
    env = {**os.environ, **environment}
    env.pop("PYTHONPATH", None)
    if library in ("gensim", "kenlm"):
        python = at_hand("SEQNN_PEERS_PYTHON")
    else:
        import seqnn

        python = sys.executable
        env["PYTHONPATH"] = str(Path(seqnn.__file__).resolve().parents[1])
    script = Path(__file__).with_name(f"{module}.py")
    command = [python, "-P", str(script), library, json.dumps(request)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{library}, {request}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run_c_program(command: list[str]) -> float:
    """Run a word2vec-like C program and return the seconds of its training phase.

    The programs print no time of that phase: word2vec.c shows processor time, and the whole run
    includes reading the vocabulary and writing the vectors. So the moments are taken at which
    the first and the last "Progress: x%" arrive, which the programs flush every 10,000 words of
    a thread, and the time between is scaled from that share of the corpus to all of it.
    They get 2-MiB pages from the allocator, which makes them about 10 % faster.
    """
    env = dict(os.environ, OPENBLAS_NUM_THREADS="1", GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
    moments = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as process:
        while block := os.read(process.stdout.fileno(), 1 << 16):
            now = time.perf_counter()
            moments += [(now, float(share) / 100) for share in PROGRESS.findall(block)]
    if process.returncode or len(moments) < 2:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    (start, done_at_start), (end, done_at_end) = moments[0], moments[-1]
    return (end - start) / (done_at_end - done_at_start)


def installed(module: str) -> bool:
    """Tell whether a peer can be imported into this process."""
    return importlib.util.find_spec(module) is not None


def peers_versions() -> dict[str, str]:
    """Return {name: version} of the peers at hand."""
    here = ("torch", "sacrebleu", "rouge-score", "seqeval", "nltk")
    found = {name: importlib.metadata.version(name) for name in here if installed(name.replace("-", "_"))}
    if python := at_hand("SEQNN_PEERS_PYTHON"):
        code = "import gensim, numpy; print(gensim.__version__, numpy.__version__)"
        run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        gensim, numpy = run.stdout.split()
        found["gensim"] = f"{gensim} (numpy {numpy})"
    for name, variable in [
        ("word2vec.c", "SEQNN_WORD2VEC"),
        ("pWord2Vec", "SEQNN_PWORD2VEC"),
        ("Stanford GloVe", "SEQNN_GLOVE"),
        ("fastText", "SEQNN_FASTTEXT"),
        ("KenLM", "SEQNN_KENLM"),
    ]:
        if path := at_hand(variable):
            about = Path(f"{path}.version")
            found[name] = about.read_text().strip() if about.exists() else "unknown"
    return found
