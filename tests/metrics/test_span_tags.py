"""Tags of one scheme into those of another, and what a scheme does not allow."""

from itertools import pairwise

import numpy as np
import pytest

from seqnn.metrics import convert_tags, find_invalid_tags, spans, spans_to_tags
from seqnn.metrics._schemes import SCHEMES

SPANS = [(0, 1, "A"), (1, 3, "A"), (3, 6, "B"), (7, 8, "B")]
TAGS = {
    "IOB1": "I-A B-A I-A I-B I-B I-B O I-B",
    "IOB2": "B-A B-A I-A B-B I-B I-B O B-B",
    "IOE1": "E-A I-A I-A I-B I-B I-B O I-B",
    "IOE2": "E-A I-A E-A I-B I-B E-B O E-B",
    "IOBES": "S-A B-A E-A B-B I-B E-B O S-B",
    "BILOU": "U-A B-A L-A B-B I-B L-B O U-B",
}


@pytest.mark.parametrize("scheme", TAGS)
def test_spans_are_written_in_each_scheme(scheme):
    assert spans_to_tags(SPANS, 8, scheme) == TAGS[scheme].split()
    assert not find_invalid_tags([TAGS[scheme].split()], scheme)
    for target in TAGS:
        assert convert_tags([TAGS[scheme].split(), []], scheme, target) == [TAGS[target].split(), []]


def test_random_spans_come_back_from_every_scheme():
    rng = np.random.default_rng(0)
    for _ in range(200):
        cuts = np.flatnonzero(rng.random(12) < 0.5)
        chosen = [(int(a), int(b), "AB"[rng.integers(2)]) for a, b in pairwise(cuts) if rng.random() < 0.7]
        written = {scheme: [spans_to_tags(chosen, 12, scheme)] for scheme in SCHEMES}
        for scheme, tags in written.items():
            mode = "conlleval" if scheme in ("IOB1", "IOE1") else "strict"
            assert [tuple(span) for span in spans(tags, mode=mode, scheme=scheme)[0]] == chosen, scheme
            assert all(convert_tags(tags, scheme, target) == other for target, other in written.items())


def test_names_of_schemes_have_other_spellings():
    assert convert_tags([["B-A", "I-A"]], "BIO", "BIOES") == [["B-A", "E-A"]]
    assert spans_to_tags([(0, 2, "A")], 2, "IOE") == ["I-A", "E-A"]
    assert spans_to_tags([(0, 1, "A")], 1, "IOB2", suffix=True) == ["A-B"]


@pytest.mark.parametrize(
    ("scheme", "tags", "places"),
    [
        ("IOB2", "I-A O I-A B-A I-B", [0, 2, 4]),
        ("IOB1", "B-A I-A B-A I-B B-A", [0, 4]),
        ("IOE2", "I-A O I-A I-B E-B", [0, 2]),
        ("IOE1", "E-A O I-A E-A I-A", [0]),
        ("IOBES", "B-A O E-A I-A B-A E-B S-A", [0, 2, 3, 4, 5]),
        ("BILOU", "U-A B-A L-A B-A", [3]),
    ],
)
def test_invalid_tags_are_reported(scheme, tags, places):
    found = find_invalid_tags([["O"], tags.split()], scheme)
    assert [place.token for place in found] == places
    assert all(place.sentence == 1 and place.tag == tags.split()[place.token] for place in found)


def test_the_reason_is_told():
    (found,) = find_invalid_tags([["O", "I-A"]], "IOB2")
    assert found.reason == "it must follow B-A or I-A, and follows O"
    (found,) = find_invalid_tags([["B-A"]], "BILOU")
    assert found.reason == "it must precede I-A or L-A, and precedes nothing"


def test_invalid_tags_are_refused_or_repaired():
    with pytest.raises(
        ValueError, match=r"tags\[0\]\[1\]: I-A is not allowed here in IOB2: it must follow .*invalid='repair'"
    ):
        convert_tags([["O", "I-A", "I-A"]], "IOB2", "IOBES")
    assert convert_tags([["O", "I-A", "I-A"]], "IOB2", "IOBES", invalid="repair") == [["O", "B-A", "E-A"]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: convert_tags([["O"]], "IOB3", "IOB2"), ValueError, "scheme: expected one of IOB1"),
        (lambda: convert_tags([["O"]], "IOB2", "X"), ValueError, "scheme: expected one of IOB1"),
        (
            lambda: convert_tags([["O"]], "IOB2", "IOB1", invalid="skip"),
            ValueError,
            "invalid: expected 'raise' or 'repair'",
        ),
        (lambda: convert_tags([["E-A"]], "IOB2", "IOB1"), ValueError, r"tags\[0\]\[0\]: .*got 'E-A'"),
        (lambda: find_invalid_tags([["X-A"]], "IOB2"), ValueError, "got 'X-A'"),
        (lambda: spans_to_tags([(0, 3, "A")], 2, "IOB2"), ValueError, r"within 0 and 2 .*got \(0, 3, 'A'\)"),
        (lambda: spans_to_tags([(0, 2, "A"), (1, 3, "A")], 4, "IOB2"), ValueError, "do not overlap"),
        (lambda: spans_to_tags([(1, 1, "A")], 2, "IOB2"), ValueError, "at least one token"),
        (lambda: spans_to_tags([], -1, "IOB2"), ValueError, "length"),
        (lambda: spans(["O"], mode="conlleval"), TypeError, "list of tag lists"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
