"""Samples on a CUDA device: the engine takes them where they are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from parzen import _core

if TYPE_CHECKING:
    from parzen._device_arrays import DeviceArray, View


class DeviceSamples(_core.DeviceMatrix):
    """Rows (n, d) on a device, float32 or float64, each row contiguous: NumPy's indexing of rows.

    A slice shares the memory. What needs new memory there, rows by number or another type, is made
    by the library that the array is from.

    Attributes
    ----------
    shape, dtype
        As an array's.
    device
        Its number.
    precision
        Of products of float32: ``"full"``, or ``"fast"``, of 11 bits.
    """

    def __init__(
        self,
        array: DeviceArray,
        view: View | None = None,
        rows: range | None = None,
        precision: str = "full",
    ) -> None:
        view = array.view() if view is None else view
        rows = range(view.shape[0]) if rows is None else rows
        self.dtype: np.dtype[Any] = np.dtype(view.dtype)
        self.shape = len(rows), view.shape[1]
        self.device, self.precision = view.device, precision
        self._array, self._view, self._rows = array, view, rows
        super().__init__(
            view.pointer + rows.start * view.strides[0],
            *self.shape,
            view.strides[0] * rows.step // self.dtype.itemsize,
            self.dtype.name,
            view.device,
            view.stream,
            precision=precision,
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice | NDArray[Any]) -> DeviceSamples:
        if isinstance(rows, slice):
            return DeviceSamples(self._array, self._view, self._rows[rows], self.precision)
        return DeviceSamples(self._take(rows), precision=self.precision)

    def astype(self, dtype: DTypeLike, copy: bool = True) -> DeviceSamples:
        """Return them in another type: themselves where it is theirs, unless `copy`."""
        wanted = np.dtype(dtype)
        if wanted == self.dtype and not copy:
            return self
        return DeviceSamples(self._whole().astype(wanted.name), precision=self.precision)

    def with_below(self, *others: DeviceSamples) -> DeviceSamples:
        """Return them with the others' rows below."""
        whole = self._whole().with_below([other._whole() for other in others])
        return DeviceSamples(whole, precision=self.precision)

    def at_precision(self, precision: str) -> DeviceSamples:
        """Return the same rows, their products to be taken at that precision."""
        return DeviceSamples(self._array, self._view, self._rows, precision)

    def to_host(self, rows: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return those rows, or all, in the host's memory."""
        return (self._whole() if rows is None else self._take(rows)).to_host()

    @property
    def memory(self) -> list[object]:
        """Where they are and how they are read: equal for the same rows of the same array."""
        start, step = (
            self._view.strides[0] * number for number in (self._rows.start, self._rows.step)
        )
        return [self.device, self._view.pointer + start, self.shape, step, self.dtype]

    @property
    def torch_tensor(self) -> Any | None:
        """The torch tensor that they are rows of, if they are of one."""
        return getattr(self._array, "tensor", None)

    @property
    def place(self) -> str:
        """The device's number and name."""
        return f"cuda:{self.device}, {device_names()[self.device]}"

    def first_not_finite(self) -> int | None:
        """Return the first row with NaN or infinity, found by halves."""
        start, stop = 0, len(self)
        if _finite(self):
            return None
        while stop - start > 1:
            middle = (start + stop) // 2
            if _finite(self[start:middle]):
                start = middle
            else:
                stop = middle
        return start

    def _take(self, rows: NDArray[Any]) -> DeviceArray:
        return self._array.take(self._numbers()[rows])

    def _numbers(self) -> NDArray[np.intp]:
        """Return which rows of the array these are."""
        return np.arange(self._rows.start, self._rows.stop, self._rows.step)

    def _whole(self) -> DeviceArray:
        """Return an array that has these rows and no others."""
        if len(self._rows) == self._view.shape[0] and self._rows.step == 1:
            return self._array
        return self._array.take(self._numbers())


def _finite(samples: DeviceSamples) -> bool:
    return bool(np.isfinite(_core.column_bounds(samples)[0]).all())


@functools.cache
def device_names() -> tuple[str, ...]:
    """Return the names of the devices; raise where CUDA cannot be used."""
    facts = _core.cuda_info()
    if facts["missing"]:
        raise RuntimeError(
            f"this installation has no CUDA library ({facts['missing']}); build it where nvcc is: "
            f"pip install -C cmake.define.PARZEN_CUDA=ON"
        )
    if facts["unusable"]:
        raise RuntimeError(f"no CUDA device can be used ({facts['unusable']})")
    return tuple(device["name"] for device in facts["devices"])


def row_contiguous(view: View) -> bool:
    """Whether the engine can take the memory as it is: as `parzen._host.native_rows`."""
    size = np.dtype(view.dtype).itemsize
    (n, d), (row, element) = view.shape, view.strides
    if view.pointer % size or (element != size and d > 1):
        return False
    return n == 1 or (row >= d * size and row % size == 0)
