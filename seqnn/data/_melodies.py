"""Made melodies: notes over chords, in bars."""

from __future__ import annotations

import numpy as np

from .._arguments import integer

_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])  # of a major key, in semitones
_TONICS = 60, 62, 65, 67  # C, D, F, G
_PROGRESSIONS = (0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (1, 4, 0, 0)  # the degree that each bar's chord stands on
_RHYTHMS = (
    (2, 2, 2, 2),
    (4, 2, 2),
    (2, 2, 4),
    (2, 1, 1, 4),
    (3, 1, 2, 2),
    (1, 1, 2, 2, 2),
    (3, 1, 4),
)  # eighths of a bar
_LOWEST, _HIGHEST = -3, 11  # degrees from the tonic


def melodies(count: int = 1000, *, seed: int = 0) -> list[list[str]]:
    """Make melodies of eight bars of 4/4 as lists of notes: "67:2" is the MIDI pitch 67 (G4) for two eighths.

    A melody is in C, D, F or G major. Its bars stand on chords of one of four progressions, which is played twice; each bar has
    one of seven rhythms. A note on the first or third beat is a tone of the chord near the note before it; the others go one
    step of the scale up or down. The last bar is the tonic, held. So a model can be asked for what it has learnt: whether
    bars are full, whether all notes are of one key, whether it comes home.

    Args:
        count: how many melodies.
        seed: equal seeds give equal melodies, of which more begin with fewer.

    Returns:
        A list of notes for each.

    >>> from seqnn.data import melodies
    >>> songs = melodies(2)
    >>> songs[0][:4]
    ['64:2', '66:2', '64:4', '66:2']
    >>> sum(int(note.partition(":")[2]) for note in songs[0])  # eighths of eight bars
    64
    """
    count = integer("count", count, 0)
    seeds = np.random.SeedSequence(integer("seed", seed, 0)).spawn(count)
    return [_melody(np.random.default_rng(one)) for one in seeds]


def _melody(draw: np.random.Generator) -> list[str]:
    tonic = _TONICS[draw.integers(len(_TONICS))]
    bars = _PROGRESSIONS[draw.integers(len(_PROGRESSIONS))] * 2
    degree, notes = int(draw.integers(0, 8)), []
    for root in bars[:-1]:
        place = 0
        for length in _RHYTHMS[draw.integers(len(_RHYTHMS))]:
            degree = _near(degree, root, draw) if place % 4 == 0 else _step(degree, draw)
            notes.append(f"{_pitch(tonic, degree)}:{length}")
            place += length
    home = min((0, 7), key=lambda d: abs(d - degree))
    return [*notes, f"{_pitch(tonic, home)}:8"]


def _near(degree: int, root: int, draw: np.random.Generator) -> int:
    """Return one of the two tones of the chord that are nearest to the note before, but not this itself."""
    tones = [d for d in range(_LOWEST, _HIGHEST + 1) if (d - root) % 7 in (0, 2, 4) and d != degree]
    return sorted(tones, key=lambda d: (abs(d - degree), d))[draw.integers(2)]


def _step(degree: int, draw: np.random.Generator) -> int:
    """Return the next degree of the scale up or down, within the range."""
    up = degree + 2 * int(draw.integers(2)) - 1
    return up if _LOWEST <= up <= _HIGHEST else 2 * degree - up


def _pitch(tonic: int, degree: int) -> int:
    return int(tonic + 12 * (degree // 7) + _SCALE[degree % 7])
