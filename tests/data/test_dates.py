"""Made dates: they are what their texts say, in every form, and the seed decides."""

import re
from datetime import date

import pytest

from seqnn.data import dates


def test_a_text_holds_the_numbers_of_its_date():
    texts, normal = dates(500)
    for text, iso in zip(texts, normal, strict=True):
        day = date.fromisoformat(iso)
        numbers = [int(n) for n in re.findall(r"\d+", text)]
        assert {day.year, day.day} <= set(numbers)
        assert day.month in numbers or f"{day:%b}".lower() in text.lower()
        if "day" in text:
            assert f"{day:%A}" in text


def test_all_forms_occur_and_the_seed_decides():
    texts, _ = dates(400)
    forms = {re.sub(r"[A-Za-z]+", "a", re.sub(r"\d+", "1", text)) for text in texts}
    assert forms == {"1 a 1", "a 1, 1", "1a a a 1", "a, 1 a 1", "1/1/1", "1.1.1", "1-a-1", "a 1a 1"}
    assert dates(5) == tuple(side[:5] for side in dates(9))
    assert dates(5) != dates(5, seed=1)
    assert dates(0) == ([], [])


def test_bad_input():
    with pytest.raises(ValueError, match="count"):
        dates(-1)
