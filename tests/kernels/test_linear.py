import itertools

import numpy as np
import pytest
from harness import assert_close, assert_identical, check_gradient, check_op, each_isa, each_team, isa

from seqnn import Tensor, _core, ops

RNG = np.random.default_rng(0)
# Around the tiles' rows (4, 6, 8), vectors of columns (2 ... 16 lanes, panels of up to 64) and blocks.
SIZES = [1, 2, 3, 5, 6, 7, 8, 9, 13, 16, 17, 31, 33, 48, 63, 64, 65, 100]
PRODUCTS = {
    "nn": lambda a, b: a @ b,
    "nt": lambda a, b: a @ b.swapaxes(-1, -2),
    "tn": lambda a, b: a.swapaxes(-1, -2) @ b,
    "tt": lambda a, b: a.swapaxes(-1, -2) @ b.swapaxes(-1, -2),
}
ACTIVATIONS = [None, "relu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh"]


def kernel(function, kind):
    """`function` of arguments whose last axes are swapped, as in PRODUCTS, in memory too."""
    swapped = [lambda x, axes=axes: x if axes == "n" else np.ascontiguousarray(x).swapaxes(-1, -2) for axes in kind]
    return lambda a, b: function(swapped[0](a), swapped[1](b))


def matmul(a, b):
    return a @ b


matmul_batch = matmul


def activate(number, x):
    """The activations by their definitions, in the order of their numbers."""
    erf = np.vectorize(__import__("math").erf, otypes=[float])
    with np.errstate(over="ignore"):
        return [
            lambda: x,
            lambda: np.maximum(x, 0),
            lambda: x * 0.5 * (1 + erf(x / np.sqrt(2))),
            lambda: x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
            lambda: x / (1 + np.exp(-x)),
            lambda: 1 / (1 + np.exp(-x)),
            lambda: np.tanh(x),
        ][number]()


def linear_forward(x, weight, bias=None, residual=None, activation=0, packed=None, saved=False):
    before = x @ weight.T + (0 if bias is None else bias)
    out = activate(activation, before) + (0 if residual is None else residual)
    return (out, what_backward_takes(activation, before)) if saved else out


def what_backward_takes(number, x):
    """The derivatives of gelu, gelu_tanh and silu at x; of the other activations the results."""
    erf = np.vectorize(__import__("math").erf, otypes=[float])
    s = 1 / (1 + np.exp(-x))
    v = 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    t = 1 / (1 + np.exp(-v))
    return [
        lambda: activate(number, x),
        lambda: activate(number, x),
        lambda: 0.5 * (1 + erf(x / np.sqrt(2))) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
        lambda: t + x * t * (1 - t) * 2 * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2),
        lambda: s + x * s * (1 - s),
        lambda: activate(number, x),
        lambda: activate(number, x),
    ][number]()


def slope(number, saved):
    """The derivatives of the activations, in the order of their numbers, from what linear_backward gets for each."""
    return [
        lambda: 1.0,
        lambda: saved > 0,
        lambda: saved,
        lambda: saved,
        lambda: saved,
        lambda: saved * (1 - saved),
        lambda: 1 - saved**2,
    ][number]()


def linear_backward(grad, x, weight, activation=0, saved=None, grad_x=True, grad_weight=True, grad_bias=True):
    g = grad if saved is None else grad * slope(activation, saved)
    return g @ weight, g.T @ x, g.sum(0)


def linear_pack(weight):
    """Columns in groups of some vectors, [group][k][column], behind a head; here only what must be inside."""
    return np.sort(weight, axis=None)


def operands(kind, m, n, k, batch=()):
    a = RNG.standard_normal((*batch, *((m, k) if kind[0] == "n" else (k, m))))
    b = RNG.standard_normal((*batch, *((k, n) if kind[1] == "n" else (n, k))))
    return {"a": a, "b": b}


@pytest.mark.parametrize("kind", PRODUCTS)
def test_matmul_around_the_tiles(kind):
    """matmul of matrices and of transposed ones, read where they lie."""
    sizes = [tuple(RNG.choice(SIZES, 3)) for _ in range(12)]
    check_op(
        kernel(_core.matmul, kind),
        PRODUCTS[kind],
        [operands(kind, *size) for size in [*sizes, (1, 1, 1), (1, 64, 100), (70, 1, 33), (3, 200, 40)]],
    )


