"""The short/long-memory net's kernels, against a loop in NumPy."""

import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa
from recurrent_reference import LENGTHS, options_of, sigmoid, unroll

from seqnn import _core, ops

RNG = np.random.default_rng(0)
T, B, N, M = 5, 4, 3, 5
COMBINE = ["concat", "sum", "two_gates"]


def reference(
    x, h0, short0, long0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, mix=None, norm=None, combine="concat", **options
):  # fmt: skip
    size = short0.shape[1]

    def cell(a, states):
        _, short, long = states
        i_s, f_s, i_l, f_l = (sigmoid(a[k * size : (k + 1) * size]) for k in range(4))
        g, o = np.tanh(a[4 * size : 5 * size]), sigmoid(a[5 * size :])
        short, long = f_s * short + i_s * g, f_l * long + i_l * g
        if combine == "concat":
            h = o * np.tanh(np.concatenate([short, long]))
        elif combine == "sum":
            h = o * np.tanh(mix[0] * short + mix[1] * long)
        else:
            h = o[:size] * np.tanh(short) + o[size:] * np.tanh(long)
        return h, short, long

    return unroll(cell, x, (h0, short0, long0), weight_ih, weight_hh, bias_ih, bias_hh, norm, norm_size=size, **options)


def arrays(combine, size=M, **more):
    rows, hidden = (6 if combine == "sum" else 7) * size, (2 if combine == "concat" else 1) * size
    draw = {
        "x": (T, B, N), "h0": (B, hidden), "short0": (B, size), "long0": (B, size), "weight_ih": (rows, N),
        "weight_hh": (rows, hidden), "bias_ih": (rows,), "bias_hh": (rows,),
    }  # fmt: skip
    draw |= {"mix": (2, size)} if combine == "sum" else {}
    return {name: 0.5 * RNG.standard_normal(shape) for name, shape in draw.items()} | {"combine": combine} | more


@pytest.mark.parametrize("combine", COMBINE)
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_forward(combine, options):
    more = options_of(options, T, B, 2 * M if combine == "concat" else M, 2 * M)
    rows = (6 if combine == "sum" else 7) * M
    cases = [
        arrays(combine, **more),
        arrays(combine, lengths=LENGTHS, reverse=True, norm=RNG.standard_normal(rows), **more),
    ]
    check_op(ops.stlm, reference, cases)
    check_op(ops.stlm, reference, [arrays(combine, size=150)])


@pytest.mark.parametrize("combine", COMBINE)
@pytest.mark.parametrize("options", ["", "mask", "zoneout"])
def test_gradient(combine, options):
    more = options_of(options, T, B, 2 * M if combine == "concat" else M, 2 * M)
    given = arrays(combine)
    del given["combine"]
    given["norm"] = RNG.standard_normal((6 if combine == "sum" else 7) * M)
    names = [*given]
    for reverse in (False, True):
        check_gradient(
            lambda *a, r=reverse: ops.stlm(
                **dict(zip(names, a, strict=True)), combine=combine, lengths=LENGTHS, reverse=r, **more
            ),
            *given.values(),
        )


@pytest.mark.parametrize("combine", COMBINE)
def test_packed_weights_give_the_same_numbers(combine):
    given = arrays(combine)
    for _ in each_isa():
        packed = _core.stlm_pack(given["weight_ih"], given["weight_hh"])
        for mine, other in zip(ops.stlm(**given), ops.stlm(**given, packed=packed), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_memories_of_all_steps():
    given = arrays("concat")
    weights = [given[n] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    for reverse in (False, True):
        _, short, long = ops.stlm_memories(given["x"], *weights, lengths=LENGTHS, reverse=reverse)
        for b, length in enumerate(LENGTHS):
            for t in range(length):
                part = given["x"][t:length, b : b + 1] if reverse else given["x"][: t + 1, b : b + 1]
                zeros = [np.zeros((1, n)) for n in (2 * M, M, M)]
                _, _, s, lo = reference(part, *zeros, *weights, reverse=reverse)
                np.testing.assert_allclose(short[t, b], s[0], atol=1e-12)
                np.testing.assert_allclose(long[t, b], lo[0], atol=1e-12)
            assert not short[length:, b].any() and not long[length:, b].any()


def test_sizes_that_do_not_fit():
    given = arrays("concat")
    with pytest.raises(ValueError, match="weights go with"):
        ops.stlm(**given, mix=np.zeros((2, M)))
    with pytest.raises(ValueError, match="combine"):
        ops.stlm(**{**given, "combine": "other"})
    with pytest.raises(ValueError, match="expected 6 rows"):
        ops.stlm(**{**arrays("two_gates"), "combine": "sum", "mix": np.zeros((2, M))})
