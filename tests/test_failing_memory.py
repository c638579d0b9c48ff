"""A kernel whose memory runs out raises MemoryError, leaves nothing behind, and computes the same in the next call."""

import os
import platform
import shutil
import subprocess
import sys

import failing_memory
import pytest

needs_preload = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not shutil.which("cc") or "LD_PRELOAD" in os.environ,
    reason="needs glibc, a C compiler, and no other allocator",
)


@needs_preload
def test_every_request_for_memory_of_every_kernel_may_fail(tmp_path):
    command = [sys.executable, failing_memory.__file__, "--worker"]
    worker_environment = failing_memory.environment(failing_memory.build(tmp_path))
    done = subprocess.run(command, env=worker_environment, capture_output=True, text=True, timeout=240)
    *faults, summary = done.stdout.splitlines() or [""]
    assert done.returncode == 0, (faults, done.stderr)
    assert faults == []
    assert int(summary.split()[0]) > 300 and summary.endswith("requests tried")
