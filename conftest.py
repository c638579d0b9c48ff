"""What tests and doctests need: no screen, no figure that stays open, and no module whose library is not there."""

import os
import sys
from importlib.util import find_spec

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

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
