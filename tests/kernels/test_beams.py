from itertools import pairwise

import numpy as np
from decode_reference import NOTHING, edited, log_softmax
from harness import check_op, each_isa, each_team

from seqnn import _core


def beams_select(
    logits, ids, begins, history, running, set_offsets, ends, width, count, words, word_offsets, suppressed,
    allowed=None, groups=1, diversity=0.0, last=False, normalise=True, **rules,
):  # fmt: skip
    """Sort all candidates of each set of beams."""
    sets = len(set_offsets) - 1
    out = [
        np.full((sets, count), fill, kind) for fill, kind in ((-np.inf, float), (-1, int), (-1, int), (-np.inf, float))
    ]
    scores, rows, tokens, log_probs = out
    ended, following = np.zeros((sets, count), bool), np.full((sets, width), -1)
    spelled = [words[a:b] for a, b in pairwise(word_offsets)]
    status = np.zeros(len(logits), np.uint8)
    for s in range(sets):
        chosen = [tokens[g, p] for g in range(s - s % groups, s) for p in following[g] if p >= 0]
        found = []
        for r in range(set_offsets[s], set_offsets[s + 1]):
            mask = None if allowed is None else np.broadcast_to(allowed, logits.shape)[r]
            own = {**rules, "words": spelled, "suppressed": suppressed, "allowed": mask}
            row = edited(log_softmax(logits[r]) if normalise else logits[r], ids[r, begins[r] :], own)
            status[r] = 0 if (row > -np.inf).any() else 2
            for t in np.flatnonzero(row > -np.inf):
                lowered = running[r] + row[t] - diversity * chosen.count(t)
                found.append((-lowered, r, t, running[r] + row[t], row[t]))
        for k, (_, r, t, score, log_prob) in enumerate(sorted(found)[:count]):
            scores[s, k], rows[s, k], tokens[s, k], log_probs[s, k] = score, r, t, log_prob
            ended[s, k] = (last or t in ends) and k < width
        going_on = [k for k in range(count) if tokens[s, k] >= 0 and not last and tokens[s, k] not in ends][:width]
        following[s, : len(going_on)] = going_on
    going_on = [(s, k) for s in range(sets) for k in following[s] if k >= 0]
    offsets = np.cumsum([0, *(following >= 0).sum(axis=1)])

    def padded(rows):
        out = np.zeros((sets * width, *np.shape(rows)[1:]), np.asarray(rows).dtype)
        out[: len(rows)] = rows
        return out

    at = tuple(np.array(going_on, int).reshape(-1, 2).T)
    parents = rows[at]
    new_ids = np.concatenate([ids[parents], tokens[at][:, None]], axis=1)
    new_history = np.concatenate([history[parents], log_probs[at][:, None]], axis=1)
    new = [padded(x) for x in (parents, scores[at], new_ids, begins[parents], new_history)]
    return scores, rows, tokens, log_probs, ended, offsets, *new, status


def case(first, vocabulary, width, tokens=0, *, ends=(0,), count=None, seed=0, **options):
    rng = np.random.default_rng(seed)
    rows = first[-1]
    return {
        "logits": rng.standard_normal((rows, vocabulary)) * 2,
        "ids": rng.integers(0, vocabulary, (rows, tokens)),
        "begins": np.zeros(rows, int),
        "history": -rng.random((rows, 3)),
        "running": -rng.random(rows) * 3,
        "set_offsets": np.array(first),
        "ends": np.array(ends, int),
        "width": width,
        "count": count or 2 * width,
        **NOTHING,
        **options,
    }


def select(running, history, **given):
    """Call the kernel; its sums are float64 whatever the logits are."""
    return _core.beams_select(running=running.astype(np.float64), history=history.astype(np.float64), **given)


