"""Adapters: added, switched, merged, fused, deleted, saved and loaded by name."""

import copy
import json

import numpy as np
import pytest

from seqnn import nn, ops, optim, train, tune
from seqnn.models import BERT, GPT, T5, ClassificationHead, WithHead

X = np.random.default_rng(0).standard_normal((3, 5, 16)).astype(np.float32)
IDS = np.random.default_rng(0).integers(0, 30, (3, 6))
LENGTHS = [6, 2, 4]


def stack(kind="encoder", **options):
    if kind == "encoder":
        return nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, 0.0, **options), 2).eval()
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 32, 0.0, **options), 2).eval()


def classifier():
    encoder = BERT(
        30, d_model=16, nhead=2, num_layers=2, dim_feedforward=32, max_positions=12, dropout=0.0, pooler=False
    )
    return WithHead(encoder, ClassificationHead(16, 3, dropout=0.0)).eval()


def shaken(adapters, *names):
    """Give adapters random numbers, so that they change something."""
    for name in names:
        adapters.activate(name)
        for parameter in adapters._own((name,)):
            parameter.data[...] = np.random.default_rng(parameter.size).normal(0, 0.3, parameter.shape)
    return adapters


CONFIGS = {
    "lora": tune.LoRA(r=4, lora_alpha=16, target_modules="all-linear"),
    "pfeiffer": tune.Bottleneck(reduction_factor=4),
    "houlsby": tune.Bottleneck("houlsby", reduction_factor=4),
    "prefix": tune.PrefixTuning(3),
}


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_new_adapter_changes_nothing_but_a_trained_one_does_until_it_is_switched_off(name, norm_first, kind):
    model = stack(kind, norm_first=norm_first, activation="gelu")
    call = lambda: model(X, *([X] if kind == "decoder" else []), lengths=[5, 2, 4]).numpy()  # noqa: E731
    before = call()
    adapters = tune.Adapters(model)
    adapters.add("a", CONFIGS[name])
    if name != "prefix":
        np.testing.assert_allclose(call(), before, atol=2e-6)
    shaken(adapters, "a")
    changed = call()
    assert np.abs(changed - before).max() > 1e-3
    adapters.activate()
    assert np.array_equal(call(), before)
    adapters.activate("a")
    assert np.array_equal(call(), changed)
    adapters.delete("a")
    assert np.array_equal(call(), before) and adapters.trainable() == sum(p.size for p in model.parameters())
    assert type(model.layers[0]) in (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
    assert type(model.layers[0].linear1) is nn.Linear and type(model.layers[0].self_attn) is nn.MultiheadAttention


def test_lora_is_the_product_of_its_matrices_in_every_place():
    model = stack(activation="gelu")
    adapters = tune.Adapters(model)
    plain = copy.deepcopy(model)
    adapters.add("a", tune.LoRA(r=2, lora_alpha=6, target_modules=r"layers\.\d\.(linear\d|self_attn\.(q|v|out)_proj)"))
    shaken(adapters, "a")
    for layer, before in zip(model.layers, plain.layers, strict=True):
        parts = layer.self_attn.adapters["a"]
        for (begin, end), a, b in zip(parts.parts, parts.lora_A, parts.lora_B, strict=True):
            before.self_attn.in_proj_weight.data[begin:end] += 3 * b.data @ a.data
        assert parts.parts == [(0, 16), (32, 48)]
        for name in ("linear1", "linear2"):
            part = getattr(layer, name).adapters["a"]
            getattr(before, name).weight.data += 3 * part.lora_B[0].data @ part.lora_A[0].data
        part = layer.self_attn.out_proj.adapters["a"]
        before.self_attn.out_proj.weight.data += 3 * part.lora_B[0].data @ part.lora_A[0].data
    np.testing.assert_allclose(model(X).numpy(), plain(X).numpy(), rtol=1e-4, atol=1e-5)
    cached = model.new_cache(5)  # goes through the projections of each step
    steps = [model(X[:, t : t + 1], causal=True, cache=cached).numpy() for t in range(5)]
    np.testing.assert_allclose(np.concatenate(steps, 1), model(X, causal=True).numpy(), rtol=1e-4, atol=1e-5)


def test_merged_matrices_give_what_unmerged_ones_do_and_come_back_bit_by_bit():
    model = GPT(30, d_model=16, nhead=2, num_layers=2, dropout=0.0).eval()
    adapters = tune.Adapters(model)
    adapters.add("a", tune.LoRA(r=2, target_modules="all-linear"))
    adapters.add("b", tune.LoRA(r=3, use_rslora=True))
    shaken(adapters, "a", "b")
    state = {key: array.copy() for key, array in model.state_dict().items()}
    for name in ("a", "b"):  # one after the other, and each alone
        adapters.activate(name)
        alone = model(IDS).numpy()
        adapters.merge()
        np.testing.assert_allclose(model(IDS).numpy(), alone, rtol=1e-4, atol=1e-5)
        adapters.unmerge()
    adapters.activate("a", "b")
    both = model(IDS).numpy()
    adapters.merge()
    np.testing.assert_allclose(model(IDS).numpy(), both, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"activate: a, b are merged: unmerge\(\) first"):
        adapters.activate("a")
    adapters.unmerge()
    assert all(np.array_equal(array, state[key]) for key, array in model.state_dict().items())
    assert np.array_equal(model(IDS).numpy(), both)
    assert adapters.merge_and_unload() is model and model.state_dict().keys() == {
        k for k in state if ".adapters." not in k
    }
    np.testing.assert_allclose(model(IDS).numpy(), both, rtol=1e-4, atol=1e-5)
    assert model.generate([[1, 2, 3]], 4).shape == (1, 7)


def test_frozen_matrices_get_no_gradients_and_only_the_adapter_learns():
    model = classifier()
    adapters = tune.Adapters(model)
    adapters.add("a", tune.LoRA(r=2, lora_dropout=0.1, modules_to_save=["head.output"]))
    before = {key: array.copy() for key, array in model.state_dict().items()}
    y = np.array([0, 1, 2])
    history = train.fit(
        model, ops.cross_entropy, (IDS, np.array(LENGTHS), y), 30, optim.AdamW(model.parameters(), lr=0.02), verbose=0
    )
    changed = {key for key, array in model.state_dict().items() if not np.array_equal(array, before[key])}
    assert changed == {k for k in before if ".adapters.a." in k} | {"head.output.weight", "head.output.bias"}
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert model.summary().trainable == adapters.trainable() == 2 * 2 * 2 * 2 * 16 + 3 * 17


@pytest.mark.parametrize("name", CONFIGS)
def test_what_learns_between_two_rests_is_read_with_its_new_numbers(name):
    model = classifier()
    adapters = tune.Adapters(model)
    adapters.add("a", CONFIGS[name])
    adapters.activate("a", trainable=False)
    before = model(IDS, LENGTHS).numpy()
    shaken(adapters, "a")
    learnt = model(IDS, LENGTHS).numpy()
    adapters.activate("a", trainable=False)
    assert not np.allclose(learnt, before)
    np.testing.assert_allclose(model(IDS, LENGTHS).numpy(), learnt, rtol=1e-5, atol=1e-6)


def test_each_adapter_has_a_head_of_its_own():
    model = classifier()
    adapters = tune.Adapters(model)
    base = model(IDS, LENGTHS).numpy()
    answers = {}
    for name in ("a", "b"):
        adapters.add(name, tune.Bottleneck(reduction_factor=4, modules_to_save=["head"]))
        np.testing.assert_allclose(model(IDS, LENGTHS).numpy(), base, atol=1e-6)
        shaken(adapters, name)
        model.head.output.bias.data[...] = len(answers) + 1
        answers[name] = model(IDS, LENGTHS).numpy()
    adapters.activate("a")
    assert np.array_equal(model(IDS, LENGTHS).numpy(), answers["a"])
    adapters.activate()
    np.testing.assert_allclose(model(IDS, LENGTHS).numpy(), base, atol=1e-6)
    adapters.delete("a")
    adapters.activate("b")
    assert np.array_equal(model(IDS, LENGTHS).numpy(), answers["b"])


@pytest.mark.parametrize("placement", ["pfeiffer", "houlsby"])
def test_a_fusion_mixes_its_members_by_a_softmax_for_each_token(placement, tmp_path):
    model = stack()
    model_before = copy.deepcopy(model)
    adapters = tune.Adapters(model)
    for name in ("a", "b"):
        adapters.add(name, tune.Bottleneck(placement, reduction_factor=4))
    shaken(adapters, "a", "b")
    adapters.fuse("both", ["a", "b"])
    assert adapters.trainable() == 2 * (3 * 256 + 2 * 16) * (2 if placement == "houlsby" else 1)
    shaken(adapters, "both")
    layer = model.layers[0]
    network = layer.adapters["both"].output
    z = [layer.adapters[name].output(X).numpy() for name in ("a", "b")]
    query = X @ network.query.weight.data.T + network.query.bias.data
    scores = np.stack([(query * (v @ network.key.weight.data.T + network.key.bias.data)).sum(-1) for v in z], -1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = sum(weights[..., i, None] * z[i] for i in range(2)) @ network.value.weight.data.T
    found = layer.adapters["both"].at("output", layer.adapters)(nn.Identity()(X)).numpy()
    np.testing.assert_allclose(found, mixed, rtol=1e-4, atol=1e-5)
    (model(X) ** 2).sum().backward()
    assert all(p.grad is None for name in ("a", "b") for p in adapters._own((name,)))
    assert all(p.grad is not None for p in adapters._own(("both",)))
    adapters.save(tmp_path)
    again = tune.Adapters(copy.deepcopy(model_before))
    with pytest.raises(ValueError, match="there is no adapter 'a', only none"):
        again.load(tmp_path, "both")
    for name in ("a", "b"):
        adapters.save(tmp_path / name, name)
        again.load(tmp_path / name, name)
    again.load(tmp_path, "both")
    assert np.array_equal(again.model(X).numpy(), model(X).numpy())
    with pytest.raises(ValueError, match="delete: 'a' is a member of the fusion 'both'"):
        adapters.delete("a")
    with pytest.raises(ValueError, match="members: expected two bottleneck adapters or more, of one placement, got"):
        adapters.fuse("one", ["a"])


@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_a_prefix_is_keys_and_values_that_every_query_sees(mask):
    model = stack()
    attention = model.layers[0].self_attn
    adapters = tune.Adapters(model)
    adapters.add("p", tune.PrefixTuning(2))
    given = {"bool": np.tri(5, dtype=bool), "float": np.where(np.tri(5), 0, -1e9).astype(np.float32), None: None}[mask]
    options = {"causal": True} if mask is None else {"mask": given}
    part = attention.adapters["p"]
    q, k, v = (h.reshape(3, 5, 2, 8).swapaxes(1, 2) for h in np.split(X @ attention.in_proj_weight.data.T, 3, axis=-1))
    k, v = (
        np.concatenate([np.broadcast_to(p.data, (3, 2, 2, 8)), h], 2) for p, h in ((part.keys, k), (part.values, v))
    )
    scores = q @ k.swapaxes(2, 3) / 8**0.5
    scores[:, :, np.concatenate([np.zeros((5, 2)), 1 - np.tri(5)], 1) == 1] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    out = (weights @ v).swapaxes(1, 2).reshape(3, 5, 16) @ attention.out_proj.weight.data.T
    np.testing.assert_allclose(attention(X, **options).numpy(), out, rtol=1e-4, atol=1e-5)
    if mask is None:
        cache = nn.KeyValueCache(5)
        steps = [attention(X[:, t : t + 1], causal=True, cache=cache).numpy() for t in range(5)]
        np.testing.assert_allclose(np.concatenate(steps, 1), out, rtol=1e-4, atol=1e-5)


def test_a_prompt_is_vectors_before_those_of_the_tokens():
    model = GPT(30, d_model=16, nhead=2, num_layers=1, dropout=0.0).eval()
    adapters = tune.Adapters(model)
    adapters.add("p", tune.PromptTuning(3))
    shaken(adapters, "p")
    ids = adapters.with_prompt(IDS)
    assert ids.shape == (3, 9) and ids[0, :3].tolist() == [30, 31, 32]
    loss = model(ids)[:, 3:].sum()
    loss.backward()
    assert adapters.trainable() == 48 and np.abs(model.embedding.adapters["p"].vectors.grad).sum() > 0
    assert model.embedding.weight.grad is None
    assert model.generate(adapters.with_prompt([[1, 2]]), 3).shape == (1, 8)
    adapters.activate()
    assert adapters.with_prompt(IDS).shape == IDS.shape
    with pytest.raises(ValueError, match="id"):
        model(ids)


@pytest.mark.parametrize("name", [*CONFIGS, "prompt"])
def test_a_file_gives_the_adapter_back_and_one_of_another_model_is_refused(name, tmp_path):
    config = CONFIGS.get(name, tune.PromptTuning(4))
    first, second = classifier(), classifier()
    second.load_state_dict(first.state_dict())
    adapters = tune.Adapters(first)
    adapters.add("a", config)
    shaken(adapters, "a").save(tmp_path)
    again = tune.Adapters(second)
    again.load(tmp_path, "b")
    x = again.with_prompt(IDS)
    assert np.array_equal(first(x).numpy(), second(x).numpy()) and again.active == ("b",)
    smaller = tune.Adapters(
        WithHead(BERT(30, d_model=8, nhead=2, num_layers=1, pooler=False), ClassificationHead(8, 3))
    )
    with pytest.raises(ValueError, match=r"the adapter is not one of this WithHead: .*expected \["):
        smaller.load(tmp_path)
    assert smaller.configs == {} and smaller.model.state_dict().keys() == smaller.model.state_dict().keys()
    assert all(parameter.requires_grad for parameter in smaller.model.parameters())


def test_files_that_are_missing_damaged_or_ask_for_more_are_refused(tmp_path):
    adapters = tune.Adapters(stack())
    with pytest.raises(ValueError, match=r"expected a folder with adapter_config.json"):
        adapters.load(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "use_dora": true}')
    with pytest.raises(ValueError, match=r"expected adapter_model.safetensors beside"):
        adapters.load(tmp_path)
    (tmp_path / "adapter_model.bin").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"adapter_model.bin is a pickle, which can run any code"):
        adapters.load(tmp_path)
    other = tune.Adapters(stack())
    other.add("a", tune.LoRA())
    other.save(tmp_path)
    told = json.loads((tmp_path / "adapter_config.json").read_text())
    for change, message in (
        ({"use_dora": True}, "use_dora=True would give other numbers"),
        ({"bias": "all"}, "bias='all' would give other numbers"),
        ({"peft_type": "IA3"}, "peft_type: expected one of LORA"),
        ({"r": "8"}, "r: expected an integer"),
        ({"r": 4}, r"expected \[4, 16\], got \[8, 16\]"),
        ({"target_modules": ["q_proj"]}, "left over layers.0.self_attn.v_proj.lora_A.weight"),
        ({"target_modules": ["query"]}, "no module is meant by .'query'.; there are layers"),
    ):
        (tmp_path / "adapter_config.json").write_text(json.dumps({**told, **change}))
        with pytest.raises(ValueError, match=message):
            adapters.load(tmp_path)
        assert not adapters.configs
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"not valid JSON"):
        adapters.load(tmp_path)