@pytest.mark.parametrize("kind", PRODUCTS)
def test_every_remainder_of_rows_columns_and_depth(kind):
    """Small whole numbers: every sum is exact, so all instruction sets must agree with NumPy to the bit."""
    product = kernel(_core.matmul, kind)
    for _ in each_isa():
        for m, n, k in itertools.product(range(1, 18), (1, 4, 15, 16, 17, 47, 70), (1, 3, 16, 21)):
            a, b = (RNG.integers(-3, 4, x.shape).astype(np.float32) for x in operands(kind, m, n, k).values())
            np.testing.assert_array_equal(product(a, b), PRODUCTS[kind](a, b), err_msg=f"{m} {n} {k}")


def test_every_number_of_rows_of_a_transposed_matrix_whose_rows_are_far_apart():
    """Such a matrix is copied by strips of a tile's rows. Sums of small whole numbers are exact."""
    draw = np.random.default_rng(1)
    for dtype in (np.float32, np.float64):
        wide, right = (draw.integers(-3, 4, shape).astype(dtype) for shape in ((70, 1000), (70, 33)))
        for _ in each_isa():
            for m in (*range(2, 30), 191, 193, 400):
                left = wide[:, 1000 - m :].T
                np.testing.assert_array_equal(_core.matmul(left, right), left @ right, err_msg=f"{dtype} {m}")


@pytest.mark.parametrize("kind", PRODUCTS)
def test_deep_and_large_products(kind):
    cases = [
        operands(kind, *size) for size in [(9, 130, 1025), (200, 70, 2050), (385, 24, 40), (2, 300, 1500), (70, 9, 700)]
    ]
    check_op(kernel(_core.matmul, kind), PRODUCTS[kind], cases, tolerance={np.dtype("f4"): 1e-4, np.dtype("f8"): 1e-12})


@pytest.mark.parametrize("kind", PRODUCTS)
def test_matmul_batch(kind):
    """matmul_batch, likewise."""
    cases = [operands(kind, *size) for size in [(5, 7, 3, (6,)), (33, 20, 9, (2,)), (1, 1, 1, (1,)), (4, 5, 6, (17,))]]
    check_op(kernel(_core.matmul_batch, kind), PRODUCTS[kind], cases)


@pytest.mark.parametrize("n", [8, 512])
def test_a_row_does_not_depend_on_the_other_rows(n):
    x = RNG.standard_normal((37, 70)).astype(np.float32)
    weight = RNG.standard_normal((n, 70)).astype(np.float32)
    for _ in each_isa():
        packed = ops.pack_weight(weight)
        whole = ops.linear(x, weight, packed=packed)
        for rows in (1, 2, 3, 8, 20):
            assert_identical(ops.linear(x[:rows], weight, packed=packed), whole[:rows], f"{rows} rows")


def test_linear_forward():
    cases = []
    for number in range(7):
        for m, n, k in [(7, 33, 20), (13, 64, 5)]:
            case = {
                "x": RNG.standard_normal((m, k)),
                "weight": RNG.standard_normal((n, k)),
                "bias": RNG.standard_normal(n),
                "residual": RNG.standard_normal((m, n)),
                "activation": number,
                "saved": number > 0,
            }
            cases += [case, {**case, "bias": None, "residual": None, "saved": False}]
    check_op(_core.linear_forward, linear_forward, cases, tolerance={np.dtype("f4"): 4e-5, np.dtype("f8"): 1e-12})


def test_linear_backward():
    cases = []
    for m, n, k in [(5, 3, 4), (64, 33, 20), (300, 130, 17), (1, 1, 1), (9, 40, 1100), (1100, 70, 33), (700, 80, 5)]:
        case = {name: RNG.standard_normal(s) for name, s in (("grad", (m, n)), ("x", (m, k)), ("weight", (n, k)))}
        cases.append({**case, "grad_x": True, "grad_weight": True, "grad_bias": True})
    for number, (m, n, k) in itertools.product(range(1, 7), [(7, 33, 20), (600, 19, 5)]):
        shapes = {"grad": (m, n), "x": (m, k), "weight": (n, k), "saved": (m, n)}
        case = {name: RNG.standard_normal(s) for name, s in shapes.items()}
        cases.append({**case, "activation": number, "grad_x": True, "grad_weight": True, "grad_bias": True})
    check_op(_core.linear_backward, linear_backward, cases, tolerance={np.dtype("f4"): 4e-5, np.dtype("f8"): 1e-12})
    for activation, saved in ((0, np.ones((2, 2))), (3, None)):
        with pytest.raises(ValueError, match="saved belongs to an activation"):
            _core.linear_backward(*(np.ones((2, 2)),) * 3, activation, saved)
    with pytest.raises(ValueError, match="saved belongs to an activation"):
        _core.linear_forward(*(np.ones((2, 2)),) * 2, saved=True)
    assert _core.linear_backward(*(np.ones((2, 2)),) * 3) == (None, None, None)


