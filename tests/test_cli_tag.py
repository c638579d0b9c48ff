"""The command `seqnn tag`, as a user types it."""

import json

import pytest
from test_cli import run

from seqnn import KeyedVectors
from seqnn.models import Tagger
from seqnn.text import read_conll, write_conll

TOKENS = [["Ada", "lives", "in", "Rome"], ["Rome", "is", "old"], ["old", "Bob", "lives"]] * 8
TAGS = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "O"], ["O", "B-PER", "O"]] * 8
OPTIONS = ["--max-iter", 15, "--hidden-size", 12, "--learning-rate", 0.03, "--embedding-size", 8]


@pytest.fixture(name="file")
def tagged_file(tmp_path):
    write_conll(tmp_path / "train.conll", TOKENS, TAGS)
    return tmp_path / "train.conll"


@pytest.fixture(name="model")
def trained(file, tmp_path, capsys):
    code, out, err = run(capsys, "tag", "train", file, "--validation", file, "-o", tmp_path / "m", *OPTIONS)
    assert (code, err) == (0, "") and "80 tokens in 24 sentences" in out and "best F1 100.00 % after epoch" in out
    return tmp_path / "m"


def test_a_model_is_trained_scored_and_used(model, file, tmp_path, capsys):
    expected = Tagger.load(model)
    assert expected.hidden_size == 12 and expected.predict(TOKENS) == TAGS
    code, out, _ = run(capsys, "tag", "evaluate", model, file)
    assert code == 0 and "FB1: 100.00" in out and "PER" in out
    assert json.loads(run(capsys, "tag", "evaluate", model, file, "--json")[1])["f1"] == 1
    text = tmp_path / "text"
    text.write_text("Bob lives in Rome\n\nRome is old\n")
    assert run(capsys, "tag", "predict", model, text)[1] == "[Bob PER] lives in [Rome LOC]\n\n[Rome LOC] is old\n"
    first = json.loads(run(capsys, "tag", "predict", model, text, "--json")[1].splitlines()[0])
    assert [(e["start"], e["end"], e["type"]) for e in first["entities"]] == [(0, 3, "PER"), (13, 17, "LOC")]
    (tmp_path / "found").write_text(run(capsys, "tag", "predict", model, text, "--conll")[1])
    assert read_conll(tmp_path / "found").tags == [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "O"]]


def test_single_labels_have_an_accuracy_and_vectors_are_read(file, tmp_path, capsys):
    KeyedVectors.from_arrays(["ada", "rome"], [[1.0, 0.0], [0.0, 1.0]]).save(tmp_path / "v")
    options = [
        "--scheme",
        "none",
        "--spelling",
        "none",
        "--vectors",
        tmp_path / "v",
        "--quiet",
        "--seed",
        3,
        "--cell",
        "gru",
    ]
    assert run(capsys, "tag", "train", file, "-o", tmp_path / "m", "--max-iter", 1, *options) == (0, "", "")
    model = Tagger.load(tmp_path / "m")
    assert (model.spelling, model.scheme, model.cell, model.random_state) == (None, None, "gru", 3)
    assert model.model_.reader.embedding.words.weight.shape[1] == 2
    assert run(capsys, "tag", "evaluate", tmp_path / "m", file)[1].startswith("accuracy ")
    assert "accuracy" in json.loads(run(capsys, "tag", "evaluate", tmp_path / "m", file, "--json")[1])


def test_what_goes_wrong_is_told_in_a_line(file, tmp_path, capsys):
    (tmp_path / "text").write_text("no tags\nhere are none\n")
    code, _, err = run(capsys, "tag", "train", tmp_path / "text", "-o", tmp_path / "m")
    assert code == 1 and "text: line 2: expected 2 columns as in line 1, got 3" in err
    code, _, err = run(capsys, "tag", "train", file, "-o", file)
    assert code == 1 and "is read by this command, and would be replaced by its result" in err
    code, _, err = run(capsys, "tag", "train", file, "-o", tmp_path / "m", "--encoding", "utf-17")
    assert code == 1 and "encoding: expected the name of one that keeps ASCII" in err
    code, _, err = run(capsys, "tag", "predict", file)
    assert code == 1 and str(file) in err
