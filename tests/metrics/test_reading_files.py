"""Files of similar sentences (STS) and of questions (SQuAD): what is read, and what is wrong with others."""

import gzip
import json
import re

import numpy as np
import pytest

from seqnn.metrics import Question, glue_classes, read_glue, read_squad, read_sts, read_superglue, write_glue

STS = {
    "sts-dev.csv": 'main-news\tx\t2015\t0001\t4.200\tHe said "yes.\tHe\u2028agreed.\n'
    "captions\ty\t2014\t2\t0.0\tA\tB\tCC BY-SA\n",
    "dev.tsv": "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
    '0\tg\tf\ty\t0\tn\tn\tHe said "yes.\tHe\u2028agreed.\t4.200\r\n1\tg\tf\ty\t0\tn\tn\tA\tB\t0\r\n',
    "SICK.txt": 'pair_ID\tsentence_A\tsentence_B\trelatedness_score\n1\tHe said "yes.\tHe\u2028agreed.\t4.2\n2\tA\tB\t0.0\n',
    "test.csv": '\ufeffsentence1,sentence2,score\n"He said ""yes.","He\u2028agreed.",4.2\nA,B,0\n',
}


@pytest.mark.parametrize("name", STS)
def test_pairs_of_sentences_are_read_in_all_layouts(name, tmp_path):
    (tmp_path / name).write_bytes(STS[name].encode())
    examples = read_sts(tmp_path / name)
    assert examples.texts == {"sentence1": ['He said "yes.', "A"], "sentence2": ["He\u2028agreed.", "B"]}
    assert examples.labels == [4.2, 0.0]
    (tmp_path / "packed.gz").write_bytes(gzip.compress(STS[name].encode()))
    assert read_sts(tmp_path / "packed.gz") == examples


def test_quoted_columns_hold_commas_and_a_file_may_have_no_scores(tmp_path):
    (tmp_path / "a.csv").write_text('id,sentence1,sentence2\n1,"a, b",c\n')
    assert read_sts(tmp_path / "a.csv") == ({"sentence1": ["a, b"], "sentence2": ["c"]}, None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected pairs of sentences, got an empty file"),
        ("sentence1\tsentence2\tscore\n", "expected pairs of sentences, got a header alone"),
        ("a\tb\tc\n", "line 1: expected a header with sentence1, sentence2, score, or STS-B's columns"),
        ("sentence1\tsentence2\tscore\na\tb\t1\n\na\tb\n", "line 4: expected at least 3 columns, got 2: a | b"),
        ("sentence1\tsentence2\tscore\na\tb\tnan\n", "line 2: expected a number as score, got 'nan'"),
        ('sentence1,sentence2,score\n"a"b,c,1\n', "line 2: expected columns separated by commas"),
    ],
)
def test_wrong_files_of_pairs_are_named(text, message, tmp_path):
    (tmp_path / "pairs").write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'pairs'}: {message}")):
        read_sts(tmp_path / "pairs")


def squad(*questions, context="Denver won. \U0001f600 In 2016.", title="Cup", **further):
    return {"version": "v2.0", "data": [{"title": title, "paragraphs": [{"context": context, "qas": [*questions]}]}]}


def asked(name="1", text="Who?", answers=(("Denver", 0),), **further):
    return {"id": name, "question": text, "answers": [{"text": t, "answer_start": s} for t, s in answers], **further}


