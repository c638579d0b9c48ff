"""SEAT: files and templates, and the numbers of WEAT on vectors of sentences."""

import gzip
import json
import re

import numpy as np
import pytest

from seqnn.embed import SEATTest, fill_templates, read_seat, seat, weat

TEST = SEATTest(
    ["It is a rose.", "A tulip."], ["An ant.", "A wasp."], ["This is good.", "Fine."], ["This is bad.", "Sad."]
)


def encoder(sentences):
    return np.array([np.random.default_rng([*map(ord, sentence)]).normal(size=5) for sentence in sentences])


def test_the_test_of_sentences_is_that_of_words():
    sentences = [sentence for part in TEST[:4] for sentence in part]
    assert seat(encoder, TEST) == weat((encoder(sentences), sentences), *TEST[:4])

    class Embeds:
        embed = staticmethod(encoder)

    assert seat(Embeds(), TEST) == seat(encoder, TEST)


def test_the_effect_size_is_that_of_may_and_others():
    x, y, a, b = (encoder(part) / np.linalg.norm(encoder(part), axis=1, keepdims=True) for part in TEST[:4])
    s = [(side @ a.T).mean(axis=1) - (side @ b.T).mean(axis=1) for side in (x, y)]
    result = seat(encoder, TEST)
    assert result.effect_size == pytest.approx((s[0].mean() - s[1].mean()) / np.std(np.concatenate(s), ddof=1))
    values, hits = np.concatenate(s), 0
    for i in range(4):
        for j in range(i):
            hits += values[[i, j]].sum() >= s[0].sum() - 1e-9
    assert result.p_value == pytest.approx(hits / 6) and result.exact


def test_files_of_the_published_form_are_read(tmp_path):
    tree = {
        key: {"category": name, "examples": [*sentences, sentences[0]]}
        for key, name, sentences in zip(("targ1", "targ2", "attr1", "attr2"), "wxyz", TEST[:4], strict=True)
    }
    (tmp_path / "sent-weat1.jsonl").write_text(json.dumps(tree, indent=1))
    expected = TEST._replace(names=("w", "x", "y", "z"))
    assert read_seat(tmp_path / "sent-weat1.jsonl") == expected
    (tmp_path / "packed.gz").write_bytes(gzip.compress(json.dumps(tree).encode("utf-8-sig")))
    assert read_seat(tmp_path / "packed.gz") == expected
    assert seat(encoder, tmp_path / "packed.gz") == seat(encoder, TEST)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "targ1: expected an object with examples, texts, got None"),
        ('{"targ1": {"examples": []}}', "targ1: expected an object with examples, texts, got {'examples': []}"),
        ('{"targ1": {"examples": ["a", 3]}}', "targ1: expected an object with examples, texts"),
        ('{"targ1": {"examples": ["a"]}, "targ2": ["b"]}', "targ2: expected an object with examples, texts, got ['b']"),
        ('{"a": 1}\n{"b": 2}', "line 2: expected one JSON object: Extra data"),
    ],
)
def test_wrong_files_are_named(text, message, tmp_path):
    (tmp_path / "test.jsonl").write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'test.jsonl'}: {message}")):
        read_seat(tmp_path / "test.jsonl")


def test_templates_are_filled():
    assert fill_templates(["Amy", "ant"], ["This is a {}.", "{} is here."]) == [
        "This is an Amy.", "Amy is here.", "This is an ant.", "Ant is here.",
    ]  # fmt: skip
    nouns = fill_templates(["rose", "ant"])
    assert len(nouns) == len(set(nouns)) == 16 and "An ant is a thing." in nouns and "A rose is a thing." in nouns
    assert "Amy is a person." in fill_templates(["Amy"], "names")
    for templates, message in (("verbs", "expected one of nouns"), (["no place"], "sentences with {}, got 'no place'")):
        with pytest.raises(ValueError, match=f"templates: .*{message}"):
            fill_templates(["rose"], templates)
    with pytest.raises(TypeError, match="words: expected a list of words, got one string"):
        fill_templates("rose")
    for words in ([3], ["rose", ""]):
        with pytest.raises(TypeError, match=r"words: expected words, got (3|'')"):
            fill_templates(words)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="target_1: expected at least one word, got none"):
        seat(encoder, TEST._replace(target_1=[]))
    with pytest.raises(ValueError, match="target_1 and target_2 share words"):
        seat(encoder, TEST._replace(target_2=TEST.target_1))
    with pytest.raises(ValueError, match=r"encoder: expected a vector of each of 8 sentences, got shape \(8,\)"):
        seat(lambda sentences: np.zeros(len(sentences)), TEST)
    with pytest.raises(
        TypeError, match="encoder: expected a function of sentences, or something with embed, got NoneType"
    ):
        seat(None, TEST)
    with pytest.raises(ValueError, match=r"encoder: expected a vector of each of 8 sentences, got \[\[1\], \[1, 2\]"):
        seat(lambda sentences: [[1], [1, 2]], TEST)
    with pytest.raises(FileNotFoundError):
        seat(encoder, "no such file.jsonl")
