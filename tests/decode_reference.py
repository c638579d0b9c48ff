"""Decoding in plain NumPy: edits and warpers of one row, and a beam search over any step function."""

import math
from itertools import pairwise

import numpy as np


def edited(scores, ids, options):
    """The scores of a row after penalties and constraints; `ids` are the tokens so far, of which `prompt` are given."""
    s = scores.astype(float)
    seen = [t for t in ids if 0 <= t < len(s)]
    for t in set(seen):
        penalty = options.get("repetition_penalty", 1.0)
        s[t] = s[t] * penalty if s[t] < 0 else s[t] / penalty
    for t in set(ids[options.get("prompt", 0) :]) & set(seen):
        times = list(ids[options.get("prompt", 0) :]).count(t)
        s[t] -= options.get("frequency_penalty", 0.0) * times + options.get("presence_penalty", 0.0)
    n = options.get("ngram_size", 0)
    for at in range(len(ids) - n + 1) if n else ():
        if list(ids[at : at + n - 1]) == list(ids[len(ids) - n + 1 :]) and 0 <= ids[at + n - 1] < len(s):
            s[ids[at + n - 1]] -= options.get("ngram_penalty", np.inf)
    for word in options.get("words", ()):
        before = len(word) - 1
        if before <= len(ids) and list(word[:-1]) == list(ids[len(ids) - before :]) and word[-1] < len(s):
            s[word[-1]] = -np.inf
    for t in options.get("suppressed", ()):
        s[t] = -np.inf
    if options.get("allowed") is not None:
        s[~options["allowed"]] = -np.inf
    return s


def log_softmax(row):
    top = row.max()
    return row - top - math.log(np.exp(row - top).sum())


def best_first(keys):
    """Numbers of the keys from the largest on; of equal ones the lowest."""
    return np.lexsort((np.arange(len(keys)), -keys))


def warped(scores, *, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, typical_p=1.0, keep=1):
    """The scores of a row whose left-out tokens are -inf, by sorting the row for each warper."""
    s = scores / temperature

    def probabilities():
        return np.exp(log_softmax(s))

    if top_k:
        s = np.where(s < np.sort(s)[-min(max(top_k, keep), len(s))], -np.inf, s)
    if top_p < 1:
        order = best_first(s)
        p = probabilities()[order]
        out = np.ones(len(s), bool)
        out[order[p.cumsum() - p < top_p]] = False
        s = np.where(out & (s < s[order[keep - 1]]), -np.inf, s)
    if min_p > 0:
        p = probabilities()
        s = np.where((p < min_p * p.max()) & (s < s[best_first(s)[keep - 1]]), -np.inf, s)
    if typical_p < 1:
        p = probabilities()
        surprise = -np.log(p, out=np.full(len(p), -np.inf), where=p > 0)
        entropy = (p[p > 0] * surprise[p > 0]).sum()
        distance = np.where(p > 0, np.abs(surprise - entropy), np.inf)
        order = best_first(-distance)
        last = min(int((p[order].cumsum() < typical_p).sum()), len(s) - 1)
        s = np.where(distance > max(distance[order[last]], distance[order[keep - 1]]), -np.inf, s)
    return s


NOTHING = {"suppressed": np.zeros(0, int), "words": np.zeros(0, int), "word_offsets": np.zeros(1, int)}
WARPERS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "keep")


def processors_apply(logits, ids, begins, words, word_offsets, suppressed, allowed=None, normalise=False, **options):
    """Edit and warp each row by itself."""
    spelled = [words[a:b] for a, b in pairwise(word_offsets)]
    scores = np.empty(logits.shape)
    for r, row in enumerate(logits):
        mask = None if allowed is None else np.broadcast_to(allowed, logits.shape)[r]
        rules = {**options, "words": spelled, "suppressed": suppressed, "allowed": mask}
        rules["prompt"] = max(0, options.get("prompt", 0) - begins[r])
        changed = edited(log_softmax(row) if normalise else row, ids[r, begins[r] :], rules)
        scores[r] = warped(changed, **{name: options[name] for name in WARPERS if name in options})
    return scores, np.zeros(len(logits), np.uint8)


def beam_search(step, prompt, width, most, end, *, penalty=1.0, early_stopping=False):
    """(score, new tokens) of the best sequences, best first: plain lists, each step over all prefixes and all tokens."""
    running, pool = [(0.0, ())], []
    for n in range(1, most + 1):
        candidates = []
        for beam, (score, tokens) in enumerate(running):
            row = log_softmax(step(np.array([[*prompt, *tokens]]), None)[0][0].astype(float))
            candidates += [(-(score + row[t]), beam, t) for t in range(len(row)) if row[t] > -np.inf]
        candidates = sorted(candidates)[: 2 * width]
        ended = [t == end or n == most for _, _, t in candidates]
        for (score, beam, t), ends in [*zip(candidates, ended, strict=True)][:width]:
            if ends:
                pool.append((-score / n**penalty, (*running[beam][1], t)))
        pool = sorted(pool, key=lambda item: -item[0])[:width]
        going_on = [c for c, ends in zip(candidates, ended, strict=True) if not ends][:width]
        running = [(-score, (*running[beam][1], t)) for score, beam, t in going_on]
        if not running or (len(pool) == width and early_stopping is True):
            break
        length = most if early_stopping == "never" and penalty > 0 else n
        if len(pool) == width and running[0][0] / length**penalty <= pool[-1][0]:
            break
    return pool


V = 5  # tokens of `table`


def table(seed=0, order=2, vocabulary=V):
    """A step that looks the logits up by the last `order` tokens; it has no state."""
    logits = np.random.default_rng(seed).standard_normal((vocabulary,) * (order + 1)) * 2

    def step(ids, state):
        before = [ids[:, -min(n, ids.shape[1])] for n in range(order, 0, -1)]
        return logits[tuple(before)], state

    return step


def rows(found):
    return [tuple(tokens.tolist()) for tokens in found.new_tokens]
