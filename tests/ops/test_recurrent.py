"""What the functions of all recurrent nets have in common: kinds of numbers, errors, and what their kernels refuse."""

import numpy as np
import pytest

from seqnn import Tensor, _core, ops

T, B, N, H = 3, 2, 4, 6
GATES = {"rnn": 1, "gru": 3, "lstm": 4, "stlm": 7}
STATES = {"rnn": ("h0",), "gru": ("h0",), "lstm": ("h0", "c0"), "stlm": ("h0", "short0", "long0")}
KINDS = list(GATES)


def arguments(kind, dtype=np.float32, hidden=H):
    rng = np.random.default_rng(0)
    rows = GATES[kind] * (hidden // 2 if kind == "stlm" else hidden)
    given = {"x": (T, B, N), "weight_ih": (rows, N), "weight_hh": (rows, hidden)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in given.items()}
    return arrays | dict.fromkeys(STATES[kind])


def run(kind, **given):
    return getattr(ops, kind)(**given)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["int64", "uint8", "bool", "float16", ">f4", "list"])
def test_what_is_no_float_becomes_the_weights_kind_of_numbers(kind, change):
    given = arguments(kind)
    x = abs(3 * given["x"]).astype("?" if change == "bool" else "i4").astype(np.float32)
    expected = run(kind, **given | {"x": x})
    for mine, other in zip(
        run(kind, **given | {"x": x.tolist() if change == "list" else x.astype(change)}), expected, strict=True
    ):
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_swapped_float_arrives(kind):
    given = arguments(kind)
    grads = []
    for x in (given["x"], given["x"].astype(given["x"].dtype.newbyteorder())):
        x = Tensor(x, requires_grad=True)
        run(kind, **given | {"x": x})[0].sum().backward()
        grads.append(x.grad)
    np.testing.assert_array_equal(*grads)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_what_the_user_gave(kind):
    given = arguments(kind)
    for wrong, error, words in (
        ({"x": given["x"].astype(np.float64)}, TypeError, "x is float64 but the weights are float32"),
        ({"x": given["x"].astype(complex)}, TypeError, "x is complex128"),
        ({"x": given["x"][0]}, ValueError, r"x has shape \(2, 4\), expected \[T, B, I\]"),
        ({"x": given["x"][..., :2]}, ValueError, "weight_ih has size 4 on axis 1"),
        ({"h0": np.zeros((B, H))}, TypeError, "h0 is float64"),
        ({"h0": np.zeros((B, H + 1), np.float32)}, ValueError, "h"),
        ({"weight_hh": given["weight_hh"][0]}, ValueError, "weight_hh has shape"),
        ({"bias_hh": np.zeros(1, np.float32)}, ValueError, "bias_hh has size 1"),
        ({"norm": np.zeros(1, np.float32)}, ValueError, "norm has size 1"),
        ({"mask": np.zeros((B, H), int).astype(complex)}, TypeError, "mask is complex128"),
    ):
        with pytest.raises(error, match=words) as raised:
            run(kind, **given | wrong)
        assert str(raised.value).startswith(f"{kind}: ")
        assert "signature" not in str(raised.value) and "c0" not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_net_without_units_is_an_error(kind):
    with pytest.raises(ValueError, match="expected at least one hidden unit"):
        run(kind, **arguments(kind, hidden=0))
    z = np.zeros((0, 0), np.float32)
    with pytest.raises(ValueError, match=f"{kind}_pack: expected . > 0"):
        getattr(_core, f"{kind}_pack")(z, z)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_axes_are_legal(kind):
    given = arguments(kind)
    for x in (given["x"][:0], given["x"][:, :0]):
        out, h, *_ = run(kind, **given | {"x": x})
        assert out.shape == (*x.shape[:2], H) and not h.any()
    weights = given["weight_ih"][:, :0]
    for mine, other in zip(
        run(kind, **given | {"x": given["x"][..., :0], "weight_ih": weights}),
        run(kind, **given | {"x": np.zeros_like(given["x"])}),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)


