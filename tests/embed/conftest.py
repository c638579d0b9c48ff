"""Trainers are tested as they run: with several threads that share the vectors."""

import pytest


@pytest.fixture(autouse=True)
def trainers_have_several_threads(several_threads):
    pass
