"""NumPy memory that says it is a CUDA device's, as libraries of such arrays say it.

tests/native/cuda_host.h runs the device's code on it. None of these can be read as a host array:
what copies to the host without saying so fails.
"""

import functools
from types import SimpleNamespace

import numpy as np


class Memory:
    """What all have: an array, and no way to NumPy."""

    def __init__(self, values, device=0, stream=1):
        self.values, self.device_number, self.stream = np.asarray(values), device, stream

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("copied to the host")


class Bare(Memory):
    """The CUDA array interface alone, version 3."""

    version = 3

    @property
    def __cuda_array_interface__(self):
        given = self.values.__array_interface__
        interface = {key: given[key] for key in ("shape", "typestr", "data", "strides")}
        return interface | {"version": self.version, "stream": self.stream}


class Exporter(Memory):
    """DLPack alone."""

    exports = 0

    def __dlpack_device__(self):
        return (2, self.device_number)

    def __dlpack__(self, *, stream):
        assert stream == 1
        self.exports += 1
        return self.values.__dlpack__()


class Array(Bare):
    """As CuPy's: the interface, and NumPy's methods. Counts the numbers copied to the host."""

    copied = 0

    def __dlpack_device__(self):
        return (2, self.device_number)

    def like(self, values):
        return type(self)(values, self.device_number, self.stream)

    def __getitem__(self, rows):
        return self.like(self.values[rows])

    def astype(self, dtype):
        return self.like(self.values.astype(dtype))

    def copy(self):
        return self.like(self.values.copy())

    def get(self):
        Array.copied += self.values.size
        return self.values

    def __array_namespace__(self):
        def concatenate(arrays):
            return self.like(np.concatenate([array.values for array in arrays]))

        return SimpleNamespace(concatenate=concatenate)


def torch_tensor(torch, values):
    """A tensor in the host's memory that says it is on cuda:0, as what is made from it does."""
    return torch.as_tensor(values).as_subclass(_tensor_on_cuda(torch))


@functools.cache
def _tensor_on_cuda(torch):
    class Tensor(torch.Tensor):
        device = property(lambda self: torch.device("cuda", 0))

    return Tensor
