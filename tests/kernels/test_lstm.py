"""The LSTM's kernels and its layer, against a loop in NumPy."""

import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa
from recurrent_reference import LENGTHS, normalized, options_of, sigmoid, unroll

from seqnn import _core, ops

RNG = np.random.default_rng(0)
T, B, N, H = 5, 4, 3, 9


def reference(
    x,
    h0,
    c0,
    weight_ih,
    weight_hh,
    bias_ih=None,
    bias_hh=None,
    peephole=None,
    norm=None,
    weight_hr=None,
    norm_cell=None,
    **options,
):
    size = c0.shape[1]
    project = np.eye(size) if weight_hr is None else weight_hr

    def cell(a, states):
        i, f, g, o = (a[k * size : (k + 1) * size] for k in range(4))
        _, c = states
        p = np.zeros((3, size)) if peephole is None else peephole
        new = sigmoid(f + p[1] * c) * c + sigmoid(i + p[0] * c) * np.tanh(g)
        seen = new if norm_cell is None else normalized(new, size) * norm_cell[0] + norm_cell[1]
        return project @ (sigmoid(o + p[2] * new) * np.tanh(seen)), new

    return unroll(cell, x, (h0, c0), weight_ih, weight_hh, bias_ih, bias_hh, norm, norm_size=size, **options)


def arrays(**more):
    draw = {
        "x": (T, B, N), "h0": (B, H), "c0": (B, H), "weight_ih": (4 * H, N), "weight_hh": (4 * H, H),
        "bias_ih": (4 * H,), "bias_hh": (4 * H,),
    }  # fmt: skip
    return {name: RNG.standard_normal(shape) for name, shape in draw.items()} | more


P = 5  # units of h after a projection


def projected(**more):
    more["weight_hr"], more["weight_hh"] = RNG.standard_normal((P, H)), RNG.standard_normal((4 * H, P))
    return arrays(h0=RNG.standard_normal((B, P)), **more)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_forward(reverse, options):
    more = options_of(options, T, B, H, H)
    peephole, norm = RNG.standard_normal((3, H)), RNG.standard_normal(4 * H)
    cases = [
        arrays(reverse=reverse, **more),
        arrays(reverse=reverse, lengths=LENGTHS, peephole=peephole, norm=norm, **more),
    ]
    check_op(ops.lstm, reference, cases)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_projection(reverse, options):
    more = options_of(options, T, B, P, H) | {"reverse": reverse}
    peephole, norm = RNG.standard_normal((3, H)), RNG.standard_normal(4 * H)
    check_op(ops.lstm, reference, [projected(**more), projected(lengths=LENGTHS, peephole=peephole, norm=norm, **more)])
    draw = [(T, B, N), (B, 3), (B, 5), (20, N), (20, 3), (20,), (20,), (3, 5), (20,), (3, 5)]
    given = [0.5 * RNG.standard_normal(s) for s in draw]
    more = options_of(options, T, B, 3, 5) | {"reverse": reverse}
    check_gradient(lambda *a: ops.lstm(*a, lengths=LENGTHS, **more), *given)
    with pytest.raises(ValueError, match="unless weight_hr"):
        ops.lstm(*given[:9])


def test_a_large_one():
    big = {"x": (7, 13, 70), "h0": (13, 150), "c0": (13, 150), "weight_ih": (600, 70), "weight_hh": (600, 150)}
    check_op(ops.lstm, reference, [{n: 0.1 * RNG.standard_normal(s) for n, s in big.items()}])


def test_norm_of_the_cell():
    norm, norm_cell, peephole = (RNG.standard_normal(s) for s in ((4 * H,), (2, H), (3, H)))
    for options in ("", "zoneout"):
        more = options_of(options, T, B, H, H) | {"norm": norm, "norm_cell": norm_cell}
        check_op(
            ops.lstm, reference, [arrays(**more), arrays(lengths=LENGTHS, reverse=True, peephole=peephole, **more)]
        )
    check_op(ops.lstm, reference, [projected(norm=norm, norm_cell=norm_cell)])
    draw = [(T, B, N), (B, 5), (B, 5), (20, N), (20, 5), (20,), (20,), (3, 5), (20,), (5, 5), (2, 5)]
    given = [0.5 * RNG.standard_normal(s) for s in draw]
    check_gradient(lambda *a: ops.lstm(*a, lengths=LENGTHS), *given)
    without = lambda *a: ops.lstm(*a[:7], None, a[7], None, a[8], zone_c=np.full((1, 1, 1), 0.2))  # noqa: E731
    check_gradient(without, *given[:7], given[8], given[10])
    with pytest.raises(ValueError, match="norm_cell goes with norm"):
        ops.lstm(**arrays(norm_cell=norm_cell))


@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_gradient(options):
    more = options_of(options, T, B, 5, 5)
    draw = [(T, B, N), (B, 5), (B, 5), (20, N), (20, 5), (20,), (20,), (3, 5), (20,)]
    given = [0.5 * RNG.standard_normal(s) for s in draw]
    for reverse in (False, True):
        check_gradient(lambda *a, r=reverse: ops.lstm(*a, lengths=LENGTHS, reverse=r, **more), *given)
    check_gradient(lambda *a: ops.lstm(*a, batch_first=True), given[0].swapaxes(0, 1).copy(), *given[1:7])


def test_packed_weights_give_the_same_numbers():
    given = arrays()
    for _ in each_isa():
        packed = _core.lstm_pack(given["weight_ih"], given["weight_hh"])
        for mine, other in zip(ops.lstm(**given), ops.lstm(**given, packed=packed), strict=True):
            np.testing.assert_array_equal(mine, other)
        narrow = projected()
        packed = _core.lstm_pack(narrow["weight_ih"], narrow["weight_hh"], narrow["weight_hr"])
        for mine, other in zip(ops.lstm(**narrow), ops.lstm(**narrow, packed=packed), strict=True):
            np.testing.assert_array_equal(mine, other)
    with pytest.raises(ValueError, match="pack them again"):
        ops.lstm(**given, packed=np.zeros(7))
    with pytest.raises(ValueError, match="pack them again"):
        ops.lstm(**given, packed=_core.lstm_pack(np.zeros((4, 1)), np.zeros((4, 1))))


def test_bad_lengths():
    given = arrays()
    for lengths in ([1, 2, 3], [-1, 1, 1, 1], [1, 1, 1, 6], [1.0, 1, 1, 1]):
        with pytest.raises(ValueError, match="lengths"):
            ops.lstm(**given, lengths=lengths)
    given["out"] = np.empty((T, B, H))
    with pytest.raises(ValueError, match="lengths"):
        _core.lstm_forward(**given, lengths=np.full(B, 6), rows=6 * B)
    with pytest.raises(ValueError, match="sum of the lengths"):
        _core.lstm_forward(**given, lengths=np.full(B, 2), rows=5)
