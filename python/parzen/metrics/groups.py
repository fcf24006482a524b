"""A mean over numbers that come in independent groups, such as the tokens of texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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
    return _about_the_mean(values.size, mean, sums, sizes)


def _about_the_mean(count: int, mean: float, sums: Vector, sizes: Vector) -> GroupedSums:
    return GroupedSums(
        count=count,
        groups=int(np.count_nonzero(sizes)),
        mean=mean,
        squares=float(sums @ sums),
        products=float(sums @ sizes),
        sizes=float(sizes @ sizes),
    )


class LabelledGroups:
    """Groups by label, of which each may come in several parts: how many numbers, and their mean.

    Attributes
    ----------
    count
        Numbers in all groups.
    """

    def __init__(self) -> None:
        self.count = 0
        self._of: dict[Any, tuple[int, float]] = {}

    def add(self, values: Vector, group_of: Numbers, labels: list[Any]) -> None:
        """Add numbers, each of the group whose label is at that place of the labels."""
        middle = math.fsum(values) / values.size
        sizes = np.bincount(group_of, minlength=len(labels)).tolist()
        sums = np.bincount(group_of, values - middle, minlength=len(labels)).tolist()
        for label, size, total in zip(labels, sizes, sums, strict=True):
            if size > 0:
                self._join(label, size, middle + total / size)

    def merge(self, other: LabelledGroups) -> None:
        """Add what another has: groups of the same label are one."""
        for label, (size, mean) in other._of.items():
            self._join(label, size, mean)

    def sums(self) -> GroupedSums:
        """Return the sums over the groups."""
        if self.count == 0:
            return GroupedSums()
        sizes, means = np.array(list(self._of.values()), dtype=np.float64).T
        mean = math.fsum(sizes * means) / self.count
        with np.errstate(over="ignore"):
            return _about_the_mean(self.count, mean, sizes * (means - mean), sizes)

    def _join(self, label: Any, size: int, mean: float) -> None:
        before, here = self._of.get(label, (0, 0.0))
        total = before + size
        self._of[label] = total, here + (mean - here) * (size / total)
        self.count += size


def row_numbers(shape: tuple[int, ...]) -> Numbers:
    """Return the number of each entry's row, flat."""
    return np.repeat(np.arange(shape[0]), math.prod(shape[1:]))


def label_numbers(
    function: str, name: str, shape: tuple[int, ...], groups: object
) -> tuple[Numbers, list[Any]]:
    """Return the number of each entry's label, flat, and the labels, one for each row."""
    if len(shape) == 0:
        raise ValueError(f"{function}: {name} is a single number, which has no groups")
    of_row = np.arange(shape[0])
    by_label = rows_by_label(f"{function}: groups", groups, shape[0])
    for number, rows in enumerate(by_label.values()):
        of_row[rows] = number
    return np.repeat(of_row, math.prod(shape[1:])), list(by_label)
