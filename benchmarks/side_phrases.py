"""One side of the phrases benchmark: run by either Python, with gensim or with seqnn.

usage: side_phrases.py gensim|seqnn REQUEST, a JSON object {task, path, lists}
"""

import hashlib
import json
import sys
import time


def corpus(library, request):
    """The text as lists of words, or as what a library reads from a file."""
    if request["lists"]:
        with open(request["path"], encoding="utf-8", errors="replace") as file:
            return [line.split() for line in file]
    if library == "seqnn":
        return request["path"]
    from gensim.models.word2vec import LineSentence

    return LineSentence(request["path"])


def count(phrases, source, request):
    """Count a text and find its phrases; the answer holds facts to compare."""
    start = time.perf_counter()
    model = phrases(source, connector_words=frozenset(request["connectors"]))
    counted = time.perf_counter()
    found = model.export_phrases()
    seconds = {"count": counted - start, "find": time.perf_counter() - start}[request["task"]]
    names = hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
    facts = {"vocabulary": len(model.vocab), "phrases": names, "sum": sum(found.values())}
    return {"seconds": seconds, **facts}


def join(phrases, source, request):
    """Go over a text with its phrases joined."""
    model = phrases(source, connector_words=frozenset(request["connectors"])).freeze()
    start = time.perf_counter()
    words = sum(map(len, model[source]))
    seconds = time.perf_counter() - start
    digest = hashlib.sha256()
    for sentence in model[source]:
        digest.update(" ".join(sentence).encode())
    return {"seconds": seconds, "words": words, "digest": digest.hexdigest()}


def main(library, request):
    """Do one task and print a JSON line."""
    if library == "seqnn":
        from seqnn import Phrases
    else:
        from gensim.models.phrases import Phrases
    source = corpus(library, request)
    print(json.dumps((join if request["task"] == "join" else count)(Phrases, source, request)))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
