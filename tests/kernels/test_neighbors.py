import numpy as np
import pytest
from harness import assert_identical, check_op, each_isa, each_team

from seqnn import _core
from seqnn.embed import nearest_neighbors


def neighbors_top(queries, rows, scale, excluded, begin, end, count):
    """Sort all candidates of each query: by score, then by id; empty places hold id -1 and NaN."""
    ids = np.full((len(queries), count), -1)
    scores = np.full((len(queries), count), np.nan)
    for q, query in enumerate(queries):
        score = rows @ query * scale
        candidates = [i for i in range(begin, end) if i not in excluded[q] and not np.isnan(score[i])]
        best = sorted(candidates, key=lambda i: (-score[i], i))[:count]
        ids[q, : len(best)] = best
        scores[q, : len(best)] = score[best]
    return ids, scores


def case(q, v, d, count, *, begin=0, end=None, excluded=2, seed=0):
    """Small integers: every sum is exact, and ties abound."""
    rng = np.random.default_rng(seed)
    return {
        "queries": rng.integers(-2, 3, (q, d)).astype(np.float64),
        "rows": rng.integers(-2, 3, (v, d)).astype(np.float64),
        "scale": rng.choice([0.5, 1.0, 2.0, 0.0], v),
        "excluded": rng.integers(-1, max(v, 1), (q, excluded)),
        "begin": begin,
        "end": v if end is None else end,
        "count": count,
    }


def test_neighbors_top():
    check_op(
        _core.neighbors_top,
        neighbors_top,
        [
            case(1, 5000, 10, 10),  # few queries: rows where they lie
            case(3, 700, 3, 7, begin=600, end=650),
            case(4, 5000, 10, 3, excluded=0),  # many queries: tiles
            case(13, 1201, 33, 10, begin=7, end=1190),
            case(6, 520, 1, 520),  # all of them, in order
            case(7, 6, 4, 20, excluded=5),  # more places than candidates
            case(5, 9, 2, 4, begin=4, end=4),
            case(0, 9, 2, 4),
            case(5, 0, 2, 4),
            case(5, 9, 2, 0),
        ],
    )


@pytest.mark.parametrize("queries", [2, 9])
def test_nan_rows_are_never_found_and_infinities_are_ordered(queries):
    rows = np.ones((600, 5), np.float32)
    rows[7] = np.nan
    rows[3, 0], rows[500, 0] = np.inf, -np.inf
    for _ in each_isa():
        for _ in each_team():
            ids, scores = _core.neighbors_top(
                np.ones((queries, 5), np.float32),
                rows,
                np.ones(600, np.float32),
                np.zeros((queries, 0), int),
                0,
                600,
                600,
            )
            assert (ids[:, 0] == 3).all()
            assert (ids[:, -2] == 500).all()
            assert (ids[:, -1] == -1).all()
            assert np.isnan(scores[:, -1]).all()
            assert 7 not in ids


def test_range_is_checked():
    args = np.ones((1, 2)), np.ones((3, 2)), np.ones(3), np.zeros((1, 0), int)
    for begin, end in ((2, 1), (0, 4)):
        with pytest.raises(ValueError, match="begin <= end <= V"):
            _core.neighbors_top(*args, begin, end, 1)


def test_nearest_neighbors_are_cosines():
    rng = np.random.default_rng(1)
    vectors, queries = rng.standard_normal((900, 25)), rng.standard_normal((8, 25))
    vectors[5] = 0
    with np.errstate(invalid="ignore"):
        cosine = queries @ vectors.T / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)
    cosine[:, 5] = 0
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-6), (np.float16, 2e-3)):
        ids, scores = nearest_neighbors(queries, vectors.astype(dtype), 900)
        assert sorted(ids[0]) == list(range(900))
        np.testing.assert_allclose(scores, np.take_along_axis(cosine, ids, 1), atol=tolerance)
        assert (np.diff(scores, axis=1) <= 0).all()
    exclude = [[10 + q, 30] for q in range(8)]
    ids, _ = nearest_neighbors(queries, vectors, 5, begin=10, end=-10, exclude=exclude)
    for q in range(8):
        candidates = [i for i in range(10, 890) if i not in exclude[q]]
        assert ids[q].tolist() == sorted(candidates, key=lambda i: -cosine[q, i])[:5]


def test_nearest_neighbors_searches_strided_and_read_only_rows():
    wide = np.random.default_rng(2).standard_normal((50, 16)).astype(np.float32)
    rows = wide[:, :10]
    rows.setflags(write=False)
    ids, scores = nearest_neighbors(rows[:7], rows, 3)
    again, same = nearest_neighbors(rows[:7].copy(), rows.copy(), 3)
    assert ids.tolist() == again.tolist() and scores.tobytes() == same.tobytes()
    assert ids[:, 0].tolist() == list(range(7))


def test_nearest_neighbors_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"queries \(1, 3\) and vectors \(4, 2\)"):
        nearest_neighbors(np.ones((1, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="exclude holds 2 lists for 1 queries"):
        nearest_neighbors(np.ones((1, 2)), np.ones((4, 2)), exclude=[[1], [2]])
    for wrong in (np.zeros(2, int), np.zeros((2, 1))):
        with pytest.raises(ValueError, match="exclude: expected integers"):
            nearest_neighbors(np.ones((2, 2)), np.ones((4, 2)), exclude=wrong)
    with pytest.raises(TypeError, match="exclude: expected a list of row numbers for each query, got 1"):
        nearest_neighbors(np.ones((2, 2)), np.ones((4, 2)), exclude=[1, 2])
    for norms in (np.ones(3), np.ones((4, 1))):
        with pytest.raises(ValueError, match="norms: expected the lengths of 4 rows"):
            nearest_neighbors(np.ones((1, 2)), np.ones((4, 2)), norms=norms)


@pytest.mark.parametrize(("queries", "columns"), [(1, 37), (2, 5), (9, 100)])
def test_rows_of_float16_are_found_as_the_same_rows_of_float32(queries, columns):
    rng = np.random.default_rng(columns)
    halves = rng.standard_normal((1200, columns)).astype(np.float16)
    halves[3], halves[4, 0], halves[5, 0], halves[6] = 0, np.nan, np.inf, 3e-8  # the last are subnormal
    wide, asked = halves.astype(np.float32), rng.standard_normal((queries, columns)).astype(np.float32)
    scale, excluded = rng.random(1200).astype(np.float32), rng.integers(0, 1200, (queries, 3))
    for name in each_isa():
        expected = _core.neighbors_top(asked, wide, scale, excluded, 2, 1190, 12)
        for size in each_team():
            found = _core.neighbors_top_halves(asked, halves.view(np.uint16), scale, excluded, 2, 1190, 12)
            assert_identical(found, expected, f"{name}, team of {size}")
    for kind in (halves, halves[:, ::-1][:, ::-1], np.asfortranarray(halves)):
        (ids, cosines), (same_ids, same_cosines) = (nearest_neighbors(asked, rows, 5) for rows in (kind, wide))
        assert ids.tolist() == same_ids.tolist()
        np.testing.assert_allclose(cosines, same_cosines, rtol=1e-6)
