"""A device for the tests: one, or the host that stands in for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parzen import _core

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "cuda_host"


def tool(name):
    """A program of the environment that runs the tests, or of PATH."""
    here = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([here, os.environ.get("PATH", "")]))


def build_host_library():
    """libparzen_cuda_host.so: csrc/cuda compiled by the host's compiler, see cuda_host.h."""
    cmake, ninja = tool("cmake"), tool("ninja")
    if not cmake or not shutil.which("c++"):
        pytest.skip("needs cmake and a C++ compiler")
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    options = ["-DPARZEN_PYTHON=OFF", "-DPARZEN_CUDA=OFF", "-DPARZEN_NATIVE_TESTS=ON"]
    commands = (
        [cmake, *generator, "-S", ROOT, "-B", BUILD, *options, "-DPARZEN_WERROR=ON"],
        [cmake, "--build", BUILD, "--target", "parzen_cuda_host", "--parallel"],
    )
    for command in commands:
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, (run.stdout + run.stderr)[-5000:]
    return BUILD / "tests" / "native" / "libparzen_cuda_host.so"


class HostDevice:
    """NumPy's memory, called a device's."""

    def __init__(self):
        self.kept = []  # what the device borrows

    def matrix(self, array, **options):
        self.kept.append(array)
        stride = array.strides[0] // array.itemsize
        pointer = array.ctypes.data
        return _core.DeviceMatrix(pointer, *array.shape, stride, str(array.dtype), 0, **options)
