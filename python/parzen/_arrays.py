"""The one door where arrays come in: past it they are (n, d), finite, float32 or float64.

Nothing is copied that need not be: a native, aligned float array whose rows are contiguous (a
memory map too) goes through as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._copies import are_one, warn_of_copies

if TYPE_CHECKING:
    from parzen._core import Samples

# Largest numbers that may arise inside the engine, with room left for sums over rows and columns.
FLOAT32_LIMIT = 1e36
FLOAT64_LIMIT = 1e290
CENTER_ROWS = 16384
HOST_DEVICES = (1, 3)  # DLPack's kDLCPU and kDLCUDAHost


def as_samples(
    name: str, array: object, *, function: str, min_rows: int = 1, objects: bool = False
) -> Samples:
    """Return `array` as samples (n, d), or raise an error that names `function` and `name`.

    Arrays of Python objects are refused, unless `objects`: then they have to hold numbers.
    """
    where = f"{function}: {name}"
    values = _to_numpy(where, array)
    if objects and values.dtype.kind == "O" and values.ndim > 0:
        values = _from_objects(where, values)
    dtype = _float_type(where, values, array)
    if values.ndim != 2:
        raise ValueError(
            f"{where} has shape {values.shape}, expected (n, d); {_reshape_advice(name, values)}"
        )
    n, d = values.shape
    if d == 0:
        raise ValueError(
            f"{where} has 0 feature(s) (shape={values.shape}) while a minimum of 1 is required."
        )
    if n < min_rows:
        raise ValueError(
            f"{where} has {_count(n, 'sample')} (shape={values.shape}) while a minimum of "
            f"{min_rows} is required."
        )
    samples: Samples = _row_contiguous(values, dtype)
    _check_finite(where, samples)
    return samples


def as_pair(
    x: object,
    y: object,
    *,
    function: str,
    names: tuple[str, str] = ("x", "y"),
    min_rows: int = 1,
    independent: bool = True,
) -> tuple[Samples, Samples]:
    """Return both as samples of one type and one d; two different types become float64.

    One array in both places is warned of, where they should be `independent`.
    """
    a = as_samples(names[0], x, function=function, min_rows=min_rows)
    b = as_samples(names[1], y, function=function, min_rows=min_rows)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{function}: {names[0]} has {_count(a.shape[1], 'column')}, "
            f"{names[1]} has {b.shape[1]}; expected the same d"
        )
    if independent and (x is y or are_one(a, b)):
        warn_of_copies(
            f"{function}: {names[0]} and {names[1]} are one array, and the result says nothing of "
            f"two samples; a sample and its copy are compared without this warning"
        )
    return one_type(a, b)


def one_type(a: Samples, b: Samples) -> tuple[Samples, Samples]:
    """Return both in float64 where their types differ."""
    if a.dtype == b.dtype:
        return a, b
    return a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)


def as_float64(
    name: str, array: object, *, function: str, shape: tuple[int, ...] | None, meaning: str
) -> NDArray[np.float64]:
    """Return `array` as finite float64 of the given shape (None: as it comes)."""
    where = f"{function}: {name}"
    values = _to_numpy(where, array)
    _float_type(where, values, array)
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
    return _to_numpy(f"{function}: {name}", array)


def as_logs(name: str, array: object, *, function: str, meaning: str) -> Samples:
    """Return logarithms of any shape, at least one: -inf may be, NaN and +inf may not."""
    where = f"{function}: {name}"
    values = _to_numpy(where, array)
    logs: NDArray[Any] = np.asarray(values, dtype=_float_type(where, values, array))
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


def extent(*arrays: Samples) -> tuple[float, float]:
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


def check_range(function: str, magnitude: float, *arrays: Samples) -> None:
    """Refuse arrays for which numbers up to `magnitude`, beyond float64's range, would arise."""
    if not magnitude <= FLOAT64_LIMIT:
        peak, span = extent(*arrays)
        raise ValueError(
            f"{function}: values up to {peak:.3g}, in columns of width up to {span:.3g}, would "
            f"overflow or underflow float64 with these parameters; rescale them"
        )


def fit_range(function: str, magnitude: float, *arrays: Samples) -> tuple[Samples, ...]:
    """Widen float32 arrays from which numbers up to `magnitude`, past float32's range, arise."""
    check_range(function, magnitude, *arrays)
    if magnitude > FLOAT32_LIMIT:
        return tuple(a.astype(np.float64, copy=False) for a in arrays)
    return arrays


