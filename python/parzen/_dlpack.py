"""What a DLPack capsule says of an array's memory, where no other library reads it for us."""

from __future__ import annotations

import ctypes
from typing import Any

KINDS = {0: "int", 1: "uint", 2: "float", 4: "bfloat", 5: "complex", 6: "bool"}


class _Tensor(ctypes.Structure):
    """DLTensor of dlpack.h."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class Exported:
    """An array's export. The capsule is never consumed: with its end the array's memory is let go.

    Parameters
    ----------
    array
        Anything with ``__dlpack__``.
    stream
        Where the memory will be used: the exporter sees to it that it is ready there.
    """

    def __init__(self, array: Any, stream: int) -> None:
        self.capsule = array.__dlpack__(stream=stream)

    def layout(self) -> tuple[int, tuple[int, ...], tuple[int, ...], str, int]:
        """Return pointer, shape, strides in bytes, type and device."""
        get = ctypes.pythonapi.PyCapsule_GetPointer
        get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        tensor = _Tensor.from_address(get(self.capsule, b"dltensor"))
        shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
        size = tensor.bits * tensor.lanes // 8
        if tensor.strides:
            steps = [tensor.strides[i] for i in range(tensor.ndim)]
        else:  # row after row
            steps = [1] * tensor.ndim
            for i in range(tensor.ndim - 1, 0, -1):
                steps[i - 1] = steps[i] * shape[i]
        kind = KINDS.get(tensor.code, f"DLPack type {tensor.code} of ")
        dtype = kind if kind == "bool" else f"{kind}{tensor.bits}"
        if tensor.lanes != 1:
            dtype += f" in groups of {tensor.lanes}"
        pointer = (tensor.data or 0) + tensor.byte_offset
        return pointer, shape, tuple(step * size for step in steps), dtype, tensor.device_id
