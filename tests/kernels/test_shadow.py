import copy
import pickle

import numpy as np
import pytest
from harness import assert_close, each_isa, each_team

from seqnn import KeyedVectors, _core
from seqnn.embed import QuantizedKeyedVectors, nearest_neighbors
from seqnn.embed._vectors._shadow import Shadow


def shadow_pack(rows):
    """Scale rows to length 1 and round them to 127 steps of the largest number; groups of 16 rows, four numbers of each."""
    lengths = np.sqrt((rows**2).sum(1))
    steps = np.abs(rows).max(1, initial=0) / 127
    numbers = np.rint(rows / np.where(steps > 0, steps, 1)[:, None])
    errors = np.sqrt(((rows - numbers * steps[:, None]) ** 2).sum(1)) / np.where(lengths > 0, lengths, 1)
    v, d = rows.shape
    packed = np.full((-(-v // 16) * 16, -(-d // 4) * 4), 128)
    packed[:v, :d] += numbers.astype(int)
    packed[v:] = 0
    packed = packed.reshape(-1, 16, packed.shape[1] // 4, 4).transpose(0, 2, 1, 3).reshape(-1, packed.shape[1] // 4, 64)
    return packed, steps / np.where(lengths > 0, lengths, 1), errors


@pytest.mark.parametrize(("v", "d"), [(1, 1), (40, 5), (33, 130), (16, 4), (0, 3)])
def test_shadow_pack(v, d):
    rows = np.random.default_rng(v).standard_normal((v, d)).astype(np.float32)
    rows[v // 2 : v // 2 + 1] = 0
    for isa in each_isa():
        for _ in each_team():
            packed, step, error = _core.shadow_pack(rows)
            expected = shadow_pack(rows.astype(np.float64))
            assert np.abs(packed.astype(int) - expected[0]).max(initial=0) <= 1, isa  # halves may round to either side
            assert (packed != expected[0]).mean() < 0.01 if v else packed.size == 0
            assert_close((step, error), expected[1:], 1e-3, isa)


def searched(rows, query, count, *, begin=0, end=None, excluded=()):
    """Search by a shadow, and without one."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt((rows * rows).sum(1))
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    end, excluded = len(rows) if end is None else end, np.array(excluded, np.int64)
    mine = _core.shadow_top(query, rows, *_core.shadow_pack(rows), scale, excluded, begin, end, count)
    plain = _core.neighbors_top(query[None], rows, scale, excluded[None], begin, end, count)
    return mine, [part[0] for part in plain]


@pytest.mark.parametrize("columns", [1, 7, 100, 149])
def test_shadow_top(columns):
    rng = np.random.default_rng(columns)
    rows = rng.standard_normal((2500, columns)).astype(np.float32)
    rows[3], rows[17, 0], rows[18, 0], rows[900] = 0, np.nan, np.inf, 1e-25
    rows[1000:1010] = rows[1100:1110]  # ties
    wide = np.zeros((2500, columns + 3), np.float32)
    wide[:, :columns] = rows
    for query in (rows[1000], rng.standard_normal(columns), np.zeros(columns), np.full(columns, np.nan)):
        query = (query / (np.sqrt(query @ query) or 1)).astype(np.float32)
        for _ in each_isa():
            for _ in each_team():
                for options in (
                    {"count": 10},
                    {"count": 3, "begin": 5, "end": 1001, "excluded": [1000, 7, -1]},
                    {"count": 2500},
                    {"count": 4, "begin": 9, "end": 9},
                    {"count": 0},
                ):
                    for matrix in (rows, wide[:, :columns]):
                        mine, plain = searched(matrix, query, **options)
                        assert mine[0].tobytes() == plain[0].tobytes() and mine[1].tobytes() == plain[1].tobytes()


@pytest.mark.parametrize("columns", [1, 7, 100])
def test_shadow_top_halves(columns):
    rng = np.random.default_rng(columns)
    halves = rng.standard_normal((1500, columns)).astype(np.float16)
    halves[3], halves[17, 0], halves[18, 0], halves[900] = 0, np.nan, np.inf, 6e-8
    halves[1000:1010] = halves[1100:1110]  # ties
    rows, bits = halves.astype(np.float32), halves.view(np.uint16)
    with np.errstate(invalid="ignore"):
        norms = np.sqrt((rows * rows).sum(1))
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    for query in (rows[1000], rng.standard_normal(columns), np.zeros(columns)):
        query = (query / (np.sqrt(query @ query) or 1)).astype(np.float32)
        for isa in each_isa():
            for _ in each_team():
                for excluded, *limits in (
                    ([], 0, 1500, 10),
                    ([1000, 7], 5, 1001, 3),
                    ([], 0, 1500, 1500),
                    ([], 9, 9, 0),
                ):
                    excluded = np.array(excluded, np.int64)
                    mine = _core.shadow_top_halves(query, bits, *_core.shadow_pack(rows), scale, excluded, *limits)
                    plain = _core.neighbors_top_halves(query[None], bits, scale, excluded[None], *limits)
                    assert all(a.tobytes() == b[0].tobytes() for a, b in zip(mine, plain, strict=True)), isa


def test_range_is_checked():
    rows = np.ones((3, 2), np.float32)
    packed = _core.shadow_pack(rows)
    with pytest.raises(ValueError, match="begin <= end <= V"):
        _core.shadow_top(rows[0], rows, *packed, np.ones(3, np.float32), np.zeros(0, int), 2, 4, 1)


def large_vectors():
    vectors = np.random.default_rng(1).standard_normal((11_000, 100)).astype(np.float32)
    return KeyedVectors.from_arrays([f"w{i}" for i in range(len(vectors))], vectors)


def test_queries_by_a_shadow_give_what_the_first_query_gives():
    wv = large_vectors()
    first = wv.most_similar("w5")
    assert not isinstance(wv._search, Shadow)
    assert wv.most_similar("w5") == first and isinstance(wv._search, Shadow)
    fresh = large_vectors()
    limits = {"positive": ["w1", "w2"], "negative": ["w3"], "topn": 7, "clip_start": 100, "clip_end": 9_000}
    assert wv.most_similar(**limits) == fresh.most_similar(**limits)
    assert wv.similar_by_vector(wv["w9"])[0][0] == "w9"


def test_single_queries_of_float16_have_a_shadow_too():
    wv = large_vectors()
    small = QuantizedKeyedVectors.quantize(wv, "float16")
    plain = KeyedVectors.from_arrays(wv.index_to_key, wv.vectors.astype(np.float16))
    expected = nearest_neighbors(small["w5"][None], small.vectors, 10, exclude=[[5]])
    for vectors in (small, plain):
        first = vectors.most_similar("w5")
        assert not isinstance(vectors._search, Shadow)
        assert vectors.most_similar("w5") == first and isinstance(vectors._search, Shadow)
        assert [vectors.get_index(word) for word, _ in first] == expected[0][0].tolist()
        assert_close([score for _, score in first], expected[1][0], 1e-6)
    plain.vectors[:] = plain.vectors[::-1].copy()
    fresh = KeyedVectors.from_arrays(wv.index_to_key, plain.vectors.copy())
    assert plain.most_similar("w5") == fresh.most_similar("w5")
    across = KeyedVectors.from_arrays(wv.index_to_key, np.asfortranarray(plain.vectors))  # copied for each query
    for _ in range(2):
        assert [word for word, _ in across.most_similar("w5")] == [word for word, _ in fresh.most_similar("w5")]


def test_a_shadow_follows_changes_of_the_vectors():
    wv = large_vectors()
    for _ in range(2):
        wv.most_similar("w5")
    wv["w7"] = wv["w5"]
    assert wv.most_similar("w5")[0][0] == "w7"
    assert wv.most_similar("w5")[0][0] == "w7" and isinstance(wv._search, Shadow)
    wv.remove_vectors(["w7"])
    expected = nearest_neighbors(wv["w5"][None], wv.vectors, 3, exclude=[[5]])[0][0]
    for _ in range(3):
        assert [wv.get_index(word) for word, _ in wv.most_similar("w5", topn=3)] == expected.tolist()


def test_a_change_of_the_whole_matrix_in_place_is_noticed_and_one_of_single_rows_where_norms_are_filled_anew():
    wv = large_vectors()
    for _ in range(2):
        wv.most_similar("w5")
    wv.vectors[:] = wv.vectors[::-1].copy()
    fresh = KeyedVectors.from_arrays(wv.index_to_key, wv.vectors.copy())
    for _ in range(3):
        assert wv.most_similar("w5") == fresh.most_similar("w5")
    wv.vectors[7] = 2 * wv.vectors[5]
    wv.fill_norms(force=True)
    for _ in range(3):
        assert wv.most_similar("w5")[0] == ("w7", pytest.approx(1))


def test_a_matrix_that_did_not_change_keeps_its_shadow_where_rows_are_nan_or_read_only():
    vectors = large_vectors().vectors.copy()
    vectors[::2] = np.nan
    vectors.flags.writeable = False
    wv = KeyedVectors.from_arrays([f"w{i}" for i in range(len(vectors))], vectors)
    for _ in range(2):
        found = wv.most_similar("w5")
    shadow = wv._search
    assert shadow.fresh and wv.most_similar("w5") == found and wv._search is shadow


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_queries_of_a_small_matrix_are_answered_alike_after_each_change_of_it(dtype):
    rows = np.random.default_rng(2).standard_normal((50, 9)).astype(dtype)
    wv = KeyedVectors.from_arrays([f"w{i}" for i in range(50)], rows)
    for _ in range(2):
        for _ in range(3):
            ids, cosines = nearest_neighbors(wv["w5"][None], wv.vectors, 4, exclude=[[5]])
            found = wv.most_similar("w5", topn=4)
            assert [wv.get_index(word) for word, _ in found] == ids[0].tolist() and not isinstance(wv._search, Shadow)
            assert_close([score for _, score in found], cosines[0], 1e-6)
        wv.vectors = wv.vectors[::-1].copy()


def test_copies_and_pickles_go_without_what_queries_keep():
    wv = large_vectors()
    found = wv.most_similar("w5")
    size = len(pickle.dumps(wv))
    assert wv.most_similar("w5") == found and isinstance(wv._search, Shadow)
    assert len(pickle.dumps(wv)) == size
    for other in (copy.copy(wv), copy.deepcopy(wv), pickle.loads(pickle.dumps(wv))):
        assert other._search is None
        for _ in range(3):
            assert other.most_similar("w5") == found
