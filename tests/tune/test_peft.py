"""LoRA against peft: the same numbers of the same files, which are read and written."""

import json

import numpy as np
import peft_record as recorded
import pytest

from seqnn import _safetensors, load_pretrained


def logits(model, name):
    ids = recorded.models.IDS
    return model(ids, None, ids).numpy() if name.startswith("T5") else model(ids).numpy()


@pytest.mark.parametrize("name", recorded.CASES)
def test_a_file_of_peft_gives_the_logits_of_peft_merged_or_not(name, tmp_path):
    folder, adapter, expected = recorded.folders(tmp_path, name)
    found = load_pretrained(folder)
    plain = logits(found.model, name)
    found.adapters.load(adapter)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits(found.model, name), expected, rtol=1e-4, atol=1e-5 * scale)
    assert np.abs(plain - expected).max() > 0.01 * scale
    found.adapters.merge()
    np.testing.assert_allclose(logits(found.model, name), expected, rtol=1e-4, atol=1e-5 * scale)
    found.adapters.unmerge()
    found.adapters.save(tmp_path / "again")
    given, written = ((_safetensors.load(p / "adapter_model.safetensors")[0]) for p in (adapter, tmp_path / "again"))
    assert given.keys() == written.keys() and all(np.array_equal(written[key], array) for key, array in given.items())
    told = json.loads((tmp_path / "again" / "adapter_config.json").read_text())
    assert told["fan_in_fan_out"] == (name == "GPT2LMHeadModel") and told["peft_type"] == "LORA"


def test_a_merged_model_is_written_as_a_plain_one(tmp_path):
    folder, adapter, expected = recorded.folders(tmp_path, "GPT2LMHeadModel")
    found = load_pretrained(folder)
    found.adapters.load(adapter)
    with pytest.raises(ValueError, match="save_pretrained: expected a model without adapters, got one with default"):
        found.save_pretrained(tmp_path / "whole")
    found.adapters.merge_and_unload()
    found.save_pretrained(tmp_path / "whole")
    again = load_pretrained(tmp_path / "whole").model
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits(again, "GPT2"), expected, rtol=1e-4, atol=1e-5 * scale)


def test_an_adapter_of_another_model_is_refused_with_the_names_and_shapes_that_differ(tmp_path):
    bert, _, _ = recorded.folders(tmp_path / "a", "BertForSequenceClassification")
    _, distil, _ = recorded.folders(tmp_path / "b", "DistilBertForSequenceClassification")
    _, gpt, _ = recorded.folders(tmp_path / "c", "GPT2LMHeadModel")
    found = load_pretrained(bert)
    before = logits(found.model, "Bert")
    with pytest.raises(
        ValueError, match=r"target_modules: no module is meant by .*; there are bert\.encoder\.layer\.\*"
    ):
        found.adapters.load(distil)
    with pytest.raises(
        ValueError, match=r"the adapter is not one of this WithHead: missing .*; left over transformer\.h\.0"
    ):
        found.adapters.load(gpt)
    path = tmp_path / "a" / "adapter" / "adapter_model.safetensors"
    arrays = {key: array.copy() for key, array in _safetensors.load(path)[0].items()}
    wide = {key: array[:, :3] if key.endswith("lora_A.weight") else array for key, array in arrays.items()}
    _safetensors.save(path, wide)
    with pytest.raises(ValueError, match=r"query\.lora_A\.weight: expected \[2, 8\], got \[2, 3\]"):
        found.adapters.load(path.parent)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"adapter_model\.safetensors"):
        found.adapters.load(path.parent)
    assert not found.adapters.configs and np.array_equal(logits(found.model, "Bert"), before)


@pytest.mark.filterwarnings("ignore")
def test_what_is_written_is_opened_by_peft(tmp_path):
    peft, torch = pytest.importorskip("peft"), pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from seqnn import tune

    folder, _, _ = recorded.folders(tmp_path, "BertForSequenceClassification")
    found = load_pretrained(folder)
    config = tune.LoRA(r=3, lora_alpha=7, target_modules=["key", "output.dense"], modules_to_save=["classifier"])
    found.adapters.add("mine", config)
    draw = np.random.default_rng(0)
    for parameter in found.model.parameters():
        if parameter.requires_grad:
            parameter.data[...] = draw.normal(0, 0.5, parameter.shape)
    found.adapters.save(tmp_path / "mine")
    base = transformers.BertForSequenceClassification.from_pretrained(folder)
    theirs = peft.PeftModel.from_pretrained(base, tmp_path / "mine").eval()
    with torch.no_grad():
        expected = theirs(torch.from_numpy(recorded.models.IDS)).logits.numpy()
    np.testing.assert_allclose(found.model(recorded.models.IDS).numpy(), expected, rtol=1e-4, atol=1e-5)
