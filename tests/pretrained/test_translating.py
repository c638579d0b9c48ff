"""Texts through folders of translators: languages, the settings of the folder, the command line, and what is wrong."""

import json

import numpy as np
import pretrained_record as recorded
import pytest
from test_cli import run

from seqnn import _safetensors, load_pretrained
from seqnn.models import BART

tokenizers = pytest.importorskip("tokenizers")
WORDS = ["<s>", "<pad>", "</s>", "<unk>", "eng", "deu", "__fr__", *(f"w{i}" for i in range(7, 31))]


@pytest.fixture
def folder(tmp_path):
    """A translator with a tokenizer whose texts begin with "eng" and end with "</s>", as NLLB's."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(WORDS[:7])
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="eng $A </s>", special_tokens=[("eng", 4), ("</s>", 2)]
    )
    place = recorded.folder(tmp_path / "m2m", "M2M100ForConditionalGeneration")[0]
    made.save(str(place / "tokenizer.json"))
    return place


def said(folder, **settings):
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 2, **settings}))


TEXTS = ["w9 w20", "w11 w12 w30 w8"]


def test_an_answer_is_in_the_language_that_is_asked_for(folder):
    model = load_pretrained(folder)
    for language, number in (("deu", 5), ("fr", 6)):
        rows = [[4, 9, 20, 2], [4, 11, 12, 30, 8, 2]]
        expected = [model.model.generate([row], 9, forced_bos_token_id=number)[0] for row in rows]
        assert all(row[0] == number for row in expected)
        texts = model.generate(TEXTS, 9, target_language=language)
        assert texts == [model.tokenizer.decode(row[row != 2]) for row in expected]
        assert "".join(model.stream(TEXTS[0], 9, target_language=language)) == texts[0]


def test_a_text_is_read_in_its_language(folder):
    model = load_pretrained(folder)
    expected = model.model.generate([[5, 9, 20, 2]], 9, forced_bos_token_id=4, num_beams=2)
    found = model.generate(TEXTS[0], 9, source_language="deu", target_language="eng", num_beams=2)
    assert found == model.tokenizer.decode(expected[0][expected[0] != 2])
    assert [row.tolist() for row in model.read(TEXTS, "fr")] == [[6, 9, 20, 2], [6, 11, 12, 30, 8, 2]]


def test_settings_of_the_folder_count_unless_others_are_given(folder):
    said(
        folder, num_beams=3, max_length=7, length_penalty=0.2, forced_eos_token_id=[2], do_sample=True, temperature=0.1
    )
    model = load_pretrained(folder)
    rows = [[4, 9, 20, 2]]
    options = {"num_beams": 3, "length_penalty": 0.2, "forced_eos_token_id": 2}
    np.testing.assert_array_equal(model.generate(rows), model.model.generate(rows, 6, **options))
    np.testing.assert_array_equal(
        model.generate(rows, 4, num_beams=1), model.model.generate(rows, 4, forced_eos_token_id=2)
    )
    assert model.defaults["max_new_tokens"] == 6 and "temperature" not in model.defaults


def test_the_command_line_translates(folder, capsys):
    said(folder, num_beams=2, max_length=8)
    model = load_pretrained(folder)
    for given, options in (
        (["--target-language", "deu"], {"target_language": "deu"}),
        (["--source-language", "deu", "--target-language", "fr"], {"source_language": "deu", "target_language": "fr"}),
        (["--num-beams", 1, "--target-language", "deu"], {"num_beams": 1, "target_language": "deu"}),
    ):
        code, out, err = run(capsys, "generate", folder, TEXTS[1], *given)
        assert (code, out, err) == (0, model.generate(TEXTS[1], **options) + "\n", "")
    code, _, err = run(capsys, "generate", folder, TEXTS[1], "--target-language", "pol")
    assert code == 1 and "target_language: expected a language that the tokenizer has a token for, got 'pol'" in err


def with_gpt(folder):
    return recorded.folder(folder.parent / "gpt", "GPT2LMHeadModel")[0]


def changed(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder


def without(folder, name):
    state = _safetensors.load(folder / "model.safetensors", mmap=False)[0]
    del state[name]
    _safetensors.save(folder / "model.safetensors", state)
    return folder


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda f: load_pretrained(f).generate(TEXTS, target_language="xx"), "expected a language .* got 'xx'"),
        (lambda f: load_pretrained(f).generate(TEXTS, target_language=3), "expected a language .* got 3"),
        (lambda f: load_pretrained(f).generate(TEXTS, source_language="xx"), "source_language: expected a language"),
        (lambda f: load_pretrained(changed(f, decoder_start_token_id=5)).target("fr"), "one that begins with 5"),
        (lambda f: said(f, num_beams=0) or load_pretrained(f), r"generation_config\.json: num_beams"),
        (lambda f: said(f, max_length=[3]) or load_pretrained(f), r"generation_config\.json: max_length: .*got \[3\]"),
        (lambda f: load_pretrained(changed(f, decoder_layers="2")), r"config\.json: decoder_layers: expected an integer"),
        (lambda f: load_pretrained(changed(f, decoder_start_token_id="2")), r"config\.json: decoder_start_token_id"),
        (lambda f: load_pretrained(changed(f, eos_token_id="2")), r"config\.json: eos_token_id: expected an integer"),
        (lambda f: load_pretrained(changed(f, pad_token_id=99)), "pad_id: expected at most 30, got 99"),
        (lambda f: load_pretrained(changed(f, model_type="bart")), "model_type: expected 'm2m_100', got 'bart'"),
        (lambda f: load_pretrained(changed(f, share_encoder_decoder_embeddings=False)), "would give other numbers"),
        (lambda f: load_pretrained(changed(f, architectures=["BartModel"], model_type="bart")), "missing .*embed_positions"),
        (lambda f: load_pretrained(without(f, "model.decoder.layers.0.fc1.bias")), "missing .*decoder.layers.0.fc1.bias"),
        (lambda f: load_pretrained(with_gpt(f)).generate([[3]], target_language="fr"), "expected a tokenizer.json, got none"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(act, message, folder):
    with pytest.raises((ValueError, TypeError), match=message):
        act(folder)


def test_ids_have_no_language(folder):
    with pytest.raises(TypeError, match="source_language: expected texts as prompts, got token ids"):
        load_pretrained(folder).generate([[4, 9, 2]], source_language="deu")


def test_more_tokens_than_learned_positions_are_refused(tmp_path):
    model = load_pretrained(recorded.folder(tmp_path, "BartForConditionalGeneration")[0])
    assert model.defaults["max_new_tokens"] == 16
    with pytest.raises(ValueError, match="max_new_tokens: expected at most max_positions=16, got 17"):
        model.generate([[5, 2]], 17)
    with pytest.raises(ValueError, match="ids: expected at most max_positions=16, got 17"):
        model.generate([[5] * 17], 3)


def test_a_bart_writes_the_same_with_and_without_whole_steps(tmp_path):
    for name in ("BartForConditionalGeneration", "MarianMTModel", "M2M100ForConditionalGeneration"):
        model = load_pretrained(recorded.folder(tmp_path / name, name)[0]).model
        plain = model.generate(recorded.IDS, 8, num_beams=2)

        class Watched(BART):
            """Of another class, whose layers run one by one."""

        model.__class__ = Watched
        np.testing.assert_array_equal(model.generate(recorded.IDS, 8, num_beams=2), plain)


def test_options_of_a_bart_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="positions: expected one of learned, sinusoidal, fairseq, got 'rotary'"):
        BART(20, d_model=8, nhead=2, num_layers=1, positions="rotary")
    with pytest.raises(ValueError, match="embedding_norm: expected False with positions='fairseq', got True"):
        BART(20, d_model=8, nhead=2, num_layers=1, positions="fairseq")
