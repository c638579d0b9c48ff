"""What tests and doctests need: no screen, no open figure, no module whose library is not there, a share of the CPUs."""

import os
import sys
from importlib.util import find_spec

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

# Processes of pytest-xdist share the CPUs. A test that asks for threads still gets them; what it starts inherits its share.
if processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(max(1, cpus // processes))
    os.environ.setdefault("SEQNN_NUM_THREADS", share)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", share)

# Not "distributed": tests/distributed, which lies on the path, would be taken for it.
collect_ignore_glob = [
    files
    for library, *folders in (
        ("dask", "seqnn/distributed/dask/*"),
        ("mpi4py", "seqnn/distributed/mpi/*", "tests/distributed/ranks.py"),
    )
    if find_spec(library) is None
    for files in folders
]


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
