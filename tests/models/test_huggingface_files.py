"""Folders and files of Hugging Face's: read without torch, checked before anything changes."""

import json

import numpy as np
import pytest

from seqnn import _safetensors, load_pretrained
from seqnn._huggingface import BERT as FAMILY
from seqnn._huggingface import state_of
from seqnn.models import BERT, GPT, T5, BERTForPretraining

CONFIG = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 20, "n_positions": 8, "n_embd": 4,
          "n_head": 2, "n_layer": 2}  # fmt: skip
SMALL = {"max_positions": 8, "d_model": 4, "nhead": 2, "num_layers": 2}


def from_huggingface(folder):
    """The network of a folder, whatever its head."""
    return load_pretrained(folder).model


def arrays(seed=0):
    """A GPT-2 of these sizes."""
    draw = np.random.default_rng(seed)
    shapes = {"wte.weight": (20, 4), "wpe.weight": (8, 4), "ln_f.weight": (4,), "ln_f.bias": (4,)}
    for i in range(2):
        layer = {
            "ln_1": (4,),
            "ln_2": (4,),
            "attn.c_attn": (4, 12),
            "attn.c_proj": (4, 4),
            "mlp.c_fc": (4, 16),
            "mlp.c_proj": (16, 4),
        }
        for name, shape in layer.items():
            shapes[f"h.{i}.{name}.weight"], shapes[f"h.{i}.{name}.bias"] = shape, shape[-1:]
    return {f"transformer.{name}": draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def folder(path, config=CONFIG, state=None, **files):
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    if state is not None:
        _safetensors.save(path / "model.safetensors", state)
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def logits(model):
    return model.eval()(np.array([[3, 1, 4, 1]])).data


def test_a_folder_makes_the_model(tmp_path):
    state = arrays()
    place = folder(tmp_path / "gpt", state=state)
    expected = logits(GPT(20, **SMALL).load_huggingface(state))
    for model in (from_huggingface(place), from_huggingface(str(place)), GPT.from_huggingface(place)):
        assert isinstance(model, GPT) and not model.training
        np.testing.assert_array_equal(logits(model), expected)
    for source in (place, place / "model.safetensors", str(place)):
        np.testing.assert_array_equal(logits(GPT(20, **SMALL).load_huggingface(source)), expected)


def test_shards_are_joined(tmp_path):
    state = arrays()
    names = sorted(state)
    place = folder(tmp_path / "gpt")
    index = {}
    for number, part in enumerate((names[:9], names[9:])):
        _safetensors.save(place / f"model-{number}.safetensors", {name: state[name] for name in part})
        index |= dict.fromkeys(part, f"model-{number}.safetensors")
    (place / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    expected = logits(GPT(20, **SMALL).load_huggingface(state))
    np.testing.assert_array_equal(logits(from_huggingface(place)), expected)
    model = GPT(20, **SMALL).load_huggingface(place / "model.safetensors.index.json")
    np.testing.assert_array_equal(logits(model), expected)
    for change, message in (
        ({"weight_map": {**index, "extra": "model-1.safetensors"}}, "extra are in none of its files"),
        (
            {"weight_map": {**index, names[0]: "model-9.safetensors"}},
            "names the file model-9.safetensors, which is missing",
        ),
        (
            {"weight_map": {**index, names[0]: "../model-0.safetensors"}},
            "expected a weight_map from names to files beside it",
        ),
        ({"weight_map": [1]}, "expected a weight_map"),
        ([], "expected a JSON object, got list"),
    ):
        (place / "model.safetensors.index.json").write_text(json.dumps(change))
        with pytest.raises(ValueError, match=message) as caught:
            from_huggingface(place)
        assert "model.safetensors.index.json" in str(caught.value)


def test_bfloat16_becomes_float32(tmp_path):
    state = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in arrays().items()}
    rounded = {name: (bits.astype(np.uint32) << 16).view(np.float32) for name, bits in state.items()}
    path = tmp_path / "bf16.safetensors"
    _safetensors.save(path, state, bfloat16=state)
    np.testing.assert_array_equal(
        logits(GPT(20, **SMALL).load_huggingface(path)), logits(GPT(20, **SMALL).load_huggingface(rounded))
    )

    class Tensor:  # as torch's: no array of NumPy's without a conversion
        dtype = "torch.bfloat16"

        def __init__(self, array):
            self.array = array

        def detach(self):
            return self

        def float(self):
            return self.array

    wrapped = {name: Tensor(array) for name, array in rounded.items()}
    np.testing.assert_array_equal(
        logits(GPT(20, **SMALL).load_huggingface(wrapped)), logits(GPT(20, **SMALL).load_huggingface(rounded))
    )


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, bool, np.uint16])
def test_integers_are_no_weights(tmp_path, kind):
    state = arrays()
    state["transformer.h.1.mlp.c_fc.weight"] = np.ones((4, 16), kind)
    model = GPT(20, **SMALL)
    before = model.embedding.weight.data.copy()
    _safetensors.save(tmp_path / "file", state)
    for source in (state, tmp_path / "file"):
        with pytest.raises(ValueError, match=r"layers\.1\.linear1\.weight holds .*, no floating numbers"):
            model.load_huggingface(source)
    np.testing.assert_array_equal(model.embedding.weight.data, before)


