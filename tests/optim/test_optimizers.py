import json
import math

import numpy as np
import pytest

from seqnn import Tensor, optim
from seqnn.autograd import Rows, op

OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "centered": True, "weight_decay": 0.01}),
    ("RMSprop", {"momentum": 0.9, "eps": 1e-4, "maximize": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.2, "amsgrad": True}),
]
IDS = [f"{name}-{'-'.join(options) or 'defaults'}" for name, options in OPTIMIZERS]
SHAPES = [(3,), (20, 7), (), (5000,)]


def gradients(step):
    """Gradients that fall and change sign; the first parameter has none at every third step."""
    rng = np.random.default_rng(step)
    given = [np.asarray(rng.standard_normal(shape) / (1 + 0.1 * step), np.float32) for shape in SHAPES]
    return [None, *given[1:]] if step % 3 == 2 else given


def parameters():
    rng = np.random.default_rng(100)
    return [Tensor(rng.standard_normal(shape).astype(np.float32), requires_grad=True) for shape in SHAPES]


def train(optimizer, params, first, last):
    for step in range(first, last):
        for param, grad in zip(params, gradients(step), strict=True):
            param.grad = None if grad is None else grad.copy()
        optimizer.step()


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_fifty_steps_as_in_torch(name, options):
    torch = pytest.importorskip("torch")
    params = parameters()
    theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in params]
    mine, other = getattr(optim, name)(params, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(50):
        train(mine, params, step, step + 1)
        for param, grad in zip(theirs, gradients(step), strict=True):
            param.grad = None if grad is None else torch.tensor(grad)
        other.step()
    for param, their in zip(params, theirs, strict=True):
        np.testing.assert_allclose(param.data, their.detach().numpy(), rtol=2e-5, atol=2e-6)
    defaults = {key: other.defaults[key] for key in mine.defaults.keys() - {"lazy"}}
    assert {key: mine.defaults[key] for key in defaults} == defaults


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_restored_state_goes_on_bit_by_bit(name, options):
    whole, part = parameters(), parameters()
    train(getattr(optim, name)(whole, **options), whole, 0, 9)
    first = getattr(optim, name)(part, **options)
    train(first, part, 0, 4)
    saved = first.state_dict()
    copies = {i: {k: np.array(v) for k, v in state.items()} for i, state in saved["state"].items()}
    through_json = json.loads(json.dumps(saved["param_groups"]))
    second = getattr(optim, name)(part)
    second.load_state_dict({"state": copies, "param_groups": through_json})
    train(second, part, 4, 9)
    for a, b in zip(whole, part, strict=True):
        assert a.data.tobytes() == b.data.tobytes()


def test_options_by_name_pattern():
    pairs = list(zip(["a.weight", "a.bias", "b.weight", "b.bias"], parameters(), strict=True))
    groups = optim.parameter_groups(pairs, {"*.bias": {"weight_decay": 0.0}, "b.*": {"lr": 0.5}})
    optimizer = optim.SGD(groups, lr=0.1, weight_decay=0.2)
    found = [(g["param_names"], g["lr"], g["weight_decay"]) for g in optimizer.param_groups]
    assert found == [(["a.bias", "b.bias"], 0.1, 0.0), (["b.weight"], 0.5, 0.2), (["a.weight"], 0.1, 0.2)]
    for _, tensor in pairs:
        tensor.data[...] = 1
        tensor.grad = np.ones_like(tensor.data)
    optimizer.step()
    for (_, tensor), expected in zip(pairs, (0.88, 0.9, 0.4, 0.9), strict=True):
        np.testing.assert_allclose(tensor.data, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"no parameter is left for \['c.\*'\]"):
        optim.parameter_groups(pairs, {"c.*": {}})


def test_two_float_types_in_one_optimizer():
    params = [Tensor(np.ones(3, dtype), requires_grad=True) for dtype in (np.float32, np.float64, np.float32)]
    optimizer = optim.Adam(params, lr=0.1)
    for param in params:
        param.grad = np.ones_like(param.data)
    assert optim.grad_norm(params) == pytest.approx(3)
    optim.clip_grad_norm_(params, 1.5)
    optimizer.step()
    for param in params:
        np.testing.assert_allclose(param.data, 0.9, rtol=1e-6)
        np.testing.assert_allclose(param.grad, 0.5, rtol=1e-6)


@op
def rows_of(table, ids):
    return table[ids], lambda grad: Rows(ids.reshape(-1), grad.reshape(-1, table.shape[1]), table.shape)


def gathered(table, ids, values):
    """Gives the table the gradient `values` of its rows `ids`."""
    rows_of(table, ids).backward(values)


def embedded(ids, values):
    """A table whose gradient came as rows, and the same with a dense gradient."""
    table, dense = (Tensor(np.ones((50, 4), np.float32), requires_grad=True) for _ in range(2))
    gradient = np.zeros((50, 4), np.float32)
    np.add.at(gradient, ids, values)
    return table, dense, gradient


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_gathered_rows_are_updated_alone(name, monkeypatch):
    ids, values = np.array([[3, 7], [3, 49]]), np.ones((2, 2, 4), np.float32)
    table, dense, gradient = embedded(ids, values)
    mine, other = getattr(optim, name)([table], lr=0.1), getattr(optim, name)([dense], lr=0.1)
    monkeypatch.setattr(mine, "_update", None)  # the pass over the whole table
    for _ in range(3):
        gathered(table, ids, values)
        dense.grad = gradient.copy()
        mine.step(scale=0.5)
        other.step(scale=0.5)
        table.zero_grad()
        mine.step()  # nothing was gathered: as if there were no gradient
    np.testing.assert_allclose(table.data, dense.data, rtol=1e-6)
    assert table.grad is None


def test_lazy_adam_leaves_other_rows():
    ids, values = np.array([3, 7, 3]), np.ones((3, 4), np.float32)
    table, dense, gradient = embedded(ids, values)
    lazy, exact = optim.Adam([table], lr=0.1, lazy=True), optim.Adam([dense], lr=0.1)
    for optimizer, param in ((lazy, table), (exact, dense)):
        for touched, grads in ((ids, values), (np.array([7]), values[:1])):
            if param is table:
                gathered(table, touched, grads)
            else:
                param.grad = np.where(np.isin(np.arange(50), touched)[:, None], gradient, 0)
            optimizer.step()
            optimizer.zero_grad()
    np.testing.assert_allclose(table.data[7], dense.data[7], rtol=1e-6)
    assert (dense.data[3] < table.data[3]).all()  # its moments moved it on; lazily it rests
    np.testing.assert_allclose(table.data[3], 0.9, rtol=1e-6)


def test_a_gradient_of_rows_through_backward():
    table = Tensor(np.ones((10, 2), np.float32), requires_grad=True)

    optimizer = optim.SGD([table], lr=0.25)
    for _ in range(2):
        gathered(table, np.array([4, 4, 6]), np.ones((3, 2), np.float32))
        assert optim.grad_norm([table]) == pytest.approx(math.sqrt(10))
        optim.clip_grad_norm_([table], math.sqrt(2.5))
        optimizer.step()
        optimizer.zero_grad()
    np.testing.assert_allclose(table.data[[4, 6, 0], 0], [0.5, 0.75, 1], rtol=1e-5)


def test_what_touches_some_rows_only_leaves_the_same_as_a_dense_gradient():
    """Clipping, several backward passes, steps by rows and over the whole table, each after the other."""
    draw = np.random.default_rng(0)
    for kind in (optim.SGD, optim.Adagrad, optim.Adam):
        table, dense = (Tensor(np.ones((30, 3), np.float32), requires_grad=True) for _ in range(2))
        mine, other = kind([table], lr=0.1), kind([dense], lr=0.1)
        for _ in range(4):
            for _ in range(2):
                ids, values = draw.integers(0, 30, 8), draw.standard_normal((8, 3)).astype(np.float32)
                gathered(table, ids, values)
                gathered(dense, ids, values)
                assert dense.grad.shape == (30, 3)  # an array from now on
            assert optim.grad_norm([table]) == pytest.approx(optim.grad_norm([dense]), rel=1e-6)
            optim.clip_grad_norm_([table], 3.0)
            optim.clip_grad_norm_([dense], 3.0)
            optim.clip_grad_value_([table], 0.5)
            optim.clip_grad_value_([dense], 0.5)
            mine.step()
            other.step()
            np.testing.assert_allclose(table.data, dense.data, rtol=1e-5)
            for optimizer in (mine, other):
                optimizer.zero_grad()
        assert table.grad is None and dense.grad is None


def test_rows_that_wait_are_not_changed_from_outside():
    table = Tensor(np.zeros((4, 1), np.float32), requires_grad=True)
    ids, values = np.array([1, 3]), np.ones((2, 1), np.float32)
    gathered(table, ids, values)
    ids[:], values[:] = 0, 7
    optim.SGD([table], lr=1.0).step()
    assert table.data.ravel().tolist() == [0, -1, 0, -1]


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
def test_clipping_as_in_torch(norm_type):
    torch = pytest.importorskip("torch")
    params, theirs = parameters(), [torch.zeros(shape, requires_grad=True) for shape in SHAPES]
    for max_norm in (0.5, 1e6):
        for param, their, grad in zip(params, theirs, gradients(0), strict=True):
            param.grad, their.grad = grad.copy(), torch.tensor(grad)
        norm = optim.clip_grad_norm_(params, max_norm, norm_type)
        assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type).item(), rel=1e-5)
        for param, their in zip(params, theirs, strict=True):
            np.testing.assert_allclose(param.grad, their.grad.numpy(), rtol=1e-5)


