from itertools import pairwise

import numpy as np
import pytest
from harness import check_op

from seqnn import KeyedVectors, _core
from seqnn.embed import MoversIndex


def movers_costs(queries, rows):
    return np.sqrt(((rows[:, None] - queries[None]) ** 2).sum(-1))


def cheapest(cost, supply, demand):
    """Send whole numbers along the cheapest paths of Bellman and Ford, from one node over sources and sinks to another."""
    n, m = cost.shape
    start, end = n + m, n + m + 1
    room, price = {}, {}
    for i, k in np.ndindex(n, m):
        room[i, n + k], price[i, n + k] = 1 << 60, cost[i, k]
    room |= {(start, i): supply[i] for i in range(n)} | {(n + k, end): demand[k] for k in range(m)}
    for a, b in list(room):
        room.setdefault((b, a), 0)
        price.setdefault((a, b), 0.0)
        price[b, a] = -price[a, b]
    total = 0.0
    while True:
        there, before = dict.fromkeys(range(n + m + 2), np.inf) | {start: 0.0}, {}
        for _ in range(n + m + 2):
            shorter = [(a, b) for a, b in room if room[a, b] > 0 and there[a] + price[a, b] < there[b] - 1e-12]
            if not shorter:
                break
            for a, b in shorter:
                if there[a] + price[a, b] < there[b] - 1e-12:
                    there[b], before[b] = there[a] + price[a, b], a
        if end not in before:
            return total
        path, node = [], end
        while node != start:
            path.append((before[node], node))
            node = before[node]
        sent = min(room[way] for way in path)
        for a, b in path:
            room[a, b] -= sent
            room[b, a] += sent
        total += sent * there[end]


def movers_distances(costs, counts, words, times, offsets, relaxed):
    found = []
    for begin, end in pairwise(offsets):
        cost, mine = costs[words[begin:end]], times[begin:end]
        if not len(mine) or not len(counts):
            found.append(np.inf)
        elif relaxed:
            there, back = mine @ cost.min(1) / mine.sum(), counts @ cost.min(0) / counts.sum()
            found.append(max(there, back))
        else:
            all_mine, all_counts = mine.sum(), counts.sum()
            found.append(cheapest(cost, mine * all_counts, counts * all_mine) / (all_mine * all_counts))
    return np.array(found)


