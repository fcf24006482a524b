"""Arrays on a CUDA device by what they offer: torch's methods, NumPy's, or their memory alone.

No library is imported: an array brings its own, which does what needs new memory on the device.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._host import check_strided

CUDA_DEVICES = (2, 13)  # DLPack's kDLCUDA and kDLCUDAManaged
LEGACY_STREAM = 1  # of the interface and of DLPack: the stream that waits for all others


class View(NamedTuple):
    """Where an array's memory is on its device, and how it lies there; strides in bytes."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    device: int
    stream: int


class DeviceArray(Protocol):
    """An array on a device and what its library can do with it, there but for `to_host`."""

    def view(self) -> View: ...
    def take(self, rows: NDArray[np.intp]) -> DeviceArray: ...
    def astype(self, dtype: str) -> DeviceArray: ...
    def contiguous(self) -> DeviceArray: ...
    def with_below(self, others: Sequence[Any]) -> DeviceArray: ...
    def to_host(self) -> NDArray[Any]: ...


def device_array(where: str, array: Any) -> DeviceArray | None:
    """Return the array with its library's methods, or None where it is on no CUDA device."""
    if hasattr(array, "detach") and hasattr(array, "layout"):
        if array.device.type != "cuda":
            return None
        check_strided(where, array)
        return TorchTensor(array)
    if hasattr(array, "__dlpack_device__"):
        if array.__dlpack_device__()[0] not in CUDA_DEVICES:
            return None
    elif not hasattr(array, "__cuda_array_interface__"):
        return None
    if hasattr(array, "astype") and hasattr(array, "__getitem__"):
        return NumPyLike(where, array)
    return BareMemory(where, array)


class TorchTensor:
    """A torch tensor, used on torch's current stream of its device."""

    def __init__(self, tensor: Any) -> None:
        # A tensor can be kept as the negative of what is in memory.
        self.tensor = tensor.detach().resolve_neg() if hasattr(tensor, "resolve_neg") else tensor

    def view(self) -> View:
        """Return where it is."""
        tensor = self.tensor
        stream = sys.modules["torch"].cuda.current_stream(tensor.device).cuda_stream
        size = tensor.element_size()
        return View(
            tensor.data_ptr(),
            tuple(tensor.shape),
            tuple(step * size for step in tensor.stride()),
            str(tensor.dtype).removeprefix("torch."),
            tensor.device.index or 0,
            stream,
        )

    def take(self, rows: NDArray[np.intp]) -> TorchTensor:
        """Return those rows."""
        index = self.tensor.new_tensor(rows, dtype=sys.modules["torch"].int64)
        return TorchTensor(self.tensor.index_select(0, index))

    def astype(self, dtype: str) -> TorchTensor:
        """Return it in another type."""
        return TorchTensor(self.tensor.to(getattr(sys.modules["torch"], dtype)).contiguous())

    def contiguous(self) -> TorchTensor:
        """Return it row after row; also rows that share memory, as `expand` makes them."""
        torch = sys.modules["torch"]
        return TorchTensor(self.tensor.clone(memory_format=torch.contiguous_format))

    def with_below(self, others: Sequence[TorchTensor]) -> TorchTensor:
        """Return it with the others' rows below."""
        tensors = [self.tensor, *(other.tensor for other in others)]
        return TorchTensor(sys.modules["torch"].cat(tensors))

    def to_host(self) -> NDArray[Any]:
        """Return it in the host's memory."""
        values: NDArray[Any] = self.tensor.cpu().numpy()
        return values


