"""The permutation test of equal distributions with the squared maximum mean discrepancy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parzen._arrays import as_pair, center_of
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, as_seed
from parzen._shares import share_stderr
from parzen.metrics.kernels import Kernel, check_kernel
from parzen.metrics.mmd import MEDIAN_GAUSSIAN, PairSums, Vector, described, ready
from parzen.metrics.quadratic import (
    Bits,
    Quadratics,
    add_selected,
    chunk_size,
    no_bits,
    pack,
    quadratics,
)

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples


class MMDTest(NamedTuple):
    """A permutation test with the squared maximum mean discrepancy.

    Attributes
    ----------
    squared
        MMD^2, unbiased, with its standard error: as `mmd` gives it.
    p_value
        (1 + number of `null` >= `squared`) / (1 + permutations). Its standard error is that of the
        random draw of permutations; where p is 1, 1/(2(permutations + 1)).
    null
        (permutations,) values of MMD^2 for the permuted samples.
    """

    squared: Estimate
    p_value: Estimate
    null: Vector


def mmd_test(
    x: object,
    y: object,
    *,
    kernel: Kernel = MEDIAN_GAUSSIAN,
    permutations: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> MMDTest:
    """Test whether two samples have the same distribution.

    The unbiased MMD^2 of X and Y is compared with its values for random assignments of all n + m
    rows to a sample of n and one of m. Under equal distributions P(p_value <= a) <= a for any a
    and any n and m, without an asymptotic argument. All permutations share one pass over the pairs.

    Parameters
    ----------
    x, y
        Samples (n, d) and (m, d), n, m >= 2; n and m may differ. Rows must be exchangeable under
        the hypothesis: independent draws, no time series.
    kernel
        A `Gaussian`, `Polynomial`, `RationalQuadratic` or `Energy`. The median bandwidth is taken
        from all rows together, which no permutation changes; a bandwidth that was chosen by
        looking at x and y apart makes the test invalid.
    permutations
        An integer >= 1; the smallest p-value is 1 / (1 + permutations).
    seed
        Of the permutations.
    progress
        Called with the fraction done.

    Returns
    -------
    MMDTest
        ``squared``, ``p_value`` and ``null``. Values of ``null`` that differ from ``squared`` by
        no more than rounding are ties and set equal to it.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described; the message says which.

    References
    ----------
    Gretton et al., "A kernel two-sample test", JMLR 13, 2012, equation 3 and section 5. The
    p-value: Phipson and Smyth, "Permutation p-values should never be zero", Statistical
    Applications in Genetics and Molecular Biology 9, 2010, equation 2.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 100, 8))
    >>> float(parzen.mmd_test(x, y + 1.0, permutations=199).p_value)
    0.005
    >>> parzen.mmd_test(x, y).p_value > 0.05
    True
    """
    check_kernel("mmd_test", kernel)
    permutations = as_integer("mmd_test: permutations", permutations, 1)
    seed = as_seed("mmd_test: seed", seed)
    pair = as_pair(x, y, function="mmd_test", min_rows=2, on_device=True)
    a, b, kernel = ready("mmd_test", kernel, *pair)
    center = center_of(a, b)
    draws = Assignments(a, b, seed)
    vectors = permutations + 1  # the first is the assignment as it came
    size = chunk_size(len(a) + len(b), a.shape[1])
    statistics, sums = [], None
    for start in range(0, vectors, size):
        count = min(size, vectors - start)
        u, v = draws.bits(count, given_first=start == 0)
        step = part(progress, start / vectors, (start + count) / vectors)
        found = quadratics(a, b, kernel, u, v, center=center, progress=step)
        statistics.append(draws.statistics(u, v, found))
        sums = sums or found.sums
    assert sums is not None
    if progress is not None:
        progress(1.0)

    squared = sums.unbiased()
    given, *_ = null = np.concatenate(statistics)
    null = null[1:]
    null = np.where(np.abs(null - given) <= _rounding(a, b, sums, null), squared, null)
    p = (1 + np.count_nonzero(null >= squared)) / (1 + permutations)
    record = provenance(
        "mmd_test",
        a,
        b,
        method="pairs",
        estimator="unbiased",
        permutations=permutations,
        seed=seed,
        kernel=described(kernel),
    )
    stderr = share_stderr(p, math.sqrt(p * (1.0 - p) / permutations), permutations)
    p_value = Estimate(p, stderr, {**record, "range": [0.0, 1.0]})
    return MMDTest(Estimate(squared, sums.stderr(), record), p_value, null)


class Assignments:
    """Random assignments of the rows of X and Y to two samples of their sizes.

    A vector has the rows of the smaller one: of the larger, a sum is the difference of two not
    much larger sums, where the smaller one's would be lost in it.
    """

    def __init__(self, x: AnySamples, y: AnySamples, seed: int) -> None:
        self.n, self.m = len(x), len(y)
        self.random = np.random.default_rng(seed)

    def bits(self, count: int, *, given_first: bool) -> tuple[Bits, Bits]:
        """Return so many assignments, of the rows of X and of those of Y."""
        n, rows = self.n, self.n + self.m
        u, v = no_bits(n, count), no_bits(self.m, count)
        given = slice(0, n) if n <= self.m else slice(n, rows)
        size = min(n, self.m)
        for p in range(count):
            members = np.zeros(rows, dtype=bool)
            if given_first and p == 0:
                members[given] = True
            else:
                members[self.random.choice(rows, size, replace=False, shuffle=False)] = True
            u[:, p], v[:, p] = pack(members[:n]), pack(members[n:])
        return u, v

    def statistics(self, u: Bits, v: Bits, found: Quadratics) -> Vector:
        """MMD^2 of each assignment."""
        within, outside, across = self.means(u, v, found)
        return within + outside - 2.0 * across

    def means(self, u: Bits, v: Bits, found: Quadratics) -> tuple[Vector, Vector, Vector]:
        """Return the means of k within the smaller sample, within the larger, and across.

        From sums over the smaller sample and row sums over all.
        """
        size, rest = sorted((self.n, self.m))
        rows_x, rows_y = found.sums.xx + found.sums.xy, found.sums.yy + found.sums.yx
        within = found.xx + found.yy + 2.0 * found.xy
        from_within = add_selected(u, rows_x) + add_selected(v, rows_y)
        across = from_within - within
        outside = math.fsum(rows_x) + math.fsum(rows_y) - from_within - across
        return (
            within / (size * (size - 1)),
            outside / (rest * (rest - 1)),
            across / (size * rest),
        )


def _rounding(x: AnySamples, y: AnySamples, sums: PairSums, null: Vector) -> float:
    """Bound what rounding puts between the statistics of two assignments that are tied.

    Equal assignments have equal bits; complements, and repeated rows that change places, do not.
    Sums within a tile are off by a few units of roundoff of the samples' type, and always to the
    same side where few different values occur: 8 u times the root mean square of k, but no more
    than a thousandth of the spread of the null values, unless k is a constant. What follows is
    done in float64.
    """
    n, m = len(x), len(y)
    pairs = (n + m) * (n + m - 1)
    xx, yy, xy = sums.squares
    square = (xx + yy + 2.0 * xy) / pairs
    mean = math.fsum([*sums.xx, *sums.yy, *sums.xy, *sums.yx]) / pairs
    u = float(np.finfo(x.dtype).eps) / 2.0
    bound = 8.0 * u * math.sqrt(square)
    if square - mean * mean > 8.0 * u * square:
        bound = min(bound, float(null.std()) / 1000.0)
    return bound + 64.0 * 2.0**-53 * math.sqrt(square)
