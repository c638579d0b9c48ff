"""What the pages of docs/ show works: their Python blocks run, the names in their tables exist, their links lead somewhere."""

import re
from importlib import import_module
from pathlib import Path

import pages
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "benchmarks" not in page.parts)


@pytest.mark.parametrize("page", [page for page in PAGES if pages.blocks(page)], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    if page.stem == "distributed":
        pytest.importorskip("dask")
        pytest.importorskip("mpi4py")
    done = pages.run("\n".join(pages.blocks(page)), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_of_the_library_in_a_page_exist(page):
    for name in set(re.findall(r"`(seqnn(?:\.\w+)+)", page.read_text("utf-8"))):
        parts, found = name.split("."), import_module("seqnn")
        for part in parts[1:]:
            assert hasattr(found, part), name
            found = getattr(found, part)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_to_files(page):
    for target in pages.links(page):
        assert target.exists(), target


def test_every_package_has_a_page_of_reference():
    import seqnn

    packages = {name for name in seqnn.__all__ if hasattr(getattr(seqnn, name), "__path__")}
    assert {page.stem for page in (DOCS / "reference").glob("*.md")} >= packages
