"""Texts to score: captions, and what a system may have made of them."""

from pathlib import Path

import numpy as np

from seqnn.data import python_docs

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "multi30k" / "train.en"
CHANGES = 0.25
"""The share of words that a made system leaves out, repeats, replaces or moves."""


def sentences(count: int) -> list[str]:
    """Return captions, or sentences of Python's documentation where they are not at hand, over again if they are too few."""
    if SHARED.exists():
        lines = SHARED.read_text(encoding="utf-8").splitlines()
    else:
        lines = [" ".join(words) for words in python_docs() if 5 < len(words) < 40]
    found = [line.removesuffix(" .") + "." for line in lines]
    return (found * (1 + count // len(found)))[:count]


def systems(references: list[str], seed: int = 0) -> list[str]:
    """Return changed copies of the references."""
    rng = np.random.default_rng(seed)
    return [" ".join(changed(reference.split(), rng)) for reference in references]


def changed(words: list[str], rng: np.random.Generator) -> list[str]:
    """Return the words after random changes."""
    out: list[str] = []
    for word in words:
        change = rng.integers(4) if rng.random() < CHANGES else -1
        if change == 1:
            out += [word, word]
        elif change == 2:
            out.append(words[rng.integers(len(words))])
        elif change == 3:
            out.insert(rng.integers(len(out) + 1), word)
        elif change == -1:
            out.append(word)
    return out


def documents(lines: list[str], size: int) -> list[str]:
    """Return the lines as documents of `size` sentences, a sentence a line."""
    return ["\n".join(lines[i : i + size]) for i in range(0, len(lines) - size + 1, size)]


def close(ours: object, theirs: object) -> float:
    """Check that scores agree to 1e-9; return their largest difference."""
    first, second = np.asarray(ours, float), np.asarray(theirs, float)
    assert first.shape == second.shape, f"{first.shape} and {second.shape}"
    error = float(np.abs(first - second).max(initial=0))
    assert error < 1e-9 * max(1.0, float(np.abs(second).max(initial=0))), f"scores differ by {error}"
    return error
