"""The tape: what is recorded, what backward leaves, what is freed, hooks, threads, errors; derivatives as values."""

import copy
import gc
import inspect
import subprocess
import sys
import weakref

import harness
import numpy as np
import pytest

from seqnn import Tensor, ops, random
from seqnn.autograd import Rows, check_finite, checkpoint, grad, gradcheck, jacobian, no_grad, op, value_and_grad, vjp


def leaf(*values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


@op
def halves(x, *, needs):
    """The two halves; remembers what was asked."""
    halves.needs = needs
    n = len(x) // 2
    return (x[:n], x[n:]), lambda grads: np.concatenate(grads)


@op
def scaled(x, factor=2.0, *, shift=0.0):
    return x * factor + shift, lambda grad: (grad * factor, (grad * x).sum())


@op
def gathered(table, ids):
    def backward(grad):
        return Rows(np.ravel(ids), grad.reshape(-1, table.shape[1]), table.shape)

    return table[ids], backward


def test_arrays_give_arrays_and_record_nothing():
    out = ops.add(np.ones(2), 1)
    assert type(out) is np.ndarray
    assert not ops.add(Tensor([1.0]), 1).requires_grad
    with no_grad():
        assert not (leaf(1.0) * 2).requires_grad
    assert (leaf(1.0) * 2).requires_grad


def test_no_grad_decorates_and_nests():
    @no_grad()
    def inner(x):
        with no_grad():
            pass
        return x * 2

    assert not inner(leaf(1.0)).requires_grad
    assert (leaf(1.0) * 2).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (leaf(1.0) * 2).requires_grad


def test_keywords_and_defaults_are_put_in_position():
    x, factor = leaf(1.0, 2.0), Tensor(np.array(3.0), requires_grad=True)
    assert scaled(x).data.tolist() == [2, 4]
    out = scaled(factor=factor, x=x, shift=1.0)
    assert out.data.tolist() == [4, 7]
    out.backward(np.ones(2))
    assert x.grad.tolist() == [3, 3] and factor.grad == 3
    assert "needs" not in str(inspect.signature(halves))
    halves(x=x)
    assert halves.needs == (True,)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        scaled(factor=2.0)


def test_arguments_of_an_op_may_have_any_name():
    @op
    def add_all(mode, type, tuple=1.0, *, function=0.0, isinstance=0.0, needs):
        return mode + type + tuple + function + isinstance, lambda grad: (grad, grad, grad)

    x, y = leaf(1.0), leaf(2.0)
    out = add_all(x, type=y, function=3.0)
    out.sum().backward()
    assert out.data.tolist() == [7] and x.grad.tolist() == y.grad.tolist() == [1]
    assert str(inspect.signature(add_all)) == "(mode, type, tuple=1.0, *, function=0.0, isinstance=0.0)"


def test_needs_and_gradients_go_by_the_names_of_the_parameters():
    seen = []

    @op
    def weighted(x, weight, bias=None, *, needs):
        seen.append(needs)
        return x * weight + bias, lambda grad: {"bias": grad.sum(), "weight": grad * x if needs.weight else None}

    x, bias = leaf(1.0, 2.0), Tensor(np.array(3.0), requires_grad=True)
    weighted(x, 2.0, bias).sum().backward()
    assert bias.grad == 2 and x.grad is None  # a name that is left out has no gradient
    needs = seen[0]
    assert (needs.x, needs.weight, needs.bias) == needs == (True, False, True) and True in needs and needs[:2] == (1, 0)
    weight = leaf(5.0, 7.0)
    weighted(x, weight, bias).sum().backward()
    assert weight.grad.tolist() == [1, 2] and seen[1].weight
    with pytest.raises(AttributeError, match="factor"):
        needs.factor  # noqa: B018

    @op
    def many(a, b, c, d, e, f, *, needs):
        seen.append(needs)
        return a + b + c + d + e + f, lambda grad: dict.fromkeys("abcdef", grad)

    leaves = [leaf(float(i)) for i in range(6)]
    many(*leaves[:5], 0.0).sum().backward()
    assert seen[-1].a and seen[-1].e and not seen[-1].f and [v.grad.tolist() for v in leaves[:5]] == [[1]] * 5

    @op
    def slip(x):
        return x * 1, lambda grad: {"y": grad}

    with pytest.raises(TypeError, match=r"backward of slip: no parameter \['y'\], only x"):
        slip(x).sum().backward()


def test_needs_and_several_outputs():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    first, second = halves(x)
    assert halves.needs == (True,)
    second.backward(np.array([5.0, 6.0]))  # the first part took no part: zeros
    assert x.grad.tolist() == [0, 0, 5, 6]
    with no_grad():
        halves(x)
    assert halves.needs == (False,)
    first, second = halves(x)
    x.zero_grad()
    (first * second).sum().backward()
    assert x.grad.tolist() == [3, 4, 1, 2]


def test_gradients_add_up_and_shared_arrays_are_not_changed():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (x + y).backward(seed)
    (x + y).backward(seed)
    assert x.grad.tolist() == y.grad.tolist() == [2, 2]
    assert x.grad is not y.grad and seed.tolist() == [1, 1]
    x.zero_grad()
    z = x * 2
    (z * z + z + z + x).sum().backward()  # a node that four gradients reach
    assert x.grad.tolist() == [8 + 4 + 1, 16 + 4 + 1]


def test_scalars_need_no_seed_others_do():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    with pytest.raises(ValueError, match=r"backward: a tensor of shape \(2,\) needs its gradient"):
        (x * x).backward()
    with pytest.raises(ValueError, match=r"has shape \(3,\), expected that of the tensor, \(2,\)"):
        (x * x).backward(np.ones(3))


def test_a_freed_graph_says_so_and_a_retained_one_serves_again():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8]
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()
    assert x.grad.tolist() == [8]