def test_clipping_in_the_step_is_clipping_before_it():
    a, b = parameters(), parameters()
    for param, other, grad in zip(a, b, gradients(0), strict=True):
        param.grad, other.grad = grad.copy(), grad.copy()
    first, second = optim.RMSprop(a), optim.RMSprop(b)
    optim.clip_grad_norm_(a, 0.1)
    first.step()
    second.step(scale=optim.clip_factor(optim.grad_norm(b), 0.1))
    for param, other in zip(a, b, strict=True):
        np.testing.assert_allclose(param.data, other.data, rtol=1e-5)


def test_what_is_not_finite():
    params = parameters()[:1]
    params[0].grad = np.float32([1, np.nan, 2])
    assert math.isnan(optim.clip_grad_norm_(params, 1.0))
    assert np.isnan(params[0].grad).all()
    params[0].grad = np.float32([1, np.inf, 2])
    with pytest.raises(FloatingPointError, match="norm of the gradients is inf"):
        optim.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[0].grad.tolist() == [1, np.inf, 2]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "expected at least one parameter"),
        (Tensor([1.0]), TypeError, r"write \[tensor\]"),
        ([np.ones(3)], TypeError, "expected a Tensor, got ndarray"),
        ([{"params": [Tensor([1.0])], "rate": 3}], ValueError, r"unknown options \['rate'\]"),
        ([Tensor([1])], TypeError, "expected float32 or float64, got int64"),
        ([{"params": [Tensor([1.0])], "lr": -1}], ValueError, r"lr: expected a number in \[0, inf\), got -1"),
        ([{"params": [Tensor([1.0])], "betas": (0.9, 1.0)}], ValueError, r"betas: expected a number in \[0, 1\)"),
        ([{"params": [Tensor([1.0])], "lr": float("nan")}], ValueError, "lr: expected"),
        ([{"params": [Tensor([1.0])], "lr": "1e-3"}], TypeError, r"lr: expected a number in \[0, inf\), got '1e-3'"),
        ([{"params": [Tensor([1.0])], "betas": 0.9}], ValueError, "betas: expected two numbers, got 0.9"),
        ([{"params": [Tensor([1.0])], "amsgrad": "no"}], ValueError, "amsgrad: expected .*True, got 'no'"),
        ([{"params": [Tensor([1.0])], "maximize": 2}], ValueError, "maximize: expected .*True, got 2"),
    ],
)
def test_wrong_arguments(params, error, message):
    with pytest.raises(error, match=message):
        optim.Adam(params)