def test_questions_of_both_versions_are_read(tmp_path):
    questions = [
        asked(),
        asked("2", "When?", [("2016", 17), ("In 2016", 14)], is_impossible=False),
        {**asked("3", "Why?", (), is_impossible=True), "plausible_answers": [{"text": "won", "answer_start": 7}]},
        {"id": "4", "question": "What?"},
    ]
    context = "Denver won. \U0001f600 In 2016."
    (tmp_path / "dev.json").write_text(json.dumps(squad(*questions)))
    expected = [
        Question("1", "Who?", context, ["Denver"], [0], "Cup"),
        Question("2", "When?", context, ["2016", "In 2016"], [17, 14], "Cup"),
        Question("3", "Why?", context, [], [], "Cup"),
        Question("4", "What?", context, [], [], "Cup"),
    ]
    assert read_squad(tmp_path / "dev.json") == expected
    (tmp_path / "dev.json.gz").write_bytes(gzip.compress(json.dumps(squad(*questions)).encode("utf-8-sig")))
    assert read_squad(tmp_path / "dev.json.gz") == expected


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "the file: expected data (list), got list instead of an object"),
        ({"data": []}, "expected questions, got none"),
        ({"data": [{}]}, "data[0]: expected paragraphs (list), got None"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "data[0].paragraphs[0]: expected context (str), got None"),
        (squad({"id": 1}), "paragraphs[0].qas[0]: expected question (str), got None"),
        (squad(asked(answers=[("Denver", "0")])), "qas[0].answers[0]: expected answer_start (int), got '0'"),
        (squad(asked(answers=[("won", 8)])), "answers[0]: expected 'won' at letter 8 of the context, got 'on.'"),
        (squad(asked(answers=[("Denver", -1)])), "expected 'Denver' at letter -1"),
        (squad(asked(answers=[("", 0)])), "expected '' at letter 0"),
    ],
)
def test_wrong_files_of_questions_are_named(tree, message, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_squad(tmp_path / "train.json")
    assert str(error.value).startswith(f"{tmp_path / 'train.json'}: ")


def test_questions_with_misplaced_answers_may_be_passed_over(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(squad(asked("1", answers=[("won", 8)]), asked("2"))))
    assert [question.id for question in read_squad(tmp_path / "train.json", malformed="skip")] == ["2"]
    (tmp_path / "train.json").write_text('{"data":\n [}')
    with pytest.raises(ValueError, match="line 2: expected JSON of SQuAD"):
        read_squad(tmp_path / "train.json")
    (tmp_path / "train.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="expected JSON of SQuAD, got too many brackets"):
        read_squad(tmp_path / "train.json")
    (tmp_path / "train.json").write_text(json.dumps(squad({**asked("1"), "is_impossible": "false"})))
    with pytest.raises(ValueError, match=r"qas\[0\]: expected is_impossible \(true or false\), got 'false'"):
        read_squad(tmp_path / "train.json")
    with pytest.raises(ValueError, match="malformed: expected 'raise' or 'skip', got 'no'"):
        read_squad(tmp_path / "train.json", malformed="no")


def test_a_label_of_superglue_that_is_no_text_is_named(tmp_path):
    (tmp_path / "val.jsonl").write_text('{"premise": "a", "hypothesis": "b", "label": ["neutral"]}\n')
    with pytest.raises(ValueError, match=r"line 1: expected one of entailment, .* as label, got \['neutral'\]"):
        read_superglue("CB", tmp_path / "val.jsonl")


def test_answers_are_written_as_the_leaderboard_takes_them(tmp_path):
    with open(write_glue("mnlimm", tmp_path / "new", [2, 0])) as file:
        assert file.read() == "index\tprediction\n0\tcontradiction\n1\tentailment\n"
    assert (tmp_path / "new" / "MNLI-mm.tsv").exists()
    with open(write_glue("sts-b", tmp_path, np.array([-1, 2.34567, 9]))) as file:
        assert file.read() == "index\tprediction\n0\t0.000\n1\t2.346\n2\t5.000\n"
    assert glue_classes("MNLI") == ["entailment", "neutral", "contradiction"] and glue_classes("STS-B") == []
    for task, predictions, message in (
        ("CoLA", [0, 2], "predictions: expected numbers below 2, got 0 to 2"),
        ("CoLA", [0.5], "predictions: expected the number of a class for each example, got float64"),
        ("STS-B", [np.nan], "predictions: expected finite numbers"),
        ("RTE", [], "predictions: expected the number of a class"),
    ):
        with pytest.raises(ValueError, match=message):
            write_glue(task, tmp_path, predictions)


def test_test_files_of_glue_have_no_labels(tmp_path):
    (tmp_path / "test.tsv").write_text('index\tsentence\n0\tHe said "yes.\n')
    assert read_glue("CoLA", tmp_path / "test.tsv") == ({"sentence": ['He said "yes.']}, None, None)
