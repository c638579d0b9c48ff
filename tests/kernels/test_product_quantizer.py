"""Product quantisation against k-means in NumPy."""

import numpy as np
import pytest
from harness import assert_identical, each_isa, each_team

from seqnn import _core
from seqnn.embed import quantize_matrix

X = np.random.default_rng(0).standard_normal((700, 5)).astype(np.float32)


def twin(x, first, part):
    """One step of k-means from the given rows."""
    found = []
    for s, rows in enumerate(first):
        block = x[:, s * part : (s + 1) * part].astype(np.float64)
        nearest = ((block[:, None] - block[rows][None]) ** 2).sum(-1).argmin(1)
        found.append(np.stack([block[nearest == c].mean(0) for c in range(256)]).ravel())
    return np.concatenate(found)


@pytest.mark.parametrize("part", [1, 2, 3, 5])
def test_centroids_and_codes_are_those_of_the_twin(part):
    parts = -(-X.shape[1] // part)
    rng = np.random.default_rng(1)
    first = np.stack([rng.permutation(len(X))[:256] for _ in range(parts)]).astype(np.int32)
    expected = twin(X, first, part)
    for name in each_isa():
        same = None
        for _ in each_team():
            centroids = _core.product_quantizer_train(X, first, part, 1)
            codes = _core.product_quantizer_assign(X, centroids, part)
            same = same or (centroids, codes)
            assert_identical((centroids, codes), same, name)
        np.testing.assert_allclose(centroids, expected, atol=1e-5)
        for s in range(parts):
            block = X[:, s * part : (s + 1) * part]
            own = centroids[256 * s * part :][: 256 * block.shape[1]].reshape(256, -1)
            distance = ((block[:, None] - own[None]) ** 2).sum(-1)
            chosen = distance[np.arange(len(X)), codes[:, s]]
            np.testing.assert_allclose(chosen, distance.min(1), atol=1e-6)


def test_equal_rows_leave_no_centroid_empty():
    x = np.repeat(X[:3], 100, axis=0)
    first = np.zeros((5, 256), np.int32)
    for _ in each_isa():
        centroids = _core.product_quantizer_train(x, first, 1, 25)
        assert np.isfinite(centroids).all()
        codes = _core.product_quantizer_assign(x, centroids, 1)
        assert len(np.unique(codes[:, 0])) >= 3


@pytest.mark.parametrize("norms", [False, True])
def test_a_quantised_matrix_is_near_to_the_original(norms):
    small = quantize_matrix(X, 2, norms=norms, seed=0)
    assert small.codes.shape == (700, 3) and small.decoded().shape == X.shape
    assert np.square(small.decoded() - X).mean() < 0.02
    assert_identical(quantize_matrix(X, 2, norms=norms, seed=0).codes, small.codes)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="256 rows or more, got 255"):
        quantize_matrix(X[:255], 2, norms=False, seed=0)
    first = np.zeros((3, 256), np.int32)
    with pytest.raises(ValueError, match="S"):
        _core.product_quantizer_train(X, first, 1, 1)
    with pytest.raises(ValueError, match="first"):
        _core.product_quantizer_train(X, first + 700, 2, 1)
    with pytest.raises(ValueError, match="Q"):
        _core.product_quantizer_assign(X, np.zeros(256, np.float32), 2)


@pytest.mark.parametrize("part", [1, 2, 3, 5, 9])
def test_rows_are_put_together_from_the_centroids_of_their_codes(part):
    rng = np.random.default_rng(3)
    size, parts = 5, -(-5 // part)
    centroids = rng.standard_normal(256 * size).astype(np.float32)
    codes = rng.integers(0, 256, (700, parts)).astype(np.uint8)
    blocks = [centroids[256 * s * part :][: 256 * min(part, size - s * part)].reshape(256, -1) for s in range(parts)]
    expected = np.concatenate([block[codes[:, s]] for s, block in enumerate(blocks)], axis=1)
    for name in each_isa():
        for _ in each_team():
            assert_identical(_core.product_quantizer_decode(codes, centroids, part), expected, name)
    with pytest.raises(ValueError, match="S == "):
        _core.product_quantizer_decode(codes[:, :0], centroids, part)
    with pytest.raises(ValueError, match="Q == "):
        _core.product_quantizer_decode(codes, centroids[:-1], part)
