"""The sums and the search of a chain over features, against enumeration of all sequences of labels."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from harness import assert_identical, each_isa, each_team

from seqnn import _core


def made(lengths=(3, 0, 1, 4), labels=3, attributes=7, *, weighted=True, scale=1.0, seed=0):
    """A corpus with attributes in any order, some of them twice in an item, and a model that lacks some pairs."""
    rng = np.random.default_rng(seed)
    c = SimpleNamespace(L=labels, A=attributes)
    c.sequences = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    total = c.sequences[-1]
    c.items = np.concatenate([[0], np.cumsum(rng.integers(0, 5, total))])
    c.ids = rng.integers(0, attributes, c.items[-1]).astype(np.int32)
    c.values = rng.normal(1, 1, len(c.ids)) if weighted else None
    c.tags = rng.integers(0, labels, total).astype(np.int32)
    there = rng.random((attributes, labels)) < 0.6
    there[0] = True
    there[-1] = False
    c.dense = np.where(there, rng.standard_normal(there.shape) * scale, 0)
    c.first = np.concatenate([[0], np.cumsum(there.sum(1))])
    c.labels = np.nonzero(there)[1].astype(np.uint16)
    c.weights = c.dense[there]
    c.there = there
    c.transitions = rng.standard_normal((labels, labels)) * scale
    c.begins = np.zeros(attributes + 1, np.int64)
    c.places, c.sorted = _core.crf_tagger_index(c.items, c.ids, c.begins, c.values, sorted=weighted)
    return c


def emissions(c):
    values = np.ones(len(c.ids)) if c.values is None else c.values
    rows = zip(c.items, c.items[1:], strict=False)
    return np.array([(values[a:b, None] * c.dense[c.ids[a:b]]).sum(0) for a, b in rows]).reshape(-1, c.L)


def paths(c, s):
    """{labels: score} of each sequence of labels for sequence s, from the lowest labels on."""
    x = emissions(c)[c.sequences[s] : c.sequences[s + 1]]
    every = itertools.product(range(c.L), repeat=len(x))
    return {
        p: sum(x[t, label] for t, label in enumerate(p)) + sum(c.transitions[a, b] for a, b in itertools.pairwise(p))
        for p in every
    }


def reference(c):
    """Losses, marginals, expected counts of features [A, L] and of pairs, by enumeration."""
    losses, marginals, pairs = [], np.zeros((len(c.tags), c.L)), np.zeros((c.L, c.L))
    for s, (a, b) in enumerate(itertools.pairwise(c.sequences)):
        scores = paths(c, s)
        top = max(scores.values())
        z = top + np.log(sum(np.exp(score - top) for score in scores.values()))
        losses.append(z - scores[tuple(c.tags[a:b])])
        for path, score in scores.items():
            p = np.exp(score - z)
            for t, label in enumerate(path):
                marginals[a + t, label] += p
            for i, j in itertools.pairwise(path):
                pairs[i, j] += p
    counts = np.zeros((c.A, c.L))
    owners = np.repeat(np.arange(len(c.tags)), np.diff(c.items))
    np.add.at(counts, c.ids, marginals[owners] * (1 if c.values is None else c.values[:, None]))
    return np.array(losses), marginals, counts, pairs


def gradient(c):
    return _core.crf_tagger_gradient(
        c.sequences, c.items, c.ids, c.tags, c.first, c.labels, c.weights, c.transitions, c.begins, c.places, c.values,
        c.sorted,
    )  # fmt: skip


def model(c):
    return c.sequences, c.items, c.ids, c.first, c.labels, c.weights, c.transitions, c.values


CASES = {
    "small": {},
    "all values 1": {"weighted": False},
    "one label": {"labels": 1},
    "two labels": {"labels": 2, "lengths": (5,)},
    "more labels than a register holds": {"labels": 9, "lengths": (2, 3, 1)},
    "more labels than four registers hold": {"labels": 70, "lengths": (2, 1)},
    "scores far apart": {"scale": 300.0},
    "no sequences": {"lengths": ()},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_losses_and_expected_counts_are_those_of_all_sequences_of_labels(options):
    c = made(**options)
    losses, marginals, counts, pairs = reference(c)
    for _ in each_isa():
        found = gradient(c)
        np.testing.assert_allclose(found.losses, losses, rtol=1e-12, atol=1e-11)
        np.testing.assert_allclose(found.grad, counts[c.there], atol=1e-12)
        np.testing.assert_allclose(found.grad_transitions, pairs, atol=1e-12)
        np.testing.assert_allclose(_core.crf_tagger_marginals(*model(c)).marginals, marginals, atol=1e-12)


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_best_labels_are_the_first_of_those_with_the_best_score(options):
    c = made(**options)
    for _ in each_isa():
        found = _core.crf_tagger_tag(*model(c))
        for s, (a, b) in enumerate(itertools.pairwise(c.sequences)):
            scores = paths(c, s)
            best = max(scores.values())
            assert abs(found.scores[s] - best) < 1e-9
            assert abs(scores[tuple(found.tags[a:b])] - best) < 1e-9


def test_equal_scores_give_the_lowest_labels():
    c = made(weighted=False)
    c.weights = np.zeros_like(c.weights)
    c.transitions = np.zeros_like(c.transitions)
    assert not _core.crf_tagger_tag(*model(c)).tags.any()


def test_results_are_the_same_to_the_bit_for_any_number_of_threads():
    rng = np.random.default_rng(1)
    c = made(rng.integers(0, 30, 300), labels=5, attributes=400)
    first = None
    for _ in each_team():
        found = [*gradient(c), *_core.crf_tagger_marginals(*model(c)), *_core.crf_tagger_tag(*model(c))]
        first = first or found
        for a, b in zip(found, first, strict=True):
            assert_identical(a, b)


def test_many_segments_add_up(monkeypatch):
    """More numbers than are kept at a time: the sums agree with those of the halves."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 8, 6000)
    c = made(lengths, labels=100, attributes=50, weighted=False)
    whole = gradient(c)
    half, items = 3000, int(c.sequences[3000])
    total = 0
    for sequences, part in ((slice(0, half + 1), slice(0, items)), (slice(half, None), slice(items, None))):
        own = SimpleNamespace(**vars(c))
        begin, end = c.sequences[sequences][[0, -1]]
        own.sequences = c.sequences[sequences] - begin
        own.items = c.items[begin : end + 1] - c.items[begin]
        own.ids, own.tags = c.ids[c.items[begin] : c.items[end]], c.tags[part]
        own.begins = np.zeros(c.A + 1, np.int64)
        own.places, own.sorted = _core.crf_tagger_index(own.items, own.ids, own.begins)
        total = total + gradient(own).grad
    np.testing.assert_allclose(whole.grad, total, rtol=1e-10, atol=1e-10)


