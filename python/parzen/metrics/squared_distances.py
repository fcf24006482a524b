"""Squared distances of all pairs, some queries at a time, for what needs to see each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import center_of

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]

BLOCK_NUMBERS = 2**23  # distances held at a time: 64 MB
CLOSE = 2.0**-20
CHUNK_PAIRS = 4096


def distance_blocks(
    x: Samples, queries: Samples, progress: Progress | None = None
) -> Iterator[tuple[slice, Vector]]:
    """Yield some queries and their squared distances to all rows of x: (queries, n), float64.

    |q|^2 + |x|^2 - 2 <q, x> about a common center is good to 2^-50 (|q|^2 + |x|^2); pairs closer
    than 2^-20 of that are measured again by differences, and all distances are good to 1e-9.
    """
    center = center_of(x, queries).astype(np.float64)
    among = x - center
    norms = np.einsum("ij,ij->i", among, among)
    step = max(1, BLOCK_NUMBERS // len(x))
    for start in range(0, len(queries), step):
        some = slice(start, min(start + step, len(queries)))
        rows = queries[some] - center
        sizes = np.einsum("ij,ij->i", rows, rows)[:, None] + norms
        squared = sizes - 2.0 * (rows @ among.T)
        sizes *= CLOSE
        i, j = np.nonzero(squared <= sizes)
        for first in range(0, len(i), CHUNK_PAIRS):
            p, q = i[first : first + CHUNK_PAIRS], j[first : first + CHUNK_PAIRS]
            squared[p, q] = np.square(rows[p] - among[q]).sum(axis=1)
        yield some, squared
        if progress is not None:
            progress(some.stop / len(queries))
