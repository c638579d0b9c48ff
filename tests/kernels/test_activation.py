import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa

from seqnn import _core, ops
from seqnn.autograd import Tensor

wide = np.longdouble


def long_erfc(z):
    """erfc for z >= 0 in long double: a series of positive terms below 2.5, a continued fraction above."""
    z = wide(z)
    small, large = np.minimum(z, wide(2.5)), np.clip(z, wide(2.5), wide(110))
    term = total = small.copy()
    for n in range(1, 80):
        term = term * 2 * small * small / (2 * n + 1)
        total = total + term
    series = 1 - 2 / np.sqrt(np.arccos(wide(-1))) * np.exp(-small * small) * total
    fraction = large.copy()
    for n in range(160, 0, -1):
        fraction = large + wide(n) / 2 / fraction
    tail = np.exp(-large * large) / fraction / np.sqrt(np.arccos(wide(-1)))
    return np.where(z < 2.5, series, tail)


def long_erf(x):
    z = np.abs(x)
    term = total = np.minimum(z, wide(1))
    small = total
    for n in range(1, 60):
        term = term * 2 * small * small / (2 * n + 1)
        total = total + term
    series = 2 / np.sqrt(np.arccos(wide(-1))) * np.exp(-small * small) * total
    return np.copysign(np.where(z < 1, series, 1 - long_erfc(z)), x)


def long_normal(x):
    tail = long_erfc(np.abs(x) * np.sqrt(wide(0.5))) / 2
    return np.where(x < 0, tail, 1 - tail)


def long_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def long_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


EXACT = {
    "exp": np.exp,
    "log": np.log,
    "erf": long_erf,
    "tanh": np.tanh,
    "sigmoid": long_sigmoid,
    "silu": lambda x: x * long_sigmoid(x),
    "softplus": long_softplus,
    "gelu": lambda x: x * long_normal(x),
    "gelu_tanh": lambda x: x * long_sigmoid(np.sqrt(8 / np.arccos(wide(-1))) * (x + wide("0.044715") * x**3)),
}
OPTIONS = {"softplus": (1.0, 1e9)}


def ulp_errors(name, x, exact):
    """Errors in units of the spacing of numbers at the exact value."""
    got = getattr(_core, f"{name}_forward")(x, *OPTIONS.get(name, ()))
    near = exact.astype(x.dtype)
    usual = np.isfinite(near)
    spacing = np.spacing(np.abs(near[usual])).astype(wide)
    return np.abs(got[usual].astype(wide) - exact[usual]) / spacing, x[usual], got[~usual], near[~usual]


# name: (bound in float32, bound in float64, from where on it holds in float32 and float64); the table of csrc/vec_math.h
BOUNDS = {
    "exp": (1, 1, -np.inf, -np.inf),
    "log": (1, 1, -np.inf, -np.inf),
    "erf": (1.5, 1.5, -np.inf, -np.inf),
    "tanh": (2.5, 2.5, -np.inf, -np.inf),
    "sigmoid": (2.5, 2.5, -np.inf, -np.inf),
    "softplus": (2, 2, -np.inf, -np.inf),
    "silu": (4, 4, -87, -708),
    "gelu": (8, 16, -12, -37),
    "gelu_tanh": (4, 4, -1, -1),
}


