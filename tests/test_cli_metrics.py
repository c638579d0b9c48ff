"""The commands `seqnn bleu`, `chrf`, `ter`, `rouge`."""

import gzip
import io
import json
import sys

import pytest

from seqnn._cli import main
from seqnn.metrics import bleu, chrf, paired_bootstrap, rouge, ter

SYSTEM = ["the cat sat on the mat", "it rains", "dogs bark at night"]
OTHER = ["a cat is on the mat", "it rained", "dogs bark"]
REFERENCES = ["the cat sat on a mat", "it is raining", "dogs bark at night"]


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("system.txt", "other.txt", "references.txt")]
    for path, lines in zip(paths, (SYSTEM, OTHER, REFERENCES), strict=True):
        path.write_text("".join(line + "\n" for line in lines))
    return paths


def run(capsys, *arguments):
    """Run the command in this process: exit code, stdout, stderr."""
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(("name", "metric"), [("bleu", bleu), ("chrf", chrf), ("ter", ter)])
def test_a_score_is_printed_with_its_signature(capsys, files, name, metric):
    code, out, err = run(capsys, name, files[2], "-i", files[0])
    assert (code, err) == (0, "") and out == metric(SYSTEM, REFERENCES).format(signature=True) + "\n"


def test_options_reach_the_metric(capsys, files):
    _, out, _ = run(capsys, "bleu", files[2], "-i", files[0], "--tokenize", "char", "--smooth-method", "floor",
                    "--smooth-value", 0.3, "--lowercase", "--effective-order", "--max-ngram-order", 3, "--width", 5)  # fmt: skip
    expected = bleu(SYSTEM, REFERENCES, "char", "floor", 0.3, True, True, max_ngram_order=3)
    assert out == expected.format(5, signature=True) + "\n"
    _, out, _ = run(
        capsys, "chrf", files[2], "-i", files[0], "--word-order", 2, "--beta", 3, "--whitespace", "--eps-smoothing"
    )
    assert (
        out.split(" = ")[1]
        == f"{chrf(SYSTEM, REFERENCES, word_order=2, beta=3, whitespace=True, eps_smoothing=True).score:.2f}\n"
    )
    _, out, _ = run(
        capsys, "ter", files[2], "-i", files[0], "--normalized", "--no-punct", "--asian-support", "--case-sensitive"
    )
    assert "case:mixed|tok:tercom|norm:yes|punct:no|asian:yes" in out


def test_json_holds_what_sacrebleus_holds(capsys, files):
    _, out, _ = run(
        capsys, "bleu", files[2], files[1], "-i", files[0], "--json", "--sentence-level", "--confidence", 50
    )
    told, score = json.loads(out), bleu(SYSTEM, [REFERENCES, OTHER], n_bootstrap=50)
    assert (
        told["name"] == "BLEU"
        and told["score"] == round(score.score, 2)
        and told["nrefs"] == "2"
        and told["bs"] == "50"
    )
    assert told["signature"] == score.signature and told["verbose_score"] == score.details()
    assert told["confidence_mean"] == round(score.interval.mean, 2)
    assert told["sentences"] == score.segment_scores().tolist()


def test_several_systems_are_compared_with_the_first(capsys, files):
    code, out, _ = run(capsys, "chrf", files[2], "-i", files[1], files[0], "--sentence-level")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 8 and lines[3].startswith(f"{files[1]}: chrF2|")
    p_value = paired_bootstrap(chrf(OTHER, REFERENCES), chrf(SYSTEM, REFERENCES)).p_value
    assert lines[7].endswith(f"(p = {p_value:.4f})")
    _, out, _ = run(capsys, "chrf", files[2], "-i", files[1], files[0], "--json")
    assert [entry["system"] for entry in json.loads(out)] == [str(files[1]), str(files[0])]


def test_rouge(capsys, files):
    _, out, _ = run(capsys, "rouge", files[2], "-i", files[0])
    f = rouge(SYSTEM, REFERENCES)["rouge2"].fmeasure
    assert out.splitlines()[1].endswith(f"fmeasure {f:.4f}") and out.startswith("rouge1: precision ")
    _, out, _ = run(capsys, "rouge", files[2], "-i", files[0], files[1], "--types", "rougeW", "rougeLsum", "--stemmer", "--json",
                    "--weight", 2, "--confidence", 20, "--sentence-level")  # fmt: skip
    told = json.loads(out)
    pairs = rouge(SYSTEM, REFERENCES, ["rougeW"], True, weight=2, per_pair=True)["rougeW"]
    assert told[str(files[0])]["rougeW"]["sentences"] == pairs.fmeasure.tolist()
    assert told[str(files[0])]["rougeW"]["low"] <= pairs.fmeasure.mean() <= told[str(files[0])]["rougeW"]["high"]
    assert 0 < told[str(files[1])]["rougeLsum"]["p_value"] <= 1


def test_sentences_within_a_line(capsys, tmp_path):
    (tmp_path / "h.txt").write_text("b c<n>a\n")
    (tmp_path / "r.txt").write_text("a<n>b c\n")
    scores = []
    for options in ((), ("--newline", "<n>")):
        _, out, _ = run(
            capsys, "rouge", tmp_path / "r.txt", "-i", tmp_path / "h.txt", "--types", "rougeLsum", "--json", *options
        )
        scores.append(json.loads(out)["rougeLsum"]["fmeasure"])
    assert scores[1] == 1 > scores[0]


def test_texts_come_from_the_standard_input_and_packed_files(capsys, files, monkeypatch, tmp_path):
    packed = tmp_path / "references.gz"
    packed.write_bytes(gzip.compress("\ufeff".encode() + "".join(line + "\r\n" for line in REFERENCES).encode()))
    expected = bleu(SYSTEM, REFERENCES).format(signature=True) + "\n"
    for arguments in ((packed,), (packed, "-i", "-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(SYSTEM).encode())))
        assert run(capsys, "bleu", *arguments)[:2] == (0, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bleu", "missing.txt", "-i", "system.txt"), "missing.txt: No such file or directory"),
        (
            ("bleu", "short.txt", "-i", "system.txt"),
            "short.txt: it has 1 lines, system.txt has 3: they belong together",
        ),
        (("bleu", "empty.txt", "-i", "empty.txt"), "empty.txt: it has no lines"),
        (("bleu", "-", "-i", "-"), "the standard input can be read only once"),
        (("bleu", "references.txt", "-i", "system.txt", "--tokenize", "x"), "tokenize: expected one of"),
        (("chrf", "references.txt", "-i", "system.txt", "--char-order", "-1"), "char_order"),
        (("rouge", "references.txt", "-i", "system.txt", "--types", "rougeX"), "types: expected rouge1"),
        (("ter", "references.txt", "-i", "system.txt", "--confidence", "-5"), "n_bootstrap"),
        (("bleu", "latin.txt", "-i", "system.txt"), "latin.txt: expected text in UTF-8, got 0xe9: "),
        (("bleu", "broken.gz", "-i", "system.txt"), "broken.gz: the compressed file is truncated or damaged"),
    ],
)
def test_errors_are_one_line(capsys, files, arguments, message, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    (files[0].parent / "short.txt").write_text("a\n")
    (files[0].parent / "empty.txt").write_text("")
    (files[0].parent / "latin.txt").write_bytes("café\n".encode("latin-1") * 3)
    (files[0].parent / "broken.gz").write_bytes(gzip.compress(b"a\n" * 99)[:-9])
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "") and message in err and err.count("\n") == 1
