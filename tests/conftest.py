import os
import signal

import numpy as np
import pytest
from hypothesis import settings

import parzen

# The same examples on every run, and no deadline: a machine may be busy.
settings.register_profile("parzen", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("parzen")


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


@pytest.fixture
def one_and_many_threads():
    """Run a function with one thread and with several, and put the number back."""
    before = parzen.get_num_threads()

    def run(function):
        parzen.set_num_threads(1)
        alone = function()
        parzen.set_num_threads(max(4, os.cpu_count() or 1))
        return alone, function()

    yield run
    parzen.set_num_threads(before)


@pytest.fixture
def sigint():
    """Let Ctrl-C through, also where the tests were started in a shell's background: SIGINT is
    then inherited as ignored, and Python leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
