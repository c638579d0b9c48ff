"""Word vectors in word2vec's binary format: the line "count size", then "word ", D float32 and perhaps a line end each."""

from __future__ import annotations

import numpy as np

from ... import _core
from ..._atomic import atomic_write
from ..._files import Path, Source
from ..._strings import encode
from ..._window import Window
from ._vector_text import find_header
from ._vector_words import Options, check_promise, split_words, truncated

_RECORDS = 1 << 15  # read at a time


def read_binary(source: Source, options: Options) -> tuple[list[str], np.ndarray]:
    """Read words and vectors [V, D]. Whatever is wrong raises a ValueError that names file and vector."""
    name = source.name
    line = source.start(100).partition(b"\n")[0] + b"\n"
    header = find_header(line, True)
    if header is None or len(line) > 100 or header[1] == 0:
        raise ValueError(f'{name}: line 1 must be "count size", got {line[:40]!r}')
    total, size = header
    wanted = options.wanted(total)
    check_promise(source, wanted * (1 + 4 * size))
    vectors = np.empty((wanted, size), np.float32)
    words: list[str] = []
    window = Window(source.stream() if source.packed else source.mapped())
    window.skip(len(line))
    while (row := len(words)) < wanted:
        data = window.ahead
        starts, ends, finite, (found, used) = _core.vector_text_records(data, vectors[row : row + _RECORDS])
        words += split_words(data, starts[:found], ends[:found], " ", options, f"{name}: vector", row + 1)
        if not options.allow_nonfinite and not finite[:found].all():
            bad = row + int(np.argmin(finite))
            raise ValueError(
                f"{name}: vector {bad + 1} ({words[bad]!r}) holds NaN or infinity (allow_nonfinite=True lets it pass)"
            )
        if found:
            window.skip(used)
        elif window.last:
            raise truncated(source, total, row)
        else:
            window.widen()
    if options.limit is None and window.ahead[:100].tobytes().strip(b"\n"):
        advice = f"; limit={total} reads these"
        raise ValueError(f"{name}: more data after the {total} vectors that the header promises{advice}")
    return words, vectors.astype(options.dtype, copy=False)


def write_binary(path: Path, words: list[str], vectors: np.ndarray) -> None:
    """Write word2vec's binary format (float32), atomically; packed by the suffix .gz, .bz2 or .xz."""
    if bad := next((word for word in words if " " in word or word.startswith("\n")), None):
        raise ValueError(f"word2vec's binary format cannot hold the word {bad!r}; text or KeyedVectors.save can")
    step = max(1, (1 << 20) // vectors.shape[1])
    with atomic_write(path, compress=True) as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for i in range(0, len(words), step):
            rows = vectors[i : i + step].astype("<f4")
            width, data = rows.shape[1] * 4, rows.tobytes()
            names = [encode(word) for word in words[i : i + step]]
            file.write(b"".join([b"%b %b" % (n, data[k * width : (k + 1) * width]) for k, n in enumerate(names)]))
