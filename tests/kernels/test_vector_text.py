import struct

import numpy as np
import pytest
from harness import each_isa, each_team
from hypothesis import given
from hypothesis import strategies as st

from seqnn import _core
from seqnn._strings import pack

GOOD, BLANK, TOO_FEW, TOO_MANY, NOT_A_NUMBER, NOT_FINITE = range(6)


def data(text):
    return np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)


def parse(text, size, dtype=np.float32):
    """(words, vectors, status) of a text as the kernels see it."""
    text = data(text)
    starts = _core.vector_text_lines(text, _core.vector_text_count(text)[0])
    vectors = np.zeros((len(starts) - 1, size), dtype)
    ends, status = _core.vector_text_parse(text, starts, vectors)
    words = [text[a:b].tobytes().decode() for a, b in zip(starts[:-1], ends, strict=True)]
    return words, vectors, status.tolist()


def format_lines(words, vectors):
    packed, offsets = pack(words)
    text = np.zeros(len(packed) + len(words) * (32 * vectors.shape[1] + 1), np.uint8)
    used = _core.vector_text_format(packed, offsets, vectors, text)
    return text[: used[0]].tobytes().decode()


def bits(x):
    return x.view(np.int32 if x.dtype == np.float32 else np.int64).tolist()


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n", "a\nb", "\n\nabc\n\n", "x" * 1000 + "\n" + "y" * 77 + "\n"])
def test_lines(text):
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
    assert _core.vector_text_count(data(text)).tolist() == [len(starts) - 1]
    assert _core.vector_text_lines(data(text), len(starts) - 1).tolist() == starts
    with pytest.raises(ValueError, match="fewer line ends"):
        _core.vector_text_lines(data(text), len(starts))


@pytest.mark.parametrize(
    ("line", "word", "status"),
    [
        ("cat 1 2.5", "cat", GOOD),
        ("cat\t1\t2.5\r", "cat", GOOD),
        ("cat  1   2.5  ", "cat", GOOD),
        (" 1 2.5", "", GOOD),
        ("New York 1 2.5", "New York", GOOD),
        ("route 66 1 2.5", "route 66", GOOD),
        ("1 1 2.5", "1", GOOD),
        ("naïve 1e0 25E-1", "naïve", GOOD),
        ("cat +1 +2.5000000000000000000000000000000000", "cat", GOOD),
        ("", "", BLANK),
        (" \t\r", "", BLANK),
        ("cat", "", TOO_FEW),
        ("1 2.5", "", TOO_FEW),
        ("cat 2.5", "", TOO_FEW),
        ("cat 3.5 1 2.5", "cat 3.5", TOO_MANY),
        ("cat 1e5 -2.0 1 2.5", "cat 1e5 -2.0", TOO_MANY),
        ("cat x 2.5", "", NOT_A_NUMBER),
        ("cat 1 2.5.1", "", NOT_A_NUMBER),
        ("cat 1 0x10", "", NOT_A_NUMBER),
        ("cat 1 2,5", "", NOT_A_NUMBER),
        ("cat 1 1e", "", NOT_A_NUMBER),
        ("cat 1 -", "", NOT_A_NUMBER),
        ("cat 1 .", "", NOT_A_NUMBER),
        ("cat 1 \x00", "", NOT_A_NUMBER),
        ("cat 1 " + "1" * 600, "", NOT_A_NUMBER),
        ("cat nan 2.5", "cat", NOT_FINITE),
        ("cat 1 -inf", "cat", NOT_FINITE),
        ("cat 1 1e999", "cat", NOT_FINITE),
    ],
)
def test_parse_says_what_a_line_is(line, word, status):
    words, vectors, found = parse(f"dog 0.0 1.0\n{line}\n", 2)
    assert found == [GOOD, status]
    if status in (GOOD, TOO_MANY, NOT_FINITE):
        assert words == ["dog", word]
    if status == GOOD:
        assert vectors[1].tolist() == [1, 2.5]


