"""GLUE and SuperGLUE: figures of each task, and its files."""

import gzip
import json

import numpy as np
import pytest

from seqnn.metrics import (
    accuracy,
    f1_score,
    glue_average,
    glue_score,
    matthews,
    read_glue,
    read_superglue,
    superglue_score,
)

PREDICTED, TRUE = [1, 0, 1, 1, 0, 1], [1, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("task", "figures"),
    [
        ("CoLA", {"matthews": matthews(PREDICTED, TRUE)}),
        *(
            (task, {"accuracy": 4 / 6})
            for task in ("SST-2", "MNLI", "MNLI-m", "MNLI-mm", "QNLI", "RTE", "WNLI", "sst2")
        ),
        *((task, {"accuracy": 4 / 6, "f1": 0.75}) for task in ("MRPC", "QQP")),
        ("AX", {"matthews": matthews(PREDICTED, TRUE)}),
    ],
)
def test_figures_of_glues_tasks(task, figures):
    assert glue_score(task, PREDICTED, TRUE) == pytest.approx(figures)


def test_figures_of_sts_b_are_correlations():
    got = glue_score("STS-B", [1.0, 2.0, 3.0], [1.0, 4.0, 9.0])
    assert got == pytest.approx({"pearson": np.corrcoef([1, 2, 3], [1, 4, 9])[0, 1], "spearman": 1})


@pytest.mark.parametrize("task", ["BoolQ", "COPA", "RTE", "WiC", "WSC", "AX-g"])
def test_figures_of_superglues_tasks(task):
    assert superglue_score(task, PREDICTED, TRUE) == {"accuracy": accuracy(PREDICTED, TRUE)}


def test_figures_of_the_other_tasks_of_superglue():
    got = superglue_score("CB", [0, 1, 2, 2], [0, 1, 2, 1])
    assert got == pytest.approx({"accuracy": 0.75, "macro_f1": (1 + 2 / 3 + 2 / 3) / 3})
    assert superglue_score("AX-b", PREDICTED, TRUE) == {"matthews": matthews(PREDICTED, TRUE)}
    groups = [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 0)]
    got = superglue_score("MultiRC", PREDICTED, TRUE, groups=groups)
    assert got == {"f1": f1_score(PREDICTED, TRUE), "exact_match": pytest.approx(1 / 3)}
    got = superglue_score("ReCoRD", ["the Queen", "Paris"], [["Queen Elizabeth", "Elizabeth"], ["Rome", "paris"]])
    assert got == pytest.approx({"f1": (2 / 3 + 1) / 2, "exact_match": 0.5})