def texts(lengths, words, query, dim, *, relaxed=False, seed=0):
    """Texts of so many different words; the first words of the query are also words of texts."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((words, dim))
    queries = np.concatenate([rows[: query // 2], rng.standard_normal((query - query // 2, dim))])
    return {
        "costs": movers_costs(queries, rows),
        "counts": rng.integers(1, 5, query),
        "words": np.concatenate([rng.permutation(words)[:n] for n in lengths] or [np.zeros(0, int)]),
        "times": rng.integers(1, 4, sum(lengths)),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(int),
        "relaxed": relaxed,
    }


def test_movers_costs():
    rng = np.random.default_rng(0)
    check_op(
        _core.movers_costs,
        movers_costs,
        [
            {"queries": rng.standard_normal((n, d)), "rows": rng.standard_normal((w, d))}
            for n, w, d in ((1, 1, 1), (70, 5, 33), (3, 8, 100), (0, 4, 2), (4, 0, 2))
        ],
    )


def test_movers_distances():
    check_op(
        _core.movers_distances,
        movers_distances,
        [
            texts([3, 1, 0, 7, 12], 12, 5, 3),
            texts([6, 11, 9], 20, 10, 2, seed=1),
            texts([9, 20, 14], 40, 17, 2, relaxed=True, seed=1),
            texts([2, 3], 4, 0, 2),
            texts([], 4, 3, 2),
        ],
    )


def movers_pair(vectors, query, counts, text, times, norm, relaxed):
    if norm:
        lengths = np.sqrt((vectors**2).sum(1, keepdims=True))
        vectors = vectors / np.where(lengths > 0, lengths, 1)
    costs = movers_costs(vectors[query], vectors[text])
    return movers_distances(costs, counts, np.arange(len(text)), times, [0, len(text)], relaxed)


def test_movers_pair():
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((30, 7))
    vectors[3] = 0
    check_op(
        _core.movers_pair,
        movers_pair,
        [
            {
                "vectors": vectors,
                "query": rng.permutation(30)[:n],
                "counts": rng.integers(1, 5, n),
                "text": rng.permutation(30)[:m],
                "times": rng.integers(1, 4, m),
                "norm": norm,
                "relaxed": relaxed,
            }
            for n, m, norm, relaxed in (
                (9, 14, True, False), (12, 5, False, False), (20, 20, True, True), (0, 4, True, False), (4, 0, True, True)
            )
        ],
    )  # fmt: skip


def test_distances_of_long_texts_lie_above_their_bounds_and_are_symmetric():
    there = texts([150], 200, 180, 8, seed=3)
    back = {
        "costs": np.ascontiguousarray(there["costs"][there["words"]].T),
        "counts": there["times"],
        "words": np.arange(180),
        "times": there["counts"],
        "offsets": [0, 180],
    }
    exact = _core.movers_distances(**there)
    assert _core.movers_distances(**there | {"relaxed": True}) <= exact
    np.testing.assert_allclose(exact, _core.movers_distances(**back, relaxed=False), rtol=1e-12)


def test_costs_that_are_not_finite_give_no_finite_distance():
    for bad in (np.nan, np.inf):
        costs = np.full((2, 2), bad)
        assert not np.isfinite(_core.movers_distances(costs, [1, 1], [0, 1], [1, 1], [0, 2], False)).any()


def test_texts_that_are_too_long_for_whole_numbers_are_refused():
    with pytest.raises(ValueError, match=r"times: expected texts of at most 2\^30 words"):
        _core.movers_distances(np.ones((2, 1)), [1], [0, 1], [2**30, 1], [0, 2], False)


WORDS = [f"w{i}" for i in range(60)]


def vectors(dtype=np.float32):
    return KeyedVectors.from_arrays(WORDS, np.random.default_rng(5).standard_normal((60, 20)).astype(dtype))


def documents(count=40):
    rng = np.random.default_rng(6)
    return [rng.choice(WORDS, rng.integers(1, 25)).tolist() for _ in range(count)]


def test_wmdistance_is_gensims():
    gensim = pytest.importorskip("gensim.models")
    pytest.importorskip("ot")
    ours, theirs = vectors(), gensim.KeyedVectors(20)
    theirs.add_vectors(WORDS, ours.vectors)
    for first, second in zip(documents()[::2], documents()[1::2], strict=True):
        for norm in (True, False):
            mine = ours.wmdistance([*first, "unknown"], second, norm=norm)
            assert mine == pytest.approx(theirs.wmdistance([*first, "unknown"], second, norm=norm), abs=1e-5)


# gensim 4.4.0 with POT 0.9.7 on the vectors and the first documents of this file
GENSIMS = [1.053101, 0.9801365, 0.9709078]


def test_wmdistance_refuses_words_of_a_mapped_file_that_are_not_finite_and_no_others(tmp_path):
    rows = np.eye(4, dtype=np.float32)
    rows[3, 0] = np.nan
    KeyedVectors.from_arrays(["w0", "w1", "w2", "bad"], rows).save(tmp_path / "vectors")
    wv = KeyedVectors.load(tmp_path / "vectors", mmap=True)
    assert wv.wmdistance(["w0"], ["w1"]) == pytest.approx(np.sqrt(2))
    with pytest.raises(ValueError, match="the vector of 'bad' holds NaN"):
        wv.wmdistance(["w0"], ["w1", "bad"])


def test_wmdistance_has_the_values_that_gensim_gave():
    found = [vectors().wmdistance(documents()[0], other) for other in documents()[1:4]]
    np.testing.assert_allclose(found, GENSIMS, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_index_gives_the_distances_of_pairs_and_its_nearest_are_the_first_of_all(dtype):
    wv = vectors(dtype)
    index = MoversIndex(wv, [*documents(), [], ["unknown"]])
    query = documents(41)[40]
    distances = index.distances(query)
    assert len(index) == 42 and np.isinf(distances[40:]).all()
    np.testing.assert_allclose(distances[:40], [wv.wmdistance(query, d) for d in documents()], rtol=1e-5)
    relaxed = index.distances(query, relaxed=True)
    assert (relaxed[:40] <= distances[:40] + 1e-9).all()
    np.testing.assert_allclose(relaxed[3], wv.wmdistance(query, documents()[3], relaxed=True), rtol=1e-5)
    order = np.argsort(distances, kind="stable")
    for topn in (0, 1, 5, 40, 99):
        ids, nearest = index.nearest(query, topn)
        assert ids.tolist() == order[: min(topn, 40)].tolist() and nearest.tolist() == distances[ids].tolist()


def test_equal_texts_have_distance_0_and_texts_without_known_words_are_infinitely_far():
    wv = vectors()
    assert wv.wmdistance(["w1", "w2"], ["w2", "w1"]) == 0
    assert wv.wmdistance(["unknown"], ["w1"]) == wv.wmdistance([], []) == np.inf
    assert MoversIndex(wv, []).nearest(["w1"])[0].tolist() == []


def test_texts_that_are_strings_are_refused():
    wv = vectors()
    with pytest.raises(TypeError, match="document1, document2: expected a list of keys, got a string"):
        wv.wmdistance("w1 w2", ["w1"])
    with pytest.raises(TypeError, match="documents: expected lists of words, got a string"):
        MoversIndex(wv, "w1 w2")
    with pytest.raises(TypeError, match="vectors: expected KeyedVectors, got dict"):
        MoversIndex({}, [["w1"]])


def test_what_is_no_text_is_named():
    wv = vectors()
    with pytest.raises(TypeError, match="document1, document2: expected a list of keys, got 5"):
        wv.wmdistance(5, ["w1"])
    with pytest.raises(TypeError, match=r"document1, document2: expected lists of words, got \[\['w1'\]\]"):
        wv.wmdistance([["w1"]], ["w1"])
    with pytest.raises(TypeError, match="documents: expected lists of words, got int"):
        MoversIndex(wv, 5)
