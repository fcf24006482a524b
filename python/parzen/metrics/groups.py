"""A mean over numbers that come in independent groups, such as the tokens of texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parzen.metrics.labels import rows_by_label

Vector = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass
class GroupedSums:
    """Sums over G groups of the T numbers in each, l, about m, the mean of all; R = sum (l - m).

    The variance of m is that of a ratio of sums over independent groups,
    G/(G-1) sum R^2 / (sum T)^2, which for groups of one is the usual one. About another point R
    becomes R - shift T, so that sums of three products are all that it takes to merge: Chan, Golub
    and LeVeque, "Algorithms for computing the sample variance", American Statistician 37, 1983,
    where T is 1.

    Attributes
    ----------
    count, groups
        sum T and G.
    mean
        m.
    squares, products, sizes
        sum R^2, sum R T and sum T^2.
    """

    count: int = 0
    groups: int = 0
    mean: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    sizes: float = 0.0

    def add(self, other: GroupedSums) -> None:
        """Add what another has, with both about the mean of all."""
        if other.count == 0:
            return
        total, apart = self.count + other.count, other.mean - self.mean
        there, here = apart * (other.count / total), -apart * (self.count / total)
        mine, theirs = self._about(there), other._about(here)
        self.count, self.groups = total, self.groups + other.groups
        self.mean += there
        self.squares, self.products, self.sizes = (a + b for a, b in zip(mine, theirs, strict=True))

    def stderr(self) -> float | None:
        """Return the standard error of the mean; None of a single group."""
        if self.groups < 2:
            return None
        return math.sqrt(self.squares * self.groups / (self.groups - 1)) / self.count

    def _about(self, shift: float) -> tuple[float, float, float]:
        squares = self.squares - 2.0 * shift * self.products + shift * shift * self.sizes
        return max(squares, 0.0), self.products - shift * self.sizes, self.sizes


def grouped_sums(values: Vector, group_of: Numbers | None) -> GroupedSums:
    """Return the sums of numbers, each of the group of that number; None: each is its own."""
    mean = math.fsum(values) / values.size
    sums, sizes = values - mean, np.ones(values.size)
    if group_of is not None:
        sums, sizes = (np.bincount(group_of, w).astype(np.float64) for w in (sums, sizes))
    return GroupedSums(
        count=values.size,
        groups=int(np.count_nonzero(sizes)),
        mean=mean,
        squares=float(np.square(sums).sum()),
        products=float(sums @ sizes),
        sizes=float(sizes @ sizes),
    )


def group_numbers(
    function: str, name: str, shape: tuple[int, ...], groups: object
) -> Numbers | None:
    """Return the number of each entry's group, flat: by labels of rows, or the rows themselves.

    None: each entry of a flat array is its own.
    """
    if groups is None and len(shape) < 2:
        return None
    if len(shape) == 0:
        raise ValueError(f"{function}: {name} is a single number, which has no groups")
    of_row = np.arange(shape[0])
    if groups is not None:
        by_label = rows_by_label(f"{function}: groups", groups, shape[0])
        for number, rows in enumerate(by_label.values()):
            of_row[rows] = number
    return np.repeat(of_row, math.prod(shape[1:]))
