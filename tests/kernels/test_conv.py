import numpy as np
import pytest
from harness import TOLERANCE, check_gradient, check_op, isa

from seqnn import Tensor, _core, ops


def pad(x, top, bottom, left, right):
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def window(x, r, s, p, q, stride_y, stride_x, dilation_y, dilation_x):
    """View of the padded x [N,C,P,Q] that tap (r, s) sees."""
    y, z = r * dilation_y, s * dilation_x
    return x[:, :, y : y + (p - 1) * stride_y + 1 : stride_y, z : z + (q - 1) * stride_x + 1 : stride_x]


def conv_forward(
    x, w, bias=None, groups=1, stride_y=1, stride_x=1, top=0, bottom=0, left=0, right=0,
    dilation_y=1, dilation_x=1, relu=False,
):  # fmt: skip
    """One einsum for each tap of the window."""
    (n, _c, *_), (o, i, r, s) = x.shape, w.shape
    x = pad(x, top, bottom, left, right)
    p = (x.shape[2] - dilation_y * (r - 1) - 1) // stride_y + 1
    q = (x.shape[3] - dilation_x * (s - 1) - 1) // stride_x + 1
    y = np.zeros((n, groups, o // groups, p, q))
    for a, b in np.ndindex(r, s):
        v = window(x, a, b, p, q, stride_y, stride_x, dilation_y, dilation_x).reshape(n, groups, i, p, q)
        y += np.einsum("goi,ngipq->ngopq", w[:, :, a, b].reshape(groups, o // groups, i), v)
    y = y.reshape(n, o, p, q) + (0 if bias is None else bias[:, None, None])
    return np.maximum(y, 0) if relu else y


def conv_backward_input(
    grad,
    w,
    height,
    width,
    y=None,
    bias=None,
    groups=1,
    stride_y=1,
    stride_x=1,
    top=0,
    left=0,
    dilation_y=1,
    dilation_x=1,
):
    (n, o, p, q), (_, i, r, s) = grad.shape, w.shape
    grad = (grad if y is None else grad * (y > 0)).reshape(n, groups, o // groups, p, q)
    far_y = max(height + top, (p - 1) * stride_y + (r - 1) * dilation_y + 1)
    far_x = max(width + left, (q - 1) * stride_x + (s - 1) * dilation_x + 1)
    dx = np.zeros((n, groups * i, far_y, far_x))
    for a, b in np.ndindex(r, s):
        part = np.einsum("goi,ngopq->ngipq", w[:, :, a, b].reshape(groups, o // groups, i), grad)
        window(dx, a, b, p, q, stride_y, stride_x, dilation_y, dilation_x)[...] += part.reshape(n, groups * i, p, q)
    return dx[:, :, top : top + height, left : left + width] + (0 if bias is None else bias[:, None, None])


def conv_backward_weight(
    grad, x, rows, columns, y=None, groups=1, stride_y=1, stride_x=1, top=0, left=0, dilation_y=1, dilation_x=1,
    db=False,
):  # fmt: skip
    (n, o, p, q), c = grad.shape, x.shape[1]
    grad = grad if y is None else grad * (y > 0)
    far = (p * stride_y + rows * dilation_y, q * stride_x + columns * dilation_x)
    x = pad(x, top, far[0], left, far[1])
    dw = np.zeros((o, c // groups, rows, columns))
    for a, b in np.ndindex(rows, columns):
        v = window(x, a, b, p, q, stride_y, stride_x, dilation_y, dilation_x).reshape(n, groups, c // groups, p, q)
        part = np.einsum("ngopq,ngipq->goi", grad.reshape(n, groups, o // groups, p, q), v)
        dw[:, :, a, b] = part.reshape(o, c // groups)
    return (dw, grad.sum((0, 2, 3))) if db else dw


# name, images, channels, height, width, outputs, rows, columns, options
SHAPES = {
    "3x3": (2, 5, 9, 11, 7, 3, 3, {"top": 1, "bottom": 1, "left": 1, "right": 1}),
    "one column of zeros between rows": (3, 16, 8, 31, 17, 3, 3, {"top": 1, "bottom": 1, "left": 1, "right": 1}),
    "1x1": (2, 20, 6, 7, 29, 1, 1, {}),
    "1x1 with a stride": (2, 3, 8, 9, 4, 1, 1, {"stride_y": 2, "stride_x": 3}),
    "one dimension": (5, 12, 1, 70, 33, 1, 3, {"left": 1, "right": 1}),
    "even window, uneven padding": (2, 3, 1, 12, 4, 1, 4, {"left": 1, "right": 2}),
    "first layer": (
        1,
        3,
        23,
        22,
        16,
        7,
        7,
        {"stride_y": 2, "stride_x": 2, "top": 3, "bottom": 3, "left": 3, "right": 3},
    ),
    "stride beyond the window": (2, 2, 11, 13, 3, 2, 2, {"stride_y": 3, "stride_x": 4}),
    "stride leaves a rest": (1, 2, 10, 12, 3, 3, 3, {"stride_y": 2, "stride_x": 3, "left": 1}),
    "dilation": (
        2,
        4,
        12,
        13,
        5,
        3,
        2,
        {"dilation_y": 2, "dilation_x": 3, "top": 2, "bottom": 1, "left": 1, "right": 3},
    ),
    "dilation and stride": (
        1,
        2,
        14,
        15,
        3,
        3,
        3,
        {"dilation_y": 3, "dilation_x": 2, "stride_y": 2, "stride_x": 2, "top": 2},
    ),
    "groups": (2, 6, 7, 8, 9, 3, 3, {"groups": 3, "top": 1, "bottom": 1}),
    "depthwise": (3, 8, 7, 20, 8, 3, 3, {"groups": 8, "top": 1, "bottom": 1, "left": 1, "right": 1}),
    "depthwise, narrow rows": (3, 40, 7, 7, 40, 3, 3, {"groups": 40, "top": 1, "bottom": 1, "left": 1, "right": 1}),
    "depthwise, rows in parts": (2, 4, 3, 211, 4, 2, 5, {"groups": 4, "left": 2, "right": 2}),
    "depthwise, rows in strips": (2, 3, 90, 90, 3, 5, 3, {"groups": 3, "top": 2, "bottom": 2, "left": 1}),
    "depthwise, stride": (3, 32, 15, 14, 32, 3, 3, {"groups": 32, "stride_y": 2, "stride_x": 2, "top": 1, "left": 1}),
    "a deep output": (3, 30, 9, 20, 1, 3, 3, {"top": 1, "left": 1, "right": 1}),
    "an input for many outputs": (9, 1, 14, 15, 32, 5, 5, {"left": 2, "right": 1}),
    "depthwise, two outputs each": (2, 3, 6, 6, 6, 2, 2, {"groups": 3, "stride_y": 2, "stride_x": 2}),
    "outputs in the padding": (2, 2, 2, 2, 3, 2, 2, {"top": 4, "bottom": 5, "left": 4, "right": 4}),
    "window as large as the image": (4, 3, 5, 6, 8, 5, 6, {}),
    "rows in strips": (1, 260, 40, 40, 3, 3, 3, {"top": 1, "bottom": 1, "left": 1, "right": 1}),
    "columns in strips": (1, 300, 1, 2500, 2, 1, 3, {"stride_x": 2, "left": 1}),
    "rows in strips with a stride": (
        1,
        130,
        61,
        60,
        3,
        3,
        3,
        {"stride_y": 2, "stride_x": 2, "top": 1, "bottom": 1, "left": 1},
    ),
    "small images in batches": (30, 32, 5, 4, 30, 3, 3, {"top": 1, "bottom": 1, "left": 1, "right": 1}),
    "in batches, groups": (60, 64, 4, 2, 64, 2, 4, {"groups": 2, "dilation_y": 2, "top": 3, "left": 2, "right": 1}),
    "in batches, strides": (
        32,
        20,
        9,
        8,
        30,
        4,
        3,
        {"stride_y": 2, "stride_x": 3, "top": 1, "bottom": 1, "left": 2, "right": 1},
    ),
    "in batches, strides, dilation and groups": (
        29,
        32,
        6,
        7,
        32,
        4,
        4,
        {"groups": 2, "stride_y": 3, "stride_x": 2, "dilation_x": 2, "top": 4, "left": 3, "right": 2},
    ),
    "in batches, strides beyond the window": (27, 64, 7, 9, 64, 2, 2, {"stride_y": 3, "stride_x": 4}),
    "in batches, rows and inputs in parts": (
        26,
        300,
        4,
        16,
        16,
        3,
        3,
        {"stride_y": 2, "top": 1, "left": 1, "right": 1},
    ),
    "small images, too few for a batch": (17, 32, 5, 4, 30, 3, 3, {"top": 1, "bottom": 1, "left": 1, "right": 1}),
    "no images": (0, 2, 5, 5, 3, 3, 3, {}),
    "no outputs": (2, 2, 5, 5, 0, 3, 3, {}),
    "no inputs": (2, 0, 5, 5, 3, 3, 3, {}),
}


def arrays(name):
    """x, w, bias, grad and the options of a shape."""
    n, c, h, w, o, r, s, options = SHAPES[name]
    rng = np.random.default_rng(n + c + h + w)
    x, weight = rng.standard_normal((n, c, h, w)), rng.standard_normal((o, c // options.get("groups", 1), r, s))
    bias = rng.standard_normal(o)
    grad = rng.standard_normal(conv_forward(x, weight, **options).shape)
    return x, weight, bias, grad, options


def backward_options(options):
    return {k: v for k, v in options.items() if k not in ("bottom", "right")}


@pytest.mark.parametrize("name", SHAPES)
def test_conv_forward(name):
    x, w, bias, _, options = arrays(name)
    cases = [dict(x=x, w=w, bias=bias, relu=True, **options)]
    if x.size < 20_000:
        cases.append(dict(x=x, w=w, **options))
    check_op(_core.conv_forward, conv_forward, cases)


@pytest.mark.parametrize("name", SHAPES)
def test_conv_backward_input(name):
    x, w, _, grad, options = arrays(name)
    size = {"height": x.shape[2], "width": x.shape[3], **backward_options(options)}
    gate = np.random.default_rng(0).standard_normal(grad.shape)
    cases = [dict(grad=grad, w=w, y=gate, **size)]
    if x.size < 20_000:
        cases.append(dict(grad=grad, w=w, bias=np.arange(x.shape[1]) - 1.5, **size))
    check_op(_core.conv_backward_input, conv_backward_input, cases)


@pytest.mark.parametrize("name", SHAPES)
def test_conv_backward_weight(name):
    x, w, _, grad, options = arrays(name)
    size = {"rows": w.shape[2], "columns": w.shape[3], **backward_options(options)}
    gate = np.random.default_rng(0).standard_normal(grad.shape)
    cases = [dict(grad=grad, x=x, y=gate, db=True, **size)]
    if x.size < 20_000:
        cases.append(dict(grad=grad, x=x, **size))
    loose = {dtype: 4 * tolerance for dtype, tolerance in TOLERANCE.items()}
    check_op(lambda **a: _core.conv_backward_weight(**a), conv_backward_weight, cases, tolerance=loose)


@pytest.mark.parametrize("name", ["3x3", "stride leaves a rest", "groups", "dilation and stride", "depthwise"])
def test_gradient_of_conv2d(name):
    x, w, bias, _, o = arrays(name)
    options = {
        "stride": (o.get("stride_y", 1), o.get("stride_x", 1)),
        "padding": (o.get("top", 0), o.get("left", 0)),
        "dilation": (o.get("dilation_y", 1), o.get("dilation_x", 1)),
        "groups": o.get("groups", 1),
    }
    x = x[:1, :, :8, :9]
    with isa(_core.available_isas()[-1]):
        check_gradient(lambda *a: ops.conv2d(*a, **options), x, w, bias)


def test_gradient_of_conv1d_with_relu():
    rng = np.random.default_rng(1)
    x, w, bias = rng.standard_normal((2, 3, 9)), rng.standard_normal((4, 3, 4)), rng.standard_normal(4)
    check_gradient(lambda *a: ops.conv1d(*a, padding="same", activation="relu"), x, w, bias)


def test_only_the_gradients_that_are_wanted():
    x, w = Tensor(np.ones((1, 2, 4, 4))), Tensor(np.ones((3, 2, 2, 2)), requires_grad=True)
    ops.conv2d(x, w).backward(np.ones((1, 3, 3, 3)))
    assert x.grad is None
    assert (w.grad == 9).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.conv1d(np.ones((2, 3)), np.ones((1, 3, 1))), r"conv1d: x has shape \(2, 3\), expected"),
        (lambda: ops.conv2d(np.ones((2, 3, 4, 4)), np.ones((1, 3, 1))), r"conv2d: weight has shape \(1, 3, 1\)"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 2, 1)), groups=2), "a multiple of groups=2"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 3, 1))), "C / groups = 4 / 1"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 6))), "the window of weight reaches over"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 2)), np.ones(2)), r"bias has shape \(2,\)"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 2)), stride=2, padding="same"), "needs stride 1"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 2)), padding="full"), "padding is 'full'"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 2)), stride=0), "stride is 0, expected an integer"),
        (lambda: ops.conv2d(np.ones((2, 4, 5, 5)), np.ones((3, 4, 2, 2)), dilation=(1, 2, 3)), "dilation is"),
        (lambda: ops.conv1d(np.ones((2, 4, 5)), np.ones((3, 4, 2)), activation="gelu"), "activation is 'gelu'"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


HUGE = 2**63 - 1


@pytest.mark.parametrize(
    "option", ["stride_y", "stride_x", "top", "bottom", "left", "right", "dilation_y", "dilation_x"]
)
def test_options_too_large_for_any_array_are_refused(option):
    x, w, grad = np.ones((2, 3, 5, 6)), np.ones((4, 3, 2, 2)), np.ones((2, 4, 3, 3))
    calls = [lambda n: _core.conv_forward(x, w, **{option: n})]
    if option not in ("bottom", "right"):
        calls.append(lambda n: _core.conv_backward_input(grad, w, height=5, width=6, **{option: n}))
        calls.append(lambda n: _core.conv_backward_weight(grad, x, rows=2, columns=2, **{option: n}))
    for call in calls:
        for n in (2**31, 2**62, HUGE):
            with pytest.raises(ValueError, match=rf"{option}.* <= 2147483647, got .*{option}={n}"):
                call(n)


def test_a_window_that_fits_nowhere_gives_an_empty_result():
    x, w = np.ones((2, 3, 5, 6)), np.ones((4, 3, 7, 2))
    assert _core.conv_forward(x, w, stride_y=3).shape == (2, 4, 0, 5)
    with pytest.raises(ValueError, match="would have size -1 on axis 2"):
        _core.conv_forward(x, w)


def test_channels_groups_and_weights_agree():
    x, w, grad = np.ones((2, 6, 5, 5)), np.ones((4, 3, 2, 2)), np.ones((2, 4, 4, 4))
    for call in (
        lambda: _core.conv_forward(x, w, groups=1),
        lambda: _core.conv_forward(x[:, :3], w[:3], groups=2),
        lambda: _core.conv_backward_input(grad, w, groups=3, height=5, width=5),
        lambda: _core.conv_backward_weight(grad, x, rows=2, columns=2, groups=4),
    ):
        with pytest.raises(ValueError, match=r"expected [CO] (== groups \* I|% groups == 0), got"):
            call()


def test_nan_and_infinity_go_through():
    x = np.ones((1, 1, 8), np.float32)
    x[0, 0, 3] = np.nan
    x[0, 0, 7] = np.inf
    y = ops.conv1d(x, np.ones((2, 1, 2), np.float32), activation="relu")
    assert np.isnan(y[:, :, 2:4]).all()
    assert np.isposinf(y[:, :, 6]).all()
    assert (y[:, :, [0, 1, 4, 5]] == 2).all()


@pytest.mark.parametrize("axes", [1, 2])
def test_torch_agrees(axes):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    plane, window = (17, 12)[-axes:], (3, 4)[-axes:]
    x, w = rng.standard_normal((2, 6, *plane)), rng.standard_normal((8, 3, *window))
    bias = rng.standard_normal(8)
    for options in ({"padding": "same", "dilation": 2}, {"stride": 2, "padding": 1}, {"padding": "valid"}):
        mine = [Tensor(a, requires_grad=True) for a in (x, w, bias)]
        theirs = [torch.tensor(a, requires_grad=True) for a in (x, w, bias)]
        y = (ops.conv1d if axes == 1 else ops.conv2d)(*mine, groups=2, **options)
        z = getattr(torch.nn.functional, f"conv{axes}d")(*theirs, groups=2, **options)
        np.testing.assert_allclose(y.data, z.detach().numpy(), atol=1e-12)
        grad = rng.standard_normal(y.shape)
        y.backward(grad)
        z.backward(torch.tensor(grad))
        for m, t in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(m.grad, t.grad.numpy(), atol=1e-11)
