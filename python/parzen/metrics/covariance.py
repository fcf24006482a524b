"""Mean and covariance of rows in float64, whatever their type: by sums that can be taken apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._device import DeviceSamples

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BLOCK = 128
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Scatter:
    """Sums over rows of z = x - point, and of the products of its entries.

    Sums of disjoint sets of rows about one point add up, and what was added can be taken off.

    Attributes
    ----------
    n
        Rows.
    packed
        ((d+1)(d+2)/2,): the moments of [1, z] up to order 2, as `parzen._core.moments` packs them.
    """

    n: int
    packed: Vector

    def __sub__(self, other: Scatter) -> Scatter:
        return Scatter(self.n - other.n, self.packed - other.packed)

    def mean(self) -> Vector:
        """Return the mean relative to the point, (d,)."""
        d = int(np.sqrt(2 * len(self.packed))) - 1
        return self.packed[1 : d + 1] / self.n

    def covariance(self, ddof: int = 1) -> Matrix:
        """Return the covariance (d, d), divided by n - ddof.

        Where the point is near the mean no digits cancel: what is left of the mean is taken off the
        squares (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", American
        Statistician 37, 1983, equation 1.7).
        """
        mean = self.mean()
        d = len(mean)
        start = d + 1  # first come the moments with the constant
        sigma = np.empty((d, d))
        for row in range(d):
            np.subtract(
                self.packed[start : start + d - row],
                self.n * mean[row] * mean[row:],
                sigma[row, row:],
            )
            start += d - row
        for first in range(0, d, BLOCK):  # mirrored in blocks: a whole transpose misses the cache
            block = slice(first, first + BLOCK)
            sigma[block, :first] = sigma[:first, block].T
            square = sigma[block, block]
            square[...] = np.triu(square) + np.triu(square, 1).T
        sigma /= self.n - ddof
        return sigma


def scatter_about(x: AnySamples, point: Vector, progress: Progress | None = None) -> Scatter:
    """Return the sums of x - point; products and sums are float64, for float32 rows too."""
    n, d = x.shape
    packed = np.zeros((d + 1) * (d + 2) // 2)
    _core.moments(x, packed, 2, wide=True, center=point, progress=progress)
    return Scatter(n, packed)


def mean_about(x: AnySamples, center: Vector) -> Vector:
    """Return the mean relative to a center: a far origin costs it no digits."""
    sums = np.zeros(x.shape[1] + 1)
    _core.moments(x, sums, 1, wide=True, center=center)
    return sums[1:] / len(x)


def mean_and_covariance(
    x: AnySamples, center: Vector, ddof: int, progress: Progress | None = None
) -> tuple[Vector, Matrix]:
    """Return the mean, relative to the center, and the covariance: two passes, about the mean."""
    mean = mean_about(x, center)
    return mean, scatter_about(x, center + mean, progress).covariance(ddof)


def total_variance(x: AnySamples, center: Vector) -> float:
    """Return the trace of the covariance (ddof 1)."""
    mean = center + mean_about(x, center)
    if isinstance(x, DeviceSamples):  # what the engine has there is the whole matrix
        return float(np.trace(scatter_about(x, mean).covariance()))
    blocks = (x[start : start + ROWS_AT_ONCE] - mean for start in range(0, len(x), ROWS_AT_ONCE))
    return math.fsum(float(np.square(rows).sum()) for rows in blocks) / (len(x) - 1)
