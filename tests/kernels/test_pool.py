import numpy as np
import pytest
from harness import check_gradient, check_op

from seqnn import Tensor, _core, ops

OUTSIDE = 2**31 - 1


def max_pool_forward(
    x, rows, columns, kernel_y, kernel_x, stride_y, stride_x, top, left, dilation_y, dilation_x, index
):
    n, c, h, w = x.shape
    y, at = np.full((n, c, rows, columns), -np.inf), np.full((n, c, rows, columns), OUTSIDE, np.int32)
    for i, j, p, q in np.ndindex(y.shape):
        for r, s in np.ndindex(kernel_y, kernel_x):
            a, b = p * stride_y + r * dilation_y - top, q * stride_x + s * dilation_x - left
            if 0 <= a < h and 0 <= b < w and (x[i, j, a, b] > y[i, j, p, q] or at[i, j, p, q] == OUTSIDE):
                y[i, j, p, q], at[i, j, p, q] = x[i, j, a, b], a * w + b
    return (y, at) if index else y


def max_pool_backward(grad, index, height, width):
    dx = np.zeros((*grad.shape[:2], height * width))
    for i, j, p, q in np.ndindex(grad.shape):
        if 0 <= index[i, j, p, q] < height * width:
            dx[i, j, index[i, j, p, q]] += grad[i, j, p, q]
    return dx.reshape(*grad.shape[:2], height, width)


def matrix(begin, end, count, size):
    """[windows, size]: what each element counts in each window."""
    i = np.arange(size)
    return ((begin[:, None] <= i) & (i < end[:, None])) / count[:, None]


def avg_pool_forward(x, row_begin, row_end, row_count, column_begin, column_end, column_count):
    rows = matrix(row_begin, row_end, row_count, x.shape[2])
    columns = matrix(column_begin, column_end, column_count, x.shape[3])
    return np.einsum("ph,qw,nchw->ncpq", rows, columns, x)


def avg_pool_backward(grad, row_begin, row_end, row_count, column_begin, column_end, column_count, height, width):
    rows = matrix(row_begin, row_end, row_count, height)
    return np.einsum("ph,qw,ncpq->nchw", rows, matrix(column_begin, column_end, column_count, width), grad)


def global_max_forward(x, mask=None):
    places = np.ones((len(x), x.shape[2]), bool) if mask is None else mask
    found = np.where(places[:, None], x, -np.inf)
    index = np.where(places.any(1)[:, None], found.argmax(2), -1)
    return np.where(index < 0, 0, found.max(2)), index


def global_avg_forward(x, mask=None):
    places = np.ones((len(x), x.shape[2]), bool) if mask is None else mask
    return np.einsum("ncl,nl->nc", x, places) / np.maximum(places.sum(1), 1)[:, None]


def global_avg_backward(grad, length, mask=None):
    places = np.ones((len(grad), length), bool) if mask is None else mask
    return grad[:, :, None] * (places / np.maximum(places.sum(1), 1)[:, None])[:, None]


def max_case(shape, kernel, stride, padding=(0, 0), dilation=(1, 1), rest=(0, 0), seed=0):
    """Small integers: ties abound. `rest`: rows and columns more than fit, as with ceil_mode."""
    outputs = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1 + r
        for n, k, s, p, d, r in zip(shape[2:], kernel, stride, padding, dilation, rest, strict=True)
    ]
    names = [("rows", "columns"), ("kernel_y", "kernel_x"), ("stride_y", "stride_x"), ("top", "left")]
    case = {"x": np.random.default_rng(seed).integers(-3, 4, shape).astype(float)}
    for pair, values in zip(
        [*names, ("dilation_y", "dilation_x")], (outputs, kernel, stride, padding, dilation), strict=True
    ):
        case |= dict(zip(pair, values, strict=True))
    return case


def test_max_pool_forward():
    cases = [
        max_case((2, 3, 8, 34), (2, 2), (2, 2)),
        max_case((2, 3, 7, 9), (2, 2), (2, 2)),  # a row and a column in no window
        max_case((2, 3, 9, 11), (3, 3), (2, 2), (1, 1)),
        max_case((1, 2, 9, 37), (3, 2), (1, 1), (1, 0)),
        max_case((1, 2, 10, 11), (2, 3), (3, 5), (1, 1), rest=(1, 1)),
        max_case((1, 2, 12, 13), (3, 3), (2, 1), (1, 1), (2, 3)),
        max_case((3, 2, 1, 50), (1, 5), (1, 5)),
        max_case((1, 1, 300, 40), (2, 2), (2, 2)),
        max_case((0, 2, 4, 4), (2, 2), (2, 2)),
        max_case((1, 1, 1, 2), (3, 1), (1, 1), (1, 0), (2, 1), rest=(2, 0)),  # windows without an element
    ]
    check_op(_core.max_pool_forward, max_pool_forward, [{**c, "index": True} for c in cases])
    check_op(_core.max_pool_forward, max_pool_forward, [{**c, "index": False} for c in cases[:2]])
    negative = cases[1] | {"x": np.full((1, 1, 9, 11), -np.inf)}
    check_op(_core.max_pool_forward, max_pool_forward, [{**negative, "index": True}])


