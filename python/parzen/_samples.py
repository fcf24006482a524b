"""Samples of either place, NumPy arrays or on a device: what metrics do with both alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._device import DeviceSamples
from parzen._options import check_choice

if TYPE_CHECKING:
    from parzen._core import Samples

    AnySamples: TypeAlias = Samples | DeviceSamples
    T = TypeVar("T", Samples, AnySamples)

# Of an inner product of centred rows, relative to the product of their lengths: each factor is
# rounded to 11 bits.
FAST_ERROR = 2.0**-10


def place_of(samples: AnySamples) -> str:
    """Return where samples are: ``"cpu"``, or the device's number and name."""
    return samples.place if isinstance(samples, DeviceSamples) else "cpu"


def check_one_place(function: str, samples: dict[str, AnySamples]) -> None:
    """Refuse samples of which some are elsewhere than others."""
    places = {name: place_of(array).partition(",")[0] for name, array in samples.items()}
    if len(set(places.values())) > 1:
        found = ", ".join(f"{name} is on {place}" for name, place in places.items())
        raise ValueError(
            f"{function}: {found}; expected all on one device or all on the cpu: move one, as "
            f"with .to(device) or .cpu()"
        )


def one_type(a: T, b: T) -> tuple[T, T]:
    """Return both in float64 where their types differ."""
    if a.dtype == b.dtype:
        return a, b
    return as_doubles(a), as_doubles(b)


def as_doubles(samples: T) -> T:
    """Return samples in float64: themselves where they are."""
    return cast("T", samples.astype(np.float64, copy=False))


def on_host(samples: AnySamples, rows: NDArray[Any] | None = None) -> Samples:
    """Return those rows, or all, in the host's memory: for what the engine does not do."""
    if isinstance(samples, DeviceSamples):
        return samples.to_host(rows)
    return samples if rows is None else samples[rows]


def stacked(first: T, *others: T) -> T:
    """Return samples of one place and type one below the other."""
    if isinstance(first, DeviceSamples):
        return first.with_below(*cast("tuple[DeviceSamples, ...]", others))
    return np.concatenate([first, *others])


def column_sums(samples: AnySamples) -> NDArray[np.float64]:
    """Return the sum of each column, in float64."""
    if not isinstance(samples, DeviceSamples):
        total: NDArray[np.float64] = samples.sum(axis=0, dtype=np.float64)
        return total
    sums = np.zeros(1 + samples.shape[1])
    _core.moments(samples, sums, 1, wide=True)
    return sums[1:]


def at_precision(function: str, precision: object, a: T, b: T) -> tuple[T, T]:
    """Return both with their products to be taken at ``"full"`` or ``"fast"`` precision."""
    check_choice(f"{function}: precision", precision, ("full", "fast"))
    there = isinstance(a, DeviceSamples)
    if precision == "fast" and (not there or a.dtype != np.float32):
        raise ValueError(
            f"{function}: precision 'fast' is for float32 on a CUDA device, these samples are "
            f"{a.dtype} on {place_of(a).partition(',')[0]}; pass precision='full'"
        )
    if not there:
        return a, b
    x, y = (cast("DeviceSamples", s).at_precision(str(precision)) for s in (a, b))
    return cast("T", x), cast("T", y)


def computation(samples: AnySamples) -> dict[str, Any]:
    """Return where and how precisely samples are computed with, for a provenance."""
    facts: dict[str, Any] = {"device": place_of(samples)}
    fast = isinstance(samples, DeviceSamples) and samples.precision == "fast"
    if fast and samples.dtype == np.float32:
        facts |= {"precision": "fast", "inner_product_error": FAST_ERROR}
    return facts
