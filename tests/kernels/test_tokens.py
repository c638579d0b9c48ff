"""Tokenizers that a table drives, against chains of regular expressions; stems, against NLTK's."""

import re
import unicodedata

import numpy as np
import pytest
from harness import each_team
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnn import _core
from seqnn.metrics import porter_stem
from seqnn.metrics._tokenizers import BLEU, CHARACTERS_AND_SPACES, CHRF_WORDS, rouge_tokenizer, tercom
from seqnn.metrics._tokens import Tokens, numbered, pack, pack_lines, split


def substituted(text, *rules):
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


MTEVAL = [
    (r"([{-~\[-` -&(-+:-@/])", r" \1 "),
    (r"([^0-9])([.,])", r"\1 \2 "),
    (r"([.,])([^0-9])", r" \1 \2"),
    (r"([0-9])(-)", r"\1 \2 "),
]
UNESCAPED = [("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")]


def mteval_13a(text):
    text = substituted(text.rstrip(), ("<skipped>", ""), ("-\n", ""), ("\n", " "), *UNESCAPED)
    return substituted(f" {text} ", *MTEVAL).split()


def in_category(letter):
    codes = "".join(
        re.escape(chr(c))
        for c in range(0x3100)
        if unicodedata.category(chr(c))[0] == letter and not 0xD800 <= c < 0xE000
    )
    return codes + "".join(re.escape(c) for c in "！。，＄１😀" if unicodedata.category(c)[0] == letter)


NUMBERS, MARKS, SYMBOLS = map(in_category, "NPS")


def mteval_14(text):
    rules = (
        (f"([^{NUMBERS}])([{MARKS}])", r"\1 \2 "),
        (f"([{MARKS}])([^{NUMBERS}])", r" \1 \2"),
        (f"([{SYMBOLS}])", r" \1 "),
    )
    return substituted(text.rstrip(), *rules).split()


def chinese(text):
    alone = "[\u2001-\u2a6d\u3000-\u303f\u4e00-\u9fbb\uff00-\uffef]"  # of sacrebleu's list what the texts have
    spaced = re.sub(f"({alone})", r" \1 ", text.strip())
    return substituted(spaced, *MTEVAL).split()


def tercom_normalized(text):
    text = substituted(text.rstrip(), ("\n-", ""), ("\n", " "), *UNESCAPED)
    split_off = MTEVAL[0]
    return substituted(f" {text} ", split_off, ("'s ", " 's "), *MTEVAL[1:]).split()


def chrf_words(text):
    words = []
    for word in text.split():
        if len(word) > 1 and word[-1] in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
            words += [word[0], word[1:]]
        else:
            words.append(word)
    return words


REFERENCES = {
    "13a": (BLEU["13a"], mteval_13a),
    "intl": (BLEU["intl"], mteval_14),
    "zh": (BLEU["zh"], chinese),
    "none": (BLEU["none"], str.split),
    "char": (BLEU["char"], lambda text: [c for c in text if not c.isspace()]),
    "characters and spaces": (CHARACTERS_AND_SPACES, list),
    "chrF words": (CHRF_WORDS, chrf_words),
    "tercom": (tercom(False, False, False), str.split),
    "tercom normalized": (tercom(True, False, False), tercom_normalized),
    "tercom without punctuation": (tercom(False, True, False), lambda text: re.sub(r'[.,?:;!"()]', "", text).split()),
    "rouge": (rouge_tokenizer("rouge", False), lambda text: re.findall("[a-z0-9]+", text)),
}
PIECES = st.sampled_from(
    [*"aab01.,-'&;%()/<$: \t\n", "  ", ".5", "1.", "&amp;", "&quot;", "&lt;", "&amp;lt;", "<skipped>", "-\n", "\n-", "'s ",
     *"éß\x1c\x85\xa0€«²٣…\u2010中国ア。！，１\u3000😀\ud800"]
)  # fmt: skip
TEXTS = st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=6)


def expected_ids(groups, tokenize):
    """Ids of the reference's tokens, numbered in each group on its own."""
    ids, lengths = [], []
    for group in groups:
        numbers = {}
        for text in group:
            tokens = tokenize(text)
            ids += [numbers.setdefault(token, len(numbers)) for token in tokens]
            lengths.append(len(tokens))
    return ids, lengths


