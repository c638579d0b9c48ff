"""Files that a reader once failed on: each ends in a value or an error that names it, and so do good files cut short."""

from pathlib import Path

import pytest
from fuzz.engine import fault
from fuzz.readers import READERS

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*/*"))


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_a_damaged_file_is_read_or_refused_by_name(file, tmp_path):
    reader = READERS[file.parent.name]
    assert fault(reader, file.read_bytes(), tmp_path / f"fuzzed{reader.suffix}") is None


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_read_and_a_part_of_it_does_no_harm(name, tmp_path):
    reader = READERS[name]
    path = tmp_path / f"fuzzed{reader.suffix}"
    for data in reader.seeds(tmp_path / "seeds"):
        path.write_bytes(data)
        reader.read(path)
        for end in (0, 1, len(data) // 2, len(data) - 1):
            assert fault(reader, data[:end], path) is None