def test_gradients_are_added_to_those_of_other_rows():
    """sum_weight and sum_bias of linear_backward."""
    for (m, n, k), dtype in itertools.product([(7, 33, 20), (700, 80, 5), (1, 1, 1)], (np.float32, np.float64)):
        grad, x, weight, sums, bias = (
            RNG.standard_normal(s).astype(dtype) for s in ((m, n), (m, k), (n, k), (n, k), (n,))
        )
        for _ in each_isa():
            first = None
            for _ in each_team():
                totals = sums.copy(), bias.copy()
                found = _core.linear_backward(grad, x, weight, sum_weight=totals[0], sum_bias=totals[1], grad_x=True)
                assert found.grad_weight is found.grad_bias is None
                first = first or totals
                assert_identical(totals, first)
            expected = sums + grad.T.astype(float) @ x, bias + grad.sum(0, dtype=float)
            assert_close(first, expected, 1e-4 if dtype == np.float32 else 1e-12)
    for name in ("weight", "bias"):
        with pytest.raises(ValueError, match="a gradient is either an output of its own, or is added to a sum"):
            _core.linear_backward(
                grad, x, weight, **{f"sum_{name}": {"weight": sums, "bias": bias}[name], f"grad_{name}": True}
            )


def test_linear_pack():
    """A packed weight holds the weight's values, and gives the same product."""
    for (n, k), dtype in itertools.product([(1, 1), (33, 20), (130, 70)], (np.float32, np.float64)):
        weight = RNG.standard_normal((n, k)).astype(dtype)
        x = RNG.standard_normal((9, k)).astype(dtype)
        for name in each_isa():
            packed = _core.linear_pack(weight)
            assert np.isin(linear_pack(weight), packed).all()
            moved = np.concatenate([packed[:3], packed])[3:]  # to another alignment
            for size in each_team():
                for handle in (packed, moved, _core.linear_pack(weight)):
                    assert_close(ops.linear(x, weight, packed=handle), x @ weight.T, 1e-5, f"{name}, team of {size}")


def test_a_packed_weight_that_does_not_fit_is_refused():
    weight = RNG.standard_normal((33, 20)).astype(np.float32)
    x = np.ones((2, 20), np.float32)
    wrong = [
        ops.pack_weight(weight[:32]),
        ops.pack_weight(weight[:, :19]),
        ops.pack_weight(weight)[: weight.size],
        np.zeros(1000, np.float32),
        np.zeros(3, np.float32),
    ]
    names = _core.available_isas()
    if len(names) > 1:
        with isa(names[-1] if _core.get_isa() == names[0] else names[0]):
            wrong.append(ops.pack_weight(weight))
    for packed in wrong:
        with pytest.raises(ValueError, match="pack the weight again"):
            ops.linear(x, weight, packed=packed)
    with pytest.raises(TypeError, match="packed is float64"):
        ops.linear(x, weight, packed=ops.pack_weight(weight.astype(np.float64)))


def test_empty_axes():
    for m, n, k in [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)]:
        x, weight, bias = np.ones((m, k)), np.ones((n, k)), np.ones(n)
        assert_identical(ops.linear(x, weight, bias, activation="relu"), np.ones((m, n)))
        assert_identical(ops.matmul(x, weight.T), np.zeros((m, n)))
        assert_identical(_core.matmul_batch(x[None], weight.T[None]), np.zeros((1, m, n)))
        inputs = [Tensor(a, requires_grad=True) for a in (x, weight, bias)]
        ops.linear(*inputs).backward(np.ones((m, n)))
        assert_identical(inputs[1].grad, np.ones((m, n)).T @ x)
        assert_identical(inputs[2].grad, np.full(n, float(m)))
    assert ops.matmul(np.ones((0, 2, 3)), np.ones((3, 4))).shape == (0, 2, 4)
    assert ops.linear(np.ones((2, 0, 3)), np.ones((4, 3))).shape == (2, 0, 4)


@pytest.mark.parametrize(("m", "n", "k"), [(1, 40, 9), (9, 33, 20), (40, 2, 9)])
def test_nan_and_infinity_go_through(m, n, k):
    x, weight = RNG.standard_normal((m, k)), RNG.standard_normal((n, k))
    x[0, 1], weight[n - 1, 2] = np.nan, np.inf
    expected = np.full((m, n), False)
    expected[0] = True
    for _ in each_isa():
        for activation in ACTIVATIONS:
            for packed in (None, ops.pack_weight(weight)):
                out = ops.linear(x, weight, activation=activation, packed=packed)
                assert (np.isnan(out) == expected).all()
        out = ops.linear(x[1:], weight) if m > 1 else np.full((1, n), np.inf)
        assert np.isinf(out[:, -1]).all()
        assert np.isnan(_core.linear_backward(x @ np.ones((k, n)), x, weight, grad_bias=True)[2]).all()


