"""One side of the benchmarks of documents: run by either Python, with gensim or with seqnn.

usage: side_documents.py gensim|seqnn REQUEST, a JSON object with the task and what it needs
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np

WORDS, DIM = 5000, 100


def texts(length, count):
    """Draw one text and `count` others."""
    rng = np.random.default_rng(3)
    share = 1 / np.arange(1, WORDS + 1)
    return [[f"w{i}" for i in rng.choice(WORDS, length, p=share / share.sum())] for _ in range(count + 1)]


def movers(library, request):
    """Compute the distances of one text to the others: at once where that exists."""
    module = importlib.import_module("seqnn" if library == "seqnn" else "gensim.models")
    wv = module.KeyedVectors(DIM)
    wv.add_vectors([f"w{i}" for i in range(WORDS)], np.random.default_rng(1).standard_normal((WORDS, DIM)).astype("f"))
    first, *others = texts(request["length"], request["count"])
    wv.wmdistance(first, others[0])  # imports, and computes the norms, once
    index = None
    if library == "seqnn" and request["at_once"]:
        index = importlib.import_module("seqnn.embed").MoversIndex(wv, others)
    start = time.perf_counter()
    found = [wv.wmdistance(first, other) for other in others] if index is None else index.distances(first).tolist()
    return {"seconds": time.perf_counter() - start, "distances": found}


def doc2vec(library, request):
    """Train on lines, or infer the vectors of the first ones."""
    module = importlib.import_module("seqnn" if library == "seqnn" else "gensim.models.doc2vec")
    with open(request["path"], encoding="utf-8") as file:
        documents = [module.TaggedDocument(line.split(), [i]) for i, line in enumerate(file)]
    workers = {"workers": request["threads"]} | ({"verbose": 0} if library == "seqnn" else {})
    model = module.Doc2Vec(vector_size=100, epochs=2, seed=1, **json.loads(request["arguments"]), **workers)
    model.build_vocab(documents)
    start = time.perf_counter()
    model.train(documents, total_examples=model.corpus_count, epochs=2)
    if request["task"] == "infer":
        some = [document.words for document in documents[:1000]]
        start = time.perf_counter()
        if library == "seqnn":
            model.infer_vectors(some, epochs=10)
        else:
            for words in some:
                model.infer_vector(words, epochs=10)
    return {"seconds": time.perf_counter() - start}


def classify(library, request):
    """Train on nine tenths of two kinds of texts; tell which share of the others a linear classifier of vectors knows."""
    module = importlib.import_module("seqnn" if library == "seqnn" else "gensim.models.doc2vec")
    files = [Path(request["folder"], f"{name}.txt").read_text(encoding="utf-8").splitlines() for name in ("neg", "pos")]
    words = [line.split() for lines in files for line in lines]
    labels = np.repeat([-1.0, 1.0], [len(lines) for lines in files])
    test = np.arange(len(words)) % 10 == 9
    documents = [module.TaggedDocument(words[i], [i]) for i in np.flatnonzero(~test).tolist()]
    quiet = {"verbose": 0} if library == "seqnn" else {}
    model = module.Doc2Vec(documents, seed=request["seed"], workers=request["threads"], **request["settings"], **quiet)
    known = np.array([model.dv[document.tags[0]] for document in documents])
    new = np.array([model.infer_vector(words[i]) for i in np.flatnonzero(test).tolist()])
    x, other = ((v - known.mean(0)) / known.std(0) for v in (known, new))
    weights = np.linalg.solve(
        x.T @ x + len(x) * 0.01 * np.eye(x.shape[1]), x.T @ (labels[~test] - labels[~test].mean())
    )
    return {"share": float(np.mean(np.sign(other @ weights + labels[~test].mean()) == labels[test]))}


TASKS = {"movers": movers, "train": doc2vec, "infer": doc2vec, "classify": classify}

if __name__ == "__main__":
    request = json.loads(sys.argv[2])
    print(json.dumps(TASKS[request["task"]](sys.argv[1], request)))