def test_parts_that_are_joined_are_checked_each():
    bert = BERT(20, d_model=8, nhead=2, num_layers=1, dim_feedforward=12, pooler=False)
    state = state_of(bert, FAMILY.table(bert))
    key = "bert.encoder.layer.0.attention.self.key.weight"
    for array, message in (
        (np.ones((8, 8), np.int32), r"self_attn\.in_proj_weight holds int32, no floating numbers"),
        (np.ones((8, 7), np.float32), r"self\.value\.weight have the shapes \[8, 8\], \[8, 7\], \[8, 8\]"),
        (np.float32(1), r"have the shapes \[8, 8\], \[\], \[8, 8\]"),
    ):
        with pytest.raises(ValueError, match=message):
            bert.load_huggingface({**state, key: array})


def test_a_table_of_its_own_is_not_dropped(tmp_path):
    state = arrays()
    own = {**state, "lm_head.weight": np.random.default_rng(1).standard_normal((20, 4)).astype(np.float32)}
    copy = {**state, "lm_head.weight": state["transformer.wte.weight"].copy()}
    np.testing.assert_array_equal(
        logits(GPT(20, **SMALL).load_huggingface(copy)), logits(GPT(20, **SMALL).load_huggingface(state))
    )
    with pytest.raises(
        ValueError,
        match=r"lm_head\.weight is no copy of what is embedding\.weight here: make the model with tied=False",
    ):
        GPT(20, **SMALL).load_huggingface(own)
    untied = GPT(20, **SMALL, tied=False).load_huggingface(own)
    hidden = untied.eval().encode(np.array([[3, 1, 4, 1]])).data
    np.testing.assert_allclose(logits(untied), hidden @ own["lm_head.weight"].T, atol=1e-5)
    found = from_huggingface(folder(tmp_path / "own", {**CONFIG, "tie_word_embeddings": False}, own))
    np.testing.assert_array_equal(logits(found), logits(untied))
    with pytest.raises(ValueError, match=r"own: the state does not fit GPT: lm_head\.weight is no copy"):
        from_huggingface(folder(tmp_path / "own", CONFIG, own))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True would give other numbers"),
        ({"scale_attn_weights": False}, "scale_attn_weights=False would give other numbers"),
        ({"activation_function": "mish"}, "the activation 'mish' is none of gelu, gelu_new"),
        ({"n_head": 3}, "embed_dim=4 is no multiple of num_heads=3"),
        ({"n_layer": 3}, r"missing h\.2\.ln_1\.weight|missing h\.2"),
        ({"n_layer": 10**9}, "says 1000000000 layers, but there are only 28 arrays"),
        ({"vocab_size": 2**60}, "gpt: "),
        ({"vocab_size": "many"}, "gpt: "),
        ({"n_positions": 9}, r"positions\.weight: expected shape \(9, 4\), got \(8, 4\)"),
        ({"model_type": "llama"}, "model_type: expected 'gpt2', got 'llama'"),
        ({"architectures": ["MambaForCausalLM"]}, "expected one of GPT2LMHeadModel, .* got 'MambaForCausalLM'"),
        ({"architectures": None}, "in config.json, got None"),
        ({"architectures": ["BertModel"]}, "model_type: expected 'bert', got 'gpt2'"),
    ],
)
def test_a_configuration_that_would_give_other_numbers_is_refused(tmp_path, change, message):
    place = folder(tmp_path / "gpt", {**CONFIG, **change}, arrays())
    with pytest.raises(ValueError, match=message) as caught:
        from_huggingface(place)
    assert str(place) in str(caught.value)


