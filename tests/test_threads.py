"""Threads: limits, teams, containers, forks. Each team is asserted, never assumed."""

import os
import subprocess
import sys

import harness
import numpy as np
import pytest

import seqnn
from seqnn import _core
from seqnn._threads import _default_threads

needs_openmp = pytest.mark.skipif(not _core.build_info()["openmp"], reason="built without OpenMP")


@pytest.fixture(autouse=True)
def as_a_user_has_it(monkeypatch):
    """Here and in what is started from here: the limit that a user gets, instead of the share of a process of pytest-xdist."""
    monkeypatch.delenv("SEQNN_NUM_THREADS", raising=False)
    before = _core.get_threads()
    seqnn.set_num_threads(_default_threads())
    yield
    seqnn.set_num_threads(before)


@needs_openmp
@pytest.mark.parametrize("size", harness.TEAMS)
def test_a_forced_team_has_its_size_however_small_the_work(size):
    with harness.team(size):
        assert _core.probe_team(0).item() == size


def test_small_work_stays_on_one_thread():
    assert _core.probe_team(100).item() == 1
    assert _core.probe_team(-(2**63)).item() == 1


@needs_openmp
def test_limits_are_obeyed():
    most = seqnn.get_num_threads()
    assert _core.probe_team(2**40).item() == most
    with seqnn.threads(1):
        assert seqnn.get_num_threads() == 1
        assert _core.probe_team(2**40).item() == 1
    assert seqnn.get_num_threads() == most
    with seqnn.threads(None):
        assert seqnn.get_num_threads() == most


def test_the_limit_of_a_thread_is_its_own():
    from concurrent.futures import ThreadPoolExecutor

    with seqnn.threads(1), ThreadPoolExecutor(1) as pool:
        assert pool.submit(seqnn.get_num_threads).result() == _core.get_threads() or seqnn.get_num_threads() == 1


@needs_openmp
def test_threadpoolctl_is_obeyed():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):
        assert seqnn.get_num_threads() == 1


@pytest.mark.parametrize("n", [0, -1, 10**6])
def test_absurd_numbers_are_refused(n):
    with pytest.raises(ValueError, match="expected"):
        seqnn.set_num_threads(n)
    with pytest.raises(ValueError, match="expected"), seqnn.threads(n):
        pass


def run(code, **environment):
    """Output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_team_that_is_smaller_than_asked_for_does_all_the_work():
    code = """
import numpy as np
from seqnn import _core
_core.force_team(3)
x, average = np.ones(50_000), np.zeros(50_000)
_core.gradients_scale([x], 2.0)
_core.ema_update([average], [x], 0.5)
print(set(x.tolist()), set(average.tolist()), _core.gradients_norm([x], 1).item())
"""
    assert run(code, OMP_THREAD_LIMIT="1") == "{2.0} {1.0} 100000.0"


def test_environment_variables():
    show = "import seqnn; print(seqnn.get_num_threads(), seqnn.get_isa())"
    for variable, isa in zip(("SEQNN_NUM_THREADS", "OMP_NUM_THREADS"), seqnn.available_isas()[::-1], strict=False):
        assert run(show, **{variable: "1", "SEQNN_ISA": isa}) == f"1 {isa}"
    with pytest.raises(AssertionError, match="SEQNN_NUM_THREADS is 'many', expected a positive integer"):
        run(show, SEQNN_NUM_THREADS="many")
    with pytest.raises(
        AssertionError, match="variable SEQNN_ISA of the environment: set_isa: got 'mmx', this build and CPU"
    ):
        run(show, SEQNN_ISA="mmx")
    for wrong in ("99999", "0", "\u00b2"):
        with pytest.raises(AssertionError, match=r"SEQNN_NUM_THREADS is .*, expected a positive integer, at most 1024"):
            run(show, SEQNN_NUM_THREADS=wrong)


def test_an_empty_variable_is_no_variable():
    show = "import seqnn; print(seqnn.get_num_threads(), seqnn.get_isa())"
    unset = dict.fromkeys(("SEQNN_NUM_THREADS", "SEQNN_ISA"), "")
    assert run(show, **unset).split()[1] == seqnn.available_isas()[-1]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
@pytest.mark.parametrize(
    "variable", [{"OMP_PROC_BIND": "true"}, {"OMP_PROC_BIND": "spread"}, {"OMP_PLACES": "cores"}], ids=str
)
def test_threads_that_openmp_binds_to_cpus_are_as_many_as_without(variable):
    show = "import os; cpus = len(os.sched_getaffinity(0)); import seqnn; print(cpus, seqnn.get_num_threads())"
    assert run(show, **variable) == run(show)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_stays_on_one_thread_and_does_not_hang():
    assert (
        run(
            """
import os, warnings
from seqnn import _core
warnings.simplefilter("ignore", DeprecationWarning)  # fork of a process with threads
_core.force_team(4)
parent = _core.probe_team(2**40).item()
child = os.fork()
if child == 0:
    os._exit(_core.probe_team(2**40).item() - 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
        )
        == "0"
    )


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_every_start_method_compute(method, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import multiprocessing, sys
import numpy as np
import seqnn

def total(n):
    with seqnn.threads(2):
        return float(seqnn.ops.linear(np.ones((64, 256), np.float32), np.ones((n, 256), np.float32)).sum())

if __name__ == "__main__":
    before = total(32)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(total, [32, 64]) == [before, 2 * before])
""")
    done = subprocess.run([sys.executable, program, method], capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr


def test_import_is_light():
    loaded = run(
        "import sys, numpy; before = set(sys.modules); import seqnn; print(*sorted(set(sys.modules) - before))"
    ).split()
    for heavy in ("tqdm", "matplotlib", "scipy", "pandas", "argparse", "multiprocessing", "asyncio", "unittest"):
        assert heavy not in loaded


def test_show_config(capsys):
    seqnn.show_config()
    out = capsys.readouterr().out
    for fact in (seqnn.__version__, seqnn.get_isa(), "threads", "OpenMP", "NumPy"):
        assert fact in out


def test_idle_threads_spin_for_a_bounded_time_unless_the_user_says_otherwise():
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import os, seqnn; print(os.environ.get('GOMP_SPINCOUNT'))"
    for given, left, used in (({}, "None", "5000"), ({"GOMP_SPINCOUNT": "7"}, "7", "7")):
        environment = {**plain, **given, "OMP_DISPLAY_ENV": "verbose"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == left  # set for the load alone: children do not inherit it
        if "GOMP_SPINCOUNT" in done.stderr:  # GNU's OpenMP
            assert f"GOMP_SPINCOUNT = '{used}'" in done.stderr


@pytest.mark.parametrize("team", [1, 2, 3])
def test_phases_of_a_team_all_come(team):
    _core.force_team(team)
    try:
        assert _core.probe_phases(1000, 1).item() == 0
        for units in (1, 2, 3, 5):  # where there are fewer threads, they take over
            np.testing.assert_array_equal(_core.probe_walk(1000, units), 1000 * 1001 // 2)
    finally:
        _core.force_team(0)
