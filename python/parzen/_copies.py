"""Warnings of samples that hold what they should be independent of."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen._device import DeviceSamples
from parzen._samples import column_sums

if TYPE_CHECKING:
    from parzen._samples import AnySamples

COPIES = 0.01  # so large a share of a sample is no accident


class CopiedSampleWarning(UserWarning):
    """A sample is, or is made of copies of, one that it should be independent of."""


def are_one(x: AnySamples, y: AnySamples) -> bool:
    """Return whether both are the same memory, read in the same way: nothing is compared."""
    return _memory(x) == _memory(y)


def are_given_twice(given: tuple[object, object], samples: tuple[AnySamples, AnySamples]) -> bool:
    """Return whether both are the same object, of which copies may have been made, or memory."""
    return given[0] is given[1] or are_one(*samples)


def warn_of_one_array(function: str, names: tuple[str, str]) -> None:
    """Warn of one array in two places."""
    warn_of_copies(
        f"{function}: {names[0]} and {names[1]} are one array, and the result says nothing of two "
        f"samples; a sample and its copy are compared without this warning"
    )


def _memory(x: AnySamples) -> list[object]:
    if isinstance(x, DeviceSamples):
        return x.memory
    interface = x.__array_interface__
    return [interface[name] for name in ("data", "typestr", "shape", "strides")]


def copied_shares(among: NDArray[np.float64], *samples: NDArray[np.float64]) -> list[float]:
    """Return how much of each sample is, to the bit, rows of another one: from 0 to 1."""
    known = set(map(_digest, among))
    return [sum(_digest(row) in known for row in rows) / len(rows) for rows in samples]


def same_rows(a: AnySamples, b: AnySamples) -> bool:
    """Whether both are the same; on a device, whether the sums of all columns are, to the bit."""
    if a.shape != b.shape:
        return False
    if isinstance(a, DeviceSamples) or isinstance(b, DeviceSamples):
        return np.array_equal(column_sums(a), column_sums(b))
    return np.array_equal(a[0], b[0]) and np.array_equal(a, b)


def common_rows(x: AnySamples, y: AnySamples) -> int:
    """Return how many rows are, to the bit and in whatever order, rows of both samples.

    Rows that one sample has twice are not counted: those of few possible ones meet by chance. Of
    samples on a device none is, as that would take them to the host.
    """
    if isinstance(x, DeviceSamples) or isinstance(y, DeviceSamples):
        return 0
    once = []
    for rows, others in ((x, y), (y, x)):
        # A column is soon compared: only where it does not tell rows apart are they read.
        counts = Counter(map(_digest, rows[np.isin(rows[:, 0], others[:, 0])]))
        once.append({digest for digest, count in counts.items() if count == 1})
    return len(once[0] & once[1])


def _digest(row: NDArray[Any]) -> int:
    return hash((row + 0.0).tobytes())  # -0.0 becomes 0.0


def warn_of_copies(message: str) -> None:
    """Warn at the line that called into the package, from however deep."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "parzen":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, CopiedSampleWarning, stacklevel=level)
