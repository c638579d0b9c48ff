"""The numbers and texts of transformers, recorded: see pretrained_record.py."""

import json
import re

import numpy as np
import pretrained_record as recorded
import pytest

from seqnn import load_pretrained

RECORDS = json.loads(recorded.FILE.read_text())


def numbers(model, ids):
    return (model(ids, None, model.shift_right(ids)) if hasattr(model, "shift_right") else model(ids)).numpy()


@pytest.mark.parametrize("name", RECORDS)
def test_a_folder_gives_the_numbers_that_transformers_computed(name, tmp_path):
    folder, record = recorded.folder(tmp_path / "model", name)
    model = load_pretrained(folder).model
    ids = recorded.ENDED if name == "BartForSequenceClassification" else recorded.IDS
    np.testing.assert_allclose(numbers(model, ids), record["numbers"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "greedy" in record])
def test_greedy_and_beam_search_write_the_tokens_of_transformers(name, tmp_path):
    folder, record = recorded.folder(tmp_path / "model", name)
    model = load_pretrained(folder)
    skipped = 1 if hasattr(model.model, "shift_right") else 0  # they begin with the token that begins the decoder
    for key, options in (("greedy", {}), ("beams", {"num_beams": 3})):
        found = model.generate(recorded.IDS, 6, pad_token_id=recorded.PADDING, **options)
        np.testing.assert_array_equal(found, np.array(record[key])[:, skipped:], err_msg=key)


TIED = {
    "GPT2LMHeadModel": ("transformer.wte.weight", "lm_head.weight"),
    "BertForMaskedLM": ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
    "RobertaForMaskedLM": ("roberta.embeddings.word_embeddings.weight", "lm_head.decoder.weight"),
    "BartForConditionalGeneration": ("model.shared.weight", "model.encoder.embed_tokens.weight"),
    "MarianMTModel": ("model.shared.weight", "lm_head.weight"),
    "T5ForConditionalGeneration": ("shared.weight", "decoder.embed_tokens.weight"),
    "T5ForConditionalGeneration 1.1": ("shared.weight", "decoder.embed_tokens.weight"),
}


@pytest.mark.parametrize("name", TIED)
def test_a_tied_weight_may_stand_under_any_of_its_names(name, tmp_path):
    folder, record = recorded.folder(tmp_path / "model", name)
    state = recorded.weights(record["shapes"])
    state[TIED[name][1]] = state.pop(TIED[name][0])
    recorded._safetensors.save(folder / "model.safetensors", state)
    model = load_pretrained(folder).model
    np.testing.assert_allclose(numbers(model, recorded.IDS), record["numbers"], atol=1e-4, rtol=1e-4)


SKIPPING = ("Roberta", "MPNet", "Bart", "MBart")
"""Models whose tables of positions begin with two rows that no position has."""


@pytest.mark.parametrize("name", RECORDS)
def test_a_folder_is_written_with_the_names_and_numbers_that_it_had(name, tmp_path):
    folder, record = recorded.folder(tmp_path / "model", name)
    load_pretrained(folder).save_pretrained(tmp_path / "copy")
    found, expected = (
        recorded._safetensors.load(place / "model.safetensors")[0] for place in (tmp_path / "copy", folder)
    )
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        rows = 2 if name.startswith(SKIPPING) and re.search("embed_positions|position_embeddings", key) else 0
        np.testing.assert_array_equal(found[key][rows:], array[rows:], err_msg=key)
    config = json.loads((tmp_path / "copy" / "config.json").read_text())
    assert {**record["config"], "dtype": "float32"} == config
