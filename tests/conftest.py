import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

import parzen
from parzen._device import device_names

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


@pytest.fixture(scope="session")
def cuda_for_the_host():
    """Return csrc/cuda compiled for the host: "device" memory is the host's."""
    from device import build_host_library

    return build_host_library()


@pytest.fixture
def cuda_on_the_host(cuda_for_the_host, monkeypatch):
    """Use it where a CUDA device is asked for."""
    monkeypatch.setenv("PARZEN_CUDA_LIBRARY", str(cuda_for_the_host))
    device_names.cache_clear()
    yield
    device_names.cache_clear()


@pytest.fixture
def device(cuda_on_the_host, cuda_for_the_host):
    """Return where `tests/device_checks.py` puts its matrices: here the host."""
    from device import HostDevice

    device = HostDevice(cuda_for_the_host)
    yield device
    device.release()


@pytest.fixture
def torch(monkeypatch):
    """Torch, which knows a current stream of a device that is not there."""
    torch = pytest.importorskip("torch")
    stream = SimpleNamespace(cuda_stream=0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    return torch


@pytest.fixture
def sigint():
    """Let Ctrl-C through, also where the tests were started in a shell's background: SIGINT is
    then inherited as ignored, and Python leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
