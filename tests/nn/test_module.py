"""Module: the tree of parameters, state, modes, freezing, hooks."""

import copy
import json
import os
import pickle
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

from seqnn import Tensor, _safetensors, nn
from seqnn.autograd import no_grad


class Scale(nn.Module):
    def __init__(self, size, bias=True):
        self.weight = nn.Parameter(np.full(size, 2.0, np.float32))
        self.bias = nn.Parameter(np.ones(size, np.float32)) if bias else None
        self.register_buffer("count", np.zeros((), np.int64))
        self.register_buffer("scratch", np.zeros(size, np.float32), persistent=False)

    def forward(self, x):
        if x.shape[-1] != len(self.weight):
            raise ValueError(f"x has {x.shape[-1]} columns, expected {len(self.weight)}")
        y = x * self.weight
        return y if self.bias is None else y + self.bias


class Model(nn.Module):
    def __init__(self):
        self.encoder = nn.Sequential(Scale(3), nn.Residual(Scale(3, bias=False)))
        self.heads = nn.ModuleDict({"tag": Scale(3)})
        self.own = nn.Parameter(np.zeros(1, np.float64))

    def forward(self, x):
        return self.heads["tag"](self.encoder(x))


X = np.arange(6, dtype=np.float32).reshape(2, 3)
NAMES = ["own", "encoder.0.weight", "encoder.0.bias", "encoder.1.module.weight", "heads.tag.weight", "heads.tag.bias"]


def test_the_tree_in_pytorchs_order():
    model = Model()
    assert [n for n, _ in model.named_parameters()] == NAMES
    paths = ["", "encoder", "encoder.0", "encoder.1", "encoder.1.module", "heads", "heads.tag"]
    assert [n for n, _ in model.named_modules()] == paths
    assert [n for n, _ in model.named_children()] == ["encoder", "heads"]
    assert len(list(model.buffers())) == 6
    assert list(model.state_dict())[:4] == ["own", "encoder.0.weight", "encoder.0.bias", "encoder.0.count"]
    assert not any("scratch" in key for key in model.state_dict())
    assert model.get_submodule("encoder.1.module") is model.encoder[1].module
    with pytest.raises(ValueError, match=r"no module 'decoder'.*encoder\.0"):
        model.get_submodule("decoder")


def test_shared_modules_count_once_but_keep_both_keys():
    one = Scale(3)
    model = nn.Sequential(one, one)
    assert len(list(model.parameters())) == 2
    assert [k for k in model.state_dict() if "weight" in k] == ["0.weight", "1.weight"]
    twin = copy.deepcopy(model)
    assert twin[0] is twin[1] and twin[0] is not one


def test_arrays_and_tensors_give_tensors():
    model = Model()
    for x in (X, Tensor(X)):
        y = model(x)
        assert isinstance(y, Tensor) and y.requires_grad
        np.testing.assert_array_equal(y.numpy(), ((X * 2 + 1) * 3) * 2 + 1)
    with no_grad():
        y = model(X)
    assert isinstance(y, Tensor) and not y.requires_grad
    assert isinstance(nn.Identity()(X), Tensor)
    ids = np.arange(3)
    assert nn.Identity()(ids) is ids


def test_modes_and_apply():
    model = Model()
    assert model.eval() is model and not any(m.training for m in model.modules())
    model.encoder.train()
    assert model.encoder[0].training and not model.training
    seen = []
    model.apply(seen.append)
    assert seen[-1] is model and len(seen) == 7


def test_to_converts_floats_only_and_keeps_parameters():
    model = Model()
    parameter = model.encoder[0].weight
    model(X).backward(np.ones((2, 3)))
    assert model.to(np.float64) is model
    assert model.encoder[0].weight is parameter and parameter.dtype == parameter.grad.dtype == np.float64
    assert model.encoder[0].scratch.dtype == np.float64 and model.encoder[0].count.dtype == np.int64
    with pytest.raises(TypeError, match="float16"):
        model.to(np.float16)
    for device in ("cuda", None):
        with pytest.raises(TypeError, match=r"to: dtype must be float32 or float64, got .*; all is on the CPU"):
            model.to(device)
    model.zero_grad()
    assert parameter.grad is None


