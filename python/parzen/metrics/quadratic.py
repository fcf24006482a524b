"""Sums of a kernel over many subsets of two samples, all subsets in one pass over the pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._estimate import part
from parzen.metrics.kernels import Kernel
from parzen.metrics.mmd import PairSums, Vector

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

Bits: TypeAlias = NDArray[np.uint8]  # (ceil(rows / 8), vectors)

MAX_BITS = 2**29  # of a chunk's subsets: 64 MB
TABLE_BYTES = 64  # rows of bits whose tables are made, and whose sums are added, at a time


@dataclass(frozen=True)
class Quadratics:
    """For each subset: the sums of k over pairs within its X, within its Y, and across.

    Pairs of a row with itself are left out. `sums` is of all rows.
    """

    xx: Vector
    yy: Vector
    xy: Vector
    sums: PairSums


def quadratics(
    x: AnySamples,
    y: AnySamples,
    kernel: Kernel,
    u: Bits,
    v: Bits,
    *,
    center: NDArray[Any],
    progress: Progress | None = None,
) -> Quadratics:
    """Sum a resolved kernel over the subsets u of x and v of y."""
    n, m = len(x), len(y)
    native = kernel._native()
    first, second = n * n / (n + m) ** 2, (n * n + m * m) / (n + m) ** 2
    within_x, (rows_x, _, diagonal_x, squares_x) = _core.kernel_quadratic(
        x, None, native, u, None, center=center, progress=part(progress, 0.0, first)
    )
    within_y, (rows_y, _, diagonal_y, squares_y) = _core.kernel_quadratic(
        y, None, native, v, None, center=center, progress=part(progress, first, second)
    )
    across, (xy, yx, _, squares) = _core.kernel_quadratic(
        x, y, native, u, v, center=center, progress=part(progress, second, 1.0)
    )
    assert diagonal_x is not None
    assert diagonal_y is not None
    assert yx is not None
    sums = PairSums(
        rows_x, rows_y, xy, yx, (diagonal_x, diagonal_y), (squares_x, squares_y, squares)
    )
    return Quadratics(within_x, within_y, across, sums)


def chunk_size(rows: int, d: int) -> int:
    """Return how many subsets go through one pass: kernel values are computed again for each.

    They cost what 4 (d + 32) subsets cost, so that 32 d subsets repeat about an eighth of the work;
    the bounds are what a second-level cache and the memory hold.
    """
    return max(64, min(max(2048, 32 * d), 8192, MAX_BITS // rows))


def no_bits(rows: int, vectors: int) -> Bits:
    """Return empty subsets."""
    return np.zeros((-(-rows // 8), vectors), dtype=np.uint8)


def pack(members: NDArray[np.bool_]) -> Bits:
    """Return one subset's bits, a column of `Bits`."""
    return np.packbits(members, bitorder="little")


def add_selected(bits: Bits, values: Vector) -> Vector:
    """Return the sum of values over each subset, added in one order for all of them.

    By tables of the 256 subsets of eight rows. A matrix product may add the rows of one column in
    another order than those of the next, and equal subsets would differ.
    """
    sums = np.zeros(bits.shape[1])
    padded = np.zeros(8 * len(bits))
    padded[: len(values)] = values
    for start in range(0, len(bits), TABLE_BYTES):
        some = bits[start : start + TABLE_BYTES]
        eight = padded[8 * start : 8 * (start + len(some))].reshape(-1, 8)
        table = np.zeros((len(some), 256))
        for row in range(8):
            table[:, 1 << row : 2 << row] = table[:, : 1 << row] + eight[:, row : row + 1]
        block = np.zeros_like(sums)
        for row in range(len(some)):
            block += table[row][some[row]]
        sums += block
    return sums
