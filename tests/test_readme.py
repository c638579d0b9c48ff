"""What README.md shows works: its Python blocks run as they stand, and it stays short."""

from pathlib import Path

import pages
import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = pages.blocks(README)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs_as_it_stands(number, tmp_path):
    """Each block alone, in an empty folder; a line that is an expression with a literal behind it says its value."""
    done = pages.run(BLOCKS[number], tmp_path)
    assert done.returncode == 0, done.stderr


def test_it_can_be_read_at_one_sitting():
    assert len(README.read_bytes()) <= 16_000


def test_links_lead_to_files_of_the_project():
    for target in pages.links(README):
        assert target.exists(), target