def test_what_cannot_be_differentiated_is_refused():
    with pytest.raises(TypeError, match="int64"):
        Tensor(np.arange(3), requires_grad=True)
    with pytest.raises(ValueError, match="does not require a gradient"):
        (Tensor([1.0]) * 2).backward(np.ones(1))
    with pytest.raises(ValueError, match=r"inputs\[1\]"):
        grad(leaf(1.0).sum(), [leaf(1.0), Tensor([1.0])])
    with pytest.raises(TypeError, match="not assigned"):
        leaf(1.0)[0] = 2

    @op
    def wrong(x):
        return x * 1, lambda grad: np.ones(7)

    with pytest.raises(ValueError, match=r"backward of wrong: a gradient of shape \(7,\) for an array of shape \(2,\)"):
        wrong(leaf(1.0, 2.0)).sum().backward()


def test_activations_are_freed_when_no_backward_function_needs_them():
    class Watched(np.ndarray):
        pass

    seen = []

    @op
    def watched(x):
        out = np.multiply(x, 2).view(Watched)
        seen.append(weakref.ref(out))
        return np.asarray(out.view(np.ndarray)), lambda grad: (out.shape, grad * 2)[1]

    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = watched(watched(x)).sum()
        assert all(r() is not None for r in seen)
        y.backward()
        assert all(r() is None for r in seen)  # freed though y lives
        y = (watched(x) + 1).sum()
        del y
        assert all(r() is None for r in seen)  # no reference cycle keeps a dropped graph
    finally:
        gc.enable()


def test_activations_are_freed_during_the_walk():
    alive, seen = [], []

    @op
    def note(x):
        kept = np.copy(x).view(type("Kept", (np.ndarray,), {}))
        seen.append(weakref.ref(kept))

        def backward(grad):
            alive.append(sum(r() is not None for r in seen))
            return grad + 0 * np.asarray(kept)

        return np.array(x), backward

    note(note(note(leaf(1.0)))).sum().backward()
    assert alive == [3, 2, 1]