def test_parse_is_the_same_on_any_team():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(3000)]
    vectors = rng.standard_normal((3000, 7)).astype(np.float32)
    text = format_lines(words, vectors)
    for _ in each_isa():
        for _ in each_team():
            again, parsed, status = parse(text, 7)
            assert again == words and bits(parsed) == bits(vectors) and not any(status)
            assert format_lines(words, vectors) == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_float32_is_printed_in_the_fewest_digits(x):
    line = format_lines(["w"], np.array([[x]], np.float32))
    number = line.removeprefix("w ").removesuffix("\n")
    assert bits(np.array([np.float32(float(number))])) == bits(np.array([x], np.float32))
    assert "." in number or "e" in number
    digits = len(number.split("e")[0].strip("-0.").replace(".", "").strip("0"))
    shortest = len(f"{np.float32(x)}".split("e")[0].strip("-0.").replace(".", "").strip("0"))
    assert digits <= shortest or abs(x) >= 1e20 or abs(x) < 1e-12
    assert bits(parse(line, 1)[1].ravel()) == bits(np.array([x], np.float32))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_round_trips(x):
    line = format_lines(["w"], np.array([[x]]))
    assert bits(np.array([float(line.split()[1])])) == bits(np.array([x]))
    assert bits(parse(line, 1, np.float64)[1].ravel()) == bits(np.array([x]))


@given(st.from_regex(r"\A[-+]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})([eE][-+]?[0-9]{1,3})?\Z"))
def test_parsed_as_python_parses(number):
    _, vectors, status = parse(f"w {number}\n", 1, np.float64)
    assert vectors[0, 0] == float(number)
    assert status == [GOOD if np.isfinite(float(number)) else NOT_FINITE]


@given(st.binary(max_size=200), st.integers(1, 4))
def test_any_bytes_are_parsed_or_refused(raw, size):
    text = data(raw)
    starts = _core.vector_text_lines(text, _core.vector_text_count(text)[0])
    ends, status = _core.vector_text_parse(text, starts, np.zeros((len(starts) - 1, size)))
    assert ((starts[:-1] <= ends) & (ends < np.maximum(starts[1:], 1))).all()
    assert (status <= NOT_FINITE).all()


def records(raw, count, size):
    """word2vec's binary records: line ends, word, blank, floats."""
    words, vectors, at = [], [], 0
    while len(words) < count:
        start = at
        while raw[start : start + 1] == b"\n":
            start += 1
        blank = raw.find(b" ", start)
        if blank < 0 or len(raw) < blank + 1 + 4 * size:
            break
        words.append(raw[start:blank])
        vectors.append(struct.unpack(f"<{size}f", raw[blank + 1 : blank + 1 + 4 * size]))
        at = blank + 1 + 4 * size
    return words, vectors, at


@given(st.binary(max_size=120), st.integers(0, 5), st.integers(1, 3))
def test_records(raw, count, size):
    raw = raw.replace(b"\x01", b" ").replace(b"\x02", b"\n")
    expected, numbers, at = records(raw, count, size)
    vectors = np.zeros((count, size), np.float32)
    starts, ends, finite, used = _core.vector_text_records(data(raw), vectors)
    assert used.tolist() == [len(expected), at]
    assert [raw[a:b] for a, b in zip(starts, ends, strict=True)][: used[0]] == expected
    np.testing.assert_array_equal(vectors[: used[0]], np.array(numbers, np.float32).reshape(-1, size))
    assert finite[: used[0]].tolist() == [bool(np.isfinite(v).all()) for v in vectors[: used[0]]]


def test_words_and_bad_offsets():
    words = np.zeros(7, np.uint8)
    _core.vector_text_words(data("ab,cde"), [0, 3], [2, 6], 10, words)
    assert words.tobytes() == b"ab\ncde\n"
    for starts, ends in (([0, 3], [2, 7]), ([0, -3], [2, 0]), ([0, 3], [2, 5]), ([2, 3], [0, 6])):
        with pytest.raises(ValueError, match="do not agree"):
            _core.vector_text_words(data("ab,cde"), starts, ends, 10, words)
    with pytest.raises(ValueError, match="starts must ascend"):
        _core.vector_text_parse(data("ab"), [0, 4], np.zeros((1, 1)))
    with pytest.raises(ValueError, match="offsets must ascend"):
        _core.vector_text_format(data("ab"), [0, 3], np.zeros((1, 1)), np.zeros(99, np.uint8))
    with pytest.raises(ValueError, match="too small"):
        _core.vector_text_format(data("ab"), [0, 2], np.zeros((1, 1)), np.zeros(9, np.uint8))


def test_format_takes_strided_rows():
    wide = np.arange(12.0).reshape(3, 4)
    assert format_lines(["a", "", "c d"], wide[:, :2]) == "a 0.0 1.0\n 4.0 5.0\nc d 8.0 9.0\n"
