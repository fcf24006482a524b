"""The Parzen window log-density, and its leave-one-out form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from parzen import _core
from parzen._arrays import as_float64, as_pair, center_of, extent, fit_range
from parzen._options import as_positive, check_choice
from parzen._samples import as_doubles, at_precision
from parzen.metrics.kernels import bandwidth_magnitude
from parzen.metrics.radial import COMPACT, KERNELS, Vector, log_integral

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

# Logarithms of the ratio of two weights. The engine takes a compact kernel's weights relative to
# the largest, in the samples' type: beyond this the samples are widened, lest products of a weight
# and a kernel near its edge leave the range of float32.
WIDEST_FLOAT32_WEIGHTS = math.log(1e25)


def log_density(
    x: object,
    queries: object,
    *,
    bandwidth: float,
    kernel: str = "gaussian",
    weights: object = None,
    precision: Literal["full", "fast"] = "full",
    progress: Progress | None = None,
) -> Vector:
    """Return the log-density of a kernel density estimate.

    log p(q) = log sum_i w_i k(|x_i - q| / h) - log sum_i w_i - log Z, where Z is the integral of
    the kernel over R^d. A sum over all pairs that stores none of them; with the Gaussian and the
    exponential kernel a log-sum-exp, which does not underflow far from the samples.

    Parameters
    ----------
    x
        The samples (n, d) that the density is made of.
    queries
        Where it is taken: (m, d).
    bandwidth
        h > 0, in the unit of the samples. There is no default: rules for it, Scott's as the default
        there, are `KernelDensity`'s.
    kernel
        k(r): ``"gaussian"`` exp(-r^2/2), ``"exponential"`` exp(-r); and, 0 from r = 1 on,
        ``"tophat"`` 1, ``"epanechnikov"`` 1 - r^2, ``"linear"`` 1 - r, ``"cosine"`` cos(pi r/2).
    weights
        (n,), >= 0 and not all 0; None: equal.
    precision
        On a CUDA device, of products of float32 samples: ``"full"``, or ``"fast"``, which moves a
        squared distance by at most 2^-9 of the lengths of the two centred rows.
    progress
        Called with the fraction done.

    Returns
    -------
    array
        (m,), float64, in nats; -inf where no sample is within the kernel's support.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described.

    References
    ----------
    Parzen, "On estimation of a probability density function and mode", Annals of
    Mathematical Statistics 33, 1962.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x, q = [[0.0], [1.0]], [[0.0], [50.0]]
    >>> parzen.log_density(x, q, bandwidth=1.0).round(3).tolist()
    [-1.138, -1202.112]
    >>> parzen.log_density(x, q, bandwidth=1.0, kernel="epanechnikov").round(3).tolist()
    [-0.981, -inf]
    """
    check_choice("log_density: kernel", kernel, KERNELS)
    h = as_bandwidth("log_density: bandwidth", bandwidth)
    a, b = as_pair(
        x,
        queries,
        function="log_density",
        names=("x", "queries"),
        independent=False,
        on_device=True,
    )
    w = None if weights is None else as_weights("log_density: weights", weights, len(a))
    a, b = at_precision("log_density", precision, a, b)
    return evaluate("log_density", a, b, h, kernel, w, progress)


def evaluate(
    function: str,
    x: AnySamples,
    queries: AnySamples,
    h: float,
    kernel: str,
    weights: Vector | None,
    progress: Progress | None = None,
) -> Vector:
    """Return the log-density of checked samples at checked queries: (m,)."""
    log_total = math.log(len(x))
    if weights is not None:
        kept = weights > 0.0
        x, weights = (x, weights) if kept.all() else (x[np.flatnonzero(kept)], weights[kept])
        log_total = math.log(math.fsum(weights / weights.max())) + math.log(weights.max())
    log_weights = None if weights is None else np.log(weights)
    log_sums = log_kernel_sums(function, x, queries, [h], kernel, log_weights, progress)[0]
    density: Vector = log_sums - log_total - log_integral(kernel, h, x.shape[1])
    return density


def leave_one_out(
    function: str, x: AnySamples, bandwidths: Sequence[float], kernel: str, weights: Vector | None
) -> Vector:
    """Return the log-density at each sample by all the others: (bandwidths, n).

    n >= 2, weights > 0; one pass over the pairs for all the bandwidths.
    """
    n, d = x.shape
    if weights is None:
        log_others = np.full(n, math.log(n - 1))
    else:
        # Sums from either end: the total less one weight would lose the digits of the rest
        # where that weight is most of the total.
        w = weights / weights.max()
        before = np.concatenate([[0.0], np.cumsum(w[:-1])])
        after = np.concatenate([np.cumsum(w[:0:-1])[::-1], [0.0]])
        with np.errstate(divide="ignore"):
            log_others = np.log(before + after) + math.log(weights.max())
    log_weights = None if weights is None else np.log(weights)
    log_sums = log_kernel_sums(function, x, None, bandwidths, kernel, log_weights)
    integrals = [log_integral(kernel, h, d) for h in bandwidths]
    densities: Vector = log_sums - log_others - np.reshape(integrals, (-1, 1))
    return densities


def as_bandwidth(what: str, bandwidth: object) -> float:
    """Return a bandwidth > 0; a rule's name, which belongs elsewhere, is told where to."""
    if isinstance(bandwidth, str):
        raise TypeError(
            f"{what} is {bandwidth!r}, expected a number; rules are KernelDensity's: pass "
            f"KernelDensity('scott').fit(x).bandwidth_"
        )
    return as_positive(what, bandwidth)


def as_weights(what: str, weights: object, n: int) -> Vector:
    """Return weights of n samples: finite, >= 0, not all 0."""
    function, name = what.split(": ")
    w = as_float64(name, weights, function=function, shape=(n,), meaning="one weight a sample")
    if w.min() < 0.0:
        raise ValueError(f"{what} has negative values, the first in row {int((w < 0.0).argmax())}")
    if w.max() == 0.0:
        raise ValueError(f"{what} is zero everywhere, expected at least one weight > 0")
    return w


def log_kernel_sums(
    function: str,
    x: AnySamples,
    queries: AnySamples | None,
    bandwidths: Sequence[float],
    kernel: str,
    log_weights: Vector | None,
    progress: Progress | None = None,
) -> Vector:
    """Return log sum_i w_i k(|x_i - q_j| / h_b): (bandwidths, m).

    `queries` None: x itself, leaving out i = j.
    """
    arrays: tuple[AnySamples, ...] = (x,) if queries is None else (x, queries)
    magnitude = bandwidth_magnitude(bandwidths, x.shape[1], *extent(*arrays))
    arrays = fit_range(function, magnitude, *arrays)
    uneven = log_weights is not None and np.ptp(log_weights) > WIDEST_FLOAT32_WEIGHTS
    if uneven and kernel in COMPACT:
        arrays = tuple(as_doubles(a) for a in arrays)
    # The center is that of the samples alone, so that a query's density does not depend on the
    # other queries.
    log_sums = _core.log_density(
        arrays[0],
        None if queries is None else arrays[1],
        list(bandwidths),
        kernel=kernel,
        log_weights=log_weights,
        center=center_of(arrays[0]),
        progress=progress,
    )
    if progress is not None:
        progress(1.0)
    return log_sums