def test_a_parameter_is_given_once():
    tensor = Tensor([1.0])
    with pytest.raises(ValueError, match="'b' is the same Tensor as 'a'"):
        optim.SGD([("a", tensor), ("b", tensor)])


def test_state_that_does_not_fit_changes_nothing():
    params = parameters()
    optimizer = optim.Adam(params)
    train(optimizer, params, 0, 2)
    saved = optimizer.state_dict()
    state = {i: dict(s) for i, s in saved["state"].items()}
    state[1]["exp_avg"] = np.zeros((7, 20), np.float32)
    del state[3]["exp_avg_sq"]
    with pytest.raises(
        ValueError, match=r"(?s)0\.1: exp_avg: expected float32\(20, 7\), got .*0\.3: expected the state"
    ):
        optimizer.load_state_dict({**saved, "state": state})
    with pytest.raises(ValueError, match=r"expected groups of \[4\] parameters, got \[3\]"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{**saved["param_groups"][0], "params": [0, 1, 2]}]})
    assert optimizer.state_dict()["state"][1]["exp_avg"] is saved["state"][1]["exp_avg"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: optim.clip_grad_norm_(p, "1"), TypeError, "max_norm: expected a number, got '1'"),
        (lambda p: optim.clip_grad_norm_(p, 0), ValueError, "max_norm: expected a number > 0, got 0"),
        (lambda p: optim.clip_grad_norm_(p, 1, norm_type="x"), ValueError, "norm_type: expected .*'inf', got 'x'"),
        (lambda p: optim.clip_grad_value_(p, None), TypeError, "clip_value: expected a number, got None"),
        (lambda p: optim.clip_grad_value_(p, -1), ValueError, "clip_value: expected a number >= 0, got -1"),
        (lambda p: optim.Adam(p, betas=0.9), ValueError, "betas: expected two numbers, got 0.9"),
    ],
)
def test_limits_and_options_are_named_when_they_are_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call(parameters())