def test_the_average_takes_both_test_sets_of_mnli_as_one_and_no_diagnostics():
    scores = {
        "CoLA": {"matthews": 0.6},
        "MNLI-m": {"accuracy": 0.8},
        "MNLI-mm": {"accuracy": 0.9},
        "AX": {"matthews": 0},
    }
    assert glue_average(scores) == pytest.approx(100 * (0.6 + 0.85) / 2)
    assert glue_average({"BoolQ": {"accuracy": 1.0}, "CB": {"accuracy": 1.0, "macro_f1": 0.5}}) == pytest.approx(87.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: glue_score("SST-3", [1], [1]), r"task: expected one of GLUE's tasks cola, .* got 'SST-3'"),
        (lambda: glue_score(3, [1], [1]), "got 3"),
        (lambda: superglue_score("MRPC", [1], [1]), "SuperGLUE's tasks"),
        (lambda: superglue_score("MultiRC", [1], [1]), "groups: expected the question of each answer"),
        (lambda: superglue_score("MultiRC", [1], [1], groups=[1, 2]), "groups: expected 1 values"),
        (lambda: superglue_score("BoolQ", [1], [1], groups=[1]), "only MultiRC has groups"),
        (lambda: glue_average({"AX": {"matthews": 1.0}}), "at least one task that counts"),
        (lambda: read_glue("MRPC", "x", malformed="no"), "malformed"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


FILES = {
    "CoLA": 'gj04\t1\t\tOur friends won\'t buy.\ngj04\t0\t*\tThey "drank" the pub.\n',
    "SST-2": "sentence\tlabel\nfine film \t1\nbad \t0\n",
    "MRPC": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t12\t13\tA b.\tB a.\r\n0\t1\t2\tC\tD\r\n",
    "STS-B": "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
    + "0\tnews\tx\t2015\t0\tnone\tnone\tA\u2028b\tB\t5.000\n1\tnews\tx\t2015\t0\tnone\tnone\tC\tD\t2.5\n",
    "QQP": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tWhy?\tHow?\t0\n1\t3\t4\tA\tB\t1\n",
    "MNLI": "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tA\tB\tneutral\tcontradiction\n1\tC\tD\tx\tentailment\n",
    "QNLI": "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tentailment\n1\tWhy?\tSo.\tnot_entailment\n",
    "WNLI": "index\tsentence1\tsentence2\tlabel\n0\tA\tB\t1\n1\tC\tD\t0\n",
}
CONTENT = {
    "CoLA": ({"sentence": ["Our friends won't buy.", 'They "drank" the pub.']}, [1, 0]),
    "SST-2": ({"sentence": ["fine film ", "bad "]}, [1, 0]),
    "MRPC": ({"sentence1": ["A b.", "C"], "sentence2": ["B a.", "D"]}, [1, 0]),
    "STS-B": ({"sentence1": ["A\u2028b", "C"], "sentence2": ["B", "D"]}, [5.0, 2.5]),
    "QQP": ({"question1": ["Why?", "A"], "question2": ["How?", "B"]}, [0, 1]),
    "MNLI": ({"sentence1": ["A", "C"], "sentence2": ["B", "D"]}, [2, 0]),
    "QNLI": ({"question": ["Who?", "Why?"], "sentence": ["He.", "So."]}, [0, 1]),
    "WNLI": ({"sentence1": ["A", "C"], "sentence2": ["B", "D"]}, [1, 0]),
}


@pytest.mark.parametrize("task", FILES)
def test_files_of_glue(task, tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_bytes(FILES[task].encode())
    examples = read_glue(task, path)
    assert (examples.texts, examples.labels) == CONTENT[task] and len(examples.texts) and examples.groups is None
    packed = tmp_path / "dev.tsv.gz"
    packed.write_bytes(gzip.compress(FILES[task].encode()))
    assert read_glue(task, packed) == examples


def test_a_test_set_has_no_labels(tmp_path):
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tA b\n1\tC\n")
    for task in ("CoLA", "SST-2"):
        examples = read_glue(task, tmp_path / "test.tsv")
        assert (examples.texts, examples.labels) == ({"sentence": ["A b", "C"]}, None) and len(examples) == 2


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("QQP", FILES["QQP"] + "2\t5\t6\tcut off\n", r"line 4 has 4 columns, 6 are expected; malformed='skip'"),
        ("SST-2", "sentence\tlabel\nfine\tgood\n", r"line 2: expected one of 0, 1 as label, got 'good'"),
        ("STS-B", FILES["STS-B"].replace("2.5", "x"), r"line 3: expected a number as label, got 'x'"),
        ("MRPC", FILES["SST-2"], r"expected the columns of MRPC, got none named #1 String, #2 String in line 1"),
        ("RTE", "", "expected the columns of RTE"),
    ],
)
def test_bad_lines_are_named_with_their_number(task, text, message, tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"dev.tsv: {message}"):
        read_glue(task, path)


