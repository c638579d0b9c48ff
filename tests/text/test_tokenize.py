"""White space, regular expressions, the Penn Treebank's conventions."""

import pytest

from seqnn.text import regex_tokenize, split_words, tokenize, treebank_tokenize


@pytest.mark.parametrize("letter", ["a", "ä", "\udcff", ""])
def test_words_are_split_at_ascii_white_space_alone(letter):
    for code in [*range(256), 0x2028, 0x2003, 0x3000, 0xFEFF, 0xD800]:
        text = f" {letter}b{chr(code)}{letter}c  "
        raw = text.encode("utf-8", "surrogatepass").split()
        assert split_words(text) == [word.decode("utf-8", "surrogatepass") for word in raw], hex(code)
    assert split_words("") == split_words(" \t\n\x0b\x0c\r") == []


def test_whitespace_and_regex():
    assert tokenize(" a\tb \n c") == ["a", "b", "c"] and tokenize("") == []
    assert regex_tokenize("a-b, c2") == ["a", "-", "b", ",", "c2"]
    assert regex_tokenize("a1b22", r"\d+") == ["1", "22"]
    assert regex_tokenize("key=value", r"(\w+)=") == ["key="]  # the whole match, not the group


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It doesn't.", "It does n't ."),
        ("They'll save and invest more.", "They 'll save and invest more ."),
        ("hi, my name can't hello,", "hi , my name ca n't hello ,"),
        ('She said, "Go (now)!"', "She said , `` Go ( now ) ! ''"),
        ("I cannot, I'm gonna lemme see... $3.88", "I can not , I 'm gon na lem me see ... $ 3.88"),
        ("The U.S. dogs' owner's home--here; 10:30", "The U.S. dogs ' owner 's home -- here ; 10:30"),
        ("1,000 [a] {b} <c> 5% #x @y &z a?", "1,000 [ a ] { b } < c > 5 % # x @ y & z a ?"),
        ("", ""),
    ],
)
def test_treebank(text, tokens):
    assert treebank_tokenize(text) == tokens.split()


def test_treebank_equals_nltk():
    nltk = pytest.importorskip("nltk")
    reference = nltk.tokenize.TreebankWordTokenizer()
    for text in ('"It isn\'t," he said. "We\'d go (perhaps) at 5 p.m., won\'t we?"', "Dr. X's $5 -- no... 'tis"):
        assert treebank_tokenize(text) == reference.tokenize(text)
