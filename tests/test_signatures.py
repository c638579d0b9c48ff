"""The call path: what the signature language promises, on the probe kernels and, for bad input, on every function there is."""

import tracemalloc

import generate
import numpy as np
import pytest
import signatures as language

from seqnn import _core

FUNCTIONS = language.functions()
NUMPY = {
    "f": np.float32, "f32": np.float32, "f64": np.float64, "i8": np.int8, "i": np.int32, "l": np.int64, "u": np.uint8,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64, "b": np.bool_,
}  # fmt: skip
ERRORS = (TypeError, ValueError, OverflowError)


def test_the_module_has_every_function_of_the_sources():
    assert _core.signatures() == {f.name: f.text for f in FUNCTIONS}
    for f in FUNCTIONS:
        assert getattr(_core, f.name).__doc__ == f.text


def test_stub_is_fresh():
    assert generate.STUB.read_text() == generate.write_stub(), "run: python csrc/boundary/generate.py --stub"


# --- bad input of every function -------------------------------------------------------------------------


def sizes_of(f):
    """A size for every axis name, all different."""
    return dict(zip(f.dims, (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53), strict=False))


def scalar_of(p):
    return float(p.default or 1) if p.type == "d" else max(int(p.default or 1), p.minimum or 0)


def valid_call(f):
    """Arguments that agree with the signature, every optional one given."""
    names = sizes_of(f) | {p.name: scalar_of(p) for p in f.inputs if p.type == "n"}
    call = {}
    for p in f.inputs:
        if p.scalar:
            call[p.name] = scalar_of(p)
            continue
        shape = [eval(compile(language.ast.Expression(a.expression), "", "eval"), {}, names) for a in p.axes]
        array = np.zeros([int(n) for n in shape], NUMPY[p.type])
        call[p.name] = [array] if p.list else array
    return call


def bad_calls():
    """(function, argument, what is wrong, arguments): each breaks the signature in one place."""
    for f in FUNCTIONS:
        right = valid_call(f)
        uses = {}
        for p in f.inputs:
            for a in p.axes:
                if a.linear and a.linear[0] and not a.broadcast:
                    uses[a.linear[0]] = uses.get(a.linear[0], 0) + 1
        for p in f.inputs:

            def broken(value, p=p, f=f, right=right):
                return f, p.name, {**right, p.name: value}

            good = right[p.name]
            if p.scalar:
                yield "str", *broken("x")
                if p.type == "n":
                    yield "float", *broken(1.5)
                    yield "huge", *broken(2**70)
                if p.choices:
                    yield "no such name", *broken("nonsense")
                    yield "number outside", *broken(len(p.choices))
                if p.minimum is not None:
                    yield "too small", *broken(p.minimum - 1)
                continue
            if p.list:
                yield "no list", *broken(good[0])
                yield "str item", *broken(["x"])
                continue
            yield "str", *broken(np.full(good.shape, "x"))
            if not p.flat:
                yield "one axis more", *broken(good[None])
            if good.dtype.kind in "iu":
                yield "floats", *broken(good.astype(np.float64))
                yield "bools", *broken(good.astype(bool))
            if p.inplace:
                locked = good.copy()
                locked.flags.writeable = False
                yield "read-only", *broken(locked)
                yield "a list", *broken(good.tolist())
            if not p.optional:
                yield "None", *broken(None)
            for k, a in enumerate(p.axes):
                agrees = a.linear and (a.linear[0] is None or uses[a.linear[0]] > 1 or a.linear[1] > 1)
                if agrees and not a.broadcast:
                    shape = list(good.shape)
                    shape[k] += 1
                    yield f"axis {k}", *broken(np.zeros(shape, good.dtype))
            if p.below and good.size:
                for value in (sizes_of(f)[p.below], -1):
                    yield f"value {value}", *broken(np.full(good.shape, value, good.dtype))


BAD = [pytest.param(f, name, call, id=f"{f.name}-{name}-{what}") for what, f, name, call in bad_calls()]


@pytest.mark.parametrize(("function", "argument", "call"), BAD)
def test_bad_input_is_an_error_that_names_the_function_and_shows_the_signature(function, argument, call):
    with pytest.raises(ERRORS) as error:
        getattr(_core, function.name)(**call)
    text = str(error.value)
    assert text.startswith(f"{function.name}: ")
    assert text.endswith(function.text)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_missing_unknown_and_surplus_arguments(function):
    call = valid_call(function)
    required = [p for p in function.inputs if not p.optional and p.default is None]
    for p in required:
        with pytest.raises(TypeError, match=f"argument {p.name} is missing"):
            getattr(_core, function.name)(**{k: v for k, v in call.items() if k != p.name})
    with pytest.raises(TypeError, match="no argument 'nonsense'"):
        getattr(_core, function.name)(**call, nonsense=1)
    with pytest.raises(TypeError, match="positional arguments given"):
        getattr(_core, function.name)(*call.values(), 1)