def test_arguments_that_mean_nothing_are_refused_and_change_nothing():
    model = stack()
    adapters = tune.Adapters(model)
    keys = list(model.state_dict())
    with pytest.raises(TypeError, match=r"model: expected an nn.Module, got str"):
        tune.Adapters("model")
    with pytest.raises(TypeError, match="config: expected LoRA, Bottleneck, PrefixTuning or PromptTuning, got 8"):
        adapters.add("a", 8)
    for config, message in (
        (tune.LoRA(target_modules=["nothing"]), "target_modules: no module is meant by"),
        (tune.LoRA(modules_to_save=["head"]), "modules_to_save: no module is meant by"),
        (tune.LoRA(layers_to_transform=7), "no module is meant"),
        (tune.PromptTuning(2), "PromptTuning: expected a model with one table of tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            adapters.add("a", config)
        assert list(model.state_dict()) == keys and all(p.requires_grad for p in model.parameters())
    for name in ("a.b", "", "keys"):
        with pytest.raises(ValueError, match="name"):
            adapters.add(name, tune.LoRA())
    adapters.add("a", tune.LoRA())
    with pytest.raises(ValueError, match="there is an adapter 'a' already"):
        adapters.add("a", tune.LoRA())
    with pytest.raises(ValueError, match="there is no adapter 'b', only a"):
        adapters.activate("b")
    adapters.add("x", tune.Bottleneck())
    adapters.add("y", tune.Bottleneck())
    with pytest.raises(ValueError, match="activate: expected one bottleneck adapter or fusion, got x, y: see fuse"):
        adapters.activate("x", "y")
    with pytest.raises(ValueError, match="merge: expected active LoRAs, got y"):
        adapters.merge()
    with pytest.raises(ValueError, match="unmerge: expected merged adapters"):
        adapters.unmerge()
    with pytest.raises(ValueError, match="linear1: expected float weights, got quantised ones"):
        tune.Adapters(stack().quantize()).add("a", tune.LoRA(target_modules=["linear1"]))
    t5 = T5(30, d_model=16, nhead=2, num_layers=1, dim_feedforward=32).eval()
    before, adapters = t5(IDS, None, IDS).numpy(), tune.Adapters(t5)
    with pytest.raises(
        ValueError, match=r"PrefixTuning: expected a model without biases by distance.*, got T5: take a"
    ):
        adapters.add("p", tune.PrefixTuning(2))
    assert not adapters.configs and adapters.trainable() == sum(p.size for p in t5.parameters())
    np.testing.assert_array_equal(t5(IDS, None, IDS).numpy(), before)
    attention = nn.MultiheadAttention(16, 2)
    lone = nn.ModuleDict({"self_attn": attention})
    tune.Adapters(lone).add("p", tune.PrefixTuning(2))
    with pytest.raises(ValueError, match="relative: expected None where a prefix is active"):
        attention(X, relative=np.zeros((2, 9), np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tune.LoRA(r=0), "r: expected an integer >= 1, got 0"),
        (lambda: tune.LoRA(lora_dropout=1.0), "lora_dropout: expected a finite number"),
        (lambda: tune.LoRA(lora_alpha=float("nan")), "lora_alpha: expected a finite number"),
        (lambda: tune.LoRA(target_modules=[1]), "target_modules: expected names of modules or a regular expression"),
        (lambda: tune.LoRA(modules_to_save="head"), "modules_to_save: expected a list of names of modules"),
        (lambda: tune.LoRA(target_modules="("), "target_modules: expected names of modules or a regular expression"),
        (lambda: tune.LoRA(target_modules=iter(["q_proj"])), "target_modules: expected names of modules"),
        (lambda: tune.LoRA(layers_to_transform="1"), "layers_to_transform: expected an integer >= 0, got '1'"),
        (lambda: tune.LoRA(layers_to_transform=[0, -1]), "layers_to_transform: expected an integer >= 0, got -1"),
        (lambda: tune.LoRA(rank_pattern=["q_proj"]), "rank_pattern: expected numbers by regular expressions"),
        (lambda: tune.LoRA(rank_pattern={"q_proj": 0}), r"rank_pattern\['q_proj'\]: expected an integer >= 1"),
        (lambda: tune.LoRA(alpha_pattern={"(": 2}), "alpha_pattern: expected names of modules or a regular expression"),
        (lambda: tune.LoRA(alpha_pattern={"q_proj": "2"}), r"alpha_pattern\['q_proj'\]: expected a finite number"),
        (lambda: tune.Bottleneck("parallel"), "placement: expected 'pfeiffer' or 'houlsby', got 'parallel'"),
        (lambda: tune.Bottleneck(reduction_factor=0), "reduction_factor: expected a finite number > 0"),
        (lambda: tune.Bottleneck(activation="none"), "activation: expected one of relu"),
        (lambda: tune.PrefixTuning(0), "num_virtual_tokens: expected an integer >= 1, got 0"),
        (lambda: tune.PromptTuning(1.5), "num_virtual_tokens: expected an integer"),
    ],
)
def test_a_configuration_refuses_what_it_cannot_be(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_adapters_learn_in_turns_by_one_optimiser_and_loading_one_freezes_the_others(tmp_path):
    model = classifier()
    adapters = tune.Adapters(model)
    for name in ("a", "b"):
        adapters.add(name, tune.LoRA(r=2))
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    batch = IDS, np.array(LENGTHS), np.array([0, 1, 2])
    for name in ("a", "b", "a"):
        adapters.activate(name)
        before = [[p.data.copy() for p in adapters._own((one,))] for one in ("a", "b")]
        train.fit(model, ops.cross_entropy, batch, 1, optimizer, verbose=0)
        moved = [
            any(not np.array_equal(p.data, old) for p, old in zip(adapters._own((one,)), olds, strict=True))
            for one, olds in zip(("a", "b"), before, strict=True)
        ]
        assert moved == [name == "a", name == "b"]
    adapters.activate("b", trainable=False)
    assert adapters.trainable() == 0
    adapters.save(tmp_path)
    adapters.load(tmp_path, "c")
    assert {id(p) for p in model.parameters() if p.requires_grad} == set(map(id, adapters._own(("c",))))
    with pytest.raises(ValueError, match="model: expected one without adapters, got one that another"):
        tune.Adapters(model)


def test_an_adapter_that_is_named_twice_counts_once():
    adapters = tune.Adapters(stack())
    adapters.add("a", tune.LoRA(r=2))
    once = shaken(adapters, "a").model(X).numpy()
    adapters.activate("a", "a")
    assert adapters.active == ("a",) and np.array_equal(adapters.model(X).numpy(), once)
    with pytest.raises(ValueError, match=r"there is no adapter \['a'\], only a"):
        adapters.activate(["a"])


def test_numbers_of_numpy_are_written_like_others(tmp_path):
    adapters, again = tune.Adapters(stack()), tune.Adapters(stack())
    config = tune.LoRA(
        r=np.int64(2), lora_alpha=np.float32(6), layers_to_transform=np.int64(1), rank_pattern={"v_proj": np.int64(3)}
    )
    adapters.add("a", config)
    adapters.save(tmp_path)
    again.load(tmp_path)
    assert again.configs["default"] == tune.LoRA(
        r=2, target_modules=["q_proj", "v_proj"], lora_alpha=6, layers_to_transform=1, rank_pattern={"v_proj": 3},
        alpha_pattern={},
    )  # fmt: skip


def test_a_file_may_name_modules_that_the_model_has_not_as_for_peft(tmp_path):
    adapters, again = tune.Adapters(stack()), tune.Adapters(stack())
    adapters.add("a", tune.LoRA(r=2))
    adapters.save(tmp_path)
    told = json.loads((tmp_path / "adapter_config.json").read_text())
    told["target_modules"] += ["query", "c_attn"]
    (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    again.load(tmp_path)
    assert again.configs["default"].target_modules == ["q_proj", "v_proj"]


def test_a_file_that_does_not_fit_leaves_the_active_adapter_as_it_was(tmp_path):
    adapters, other = tune.Adapters(stack()), tune.Adapters(stack(bias=False))
    other.add("a", tune.LoRA(r=2))
    other.save(tmp_path)
    told = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**told, "r": 3}))
    adapters.add("kept", tune.LoRA(r=2))
    adapters.activate("kept", trainable=False)
    with pytest.raises(ValueError, match=r"expected \[3, 16\], got \[2, 16\]"):
        adapters.load(tmp_path, "b")
    assert adapters.active == ("kept",) and [*adapters.configs] == ["kept"] and adapters.trainable() == 0


def test_a_copy_has_adapters_of_its_own():
    adapters = tune.Adapters(stack())
    adapters.add("a", tune.LoRA(r=2))
    twin = copy.deepcopy(adapters)
    shaken(twin, "a")
    assert not np.array_equal(twin.model(X).numpy(), adapters.model(X).numpy())
    twin.delete("a")
    assert adapters.active == ("a",) and adapters.trainable() > 0
    assert twin.trainable() == sum(parameter.size for parameter in twin.model.parameters())


@pytest.mark.parametrize("name", CONFIGS)
def test_results_do_not_depend_on_the_number_of_threads(name):
    import seqnn

    model = classifier()
    adapters = tune.Adapters(model)
    adapters.add("a", CONFIGS[name])
    shaken(adapters, "a")
    found = []
    for count in (1, 3):
        with seqnn.threads(count):
            (model(IDS, LENGTHS) ** 2).sum().backward()
        found.append([p.grad.copy() for p in adapters._own(("a",))])
        model.zero_grad()
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
