"""Stein kernels: a kernel and a score function made into one whose mean under p is zero.

For k(x, y) = phi(r), r = |x - y|^2, and s the score of p,

    u(x, y) = phi s_x.s_y - 2 phi' (x - y).(s_x - s_y) - 2 d phi' - 4 r phi''

(Liu, Lee and Jordan, "A kernelized Stein discrepancy for goodness-of-fit tests", ICML 2016: their
kernel u, for a radial k). Blocks of pairs are four matrix products in float64; no more than one is
kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import center_of
from parzen._options import as_number, as_positive
from parzen.metrics.kernels import Gaussian, median_distance

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BLOCK_ROWS = 512  # of a block of pairs: 2 MB, of which five are in use


@dataclass(frozen=True)
class InverseMultiquadric:
    """The kernel (c^2 + |x - y|^2)^beta.

    Parameters
    ----------
    c
        A number > 0, in the unit of the samples.
    beta
        A number < 0. Between -1 and 0 the kernel Stein discrepancy tells of convergence in any
        dimension, where that of a Gaussian kernel fails from d = 3 on.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is out of its range or not a number.

    References
    ----------
    Gorham and Mackey, "Measuring sample quality with kernels", ICML 2017: what inverse
    multiquadrics detect, and kernels with light tails do not.

    Examples
    --------
    >>> from parzen import InverseMultiquadric
    >>> InverseMultiquadric(c=2)
    InverseMultiquadric(c=2.0, beta=-0.5)
    """

    c: float = 1.0
    beta: float = -0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", as_positive("InverseMultiquadric: c", self.c))
        beta = as_number("InverseMultiquadric: beta", self.beta)
        if not -math.inf < beta < 0.0:
            raise ValueError(f"InverseMultiquadric: beta is {beta}, expected a finite number < 0")
        object.__setattr__(self, "beta", beta)

    def _magnitude(self, d: int, peak: float, span: float) -> float:
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            least = np.float64(self.c) ** 2
            base = least + d * np.float64(span) ** 2
            return float(max(base, least ** (self.beta - 2.0), least**-self.beta))


SteinBase = InverseMultiquadric | Gaussian


def ready(function: str, kernel: object, x: Samples) -> SteinBase:
    """Return a kernel with its parameters settled on the samples."""
    if not isinstance(kernel, SteinBase):
        raise TypeError(
            f"{function}: kernel is {kernel!r}, expected InverseMultiquadric or Gaussian"
        )
    if isinstance(kernel, Gaussian) and kernel.bandwidth == "median":
        return Gaussian(median_distance(x, x[:0], seed=kernel.seed), kernel.seed)
    return kernel


class SteinPairs:
    """The Stein kernel of samples with their scores, block by block."""

    def __init__(self, x: Samples, scores: Matrix, kernel: SteinBase) -> None:
        self.kernel = kernel
        self.x = x.astype(np.float64) - center_of(x)
        self.scores = scores
        self.norms = np.einsum("ij,ij->i", self.x, self.x)
        self.products = np.einsum("ij,ij->i", self.x, scores)

    def diagonal(self) -> Vector:
        """Return u(x_i, x_i): (n,)."""
        at_zero = np.zeros(1)
        phi, first, _ = self._profile(at_zero)
        squares = np.einsum("ij,ij->i", self.scores, self.scores)
        values: Vector = phi * squares - 2.0 * self.x.shape[1] * first
        return values

    def blocks(self, progress: Progress | None) -> Iterator[tuple[slice, slice, Matrix]]:
        """Yield u of rows and columns, on and above the diagonal, which itself is 0."""
        n = len(self.x)
        starts = range(0, n, BLOCK_ROWS)
        total, done = len(starts) * (len(starts) + 1) // 2, 0
        for i in starts:
            for j in range(i, n, BLOCK_ROWS):
                rows, columns = slice(i, i + BLOCK_ROWS), slice(j, j + BLOCK_ROWS)
                u = self._block(rows, columns)
                if i == j:
                    np.fill_diagonal(u, 0.0)
                yield rows, columns, u
                done += 1
                if progress is not None:
                    progress(done / total)

    def _block(self, rows: slice, columns: slice) -> Matrix:
        x, y, s, t = self.x[rows], self.x[columns], self.scores[rows], self.scores[columns]
        r = self.norms[rows, None] + self.norms[columns] - 2.0 * (x @ y.T)
        np.maximum(r, 0.0, out=r)
        across = self.products[rows, None] + self.products[columns] - x @ t.T - s @ y.T
        phi, first, second = self._profile(r)
        result: Matrix = phi * (s @ t.T) - 2.0 * first * (across + x.shape[1]) - 4.0 * r * second
        return result

    def _profile(self, r: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return phi and its first two derivatives at squared distances r."""
        kernel = self.kernel
        if isinstance(kernel, InverseMultiquadric):
            base, beta = kernel.c**2 + r, kernel.beta
            phi = base**beta
            first = beta * phi / base
            return phi, first, (beta - 1.0) * first / base
        bandwidths = kernel._bandwidths()
        phi, first, second = np.zeros_like(r), np.zeros_like(r), np.zeros_like(r)
        for h in bandwidths:
            rate = -0.5 / (h * h)
            part = np.exp(rate * r) / len(bandwidths)
            phi += part
            first += rate * part
            second += rate * rate * part
        return phi, first, second
