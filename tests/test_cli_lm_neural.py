"""The command `seqnn lm-neural`, and `seqnn generate` with its models, as a user types them."""

import json

import pytest
from test_cli import run, seqnn

from seqnn import decode
from seqnn.models import LanguageModel
from seqnn.text import split_words

LINES = ["the cat sat on the mat", "a dog ran", "the dog sat", "a cat ran to the dog"] * 6
SMALL = ("--hidden-size", 8, "--embedding-size", 6, "--max-iter", 2, "--window", 16)
SETTINGS = {"hidden_size": 8, "embedding_size": 6, "max_iter": 2, "window": 16}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(line + "\n" for line in LINES[:12]) + "\n" + "".join(line + "\n" for line in LINES[12:]))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model"
    LanguageModel(**SETTINGS, tokenizer=split_words).fit(LINES).save(path)
    return path


def test_a_model_of_words_is_trained_and_written(text, tmp_path):
    done = seqnn("lm-neural", "train", text, "-o", tmp_path / "m", *SMALL, "--cell", "gru", "--seed", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert "24 texts" in done.stdout and "13 words; 2 epochs" in done.stdout and "best perplexity" in done.stdout
    expected = LanguageModel(**SETTINGS, cell="gru", tokenizer=split_words, random_state=3).fit(LINES)
    assert LanguageModel.load(tmp_path / "m").score(LINES) == expected.score(LINES)


@pytest.mark.parametrize(
    "arguments",
    [("--units", "characters"), ("--units", "subwords", "--vocab-size", 280), ("--cell", "gpt", "--nhead", 2)],
    ids=str,
)
def test_units_cells_and_whole_files(arguments, text, tmp_path, capsys):
    for whole in ((), ("--whole", "--validation", text)):
        code, out, err = run(capsys, "lm-neural", "train", text, "-o", tmp_path / "m", *SMALL, *arguments, *whole)
        assert (code, err) == (0, "") and f"{1 if whole else 24} texts" in out
        code, out, err = run(capsys, "generate", tmp_path / "m", "the dog", "--max-new-tokens", 6)
        found = decode.generate(LanguageModel.load(tmp_path / "m"), "the dog", max_new_tokens=6).texts[0]
        assert (code, out, err) == (0, found + "\n", "")


def test_lines_are_scored(model, text, capsys):
    loaded = LanguageModel.load(model)
    code, out, _ = run(capsys, "lm-neural", "score", model, text)
    scores = loaded.score_samples(LINES) / 2.302585093
    assert code == 0 and [float(line) for line in out.splitlines()] == pytest.approx(scores.tolist(), abs=1e-5)
    _, out, _ = run(capsys, "lm-neural", "score", model, text, "--summary", "--json")
    assert json.loads(out)["perplexity"] == loaded.perplexity(LINES) and json.loads(out)["tokens"] == sum(
        len(line.split()) + 1 for line in LINES
    )
    _, out, _ = run(capsys, "lm-neural", "score", model, text, "--tokens", "--json")
    first = json.loads(out.splitlines()[0])["tokens"]
    assert [token["token"] for token in first] == [*LINES[0].split(), "</s>"]
    _, out, _ = run(capsys, "lm-neural", "score", model, text, "--tokens")
    assert out.splitlines()[0].split("  ")[1].startswith("the=-")


@pytest.mark.parametrize("command", [("generate",), ("lm-neural", "generate")])
def test_prompts_are_continued_by_every_strategy(command, model, capsys):
    loaded = LanguageModel.load(model)
    for arguments, options in (
        ((), {}),
        (("--temperature", 0.8, "--seed", 4), {"do_sample": True, "temperature": 0.8, "seed": 4}),
        (("--num-beams", 4, "--num-return-sequences", 2), {"num_beams": 4, "num_return_sequences": 2}),
    ):
        found = decode.generate(loaded, "the dog", max_new_tokens=7, **options)
        code, out, err = run(capsys, *command, model, "the", "dog", "--max-new-tokens", 7, *arguments)
        assert (code, out.splitlines(), err) == (0, found.texts, "")


def test_the_mark_of_utf_8_is_no_character(tmp_path, capsys):
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfthe cat\r\nthe dog\r\n" * 4)
    run(capsys, "lm-neural", "train", tmp_path / "text", "-o", tmp_path / "m", *SMALL, "--units", "characters")
    words = LanguageModel.load(tmp_path / "m")._input.vocabulary.words[4:]
    assert sorted(words) == sorted(set("the cat dog"))


def test_errors_take_one_line(model, text, tmp_path, capsys):
    (tmp_path / "empty").write_text("\n\n")
    LanguageModel(**SETTINGS).fit([[1, 2, 3], [2, 1]]).save(tmp_path / "ids")
    for arguments, message in (
        (
            ("lm-neural", "train", tmp_path / "empty", "-o", tmp_path / "m"),
            f"{tmp_path / 'empty'}: expected at least one line that is not blank",
        ),
        (("lm-neural", "train", text, "-o", text), "would be replaced by its result"),
        (
            ("lm-neural", "train", text, "-o", tmp_path / "m", "--hidden-size", 0),
            "hidden_size: expected an integer >= 1",
        ),
        (
            ("lm-neural", "train", text, "-o", tmp_path / "m", "--vocab-size", 300),
            "vocab-size: is a number of subwords, and needs --units subwords, got --units words",
        ),
        (
            ("lm-neural", "train", text, "-o", tmp_path / "m", "--units", "subwords", "--vocab-size", -4),
            "vocab_size: expected an integer >= 1, got -4",
        ),
        (("lm-neural", "score", model, tmp_path / "empty"), "expected at least one line that is not blank"),
        (
            ("lm-neural", "train", tmp_path / "empty", "--whole", "-o", tmp_path / "m"),
            f"{tmp_path / 'empty'}: expected at least one line that is not blank",
        ),
        (("lm-neural", "score", text, text), "not a safetensors file"),
        (("generate", tmp_path / "ids", "a"), "expected a model of texts, got one of integers"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (1, "") and message in err and err.count("\n") == 1
