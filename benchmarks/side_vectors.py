"""One side of the neighbour and file format benchmarks: run by either Python, with gensim or with seqnn.

usage: side_vectors.py gensim|seqnn|numpy REQUEST, a JSON object {task, path, binary, queries, threads}
"""

import importlib
import json
import os
import sys
import time

import numpy as np


def load(keyed_vectors, request):
    """Read a word2vec file; the answer holds facts to compare."""
    start = time.perf_counter()
    wv = keyed_vectors.load_word2vec_format(request["path"], binary=request["binary"])
    seconds = time.perf_counter() - start
    last = wv[wv.index_to_key[-1]]
    return {"seconds": seconds, "words": len(wv), "sum": float(wv.vectors.sum(dtype=np.float64)), "last": last.tolist()}


def save(keyed_vectors, request):
    """Write vectors as a word2vec file, under a name of this side's own."""
    wv = keyed_vectors.load_word2vec_format(request["path"], binary=True)
    start = time.perf_counter()
    wv.save_word2vec_format(request["out"], binary=request["binary"])
    return {"seconds": time.perf_counter() - start, "bytes": os.path.getsize(request["out"])}


def neighbors(keyed_vectors, request):
    """Ask for the ten nearest words of each query: one call after the other, or all at once where that exists."""
    wv = keyed_vectors.load_word2vec_format(request["path"], binary=True)
    queries = [wv.index_to_key[row] for row in request["queries"]]
    wv.most_similar(queries[0], topn=10)  # computes the norms, once
    at_once = getattr(wv, "most_similar_batch", None) if request["batch"] else None
    start = time.perf_counter()
    found = at_once(queries, topn=10) if at_once else [wv.most_similar(query, topn=10) for query in queries]
    return {"seconds": time.perf_counter() - start, "found": found[:50]}


def numpy_neighbors(request):
    """The same by hand in NumPy: a matrix product in blocks, then a partial sort."""
    content = np.load(request["path"] + ".npy")
    unit = content / np.linalg.norm(content, axis=1, keepdims=True)
    queries = np.array(request["queries"])
    start = time.perf_counter()
    found = []
    for rows in np.array_split(queries, max(1, len(queries) // 100)):
        cosines = unit[rows] @ unit.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        best = np.argpartition(cosines, -10, axis=1)[:, -10:]
        order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1)
        ids = np.take_along_axis(best, order, axis=1)
        scores = np.take_along_axis(cosines, ids, axis=1)
        found += [
            [(f"word{i}", s) for i, s in zip(*row, strict=True)]
            for row in zip(ids.tolist(), scores.tolist(), strict=True)
        ]
    return {"seconds": time.perf_counter() - start, "found": found[:50]}


def main(library, request):
    """Do one task and print a JSON line."""
    if library == "numpy":
        answer = numpy_neighbors(request)
    else:
        module = {"seqnn": "seqnn", "gensim": "gensim.models"}[library]
        task = {"load": load, "save": save, "neighbors": neighbors}[request["task"]]
        answer = task(importlib.import_module(module).KeyedVectors, request)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
