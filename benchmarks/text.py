"""The corpus that the word vector benchmarks read, its every n-th line, and its word counts."""

import collections
import json
import lzma
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "english.txt.xz"
MIN_COUNT = 5
SMALL = 5_000_000  # words; a corpus below is not thinned


@dataclass(frozen=True)
class Text:
    """A plain text file, one sentence a line, and the vocabulary to train it with.

    `counts` is a JSON file {word: count} of the *whole* corpus, divided by the thinning of this
    text: a thinned corpus is so trained with matrices of the full size, and the learning rate
    and the sub-sampling are those of the whole.
    """

    path: Path
    counts: Path
    name: str
    lines: int
    words: int
    vocabulary: int

    @property
    def title(self) -> str:
        """Name and size, for people."""
        return f"{self.name} ({self.words / 1e6:.1f} M words)"


def whole(folder: Path) -> Text:
    """Return the corpus of SEQNN_CORPUS, or the shared one, or the built-in one, as plain text."""
    source = Path(os.environ.get("SEQNN_CORPUS", SHARED))
    path = folder / "corpus.txt"
    if not path.exists():
        unpack(source, path)
    name = source.name if source.exists() else "seqnn.data.python_docs()"
    return describe(path, name, every=1)


def thinned(folder: Path, every: int) -> Text:
    """Return every n-th line of the corpus; a small corpus is returned whole."""
    full = whole(folder)
    if full.words < SMALL:
        return full
    path = folder / f"every{every}.txt"
    if not path.exists():
        with open(full.path, "rb") as lines, open(path, "wb") as out:
            out.writelines(line for n, line in enumerate(lines) if n % every == 0)
    return describe(path, f"{full.name}, every {every}th line", every)


def unpack(source: Path, path: Path) -> None:
    """Write the corpus to `path` as plain text; where `source` is missing, the built-in one."""
    if not source.exists():
        from seqnn.data import python_docs

        path.write_text("".join(" ".join(sentence) + "\n" for sentence in python_docs()))
    elif source.suffix == ".xz":
        with lzma.open(source) as packed, open(path, "wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
    else:
        shutil.copyfile(source, path)


def describe(path: Path, name: str, every: int) -> Text:
    """Count `path`; the facts are kept beside it, so that this happens once a run."""
    facts, counts = path.with_suffix(".facts.json"), path.with_suffix(".counts.json")
    if not facts.exists():
        found, lines, words = count(path)
        if every > 1:
            found = json.loads((path.parent / "corpus.counts.json").read_text())
            found = {word: max(1, number // every) for word, number in found.items()}
        counts.write_text(json.dumps(found))
        facts.write_text(json.dumps([lines, words, len(found)]))
    return Text(path, counts, name, *json.loads(facts.read_text()))


def count(path: Path) -> tuple[dict[str, int], int, int]:
    """Return {word: count} from `MIN_COUNT` up in falling order, and the lines and words read."""
    counter: collections.Counter[str] = collections.Counter()
    lines = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            counter.update(line.split())
            lines += 1
    kept = {word: number for word, number in counter.most_common() if number >= MIN_COUNT}
    return kept, lines, sum(counter.values())
