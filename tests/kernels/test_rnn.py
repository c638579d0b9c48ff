"""The vanilla recurrent net's kernels, against a loop in NumPy."""

import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa
from recurrent_reference import LENGTHS, options_of, sigmoid, unroll

from seqnn import _core, ops

RNG = np.random.default_rng(0)
T, B, N, H = 5, 4, 3, 9
ACTIVATE = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "sigmoid": sigmoid}


def reference(x, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, norm=None, nonlinearity="tanh", **options):
    activate = ACTIVATE[nonlinearity]
    return unroll(lambda a, _: (activate(a),), x, (h0,), weight_ih, weight_hh, bias_ih, bias_hh, norm, **options)


def arrays(**more):
    draw = {"x": (T, B, N), "h0": (B, H), "weight_ih": (H, N), "weight_hh": (H, H), "bias_ih": (H,), "bias_hh": (H,)}
    return {name: RNG.standard_normal(shape) for name, shape in draw.items()} | more


@pytest.mark.parametrize("nonlinearity", [*ACTIVATE])
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_forward(nonlinearity, options):
    more = options_of(options, T, B, H, 0) | {"nonlinearity": nonlinearity}
    cases = [arrays(**more), arrays(reverse=True, lengths=LENGTHS, norm=RNG.standard_normal(H), **more)]
    check_op(ops.rnn, reference, cases)


@pytest.mark.parametrize("nonlinearity", [*ACTIVATE])
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_gradient(nonlinearity, options):
    more = options_of(options, T, B, 5, 0) | {"nonlinearity": nonlinearity}
    given = [0.5 * RNG.standard_normal(s) for s in [(T, B, N), (B, 5), (5, N), (5, 5), (5,), (5,), (5,)]]
    for reverse in (False, True):
        check_gradient(lambda *a, r=reverse: ops.rnn(*a, lengths=LENGTHS, reverse=r, **more), *given)


def test_packed_weights_give_the_same_numbers():
    given = arrays()
    for _ in each_isa():
        packed = _core.rnn_pack(given["weight_ih"], given["weight_hh"])
        for mine, other in zip(ops.rnn(**given), ops.rnn(**given, packed=packed), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_an_unknown_activation():
    with pytest.raises(ValueError, match="nonlinearity"):
        ops.rnn(**arrays(), nonlinearity="gelu")
    given = arrays()
    given["out"] = np.empty((T, B, H))
    with pytest.raises(ValueError, match="nonlinearity"):
        _core.rnn_forward(**given, nonlinearity=3, rows=T * B)