def test_freeze_by_pattern():
    model = Model()
    assert model.freeze("encoder", "*.bias") == [*NAMES[1:4], "heads.tag.bias"]
    assert [p.requires_grad for p in model.parameters()] == [True, False, False, False, True, False]
    model(X).backward(np.ones((2, 3)))
    assert model.encoder[0].weight.grad is None and model.heads["tag"].weight.grad is not None
    with pytest.raises(ValueError, match="read-only"):
        model.encoder[0].weight.data[0] = 1
    assert model.unfreeze("encoder.?.bias", "encoder.0") == ["encoder.0.weight", "encoder.0.bias"]
    model.encoder[0].weight.data[0] = 1
    with pytest.raises(ValueError, match=r"no parameter matches \['decoder', 'x\*'\].*heads\.tag\.weight"):
        model.freeze("heads", "decoder", "x*")
    assert model.heads["tag"].weight.requires_grad
    assert model.freeze() == NAMES and model.unfreeze() == NAMES
    model.requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())


def test_state_goes_around():
    model, other = Model(), Model()
    for p in model.parameters():
        p.data += np.random.default_rng(0).standard_normal(p.shape).astype(p.dtype)
    held = other.encoder[0].weight.data
    frozen = other.freeze("heads")
    before = other.heads["tag"].weight.data
    assert other.load_state_dict(model.state_dict()) == ([], [])
    assert other.encoder[0].weight.data is held
    assert other.heads["tag"].weight.data is not before and not other.heads["tag"].weight.data.flags.writeable
    assert frozen == NAMES[4:]
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[key], array)


def test_all_that_is_wrong_with_a_state_is_said_at_once():
    model = Model()
    before = {key: array.copy() for key, array in model.state_dict().items()}
    state = {key: array + 1 for key, array in before.items()}
    del state["own"], state["heads.tag.bias"]
    state.update(extra=np.ones(2), more=np.ones(2))
    state["encoder.0.weight"] = np.ones((2, 3), np.float32)
    state["encoder.0.count"] = np.float32(1)
    with pytest.raises(ValueError, match="does not fit Model") as error:
        model.load_state_dict(state)
    for part in (
        "missing keys: own, heads.tag.bias",
        "unexpected keys: extra, more",
        r"encoder.0.weight: expected shape (3,), got (2, 3)",
        "encoder.0.count: expected int64, got float32",
    ):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="expected shape"):
        model.load_state_dict(state, strict=False)
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    del state["encoder.0.weight"], state["encoder.0.count"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["own", "encoder.0.weight", "encoder.0.count", "heads.tag.bias"]
    assert unexpected == ["extra", "more"]
    np.testing.assert_array_equal(model.heads["tag"].weight.data, 3)


def test_save_and_load(tmp_path):
    path = tmp_path / "model.safetensors"
    model, other = Model(), Model()
    model.own.data[:] = 7
    model.save(path, {"epoch": "3"})
    other.load(path)
    assert other.own.data[0] == 7
    whole = path.read_bytes()
    for size in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:size])
        other.own.data[:] = 1
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            other.load(path)
        assert other.own.data[0] == 1 and path.read_bytes() == whole[:size]
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"(?s)model\.safetensors.*does not fit Scale.*unexpected keys: encoder"):
        Scale(3).load(path)
    model.own.data = np.array(["text"])
    with pytest.raises(TypeError, match="own"):
        model.save(path)
    assert path.read_bytes() == whole and os.listdir(tmp_path) == ["model.safetensors"]


def test_copies_and_pickles_are_independent():
    model = Model().eval()
    model(X).backward(np.ones((2, 3)))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not twin.encoder[0].training
        np.testing.assert_array_equal(twin(X).numpy(), model(X).numpy())
        twin.encoder[0].weight.data += 1
        assert twin.encoder[0].weight.grad is None and model.encoder[0].weight.data[0] == 2


def test_errors_name_the_layer():
    model = Model()
    with pytest.raises(ValueError, match=r"^encoder\.0 \(Scale\): x has 4 columns, expected 3$"):
        model(np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match=r"^Scale: x has 4 columns"):
        Scale(3)(np.ones((2, 4), np.float32))
    model.forward = lambda x: model.encoder()
    with pytest.raises(TypeError, match=r"^encoder \(Sequential\): .*argument"):
        model(X)
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(X)