def test_a_very_long_chain():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = -y
    y.backward(np.ones(1))
    assert x.grad.tolist() == [1]
    y = x
    for _ in range(100_000):
        y = -y
    del y  # an undifferentiated one is freed without deep recursion


def test_hooks_see_and_replace_gradients():
    x = leaf(1.0, 2.0)
    seen = []
    remove = x.register_hook(lambda g: seen.append(g.copy()))
    y = x * 3
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen[0].tolist() == x.grad.tolist() == [30, 30]
    remove()
    x.zero_grad()
    first, _ = halves(x)
    first.register_hook(lambda g: g * 7)
    first.sum().backward()
    assert x.grad.tolist() == [7, 0] and len(seen) == 1
    with pytest.raises(ValueError, match="register_hook"):
        Tensor([1.0]).register_hook(print)


def test_rows_of_a_table_become_an_array_when_it_is_asked_for():
    table = Tensor(np.zeros((5, 2)), requires_grad=True)
    (gathered(table, np.array([1, 1])).sum() + gathered(table, np.array([3])).sum()).backward()
    assert table.grad[:, 0].tolist() == [0, 2, 0, 1, 0]
    gathered(table, np.array([0])).sum().backward()
    assert table.grad[:, 0].tolist() == [1, 2, 0, 1, 0]
    seen = table.grad
    table.zero_grad()
    assert table.grad is None and seen[:, 0].tolist() == [1, 2, 0, 1, 0]
    (gathered(table, np.array([2])).sum() + table.sum()).backward()  # rows and a dense gradient together
    assert table.grad[:, 0].tolist() == [1, 1, 2, 1, 1]
    assert grad(gathered(table * 2, np.array([4])).sum(), table)[:, 0].tolist() == [0, 0, 0, 0, 2]


def test_detach_and_copies():
    x = leaf(1.0)
    assert (x * x.detach()).sum().backward() is None and x.grad.tolist() == [1]
    twin = copy.deepcopy(x)
    assert twin.data is not x.data and twin.requires_grad and twin.grad.tolist() == [1]


def test_checkpoint_computes_again_with_the_same_random_numbers():
    runs = []
    weight = leaf(2.0, 3.0)

    def block(x):
        runs.append(1)
        noise = np.array([random.next_key()[1] % 1000.0])
        return ops.multiply(x * weight, noise), x * 2

    x = leaf(5.0, 7.0)
    random.seed(3)
    a, b = block(x * 1)
    (a + b).sum().backward()
    expected = x.grad, weight.grad
    x.zero_grad(), weight.zero_grad(), runs.clear()
    random.seed(3)
    a, b = checkpoint(block)(x * 1)
    after = random.get_state()
    (a + b).sum().backward()
    assert len(runs) == 2 and random.get_state() == after
    harness.assert_identical((x.grad, weight.grad), expected)
    # not through .grad, and with a weight inside as the only source
    assert grad(checkpoint(block)(x)[1].sum(), x).tolist() == [2, 2]
    assert grad(checkpoint(lambda v: v * weight)(np.ones(2)).sum(), weight).tolist() == [1, 1]
    assert type(checkpoint(lambda v: v + 1)(np.ones(2))) is np.ndarray


def test_check_finite_names_the_op():
    with check_finite():
        with pytest.raises(FloatingPointError, match="result of divide: 1 of 2"):
            leaf(1.0, 0.0) / leaf(1.0, 0.0)
        y = ops.sqrt(leaf(0.0))
        with pytest.raises(FloatingPointError, match="gradient of sqrt"):
            y.sum().backward()
    assert np.isnan((leaf(0.0) / leaf(0.0)).item())


def test_grad_of_leaves_and_results():
    x = leaf(1.0, 2.0)
    y = x * x
    z = (y * 3).sum()
    assert grad(z, [x, y, leaf(1.0)])[1].tolist() == [3, 3]
    dx, dy, nothing = grad(z, (x, y, leaf(1.0)))
    assert dx.tolist() == [6, 12] and nothing is None and x.grad is None and dy.tolist() == [3, 3]
    assert grad([y, z], x, [np.ones(2), None]).tolist() == [2 + 6, 4 + 12]
    first, _second = halves(y)
    assert grad(first.sum(), first).tolist() == [1]


