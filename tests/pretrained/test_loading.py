"""How weights come from files: where they lie in the map, changed in a copy, widened, out of NumPy's archives."""

import json
import mmap

import numpy as np
import pretrained_record as recorded
import pytest

from seqnn import _safetensors, load_pretrained, optim
from seqnn.models import T5
from seqnn.text import pad


def origin(array):
    """What owns the memory of an array."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def test_weights_lie_in_the_file_and_are_copied_when_they_change(tmp_path):
    folder = recorded.folder(tmp_path, "BertModel")[0]
    file = folder / "model.safetensors"
    before = file.read_bytes()
    model, other = load_pretrained(folder).model, load_pretrained(folder).model
    mapped = [name for name, p in model.named_parameters() if isinstance(origin(p.data), mmap.mmap)]
    joined = [name for name in model.state_dict() if "in_proj" in name]
    assert sorted([*mapped, *joined]) == sorted(model.state_dict())
    expected = other(recorded.IDS).numpy().copy()
    step = optim.SGD(model.parameters(), lr=0.1)
    model.train()
    (model(recorded.IDS) ** 2).sum().backward()
    step.step()
    model.eval()
    assert not np.allclose(model(recorded.IDS).numpy(), expected)
    np.testing.assert_array_equal(other(recorded.IDS).numpy(), expected)
    assert file.read_bytes() == before
    load_pretrained(folder).save_pretrained(folder)  # over the file that is mapped
    np.testing.assert_array_equal(other(recorded.IDS).numpy(), expected)


def rewritten(folder, change):
    state = _safetensors.load(folder / "model.safetensors", mmap=False)[0]
    _safetensors.save(folder / "model.safetensors", {name: change(array) for name, array in state.items()})
    return folder


@pytest.mark.parametrize("name", ["BertModel", "GPT2LMHeadModel", "MBartForConditionalGeneration"])
def test_float16_weights_are_those_of_float32(name, tmp_path):
    narrow = rewritten(recorded.folder(tmp_path / "narrow", name)[0], lambda array: array.astype(np.float16))
    wide = rewritten(recorded.folder(tmp_path / "wide", name)[0], lambda a: a.astype(np.float16).astype(np.float32))
    found, expected = (load_pretrained(folder).model.state_dict() for folder in (narrow, wide))
    for key, array in expected.items():
        assert found[key].dtype == np.float32
        np.testing.assert_array_equal(found[key], array, err_msg=key)


def archive(folder, **names):
    """Put the weights of a folder into model.npz, some by other names."""
    state = _safetensors.load(folder / "model.safetensors", mmap=False)[0]
    (folder / "model.safetensors").unlink()
    np.savez(folder / "model.npz", **{names.get(name, name): array for name, array in state.items()})
    return folder


def test_an_archive_of_numpy_is_read_and_its_names_are_changed(tmp_path):
    expected = load_pretrained(recorded.folder(tmp_path / "a", "BertModel")[0]).model(recorded.IDS).numpy()
    folder = archive(recorded.folder(tmp_path / "b", "BertModel")[0])
    np.testing.assert_array_equal(load_pretrained(folder).model(recorded.IDS).numpy(), expected)
    own = {"embeddings.word_embeddings.weight": "tokens", "embeddings.position_embeddings.weight": "places"}
    folder = archive(recorded.folder(tmp_path / "c", "BertModel")[0], **own)
    renamed = {ours: theirs for theirs, ours in own.items()}
    np.testing.assert_array_equal(load_pretrained(folder, names=renamed).model(recorded.IDS).numpy(), expected)
    with pytest.raises(ValueError, match=r"missing embeddings\.word_embeddings\.weight.*; left over"):
        load_pretrained(folder)
    with pytest.raises(ValueError, match="names: expected names in the file, got 'token'"):
        load_pretrained(folder, names={"token": "embeddings.word_embeddings.weight"})
    with pytest.raises(ValueError, match="names: expected another name for each array, got one for two"):
        load_pretrained(folder, names={"tokens": "embeddings.LayerNorm.bias"})


def test_a_damaged_archive_and_one_of_pickles_are_refused(tmp_path):
    folder = archive(recorded.folder(tmp_path / "a", "BertModel")[0])
    (folder / "model.npz").write_bytes((folder / "model.npz").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.npz: not an archive of arrays"):
        load_pretrained(folder)
    np.savez(folder / "model.npz", a=np.array([{}], object))
    with pytest.raises(ValueError, match=r"model\.npz: not an archive of arrays"):
        load_pretrained(folder)


@pytest.mark.parametrize("name", ["T5ForConditionalGeneration", "MPNetModel"])
def test_an_encoder_with_relative_positions_reads_without_padding_what_it_reads_with_it(name, tmp_path):
    model = load_pretrained(recorded.folder(tmp_path, name)[0]).model
    draw = np.random.default_rng(0)
    rows = [draw.integers(2, 31, n) for n in (3, 11, 1, 14, 7)]
    tokens, lengths = pad(rows)
    padded = (model.encode if isinstance(model, T5) else model)(tokens, lengths).numpy()
    expected = np.concatenate([row[:n] for row, n in zip(padded, lengths, strict=True)])
    np.testing.assert_allclose(model.encode_packed(np.concatenate(rows), lengths), expected, atol=2e-5)
    long = draw.integers(2, 31, 200) if isinstance(model, T5) else draw.integers(2, 31, 16)
    whole = (model.encode if isinstance(model, T5) else model)([long]).numpy()[0]
    np.testing.assert_allclose(model.encode_packed(long, [len(long)]), whole, atol=2e-5)
    with pytest.raises(ValueError, match=r"lengths: expected integers .* that sum to 4 ids"):
        model.encode_packed(long[:4], [3])


def test_a_mistral_has_as_many_positions_as_its_window(tmp_path):
    folder = recorded.folder(tmp_path, "LlamaForCausalLM")[0]
    config = json.loads((folder / "config.json").read_text())
    kept = {key: value for key, value in config.items() if "rope" not in key}
    own = {**kept, "architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 9}
    for given, positions in ((own, 9), ({**own, "sliding_window": None}, 16), ({**own, "sliding_window": 99}, 16)):
        (folder / "config.json").write_text(json.dumps(given))
        assert load_pretrained(folder).model.max_positions == positions
    (folder / "config.json").write_text(json.dumps({**own, "sliding_window": "9"}))
    with pytest.raises(ValueError, match=r"config\.json: sliding_window: expected an integer"):
        load_pretrained(folder)


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("LlamaForCausalLM", {"hidden_act": ["silu"]}, r"config.json: the activation \['silu'\] is none of"),
        ("T5ForConditionalGeneration", {"feed_forward_proj": {}}, r"config.json: the activation \{\} is none of"),
        ("LlamaForCausalLM", {"tie_word_embeddings": "no"}, "config.json: tie_word_embeddings: expected 0, 1, .* 'no'"),
        ("MarianMTModel", {"scale_embedding": [1]}, r"config.json: scale_embedding: expected 0, 1, .* \[1\]"),
        ("T5ForConditionalGeneration", {"scale_decoder_outputs": 2}, "config.json: scale_decoder_outputs: .* got 2"),
        ("LlamaForCausalLM", {"num_hidden_layers": 10**9}, "config.json: says 1000000000 layers"),
        ("BertModel", {"hidden_size": -8}, "config.json: hidden_size: expected an integer >= 1, got -8"),
        ("LlamaForCausalLM", {"pretraining_tp": 2}, "config.json: pretraining_tp=2 would give other numbers"),
        (
            "LlamaForCausalLM",
            {"attention_bias": True},
            r"missing layers\.0\.self_attn\.q_proj\.bias, .*o_proj\.bias",
        ),
        ("LlamaForCausalLM", {"mlp_bias": True}, r"missing layers\.0\.mlp\.gate_proj\.bias, .*up_proj\.bias"),
        ("LlamaForCausalLM", {"attention_bias": "yes"}, "config.json: attention_bias: expected 0, 1, .* got 'yes'"),
        (
            "Qwen3ForCausalLM",
            {"use_sliding_window": True},
            "config.json: use_sliding_window=True would give other numbers",
        ),
        ("LlamaForCausalLM", {"architectures": ["Phi3ForCausalLM"]}, "in config.json, got 'Phi3ForCausalLM'"),
    ],
)
def test_settings_that_mean_nothing_or_something_else_are_named(name, said, message, tmp_path):
    folder, record = recorded.folder(tmp_path, name)
    (folder / "config.json").write_text(json.dumps({**record["config"], **said}))
    with pytest.raises(ValueError, match=message):
        load_pretrained(folder)
