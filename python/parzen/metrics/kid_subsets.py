"""The squared MMD of many random subsets: in one pass over all pairs, or one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import center_of
from parzen._device import DeviceSamples
from parzen._estimate import part
from parzen._samples import stacked
from parzen.metrics.kernels import Kernel
from parzen.metrics.mmd import Vector
from parzen.metrics.quadratic import chunk_size, no_bits, pack, quadratics

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

Draws = Iterator[tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True)
class Subsets:
    """Random subsets of two samples.

    Attributes
    ----------
    x, y, kernel
        The samples, and a kernel that is ready for them.
    draws
        Yields the rows of x and of y in each subset.
    count, size
        So many subsets, of so many rows of either sample.
    progress
        Called with the fraction done.
    """

    x: AnySamples
    y: AnySamples
    kernel: Kernel
    draws: Draws
    count: int
    size: int
    progress: Progress | None = None

    def mmds(self) -> tuple[Vector, str]:
        """Return MMD^2 of each, and how it was had: the cheaper way, the answer is the same."""
        n, m, d = len(self.x), len(self.y), self.x.shape[1]
        center = center_of(self.x, self.y)
        if one_pass_is_cheaper(n, m, d, self.count, self.size):
            return self._in_one_pass(center), "subsets in one pass"
        return self._one_by_one(center), "subsets one by one"

    def _in_one_pass(self, center: NDArray[Any]) -> Vector:
        """Return MMD^2 of each from sums over all pairs, counted where both rows are in it."""
        x, y, size = self.x, self.y, self.size
        values = np.empty(self.count)
        chunk = chunk_size(len(x) + len(y), x.shape[1])
        for start in range(0, self.count, chunk):
            stop = min(start + chunk, self.count)
            u, v = no_bits(len(x), stop - start), no_bits(len(y), stop - start)
            for p in range(stop - start):
                drawn = next(self.draws)
                for bits, rows, chosen in zip((u, v), (len(x), len(y)), drawn, strict=True):
                    members = np.zeros(rows, dtype=bool)
                    members[chosen] = True
                    bits[:, p] = pack(members)
            step = part(self.progress, start / self.count, stop / self.count)
            found = quadratics(x, y, self.kernel, u, v, center=center, progress=step)
            within = (found.xx + found.yy) / (size * (size - 1))
            values[start:stop] = within - 2.0 * found.xy / (size * size)
        if self.progress is not None:
            self.progress(1.0)
        return values

    def _one_by_one(self, center: NDArray[Any]) -> Vector:
        """Return MMD^2 of each, its two parts stacked and summed over as one triangle.

        The sum within X is that over i != j of a_i a_j k(z_i, z_j), a the rows of X. Taken from the
        row sums of X it leaves the sum across, and that from the row sums of Y the sum within Y.
        """
        size = self.size
        values = np.empty(self.count)
        stack = _stack_of(self.x, self.y, size)
        first = pack(np.arange(2 * size) < size)[:, np.newaxis]
        native = self.kernel._native()
        for i, (rows_x, rows_y) in enumerate(self.draws):
            step = part(self.progress, i / self.count, (i + 1) / self.count)
            (xx,), (rows, *_) = _core.kernel_quadratic(
                stack(rows_x, rows_y), None, native, first, None, center=center, progress=step
            )
            xy = math.fsum(rows[:size]) - xx
            yy = math.fsum(rows[size:]) - xy
            values[i] = (xx + yy) / (size * (size - 1)) - 2.0 * xy / (size * size)
        return values


def one_pass_is_cheaper(n: int, m: int, d: int, subsets: int, size: int) -> bool:
    """Compare the operations: a pair costs d + 32, and a quarter for each subset in one pass.

    Where d is large this is n <= size sqrt(subsets), for n = m.
    """
    passes = -(-subsets // chunk_size(n + m, d))
    pairs = (n * n + m * m) / 2 + n * m
    return pairs * (passes * (d + 32) + subsets / 4) <= subsets * 2 * size * size * (d + 32)


def _stack_of(
    x: AnySamples, y: AnySamples, size: int
) -> Callable[[NDArray[Any], NDArray[Any]], AnySamples]:
    """Return what puts so many rows of x and of y one below the other."""
    if isinstance(x, DeviceSamples) or isinstance(y, DeviceSamples):
        return lambda rows_x, rows_y: stacked(x[rows_x], y[rows_y])
    memory = np.empty((2 * size, x.shape[1]), dtype=x.dtype)

    def take(rows_x: NDArray[Any], rows_y: NDArray[Any]) -> AnySamples:
        # "clip" writes straight into the array; "raise" would make a copy first.
        np.take(x, rows_x, axis=0, out=memory[:size], mode="clip")
        np.take(y, rows_y, axis=0, out=memory[size:], mode="clip")
        return memory

    return take
