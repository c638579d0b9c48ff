"""The command `seqnn lm`, as a user types it."""

import gzip
import json
import math

import pytest
from ngram_reference import make_sentences
from test_cli import run, seqnn

from seqnn.lm import NGramLM

SENTENCES = [" ".join(sentence) for sentence in make_sentences(1, 200, 40)]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(line + "\n" for line in SENTENCES))
    return path


@pytest.fixture
def model(text, tmp_path):
    path = tmp_path / "model.lm"
    NGramLM(3).fit(text).save(path)
    return path


def test_a_model_is_trained_and_written(text, tmp_path):
    done = seqnn("lm", "train", text, "-o", tmp_path / "m.lm", "--order", 4, "--prune", 0, 0, 1, "--max-memory", "1MB")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    words = sum(len(line.split()) for line in SENTENCES)
    expected = NGramLM(4, prune=(0, 0, 1)).fit(SENTENCES)
    assert f"read {text}: {words:,} words in 200 sentences" in done.stdout
    assert ", ".join(f"{n:,} {i}-grams" for i, n in enumerate(expected.ngram_counts_, 1)) in done.stdout
    found = NGramLM.load(tmp_path / "m.lm")
    assert found.scores(SENTENCES).tolist() == expected.scores(SENTENCES).tolist()
    assert found.get_params()["prune"] == (0, 0, 1)


@pytest.mark.parametrize("name", ["m.arpa", "m.ARPA.gz", "m.arpa.xz"])
def test_names_say_that_an_arpa_file_is_wanted(name, text, tmp_path, capsys):
    assert run(capsys, "lm", "train", text, "-o", tmp_path / name, "--quiet") == (0, "", "")
    NGramLM(3).fit(text).save_arpa(tmp_path / f"expected.{name}")
    assert NGramLM.load(tmp_path / name).scores(SENTENCES).tolist() == pytest.approx(
        NGramLM(3).fit(text).scores(SENTENCES).tolist()
    )
    if name.endswith("arpa"):
        assert (tmp_path / name).read_bytes() == (tmp_path / f"expected.{name}").read_bytes()


def test_streams_may_be_used(text, tmp_path):
    done = seqnn("lm", "train", "-", "-o", "-", "--order", 2, input=text.read_text())
    assert done.returncode == 0 and done.stdout.startswith("\\data\\\nngram 1=") and "200 sentences" in done.stderr
    scored = seqnn("lm", "score", "-", text, input=done.stdout)
    expected = NGramLM(2).fit(SENTENCES).scores(SENTENCES)
    assert [float(line) for line in scored.stdout.splitlines()] == pytest.approx(expected.tolist(), abs=1e-5)


def test_lines_are_scored_from_files_or_the_standard_input(text, model, tmp_path, capsys):
    expected = "".join(f"{score:.6f}\n" for score in NGramLM.load(model).scores(SENTENCES))
    (tmp_path / "text.gz").write_bytes(gzip.compress(text.read_bytes()))
    assert run(capsys, "lm", "score", model, text) == (0, expected, "")
    assert run(capsys, "lm", "score", model, tmp_path / "text.gz", text) == (0, expected * 2, "")
    done = seqnn("lm", "score", model, input=text.read_text())
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_words_and_marks_of_sentences(model, tmp_path, capsys):
    (tmp_path / "line").write_text("w0 zzz\n")
    ngram = NGramLM.load(model)
    code, out, _ = run(capsys, "lm", "score", model, tmp_path / "line", "--words")
    words = ngram.full_scores("w0 zzz")
    assert code == 0 and out == "  ".join(
        [f"{ngram.score('w0 zzz'):.6f}"]
        + [f"{t}={w.log_prob:.4f}/{w.ngram_length}" for t, w in zip(("w0", "zzz", "</s>"), words, strict=True)]
    ) + "\n"  # fmt: skip
    code, out, _ = run(capsys, "lm", "score", model, tmp_path / "line", "--words", "--json", "--no-eos", "--no-bos")
    found = json.loads(out)
    assert found["score"] == ngram.score("w0 zzz", bos=False, eos=False)
    assert [(w["word"], w["oov"]) for w in found["words"]] == [("w0", False), ("zzz", True)]


