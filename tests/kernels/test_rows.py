import numpy as np
import pytest
from harness import assert_close, assert_identical, each_isa, each_team, scattered

from seqnn import _core

RNG = np.random.default_rng(0)
KINDS = _core.rows.kind
# (rows, depth, columns): around tiles (1 ... 6 rows), blocks of 64 rows, steps of 4, panels of 64 columns, depths of 512.
SIZES = [
    (1, 5, 3), (1, 64, 64), (2, 7, 65), (3, 33, 100), (4, 200, 200), (5, 4, 128), (6, 31, 63), (7, 130, 129),
    (13, 512, 64), (70, 100, 130), (1, 1100, 300), (200, 9, 5), (129, 17, 257),
]  # fmt: skip


def rounded_rows(x):
    """q and scale of each row: q = round(x 127 / max |x|), scale = max |x| / 127, in float32."""
    largest = np.abs(x).max(1, keepdims=True, initial=0)
    q = np.rint(x * (np.float32(127) / np.where(largest > 0, largest, 1))).astype(np.int64)
    return q, largest / np.float32(127)


def bfloat16(x):
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def rows_forward(x, weight, kind):
    """x weight^T by the definitions of rows.h."""
    if kind == "i8":
        (q, scale), (p, column_scale) = rounded_rows(x), rounded_rows(weight)
        return (q @ p.T).astype(np.float32) * (column_scale[:, 0] * scale)
    return (x.astype(float) @ (bfloat16(weight) if kind == "bf16" else weight).T).astype(np.float32)


def rows_pack(weight, kind):
    """What rows_unpack finds in it, by the definitions."""
    q, scale = rounded_rows(weight)
    return (q * scale).astype(np.float32) if kind == "i8" else bfloat16(weight)


rows_unpack = rows_pack


def drawn(rows, depth, columns):
    return (RNG.standard_normal(s, np.float32) for s in ((rows, depth), (columns, depth)))


