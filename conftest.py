"""What tests and doctests need: no screen, no figure that stays open, and no module whose library is not there."""

import os
import sys
from importlib.util import find_spec

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

collect_ignore_glob = [
    f"seqnn/distributed/{engine}/*"
    for engine, library in (("dask", "distributed"), ("mpi", "mpi4py"))
    if find_spec(library) is None
]


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