def test_an_infinite_limit_only_measures():
    params = parameters()
    train(optim.SGD(params), params, 0, 1)
    assert optim.clip_grad_norm_(params, math.inf) == optim.grad_norm(params)
    assert optim.grad_norm(params, "inf") == optim.grad_norm(params, math.inf)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
@pytest.mark.parametrize("layout", ["transposed", "fortran", "reversed", "other bytes"])
def test_an_array_of_any_layout_is_trained_as_one_in_order(name, options, layout):
    rng = np.random.default_rng(0)
    values, gradient = rng.standard_normal((2, 4, 3)).astype(np.float32)
    arrays = {
        "transposed": np.ascontiguousarray(values.T).T, "fortran": np.asfortranarray(values),
        "reversed": values[::-1].copy()[::-1], "other bytes": values.astype(">f4"),
    }  # fmt: skip
    params = [Tensor(values.copy(), True), Tensor(np.zeros((4, 3), np.float32), True)]
    params[1].data = arrays[layout]
    for param in params:
        optimizer = getattr(optim, name)([param], **options)
        for _ in range(2):
            param.grad = gradient
            optimizer.step()
    np.testing.assert_array_equal(params[1].data, params[0].data)


def test_a_read_only_array_is_named():
    frozen = Tensor(np.ones(3, np.float32), True)
    frozen.data.flags.writeable = False
    frozen.grad = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="w: the array is read-only; unfreeze the parameter"):
        optim.SGD([("w", frozen)]).step()


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_the_state_of_torchs_optimiser_goes_on_here(name, options):
    torch = pytest.importorskip("torch")
    params = parameters()
    theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in params]
    mine, other = getattr(optim, name)(params, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(6):
        for param, gradient in zip(theirs, gradients(step), strict=True):
            param.grad = None if gradient is None else torch.tensor(gradient)
        if step == 3:
            mine.load_state_dict(other.state_dict())
            for param, their in zip(params, theirs, strict=True):
                param.data[...] = their.detach().numpy()
        if step >= 3:
            train(mine, params, step, step + 1)
        other.step()
    for param, their in zip(params, theirs, strict=True):
        np.testing.assert_allclose(param.data, their.detach().numpy(), rtol=2e-5, atol=1e-6)


def test_a_group_that_is_added_has_options_of_its_own():
    first, second = (Tensor(np.ones(2, np.float32), requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([first], lr=0.5)
    optimizer.add_param_group({"params": [second], "lr": 0.25})
    for param in (first, second):
        param.grad = np.ones(2, np.float32)
    optimizer.step()
    assert first.data.tolist() == [0.5, 0.5] and second.data.tolist() == [0.75, 0.75]
    with pytest.raises(ValueError, match="params"):
        optimizer.add_param_group({"params": [first]})
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [Tensor(np.ones(1, np.float32), requires_grad=True)], "lr": -1})
