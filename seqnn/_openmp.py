"""How long OpenMP's idle threads spin, and how many CPUs there are. Imported before anything else that loads the kernels.

GNU's OpenMP lets the threads of a finished region, and the one that waits for the last of them, spin for 300,000 pauses, some
14 ms on recent CPUs, before they sleep: time that another process on the machine, or the thread that is waited for, needs.
5,000 still keep them awake from one call to the next. The variable is set for this library's load alone, and what the user
set goes first.
"""

from __future__ import annotations

import os
from importlib import import_module

SPINS = "5000"

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""On how many CPUs this process may run; asked before OpenMP, which may bind the thread that loads it to one of them."""

if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = SPINS
    import_module("._core", __package__)
    del os.environ["GOMP_SPINCOUNT"]