def backward_of(kind, **more):
    """Arguments that the backward kernel accepts."""
    given = arguments(kind)
    rows, columns = T * B, given["weight_ih"].shape[0] + (H if kind == "gru" else 0)
    size = H // 2 if kind == "stlm" else H
    saved = {"gates": (rows, columns), "h_before": (rows, H)}
    read = {"lstm": {"c0": (B, H), "cells": (rows, H)}, "gru": {"h0": (B, H), "out": (T, B, H)}, "rnn": {}}
    read["stlm"] = {"short0": (B, size), "long0": (B, size), "cells": (rows, 2 * size)}
    zeros = {name: np.zeros(shape, np.float32) for name, shape in (saved | read[kind]).items()}
    arrays = {name: array for name, array in given.items() if array is not None}
    return arrays | zeros | more


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_refuses_an_argument_without_its_companion(kind):
    backward, forward = getattr(_core, f"{kind}_backward"), getattr(_core, f"{kind}_forward")
    assert backward(**backward_of(kind), grad_weight_hh=True).grad_weight_hh.shape == arguments(kind)["weight_hh"].shape
    norm = np.ones(backward_of(kind)["gates"].shape[1], np.float32)
    for wrong, words in (
        ({"norm": norm}, "norm is given without normal"),
        ({"grad_norm": True}, "grad_norm is given without norm"),
        ({"lengths": np.full(B, T + 1)}, "lengths holds 4"),
        ({"lengths": np.full(B, 1)}, "rows must be the sum of the lengths"),
    ):
        with pytest.raises(ValueError, match=words):
            backward(**backward_of(kind, **wrong))
    given = arguments(kind) | {"rows": T * B, "out": np.empty((T, B, H), np.float32)}
    given |= {name: np.zeros((B, H // 2 if name[0] in "sl" else H), np.float32) for name in STATES[kind]}
    assert forward(**given, gates=True).gates.shape[0] == T * B
    with pytest.raises(ValueError, match="normal is given without norm"):
        forward(**given, normal=True)
    with pytest.raises(ValueError, match="rows must be the sum"):
        forward(**given | {"rows": 5})


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_kernel_refuses_layers_that_do_not_agree(kind):
    step = getattr(_core, f"{kind}_step")
    given = arguments(kind)
    packed = getattr(_core, f"{kind}_pack")(given["weight_ih"], given["weight_hh"])
    states = [np.zeros((1, B, H // 2 if name[0] in "sl" else H), np.float32) for name in STATES[kind]]
    x = given["x"][0]
    assert step(x, *states, [packed]).out.shape == (B, H)
    for layers, kernel, words in (
        ([], [], "L > 0"),
        (states, [packed, packed], "packed_count == L"),
        (states, [packed[:40]], "pack them again"),  # the tag, and too little after it on any instruction set
        (states, [np.zeros(9, np.float32)], "pack them again"),
    ):
        parts = layers or [s[:0] for s in states]
        with pytest.raises(ValueError, match=words):
            step(x, *parts, kernel)
    with pytest.raises(ValueError, match="zoneout"):
        step(x, *states, [packed], zoneout=1.5)


def test_enumerations_stand_in_the_kernels_alone():
    assert _core.gru.form == ("pytorch", "cho2014", "update")
    assert _core.rnn.nonlinearity == ("tanh", "relu", "sigmoid")
    assert _core.stlm.combine == ("concat", "sum", "two_gates")
    given = arguments("gru") | {"rows": T * B, "h0": np.zeros((B, H), np.float32)}
    by_name, by_number = (
        _core.gru_forward(**given, form=form, out=np.empty((T, B, H), np.float32)).h_last for form in ("update", 2)
    )
    np.testing.assert_array_equal(by_name, by_number)
    with pytest.raises(ValueError, match="expected one of 'pytorch', 'cho2014', 'update'"):
        _core.gru_forward(**given, form="other", out=np.empty((T, B, H), np.float32))


def test_what_a_variant_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="norm_cell goes with norm"):
        run("lstm", **arguments("lstm"), norm_cell=np.ones((2, H), np.float32))
    with pytest.raises(ValueError, match="resets or form"):
        _core.gru_backward(**backward_of("gru"), form="update")
    given = arguments("gru") | {
        "rows": T * B,
        "out": np.empty((T, B, H), np.float32),
        "h0": np.zeros((B, H), np.float32),
    }
    with pytest.raises(ValueError, match="not resets or form"):
        _core.gru_forward(**given, resets=True)
    with pytest.raises(ValueError, match="weight_hr is given without cell_output"):
        _core.lstm_backward(**backward_of("lstm", weight_hr=np.ones((H, H), np.float32)))
