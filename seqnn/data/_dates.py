"""Made pairs of dates as people write them, and as ISO 8601 does."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from .._arguments import integer

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIRST, _LAST = date(1900, 1, 1), date(2099, 12, 31)


def dates(count: int = 10_000, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """Make pairs of dates: as people write them in English, such as "3 May 1979", and normalised, "1979-05-03".

    The dates are uniform from 1900 to 2099, and their forms are uniform too: "3 May 1979", "May 3, 1979", "3rd of May 1979",
    "Thursday, 3 May 1979", "03/05/1979" (the day first), "3.5.1979", "3-May-1979", "1979 May 3", "May 3rd 1979" and "3 may
    1979", each with the month in full or its first three letters. A model of characters has to copy, to look up, to reorder
    and to fill up with zeros.

    Args:
        count: how many pairs.
        seed: equal seeds give equal pairs, of which more begin with fewer.

    Returns:
        The texts, and for each its date as YYYY-MM-DD.

    >>> from seqnn.data import dates
    >>> texts, normal = dates(3)
    >>> texts[0], normal[0]
    ('15-Feb-2070', '2070-02-15')
    """
    count = integer("count", count, 0)
    draw = np.random.default_rng(seed)
    drawn = draw.integers(0, [(_LAST - _FIRST).days + 1, 10, 2], (count, 3)).tolist()
    found = [_FIRST + timedelta(day) for day, _, _ in drawn]
    texts = [_write(day, form, bool(cut)) for day, (_, form, cut) in zip(found, drawn, strict=True)]
    return texts, [day.isoformat() for day in found]


def _write(day: date, form: int, short: bool) -> str:
    """Write a date in one of ten forms."""
    month = _MONTHS[day.month - 1][: 3 if short else None]
    ending = "th" if 10 < day.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day}{ending} of {month} {day.year}",
        f"{_DAYS[day.weekday()]}, {day.day} {month} {day.year}",
        f"{day:%d/%m/}{day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.day}-{month}-{day.year}",
        f"{day.year} {month} {day.day}",
        f"{month} {day.day}{ending} {day.year}",
        f"{day.day} {month.lower()} {day.year}",
    )[form]