def test_vjp_value_and_grad_jacobian():
    value, pull = vjp(lambda x, y: (x * y, x), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert [v.tolist() for v in value] == [[3, 8], [1, 2]]
    assert [g.tolist() for g in pull((np.ones(2), np.zeros(2)))] == [[3, 4], [1, 2]]
    value, (dx, dy) = value_and_grad(lambda x, k, y: (x * y).sum() * k, (0, 2))(np.array([1.0]), 2, np.array([3.0]))
    assert (value, dx, dy) == (6, 6, 2)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        value_and_grad(lambda x: x)(np.ones(2))
    matrix = np.arange(6.0).reshape(2, 3)
    assert jacobian(lambda x: ops.einsum("ij,j->i", matrix, x), np.ones(3)).tolist() == matrix.tolist()
    by_x, by_y = jacobian(lambda x, y: ops.sum(x) * y, np.ones(3), np.ones(2))
    assert by_x.shape == (2, 3) and by_y.tolist() == [[3, 0], [0, 3]]
    with no_grad():
        assert jacobian(lambda x: x * x, np.ones(1)).tolist() == [[2]]


def test_gradcheck_finds_a_wrong_gradient():
    @op
    def wrong(x):
        return x**3, lambda grad: grad * 2 * x**2

    with pytest.raises(AssertionError, match=r"argument 0 at \[0\] is"):
        gradcheck(wrong, np.array([1.0, 2.0]))
    with pytest.raises(AssertionError, match=f"on {harness.ISAS[0]}"):
        harness.check_gradient(wrong, np.array([1.0]))
    assert gradcheck(lambda x: x**3, np.array([1.0, 2.0]))


def test_threads_differentiate_graphs_of_their_own():
    def work(k):
        x = leaf(float(k))
        for _ in range(200):
            y = x
            for _ in range(10):
                y = y * 1.0 + x
            with no_grad():
                assert not (y * 2).requires_grad
            x.zero_grad()
            y.sum().backward()
            assert x.grad.tolist() == [11.0]

    harness.in_threads(work)


def test_tensor_speaks_to_numpy_and_python():
    x = Tensor([1.0, 2.0])
    assert x.dtype == np.float32 and Tensor(np.ones(1)).dtype == np.float64 and Tensor([1, 2]).dtype == np.int64
    assert np.asarray(x) is x.data and np.asarray(x, copy=True) is not x.data
    assert (
        (x == x).tolist() == [True, True]
        and (x > 1).tolist() == [False, True]
        and (x != [1, 3]).tolist() == [False, True]
    )
    assert (x <= 1).tolist() == [True, False] and (x < 1).any() == np.False_ and (x >= x).all()
    assert len({x, x}) == 1 and len(x) == 2 and [v.item() for v in x] == [1, 2]
    assert float(Tensor(3.0)) == 3 and int(Tensor(3.0)) == 3 and bool(Tensor(1.0))
    assert isinstance(np.ones(2, np.float32) + x, Tensor) and (np.ones(2, np.float32) - x).data.tolist() == [0, -1]
    with pytest.raises(TypeError, match="iteration"):
        iter(Tensor(1.0))
    assert repr(leaf(1.0, 2.0)) == "Tensor([1., 2.], dtype=float64, requires_grad=True)"


def test_a_whole_view_becomes_the_gradient_unless_somebody_else_sees_its_memory():
    made, kept = [], []

    @op
    def flat_gradient(x, keep):
        def backward(grad):
            memory = 2 * grad.ravel()
            made.append(memory.ctypes.data)
            if keep:
                kept.append(memory)
            return memory.reshape(x.shape)

        return x * 2, backward

    for keep in (False, True):
        x = Tensor(np.ones((3, 4)), requires_grad=True)
        flat_gradient(x, keep).backward(np.ones((3, 4)))
        assert (x.grad.ctypes.data == made[-1]) is not keep
        np.testing.assert_array_equal(x.grad, np.full((3, 4), 2.0))
    x.grad += 1
    np.testing.assert_array_equal(kept[0], np.full(12, 2.0))


@pytest.mark.parametrize("line", ["from seqnn import Tensor", "from seqnn.autograd import Tensor"])
def test_operators_work_before_ops_is_imported(line):
    program = f"{line}; x = Tensor([1.0, 2.0], requires_grad=True); (x * x).sum().backward(); assert x.grad.tolist() == [2, 4]"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("value", "spec", "text"), [(1.5, ".4f", "1.5000"), ([2.0], ">6.1f", "   2.0"), (3, "03d", "003")]
)
def test_a_tensor_of_one_number_is_formatted_as_the_number(value, spec, text):
    assert format(Tensor(value), spec) == text
    if isinstance(value, float):
        assert f"{Tensor(value, requires_grad=True):{spec}}" == text
    with pytest.raises(TypeError, match="unsupported format string"):
        format(Tensor([1.0, 2.0]), ".2f")
    assert round(Tensor(1.567), 2) == round(Tensor(1.567).item(), 2) and "abc"[Tensor(np.array(1))] == "b"
    with pytest.raises(TypeError, match="integer"):
        "abc"[Tensor(1.0)]


