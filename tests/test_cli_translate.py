"""The command `seqnn translate`, as a user types it."""

import json

import pytest
from test_cli import run

from seqnn.data import dates
from seqnn.metrics import bleu
from seqnn.models import Seq2Seq

WORDS = {"ein": "a", "hund": "dog", "mann": "man", "und": "and", "eine": "a", "katze": "cat"}
SOURCE = ["ein hund", "ein mann und eine katze", "eine katze und ein hund", "ein mann", "ein hund und ein mann"] * 6
TARGET = [" ".join(WORDS[word] for word in line.split()) for line in SOURCE]
QUICK = (
    "--hidden-size",
    16,
    "--embedding-size",
    16,
    "--max-iter",
    60,
    "--learning-rate",
    0.02,
    "--validation-fraction",
    0,
)


def written(path, lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parallel")
    return written(folder / "a.de", SOURCE), written(folder / "a.en", TARGET), folder / "model"


@pytest.fixture(scope="module")
def trained(files):
    from seqnn._cli import main

    source, target, model = files
    words = ["translate", "train", source, target, "-o", model, "--validation", source, target, *QUICK]
    assert main([str(word) for word in words]) == 0
    return model


def test_a_model_is_trained_translates_and_is_scored(files, trained, tmp_path, capsys):
    source, target, _ = files
    assert Seq2Seq.load(trained).get_params()["attention"] == "additive"
    lines = written(tmp_path / "lines", [SOURCE[1], "", SOURCE[0]])
    code, out, err = run(capsys, "translate", "run", trained, lines)
    assert (code, out, err) == (0, f"{TARGET[1]}\n\n{TARGET[0]}\n", "")
    code, out, _ = run(capsys, "translate", "run", trained, lines, "--alignment", "--num-beams", 3)
    text, places = out.splitlines()[0].split("\t")
    assert (code, text) == (0, TARGET[1])
    assert [pair.split("-")[1] for pair in places.split()] == [str(t) for t in range(5)]
    code, out, _ = run(capsys, "translate", "evaluate", trained, source, target, "--tokenize", "none", "--json")
    assert code == 0
    assert json.loads(out) == {"lines": 30, "bleu": bleu(TARGET, TARGET, tokenize="none").score, "exact": 1.0}
    assert "exact   100.00 %" in run(capsys, "translate", "evaluate", trained, source, target)[1]


def test_characters_without_attention(tmp_path, capsys):
    source, target = (written(tmp_path / name, side) for name, side in zip("ab", dates(40), strict=True))
    model = tmp_path / "model"
    command = (
        "translate",
        "train",
        source,
        target,
        "-o",
        model,
        "--characters",
        "--attention",
        "none",
        "--max-iter",
        1,
    )
    code, out, err = run(capsys, *command)
    assert (code, err) == (0, "")
    assert f"read 40 pairs of {sum(map(len, dates(40)[0])):,} and 400 characters" in out
    code, out, _ = run(capsys, "translate", "run", model, source, "--max-length", 3)
    assert code == 0
    assert all(len(line) <= 3 for line in out.splitlines())
    blank = written(tmp_path / "blank", ["", " ", "\t"])
    assert run(capsys, "translate", "run", model, blank)[1] == "\n\n\n"


def test_one_model_writes_the_language_that_is_asked_for(tmp_path, capsys):
    digits = ["one two", "two one", "one", "two"]
    german = [line.replace("one", "eins").replace("two", "zwei") for line in digits]
    source = [line.replace("one", "1").replace("two", "2") for line in digits]
    read, english, written_german = (
        written(tmp_path / name, side) for name, side in (("x", source), ("en", digits), ("de", german))
    )
    pairs = (read, english, read, written_german)
    held = ("--validation", read, english, "--validation", read, written_german)
    languages = ("--target-language", "en", "--target-language", "de")
    sizes = ("--hidden-size", 24, "--max-iter", 120, "--learning-rate", 0.02)
    code, out, err = run(capsys, "translate", "train", *pairs, *languages, *held, *sizes, "-o", tmp_path / "model")
    assert (code, err) == (0, "")
    assert "read 8 pairs of 12 and 12 words, to write de, en\n" in out and "bleu" in out
    lines = written(tmp_path / "lines", source)
    command = ("translate", "run", tmp_path / "model", lines)
    assert run(capsys, *command, "--target-language", "de")[:2] == (0, "".join(f"{line}\n" for line in german))
    code, out, _ = run(capsys, *command, "--target-language", "en", "--alignment")
    assert code == 0 and [line.split("\t")[0] for line in out.splitlines()] == digits
    places = [int(pair.split("-")[0]) for pair in out.splitlines()[2].split("\t")[1].split()]
    assert places == [0]  # "1" is the only word of its line
    assert "target_language: expected one of 'de', 'en', got None" in run(capsys, *command)[2]
    true = written(tmp_path / "true", german)
    scored = run(capsys, "translate", "evaluate", tmp_path / "model", lines, true, "--target-language", "de")[1]
    assert "exact   100.00 %" in scored


def test_pairs_of_files_and_their_languages_go_together(files, tmp_path, capsys):
    source, target, _ = files
    command = ("translate", "train", "-o", tmp_path / "m", source, target)
    three, languages = (*command, source), ("--target-language", "en", "--target-language", "fr")
    assert f"FILE: expected pairs, SOURCE TARGET, got 3 files: {source}, {target}, {source}" in run(capsys, *three)[2]
    expected = "--target-language: expected one for each of 2 pairs of files, got"
    assert f"{expected} 0" in run(capsys, *three, target)[2]
    assert f"{expected} 1" in run(capsys, *three, target, *languages[:2])[2]
    code, out, err = run(capsys, *three, target, *languages, "--validation", source, target)
    assert (code, out) == (1, "")
    assert "--validation: expected one for each of 2 pairs of files, got 1" in err
    short = written(tmp_path / "short", TARGET[:20])
    err = run(capsys, *three, short, *languages)[2]
    assert f"{short}: it has 20 lines, {source} has 30" in err and f"line 21 of {source}" in err
    assert (
        "--target-language: expected a name such as en, got an empty one"
        in run(capsys, *command, "--target-language", "")[2]
    )


def test_files_that_do_not_belong_together(files, trained, tmp_path, capsys):
    source, target, model = files
    short = written(tmp_path / "short", TARGET[:20])
    code, out, err = run(capsys, "translate", "train", source, short, "-o", tmp_path / "m")
    assert (code, out) == (1, "")
    assert f"{short}: it has 20 lines, {source} has 30: they belong together line by line; line 21 of {source}" in err
    gap = written(tmp_path / "gap", [*TARGET[:4], "", *TARGET[5:20]])
    assert (
        f"before it, line 5 is empty in {gap}"
        in run(capsys, "translate", "train", source, gap, "-o", tmp_path / "m")[2]
    )
    whole = written(tmp_path / "whole", [*TARGET[:4], "", *TARGET[5:]])
    assert f"{whole}: line 5 is empty" in run(capsys, "translate", "evaluate", trained, source, whole)[2]
    assert "it has no lines" in run(capsys, "translate", "train", written(tmp_path / "no", []), target, "-o", model)[2]
    assert "would be replaced" in run(capsys, "translate", "train", source, target, "-o", source)[2]
    assert "--max-length: expected" in run(capsys, "translate", "run", trained, source, "--max-length", 0)[2]
    code, out, err = run(capsys, "translate", "run", tmp_path / "none", source)
    assert (code, out) == (1, "") and "none" in err
