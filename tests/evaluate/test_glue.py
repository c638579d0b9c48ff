"""Fine-tuning for GLUE: what is read, learnt, scored and written for each of the nine tasks."""

import csv

import numpy as np
import pytest
from glue_data import LAYOUTS, small_bert, write_task

from seqnn.evaluate import run_glue
from seqnn.metrics import glue_average, glue_score
from seqnn.models import GPT

FAST = {"epochs": 8, "batch_size": 8, "learning_rate": 3e-3, "verbose": 0}
NAMES = {
    "CoLA": ("0", "1"), "SST-2": ("0", "1"), "MRPC": ("0", "1"), "QQP": ("0", "1"), "WNLI": ("0", "1"),
    "MNLI": ("contradiction", "entailment"), "QNLI": ("not_entailment", "entailment"),
    "RTE": ("not_entailment", "entailment"),
}  # fmt: skip


@pytest.mark.parametrize("task", LAYOUTS)
def test_an_encoder_learns_each_task_from_its_files_and_writes_its_answers(task, tmp_path):
    hidden = write_task(tmp_path / task, task)
    model, tokenizer = small_bert()
    before = model.state_dict()["embedding.weight"].copy()
    longer = {"epochs": 16} if task == "STS-B" else {}  # its numbers begin at 0
    result = run_glue(model, task.lower(), tmp_path, tokenizer=tokenizer, **{**FAST, **longer})
    parts = ["MNLI-m", "MNLI-mm"] if task == "MNLI" else [task]
    assert result.task == task and list(result.scores) == list(result.predictions) == parts
    for figures in result.scores.values():
        assert figures.keys() == glue_score(task, [1, 0, 1], [1, 0, 1]).keys() and min(figures.values()) > 0.7
    assert 80 < glue_average(result.scores) <= 100
    paths = result.write(tmp_path / "out")
    assert [path.rpartition("/")[2] for path in paths] == [f"{part}.tsv" for part in parts]
    for path, truth in zip(paths, [labels for name, labels in hidden.items() if name.startswith("test")], strict=True):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        assert [row["index"] for row in rows] == [str(i) for i in range(6)]
        answers = [row["prediction"] for row in rows]
        if task == "STS-B":
            assert all(0 <= float(answer) <= 5 for answer in answers)
            assert np.mean([(float(answer) > 2.5) == label for answer, label in zip(answers, truth, strict=True)]) > 0.8
        else:
            assert set(answers) <= set(NAMES[task])
            assert np.mean([answer == NAMES[task][label] for answer, label in zip(answers, truth, strict=True)]) > 0.8
    np.testing.assert_array_equal(model.state_dict()["embedding.weight"], before)  # the given model stays
    assert result.history["loss"][-1] < result.history["loss"][0]


def test_the_model_of_mnli_answers_the_diagnostic_set(tmp_path):
    write_task(tmp_path / "MNLI", "MNLI", train=8, dev=3, test=3)
    (tmp_path / "AX").mkdir()
    (tmp_path / "AX" / "diagnostic.tsv").write_text("index\tsentence1\tsentence2\n0\tthe cat\ta cat\n1\tgood\tbad\n")
    model, tokenizer = small_bert()
    result = run_glue(model, "MNLI", tmp_path / "MNLI", tokenizer=tokenizer, **{**FAST, "epochs": 1})
    assert len(result.predictions["AX"]) == 2
    assert [path[-6:] for path in result.write(tmp_path / "out")] == ["-m.tsv", "mm.tsv", "AX.tsv"]


def test_a_seed_says_what_is_learnt(tmp_path):
    write_task(tmp_path, "RTE", train=16, dev=6, test=3)
    model, tokenizer = small_bert()
    runs = [
        run_glue(model, "RTE", tmp_path, tokenizer=tokenizer, seed=seed, **{**FAST, "epochs": 1}) for seed in (1, 1, 2)
    ]
    assert runs[0].history["loss"] == runs[1].history["loss"] != runs[2].history["loss"]


def test_a_decoder_tells_the_class_from_its_last_token(tmp_path):
    write_task(tmp_path, "SST-2")
    _, tokenizer = small_bert()
    gpt = GPT(40, max_positions=32, d_model=32, nhead=2, num_layers=1, dropout=0.0)
    result = run_glue(gpt, "SST-2", tmp_path, tokenizer=tokenizer, **FAST)
    assert result.scores["SST-2"]["accuracy"] > 0.7


def test_a_task_without_a_test_set_is_scored(tmp_path):
    write_task(tmp_path, "CoLA", train=8, dev=4)
    (tmp_path / "test.tsv").unlink()
    model, tokenizer = small_bert()
    result = run_glue(model, "CoLA", tmp_path, tokenizer=tokenizer, **{**FAST, "epochs": 1})
    assert result.predictions == {} and result.write(tmp_path / "out") == []


def test_bad_input_is_named(tmp_path):
    write_task(tmp_path, "QQP", train=8, dev=4, test=2)
    model, tokenizer = small_bert()
    with pytest.raises(ValueError, match=r"task: expected one of CoLA, .* got 'SNLI'"):
        run_glue(model, "SNLI", tmp_path, tokenizer=tokenizer)
    with pytest.raises(FileNotFoundError, match=r"expected train\.tsv of RTE, in it or in its folder RTE"):
        run_glue(model, "RTE", tmp_path / "none", tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"expected the columns of RTE, got none named sentence1"):
        run_glue(model, "RTE", tmp_path, tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"tokenizer: expected a text\.SubwordTokenizer, as the model has none"):
        run_glue(model, "QQP", tmp_path)
    with pytest.raises(TypeError, match=r"model: expected one of seqnn\.pretrained that is a network, .* got str"):
        run_glue("bert", "QQP", tmp_path, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="warmup: expected a finite number >= 0 and < 1"):
        run_glue(model, "QQP", tmp_path, tokenizer=tokenizer, warmup=1, verbose=0)
    with (tmp_path / "train.tsv").open("a") as file:
        file.write("9\t1\t2\thalf a line\n")
    with pytest.raises(ValueError, match=r"train\.tsv: line 10 has 4 columns, 6 are expected; malformed='skip'"):
        run_glue(model, "QQP", tmp_path, tokenizer=tokenizer)
    run_glue(model, "QQP", tmp_path, tokenizer=tokenizer, malformed="skip", **{**FAST, "epochs": 1})
    (tmp_path / "dev.tsv").write_text("id\tquestion1\tquestion2\n0\ta\tb\n")
    with pytest.raises(ValueError, match=r"dev\.tsv: expected examples of QQP with labels, got none with one"):
        run_glue(model, "QQP", tmp_path, tokenizer=tokenizer, malformed="skip")
    write_task(tmp_path, "QQP", train=8, dev=4, test=0)
    with pytest.raises(ValueError, match=r"test\.tsv: expected examples of QQP, got none"):
        run_glue(model, "QQP", tmp_path, tokenizer=tokenizer)
