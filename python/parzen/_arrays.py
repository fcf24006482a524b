"""The one door where arrays come in: past it they are (n, d), finite, float32 or float64.

Nothing is copied that need not be: a native, aligned float array whose rows are contiguous (a
memory map too) goes through as it is, and so does one on a CUDA device where a metric takes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._copies import are_given_twice, warn_of_one_array
from parzen._device import DeviceSamples, device_names, row_contiguous
from parzen._device_arrays import DeviceArray, device_array
from parzen._host import from_objects, native_rows, to_numpy
from parzen._samples import as_doubles, check_one_place, column_sums, one_type

if TYPE_CHECKING:
    from parzen._core import Samples
    from parzen._samples import AnySamples, T

# Largest numbers that may arise inside the engine, with room left for sums over rows and columns.
FLOAT32_LIMIT = 1e36
FLOAT64_LIMIT = 1e290
CENTER_ROWS = 16384


@overload
def as_samples(
    name: str,
    array: object,
    *,
    function: str,
    min_rows: int = ...,
    objects: bool = ...,
    on_device: Literal[False] = ...,
) -> Samples: ...
@overload
def as_samples(
    name: str,
    array: object,
    *,
    function: str,
    min_rows: int = ...,
    objects: bool = ...,
    on_device: Literal[True],
) -> AnySamples: ...
def as_samples(
    name: str,
    array: object,
    *,
    function: str,
    min_rows: int = 1,
    objects: bool = False,
    on_device: bool = False,
) -> AnySamples:
    """Return `array` as samples (n, d), or raise an error that names `function` and `name`.

    Arrays of Python objects are refused, unless `objects`: then they have to hold numbers. Arrays
    on a CUDA device are too, unless `on_device`: then they stay there.
    """
    where = f"{function}: {name}"
    if on_device and not isinstance(array, np.ndarray):
        if isinstance(array, DeviceSamples):  # checked before
            _check_shape(name, where, array.shape, min_rows)
            return array
        found = device_array(where, array)
        if found is not None:
            return _on_device(name, where, found, array, min_rows)
    values = to_numpy(where, array)
    if objects and values.dtype.kind == "O" and values.ndim > 0:
        values = from_objects(where, values)
    dtype = _float_type(where, values.dtype, array)
    _check_shape(name, where, values.shape, min_rows)
    samples: Samples = native_rows(values, dtype)
    _check_finite(where, samples)
    return samples


def _on_device(
    name: str, where: str, array: DeviceArray, given: object, min_rows: int
) -> DeviceSamples:
    view = array.view()
    try:
        device_names()
    except RuntimeError as error:
        raise RuntimeError(
            f"{where} is on cuda:{view.device}, and {error}; or pass its .cpu()"
        ) from None
    dtype = np.dtype(_float_type(where, view.dtype, given)).name
    _check_shape(name, where, view.shape, min_rows)
    if view.dtype != dtype:
        array = array.astype(dtype)
    elif not row_contiguous(view):
        array = array.contiguous()
    samples = DeviceSamples(array)
    first = samples.first_not_finite()
    if first is not None:
        raise ValueError(f"{where} has values that are NaN or infinity, the first in row {first}")
    return samples


@overload
def as_pair(
    x: object,
    y: object,
    *,
    function: str,
    names: tuple[str, str] = ...,
    min_rows: int = ...,
    independent: bool = ...,
    on_device: Literal[False] = ...,
) -> tuple[Samples, Samples]: ...
@overload
def as_pair(
    x: object,
    y: object,
    *,
    function: str,
    names: tuple[str, str] = ...,
    min_rows: int = ...,
    independent: bool = ...,
    on_device: Literal[True],
) -> tuple[AnySamples, AnySamples]: ...
def as_pair(
    x: object,
    y: object,
    *,
    function: str,
    names: tuple[str, str] = ("x", "y"),
    min_rows: int = 1,
    independent: bool = True,
    on_device: bool = False,
) -> tuple[AnySamples, AnySamples]:
    """Return both as samples of one type, place and d; two different types become float64.

    One array in both places is warned of, where they should be `independent`.
    """
    a, b = (
        as_samples(name, array, function=function, min_rows=min_rows, on_device=on_device)  # type: ignore[call-overload]
        for name, array in zip(names, (x, y), strict=True)
    )
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{function}: {names[0]} has {_count(a.shape[1], 'column')}, "
            f"{names[1]} has {b.shape[1]}; expected the same d"
        )
    check_one_place(function, {names[0]: a, names[1]: b})
    if independent and are_given_twice((x, y), (a, b)):
        warn_of_one_array(function, names)
    return one_type(a, b)


def as_float64(
    name: str, array: object, *, function: str, shape: tuple[int, ...] | None, meaning: str
) -> NDArray[np.float64]:
    """Return `array` as finite float64 of the given shape (None: as it comes)."""
    where = f"{function}: {name}"
    values = to_numpy(where, array)
    _float_type(where, values.dtype, array)
    if shape is not None and values.shape != shape:
        raise ValueError(f"{where} has shape {values.shape}, expected {shape}: {meaning}")
    with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are refused next
        result: NDArray[np.float64] = np.ascontiguousarray(values, dtype=np.float64)
    if not np.isfinite(result).all():
        count = result.size - np.count_nonzero(np.isfinite(result))
        raise ValueError(f"{where} has {_not_finite(int(count))}")
    return result


def as_array(name: str, array: object, *, function: str) -> NDArray[Any]:
    """Return what can be read as an array, of any type and shape, as NumPy's."""
    return to_numpy(f"{function}: {name}", array)


