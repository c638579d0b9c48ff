"""The command `seqnn glove`."""

import re

import numpy as np
import pytest

from seqnn import Cooccurrence, GloVe, KeyedVectors
from seqnn._cli import main


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "corpus.txt"
    words = [f"{topic}{name}" for topic in ("red", "blue") for name in ("apple", "berry", "cherry", "grape", "lemon")]
    path.write_text("".join(" ".join(rng.choice(words, 10)) + "\n" for _ in range(300)))
    return path


def run(capsys, *arguments):
    """Run the command in this process: exit code, stdout, stderr."""
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_corpus_to_vectors_and_counts(capsys, corpus, tmp_path):
    options = ("--size", 8, "--window", 3, "--epochs", 2, "--x-max", 10)
    files = [tmp_path / name for name in ("v.txt", "counts.npz", "vocab.txt", "model.safetensors", "again.txt")]
    code, out, err = run(
        capsys, "glove", corpus, *options, "-o", files[0], "--save-counts", files[1], "--save-vocab", files[2],
        "--model", files[3],
    )  # fmt: skip
    assert code == 0, err
    assert f"read {corpus}: 3,000 words in 300 sentences" in out
    assert "vocabulary: 10 words; co-occurrences: 100 pairs" in out
    assert re.search(r"trained 200 pairs in \d+\.\d s: [\d,]+ pairs/s, cost \d\.\d{5}\n", out)
    assert "10 vectors of 8 numbers" in out
    vectors = KeyedVectors.load_word2vec_format(files[0]).vectors
    assert GloVe.load(files[3]).epochs_trained == 2 and len(files[2].read_text().splitlines()) == 10
    assert Cooccurrence.load(files[1]).nnz == 100
    code, out, err = run(capsys, "glove", "--counts", files[1], *options, "-o", files[4], "--quiet")
    assert (code, out) == (0, ""), err
    again = KeyedVectors.load_word2vec_format(files[4])
    known = KeyedVectors.load_word2vec_format(files[0])
    np.testing.assert_array_equal(again[known.index_to_key], vectors)


def test_stanford_spellings(capsys, corpus, tmp_path):
    target = tmp_path / "vectors"
    code, out, err = run(
        capsys, "glove", corpus, "-min-count", 1, "-window-size", 3, "-symmetric", 1, "-memory", 1.0, "-vector-size", 6,
        "-iter", 2, "-x-max", 10, "-eta", 0.02, "-threads", 1, "-model", 1, "-save-file", target, "-overflow-file", "tmp",
        "-vocab-file", tmp_path / "vocab.txt", "-verbose", 0,
    )  # fmt: skip
    assert (code, out) == (0, ""), err
    lines = (tmp_path / "vectors.txt").read_text().splitlines()
    assert len(lines) == 10 and all(len(line.split()) == 7 for line in lines)  # no header
    expected = GloVe(
        corpus, None, 6, 3, x_max=10, learning_rate=0.02, epochs=2, min_count=1, vectors="word", verbose=0
    ).wv
    for line in lines:
        word, *numbers = line.split()
        np.testing.assert_allclose(np.array(numbers, float), expected[word], rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-binary", 1), "-binary"),
        (("-model", 0), "-model: expected 1"),
        (("--x-max", 0), "x_max"),
        (("--counts", "missing.npz"), "two sources"),
        (("-o", "missing/v.txt"), "no such folder"),
    ],
)
def test_errors_are_one_line(capsys, corpus, arguments, message):
    code, _, err = run(capsys, "glove", corpus, *arguments)
    assert code == 1 and message in err and err.count("\n") == 1


@pytest.mark.parametrize("command", ["word2vec", "fasttext", "glove"])
def test_vectors_begin_with_those_of_a_file_and_may_stay(command, tmp_path, capsys):
    text, known, output = (tmp_path / name for name in ("text.txt", "known.txt", "out.txt"))
    text.write_text("to be or not to be\n" * 30)
    known.write_text("2 3\nbe 1 2 3\nelsewhere 4 5 6\n")
    options = [text, "--pretrained", known, "--vector-size", 3, "--min-count", 1, "-o", output, "--quiet"]
    assert run(capsys, command, *options, "--freeze")[0] == 0
    np.testing.assert_allclose(KeyedVectors.load(output)["be"], [1, 2, 3], rtol=1e-5)
    assert run(capsys, command, *options, "--epochs", 1)[0] == 0
    assert (KeyedVectors.load(output)["be"] != [1, 2, 3]).any()
    code, _, err = run(capsys, command, *options[:4], 4, *options[5:])
    assert code == 1 and "pretrained: expected vectors of 4 numbers, as vector_size says, got 3" in err
    code, _, err = run(capsys, command, text, "--freeze")
    assert code == 1 and "freeze: expected pretrained vectors" in err
    code, _, err = run(capsys, command, text, "--pretrained", known, "-o", known)
    assert code == 1 and "is read by this command" in err