def test_a_summary_has_the_perplexity(text, model, tmp_path, capsys):
    (tmp_path / "more").write_text("w0 zzz w1\n\n")
    expected = NGramLM.load(model).evaluate([*SENTENCES, "w0 zzz w1", ""])
    code, out, _ = run(capsys, "lm", "score", model, text, tmp_path / "more", "--summary", "--json")
    found = json.loads(out)
    assert code == 0 and found == pytest.approx(expected._asdict()) and found["unknown"] == 1
    _, out, _ = run(capsys, "lm", "score", model, text, tmp_path / "more", "--summary")
    assert (
        f"perplexity                  {expected.perplexity:.4f}\n" in out and "unknown words               1\n" in out
    )
    (tmp_path / "none").write_text("")
    _, out, _ = run(capsys, "lm", "score", model, tmp_path / "none", "--summary", "--json")
    assert json.loads(out)["perplexity"] is None and json.loads(out)["sentences"] == 0


def test_sentences_are_drawn(model, capsys):
    ngram = NGramLM.load(model)
    expected = [" ".join(["w0", *ngram.generate(["w0"], seed=seed, top_k=9)]) for seed in (7, 8)]
    options = ("-n", 2, "--seed", 7, "--top-k", 9)
    assert run(capsys, "lm", "generate", model, "w0", *options) == (0, "".join(f"{s}\n" for s in expected), "")
    _, out, _ = run(capsys, "lm", "generate", model, "w0", *options, "--json")
    assert [json.loads(line) for line in out.splitlines()] == [s.split() for s in expected]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "{model}", "no-such-file"), "no-such-file: No such file or directory"),
        (("score", "no-such-model"), "no-such-model: No such file or directory"),
        (("score", "{text}"), "not an ARPA file"),
        (("score", "{model}", "{text}", "--summary", "--no-bos"), "--summary: a perplexity is that of whole sentences"),
        (("train", "{text}", "-o", "{text}"), "is read by this command"),
        (("train", "{text}", "-o", "nowhere/model"), "no such folder"),
        (("train", "{text}", "-o", "m", "--order", "17"), "order: expected at most 16, got 17"),
        (("train", "{text}", "-o", "m", "--prune", "2", "1"), "prune: expected counts that do not fall"),
        (("train", "{text}", "-o", "m.arpa", "--smoothing", "laplace"), "an ARPA file cannot hold"),
        (("train", "{empty}", "-o", "m"), "the corpus is empty"),
        (("generate", "{model}", "-n", "0"), "--sentences: expected an integer >= 1, got 0"),
        (("generate", "{model}", "--temperature", "-1"), "temperature: expected a finite number >= 0"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments, message, text, model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    names = {"text": text, "model": model, "empty": tmp_path / "empty.txt"}
    code, out, err = run(capsys, "lm", *(argument.format(**names) for argument in arguments))
    assert code == 1 and out == "" and err.startswith("seqnn: error: ") and err.count("\n") == 1 and message in err
    assert not list(tmp_path.glob("m*")) or sorted(p.name for p in tmp_path.glob("m*")) == ["model.lm"]


def test_a_fall_back_may_be_refused(tmp_path, capsys):
    (tmp_path / "text").write_text("a b\n")
    code, _, err = run(capsys, "lm", "train", tmp_path / "text", "-o", tmp_path / "m", "--no-discount-fallback")
    assert code == 1 and "no discounts for this corpus" in err
    options = ("--discount-fallback", 0.5, 0.9, 1.2, "--quiet")
    assert run(capsys, "lm", "train", tmp_path / "text", "-o", tmp_path / "m", *options)[0] == 0
    assert NGramLM.load(tmp_path / "m").discounts_[0].tolist() == [0.5, 0.9, 1.2]


def test_a_probability_of_zero_is_null_in_json(tmp_path, capsys):
    NGramLM(2, "mle").fit(["a b"]).save(tmp_path / "m")
    (tmp_path / "line").write_text("b a\n")
    _, out, _ = run(capsys, "lm", "score", tmp_path / "m", tmp_path / "line", "--json")
    assert json.loads(out) == {"score": None}
    _, out, _ = run(capsys, "lm", "score", tmp_path / "m", tmp_path / "line")
    assert float(out) == -math.inf
