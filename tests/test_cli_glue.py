"""The command `seqnn glue`, as a user types it."""

import json

import pretrained_record as recorded
import pytest
from glue_data import write_task
from test_cli import run

from seqnn import load_pretrained
from seqnn.evaluate import run_glue
from seqnn.text import SubwordTokenizer

pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path):
    """A folder of a recorded model with a tokenizer, and the files of a task."""
    made = recorded.folder(tmp_path / "bert", "BertModel")[0]
    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    SubwordTokenizer.train(["the film is good"] * 9, kind="wordpiece", vocab_size=25, specials=specials).save(
        made / "tokenizer.json"
    )
    write_task(tmp_path / "data" / "RTE", "RTE", train=12, dev=6, test=4)
    return made


def test_scores_are_printed_and_answers_written(folder, tmp_path, capsys):
    options = ("--epochs", 1, "--batch-size", 4, "--seed", 3, "--max-length", 12)
    code, out, err = run(capsys, "glue", folder, "rte", tmp_path / "data", *options, "-o", tmp_path / "out")
    expected = run_glue(
        load_pretrained(folder), "RTE", tmp_path / "data", epochs=1, batch_size=4, seed=3, max_length=12, verbose=0
    )
    assert (code, out, err) == (0, f"RTE\taccuracy {expected.scores['RTE']['accuracy']:.4f}\n", "")
    expected.write(tmp_path / "expected")
    assert (tmp_path / "out" / "RTE.tsv").read_text() == (tmp_path / "expected" / "RTE.tsv").read_text()
    code, out, err = run(capsys, "glue", folder, "rte", tmp_path / "data", *options, "--json")
    assert json.loads(out) == {"task": "RTE", "scores": expected.scores, "loss": expected.history["loss"]}


def test_bad_input_is_told_in_one_line(folder, tmp_path, capsys):
    code, _, err = run(capsys, "glue", folder, "SNLI", tmp_path / "data")
    assert code == 1 and "task: expected one of CoLA," in err and "got 'SNLI'" in err
    code, _, err = run(capsys, "glue", folder, "CoLA", tmp_path / "none")
    assert code == 1 and "expected train.tsv of CoLA, in it or in its folder CoLA" in err
    code, _, err = run(capsys, "glue", tmp_path / "none", "RTE", tmp_path / "data")
    assert code == 1 and "expected a folder with config.json and the weights, got nothing" in err
