"""The GRU's kernels in all its forms, against a loop in NumPy."""

import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa
from recurrent_reference import LENGTHS, normalized, options_of, sigmoid, unroll

from seqnn import _core, ops

RNG = np.random.default_rng(0)
T, B, N, H = 5, 4, 3, 9
FORMS = ["pytorch", "cho2014", "update"]


def reference(x, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, norm=None, form="pytorch", **options):
    size = h0.shape[1]
    b_ih, b_hh = (np.zeros(3 * size) if b is None else b for b in (bias_ih, bias_hh))

    def join(from_x, seen, _):
        """r, z, and what goes into the candidate's tanh."""
        from_h = weight_hh @ seen
        both = from_x[: 2 * size] + from_h[: 2 * size]
        n_x, n_h = from_x[2 * size :], from_h[2 * size :]
        if norm is not None:
            both, n_x, n_h = (normalized(v, size) for v in (both, n_x, n_h))
            both, n_x, n_h = both * norm[: 2 * size], n_x * norm[2 * size : 3 * size], n_h * norm[3 * size :]
        r, z = np.split(sigmoid(both + b_ih[: 2 * size] + b_hh[: 2 * size]), 2)
        if form != "pytorch":
            return z, n_x + b_ih[2 * size :] + weight_hh[2 * size :] @ (r * seen) + b_hh[2 * size :]
        return z, n_x + b_ih[2 * size :] + r * (n_h + b_hh[2 * size :])

    def cell(a, states):
        z, n = a[0], np.tanh(a[1])
        return (z * n + (1 - z) * states[0] if form == "update" else (1 - z) * n + z * states[0],)

    return unroll(cell, x, (h0,), weight_ih, weight_hh, join=join, **options)


def arrays(**more):
    draw = {
        "x": (T, B, N), "h0": (B, H), "weight_ih": (3 * H, N), "weight_hh": (3 * H, H), "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }  # fmt: skip
    return {name: RNG.standard_normal(shape) for name, shape in draw.items()} | more


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_forward(form, options):
    more = options_of(options, T, B, H, 0) | {"form": form}
    cases = [arrays(**more), arrays(reverse=True, lengths=LENGTHS, **more)]
    if form == "pytorch":
        cases.append(arrays(norm=RNG.standard_normal(4 * H), **more))
    check_op(ops.gru, reference, cases)


def test_a_large_one():
    big = {"x": (7, 13, 70), "h0": (13, 150), "weight_ih": (450, 70), "weight_hh": (450, 150)}
    check_op(ops.gru, reference, [{n: 0.1 * RNG.standard_normal(s) for n, s in big.items()}])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_gradient(form, options):
    more = options_of(options, T, B, 5, 0) | {"form": form}
    given = [0.5 * RNG.standard_normal(s) for s in [(T, B, N), (B, 5), (15, N), (15, 5), (15,), (15,), (20,)]]
    given = given if form == "pytorch" else given[:6]
    for reverse in (False, True):
        check_gradient(lambda *a, r=reverse: ops.gru(*a, lengths=LENGTHS, reverse=r, **more), *given)


def test_packed_weights_give_the_same_numbers():
    given = arrays()
    for _ in each_isa():
        packed = _core.gru_pack(given["weight_ih"], given["weight_hh"])
        for mine, other in zip(ops.gru(**given), ops.gru(**given, packed=packed), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match="form"):
        ops.gru(**arrays(), form="other")
    with pytest.raises(ValueError, match="norm goes with form 0"):
        ops.gru(**arrays(), norm=np.ones(4 * H), form="update")
