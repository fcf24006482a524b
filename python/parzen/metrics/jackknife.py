"""Bias and variance of any statistic from its values without one block of rows each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parzen._options import as_integer

Rows = list[NDArray[np.intp]]


class Jackknife(NamedTuple):
    """What leaving out blocks says of a statistic.

    Attributes
    ----------
    bias
        An estimate of E statistic - its limit, to order 1/n.
    variance
        Of the statistic.
    """

    bias: float
    variance: float


def blocks_of(n: int, blocks: int, random: np.random.Generator) -> Rows:
    """Return the rows 0 .. n - 1 in random blocks of nearly equal size, each in ascending order."""
    return [np.sort(rows) for rows in np.array_split(random.permutation(n), blocks)]


def two_sample_blocks(
    function: str, sizes: tuple[int, int], blocks: object, random: np.random.Generator
) -> tuple[Rows, Rows]:
    """Return the rows of the real and of the fake sample in random blocks, at least 2 in each."""
    count = as_integer(f"{function}: blocks", blocks, 2)
    for name, n in zip(("real", "fake"), sizes, strict=True):
        if n < 2 * count:
            raise ValueError(
                f"{function}: {name} has {n} samples for {count} blocks; expected at least 2 in "
                f"each: pass blocks<={n // 2}"
            )
    real, fake = (blocks_of(n, count, random) for n in sizes)
    return real, fake


def two_sample_jackknife(
    whole: float, without: Sequence[ArrayLike], blocks: Sequence[Rows]
) -> Jackknife:
    """Return bias and variance of a statistic of two independent samples."""
    sides = zip(without, blocks, strict=True)
    return together([jackknife(whole, found, [len(b) for b in side]) for found, side in sides])


def together(sides: Sequence[Jackknife]) -> Jackknife:
    """Return what blocks of independent samples, each left out by itself, say: both add up."""
    return Jackknife(
        math.fsum(side.bias for side in sides), math.fsum(side.variance for side in sides)
    )


def jackknife(whole: float, without: ArrayLike, sizes: Sequence[int]) -> Jackknife:
    """Return bias and variance by the delete-m_j jackknife, blocks of any size m_j.

    With h_j = n / m_j and pseudo-values h_j t - (h_j - 1) t_(j), whose mean (weighted by 1/h_j)
    is the bias-corrected statistic. Busing, Meijer and van der Leeden, "Delete-m jackknife for
    unequal m", Statistics and Computing 9, 1999, equations 4 and 5.
    """
    h = sum(sizes) / np.asarray(sizes, dtype=np.float64)
    # About the whole: t and t_(j) share most of their digits.
    gaps = np.asarray(without, dtype=np.float64) - whole
    bias = math.fsum((1.0 - 1.0 / h) * gaps)
    pseudo = -(h - 1.0) * gaps
    return Jackknife(bias, float(np.mean((pseudo + bias) ** 2 / (h - 1.0))))
