"""Made melodies: bars are full, notes are of one key, the end is the tonic, and the seed decides."""

from itertools import pairwise

import pytest

from seqnn.data import melodies

MAJOR = {0, 2, 4, 5, 7, 9, 11}


def test_bars_are_full_notes_are_of_one_key_and_the_end_is_the_tonic():
    for song in melodies(100):
        notes = [tuple(map(int, note.split(":"))) for note in song]
        ends, total = [], 0
        for _, length in notes:
            total += length
            ends.append(total)
        assert set(range(8, 65, 8)) <= set(ends) and total == 64
        tonic, held = notes[-1]
        assert held == 8 and tonic % 12 in {0, 2, 5, 7}
        assert {(pitch - tonic) % 12 for pitch, _ in notes} <= MAJOR
        assert all(54 <= pitch <= 86 for pitch, _ in notes)
        assert all(abs(a - b) <= 9 for (a, _), (b, _) in pairwise(notes[:-1]))


def test_the_seed_decides_and_more_begin_with_fewer():
    assert melodies(5) == melodies(9)[:5]
    assert melodies(5) != melodies(5, seed=1)
    assert melodies(0) == []


def test_bad_input():
    with pytest.raises(ValueError, match="count: expected an integer >= 0, got -1"):
        melodies(-1)
    with pytest.raises(ValueError, match="seed: expected an integer >= 0, got -1"):
        melodies(1, seed=-1)
