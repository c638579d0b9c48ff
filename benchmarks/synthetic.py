"""Random word vectors as files, for benchmarks that need a matrix and not a meaning."""

from pathlib import Path

import numpy as np

from benchmarks import peers
from benchmarks.case import Measured


def write_vectors(folder: Path, rows: int, dim: int, text: bool = False) -> Path:
    """Write random vectors of "word0", "word1", ... in word2vec's binary or text format, and as .npy beside it."""
    path = folder / f"{rows}x{dim}.{'txt' if text else 'bin'}"
    vectors = np.random.default_rng(1).standard_normal((rows, dim)).astype(np.float32)
    with open(path, "wb") as file:
        file.write(f"{rows} {dim}\n".encode())
        for row, vector in enumerate(vectors):
            numbers = " ".join(map(repr, vector.tolist())).encode() if text else vector.tobytes()
            file.write(f"word{row} ".encode() + numbers + b"\n")
    np.save(f"{path}.npy", vectors)
    return path


def side(library: str, request: dict, threads: int):
    """Return a side that runs `side_vectors.py`, or None where gensim is not at hand."""
    if library == "gensim" and not peers.at_hand("SEQNN_PEERS_PYTHON"):
        return None

    environment = dict.fromkeys(("SEQNN_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))

    def run() -> Measured:
        answer = peers.run_python(library, "side_vectors", request, environment)
        return Measured(answer["seconds"], answer)

    return run