def as_logs(name: str, array: object, *, function: str, meaning: str) -> Samples:
    """Return logarithms of any shape, at least one: -inf may be, NaN and +inf may not."""
    where = f"{function}: {name}"
    values = to_numpy(where, array)
    logs: NDArray[Any] = np.asarray(values, dtype=_float_type(where, values.dtype, array))
    if logs.size == 0:
        raise ValueError(f"{where} is empty (shape={logs.shape}), expected {meaning}")
    if not logs.max() < np.inf:  # a maximum is NaN where a value is
        bad = np.isnan(logs) | (logs == np.inf)
        first = np.unravel_index(int(bad.argmax()), logs.shape)
        place = ", ".join(str(int(i)) for i in first)
        raise ValueError(
            f"{where} has {_count(int(bad.sum()), 'value')} NaN or +infinity, the first at "
            f"[{place}]; expected {meaning}"
        )
    return logs


def extent(*arrays: AnySamples) -> tuple[float, float]:
    """Return the largest magnitude and the widest range of a column, over all arrays together."""
    low, high = _column_bounds(arrays)
    with np.errstate(over="ignore"):
        return float(max(-low.min(), high.max(), 0.0)), float((high - low).max())


def distance_magnitude(d: int, peak: float, span: float) -> float:
    """Bound what squared distances meet: the values, the squares of their range, the inverse.

    The factor 1e12 keeps squared distances a million times closer than the span clear of underflow.
    """
    if span == 0.0:
        return peak
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        square = np.float64(span) ** 2
        return float(max(peak, d * square, 1e12 / square))


def check_range(function: str, magnitude: float, *arrays: AnySamples) -> None:
    """Refuse arrays for which numbers up to `magnitude`, beyond float64's range, would arise."""
    if not magnitude <= FLOAT64_LIMIT:
        peak, span = extent(*arrays)
        raise ValueError(
            f"{function}: values up to {peak:.3g}, in columns of width up to {span:.3g}, would "
            f"overflow or underflow float64 with these parameters; rescale them"
        )