def test_max_pool_backward():
    rng = np.random.default_rng(2)
    check_op(
        _core.max_pool_backward,
        max_pool_backward,
        [
            {"grad": rng.standard_normal(s), "index": rng.integers(-1, 7, s), "height": 2, "width": 3}
            for s in ((2, 3, 4, 5), (1, 1, 2, 2), (0, 2, 3, 3))
        ],
    )


WINDOWS = {
    "row_begin": np.array([0, 1, 4]), "row_end": np.array([2, 5, 6]), "row_count": np.array([2, 5, 2]),
    "column_begin": np.array([0, 0, 7, 8]), "column_end": np.array([1, 9, 9, 8]), "column_count": np.array([2, 9, 2, 1]),
}  # fmt: skip


def test_avg_pool():
    rng = np.random.default_rng(3)
    check_op(
        _core.avg_pool_forward,
        avg_pool_forward,
        [{"x": rng.standard_normal(s), **WINDOWS} for s in ((2, 3, 6, 9), (1, 4, 7, 30), (0, 1, 6, 9))],
    )
    check_op(
        _core.avg_pool_backward,
        avg_pool_backward,
        [{"grad": rng.standard_normal((2, 3, 3, 4)), **WINDOWS, "height": 6, "width": w} for w in (9, 30)],
    )
    with pytest.raises(ValueError, match="row_end holds 6, expected 0 <= row_end <= H"):
        _core.avg_pool_forward(np.ones((1, 1, 5, 9)), **WINDOWS)


def test_global_pooling():
    rng = np.random.default_rng(4)
    x, mask = rng.integers(-3, 4, (3, 5, 37)).astype(float), rng.random((3, 37)) < 0.5
    mask[1] = False
    cases = [
        {"x": x},
        {"x": x, "mask": mask},
        {"x": x[:, :, :0]},
        {"x": x[:0]},
        {"x": rng.standard_normal((3, 2, 333))},
    ]
    check_op(_core.global_max_forward, global_max_forward, cases[:2] + cases[3:])
    check_op(_core.global_avg_forward, global_avg_forward, cases)
    grad = rng.standard_normal((3, 5))
    check_op(
        _core.global_avg_backward,
        global_avg_backward,
        [{"grad": grad, "length": 37}, {"grad": grad, "length": 37, "mask": mask}],
    )


def distinct(*shape):
    return np.random.default_rng(5).permutation(np.prod(shape)).reshape(shape).astype(float)


def test_gradients():
    x, line, mask = distinct(2, 2, 6, 7), distinct(2, 3, 9), np.array([[True] * 5 + [False] * 4, [False] * 9])
    check_gradient(lambda a: ops.max_pool2d(a, 3, 2, 1, ceil_mode=True), x)
    check_gradient(lambda a: ops.max_pool1d(a, 2, dilation=2), line)
    check_gradient(lambda a: ops.avg_pool2d(a, (3, 2), 2, (1, 0), ceil_mode=True), x)
    check_gradient(lambda a: ops.avg_pool1d(a, 3, 2, 1, count_include_pad=False), line)
    check_gradient(lambda a: ops.adaptive_avg_pool2d(a, (4, 3)), x)
    check_gradient(lambda a: ops.adaptive_avg_pool1d(a, 4), line)
    check_gradient(lambda a: ops.global_max_pool(a, mask=mask), line)
    check_gradient(lambda a: ops.global_max_pool(a), x)
    check_gradient(lambda a: ops.global_avg_pool(a, mask=mask), line)
    check_gradient(lambda a: ops.flatten(a, 1), x)


def test_windows_too_large_for_any_plane_are_refused():
    x = np.ones((2, 3, 5, 6))
    sizes = {"rows": 4, "columns": 5, "kernel_y": 2, "kernel_x": 2, "stride_y": 1, "stride_x": 1}
    whole = {**sizes, "top": 0, "left": 0, "dilation_y": 1, "dilation_x": 1}
    assert (_core.max_pool_forward(x, **whole).y == 1).all()
    for option in ("kernel_y", "kernel_x", "stride_y", "stride_x", "top", "left", "dilation_y", "dilation_x"):
        for n in (2**31 + 1, 2**62, 2**63 - 1):
            with pytest.raises(ValueError, match=rf"expected .*{option}.* <= 2147483647, got .*{option}={n}"):
                _core.max_pool_forward(x, **{**whole, option: n})


