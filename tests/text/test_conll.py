"""Files of tagged tokens, and where tokens stand in their text."""

import gzip
from itertools import pairwise

import pytest

from seqnn.text import read_conll, regex_tokenize, token_offsets, treebank_tokenize, write_conll

FILE = "-DOCSTART- -X- O\n\nAda NNP B-PER\nsaw VBD O\n\n\nRome NNP B-LOC\n"


def test_sentences_are_read_with_the_columns_that_are_asked_for(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(FILE)
    assert read_conll(path) == ([["Ada", "saw"], ["Rome"]], [["B-PER", "O"], ["B-LOC"]])
    assert read_conll(path, tag=1).tags == [["NNP", "VBD"], ["NNP"]]
    assert read_conll(path, token=-1, tag=0).tokens == [["B-PER", "O"], ["B-LOC"]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_byte_order_marks_and_packing_make_no_difference(end, tmp_path):
    data = FILE.replace("\n", end).rstrip(end).encode()
    for name, content in (("a", b"\xef\xbb\xbf" + data), ("a.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        assert read_conll(tmp_path / name).tokens == [["Ada", "saw"], ["Rome"]]


def test_other_white_space_belongs_to_tokens_and_a_separator_keeps_blanks(tmp_path):
    path = tmp_path / "a"
    path.write_text("3\xa0000 N\n\x85 X\n# H\n")
    assert read_conll(path).tokens == [["3\xa0000", "\x85", "#"]]
    path.write_text("# a comment\nNew York\tLOC\n#\tO\n")
    assert read_conll(path, separator="\t", comment="# ").tokens == [["New York", "#"]]


def test_older_encodings_are_read_when_they_are_named(tmp_path):
    path = tmp_path / "a"
    path.write_bytes("Aznar B-PER\nviajó O\n".encode("latin-1"))
    assert read_conll(path, encoding="latin-1").tokens == [["Aznar", "viajó"]]
    with pytest.raises(ValueError, match=r"a: line 2: is not utf-8 .*: give encoding=, such as 'latin-1'"):
        read_conll(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected lines of a token and its tag, got none"),
        ("-DOCSTART- O\n\n", "expected lines of a token and its tag, got none"),
        ("Ada\n", "line 1: expected a token and its tag in columns, got 'Ada': is this a CoNLL file"),
        ("Ada B-PER\n\nsaw\n", "line 3: expected 2 columns as in line 1, got 1: 'saw'"),
        ("Ada B-PER\nNew York B-LOC\n", "line 2: expected 2 columns as in line 1, got 3"),
        ("A\0d\0a O\0\n", "line 1: a NUL byte: the file is binary or not UTF-8"),
    ],
)
def test_what_is_no_such_file_is_told_with_its_line(text, message, tmp_path):
    (tmp_path / "a").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_conll(tmp_path / "a")


def test_columns_that_are_not_there(tmp_path):
    (tmp_path / "a").write_text(FILE)
    with pytest.raises(ValueError, match=r"tag: expected a column from 0 to 2, as .* has, got 3"):
        read_conll(tmp_path / "a", tag=3)
    with pytest.raises(TypeError, match="token: expected an integer"):
        read_conll(tmp_path / "a", token="word")
    with pytest.raises(FileNotFoundError):
        read_conll(tmp_path / "b")


def test_what_is_written_is_read_again(tmp_path):
    tokens, tags = [["Ada", "saw"], ["日本", "#", "é\xa0e"]], [["B-PER", "O"], ["B-LOC", "O", "O"]]
    write_conll(tmp_path / "a.gz", tokens, tags)
    write_conll(tmp_path / "a", tokens, tags, tags)
    assert read_conll(tmp_path / "a") == (tokens, tags)
    assert read_conll(tmp_path / "a", tag=1) == (tokens, tags)


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        ([["a b"]], [["O"]], r"tokens\[0\]: expected tokens and tags without white space"),
        ([["a"], [""]], [["O"], ["O"]], r"tokens\[1\]: expected tokens and tags without white space"),
        ([["-DOCSTART-"]], [["O"]], r"tokens\[0\]: expected tokens"),
        ([["a"]], [["O", "O"]], "tags of sentence 0: expected 1, one a token, got 2"),
        ([["a"]], [], r"tags\[0\]: expected 1 sentences as tokens has, got 0"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tokens, tags, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_conll(tmp_path / "a", tokens, tags)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("tokenizer", [regex_tokenize, treebank_tokenize, str.split])
def test_tokens_are_found_where_they_stand(tokenizer):
    text = 'He said:  "It doesn\'t -- (yet) cost $3.88,"\tMr. Smith.'
    tokens = tokenizer(text)
    places = token_offsets(text, tokens)
    for token, (start, end) in zip(tokens, places, strict=True):
        assert text[start:end] == token or (token in ("``", "''") and text[start:end] == '"')
    assert all(a[1] <= b[0] for a, b in pairwise(places))
    assert token_offsets("", []) == []


def test_a_token_that_the_text_has_not():
    with pytest.raises(
        ValueError, match=r"tokens\[1\]: expected a part of the text after character 1, got 'A': the tokenizer"
    ):
        token_offsets("a a", ["a", "A"])


@pytest.mark.parametrize("encoding", ["utf-17", "utf-16", "utf-32", "rot13"])
def test_an_encoding_keeps_ascii(encoding, tmp_path):
    (tmp_path / "a").write_text(FILE)
    with pytest.raises(ValueError, match=f"encoding: expected the name of one that keeps ASCII, .*got '{encoding}'"):
        read_conll(tmp_path / "a", encoding=encoding)
    assert read_conll(tmp_path / "a", encoding="utf-8-sig") == read_conll(tmp_path / "a")