def test_features_are_the_pairs_that_occur():
    c = made(labels=3)
    sums, seen = np.zeros((c.A, 3)), np.zeros((c.A, 3), bool)
    for t, (a, b) in enumerate(itertools.pairwise(c.items)):
        np.add.at(sums, (c.ids[a:b], c.tags[t]), c.values[a:b])
        seen[c.ids[a:b], c.tags[t]] = True
    for every in (False, True):
        for least in (-10.0, 0.5):
            wanted = (seen | every) & (sums >= least)
            given = c.begins, c.places, c.tags, 3, least, every, c.sorted
            counts = _core.crf_tagger_count(*given).counts
            assert counts.tolist() == wanted.sum(1).tolist()
            first = np.concatenate([[0], np.cumsum(counts)])
            found = _core.crf_tagger_count(*given, first, int(first[-1]))
            assert found.labels.tolist() == np.nonzero(wanted)[1].tolist()
            np.testing.assert_allclose(found.frequency, sums[wanted], atol=1e-12)


def test_arrays_that_do_not_belong_together_are_refused_or_do_no_harm():
    c = made()
    for name in ("items", "first", "begins"):
        wrong = SimpleNamespace(**vars(c))
        setattr(wrong, name, getattr(c, name) + 10**9)
        gradient(wrong)
        _core.crf_tagger_tag(*model(wrong))
    wrong = SimpleNamespace(**vars(c))
    wrong.ids = c.ids - 5
    gradient(wrong)
    with pytest.raises(ValueError, match="sequences"):
        _core.crf_tagger_tag(c.sequences + 1, *model(c)[1:])
    with pytest.raises(ValueError, match="offsets"):
        _core.crf_tagger_count(c.begins, c.places, c.tags, 3, 0.0, True, c.sorted, c.begins * 0, 0)


def test_a_perceptron_moves_from_the_labels_found_to_those_that_are_right():
    c = made((2,), labels=2, attributes=1, weighted=False)
    c.items, c.ids = np.array([0, 1, 2]), np.zeros(2, np.int32)
    c.first, c.labels, c.tags = np.array([0, 2]), np.array([0, 1], np.uint16), np.array([0, 1], np.int32)
    weights, sums = np.zeros((2, 2))
    transitions, transition_sums = np.zeros((2, 2, 2))
    allowed = np.array([[False, True], [True, True]])
    loss = _core.crf_tagger_perceptron(
        c.sequences, c.items, c.ids, c.tags, [0], c.first, c.labels, weights, sums, transitions, transition_sums,
        allowed, 5.0,
    )  # fmt: skip
    assert loss.tolist() == [0.5]  # found 0 0
    assert weights.tolist() == [-1, 1] and sums.tolist() == [-5, 5]
    assert transitions.tolist() == [[0, 1], [0, 0]] and transition_sums.tolist() == [[0, 5], [0, 0]]