class BareMemory:
    """Memory of an owner that offers no more than where it is: enough for the engine itself."""

    def __init__(self, where: str, array: Any) -> None:
        self.where, self.array = where, array

    def view(self) -> View:
        """Return where it is: by the CUDA array interface, or DLPack where that has no stream."""
        interface = getattr(self.array, "__cuda_array_interface__", None)
        if interface is None or (
            interface.get("version", 0) < 3 and hasattr(self.array, "__dlpack__")
        ):
            from parzen._dlpack import Exported

            self.exported = Exported(self.array, LEGACY_STREAM)  # what it says holds while it lives
            return View(*self.exported.layout(), LEGACY_STREAM)
        if interface.get("mask") is not None:
            raise ValueError(f"{self.where} has a mask; drop or fill the masked values first")
        dtype = np.dtype(interface["typestr"])
        shape = tuple(interface["shape"])
        strides = interface.get("strides")
        if strides is None:
            strides = [dtype.itemsize * int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        return View(
            interface["data"][0],
            shape,
            tuple(strides),
            dtype.name if dtype.isnative else str(dtype),
            self._device(),
            interface.get("stream") or LEGACY_STREAM,
        )

    def _device(self) -> int:
        if hasattr(self.array, "__dlpack_device__"):
            return int(self.array.__dlpack_device__()[1])
        devices = len(_core.cuda_info()["devices"])
        if devices > 1:
            raise ValueError(
                f"{self.where} does not say on which of {devices} CUDA devices it is: "
                f"{self._advice()}"
            )
        return 0

    def _advice(self) -> str:
        return "pass cupy.asarray(x) or torch.as_tensor(x, device='cuda'), which share its memory"

    def _refuse(self, what: str) -> TypeError:
        return TypeError(
            f"{self.where} is a {type(self.array).__name__}, which cannot {what} on the device: "
            f"{self._advice()}"
        )

    def take(self, rows: NDArray[np.intp]) -> DeviceArray:
        """Refuse."""
        raise self._refuse("take rows")

    def astype(self, dtype: str) -> DeviceArray:
        """Refuse."""
        raise self._refuse(f"be widened to {dtype}")

    def contiguous(self) -> DeviceArray:
        """Refuse."""
        raise self._refuse("be copied row after row")

    def with_below(self, others: Sequence[Any]) -> DeviceArray:
        """Refuse."""
        raise self._refuse("be joined with others")

    def to_host(self) -> NDArray[Any]:
        """Refuse."""
        raise self._refuse("be read by rows")


class NumPyLike(BareMemory):
    """An array with NumPy's methods on its device, as CuPy's and JAX's are."""

    def _library(self) -> Any:
        if hasattr(self.array, "__array_namespace__"):
            return self.array.__array_namespace__()
        return sys.modules[type(self.array).__module__.partition(".")[0]]

    def _there(self) -> AbstractContextManager[Any]:
        """CuPy works on its current device, which need not be the array's."""
        device: Any = getattr(self.array, "device", None)
        context: AbstractContextManager[Any] = (
            device if hasattr(device, "__enter__") else nullcontext()
        )
        return context

    def take(self, rows: NDArray[np.intp]) -> NumPyLike:
        """Return those rows."""
        with self._there():
            return NumPyLike(self.where, self.array[rows])

    def astype(self, dtype: str) -> NumPyLike:
        """Return it in another type."""
        with self._there():
            wide = NumPyLike(self.where, self.array.astype(dtype))
        if (made := wide.view().dtype) != dtype:
            raise TypeError(
                f"{self.where} would have to be {dtype}, of which its library made {made}; with "
                f"JAX call jax.config.update('jax_enable_x64', True) first"
            )
        return wide

    def contiguous(self) -> NumPyLike:
        """Return it row after row."""
        with self._there():
            return NumPyLike(self.where, self.array.copy())

    def with_below(self, others: Sequence[NumPyLike]) -> NumPyLike:
        """Return it with the others' rows below."""
        arrays = [self.array, *(other.array for other in others)]
        with self._there():
            return NumPyLike(self.where, self._library().concatenate(arrays))

    def to_host(self) -> NDArray[Any]:
        """Return it in the host's memory."""
        array = self.array
        return np.asarray(array.get() if hasattr(array, "get") else array)
