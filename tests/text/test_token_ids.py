"""Vocabularies of models: special tokens, numbers, files."""

import numpy as np
import pytest

from seqnn.text import SPECIALS, Vocabulary

SOURCE = [["the", "cat", "sat"], ["the", "dog"]]
TARGET = [["die", "katze"], ["the"]]


def test_separate_and_shared():
    own, shared = Vocabulary.from_tokens(SOURCE), Vocabulary.from_tokens(SOURCE, TARGET)
    assert own.words == [*SPECIALS.values(), "the", "cat", "dog", "sat"]
    assert set(shared.words) == set(own.words) | {"die", "katze"} and shared.counts[shared.index["the"]] == 3
    assert (own.pad_id, own.unk_id, own.bos_id, own.eos_id) == (0, 1, 2, 3)


def test_choice():
    assert Vocabulary.from_tokens(SOURCE, min_frequency=2, specials={}).words == ["the"]
    assert Vocabulary.from_tokens(SOURCE, max_size=6).words == [*SPECIALS.values(), "the", "cat"]
    assert Vocabulary.from_tokens([["<pad>", "a"]]).words == [*SPECIALS.values(), "a"]
    own = Vocabulary.from_tokens(SOURCE, specials={"unk": "[UNK]", "mask": "[MASK]"})
    assert own.special_id("mask") == 1
    with pytest.raises(KeyError, match="no 'pad' token"):
        own.pad_id  # noqa: B018


def test_encode_decode():
    v = Vocabulary.from_tokens(SOURCE)
    ids = v.encode(["the", "bird"], bos=True, eos=True)
    assert ids.dtype == np.int32 and ids.tolist() == [2, 4, 1, 3]
    assert v.decode(ids) == ["<s>", "the", "<unk>", "</s>"] and v.decode(ids, skip_specials=True) == ["the", "<unk>"]
    assert v.encode([]).shape == (0,)


def test_errors():
    v = Vocabulary.from_tokens(SOURCE, specials={})
    with pytest.raises(KeyError, match="'bird' is not in the vocabulary"):
        v.encode(["the", "bird"])
    with pytest.raises(TypeError, match="tokenize it first"):
        v.encode("the cat")
    with pytest.raises(TypeError, match="tokenize it first"):
        Vocabulary.from_tokens(["the cat"])
    with pytest.raises(IndexError, match=r"0 \.\. 3, got 1 \.\. 9"):
        v.decode([1, 9])
    with pytest.raises(ValueError, match="max_size"):
        Vocabulary.from_tokens(SOURCE, max_size=2)
    with pytest.raises(ValueError, match="specials: pad='<p>' not among the words"):
        Vocabulary(["a"], specials={"pad": "<p>"})


def test_json(tmp_path):
    v = Vocabulary.from_tokens([["ü", "\n", '"']])
    v.save(tmp_path / "v.json")
    again = Vocabulary.load(tmp_path / "v.json")
    assert (again.words, again.specials, again.counts.tolist()) == (v.words, v.specials, v.counts.tolist())
    (tmp_path / "bad.json").write_text('{"words": ["a"]')
    with pytest.raises(ValueError, match=r"bad\.json: not a vocabulary"):
        Vocabulary.load(tmp_path / "bad.json")
