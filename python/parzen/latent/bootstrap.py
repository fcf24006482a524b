"""Standard errors by drawing the rows again, with replacement (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parzen._options import as_integer

REPLICATES = 200


def as_replicates(function: str, value: object) -> int:
    """Return the number of replicates: 0, or enough for a standard deviation."""
    count = as_integer(f"{function}: bootstraps", value, 0)
    if count == 1:
        raise ValueError(f"{function}: bootstraps is 1, expected 0 (no error bars) or at least 2")
    return count


def replicates(
    statistic: Callable[[NDArray[np.int64]], Any], rows: int, count: int, seed: int
) -> NDArray[np.float64]:
    """Return the statistic, a number or an array, of `count` draws of so many row numbers."""
    random = np.random.default_rng(seed)
    return np.array([statistic(random.integers(rows, size=rows)) for _ in range(count)])


def stderr(values: NDArray[np.float64]) -> float | None:
    """Return the standard error that replicates of a number show; None where there are none.

    Replicates that are all equal show none either: that the rows at hand always give 1, say, does
    not mean that others would.
    """
    if len(values) == 0 or np.ptp(values) == 0.0:
        return None
    return float(values.std(ddof=1))