def test_linear_takes_leading_axes_and_strides():
    x = RNG.standard_normal((3, 4, 5)).astype(np.float32)
    weight, bias = RNG.standard_normal((6, 5)).astype(np.float32), RNG.standard_normal(6).astype(np.float32)
    residual = RNG.standard_normal((3, 4, 6)).astype(np.float32)
    expected = np.maximum(x @ weight.T + bias, 0) + residual
    assert_close(ops.linear(x, weight, bias, residual, activation="relu"), expected, 1e-5)
    assert_close(ops.linear(x[0, 0], weight, bias), x[0, 0] @ weight.T + bias, 1e-5)
    wide = np.zeros((3, 4, 10), np.float32)
    wide[..., :5] = x
    assert_close(ops.linear(wide[:, 1, :5], weight[::2]), x[:, 1] @ weight[::2].T, 1e-5)
    assert_close(ops.linear(x.swapaxes(0, 1), weight), x.swapaxes(0, 1) @ weight.T, 1e-5)


def test_linear_refuses_what_does_not_fit():
    x, weight = np.ones((2, 3)), np.ones((4, 3))
    with pytest.raises(ValueError, match=r"linear: activation is one of None, 'relu'.*got 'mish'"):
        ops.linear(x, weight, activation="mish")
    with pytest.raises(ValueError, match="weight"):
        ops.linear(x, np.ones((4, 2)))
    with pytest.raises(ValueError, match="bias"):
        ops.linear(x, weight, np.ones(3))
    with pytest.raises(ValueError, match="residual"):
        ops.linear(x, weight, None, np.ones((2, 3)))
    for number in (7, -1, "mish"):
        with pytest.raises(ValueError, match=rf"activation is {number!r}, expected one of 'none', 'relu', .*'tanh'"):
            _core.linear_forward(x, weight, activation=number)


def test_kernels_know_activations_by_their_names():
    x, weight = RNG.standard_normal((3, 4)), RNG.standard_normal((5, 4))
    assert _core.linear.activation == ("none", *ACTIVATIONS[1:])
    for number, name in enumerate(_core.linear.activation):
        given, named = (_core.linear_forward(x, weight, activation=a).out for a in (number, name))
        assert_identical(given, named)


SHAPES = [
    ((3, 4), (4, 5)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((2, 6, 3, 4), (1, 6, 4, 5)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul_has_numpys_shapes(left, right):
    a, b = RNG.standard_normal(left), RNG.standard_normal(right)
    assert_close(ops.matmul(a, b), a @ b, 1e-12)
    if min(a.ndim, b.ndim) > 1:
        flipped = np.ascontiguousarray(b.swapaxes(-1, -2)).swapaxes(-1, -2)
        assert_close(ops.matmul(np.asfortranarray(a), flipped), a @ b, 1e-12)
    check_gradient(ops.matmul, a, b)


def test_matmul_reads_or_copies_any_strides():
    wide = RNG.standard_normal((40, 60)).astype(np.float32)
    views = [
        wide[:9, :7],
        wide[::4, 3:10],
        wide[:9, ::8],
        wide[::-5, ::-9],
        wide.T[:9, :7],
        wide.T[::6, 2:9],
        wide[:9, :1],
    ]
    views += [np.broadcast_to(wide[:1, :7], (9, 7)), wide[:9, 0][:, None], wide[3, :9][:, None], wide[3:4, :7]]
    for a, b in itertools.product(views, views):
        right = b[: a.shape[1]]
        left = a[:, : len(right)]
        for _ in each_isa():
            assert_close(ops.matmul(left, right), left @ right, 1e-5)


def test_matmul_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"at least one axis, got shapes \(\) and \(2,\)"):
        ops.matmul(np.float64(3), np.ones(2))
    with pytest.raises(ValueError, match="axis"):
        ops.matmul(np.ones((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_linear_gradient(activation):
    x, weight, bias = (RNG.standard_normal(s) for s in ((5, 4), (3, 4), 3))
    residual = RNG.standard_normal((5, 3))
    check_gradient(lambda *a: ops.linear(*a, activation=activation), x, weight, bias)
    check_gradient(lambda *a: ops.linear(*a, activation=activation), x, weight, bias, residual)
    check_gradient(lambda x, w: ops.linear(x, w, activation=activation), x.reshape(5, 1, 4), weight)