def test_attributes_are_guarded():
    model = Model()
    with pytest.raises(TypeError, match=r"Model\.own is a Parameter: expected a Parameter or None, got ndarray"):
        model.own = np.zeros(1)
    with pytest.raises(TypeError, match=r"Model\.layers: .*nn\.ModuleList"):
        model.layers = [Scale(3)]
    with pytest.raises(TypeError, match=r"Scale\.count is a buffer: expected an array, got int"):
        model.encoder[0].count = 3
    with pytest.raises(ValueError, match="'own' already"):
        model.register_buffer("own", np.zeros(1))
    with pytest.raises(TypeError, match="'w' must be a Parameter, got ndarray"):
        model.register_parameter("w", np.zeros(1))
    model.register_parameter("w", None)
    assert "w" not in model.state_dict()


def test_forward_hooks_see_and_change():
    model, seen = Model(), []
    remove = model.encoder.register_forward_pre_hook(lambda module, inputs: seen.append((module, inputs)))
    double = model.encoder.register_forward_pre_hook(lambda module, inputs: inputs[0] * 2)
    negate = model.encoder.register_forward_hook(lambda module, inputs, output: output * -1.0)
    y = model(X).numpy()
    np.testing.assert_array_equal(y, -(X * 4 + 1) * 3 * 2 + 1)
    assert seen[0][0] is model.encoder and seen[0][1][0].numpy() is X
    for undo in (remove, double, negate):
        undo()
    np.testing.assert_array_equal(model(X).numpy(), (X * 2 + 1) * 3 * 2 + 1)
    assert len(seen) == 1


def test_backward_hooks_see_and_change():
    model, seen = Model(), []
    model.encoder[1].register_full_backward_hook(lambda module, gi, go: seen.append((module, gi, go)))
    x = Tensor(X, requires_grad=True)
    model(x).backward(np.ones((2, 3)))
    module, grad_input, grad_output = seen[0]
    assert module is model.encoder[1] and len(seen) == 1
    np.testing.assert_array_equal(grad_output[0], np.full((2, 3), 2))
    np.testing.assert_array_equal(grad_input[0], np.full((2, 3), 6))
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 12))
    remove = model.encoder[1].register_full_backward_hook(lambda module, gi, go: (gi[0] * 0,))
    x.zero_grad()
    model(x).backward(np.ones((2, 3)))
    np.testing.assert_array_equal(x.grad, np.zeros((2, 3)))
    remove()
    model.encoder[0].register_full_backward_hook(lambda module, gi, go: seen.append(gi))
    model(X).backward(np.ones((2, 3)))
    assert seen[-1] == (None,)
    with no_grad():
        model(X)


def test_containers_are_lists_and_dicts():
    layers = nn.ModuleList([Scale(1), Scale(2)])
    layers.insert(1, Scale(3))
    layers.append(Scale(4))
    assert [len(m.weight) for m in layers] == [1, 3, 2, 4]
    del layers[0]
    layers[0] = Scale(5)
    assert [n for n, _ in layers.named_children()] == ["0", "1", "2"]
    assert [len(m.weight) for m in layers[1:]] == [2, 4] and len(layers[-1].weight) == 4
    with pytest.raises(IndexError):
        layers[3]
    with pytest.raises(TypeError, match="expected a Module, got int"):
        layers.append(3)
    model = nn.Sequential({"a": Scale(3), "b": nn.Identity()})
    assert model.a is model[0] and next(iter(model.state_dict())) == "a.weight"
    with pytest.raises(ValueError, match="without dots"):
        nn.Sequential({"a.b": Scale(3)})
    with pytest.raises(ValueError, match="that of an attribute"):
        nn.ModuleDict({"training": Scale(3)})
    heads = nn.ModuleDict({"a": Scale(1)})
    heads["b"] = Scale(2)
    assert list(heads) == ["a", "b"] and "b" in heads and len(heads) == 2
    del heads["a"]
    with pytest.raises(KeyError):
        heads["a"]
    with pytest.raises(ValueError, match=r"keep the shape: expected \(2, 3\), got \(2, 1\)"):
        nn.Residual(_Narrow())(X)


class _Narrow(nn.Module):
    def forward(self, x):
        return Tensor(x.data[:, :1])


