"""What all tests need before they begin."""

import signal

import pytest
from hypothesis import HealthCheck, settings

import seqnn

# A busy machine may take its time: no example has a deadline.
settings.register_profile("seqnn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seqnn")

# A shell lets what it starts in the background ignore Ctrl-C; tests send it to themselves and to their children.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def several_threads():
    """For tests that need threads: as many as without pytest-xdist, whose processes have one each."""
    with seqnn.threads(max(2, seqnn.get_num_threads())):
        yield