def test_malformed_lines_may_be_skipped(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text(FILES["QQP"] + "2\t5\t6\tcut off\n3\t1\t2\tC\tD\t0\n")
    assert read_glue("QQP", path, malformed="skip").labels == [0, 1, 0]
    with pytest.raises(FileNotFoundError):
        read_glue("QQP", tmp_path / "missing.tsv")


RECORDS = {
    "BoolQ": [{"question": "is it", "passage": "It is.", "idx": 0, "label": True}],
    "CB": [{"premise": "A", "hypothesis": "B", "label": "neutral", "idx": 0}],
    "COPA": [{"premise": "A", "choice1": "B", "choice2": "C", "question": "cause", "label": 1, "idx": 0}],
    "MultiRC": [
        {
            "idx": 4,
            "passage": {
                "text": "P",
                "questions": [
                    {
                        "question": "Q",
                        "idx": 0,
                        "answers": [{"text": "x", "idx": 0, "label": 1}, {"text": "y", "label": 0}],
                    },
                    {"question": "R", "idx": 1, "answers": [{"text": "z", "idx": 2, "label": 1}]},
                ],
            },
        }
    ],
    "ReCoRD": [
        {"idx": 2, "passage": {"text": "P"}, "qas": [{"query": "@placeholder?", "idx": 7, "answers": [{"text": "a"}]}]}
    ],
    "RTE": [{"premise": "A", "hypothesis": "B", "label": "not_entailment", "idx": 0}],
    "WiC": [{"word": "bank", "sentence1": "A", "sentence2": "B", "label": False, "idx": 0}],
    "WSC": [{"text": "T", "target": {"span1_text": "he", "span2_text": "Bob"}, "label": True, "idx": 0}],
    "AX-b": [{"sentence1": "A", "sentence2": "B", "label": "entailment", "idx": 0}],
}
EXAMPLES = {
    "BoolQ": ({"question": ["is it"], "passage": ["It is."]}, [1], None),
    "CB": ({"premise": ["A"], "hypothesis": ["B"]}, [2], None),
    "COPA": ({"premise": ["A"], "choice1": ["B"], "choice2": ["C"], "question": ["cause"]}, [1], None),
    "MultiRC": (
        {"passage": ["P"] * 3, "question": ["Q", "Q", "R"], "answer": ["x", "y", "z"]}, [1, 0, 1], [(4, 0), (4, 0), (4, 1)],
    ),
    "ReCoRD": ({"passage": ["P"], "query": ["@placeholder?"]}, [["a"]], [(2, 7)]),
    "RTE": ({"premise": ["A"], "hypothesis": ["B"]}, [1], None),
    "WiC": ({"word": ["bank"], "sentence1": ["A"], "sentence2": ["B"]}, [0], None),
    "WSC": ({"text": ["T"], "span1": ["he"], "span2": ["Bob"]}, [1], None),
    "AX-b": ({"sentence1": ["A"], "sentence2": ["B"]}, [0], None),
}  # fmt: skip


@pytest.mark.parametrize("task", RECORDS)
def test_files_of_superglue(task, tmp_path):
    path = tmp_path / "val.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS[task]))
    assert read_superglue(task, path) == EXAMPLES[task]


def test_a_test_set_of_superglue_has_no_labels(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text('{"premise": "A", "hypothesis": "B", "idx": 0}\n')
    assert read_superglue("RTE", path).labels is None


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("BoolQ", '{"question": "a"}\n', "line 1 is no example of BoolQ: KeyError: 'passage'"),
        ("BoolQ", "\n{not json}\n", "line 2 is no example of BoolQ"),
        ("MultiRC", "[1]\n", "line 1 is no example of MultiRC"),
        (
            "CB",
            '{"premise": "A", "hypothesis": "B", "label": "maybe"}\n',
            "line 1: expected one of entailment, .* got 'maybe'",
        ),
        ("BoolQ", '{"question": "a", "passage": "b", "label": 2}\n', "expected true or false, 1 or 0 as label, got 2"),
        ("RTE", "", "expected examples of RTE, got none"),
    ],
)
def test_bad_records_are_named_with_their_line(task, text, message, tmp_path):
    path = tmp_path / "val.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_superglue(task, path)
