"""The command `seqnn`, as a user types it."""

import gzip
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from harness import interrupted_training

from seqnn import KeyedVectors, Word2Vec
from seqnn._cli import main

WORDS = [
    f"{topic}{name}" for topic in ("red", "blue") for name in ("apple", "berry", "cherry", "grape", "lemon", "melon")
]


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "corpus.txt"
    halves = WORDS[:6], WORDS[6:]
    path.write_text("".join(" ".join(rng.choice(halves[i % 2], 10)) + "\n" for i in range(600)))
    return path


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\nking 1 0.1\nqueen 1 0.2\nman 0.1 1\nwoman 0.2 1\n")
    return path


def seqnn(*arguments, **settings):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "seqnn", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **settings,
    )


def run(capsys, *arguments):
    """Run the command in this process: exit code, stdout, stderr."""
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_word2vec(corpus, tmp_path):
    done = seqnn("word2vec", corpus, "-o", tmp_path / "v.txt", "--size", 16, "--sample", 0, "--sg", "--epochs", 3)
    assert done.returncode == 0, done.stderr
    assert f"read {corpus}: 6,000 words in 600 sentences" in done.stdout
    assert "vocabulary: 12 words that occur 5 times or more" in done.stdout
    assert re.search(r"trained 18,000 words in \d+\.\d s: [\d,]+ words/s, loss \d\.\d{4}\n", done.stdout)
    assert re.search(r"^ *(red|blue)[a-z]+  (\1[a-z]+ 0\.\d\d, )+", done.stdout, re.MULTILINE)
    assert "12 vectors of 16 numbers" in done.stdout
    assert done.stderr == ""  # bars are for terminals
    expected = Word2Vec(str(corpus), vector_size=16, sample=0, sg=1, epochs=3, verbose=0)
    wv = KeyedVectors.load(tmp_path / "v.txt")
    assert wv.index_to_key == expected.wv.index_to_key and wv.vectors.shape == (12, 16)


def test_without_a_corpus_there_is_one(tmp_path):
    done = seqnn("word2vec", "-o", "v.safetensors", "--size", 8, "--epochs", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read the documentation of Python and NumPy" in done.stdout
    assert len(KeyedVectors.load(tmp_path / "v.safetensors")) > 1000


def test_options_reach_the_model(corpus, tmp_path, capsys):
    options = (
        "--vector-size 12 --window 3 --min-count 2 --max-final-vocab 100 --sample 0.01 --alpha 0.03 --min-alpha 0.001 "
        "--epochs 2 --hs --negative 3 --ns-exponent 0.5 --cbow-mean 0 --fixed-windows --seed 5 --workers 1 "
        "--deterministic --max-memory 1MB --errors strict --cbow --quiet"
    )
    code, out, err = run(
        capsys, "word2vec", corpus, *options.split(), "--model", tmp_path / "m", "-o", tmp_path / "v.bin.gz"
    )
    assert (code, out, err) == (0, "", "")
    model = Word2Vec.load(tmp_path / "m")
    expected = {
        "vector_size": 12, "window": 3, "min_count": 2, "max_final_vocab": 100, "sample": 0.01, "alpha": 0.03,
        "min_alpha": 0.001, "epochs": 2, "hs": 1, "negative": 3, "ns_exponent": 0.5, "cbow_mean": 0, "sg": 0,
        "shrink_windows": False, "seed": 5, "workers": 1, "deterministic": True, "max_memory": "1MB", "errors": "strict",
    }  # fmt: skip
    assert {name: getattr(model, name) for name in expected} == expected
    np.testing.assert_array_equal(KeyedVectors.load(tmp_path / "v.bin.gz").vectors, model.wv.vectors)
    assert gzip.decompress((tmp_path / "v.bin.gz").read_bytes()).startswith(b"12 12\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"sg": 0, "alpha": 0.05, "vector_size": 100, "epochs": 5, "workers": None, "min_count": 5, "negative": 5}),
        ("-cbow 0", {"sg": 1, "alpha": 0.025, "hs": 0}),
        ("-cbow 0 -alpha 0.1 -hs 1 -negative 0 -iter 2 -size 10", {"alpha": 0.1, "hs": 1, "negative": 0, "epochs": 2}),
        ("-window 2 -sample 0 -threads 1 -min-count 1", {"window": 2, "sample": 0, "workers": 1, "min_count": 1}),
    ],
)
def test_spellings_of_word2vec_c(corpus, tmp_path, capsys, options, expected):
    output = tmp_path / "out.vectors"
    code, out, err = run(
        capsys, "word2vec", "-train", corpus, "-output", output, "-binary", 1, "-debug", 0, "--model", tmp_path / "m",
        "-save-vocab", tmp_path / "words", *options.split(),
    )  # fmt: skip
    assert (code, out, err) == (0, "", "")
    model = Word2Vec.load(tmp_path / "m")
    assert {name: getattr(model, name) for name in expected} == expected
    wv = KeyedVectors.load_word2vec_format(output, binary=True)
    np.testing.assert_array_equal(wv.vectors, model.wv.vectors)
    lines = (tmp_path / "words").read_text().splitlines()
    assert lines == [f"{w} {model.wv.get_vecattr(w, 'count')}" for w in wv.index_to_key]


def test_read_vocab(corpus, tmp_path, capsys):
    (tmp_path / "words").write_text("redapple 50\nblueberry 70\nnothing 9\nrare 1\n")
    code, _, err = run(
        capsys, "word2vec", corpus, "-read-vocab", tmp_path / "words", "-o", tmp_path / "v.txt", "-size", 4,
        "-sample", 0,
    )  # fmt: skip
    assert code == 0, err
    assert KeyedVectors.load(tmp_path / "v.txt").index_to_key == ["blueberry", "redapple", "nothing"]
    (tmp_path / "words").write_text("redapple 50\nbroken\n")
    code, _, err = run(capsys, "word2vec", corpus, "--read-vocab", tmp_path / "words")
    assert code == 1 and "line 2" in err


