"""Philox against known answers and a pure-Python twin; uniform numbers against NumPy arithmetic on the raw draws."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from harness import assert_identical, each_isa, each_team

from seqnn import random

MASK = 2**32 - 1


def philox(seed, stream, position):
    c = [position & MASK, position >> 32, stream & MASK, stream >> 32]
    k = [seed & MASK, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def test_known_answers():
    """From the test vectors that come with Random123, as far as they fit seed, stream and position below 2**63."""
    assert random.bits(1, seed=0).tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox(2**64 - 1, 2**64 - 1, 2**64 - 1) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize(("seed", "stream", "start"), [(1, 0, 0), (2**40 + 3, 7, 2**33 - 5), (5, 2**50, 11)])
def test_bits(seed, stream, start):
    expected = np.ravel([philox(seed, stream, start + i) for i in range(45)])
    for _ in each_isa():
        np.testing.assert_array_equal(random.bits(45, seed=seed, stream=stream, start=start), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform(dtype):
    bits = random.bits(500, seed=3, stream=4).astype(np.uint64)
    unit = (bits >> 8) / 2**24 if dtype == np.float32 else ((bits[::2] << 32 | bits[1::2]) >> 11) / 2**53
    expected = (-0.5 + 1.5 * unit[: 13 * 11]).astype(dtype).reshape(13, 11)
    for _ in each_isa():
        first = random.uniform((13, 11), -0.5, 1.0, seed=3, stream=4, dtype=dtype)
        np.testing.assert_allclose(first, expected, rtol=0, atol=np.finfo(dtype).eps)  # with and without FMA
        for _ in each_team():
            assert_identical(random.uniform((13, 11), -0.5, 1.0, seed=3, stream=4, dtype=dtype), first)
        rows = np.full((13, 16), 7, dtype)
        random.fill_uniform(rows[:, :11], -0.5, 1.0, seed=3, stream=4)
        np.testing.assert_array_equal(rows[:, :11], first)
        assert (rows[:, 11:] == 7).all()


def test_a_long_row_is_filled_in_parts():
    expected = random.uniform((3 * 17, 1001), seed=3)
    for _ in each_team():
        assert_identical(random.uniform((3, 17 * 1001), seed=3).ravel(), expected.ravel())


def test_moments():
    u = random.uniform(10**6, seed=9, dtype=np.float64)
    assert abs(u.mean() - 0.5) < 5 * (1 / 12 / 10**6) ** 0.5
    assert abs(u.var() - 1 / 12) < 5e-4
    assert u.min() >= 0
    assert u.max() < 1


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_bad_bounds(low, high):
    with pytest.raises(ValueError, match="expected finite low <= high"):
        random.uniform(3, low, high, seed=0)


def test_seeded_blocks_of_several_threads_do_not_disturb_each_other():
    before, meet = random.get_state(), Barrier(4)

    def keys(seed):
        meet.wait()
        with random.seeded(seed):
            found = [random.next_key() for _ in range(200)]
            meet.wait()
            random.seed(seed)
            return found, [random.next_key() for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(keys, range(4)))
    assert random.get_state() == before
    for seed, (first, second) in enumerate(found):
        with random.seeded(seed):
            assert first == second == [random.next_key() for _ in range(200)]


def test_a_seeded_block_leaves_the_generator_as_it_was():
    before = random.get_state()
    with random.seeded(1), pytest.raises(ValueError, match="seed=-1"), random.seeded(2):
        random.seed(-1)
    assert random.get_state() == before
    with pytest.raises(ValueError, match="seed=-1"), random.seeded(-1):
        pass
    assert random.get_state() == before


def test_only_the_functions_are_listed():
    assert dir(random) == random.__all__ and all(callable(getattr(random, name)) for name in dir(random))