@pytest.mark.parametrize("name", REFERENCES)
def test_tokens_are_those_of_the_regular_expressions(name):
    tokenizer, reference = REFERENCES[name]

    @settings(max_examples=200)
    @given(TEXTS, st.integers(0, 6))
    def check(texts, cut):
        cut = min(cut, len(texts))
        ids, lengths = expected_ids([texts[:cut], texts[cut:]], reference)
        got = split(pack(texts, np.array([0, cut, len(texts)])), tokenizer)
        assert got.ids.tolist() == ids and got.lengths.tolist() == lengths
        assert got.limit == max(ids, default=-1) + 1

    check()


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("13a", "It's 1,000.50 (U.S.) - not 3-4.", "It's 1,000.50 ( U . S . ) - not 3 - 4 ."),
        ("13a", "&quot;a&quot; &amp;lt; b..5 x.,y", '" a " < b . .5 x . , y'),
        ("intl", "In 2010. It's «1,5» €3", "In 2010 . It ' s « 1,5 » € 3"),
        ("intl", "in 2010.", "in 2010."),
        ("zh", "我有2.5元。ok", "我 有 2.5 元 。 ok"),
        ("char", "a b\u3000c", "a b c"),
        ("chrF words", "(hi) it's ok... - x", "(hi ) it's ok.. . - x"),
        ("tercom normalized", "the cat's tail, isn't it's?", "the cat 's tail , isn't it 's ?"),
    ],
)
def test_known_tokens(name, text, tokens):
    tokenizer, _ = REFERENCES[name]
    other = numbered([tokens.split()])
    got = split(pack([text], np.array([0, 1])), tokenizer)
    assert got.ids.tolist() == other.ids.tolist()
    # The same tokens as the expected ones, and not only as many different ones: both are read as one group.
    plain = split(pack([tokens], np.array([0, 1])), BLEU["none"])
    assert plain.ids.tolist() == got.ids.tolist()


def test_asian_characters_are_split_and_their_punctuation_is_left_out():
    both = split(pack(["東京、abc。", "東 京 、 abc 。"], np.array([0, 2])), tercom(True, False, True))
    assert both.ids.tolist() == [0, 1, 2, 3, 4] * 2
    both = split(pack(["東京、abc。", "東 京 abc"], np.array([0, 2])), tercom(True, True, True))
    assert both.ids.tolist() == [0, 1, 2] * 2


def test_the_unicode_tokenizer_of_rouge_knows_all_scripts():
    words = ["straße", "naïve", "привет", "مرحبا", "हिन्दी", "x2"]
    texts = ["Straße, naïve привет! مرحبا हिन्दी_x2".lower(), " ".join(words)]
    got = split(pack(texts, np.array([0, 2])), rouge_tokenizer("unicode", False))
    assert got.ids.tolist() == [*range(6)] * 2
    got = split(pack(["東京タワー・3階", "東 京 タ ワ ー 3 階"], np.array([0, 2])), rouge_tokenizer("unicode", False))
    assert got.ids.tolist() == [*range(7)] * 2


def test_texts_that_are_read_twice_are_split_as_their_tokens():
    texts = ["a's\x1c b", "a's\x1c b"]  # after the first time a space stands where the separator stood
    got = split(pack(texts, np.array([0, 2])), tercom(True, False, False), np.array([False, True]))
    assert got.lengths.tolist() == [2, 3]


def test_spaces_between_tokens_that_are_read_again_are_no_tokens():
    text, places = np.frombuffer(b"a bc\n", np.uint8), np.array([0, 5])
    characters = np.full(129, _core.tokens.kind.index("character"), np.uint8)
    got = _core.tokens_split(text, places, np.array([0, 1]), characters, np.array([True]), "none", separated=True)
    assert got.ids[: got.ends[1]].tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 300])
def test_words_of_any_length_are_told_apart(size):
    words = ["x" * size + "y", "x" * size + "z", "x" * (size + 1), "w" + "x" * size]
    texts = [" ".join(words), " ".join(words[::-1])]
    for text in texts:
        got = split(pack([text], np.array([0, 1])), BLEU["none"])
        assert len(set(got.ids.tolist())) == len(set(words))
    got = split(pack(texts, np.array([0, 2])), BLEU["none"])
    assert got.ids[:4].tolist() == got.ids[:3:-1].tolist()


def test_a_group_of_many_words_grows():
    words = [f"w{i}" for i in range(20_000)]
    got = split(pack([" ".join(words), " ".join(words)], np.array([0, 2])), BLEU["none"])
    assert got.ids.tolist() == [*range(20_000)] * 2 and got.limit == 20_000