def test_invalid_utf8_is_counted(corpus, capsys):
    corpus.write_bytes(corpus.read_bytes() + b"caf\xe9 \xff\xfe\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, out, err = run(capsys, "word2vec", corpus, "--size", 4)
    assert code == 0 and "6,002 words" in out
    assert re.search(r"^seqnn: warning: .*3.* not UTF-8", err, re.MULTILINE)
    code, _, err = run(capsys, "word2vec", corpus, "--errors", "strict")
    assert code == 1 and "line 601" in err and "UTF-8" in err


def test_several_files(corpus, tmp_path, capsys):
    other = tmp_path / "more.txt.gz"
    other.write_bytes(gzip.compress(b"extra words " * 10))
    code, out, _ = run(capsys, "word2vec", corpus, other, "--size", 4)
    assert code == 0 and "read 2 files: 6,020 words in 601 sentences" in out


def test_neighbours(vectors, capsys):
    code, out, err = run(capsys, "neighbours", vectors, "king", "man", "-n", 2)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "king" and out.splitlines()[3] == "man"
    assert [line.split()[-1] for line in out.splitlines()] == ["king", "queen", "woman", "man", "woman", "queen"]
    code, out, _ = run(capsys, "neighbours", vectors, "king", "woman", "--negative", "man", "--topn", 1)
    assert code == 0 and out.splitlines() == ["king + woman - man", out.splitlines()[1]] and "queen" in out
    code, _, err = run(capsys, "neighbours", vectors, "king", "emperor")
    assert code == 1 and "emperor" in err and "Traceback" not in err
    assert run(capsys, "neighbours", vectors, "king", "-n", 0)[0] == 1


def test_evaluate(vectors, tmp_path, capsys):
    (tmp_path / "pairs.tsv").write_text("king\tqueen\t9\nking\tman\t2\nman\twoman\t8\nking\tunknown\t5\n")
    (tmp_path / "questions.txt").write_text(": family\nking queen man woman\nking queen man unknown\n")
    code, out, err = run(capsys, "evaluate", vectors, tmp_path / "pairs.tsv", tmp_path / "questions.txt")
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert re.fullmatch(r"pairs\.tsv: Spearman \d\.\d{4}, Pearson \d\.\d{4}, unknown pairs 25\.0 %", first)
    assert rest == [
        "questions.txt: family: 1.0000 (1 of 1)",
        "questions.txt: Total accuracy: 1.0000 (1 of 1)",
    ]


@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz", "v.safetensors", "v.glove", "v.txt.xz", "v.vec"])
def test_convert(vectors, tmp_path, capsys, name):
    code, out, _ = run(capsys, "convert", vectors, tmp_path / name)
    assert code == 0 and "4 vectors of 2 numbers" in out
    code, _, _ = run(capsys, "convert", tmp_path / name, tmp_path / "back.txt")
    assert code == 0
    one, other = KeyedVectors.load(vectors), KeyedVectors.load(tmp_path / "back.txt")
    assert one.index_to_key == other.index_to_key
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_config_and_version(capsys):
    done = seqnn("config")
    assert done.returncode == 0 and "NumPy" in done.stdout and "threads" in done.stdout
    assert seqnn("--version").stdout.startswith("seqnn ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["word2vec", "missing.txt"], "missing.txt"),
        (["word2vec", "{corpus}", "-o", "missing/v.txt"], "missing"),
        (["word2vec", "{corpus}", "-o", "."], "folder"),
        (["word2vec", "{corpus}", "--size", "0"], "vector_size"),
        (["word2vec", "{corpus}", "--min-count", "100000"], "min_count=100000"),
        (["word2vec", "{corpus}", "--alpha", "nan"], "alpha"),
        (["word2vec", "{corpus}", "-classes", "10"], "-classes"),
        (["word2vec", "{corpus}", "--alpha", "1e30", "--sg"], "diverged"),
        (["neighbours", "missing.txt", "word"], "missing.txt"),
        (["neighbours", "{corpus}", "word"], "corpus.txt"),
        (["evaluate", "{vectors}", "missing.tsv"], "missing.tsv"),
        (["convert", "{vectors}", "missing/v.bin"], "missing"),
        (["convert", "{vectors}.gz", "v.bin"], "vectors.txt.gz"),
    ],
)
def test_errors_take_one_line(corpus, vectors, tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    code, _, err = run(capsys, *(a.format(corpus=corpus, vectors=vectors) for a in arguments))
    last = err.splitlines()[-1]
    assert code == 1 and last.startswith("seqnn: error: ") and told in last
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["word2vec", "--nonsense"], ["word2vec", "--window", "wide"]])
def test_wrong_usage(arguments):
    done = seqnn(*arguments)
    assert done.returncode == 2 and "usage: seqnn" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c(corpus, tmp_path):
    output = tmp_path / "v.txt"
    output.write_text("the old file")
    command = [sys.executable, "-m", "seqnn", "word2vec", corpus, "-o", output, "--epochs", "1000000", "--sample", "0"]
    code, err = interrupted_training(command)
    assert code == 130
    assert "seqnn: interrupted" in err and "Traceback" not in err
    assert len(KeyedVectors.load(output)) == 12


def test_a_closed_pipe_is_no_error(vectors):
    command = f'"{sys.executable}" -m seqnn neighbours "{vectors}" king man king man king man | head -n 1'
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "king\n" and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