# --- the language, on the probe kernels ------------------------------------------------------------------


def conditions_call(**changes):
    call = {"ids": [0, -1, 3], "offsets": [0, 2, 3], "bounds": [[0, 3], [1, 1]], "values": np.arange(4.0)}
    return call | {"first": None, "second": None, "mode": "doubled", "window": 4, "spans": False} | changes


def test_results_have_names_and_their_sizes_reach_the_kernel():
    found = _core.probe_conditions(**conditions_call(first=np.ones(4), second=np.ones(4), spans=True))
    total, ends, spans = found
    assert found.total is total and found.spans is spans and total[0] == 6
    assert ends[0] == spans.size == 4 and spans.tolist() == [[0, 2], [2, 3]]
    assert _core.probe_conditions(**conditions_call()).spans is None


def test_one_line_may_equal_another():
    again = _core.probe_conditions_again(**conditions_call())
    assert again.total[0] == 6 and type(again).__name__ == "probe_conditions_again_result"
    assert _core.probe_conditions_again.__doc__ == _core.probe_conditions.__doc__.replace("ions(", "ions_again(", 1)


def test_constants_and_enumerations_are_shared_with_python():
    assert _core.probe.MOST == 1000
    assert _core.probe.mode == ("plain", "doubled")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [0, -2, 3]}, "ids holds -2, expected -1 <= ids < V, got V=4"),
        ({"ids": [0, 1, 4]}, "ids holds 4, expected -1 <= ids < V, got V=4"),
        ({"offsets": [0, 4, 3]}, "offsets holds 4, expected offsets covers N, got N=3"),
        ({"offsets": [1, 2, 3]}, "offsets begins with 1, expected offsets covers N"),
        ({"offsets": [0, 2, 2]}, "offsets ends with 2, expected offsets covers N"),
        ({"offsets": [0, 2, 1, 3]}, "offsets falls, expected offsets covers N"),
        ({"bounds": [[0, 3], [2, 1]]}, "bounds falls, expected bounds ascends to N"),
        ({"bounds": [[0, 4], [1, 1]]}, "bounds holds 4, expected"),
        ({"first": np.ones(4)}, "first is given without second"),
        ({"spans": True}, "spans is given without first"),
        ({"mode": "trebled"}, "mode is 'trebled', expected one of 'plain', 'doubled'"),
        ({"mode": 2}, "mode is 2, expected one of"),
        ({"mode": -(2**62)}, "mode is -4611686018427387904, expected one of"),
        ({"mode": 1.0}, "mode is float, expected an integer"),
        ({"window": 0}, r"expected 1 <= window <= MOST and window <= N \+ 1, got window=0, N=3"),
        ({"window": 5}, "got window=5, N=3"),
        ({"values": np.ones(5)}, "expected V % 2 == 0 or mode == mode.plain, got V=5, mode=1"),
        ({"share": 1.5}, "expected share < 1, got share=1.5"),
        ({"share": float("nan")}, "expected share < 1, got share=nan"),
    ],
)
def test_a_condition_that_does_not_hold_says_what_was_expected_and_got(change, message):
    with pytest.raises(ERRORS, match=message):
        _core.probe_conditions(**conditions_call(**change))


def test_what_the_kernel_trusts_is_a_copy_of_its_own():
    """The ids are checked in private memory, so nobody can change them between the check and their use."""
    ids = np.zeros(3, np.int32)
    before = ids.copy()
    _core.probe_conditions(**conditions_call(ids=ids))
    assert (ids == before).all()


def test_items_of_a_list_cannot_shorten_it():
    class Shortens:
        def __array__(self, dtype=None, copy=None):
            grads.clear()
            return np.ones(2)

    grads = [Shortens(), np.ones(2)]
    params = [np.ones(2), np.ones(2)]
    _core.probe_lists(params, grads, 1.0)
    assert grads == [] and [p.tolist() for p in params] == [[0, 0], [0, 0]]


def test_sizes_that_64_bits_do_not_hold_are_a_lack_of_memory():
    with pytest.raises(MemoryError):
        _core.random_bits(0, 0, 0, 2**62)
    repeated = np.lib.stride_tricks.as_strided(np.zeros(4), (2**40, 4), (0, 8))
    with pytest.raises(MemoryError):
        _core.probe_strided(repeated)


