"""Nothing that is passed to a function of `_core` crashes it, hangs it, or goes unexplained."""

import os
import sys

import attacker
import pytest
import signatures

ATTACKS = int(os.environ.get("SEQNN_ATTACKS", "20"))
STEMS = [source for source in signatures.read_sources() if source.functions]


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect and setitimer")
@pytest.mark.parametrize("source", STEMS, ids=lambda source: source.stem)
def test_absurd_arguments_end_in_a_value_or_an_exception_that_names_the_function(source, tmp_path):
    note = tmp_path / "note"
    note.touch()
    assert list(attacker.faults([f.name for f in source.functions], ATTACKS, note=note)) == []
