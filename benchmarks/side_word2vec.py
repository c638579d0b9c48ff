"""One side of the word2vec benchmark: run by either Python, with gensim or with seqnn.

The same lines serve both, as seqnn takes gensim's arguments; the differences are marked.
usage: side_word2vec.py gensim|seqnn REQUEST, a JSON object {task, corpus, arguments, ...}
"""

import hashlib
import importlib
import json
import re
import sys
import time

import numpy as np


def train(model_class, request):
    """Train on a file with a vocabulary that is given: the time of training alone."""
    model = model_class(**request["arguments"])
    with open(request["counts"], encoding="utf-8") as file:
        model.build_vocab_from_freq(json.load(file), corpus_count=request["lines"])
    start = time.perf_counter()
    model.train(
        corpus_file=request["corpus"],
        total_examples=request["lines"],
        total_words=request["words"],
        epochs=model.epochs,
    )
    seconds = time.perf_counter() - start
    # gensim splits the text again in each epoch, so that is its training; seqnn encodes the
    # text once before the first, and says itself what the epochs took.
    epochs = getattr(model, "history_", None)
    return model, {"seconds": sum(epoch["seconds"] for epoch in epochs) if epochs else seconds}


def vocabulary(model_class, request):
    """Read and count a file, and set initial weights; with seqnn, also encode it: no epoch of training does it all."""
    start = time.perf_counter()
    if model_class.__module__.startswith("seqnn"):
        model = model_class(corpus_file=request["corpus"], **request["arguments"] | {"epochs": 0})
    else:
        model = model_class(**request["arguments"])
        model.build_vocab(corpus_file=request["corpus"])
    seconds = time.perf_counter() - start
    counts = sorted((word, int(model.wv.get_vecattr(word, "count"))) for word in model.wv.key_to_index)
    digest = hashlib.sha256(json.dumps(counts).encode()).hexdigest()
    return model, {"seconds": seconds, "digest": digest, "vocabulary": len(counts)}


def whole_file(model_class, request):
    """From the path to the vectors, in one call."""
    start = time.perf_counter()
    model = model_class(corpus_file=request["corpus"], **request["arguments"])
    return model, {"seconds": time.perf_counter() - start}


def whole_lists(model_class, request):
    """From a list of lists of words to the vectors, in one call."""
    with open(request["corpus"], encoding="utf-8", errors="replace") as file:
        sentences = [line.split() for line in file]
    start = time.perf_counter()
    model = model_class(sentences, **request["arguments"])
    return model, {"seconds": time.perf_counter() - start}


def save(wv, path):
    """Write the vectors and the words beside them, the most frequent word first."""
    np.save(f"{path}.npy", np.asarray(wv.vectors, dtype=np.float32))
    with open(f"{path}.words", "w", encoding="utf-8") as file:
        file.write("\n".join(wv.index_to_key))


def peak_mb():
    """Return the largest resident memory of this process so far, in MB (Linux), or None."""
    try:
        with open("/proc/self/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1000 * 1.024
    except OSError:
        return None


def main(library, request):
    """Do one task and print a JSON line."""
    if library == "seqnn":
        request["arguments"]["verbose"] = 0
    package = importlib.import_module("seqnn" if library == "seqnn" else "gensim.models")
    model_class = getattr(package, request["model"])
    tasks = {"train": train, "vocabulary": vocabulary, "whole_file": whole_file, "whole_lists": whole_lists}
    model, answer = tasks[request["task"]](model_class, request)
    answer["peak_mb"] = peak_mb()
    if request.get("save"):
        save(model.wv, request["save"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