@pytest.mark.parametrize(
    "where",
    [
        "x < 3",  # a float array
        "ids < offsets",  # two arrays
        "ids == 3",
        "out < 3",
        "ids needs nothing",
        "table ascends to N",  # updated in place
        "window in nothing",
        "window <= f(3)",
        "window <= nothing",
        "window <= MOST",  # no such constant here
    ],
)
def test_the_parser_refuses_conditions_that_it_cannot_check(where):
    source = language.Source("real", "x")
    line = "f(x:f[N], ids:i[N], offsets:i[N], table+i[N], window:n) -> out:f[N]"
    with pytest.raises(language.SignatureError):
        generate._Writer(language.parse(f"{line} where {where}", source), []).row([["plain"]])


def test_files_for_float32_alone_name_it():
    source = language.Source("single", "x")
    assert language.parse("f(x:f32[N]) -> out:f32[N]", source).kind == "single"
    for line in ("f(x:f[N]) -> out:f32[N]", "f(x:f32[N]) -> out:f[N]"):
        with pytest.raises(language.SignatureError, match="f32 in the place of f"):
            language.parse(line, source)


def test_axis_arithmetic_defaults_and_optional_outputs():
    x = np.arange(24, dtype=np.float32).reshape(2, 12)
    out, longest = _core.probe_axes(x, [0, 1, 5], 2)
    assert out.shape == (2, (3 + 2 - 1) // 2 + 1) and longest is None
    np.testing.assert_array_equal(out[:, 0], 2 * x.sum(1))
    _, longest = _core.probe_axes(x, [0, 1, 5], 2, longest=True)
    assert longest.tolist() == [1, 4]


def test_arrays_of_any_shape():
    """They are seen flat, agree in their shape, and the output has it."""
    x = np.arange(-12.0, 12.0).reshape(2, 3, 4)
    for part in (x, x[:, 1], x[1, 2, 3], x.T, x[:0]):
        out = _core.relu_forward(part)
        assert type(out) is np.ndarray and out.tolist() == np.maximum(part, 0).tolist()
        assert _core.relu_backward(part, out).shape == part.shape
    with pytest.raises(ValueError, match="relu_backward: out has another shape than the arrays before it"):
        _core.relu_backward(x, x.reshape(6, 4))
    with pytest.raises(language.SignatureError, match="one name for its size"):
        language.parse("f(x:f[A,N...])")
    with pytest.raises(language.SignatureError, match="takes that of an input"):
        language.parse("f(x:f[N]) -> out:f[N...]")


def test_empty_axes_are_legal():
    out, _ = _core.probe_axes(np.zeros((0, 0)), [0], 1)
    assert out.shape == (0, 1) and out.dtype == np.float64


def test_an_array_of_the_wrong_size_is_refused_before_it_is_copied():
    repeated = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (2**13, 2**15), (0, 0))
    tracemalloc.start()
    with pytest.raises(ValueError, match="weight has size 32768 on axis 1, expected I = 4"):
        _core.linear_forward(np.zeros((3, 4), np.float32), repeated)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_rows_of_nothing_are_not_walked_through_for_hours():
    endless = np.zeros((2**40, 0))
    for call in (lambda: _core.probe_axes(endless, [0], 1), lambda: _core.probe_strided(np.zeros((0, 2**40)))):
        with pytest.raises(ValueError, match="x is empty, but has more than 268435456 rows"):
            call()


def test_float_type_follows_the_arrays():
    assert _core.probe_strided(np.zeros((1, 2), np.float32)).dtype == np.float32
    assert _core.probe_strided(np.zeros((1, 2), np.float64)).dtype == np.float64
    assert _core.probe_strided([[1, 2]], np.zeros((1, 2))).dtype == np.float64
    assert _core.probe_strided(np.zeros((1, 2), np.float16)).dtype == np.float32
    with pytest.raises(TypeError, match="y is float64 but x is float32"):
        _core.probe_strided(np.zeros((1, 2), np.float32), np.zeros((1, 2)))


def test_strided_rows_and_broadcast_axes():
    x = np.arange(60.0).reshape(6, 10)
    y = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(_core.probe_strided(x[::2, 3:7], y), x[::2, 3:7] + y)
    np.testing.assert_array_equal(_core.probe_strided(x[::-2, 3:7], y), x[::-2, 3:7] + y)
    np.testing.assert_array_equal(
        _core.probe_strided(x[:3, 8:0:-2], y), x[:3, 8:0:-2] + y
    )  # copied: last axis reversed
    np.testing.assert_array_equal(_core.probe_strided(x[:1, :4], y), x[:1, :4] + y)
    with pytest.raises(ValueError, match="x has size 2 on axis 0, expected B~ = 3"):
        _core.probe_strided(x[:2, :4], y)


