"""The commands `seqnn evaluate` and `seqnn bias`, and small vectors from `seqnn convert`."""

import json
import warnings

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn._cli import main
from seqnn.embed import QuantizedKeyedVectors, mac, rnd, weat

WORDS = ["king", "queen", "man", "woman", "cat", "dog", "car", "bus"]


@pytest.fixture
def wv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).standard_normal((8, 6)) + 3 * np.repeat(np.eye(6)[:4], 2, axis=0)
    wv = KeyedVectors.from_arrays(WORDS, vectors.astype(np.float32))
    wv.save("v.safetensors")
    return wv


def seqnn(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_evaluate_reads_the_usual_test_sets(wv, tmp_path, capsys):
    (tmp_path / "SimLex-999.txt").write_text(
        "word1\tword2\tPOS\tSim\nking\tqueen\tN\t9\ncat\tbus\tN\t1\ncat\tdog\tN\t8\n"
    )
    (tmp_path / "q.txt").write_text(": royal\nking queen man woman\n")
    (tmp_path / "bats").mkdir()
    (tmp_path / "bats" / "L01 [x].txt").write_text("king\tqueen/dog\nman\twoman\n")
    (tmp_path / "c.txt").write_text("king person\nqueen person\ncat animal\ndog animal\n")
    (tmp_path / "pets.txt").write_text("cat\ndog\n\nking\ncar\n")
    code, out, err = seqnn(
        capsys, "evaluate", "v.safetensors", "SimLex-999.txt", "q.txt", "bats", "--categories", "c.txt", "--outliers",
        "pets.txt", "--method", "3cosmul", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["SimLex-999.txt", "q.txt", "bats", "c.txt", "pets.txt"]
    assert found["SimLex-999.txt"]["unknown_percent"] == 0 and found["SimLex-999.txt"]["spearman"] > 0
    right, _ = wv.evaluate_word_analogies("q.txt", similarity_function="most_similar_cosmul")
    assert found["q.txt"]["Total accuracy"] == {"right": int(right), "asked": 1}
    assert found["bats"]["L01 [x]"]["asked"] == found["bats"]["Total accuracy"]["asked"] == 2
    assert found["c.txt"] == {"purity": 1.0, "unknown": 0} and found["pets.txt"]["accuracy"] == 1.0
    code, out, _ = seqnn(capsys, "evaluate", "v.safetensors", "--categories", "c.txt", "--outliers", "pets.txt")
    assert out.splitlines() == [
        "c.txt: purity 1.0000, unknown words 0",
        "pets.txt: accuracy 1.0000, OPP 100.00 %, unknown outliers 0",
    ]


def test_a_wrong_line_is_named(wv, tmp_path, capsys):
    (tmp_path / "pairs.csv").write_text("king,queen,9\nking,man\n")
    code, _, err = seqnn(capsys, "evaluate", "v.safetensors", "pairs.csv")
    assert code == 1 and 'pairs.csv: line 2: expected "word word rating"' in err
    code, _, err = seqnn(capsys, "evaluate", "v.safetensors")
    assert code == 1 and "FILE, --categories or --outliers: expected at least one" in err


def test_bias_prints_the_measure(wv, capsys):
    sets = ["--target", "king", "man", "--target", "queen", "woman", "--attribute", "cat", "dog"]
    code, out, err = seqnn(capsys, "bias", "v.safetensors", "rnd", *sets, "--json")
    assert (code, err) == (0, "")
    expected = rnd(wv, ["king", "man"], ["queen", "woman"], ["cat", "dog"])
    assert json.loads(out) == {"score": expected.score, "by_word": expected.by_word}
    code, out, _ = seqnn(capsys, "bias", "v.safetensors", "weat", *sets, "--attribute", "car", "bus")
    test = weat(wv, ["king", "man"], ["queen", "woman"], ["cat", "dog"], ["car", "bus"])
    assert out == f"weat: effect_size {test.effect_size:.6g}, p_value {test.p_value:.6g}\n"
    code, out, _ = seqnn(capsys, "bias", "v.safetensors", "mac", *sets)
    score = mac(wv, [["king", "man"], ["queen", "woman"]], [["cat", "dog"]]).score
    assert out.splitlines()[0] == f"mac: score {score:.6g}" and len(out.splitlines()) == 5
    for measure in ("ect", "rnsb"):
        more = ["--attribute", "car", "bus"] if measure == "rnsb" else []
        assert seqnn(capsys, "bias", "v.safetensors", measure, *sets, *more)[0] == 0


def test_bias_says_what_is_missing(wv, capsys):
    sets = ["--target", "king", "--target", "queen", "--attribute", "cat", "xyz"]
    code, _, err = seqnn(capsys, "bias", "v.safetensors", "rnd", *sets)
    assert code == 1 and "attribute: 1 of 2 words have no vector: 'xyz'" in err
    code, _, err = seqnn(capsys, "bias", "v.safetensors", "rnd", *sets, "--drop", "0.2")
    assert code == 1 and "more than lost_vocabulary_threshold=0.2 allows" in err
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, out, err = seqnn(capsys, "bias", "v.safetensors", "rnd", *sets, "--drop", "0.5")
    assert code == 0 and "warning" in err and out.startswith("rnd: score")
    code, _, err = seqnn(capsys, "bias", "v.safetensors", "weat", *sets)
    assert code == 1 and "--attribute: weat takes 2, got 1" in err
    code, _, err = seqnn(capsys, "bias", "v.safetensors", "mac", "--attribute", "cat")
    assert code == 1 and "--target: mac takes 1 or more, got 0" in err


def test_convert_writes_small_vectors(wv, capsys):
    code, _, err = seqnn(capsys, "convert", "v.safetensors", "small.safetensors", "--quantize", "int8")
    assert (code, err) == (0, "")
    small = KeyedVectors.load("small.safetensors")
    assert type(small) is QuantizedKeyedVectors and small.kind == "int8"
    code, _, err = seqnn(capsys, "convert", "v.safetensors", "small.txt", "--quantize", "int8")
    assert code == 1 and "--quantize: expected TO to be .safetensors, got small.txt" in err


def test_files_of_one_name_keep_their_own_scores(wv, tmp_path, capsys):
    for folder, answer in (("a", "woman"), ("b", "bus")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "q.txt").write_text(f": royal\nking queen man {answer}\n")
    code, out, _ = seqnn(capsys, "evaluate", "v.safetensors", "a/q.txt", "b/q.txt", "--json")
    assert code == 0 and list(json.loads(out)) == ["q.txt", "b/q.txt"]
