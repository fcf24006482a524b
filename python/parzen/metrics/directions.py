"""Samples as directions: rows of unit length, which is all of them that a cosine sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from parzen._core import Samples

BLOCK_ROWS = 4096


def unit_rows(x: Samples, dtype: DTypeLike) -> NDArray[Any]:
    """Return each row over its length, computed in float64; rows of zeros stay as they are.

    A row is first divided by its largest magnitude, so that its squares neither overflow nor
    underflow.
    """
    units = np.empty(x.shape, dtype=dtype)
    for start in range(0, len(x), BLOCK_ROWS):
        rows = x[start : start + BLOCK_ROWS].astype(np.float64)
        peaks = np.abs(rows).max(axis=1, keepdims=True)
        peaks[peaks == 0.0] = 1.0
        rows /= peaks
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        lengths[lengths == 0.0] = 1.0
        np.divide(rows, lengths, out=units[start : start + BLOCK_ROWS], casting="same_kind")
    return units


def nonzero_rows(x: Samples) -> NDArray[np.bool_]:
    """Return which rows have a direction: (n,)."""
    rows: NDArray[np.bool_] = np.any(x != 0.0, axis=1)
    return rows


def check_directions(function: str, name: str, x: Samples, advice: str) -> None:
    """Refuse rows of zeros."""
    zero = ~nonzero_rows(x)
    if zero.any():
        count = int(zero.sum())
        raise ValueError(
            f"{function}: {name} has {count} row{'' if count == 1 else 's'} of zeros, the first is "
            f"row {int(zero.argmax())}; zeros have no direction: {advice}"
        )
