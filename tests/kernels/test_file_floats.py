"""Weights of files: all 16-bit floats widened, bit by bit, and matrices turned, of any size by any number of threads."""

import numpy as np
import pytest

import seqnn
from seqnn import _core, _file_floats

ALL = np.arange(1 << 16, dtype=np.uint16)


def float16_bits(bits):
    """float32 bits of float16 bits by the definition: sign, exponent and fraction, one number at a time."""
    found = []
    for b in bits.tolist():
        sign, exponent, fraction = b >> 15, b >> 10 & 31, b & 1023
        if exponent == 31:  # infinite, or NaN with what it carries
            found.append(sign << 31 | 0xFF << 23 | fraction << 13)
            continue
        value = (fraction if exponent == 0 else 1024 + fraction) * 2.0 ** (max(exponent, 1) - 25)
        found.append(int(np.array(-value if sign else value, np.float32).view(np.uint32)) | sign << 31)
    return np.array(found, np.uint32)


def test_every_float16_and_bfloat16_is_widened_bit_by_bit():
    np.testing.assert_array_equal(_file_floats.widened(ALL.view(np.float16)).view(np.uint32), float16_bits(ALL))
    np.testing.assert_array_equal(_file_floats.widened(ALL).view(np.uint32), ALL.astype(np.uint32) << 16)
    finite = np.isfinite(ALL.view(np.float16))
    np.testing.assert_array_equal(
        _file_floats.widened(ALL.view(np.float16))[finite], ALL.view(np.float16)[finite].astype(np.float32)
    )


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (17, 5), (1 << 14,), (3, 40_001)])
def test_shapes_and_threads_do_not_matter(shape):
    x = np.random.default_rng(0).integers(0, 1 << 16, shape).astype(np.uint16)
    for array, expected in (
        (x, x.astype(np.uint32) << 16),
        (x.view(np.float16), float16_bits(x.ravel()).reshape(shape)),
    ):
        for threads in (1, 2, 3):
            with seqnn.threads(threads):
                found = _file_floats.widened(array)
            assert found.shape == shape and found.dtype == np.float32
            np.testing.assert_array_equal(found.view(np.uint32), expected)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (16, 16), (17, 15), (5, 200), (333, 129)])
def test_a_matrix_is_turned(shape):
    x = np.random.default_rng(1).random(shape, np.float32)
    for threads in (1, 2, 3):
        with seqnn.threads(threads):
            found = _file_floats.turned(x)
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, x.T)
    np.testing.assert_array_equal(_file_floats.turned(x.astype(np.float64)), x.T.astype(np.float64))
    np.testing.assert_array_equal(_file_floats.turned(x[:, ::2]), x[:, ::2].T)


def test_what_is_no_16_bit_float_is_refused():
    with pytest.raises(ValueError, match=r"file_floats_widen: .*form"):
        _core.file_floats_widen(ALL, 2)
    with pytest.raises((TypeError, ValueError), match="file_floats_widen: x"):
        _core.file_floats_widen(np.ones(3, np.float32), 0)
    with pytest.raises(ValueError, match="file_floats_turn: x"):
        _core.file_floats_turn(np.ones(3, np.float32))