def test_beams_select():
    rng = np.random.default_rng(3)
    check_op(
        select,
        beams_select,
        [
            case([0, 4], 5000, 4),
            case([0, 1, 2, 3], 1030, 5),
            case([0, 3, 3, 5], 40, 3, ends=(3, 5, 7), count=12),
            case([0, 2], 3, 4),  # fewer candidates than asked for
            case([0, 4, 8], 50, 4, last=True),
            case([0, 4, 8], 60, 4, 20, repetition_penalty=1.4, ngram_size=2, ngram_penalty=np.inf),
            case([0, 2, 4, 6, 8, 10, 12], 20, 2, groups=3, diversity=1.5),
            case([0, 2, 3, 3, 5], 9, 2, groups=2, diversity=0.4),
            case([0, 2, 4], 6, 2, 5, normalise=False, frequency_penalty=0.5, suppressed=np.array([2])),
            case([0, 2, 4], 2000, 2, allowed=rng.random((4, 2000)) < 0.01),
            case([0, 2, 4], 30, 2, allowed=np.arange(30)[None] < 2),
            case([0, 0], 30, 2),
        ],
        tolerance={np.dtype(np.float32): 5e-5, np.dtype(np.float64): 1e-11},
    )


def best_are_edited(given):
    """Make the tokens so far the most probable ones."""
    given["logits"][np.arange(len(given["ids"]))[:, None], given["ids"]] += 9
    return given


def test_candidates_among_strips_whose_best_tokens_are_edited():
    check_op(
        select,
        beams_select,
        [
            best_are_edited(case([0, 4], 5000, 4, 30, repetition_penalty=50.0, seed=4)),
            best_are_edited(case([0, 4], 5000, 2, 90, ngram_size=1, ngram_penalty=np.inf)),
            best_are_edited(case([0, 3], 1281, 3, 2, frequency_penalty=20.0, suppressed=np.arange(255, 1025))),
            best_are_edited(case([0, 2], 513, 3, 40, presence_penalty=9.0)),
            case([0, 2], 1100, 16, count=200),  # more than there are strips
        ],
        tolerance={np.dtype(np.float32): 5e-5, np.dtype(np.float64): 1e-11},
    )


def test_equal_candidates_come_by_beam_and_by_token():
    for vocabulary in (70, 3000):
        given = case([0, 2], vocabulary, 3)
        given["logits"][:] = 0
        given["running"][:] = 0
        for _ in each_isa():
            found = select(**given)
            assert found.rows[0].tolist() == [0] * 6 and found.tokens[0].tolist() == [0, 1, 2, 3, 4, 5]


def drawn(logits, seeds, count):
    """The candidates of one set of two beams, by seed."""
    rows = np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    given = case([0, 2], logits.shape[1], 2, ends=(), count=count)
    given |= {"logits": rows, "running": np.log([0.6, 0.4]), "normalise": False}
    return [_core.beams_select(**given, streams=np.array([seed]), seed=9) for seed in range(seeds)]


def test_drawn_candidates_have_the_probabilities_of_draws_without_replacement():
    logits = np.random.default_rng(0).standard_normal((2, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = (p * [[0.6], [0.4]]).ravel()
    seeds = 6000
    for _ in each_isa():
        pairs = np.zeros((6, 6))
        for found in drawn(logits, seeds, 2):
            a, b = sorted((found.rows[0] * 3 + found.tokens[0]).tolist())
            pairs[a, b] += 1
            assert found.scores[0, 0] >= found.scores[0, 1]
        due = np.array([[p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b]) for b in range(6)] for a in range(6)])
        due = seeds * due[np.triu_indices(6, 1)]
        chi = (np.square(pairs[np.triu_indices(6, 1)] - due) / due).sum()
        assert chi < 14 + 5 * np.sqrt(28)


def test_drawn_candidates_do_not_depend_on_the_other_sets():
    rng = np.random.default_rng(1)
    given = case([0, 3, 6], 3000, 3, normalise=False)
    given["logits"] = rng.standard_normal((6, 3000))
    for _ in each_isa():
        for _ in each_team():
            both = _core.beams_select(**given, streams=np.array([8, 4]), seed=1, position=5)
            half = {**given, "set_offsets": np.array([0, 3])}
            half |= {name: given[name][3:] for name in ("logits", "ids", "begins", "history", "running")}
            alone = _core.beams_select(**half, streams=np.array([4]), seed=1, position=5)
            assert both.tokens[1].tolist() == alone.tokens[0].tolist()


def test_a_row_that_is_not_finite_says_so():
    given = case([0, 2], 5, 2)
    given["logits"][1, 3] = np.nan
    assert _core.beams_select(**given).status.tolist() == [0, 1]
