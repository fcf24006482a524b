"""The error bar of FID and its bias, by leaving out blocks of samples."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import center_of
from parzen._estimate import Estimate, provenance
from parzen._options import as_seed
from parzen.metrics.covariance import Matrix, Scatter, Vector, mean_about, scatter_about
from parzen.metrics.frechet import SmallSampleWarning, distance, distance_of_moments, samples_for
from parzen.metrics.jackknife import Rows, two_sample_blocks, two_sample_jackknife
from parzen.protocols import AnyProtocol, recorded

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

# Samples a feature. The bias of FID is a series in d/n, of which the jackknife takes the first term
# off: it leaves about a hundredth of the bias at 5, a fiftieth at 2, a third at 1/2, where the
# series diverges (docs/statistics.md).
ENOUGH, LEAST = 5, 2
# What is left is of order d (d/n)^2, the standard error sqrt(d/n): their quotient is d (d/n)^1.5.
# At 5 d samples it is 1/4 where d is this.
WIDE = 256


class FIDJackknife(NamedTuple):
    """FID with its standard error, and without its bias.

    Attributes
    ----------
    value
        FID as `parzen.fid` returns it. It estimates its own expectation at these n and m, which is
        above the distance of the populations.
    corrected
        `value` less the estimated bias, which is of order 1/n: an estimate of the distance of the
        populations. It may be negative. Below n = 2 d it has no standard error, since the bias that
        is left may be larger than any.
    """

    value: Estimate
    corrected: Estimate


def fid_jackknife(
    real: object,
    fake: object,
    *,
    blocks: int = 10,
    ddof: int = 1,
    protocol: AnyProtocol | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> FIDJackknife:
    """Return FID with a standard error, and FID corrected for its bias.

    Each sample is split into random blocks, and FID is taken again without each of them: the
    variance and bias of FID are those that the variances over both samples' blocks say. Moments are
    not summed up again: a block's are taken off. It costs 2 `blocks` Frechet distances.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), n, m >= 2 `blocks`.
    blocks
        Of each sample; the standard error has 2 (blocks - 1) degrees of freedom.
    ddof, protocol
        As in `parzen.fid`.
    seed
        Of the assignment of rows to blocks.
    progress
        Called with the fraction done.

    Returns
    -------
    FIDJackknife
        ``value`` and ``corrected``, each with its standard error (``corrected`` from 2 d samples
        on); `Estimate.interval` gives their intervals, by Student's distribution.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described.

    Warns
    -----
    SmallSampleWarning
        Where n or m is below 5 d, of more than 256 features 5 d (d/256)^(2/3): the part of the bias
        that is left in ``corrected`` is no longer small beside its standard error, and the interval
        too narrow.

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 11, for two samples:
    their variances and biases add. Blocks: Busing, Meijer and van der Leeden, 1999.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 500, 8))
    >>> result = parzen.fid_jackknife(real, fake + 1.0)
    >>> low, high = result.corrected.interval(0.99)
    >>> low < 8.0 < high < result.value + 3 * result.value.stderr
    True
    """
    function = "fid_jackknife"
    x, y, ddof = samples_for(function, real, fake, ddof, protocol)
    random = np.random.default_rng(as_seed(f"{function}: seed", seed))
    parts = two_sample_blocks(function, (len(x), len(y)), blocks, random)
    known = _warn_of_bias_left(function, {"real": len(x), "fake": len(y)}, x.shape[1])
    whole, *without = replicates(x, y, parts, ddof, progress)
    found = two_sample_jackknife(whole, without, parts)
    stderr = math.sqrt(found.variance)
    facts = {
        "ddof": ddof,
        "blocks": blocks,
        "seed": seed,
        "bias": found.bias,
        "degrees_of_freedom": 2 * (blocks - 1),
        **recorded(protocol),
    }
    at_n = provenance("fid", x, y, estimand="its expectation at these n and m", **facts)
    limit = provenance("fid, corrected", x, y, estimand="FID of the populations", **facts)
    corrected = Estimate(whole - found.bias, stderr if known else None, limit)
    return FIDJackknife(Estimate(whole, stderr, at_n), corrected)


def few(sizes: Mapping[str, int], least: int, d: int) -> str:
    """Return which samples have less than so many rows, in words; nothing where none has."""
    small = [f"{name} has {n}" for name, n in sizes.items() if n < least]
    return f"{', '.join(small)} samples of {d} features" if small else ""


def enough_for(d: int) -> int:
    """Return of how many samples what is left of FID's bias is small beside the standard error."""
    return math.ceil(ENOUGH * d * max(1.0, math.pow(d / WIDE, 2.0 / 3.0)))


