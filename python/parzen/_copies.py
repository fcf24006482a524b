"""Warnings of samples that hold what they should be independent of."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen._device import DeviceSamples

if TYPE_CHECKING:
    from parzen._samples import AnySamples


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


def copied_share(rows: NDArray[np.float64], among: NDArray[np.float64]) -> float:
    """Return how many of the rows are, to the bit, rows of another sample: from 0 to 1."""
    known = set(map(_digest, among))
    return sum(_digest(row) in known for row in rows) / len(rows)


def _digest(row: NDArray[np.float64]) -> int:
    return hash((row + 0.0).tobytes())  # -0.0 becomes 0.0


def warn_of_copies(message: str) -> None:
    """Warn at the line that called into the package, from however deep."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "parzen":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, CopiedSampleWarning, stacklevel=level)