def fit_range(function: str, magnitude: float, *arrays: T) -> tuple[T, ...]:
    """Widen float32 arrays from which numbers up to `magnitude`, past float32's range, arise."""
    check_range(function, magnitude, *arrays)
    if magnitude > FLOAT32_LIMIT:
        return tuple(as_doubles(a) for a in arrays)
    return arrays


def center_of(*arrays: AnySamples) -> NDArray[Any]:
    """Return the mean of the rows in the arrays' type, each column's to a sixteenth of its range.

    Every engine call of one metric is given this same vector to subtract before products are
    taken. Any vector is right; one near the mean makes the products small, and with them their
    rounding errors: of more than CENTER_ROWS rows every so many are looked at. A power of two as
    the step keeps samples that lie on a grid (integers, pixels, shifted samples) on it, so that
    their distances stay exact and their ties stay ties.
    """
    arrays = tuple(a[:: -(-len(a) // CENTER_ROWS)] for a in arrays)
    low, high = _column_bounds(arrays)
    mean = np.sum([column_sums(a) for a in arrays], axis=0) / sum(len(a) for a in arrays)
    step = np.ldexp(1.0, np.frexp(high - low)[1] - 5)
    varied = (high > low) & (step > 0.0)
    coarse = np.round(np.divide(mean, step, out=low.copy(), where=varied))
    center: NDArray[Any] = np.where(varied, coarse * step, low).astype(arrays[0].dtype)
    return center


def _column_bounds(
    arrays: Sequence[AnySamples],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lows, highs = zip(*(_core.column_bounds(a) for a in arrays), strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _float_type(
    where: str, dtype: np.dtype[Any] | str, given: object
) -> type[np.float32 | np.float64]:
    """Return the type to compute in: half types widen to float32, integers to float64."""
    name = dtype if isinstance(dtype, str) else dtype.name
    if floating := re.match(r"b?float(\d+)", name):
        return np.float32 if int(floating[1]) <= 32 else np.float64
    if name == "longdouble" or re.match(r"u?int\d+$", name):
        return np.float64
    if name.startswith(("complex", "clongdouble")):
        raise ValueError(f"{where}: Complex data not supported, got dtype {dtype}")
    if name == "bool":
        raise TypeError(f"{where} is boolean; expected numbers: pass x.astype(float)")
    what = "" if isinstance(given, np.ndarray) else f" from {type(given).__name__}"
    raise TypeError(f"{where} has dtype {dtype}{what}; expected an array of real numbers (n, d)")


def _check_shape(name: str, where: str, shape: tuple[int, ...], min_rows: int) -> None:
    if len(shape) != 2:
        raise ValueError(
            f"{where} has shape {shape}, expected (n, d); {_reshape_advice(name, len(shape))}"
        )
    n, d = shape
    if d == 0:
        raise ValueError(
            f"{where} has 0 feature(s) (shape={shape}) while a minimum of 1 is required."
        )
    if n < min_rows:
        raise ValueError(
            f"{where} has {_count(n, 'sample')} (shape={shape}) while a minimum of "
            f"{min_rows} is required."
        )


def _reshape_advice(name: str, axes: int) -> str:
    if axes == 1:
        return (
            f"Reshape your data: {name}.reshape(-1, 1) for n samples of one number, "
            f"{name}.reshape(1, -1) for one sample"
        )
    if axes == 0:
        return "pass one row a sample"
    return f"Reshape your data: {name}.reshape(len({name}), -1) makes each sample one row"


def _check_finite(where: str, samples: Samples) -> None:
    if np.isfinite(_core.column_bounds(samples)[0]).all():
        return
    count, first = 0, -1
    for start in range(0, len(samples), 1024):
        bad = ~np.isfinite(samples[start : start + 1024])
        if first < 0 and bad.any():
            first = start + int(bad.any(axis=1).argmax())
        count += int(np.count_nonzero(bad))
    raise ValueError(f"{where} has {_not_finite(count)}, the first in row {first}")


def _not_finite(count: int) -> str:
    return f"{_count(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinity"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
