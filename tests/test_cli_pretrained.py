"""The commands `seqnn embed` and `seqnn fill-mask`, as a user types them."""

import io
import json

import numpy as np
import pretrained_record as recorded
import pytest
from test_cli import run

from seqnn import load_pretrained
from seqnn.text import SubwordTokenizer

pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path):
    """Return a function that makes a folder of a recorded model with a tokenizer."""

    def make(name):
        made = recorded.folder(tmp_path / name, name)[0]
        specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        SubwordTokenizer.train(["the cat sat"] * 9, kind="wordpiece", vocab_size=30, specials=specials).save(
            made / "tokenizer.json"
        )
        return made

    return make


def test_sentences_of_the_standard_input_become_an_array(folder, tmp_path, monkeypatch, capfdbinary):
    from seqnn._cli import main

    place = folder("BertModel")
    for options, normalize in (([], None), (["--normalize", "--batch-size", "1"], True)):
        monkeypatch.setattr("sys.stdin", io.StringIO("the cat\nsat\n"))
        assert main(["embed", str(place), *options, "-o", str(tmp_path / "vectors.npy")]) == 0
        expected = load_pretrained(place).embed(["the cat", "sat"], normalize=normalize)
        np.testing.assert_allclose(np.load(tmp_path / "vectors.npy"), expected, atol=1e-6)
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat\nsat\n"))
    capfdbinary.readouterr()
    with monkeypatch.context() as patched:
        held = io.TextIOWrapper(io.BytesIO())
        patched.setattr("sys.stdout", held)
        assert main(["embed", str(place)]) == 0
        found = np.load(io.BytesIO(held.buffer.getvalue()))
    np.testing.assert_allclose(found, load_pretrained(place).embed(["the cat", "sat"]), atol=1e-6)


def test_hidden_words_are_printed(folder, capsys):
    place = folder("BertForMaskedLM")
    (expected,) = load_pretrained(place).fill_mask("the [MASK] sat", 3)
    code, out, err = run(capsys, "fill-mask", place, "the", "[MASK]", "sat", "-k", 3)
    lines = [f"{filling.probability:.4f}\t{filling.token}\t{filling.text}" for filling in expected]
    assert (code, out.splitlines(), err) == (0, lines, "")
    code, out, err = run(capsys, "fill-mask", place, "the [MASK] sat", "-k", 3, "--json")
    assert [json.loads(line)["id"] for line in out.splitlines()] == [filling.id for filling in expected]


def test_a_text_with_all_its_hidden_words_is_printed(folder, capsys):
    place = folder("BertForMaskedLM")
    filled = load_pretrained(place).fill_masks("the [MASK] [MASK]", order="left_to_right")
    code, out, err = run(capsys, "fill-mask", place, "the [MASK] [MASK]", "--order", "left_to_right")
    assert (code, out, err) == (0, f"{filled.text}\n", "")
    code, out, err = run(capsys, "fill-mask", place, "the [MASK] [MASK]", "--order", "left_to_right", "--json")
    assert json.loads(out) == {"text": filled.text, "tokens": filled.tokens, "scores": filled.scores.tolist()}


def test_a_folder_of_another_kind_is_refused(folder, tmp_path, capsys):
    place = folder("BertModel")
    code, _, err = run(capsys, "fill-mask", place, "the [MASK]")
    assert code == 1 and "expected a model that fills in hidden words, got Encoder" in err
    code, _, err = run(capsys, "generate", place, "the")
    assert code == 1 and "expected a model that writes text, got BERT" in err
    code, _, err = run(capsys, "embed", tmp_path / "none")
    assert code == 1 and "expected a folder with config.json and the weights, got nothing" in err
    (place / "tokenizer.json").unlink()
    code, _, err = run(capsys, "embed", place)
    assert code == 1 and "expected a tokenizer.json" in err