def test_a_hook_may_be_removed_twice():
    x = leaf(1.0)
    remove = x.register_hook(lambda grad: grad * 2)
    remove()
    remove()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3]


def test_a_derivative_of_a_derivative_is_refused_by_its_name():
    x = leaf(2.0)
    first = grad((x * x).sum(), x)
    with pytest.raises(TypeError, match=r"grad: outputs must be Tensors, got float64; .*first derivatives only"):
        grad(first.sum(), x)


@pytest.mark.parametrize(("shape", "made"), [((0, 3), (0, 3)), ((0, 3, 4), (0, 12)), ((0, 0), (0, 0))])
def test_no_rows_are_reshaped_to_no_rows(shape, made):
    x = Tensor(np.zeros(shape, np.float32), True)
    out = x.reshape(len(x), -1)
    assert out.shape == made
    out.backward(np.ones(made))
    assert x.grad.shape == shape


def test_lists_of_floats_take_the_float_type_of_what_stands_beside_them():
    for kind in (np.float32, np.float64):
        weight = Tensor(np.ones((2, 3), kind))
        for out in (
            ops.linear([[1.0, 2.0, 3.0]], weight),
            ops.linear(weight, weight, [1.0, 2.0]),
            weight @ [[1.0], [2.0], [3.0]],
            ops.add(weight, [1.0, 2.0, 3.0]),
            ops.clip(weight, [0.0, 0.0, 0.0]),
            ops.layer_norm([[1.0, 2.0, 3.0]], weight[0]),
            ops.mse_loss(weight[0], [1.0, 2.0, 3.0]),
            ops.attention(*[weight[None, None]] * 3, mask=[[0.0, -1.0], [0.0, 0.0]]),
        ):
            assert out.dtype == kind
    assert ops.softmax([1.0, 2.0]).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: ops.linear(x, np.ones((4, 3), np.float32)),
            r"^linear: weight has size 3 on axis 1, expected I = 2; got x \(5, 2\), weight \(4, 3\)$",
        ),
        (lambda x: x @ np.ones((3, 2), np.float32), r"^matmul: b has size 3 on axis 0, .* got a \(5, 2\), b \(3, 2\)$"),
        (lambda x: ops.embedding([7], x), r"^embedding: ids holds 7, outside \[0, V=5\); got .*weight \(5, 2\)$"),
    ],
)
def test_what_a_kernel_refuses_is_said_in_the_words_of_the_function(call, message):
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.ones((5, 2), np.float32)))
