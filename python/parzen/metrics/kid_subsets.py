"""The squared MMD of many random subsets: in one pass over all pairs, or one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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


def subset_values(
    x: AnySamples,
    y: AnySamples,
    kernel: Kernel,
    draws: Draws,
    subsets: int,
    size: int,
    progress: Progress | None = None,
) -> tuple[Vector, str]:
    """Return MMD^2 of each subset, and how it was had: the cheaper way, the answer is the same."""
    center = center_of(x, y)
    if one_pass_is_cheaper(len(x), len(y), x.shape[1], subsets, size):
        return _in_one_pass(
            x, y, kernel, draws, subsets, size, center, progress
        ), "subsets in one pass"
    return _one_by_one(x, y, kernel, draws, subsets, size, center, progress), "subsets one by one"


def one_pass_is_cheaper(n: int, m: int, d: int, subsets: int, size: int) -> bool:
    """Compare the operations: a pair costs d + 32, and a quarter for each subset in one pass.

    Where d is large this is n <= size sqrt(subsets), for n = m.
    """
    passes = -(-subsets // chunk_size(n + m, d))
    pairs = (n * n + m * m) / 2 + n * m
    return pairs * (passes * (d + 32) + subsets / 4) <= subsets * 2 * size * size * (d + 32)


def _in_one_pass(
    x: AnySamples,
    y: AnySamples,
    kernel: Kernel,
    draws: Draws,
    subsets: int,
    size: int,
    center: NDArray[Any],
    progress: Progress | None,
) -> Vector:
    """Return MMD^2 of each subset from sums over all pairs, counted where both rows are in it."""
    values = np.empty(subsets)
    chunk = chunk_size(len(x) + len(y), x.shape[1])
    for start in range(0, subsets, chunk):
        count = min(chunk, subsets - start)
        u, v = no_bits(len(x), count), no_bits(len(y), count)
        for p in range(count):
            for bits, rows, chosen in zip((u, v), (len(x), len(y)), next(draws), strict=True):
                members = np.zeros(rows, dtype=bool)
                members[chosen] = True
                bits[:, p] = pack(members)
        step = part(progress, start / subsets, (start + count) / subsets)
        found = quadratics(x, y, kernel, u, v, center=center, progress=step)
        within = (found.xx + found.yy) / (size * (size - 1))
        values[start : start + count] = within - 2.0 * found.xy / (size * size)
    if progress is not None:
        progress(1.0)
    return values


def _one_by_one(
    x: AnySamples,
    y: AnySamples,
    kernel: Kernel,
    draws: Draws,
    subsets: int,
    size: int,
    center: NDArray[Any],
    progress: Progress | None,
) -> Vector:
    """Return MMD^2 of each subset, its two parts stacked and summed over as one triangle.

    The sum within X is that over i != j of a_i a_j k(z_i, z_j), a the rows of X. Taken from the row
    sums of X it leaves the sum across, and that from the row sums of Y the sum within Y.
    """
    values = np.empty(subsets)
    stack = _stack_of(x, y, size)
    first = pack(np.arange(2 * size) < size)[:, np.newaxis]
    native = kernel._native()
    for i, (rows_x, rows_y) in enumerate(draws):
        step = part(progress, i / subsets, (i + 1) / subsets)
        (xx,), (rows, *_) = _core.kernel_quadratic(
            stack(rows_x, rows_y), None, native, first, None, center=center, progress=step
        )
        xy = math.fsum(rows[:size]) - xx
        yy = math.fsum(rows[size:]) - xy
        values[i] = (xx + yy) / (size * (size - 1)) - 2.0 * xy / (size * size)
    return values


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
