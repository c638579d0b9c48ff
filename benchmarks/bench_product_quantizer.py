"""Product quantisation: centroids and codes, against scikit-learn's k-means."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import peers
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.torch_peer import ours
from seqnn.embed import quantize_matrix


def cases(options: Options) -> Iterator[Case]:
    """Yield matrices of few and of many rows."""
    for rows, size in ((1_000, 8),) if options.quick else ((5_000, 100), (65_536, 16)):
        matrix = np.random.default_rng(0).standard_normal((rows, size)).astype(np.float32)
        for threads in options.threads:
            yield Case(
                f"quantise {rows} × {size} in parts of 2",
                ours(lambda matrix=matrix: quantize_matrix(matrix, 2, norms=False, seed=0).decoded(), threads),
                {"scikit-learn": sklearn(matrix, threads)},
                check=lambda mine, theirs, matrix=matrix: same_error(matrix, mine, theirs),
                threads=threads, repeat=1,
            )  # fmt: skip


def sklearn(matrix: np.ndarray, threads: int) -> Callable[[], Measured] | None:
    """Return scikit-learn's side."""
    if not peers.installed("sklearn"):
        return None
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    def quantized() -> np.ndarray:
        found = []
        with threadpool_limits(threads):
            for i in range(0, matrix.shape[1], 2):
                kmeans = KMeans(256, init="random", n_init=1, max_iter=25, random_state=0, tol=0)
                kmeans.fit(matrix[:, i : i + 2])
                found.append(kmeans.cluster_centers_[kmeans.labels_])
        return np.concatenate(found, axis=1)

    return timed(quantized)


def same_error(matrix: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> float:
    """Check that the mean square errors are about the same; return their ratio."""
    errors = [float(np.square(found - matrix).mean()) for found in (mine, theirs)]
    assert errors[0] < 1.1 * errors[1], errors
    return errors[0] / errors[1]
