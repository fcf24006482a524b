"""Arrays in the host's memory: anything that can be read as one becomes NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HOST_DEVICES = (1, 3)  # DLPack's kDLCPU and kDLCUDAHost


def to_numpy(where: str, array: object) -> NDArray[Any]:
    """Return what can be read as an array, of any type and shape; arrays on a device are refused.

    `where` is the function and the argument that messages begin with.
    """
    if isinstance(array, np.ndarray):
        if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
            count = np.ma.getmaskarray(array).sum()
            raise ValueError(f"{where} has {count} masked values; drop or fill them first")
        return np.asarray(array)
    if hasattr(array, "toarray") and hasattr(array, "nnz"):
        raise TypeError(f"{where} is a sparse matrix; expected a dense array: pass its .toarray()")
    try:
        if hasattr(array, "detach") and hasattr(array, "layout"):
            return _from_torch(where, array)
        if hasattr(array, "__dlpack_device__"):
            if array.__dlpack_device__()[0] not in HOST_DEVICES:
                raise TypeError(_not_on_cpu(where, f"DLPack device {array.__dlpack_device__()}"))
        elif hasattr(array, "__cuda_array_interface__"):
            raise TypeError(_not_on_cpu(where, "a CUDA device"))
        if hasattr(array, "__dlpack__") and not hasattr(array, "__array__"):
            return np.from_dlpack(array)
        return np.asarray(array)
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where} could not be read as an array (n, d): {error}") from error


def from_objects(where: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Read an array of Python objects as float64, each of them a number."""
    for element in values.flat:
        if isinstance(element, str | bytes):
            raise TypeError(
                f"{where} has dtype object and holds {element!r}; the argument must be no string "
                f"but a number: pass x.astype(float) if that is what its strings mean"
            )
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where} has dtype object: {error}") from error


def native_rows(values: NDArray[Any], dtype: type[np.float32 | np.float64]) -> NDArray[Any]:
    """Return native, aligned rows of that type, a copy only where `values` is not that already."""
    if values.dtype == dtype and values.dtype.isnative and values.flags.aligned:
        d, size, (row, element) = values.shape[1], values.itemsize, values.strides
        if (element == size or d == 1) and row >= d * size and row % size == 0:
            return values
    with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are refused next
        return np.array(values, dtype=dtype, order="C")  # a copy: an aligned one is wanted


def _from_torch(where: str, tensor: Any) -> NDArray[Any]:
    """Read a torch tensor through its own methods: torch itself is never imported."""
    if tensor.device.type != "cpu":
        raise TypeError(_not_on_cpu(where, str(tensor.device)))
    check_strided(where, tensor)
    tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":  # NumPy has no such type
        tensor = tensor.float()
    values: NDArray[Any] = tensor.numpy(force=True)
    return values


def check_strided(where: str, tensor: Any) -> None:
    """Refuse a torch tensor that is not in one block of memory."""
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{where} is a sparse tensor; expected a dense one: pass its .to_dense()")


def _not_on_cpu(where: str, device: str) -> str:
    return f"{where} is on {device}, expected an array in the host's memory: pass its .cpu()"