def center_of(*arrays: Samples) -> NDArray[Any]:
    """Return the mean of the rows in the arrays' type, each column's to a sixteenth of its range.

    Every engine call of one metric is given this same vector to subtract before products are
    taken. Any vector is right; one near the mean makes the products small, and with them their
    rounding errors: of more than CENTER_ROWS rows every so many are looked at. A power of two as
    the step keeps samples that lie on a grid (integers, pixels, shifted samples) on it, so that
    their distances stay exact and their ties stay ties.
    """
    arrays = tuple(a[:: -(-len(a) // CENTER_ROWS)] for a in arrays)
    low, high = _column_bounds(arrays)
    total = np.sum([a.sum(axis=0, dtype=np.float64) for a in arrays], axis=0)
    mean = total / sum(len(a) for a in arrays)
    step = np.ldexp(1.0, np.frexp(high - low)[1] - 5)
    varied = (high > low) & (step > 0.0)
    coarse = np.round(np.divide(mean, step, out=low.copy(), where=varied))
    center: NDArray[Any] = np.where(varied, coarse * step, low).astype(arrays[0].dtype)
    return center


def _column_bounds(
    arrays: Sequence[Samples],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lows, highs = zip(*(_core.column_bounds(a) for a in arrays), strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _to_numpy(where: str, array: object) -> NDArray[Any]:
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
        if hasattr(array, "__cuda_array_interface__"):
            raise TypeError(_not_on_cpu(where, "a CUDA device"))
        if hasattr(array, "__dlpack_device__") and array.__dlpack_device__()[0] not in HOST_DEVICES:
            raise TypeError(_not_on_cpu(where, f"DLPack device {array.__dlpack_device__()}"))
        if hasattr(array, "__dlpack__") and not hasattr(array, "__array__"):
            return np.from_dlpack(array)
        return np.asarray(array)
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where} could not be read as an array (n, d): {error}") from error


def _from_objects(where: str, values: NDArray[Any]) -> NDArray[np.float64]:
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


def _from_torch(where: str, tensor: Any) -> NDArray[Any]:
    """Read a torch tensor through its own methods: torch itself is never imported."""
    if tensor.device.type != "cpu":
        raise TypeError(_not_on_cpu(where, str(tensor.device)))
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{where} is a sparse tensor; expected a dense one: pass its .to_dense()")
    tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":  # NumPy has no such type
        tensor = tensor.float()
    values: NDArray[Any] = tensor.numpy(force=True)
    return values


def _not_on_cpu(where: str, device: str) -> str:
    return f"{where} is on {device}; arrays on a device are not supported yet: pass its .cpu()"


def _float_type(where: str, values: NDArray[Any], given: object) -> type[np.float32 | np.float64]:
    """Return the type to compute in: half types widen to float32, integers to float64."""
    kind = values.dtype.kind
    if kind == "f" or values.dtype.name == "bfloat16":
        return np.float32 if values.dtype.itemsize <= 4 else np.float64
    if kind in "iu":
        return np.float64
    if kind == "c":
        raise ValueError(f"{where}: Complex data not supported, got dtype {values.dtype}")
    if kind == "b":
        raise TypeError(f"{where} is boolean; expected numbers: pass x.astype(float)")
    what = "" if given is values else f" from {type(given).__name__}"
    raise TypeError(
        f"{where} has dtype {values.dtype}{what}; expected an array of real numbers (n, d)"
    )


def _reshape_advice(name: str, values: NDArray[Any]) -> str:
    if values.ndim == 1:
        return (
            f"Reshape your data: {name}.reshape(-1, 1) for n samples of one number, "
            f"{name}.reshape(1, -1) for one sample"
        )
    if values.ndim == 0:
        return "pass one row a sample"
    return f"Reshape your data: {name}.reshape(len({name}), -1) makes each sample one row"


def _row_contiguous(values: NDArray[Any], dtype: type[np.float32 | np.float64]) -> NDArray[Any]:
    if values.dtype == dtype and values.dtype.isnative and values.flags.aligned:
        d, size, (row, element) = values.shape[1], values.itemsize, values.strides
        if (element == size or d == 1) and row >= d * size and row % size == 0:
            return values
    with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are refused next
        return np.array(values, dtype=dtype, order="C")  # a copy: an aligned one is wanted


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
