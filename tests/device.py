"""A device for the tests: one, or the host that stands in for it."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
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
    """The host's memory, called a device's: what is read behind a matrix ends the process."""

    def __init__(self, library):
        self._library = ctypes.CDLL(str(library))
        self._library.parzen_test_allocate.restype = ctypes.c_void_p
        self._library.parzen_test_allocate.argtypes = [ctypes.c_size_t]
        self._library.parzen_test_release.argtypes = [ctypes.c_void_p]
        self._addresses = []

    def matrix(self, array, **options):
        rows, cols = array.shape
        stride = array.strides[0] // array.itemsize if rows > 1 else cols
        size = (rows - 1) * stride + cols
        address = self._library.parzen_test_allocate(size * array.itemsize)
        self._addresses.append(address)
        memory = (ctypes.c_char * (size * array.itemsize)).from_address(address)
        flat = np.frombuffer(memory, array.dtype)
        strides = (stride * array.itemsize, array.itemsize)
        np.lib.stride_tricks.as_strided(flat, array.shape, strides)[:] = array
        return _core.DeviceMatrix(address, rows, cols, stride, str(array.dtype), 0, **options)

    def release(self):
        for address in self._addresses:
            self._library.parzen_test_release(address)
        self._addresses.clear()


class CudaDevice:
    """The first device, by the driver alone: no package is needed to put arrays there."""

    def __init__(self):
        self._driver = ctypes.CDLL("libcuda.so.1")
        device, self._context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuInit", ctypes.c_uint(0))
        self._call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), device)
        self._call("cuCtxSetCurrent", self._context)
        self._addresses = []

    def _call(self, name, *arguments):
        status = getattr(self._driver, name)(*arguments)
        assert status == 0, f"{name} failed with {status}"

    def copy(self, array):
        """The address of an array's bytes on the device, whatever they mean."""
        address = ctypes.c_uint64()
        bytes_ = np.ascontiguousarray(array)
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(bytes_.nbytes))
        self._addresses.append(address)
        self._call(
            "cuMemcpyHtoD_v2",
            address,
            ctypes.c_void_p(bytes_.ctypes.data),
            ctypes.c_size_t(bytes_.nbytes),
        )
        return address.value

    def matrix(self, array, **options):
        rows, cols = array.shape
        stride = array.strides[0] // array.itemsize if rows > 1 else cols
        base = array
        if stride != cols and array.base is not None:  # what lies between the rows is copied too
            base = array.base
        offset = array.ctypes.data - base.ctypes.data
        pointer = self.copy(base) + offset
        return _core.DeviceMatrix(pointer, rows, cols, stride, str(array.dtype), 0, **options)

    def release(self):
        for address in self._addresses:
            self._call("cuMemFree_v2", address)
        self._addresses.clear()
