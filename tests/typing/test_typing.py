"""What type checkers say of user programs, and the stub that they read."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import seqnn

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CHECKERS = {
    "mypy": ["--strict", "--no-error-summary"],
    "basedpyright": ["--level", "error", "--pythonpath", sys.executable],  # pyright in a wheel that needs no download
}


def errors(checker, program):
    """The lines of a program in which a checker finds errors, and all that it writes."""
    pytest.importorskip(checker)
    command = [sys.executable, "-m", checker, *CHECKERS[checker], str(program)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(seqnn.__file__).parent.parent)
    output = result.stdout + result.stderr
    assert result.returncode in (0, 1), output
    return [int(line) for line in re.findall(rf"{program.name}:(\d+):(?:\d+ -)? error", output)], output


@pytest.mark.timeout(600)
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_right_program_passes(checker):
    lines, output = errors(checker, HERE / "user_program.py")
    assert not lines, output


@pytest.mark.timeout(600)
@pytest.mark.parametrize("checker", CHECKERS)
def test_every_slip_is_reported(checker):
    program = HERE / "wrong_program.py"
    wrong = [i for i, line in enumerate(program.read_text().splitlines(), 1) if line.endswith("# wrong")]
    lines, output = errors(checker, program)
    assert sorted(set(lines)) == wrong, output


def test_the_right_program_runs():
    runpy.run_path(str(HERE / "user_program.py"), run_name="__main__")


def test_the_stub_of_ops_is_fresh():
    module = runpy.run_path(str(HERE / "ops_stub.py"))
    assert module["STUB"].read_text() == module["stub"](), "run: python tests/typing/ops_stub.py"