def test_one_window_has_no_stride():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 6))
    whole = {
        "rows": 1,
        "columns": 1,
        "kernel_y": 5,
        "kernel_x": 6,
        "top": 0,
        "left": 0,
        "dilation_y": 1,
        "dilation_x": 1,
    }
    for stride in (1, 6, 2**63 - 1):
        y = _core.max_pool_forward(x, **whole, stride_y=stride, stride_x=stride).y
        np.testing.assert_array_equal(y[..., 0, 0], x.max((2, 3)))


def test_windows_of_means_lie_in_the_plane():
    x, grad = np.ones((1, 1, 4, 4)), np.ones((1, 1, 1, 1))
    for name in ("row_begin", "row_end", "column_begin", "column_end"):
        inside = {"row_begin": [0], "row_end": [4], "row_count": [4], "column_begin": [0], "column_end": [4]}
        for n in (-1, 5, 2**62):
            given = {**inside, "column_count": [4], name: [n]}
            with pytest.raises(ValueError, match=f"{name} holds {n}, expected 0 <= {name} <= "):
                _core.avg_pool_forward(x, **given)
            with pytest.raises(ValueError, match=f"{name} holds {n}, expected 0 <= {name} <= "):
                _core.avg_pool_backward(grad, **given, height=4, width=4)


def test_windows_side_by_side_have_the_winners_of_strips():
    draw = np.random.default_rng(0)
    x = draw.choice([0.0, 1.0, np.nan], (3, 4, 8, 10)).astype(np.float32)
    window = {"kernel_y": 2, "kernel_x": 2, "stride_y": 2, "stride_x": 2, "left": 0, "dilation_y": 1, "dilation_x": 1}
    y, index = _core.max_pool_forward(x, rows=4, columns=5, top=0, index=True, **window)
    below = np.concatenate([np.full((3, 4, 1, 10), -np.inf, np.float32), x], axis=2)  # one row of padding: in strips
    strips, places = _core.max_pool_forward(below, rows=5, columns=5, top=1, index=True, **window)
    np.testing.assert_array_equal(y, strips[:, :, 1:])
    np.testing.assert_array_equal(index, places[:, :, 1:] - 10)


def test_nan_wins():
    x = np.zeros((1, 1, 4))
    x[0, 0, 1] = np.nan
    assert np.isnan(ops.max_pool1d(x, 2)).tolist() == [[[True, False]]]
    assert np.isnan(ops.global_max_pool(x)).all()
    assert np.isnan(ops.global_avg_pool(x)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.max_pool2d(x[0], 2), r"max_pool2d: x has shape \(2, 6\), expected \[N, C, H, W\]"),
        (lambda x: ops.max_pool1d(x, 0), "kernel_size is 0"),
        (lambda x: ops.max_pool1d(x, 2, padding=2), "at most half of kernel_size 2"),
        (lambda x: ops.avg_pool1d(x, 9), "the window reaches over 9"),
        (lambda x: ops.adaptive_avg_pool1d(x, 0), "output_size is 0"),
        (
            lambda x: ops.global_max_pool(x, mask=np.ones((1, 5), bool)),
            r"mask is bool \(1, 5\), expected bool \(1, 6\)",
        ),
        (lambda x: ops.flatten(x, 2, 1), "axes 2 to 1"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((1, 2, 6)))


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, None, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_torch_agrees(kernel, stride, padding, ceil_mode):
    torch = pytest.importorskip("torch")
    f, x = torch.nn.functional, distinct(2, 3, 10, 13)
    for mine, theirs in (
        (lambda a: ops.max_pool2d(a, kernel, stride, padding, 1, ceil_mode),
         lambda a: f.max_pool2d(a, kernel, stride, padding, 1, ceil_mode)),
        (lambda a: ops.avg_pool2d(a, kernel, stride, padding, ceil_mode),
         lambda a: f.avg_pool2d(a, kernel, stride, padding, ceil_mode)),
        (lambda a: ops.avg_pool2d(a, kernel, stride, padding, ceil_mode, False),
         lambda a: f.avg_pool2d(a, kernel, stride, padding, ceil_mode, False)),
        (lambda a: ops.adaptive_avg_pool2d(a, (3, 5)), lambda a: f.adaptive_avg_pool2d(a, (3, 5))),
    ):  # fmt: skip
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = mine(a), theirs(b)
        np.testing.assert_allclose(y.data, z.detach().numpy())
        y.backward(np.ones(y.shape))
        z.sum().backward()
        np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=1e-12)