def test_folders_without_what_is_needed(tmp_path):
    place = tmp_path / "gpt"
    with pytest.raises(ValueError, match=r"expected a folder with config\.json and the weights, got nothing"):
        from_huggingface(place)
    folder(place, CONFIG)
    with pytest.raises(
        ValueError, match=r"expected model\.safetensors or model\.safetensors\.index\.json, got config\.json"
    ):
        from_huggingface(place)
    (place / "pytorch_model.bin").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(
        ValueError, match=r"pytorch_model\.bin: a file of torch\.save, .* can run any code\. .*save_pretrained"
    ):
        from_huggingface(place)
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: a file of torch\.save"):
        GPT(20, **SMALL).load_huggingface(place / "pytorch_model.bin")
    (place / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: not valid JSON"):
        from_huggingface(place)
    (place / "config.json").unlink()
    with pytest.raises(ValueError, match=r"expected a config\.json beside the weights"):
        from_huggingface(place)
    with pytest.raises(FileNotFoundError):
        GPT(20, **SMALL).load_huggingface(tmp_path / "none.safetensors")


def test_damaged_files_are_named(tmp_path):
    place = folder(tmp_path / "gpt", state=arrays())
    whole, draw = (place / "model.safetensors").read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        mutant = bytearray(whole)
        for at in draw.integers(0, 3000, draw.integers(1, 4)):
            mutant[at] = draw.integers(256)
        (place / "model.safetensors").write_bytes(mutant)
        message = refusal(place)
        assert message is None or str(place) in message


def refusal(place):
    """Why a folder is refused; None where it is read."""
    try:
        from_huggingface(place)
    except ValueError as error:
        return str(error)


def test_what_is_no_array_is_named():
    with pytest.raises(TypeError, match=r"h\.0\.ln_1\.weight: expected an array|holds"):
        GPT(20, **SMALL).load_huggingface({**arrays(), "h.0.ln_1.weight": [[1], [1, 2]]})


def test_options_say_what_a_model_has():
    bare = BERT(20, d_model=4, nhead=2, num_layers=1, pooler=False)
    assert not any("pooler" in name for name in bare.state_dict())
    with pytest.raises(ValueError, match="pool: this BERT has no pooler; make it with pooler=True"):
        bare.pool(bare([[1, 2]]))
    with pytest.raises(ValueError, match="next_sentence: expected a BERT with a pooler"):
        BERTForPretraining(bare)
    only = BERTForPretraining(bare, next_sentence=False)
    assert only([[1, 2]]).shape == (1, 2, 20)
    with pytest.raises(ValueError, match="next_targets: this model was made with next_sentence=False"):
        only([[1, 2]], None, None, [[1, 2]], [0])
    encoder = T5(20, d_model=4, nhead=2, head_dim=2, num_layers=1, num_decoder_layers=0, dim_feedforward=8)
    assert not any(name.startswith(("decoder", "head")) for name in encoder.state_dict())
    assert encoder.encode([[1, 2]]).shape == (1, 2, 4)
    for call in (lambda: encoder([[1]], None, [[1]]), lambda: encoder.generate([[1]], 2)):
        with pytest.raises(ValueError, match="made with num_decoder_layers=0; only encode works"):
            call()