def many_numbers(dtype):
    """Numbers of every magnitude and sign, subnormal ones too, and many where the functions bend."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**31 if dtype == np.float32 else 2**63, 30_000, dtype=np.int64)
    any_size = bits.astype(np.int32 if dtype == np.float32 else np.int64).view(dtype)
    wide_range = rng.uniform(-110 if dtype == np.float32 else -750, 90, 30_000)
    parts = any_size, -any_size, rng.uniform(-14, 14, 60_000), wide_range, rng.uniform(0.5, 2, 20_000)
    x = np.concatenate([p.astype(dtype) for p in parts])
    return x[np.isfinite(x)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDS)
def test_errors_are_within_the_stated_bounds(name, dtype):
    x = many_numbers(dtype)
    *bounds, low32, low64 = BOUNDS[name]
    bound, low = (bounds[0], low32) if dtype == np.float32 else (bounds[1], low64)
    with np.errstate(all="ignore"):
        exact = EXACT[name](wide(x))
        for isa in each_isa():
            errors, where, unusual, expected = ulp_errors(name, x, exact)
            np.testing.assert_array_equal(unusual, expected)
            inside = where >= low
            worst = np.argmax(np.where(inside, errors, 0))
            assert errors[worst] <= bound, f"{errors[worst]} ULP at {where[worst]!r} on {isa}"
            # below, the factor of x has an error of its own: x^2 for gelu_tanh's argument, else a multiple of the smallest
            if name == "gelu_tanh":
                usual = (where < low) & (where > (-9 if dtype == np.float32 else -20))
                assert (errors[usual] <= 8 * where[usual] ** 2).all()
            elif name in ("silu", "gelu"):
                assert (errors[~inside] <= bound + np.abs(where[~inside])).all()


LIMITS = {
    "exp": [np.nan, np.inf, 0, 1, 1],
    "log": [np.nan, np.inf, np.nan, -np.inf, -np.inf],
    "erf": [np.nan, 1, -1, 0.0, -0.0],
    "tanh": [np.nan, 1, -1, 0.0, -0.0],
    "sigmoid": [np.nan, 1, 0, 0.5, 0.5],
    "silu": [np.nan, np.inf, -0.0, 0.0, -0.0],
    "gelu": [np.nan, np.inf, -0.0, 0.0, -0.0],
    "gelu_tanh": [np.nan, np.inf, -0.0, 0.0, -0.0],
    "softplus": [np.nan, np.inf, 0, np.log(2), np.log(2)],
    "relu": [np.nan, np.inf, 0, 0, 0],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LIMITS)
def test_limits(name, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    expected = np.array(LIMITS[name], dtype)
    for isa in each_isa():
        got = getattr(_core, f"{name}_forward")(x, *OPTIONS.get(name, ()))
        np.testing.assert_allclose(got, expected, rtol=1e-6 if dtype == np.float32 else 1e-15, err_msg=isa)
        if name != "relu":
            zero = expected == 0
            np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]), err_msg=isa)


REFERENCES = {
    "exp": lambda x: np.exp(x),
    "log": lambda x: np.log(x),
    "tanh": lambda x: np.tanh(x),
    "erf": lambda x: long_erf(wide(x)).astype(float),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x, approximate="none": (
        x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
        if approximate == "tanh"
        else (x * long_normal(wide(x))).astype(float)
    ),
    "softplus": lambda x, beta=1.0, threshold=20.0: np.where(
        beta * x > threshold, x, np.log1p(np.exp(np.minimum(beta * x, threshold))) / beta
    ),
}
VARIANTS = [*((name, {}) for name in REFERENCES), ("leaky_relu", {"negative_slope": 0.3})]
VARIANTS += [("gelu", {"approximate": "tanh"}), ("softplus", {"beta": 2.0, "threshold": 3.0})]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_values_shapes_and_gradients(name, options):
    rng = np.random.default_rng(1)
    shapes = [(), (0,), (1,), (7, 5), (3, 1, 67), (40_000,)]
    draws = [rng.standard_normal(shape) * 2 for shape in shapes]
    cases = [{"x": np.abs(x) + 0.1 if name == "log" else np.asarray(x), **options} for x in draws]
    check_op(getattr(ops, name), REFERENCES[name], cases)
    x = rng.uniform(0.2, 4, (3, 13)) * (1 if name == "log" else rng.choice([-1, 1], (3, 13)))
    check_gradient(lambda x: getattr(ops, name)(x, **options), x)


@pytest.mark.usefixtures("several_threads")
def test_large_results_are_the_same_bits_as_small_ones():
    x = np.random.default_rng(2).standard_normal(5_000_003).astype(np.float32)
    for _ in each_isa():
        large = _core.gelu_forward(x)
        for start in (0, 1_000_003, 4_999_000):
            piece = _core.gelu_forward(x[start : start + 1003])
            assert piece.tobytes() == large[start : start + 1003].tobytes()


def test_gradients_at_infinity_are_the_limits():
    x = np.array([-np.inf, np.inf, -1e30, 1e30])
    one = np.ones(4)
    for _ in each_isa():
        for name in ("silu", "gelu", "gelu_tanh"):
            np.testing.assert_array_equal(getattr(_core, f"{name}_backward")(one, x), [0, 1, 0, 1], err_msg=name)


def test_bad_options():
    with pytest.raises(ValueError, match="approximate must be 'none' or 'tanh', got 'erf'"):
        ops.gelu(np.ones(3), approximate="erf")


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = np.random.default_rng(3).standard_normal(1000) * 4
    for name, options in VARIANTS:
        theirs = getattr(functional, name, None) or getattr(torch, name)
        positive = np.abs(x) + 1e-3 if name == "log" else x
        leaf, peer = Tensor(positive, requires_grad=True), torch.tensor(positive, requires_grad=True)
        ours, other = getattr(ops, name)(leaf, **options), theirs(peer, **options)
        np.testing.assert_allclose(ours.data, other.detach().numpy(), rtol=1e-11, atol=1e-14, err_msg=name)
        ours.backward(np.ones(1000))
        other.sum().backward()
        np.testing.assert_allclose(leaf.grad, peer.grad.numpy(), rtol=1e-11, atol=1e-14, err_msg=name)
