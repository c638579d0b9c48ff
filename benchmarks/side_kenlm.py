"""KenLM's side of the n-gram benchmarks: run by a Python that has its module.

usage: side_kenlm.py kenlm REQUEST, a JSON object {model, text, method}
"""

import json
import sys
import time


def main(request):
    """Score the lines of a text and print a JSON line: the seconds, and the sums of the words' scores.

    `score` adds up in float32, which costs a long sentence 1e-4; the sums are for the check.
    """
    import kenlm

    model = kenlm.Model(request["model"])
    with open(request["text"], encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    score = model.score
    seconds = {}
    start = time.perf_counter()
    for line in lines:
        score(line)
    seconds["score"] = time.perf_counter() - start
    start = time.perf_counter()
    sums = [sum(word[0] for word in model.full_scores(line)) for line in lines]
    seconds["full_scores"] = time.perf_counter() - start
    print(json.dumps({"seconds": seconds[request["method"]], "scores": sums}))


if __name__ == "__main__":
    main(json.loads(sys.argv[2]))