def multiply(x, packed, kind, columns, **options):
    return _core.rows_forward(x, packed, kind, columns, 0, columns, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_those_of_the_definition_whatever_the_threads_and_the_other_rows(kind):
    for size in SIZES:
        x, weight = drawn(*size)
        expected = rows_forward(x, weight, kind)
        for name in each_isa():
            packed, label = _core.rows_pack(weight, kind), f"{size} on {name}"
            first = multiply(x, packed, kind, size[2])
            if kind == "i8":
                np.testing.assert_array_equal(first, expected, label)
            else:
                assert_close(first, expected, 2e-5, label)
            for team in each_team():
                for made in (packed, _core.rows_pack(weight, kind)):
                    assert_identical(multiply(x, made, kind, size[2]), first, f"{label}, team of {team}")
            for rows in {1, 2, 3, 5, 65} & set(range(size[0])):
                assert_identical(multiply(x[-rows:], packed, kind, size[2]), first[-rows:], f"{label}, {rows} rows")


@pytest.mark.parametrize("kind", KINDS)
def test_bias_activation_and_residual_follow_the_product(kind):
    x, weight = drawn(9, 40, 77)
    bias, residual = RNG.standard_normal(77, np.float32), RNG.standard_normal((9, 77), np.float32)
    before = rows_forward(x, weight, kind) + bias
    for _ in each_isa():
        packed = _core.rows_pack(weight, kind)
        assert_close(multiply(x, packed, kind, 77, bias=bias), before, 2e-5)
        for team in each_team():
            out = multiply(x, packed, kind, 77, bias=bias, residual=residual, activation="relu")
            assert_close(out, np.maximum(before, 0) + residual, 2e-5, f"team of {team}")
        strided = multiply(scattered(x), packed, kind, 77, bias=bias, residual=scattered(residual), activation="relu")
        assert_identical(strided, out)
        other = _core.rows_pack(scattered(weight), kind)
        assert_identical(multiply(x, other, kind, 77, bias=bias, residual=residual, activation="relu"), out)


@pytest.mark.parametrize("kind", ["bf16", "i8"])
def test_whole_panels_of_the_columns_are_the_same_product(kind):
    x, weight = drawn(5, 30, 200)
    packed = _core.rows_pack(weight, kind)
    whole = multiply(x, packed, kind, 200)
    for first, columns in [(0, 64), (64, 128), (128, 72), (192, 8), (0, 0)]:
        part = _core.rows_forward(x, packed, kind, 200, first, columns)
        assert_identical(part, np.ascontiguousarray(whole[:, first : first + columns]))
    for first, columns in [(1, 64), (64, 30)]:
        with pytest.raises(ValueError, match="multiples of 64"):
            _core.rows_forward(x, packed, kind, 200, first, columns)
    with pytest.raises(ValueError, match="first \\+ columns <= all"):
        _core.rows_forward(x, packed, kind, 200, 192, 9)


@pytest.mark.parametrize("kind", ["bf16", "i8"])
def test_unpacked_columns_are_the_rounded_weights(kind):
    _, weight = drawn(1, 37, 150)
    expected = rows_unpack(weight, kind)
    packed = _core.rows_pack(weight, kind)
    ids = np.array([149, 0, 64, 63, 0])
    for _ in each_team():
        np.testing.assert_array_equal(_core.rows_unpack(packed, kind, 37, 150, ids), expected[ids])
    with pytest.raises(ValueError, match="ids"):
        _core.rows_unpack(packed, kind, 37, 150, [150])
    with pytest.raises(ValueError, match="kind > 0"):
        _core.rows_unpack(packed, "f32", 37, 150, ids)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_axes_give_what_sums_of_nothing_are(kind):
    for rows, depth, columns in [(0, 5, 3), (4, 0, 3), (4, 5, 0), (0, 0, 0)]:
        x, weight = drawn(rows, depth, columns)
        packed, bias = _core.rows_pack(weight, kind), np.arange(columns, dtype=np.float32)
        out = multiply(x, packed, kind, columns, bias=bias)
        np.testing.assert_array_equal(out, np.broadcast_to(bias, (rows, columns)) if not depth else x @ weight.T + bias)


def test_rows_and_weights_of_zeros_and_of_extreme_size_are_rounded_as_any():
    x, weight = drawn(6, 20, 10)
    x[1], weight[3] = 0, 0
    x[2] *= np.float32(1e30)
    x[3] *= np.float32(1e-30)
    x[4] = 1e-40
    for _ in each_isa():
        out = multiply(x, _core.rows_pack(weight, "i8"), "i8", 10)
        expected = rows_forward(np.where(np.abs(x) < 1e-35, 0, x), weight, "i8")
        np.testing.assert_array_equal(out, expected)
        assert not out[1].any() and not out[:, 3].any() and not out[4].any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_stays_in_its_row(kind):
    x, weight = drawn(5, 40, 70)
    packed = _core.rows_pack(weight, kind)
    clean = multiply(x, packed, kind, 70)
    x[1, 33], x[3, 0], x[3, 39] = np.nan, np.inf, -np.inf
    out = multiply(x, packed, kind, 70)
    assert np.isnan(out[1]).all() and not np.isfinite(out[3]).any()
    np.testing.assert_array_equal(out[[0, 2, 4]], clean[[0, 2, 4]])


def test_a_packed_weight_of_another_shape_kind_or_instruction_set_is_refused():
    x, weight = drawn(2, 8, 6)
    for kind in KINDS:
        packed = _core.rows_pack(weight, kind)
        for wrong in (packed[:200], packed[:8], np.zeros_like(packed), packed[1:]):
            with pytest.raises(ValueError, match="packed was not made"):
                multiply(x, wrong, kind, 6)
        for other in set(KINDS) - {kind}:
            with pytest.raises(ValueError, match="packed was not made"):
                multiply(x, packed, other, 6)
        with pytest.raises(ValueError, match="packed was not made"):
            multiply(x[:, :7], packed, kind, 6)
        with pytest.raises(ValueError, match="packed was not made"):
            multiply(x, packed, kind, 7)
    by_set = {name: _core.rows_pack(weight, "f32") for name in each_isa()}
    narrow = {kind: _core.rows_pack(weight, kind) for kind in ("bf16", "i8")}
    for name in each_isa():
        for made, packed in by_set.items():
            if made != name:
                with pytest.raises(ValueError, match="another instruction set"):
                    multiply(x, packed, "f32", 6)
        for kind, packed in narrow.items():  # these fit every set
            assert_close(multiply(x, packed, kind, 6), rows_forward(x, weight, kind), 2e-5)


def test_bad_weights_and_kinds_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        _core.rows_pack(np.array([[1, np.nan]], np.float32), "i8")
    with pytest.raises(ValueError, match=r"i4"):
        _core.rows_pack(np.ones((2, 2), np.float32), "i4")
    with pytest.raises(TypeError, match="float64"):
        _core.rows_pack(np.ones((2, 2)), "i8")
