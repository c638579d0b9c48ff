"""BPE, WordPiece and unigram through the tokenizers library."""

import pytest

from seqnn.text import SubwordTokenizer

pytest.importorskip("tokenizers")
TEXTS = ["the lowest newest widest house", "a low new wide house"] * 30


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram"])
def test_round_trip(kind, tmp_path):
    subwords = SubwordTokenizer.train(TEXTS, kind=kind, vocab_size=300 if kind == "bpe" else 60)
    assert subwords.special_id("<pad>") == 0 and len(subwords) <= 300
    ids = subwords.encode("the new house")
    assert subwords.decode(ids) == "the new house"
    assert subwords.encode_batch(["the new house", "low"])[0].tolist() == ids.tolist()
    subwords.save(tmp_path / "tokenizer.json")
    again = SubwordTokenizer.load(tmp_path / "tokenizer.json")
    assert again.encode("a widest low").tolist() == subwords.encode("a widest low").tolist()
    assert "".join(subwords.tokens("low")).replace("Ġ", "").replace("▁", "").replace("##", "") == "low"


def test_lowercase_and_unknown():
    subwords = SubwordTokenizer.train(TEXTS, kind="wordpiece", vocab_size=60, lowercase=True)
    assert subwords.decode(subwords.encode("The LOW")) == "the low"
    assert subwords.encode("ж").tolist() == [subwords.special_id("<unk>")]


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="kind: expected one of"):
        SubwordTokenizer.train(TEXTS, kind="words")
    with pytest.raises(ValueError, match="at least one string"):
        SubwordTokenizer.train([])
    with pytest.raises(TypeError, match="one string"):
        SubwordTokenizer.train("text")
    for size in (0, -4, 2**25):
        with pytest.raises(ValueError, match="vocab_size: expected "):
            SubwordTokenizer.train(TEXTS, vocab_size=size)
    with pytest.raises(ValueError, match="WordPiece needs"):
        SubwordTokenizer.train(TEXTS, kind="wordpiece", specials=["[PAD]"])
    with pytest.raises(KeyError, match="not among"):
        SubwordTokenizer.train(TEXTS, vocab_size=300).special_id("<mask>")
    with pytest.raises(FileNotFoundError):
        SubwordTokenizer.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="not a tokenizer"):
        SubwordTokenizer.load(tmp_path / "bad.json")


def test_texts_that_the_library_does_not_take_are_named():
    subwords = SubwordTokenizer.train(TEXTS, kind="wordpiece", vocab_size=60)
    with pytest.raises(ValueError, match=r"texts: expected Unicode, got bytes that are no UTF-8 in .* at 1"):
        subwords.encode_batch(["low", "wide \udcff"])
    with pytest.raises(ValueError, match="expected Unicode"):
        subwords.encode("\udcff")
    with pytest.raises(TypeError, match="texts: expected strings, got 3 at 0"):
        subwords.encode(3)