def test_teams_give_the_same_tokens():
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 30, rng.integers(0, 20))) for _ in range(900)]
    packed = pack(texts, np.arange(0, 901, 3))
    first = None
    for _ in each_team():
        got = split(packed, BLEU["13a"])
        first = first or got
        assert all(np.array_equal(a, b) for a, b in zip(got, first, strict=True))
    ids, lengths = expected_ids([texts[i : i + 3] for i in range(0, 900, 3)], mteval_13a)
    assert first.ids.tolist() == ids and first.lengths.tolist() == lengths


def test_lines_are_texts_of_their_own():
    packed, bounds = pack_lines(["a b\nc", "", "d\n\ne"], np.array([0, 1, 3]))
    assert bounds.tolist() == [0, 2, 3, 6] and packed.groups.tolist() == [0, 2, 6]
    assert split(packed, BLEU["none"]).lengths.tolist() == [2, 1, 0, 1, 0, 1]


def test_lower_case_is_that_of_each_string():
    texts = ["ΑΣ", "ΑΣ\nΣ", "İI", "ǅ"]
    for lowered, text in zip(texts, texts, strict=True):
        assert bytes(pack([lowered], np.array([0, 1]), lowercase=True).data) == (text.lower() + "\n").encode()
    together = pack(texts, np.array([0, 4]), lowercase=True)
    assert bytes(together.data) == "".join(t.lower() + "\n" for t in texts).encode()


STEMS = {
    # Porter's paper, with NLTK's departures (fli -> fli, sky -> sky, dying -> die)
    "caresses": "caress", "ponies": "poni", "ties": "tie", "cats": "cat", "feed": "feed", "agreed": "agre",
    "plastered": "plaster", "motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl",
    "sized": "size", "hopping": "hop", "falling": "fall", "hissing": "hiss", "fizzed": "fizz", "failing": "fail",
    "filing": "file", "happy": "happi", "enjoy": "enjoy", "relational": "relat", "conditional": "condit",
    "digitizer": "digit", "radically": "radic", "vietnamization": "vietnam", "operator": "oper",
    "feudalism": "feudal", "decisiveness": "decis", "hopefulness": "hope", "formality": "formal",
    "sensibility": "sensibl", "archaeology": "archaeolog", "triplicate": "triplic", "formative": "form",
    "electrical": "electr", "goodness": "good", "revival": "reviv", "replacement": "replac", "adoption": "adopt",
    "controlling": "control", "rolling": "roll", "probate": "probat", "rate": "rate", "cease": "ceas", "spied": "spi",
    "died": "die", "flies": "fli", "dies": "die", "skies": "sky", "dying": "die", "innings": "inning", "is": "is",
    "yyyy": "yyyi", "by": "by", "a": "a", "": "",
}  # fmt: skip


def test_stems_are_porters_with_nltks_extensions():
    assert porter_stem(list(STEMS)) == list(STEMS.values())
    assert porter_stem(["RUNNING", "Relational"]) == ["run", "relat"]


def test_stems_are_nltks():
    stemmer = pytest.importorskip("nltk.stem.porter").PorterStemmer()
    rng = np.random.default_rng(0)
    endings = (
        "ational tional izer bli alli entli eli ousli ization ator alism iveness fulness aliti iviti biliti fulli logi "
    )
    endings += "icate ative alize iciti ical ful ness ance ence er ic able ant ement ment ion ism ate iti ous ive ize e ll ed ing"
    endings = [*endings.split(), "eed", "ied", "ies", "sses", "ss", "s", "y"]
    words = ["".join(rng.choice([*"abeiouystlmn0"], rng.integers(1, 7))) + rng.choice(endings) for _ in range(5000)]
    assert porter_stem(words) == [stemmer.stem(word) for word in words]


def test_a_string_of_words_is_refused():
    with pytest.raises(TypeError, match=r"words: expected a list of strings, got a single one"):
        porter_stem("running")
    with pytest.raises(TypeError, match=r"words\[1\]: expected a string, got int: 3"):
        porter_stem(["a", 3])


def test_any_hashable_tokens_are_numbered():
    assert numbered([["a", ("b",)], [], [("b",), 3]]) == Tokens(
        pytest.approx([0, 1, 1, 2]), pytest.approx([0, 2, 2, 4]), 3
    )