def test_other_byte_order_and_unaligned_data_are_copied():
    y = np.arange(4, dtype=">f8").reshape(1, 4)
    np.testing.assert_array_equal(_core.probe_strided(y), y)
    raw = np.zeros(33, np.uint8)[1:].view(np.float64).reshape(1, 4)
    np.testing.assert_array_equal(_core.probe_strided(raw), raw)


def test_lists_of_arrays_are_updated_in_place():
    params = [np.ones(3), np.ones((2, 2))]
    _core.probe_lists(params, (np.full(3, 2.0), np.arange(4.0)), 0.5)
    assert params[0].tolist() == [0, 0, 0]
    assert params[1].tolist() == [[1, 0.5], [0, -0.5]]
    with pytest.raises(ValueError, match="grads has 1 arrays, params has 2"):
        _core.probe_lists(params, [params[0] * 1], 0.5)
    with pytest.raises(ValueError, match=r"grads\[1\] has 5 elements, params\[1\] has 4"):
        _core.probe_lists(params, [np.ones(3), np.ones(5)], 0.5)
    with pytest.raises(ValueError, match="shares memory with params"):
        _core.probe_lists([params[0], params[0]], [np.ones(3), np.ones(3)], 0.5)
    with pytest.raises(ValueError, match="shares memory with grads"):
        _core.probe_lists(params, params, 0.5)


def types_call(**changes):
    n = 3
    call = {
        "i8": [1, -2, 3], "u16": np.arange(n, dtype=np.uint16), "u32": [2**32 - 1, 0, 0], "u64": [0, 2**40, 0], "i": [0, 1, 0],
        "l": [0, 0, -(2**40)], "u": [255, 0, 0], "b": [True, False, True], "f32": np.float32([0.5, 0, 0]), "f64": [0.25, 0.125],
    }  # fmt: skip
    return call | changes


def test_every_element_type_and_an_optional_in_place_array():
    total = np.zeros(1)
    expected = [1 + 0 + 2**32 - 1 + 255 + 1 + 0.5 + 0.25, -2 + 1 + 2**40 + 0.125, 3 + 2 - 2**40 + 1 + 0.25]
    np.testing.assert_array_equal(_core.probe_types(**types_call(), total=total), expected)
    assert total[0] == sum(expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
def test_any_integer_type_is_accepted_where_its_values_fit(dtype):
    np.testing.assert_array_equal(
        _core.probe_types(**types_call(l=np.array([1, 2, 3], dtype))), _core.probe_types(**types_call(l=[1, 2, 3]))
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"i8": [1, 2, 200]}, "i8 holds 200, outside int8"),
        ({"u16": [-1, 0, 0]}, "u16 holds -1, outside uint16"),
        ({"i": np.array([2**40, 0, 0])}, "outside int32"),
        ({"l": np.array([2**63, 0, 0], np.uint64)}, "too large for int64"),
        ({"u": [1.5, 0, 0]}, "u is float64, expected integers"),
        ({"b": [1, 0, 1]}, "b is int64, expected bool"),
        ({"f32": np.zeros(3)}, "f32 is float64, expected float32"),
        ({"f32": np.zeros(3, complex)}, "f32 is complex128, expected float32"),
        ({"i": [0, 2, 0]}, r"i holds 2, outside \[0, V=2\)"),
        ({"total": np.zeros(1, np.float32)}, "total is float32, expected float64"),
        ({"exact": "yes"}, "exact is str, expected a bool"),
        ({"l": [[1], [1, 2]]}, "expected an array"),
    ],
)
def test_messages_say_what_was_expected_and_got(change, message):
    with pytest.raises(ERRORS, match=message):
        _core.probe_types(**types_call(**change))


def test_failures_of_a_kernel():
    with pytest.raises(ValueError, match="this kernel always fails"):
        _core.probe_fail(memory=False)
    with pytest.raises(MemoryError):
        _core.probe_fail(memory=True)


@pytest.mark.parametrize(
    "line",
    [
        "f(x:f)",
        "f(x:d[N])",
        "f(x*f[]) -> x_size:f[1]",
        "f(X:f[N])",
        "f(x:z[N])",
        "f(x:f[N], x:f[N])",
        "f(x:f[N**2])",
        "f x:f[N]",
        "f(x:f[g(N)])",
    ],
)
def test_the_parser_refuses_what_is_not_the_language(line):
    with pytest.raises((language.SignatureError, SyntaxError)):
        language.parse(line)