def test_repr_is_pytorchs():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.Identity()))
    assert repr(model) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=False)\n"
        "  (1): Sequential(\n    (0): Identity()\n  )\n)"
    )


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32", "float64"])
def test_floats_of_every_kind_are_read_as_the_numbers_that_they_are(tmp_path, kind):
    values = np.array([[1.0, -2.5, 3.25]])
    if kind == "bfloat16":  # the upper half of a float32
        data = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    else:
        data = values.astype(kind).tobytes()
    code = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "float64": "F64"}[kind]
    header = json.dumps({"weight": {"dtype": code, "shape": [1, 3], "data_offsets": [0, len(data)]}}).encode()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    layer = nn.Linear(3, 1, bias=False)
    layer.load(path)
    assert layer.weight.data.dtype == np.float32 and layer.weight.data.tolist() == values.tolist()


@pytest.mark.parametrize("kind", ["int8", "uint8", "uint16", "int64", "bool", "complex64"])
def test_integers_and_other_numbers_are_never_taken_for_floats(tmp_path, kind):
    layer = nn.Linear(3, 1, bias=False)
    before, wrong = layer.weight.data.copy(), {"weight": np.ones((1, 3), kind)}
    _safetensors.save(tmp_path / "wrong.safetensors", wrong, {})
    for load in (lambda: layer.load(tmp_path / "wrong.safetensors"), lambda: layer.load_state_dict(wrong)):
        with pytest.raises(ValueError, match=f"weight: expected float32, got {kind}"):
            load()
    np.testing.assert_array_equal(layer.weight.data, before)


class Tied(nn.Module):
    def __init__(self):
        self.embedding = nn.Embedding(5, 3)
        self.out = nn.Linear(3, 5, bias=False)
        self.out.weight = self.embedding.weight


def test_a_parameter_of_two_names_is_written_once_and_needs_one_of_them(tmp_path):
    path, model, other = tmp_path / "tied.safetensors", Tied(), Tied()
    model.save(path)
    assert list(_safetensors.load(path)[0]) == ["embedding.weight"]
    assert other.load(path) == ([], [])
    np.testing.assert_array_equal(other.out.weight.data, model.embedding.weight.data)
    table = np.ones((5, 3), np.float32)
    for name in ("embedding.weight", "out.weight"):
        assert other.load_state_dict({name: table}).missing_keys == []
        assert other.out.weight is other.embedding.weight and other.out.weight.data.all()
    with pytest.raises(
        ValueError, match=r"out\.weight: is one parameter with embedding\.weight here, but another array"
    ):
        other.load_state_dict({"embedding.weight": table, "out.weight": 2 * table})
    with pytest.raises(ValueError, match=r"missing keys: embedding\.weight, out\.weight"):
        other.load_state_dict({})


CONTAINERS = {
    "list": lambda: ([], list.append), "deque": lambda: (deque(), deque.append), "set": lambda: (set(), set.add),
    "dict": lambda: ({}, lambda found, value: found.update(one=value)),
    "SimpleNamespace": lambda: (SimpleNamespace(), lambda found, value: setattr(found, "one", value)),
    "list of dicts": lambda: ([{}], lambda found, value: found[0].update(one=value)),
}  # fmt: skip


@pytest.mark.parametrize(
    "what", [nn.Linear(4, 4), nn.Dropout(0.5), nn.Parameter([1.0])], ids=lambda w: type(w).__name__
)
@pytest.mark.parametrize("kind", CONTAINERS)
def test_what_is_put_into_a_container_after_its_assignment_is_never_left_out_in_silence(kind, what):
    class Model(nn.Module):
        def __init__(self, known=None):
            self.known = known
            self.hidden, put = CONTAINERS[kind]()
            put(self.hidden, what)

    for use in (
        nn.Module.state_dict,
        nn.Module.eval,
        nn.Module.train,
        lambda m: list(m.parameters()),
        nn.Module.freeze,
    ):
        with pytest.raises(TypeError, match=r"Model\.hidden: modules in a \w+ are not found; use nn\.Module"):
            use(Model())
        use(Model(known=what))  # found elsewhere


def test_a_parameter_lies_in_memory_as_optimisers_want_it():
    for array in (
        np.ones((3, 2), np.float32).T,
        np.asfortranarray(np.ones((2, 3), np.float32)),
        np.ones((2, 6), np.float32)[:, ::2],
        np.ones((2, 3), ">f4"),
    ):
        layer = nn.Linear(3, 2)
        layer.weight = nn.Parameter(array)
        assert layer.weight.data.flags.c_contiguous and layer.weight.data.dtype.isnative
        np.testing.assert_array_equal(layer.weight.data, array)
