"""FID extrapolated to infinitely many fake samples, where its bias is gone."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, as_seed
from parzen.metrics.covariance import mean_and_covariance
from parzen.metrics.frechet import SmallSampleWarning, distance, distance_of_moments

if TYPE_CHECKING:
    from parzen._core import Progress

Vector = NDArray[np.float64]

ESTIMAND = "the fit to all subsets of these samples: another seed, not another sample"
FIXED = "the samples are held fixed, their subsets alone are drawn"


class FDInfinity(NamedTuple):
    """A Frechet distance without the bias of a finite fake sample.

    Attributes
    ----------
    value
        The intercept of the line: the distance at 1/m = 0. Its standard error is that of the fit.
    slope
        Of the line in 1/m: at m fake samples the bias is slope / m.
    sizes, distances
        The points that the line goes through: (points,) each.
    """

    value: Estimate
    slope: Estimate
    sizes: NDArray[np.intp]
    distances: Vector


def fd_infinity(
    real: object,
    fake: object,
    *,
    points: int = 15,
    least: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> FDInfinity:
    """Return the FID extrapolated to infinitely many fake samples.

    The bias of FID is about c/m, c depending on the generator. FIDs of random subsets of the fake
    sample, of `points` sizes evenly from `least` to m, against all real samples; a straight line
    in 1/m through them; its value at 0.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), n >= 2, m >= 4.
    points
        How many sizes, >= 3.
    least
        The smallest size; None: min(5000, m // 10), at least 2.
    seed
        Of the subsets, each drawn anew.
    progress
        Called with the fraction done.

    Returns
    -------
    FDInfinity
        ``value``, ``slope``, ``sizes``, ``distances``. The standard error is that of the fit: about
        how far another seed would be, and a lower bound: another sample would be two to three times
        as far. The bias of the real sample, of size n, stays: compare at equal n.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described.

    Warns
    -----
    SmallSampleWarning
        Where `least` is below 2 d: the bias of so small a sample is not linear in 1/m.

    References
    ----------
    Chong and Forsyth, "Effectively unbiased FID and Inception score and where to find them", CVPR
    2020.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 4000, 8))
    >>> result = parzen.fd_infinity(real, fake[:1000])
    >>> result.value < parzen.fid(real, fake[:1000])
    True
    """
    function = "fd_infinity"
    points = as_integer(f"{function}: points", points, 3)
    seed = as_seed(f"{function}: seed", seed)
    x, y = as_pair(
        real, fake, function=function, names=("real", "fake"), min_rows=2, on_device=True
    )
    (n, d), m = x.shape, len(y)
    smallest = max(2, min(5000, m // 10))
    if least is not None:
        smallest = as_integer(f"{function}: least", least, 2)
    sizes = np.unique(np.linspace(smallest, m, points).astype(np.intp))
    if len(sizes) < 3 or smallest > m:
        raise ValueError(
            f"{function}: fake has {m} samples, least is {smallest}; expected three or "
            f"more sizes between them, for a line and its error"
        )
    check_range(function, distance_magnitude(d, *extent(x, y)), x, y)
    if smallest < 2 * d:
        warnings.warn(
            f"{function}: the smallest subset has {smallest} samples of {d} features, where the "
            f"bias is not linear in 1/m; pass least>={2 * d}, with as many fake samples",
            SmallSampleWarning,
            stacklevel=2,
        )
    center = center_of(x, y).astype(np.float64)
    random = np.random.default_rng(seed)
    work = np.concatenate([[0.0, n], n + np.cumsum(sizes)]) / (n + sizes.sum())
    singular = min(n, smallest) <= d  # a covariance: then from the rows, each time anew
    moments = None if singular else mean_and_covariance(x, center, 1, part(progress, 0.0, work[1]))
    distances = np.empty(len(sizes))
    for i, size in enumerate(sizes):
        subset = y[np.sort(random.choice(m, size, replace=False))]
        step = part(progress, work[i + 1], work[i + 2])
        if moments is None:
            distances[i], _ = distance(x, subset, center, 1, step)
        else:
            other = mean_and_covariance(subset, center, 1, step)
            distances[i] = distance_of_moments(moments, other, beside=x)
    if progress is not None:
        progress(1.0)
    facts = {"points": len(sizes), "least": smallest, "seed": seed, "estimand": ESTIMAND}
    record = provenance(function, x, y, lower_bound=FIXED, **facts)
    (value, value_error), (slope, slope_error) = _line(1.0 / sizes, distances)
    return FDInfinity(
        Estimate(value, value_error, record), Estimate(slope, slope_error, record), sizes, distances
    )


def _line(t: Vector, f: Vector) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return intercept and slope of the least-squares line, each with its standard error."""
    mean = t.mean()
    spread = float(np.square(t - mean).sum())
    slope = float((t - mean) @ f) / spread
    intercept = float(f.mean() - slope * mean)
    noise = float(np.square(f - intercept - slope * t).sum()) / (len(t) - 2)
    intercept_error = math.sqrt(noise * (1.0 / len(t) + mean * mean / spread))
    return (intercept, intercept_error), (slope, math.sqrt(noise / spread))
