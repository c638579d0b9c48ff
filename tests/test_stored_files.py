"""Files of every released version open, and the objects in them answer as they did then."""

import numpy as np
import pytest
import stored_files
from stored_kinds import KINDS

import seqnn

BY_NAME = {kind.name: kind for kind in KINDS}
VERSIONS = sorted(path for path in stored_files.FOLDER.iterdir() if path.is_dir())
STORED = [(folder, name) for folder in VERSIONS for name in stored_files.read_answers(folder)]


def assert_agree(got, expected):
    """Equal but for what another CPU adds up in another order."""
    if isinstance(expected, list):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_agree(one, other)
    elif isinstance(expected, float):
        np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-4)
    else:
        assert got == expected


@pytest.mark.parametrize(("folder", "name"), STORED, ids=[f"{folder.name}-{name}" for folder, name in STORED])
def test_a_stored_file_opens_and_answers_as_it_did(folder, name):
    expected = stored_files.read_answers(folder)[name]
    assert_agree(stored_files.plain(BY_NAME[name].ask(folder / name)), expected)


def test_other_answers_are_noticed():
    for got, expected in (([1.0, 2.0], [1.0, 2.1]), ([1.0], [1.0, 1.0]), ("a", "b"), ([float("nan")], [0.0])):
        with pytest.raises(AssertionError):
            assert_agree(got, expected)


def test_this_version_has_a_file_of_every_kind():
    stored = stored_files.read_answers(stored_files.FOLDER / seqnn.__version__)
    assert not stored or stored.keys() == BY_NAME.keys(), "run: python tests/stored_files.py"


def test_a_missing_kind_is_added_and_what_is_there_stays(tmp_path, monkeypatch):
    first, second = BY_NAME["vocabulary.json"], BY_NAME["vectors.txt"]
    monkeypatch.setattr(stored_files, "KINDS", [first])
    assert stored_files.write(tmp_path / "version") == [first.name]
    before = (tmp_path / "version" / first.name).stat().st_mtime_ns
    monkeypatch.setattr(stored_files, "KINDS", [first, second])
    assert stored_files.write(tmp_path / "version") == [second.name]
    assert (tmp_path / "version" / first.name).stat().st_mtime_ns == before
    assert stored_files.read_answers(tmp_path / "version").keys() == {first.name, second.name}