def _warn_of_bias_left(function: str, sizes: Mapping[str, int], d: int) -> bool:
    """Warn where the correction leaves much of the bias; return whether it has an error bar."""
    known = not few(sizes, LEAST * d, d)
    if small := few(sizes, enough := enough_for(d), d):
        left = (
            f"below {enough} up to 2 % of FID's bias is left in `corrected`, beside which "
            f"its interval may be too narrow"
            if known
            else f"below {LEAST * d} ({LEAST} d) so much of FID's bias is left in `corrected`, as "
            f"much as a third at d / 2, that it has no standard error"
        )
        warnings.warn(
            f"{function}: {small}; {left}. Pass n, m >= {enough}, or use kid, which is unbiased",
            SmallSampleWarning,
            stacklevel=3,
        )
    return known


def replicates(
    x: AnySamples, y: AnySamples, parts: Sequence[Rows], ddof: int, progress: Progress | None = None
) -> tuple[float, Vector, Vector]:
    """Return FID, FID without each block of x, and without each of y; a side may have none."""
    center = center_of(x, y).astype(np.float64)
    fewest = min(
        len(sample) - max(map(len, side), default=0)
        for sample, side in zip((x, y), parts, strict=True)
    )
    way = _by_rows if fewest <= x.shape[1] else _by_moments
    values = []
    for value in way(x, y, parts, center, ddof):
        values.append(value)
        if progress is not None:
            progress(len(values) / (1 + len(parts[0]) + len(parts[1])))
    first = 1 + len(parts[0])
    return values[0], np.array(values[1:first]), np.array(values[first:])


def _by_moments(
    x: AnySamples, y: AnySamples, parts: Sequence[Rows], center: Vector, ddof: int
) -> Iterator[float]:
    """Yield FID, then without each block of x, then of y: its sums are taken off the whole's."""
    samples = (x, y)
    points = [center + mean_about(sample, center) for sample in samples]
    scatters = [scatter_about(sample, point) for sample, point in zip(samples, points, strict=True)]

    def moments(scatter: Scatter, point: Vector) -> tuple[Vector, Matrix]:
        return scatter.mean() + (point - center), scatter.covariance(ddof)

    whole = [moments(scatter, point) for scatter, point in zip(scatters, points, strict=True)]
    yield distance_of_moments(*whole, beside=x)
    for side, (sample, point, scatter) in enumerate(zip(samples, points, scatters, strict=True)):
        other = whole[1 - side]
        for rows in parts[side]:
            rest = scatter - scatter_about(sample[rows], point)
            yield distance_of_moments(moments(rest, point), other, beside=x)


def _by_rows(
    x: AnySamples, y: AnySamples, parts: Sequence[Rows], center: Vector, ddof: int
) -> Iterator[float]:
    """Yield the same where covariances are singular, from the rows that remain."""
    yield distance(x, y, center, ddof)[0]
    for rows in parts[0]:
        yield distance(x[_without(rows, len(x))], y, center, ddof)[0]
    for rows in parts[1]:
        yield distance(x, y[_without(rows, len(y))], center, ddof)[0]


def _without(rows: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    return np.delete(np.arange(n), rows)
