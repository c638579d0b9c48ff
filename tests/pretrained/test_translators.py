"""BART, Marian, mBART, M2M-100 and Pegasus of transformers, small and random: the same numbers, answers and files."""

import json

import numpy as np
import pytest
from pretrained_peers import close, ids, shaken

from seqnn import load_pretrained
from seqnn.models import BART
from seqnn.pretrained import Classifier, Generator

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZES = {
    "vocab_size": 60, "d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 4,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 40, "max_position_embeddings": 24,
}  # fmt: skip
MARIAN = {"pad_token_id": 59, "decoder_start_token_id": 59, "eos_token_id": 0, "forced_eos_token_id": 0}
MODELS = {
    "BartForConditionalGeneration": transformers.BartConfig(**SIZES),
    "MarianMTModel": transformers.MarianConfig(
        **SIZES, **MARIAN, activation_function="swish", scale_embedding=True, tie_word_embeddings=True
    ),
    "MBartForConditionalGeneration": transformers.MBartConfig(**SIZES, scale_embedding=True, decoder_start_token_id=2),
    "M2M100ForConditionalGeneration": transformers.M2M100Config(**SIZES),
    "PegasusForConditionalGeneration": transformers.PegasusConfig(**SIZES, scale_embedding=True),
}
LENGTHS = np.array([11, 6, 9])
MASK = np.arange(11) < LENGTHS[:, None]


def made(name):
    theirs = shaken(getattr(transformers, name)(MODELS[name]))
    if hasattr(theirs, "final_logits_bias"):
        theirs.final_logits_bias += 0.3 * torch.randn_like(theirs.final_logits_bias)
    return fixed(theirs)


def fixed(theirs):
    """The model with the positions of its kind, where they are not learned: `shaken` or a rounding may have moved them."""
    for part in (theirs.model.encoder, theirs.model.decoder):
        if hasattr(part.embed_positions, "create_weight"):
            with torch.no_grad():
                part.embed_positions.weight.copy_(part.embed_positions.create_weight())
    return theirs


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", MODELS)
def test_a_translator_gives_the_logits_gradients_and_answers_of_transformers_and_goes_back(name, dtype, tmp_path):
    theirs = made(name)
    theirs.to(getattr(torch, dtype)).save_pretrained(tmp_path / "theirs")
    theirs = fixed(type(theirs).from_pretrained(tmp_path / "theirs", dtype=torch.float32).eval())
    found = load_pretrained(tmp_path / "theirs")
    assert type(found) is Generator and type(found.model) is BART
    ours, padding = found.model, theirs.config.pad_token_id
    x, y = np.where(MASK, ids(3, 11), padding), ids(3, 7, seed=1)
    y[1, 5:] = -100
    given = {"input_ids": torch.from_numpy(x), "attention_mask": torch.from_numpy(MASK * 1)}
    expected = theirs(**given, labels=torch.from_numpy(y))
    counted = y != -100
    logits, wanted = ours(x, LENGTHS, ours.shift_right(y))[counted], expected.logits[torch.from_numpy(counted)]
    close(logits, wanted)
    close(ours(x, None, ours.shift_right(y), attention_mask=MASK)[counted], wanted)
    close(ours(x, LENGTHS, ours.shift_right(y), y), expected.loss)
    (logits**2).sum().backward()
    (wanted**2).sum().backward()
    gradient = theirs.get_input_embeddings().weight.grad
    close(ours.embedding.weight.grad / gradient.abs().max().item(), gradient / gradient.abs().max())
    for options in (
        {"num_beams": 1},
        {"num_beams": 3},
        {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True},
    ):
        wanted = theirs.generate(**given, max_new_tokens=8, do_sample=False, **options).numpy()[:, 1:]
        written = found.generate(x, 8, lengths=LENGTHS, pad_token_id=padding, **options)
        np.testing.assert_array_equal(written, wanted)
    found.save_pretrained(tmp_path / "ours")
    back, told = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not told["unexpected_keys"] and all("embed_positions" in key for key in told["missing_keys"])
    answers = fixed(back.eval())(**given, labels=torch.from_numpy(y)).logits
    close(logits, answers[torch.from_numpy(counted)])
    again = load_pretrained(tmp_path / "ours").model
    np.testing.assert_array_equal(again(x, None, y * 0).numpy(), ours(x, None, y * 0).numpy())


SAID = {
    "beams and penalties": {"num_beams": 3, "length_penalty": 0.6, "no_repeat_ngram_size": 2, "min_length": 5, "max_length": 12},
    "forced and forbidden": {"num_beams": 2, "bad_words_ids": [[59], [7]], "forced_bos_token_id": 5, "max_length": 9},
    "renormalised": {"num_beams": 4, "bad_words_ids": [[7], [8], [12], [40]], "renormalize_logits": True, "max_length": 9},
    "penalised": {"repetition_penalty": 1.7, "suppress_tokens": [9, 10], "begin_suppress_tokens": [11], "max_length": 10},
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("name", ["BartForConditionalGeneration", "MarianMTModel"])
def test_the_settings_of_a_folder_are_those_of_transformers(name, said, tmp_path):
    theirs = made(name)
    theirs.generation_config.update(**SAID[said])
    theirs.save_pretrained(tmp_path)
    x = ids(3, 9, seed=2)
    expected = theirs.generate(torch.from_numpy(x), do_sample=False).numpy()[:, 1:]
    found = load_pretrained(tmp_path).generate(x, pad_token_id=theirs.config.pad_token_id)
    np.testing.assert_array_equal(found, expected)


def test_a_classifier_of_bart_gives_the_probabilities_and_gradients_of_transformers_and_goes_back(tmp_path):
    config = transformers.BartConfig(**SIZES, num_labels=3, id2label={0: "a", 1: "b", 2: "c"})
    theirs = shaken(transformers.BartForSequenceClassification(config))
    theirs.save_pretrained(tmp_path / "theirs")
    found = load_pretrained(tmp_path / "theirs")
    assert type(found) is Classifier and found.classes == ["a", "b", "c"]
    x = ids(3, 11)
    x[np.arange(3), LENGTHS - 1] = 2  # the end of each text
    x = np.where(MASK, x, 1)
    expected = theirs(torch.from_numpy(x), attention_mask=torch.from_numpy(MASK * 1)).logits
    close(found.model(x, LENGTHS), expected)
    close(found.predict_proba([row[:n] for row, n in zip(x, LENGTHS, strict=True)]), expected.softmax(1))
    (found.model(x, LENGTHS) ** 2).sum().backward()
    (expected**2).sum().backward()
    close(found.model.encoder.bart.embedding.weight.grad, theirs.get_input_embeddings().weight.grad, 1e-3)
    found.save_pretrained(tmp_path / "ours")
    _, told = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]


def test_an_older_folder_says_in_its_configuration_how_to_write(tmp_path):
    theirs = made("BartForConditionalGeneration")
    theirs.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    config = json.loads((tmp_path / "config.json").read_text())
    said = {"num_beams": 3, "length_penalty": 0.5, "max_length": 8, "min_length": 4, "decoder_start_token_id": 2}
    (tmp_path / "config.json").write_text(json.dumps({**config, **said, "eos_token_id": 2}))
    x = ids(2, 9)
    options = {**said, "do_sample": False, "eos_token_id": 2, "forced_eos_token_id": config.get("forced_eos_token_id")}
    expected = theirs.generate(torch.from_numpy(x), **options).numpy()[:, 1:]
    np.testing.assert_array_equal(load_pretrained(tmp_path).generate(x, pad_token_id=1), expected)
