"""The Kullback-Leibler divergence of two samples whose densities nobody knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import as_pair, center_of, distance_magnitude, extent, fit_range
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, check_choice
from parzen.metrics.kde import KernelDensity
from parzen.metrics.log_density import evaluate, leave_one_out, log_kernel_sums
from parzen.metrics.radial import Vector, log_integral

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

K, RULE = 5, "scott"


def kl_divergence_from_samples(
    x: object,
    y: object,
    *,
    k: int | None = None,
    method: Literal["neighbors", "kde"] = "neighbors",
    bandwidth: float | str | Sequence[float] | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Estimate KL(p || q), in nats, from samples x of p and y of q alone.

    ``"neighbors"``: d/n sum_i log(nu_i / rho_i) + log(m / (n-1)), where rho_i and nu_i are the
    distances from x_i to its k-th nearest neighbour among the other x and among y. It converges
    to the divergence for any fixed k; a larger k has less variance and more bias.
    ``"kde"``: the mean over i of log p_(-i)(x_i) - log q(x_i), Gaussian kernel density estimates,
    the first without x_i itself.

    Parameters
    ----------
    x, y
        Samples (n, d) and (m, d) of continuous distributions, independent draws; n >= 2.
    k
        Of ``"neighbors"``: 1 <= k < n, k <= m. None: 5.
    method
        ``"neighbors"`` or ``"kde"``.
    bandwidth
        Of ``"kde"``, as in `KernelDensity`: a number for both samples, or a rule's name or a
        sequence to choose from, for each sample on its own. None: ``"scott"``.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        In nats. It can be negative where p and q are near. The standard error, by the
        infinitesimal jackknife, is of the spread over draws of both samples, and on the large side
        where p and q are near. It knows nothing of the bias, which in high dimension is the larger:
        compare values of equal n, m and d there.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described, or an option is of the other method; where a
        row of x has k rows of x or of y at distance 0, which samples of a continuous distribution
        do not have.

    Warns
    -----
    BandwidthWarning
        As `KernelDensity` does.

    References
    ----------
    Wang, Kulkarni and Verdu, "Divergence estimation for multidimensional densities via
    k-nearest-neighbor distances", IEEE Transactions on Information Theory 55, 2009.
    The plug-in and leaving one out: Beirlant et al., "Nonparametric entropy estimation: an
    overview", 1997, section 2. The standard error: Efron, "The Jackknife, the Bootstrap and Other
    Resampling Plans", 1982, chapter 6.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 2000, 2))
    >>> value = parzen.kl_divergence_from_samples(x + [1.0, 0.0], y)  # KL is 0.5
    >>> abs(value - 0.5) < 4 * value.stderr
    True
    """
    function = "kl_divergence_from_samples"
    check_choice(f"{function}: method", method, ("neighbors", "kde"))
    for option, given, owner in (("k", k, "neighbors"), ("bandwidth", bandwidth, "kde")):
        if given is not None and method != owner:
            raise ValueError(
                f"{function}: {option} is of method {owner!r}, not of {method!r}; leave it out"
            )
    a, b = as_pair(x, y, function=function, on_device=True)
    if len(a) < 2:
        raise ValueError(f"{function}: x has 1 sample, expected at least 2")
    if method == "kde":
        rule = RULE if bandwidth is None else bandwidth
        return _by_densities(function, a, b, rule, progress)
    k = K if k is None else as_integer(f"{function}: k", k, 1)
    for name, rows, most in (("x", len(a), len(a) - 1), ("y", len(b), len(b))):
        if k > most:
            raise ValueError(f"{function}: k is {k}, {name} has {rows} samples; pass k<={most}")
    a, b = fit_range(function, distance_magnitude(a.shape[1], *extent(a, b)), a, b)
    return _by_neighbors(function, a, b, k, progress)


def _by_neighbors(
    function: str, x: AnySamples, y: AnySamples, k: int, progress: Progress | None
) -> Estimate:
    """Return the nearest-neighbour estimate.

    Each term depends on x_i itself, and on every row within its ball. Taking x_j (y_j) away moves
    the radius of each ball that it is in from the k-th neighbour on to the next, where d log radius
    grows by 1/k in the mean: of the terms' sum the influences are term_j + held_j/k and -held_j/k,
    held_j counting those balls.
    """
    n, m, d = len(x), len(y), x.shape[1]
    center = center_of(x, y)
    rho = _core.nearest(x, None, k, center=center, progress=part(progress, 0.0, 0.2))[:, -1].copy()
    nu = _core.nearest(y, x, k, center=center, progress=part(progress, 0.2, 0.5))[:, -1].copy()
    _check_radii(function, "x", rho, k)
    _check_radii(function, "y", nu, k)
    terms = 0.5 * d * (np.log(nu.astype(np.float64)) - np.log(rho.astype(np.float64)))
    value = math.fsum(terms) / n + math.log(m) - math.log(n - 1)

    none = np.zeros(max(n, m), dtype=x.dtype)
    first, second = part(progress, 0.5, 0.75), part(progress, 0.75, 1.0)
    _, by_x, *_ = _core.ball_counts(x, rho, x, none[:n], center=center, progress=first)
    _, by_y, *_ = _core.ball_counts(x, nu, y, none[:m], center=center, progress=second)
    record = provenance(function, x, y, method="neighbors", k=k)
    return Estimate(value, _stderr(terms + (by_x - 1.0) / k, by_y * m / (n * k)), record)


def _check_radii(function: str, name: str, squared: NDArray[Any], k: int) -> None:
    if squared.min() > 0.0:
        return
    row = int((squared <= 0.0).argmax())
    what = "other rows of x" if name == "x" else "rows of y"
    raise ValueError(
        f"{function}: row {row} of x has {k} {what} at distance 0, samples of continuous "
        f"distributions have none; drop repeated rows, pass a larger k or method='kde'"
    )


def _by_densities(
    function: str, x: AnySamples, y: AnySamples, bandwidth: object, progress: Progress | None
) -> Estimate:
    """Return the plug-in of two Gaussian kernel density estimates.

    One more x_j (y_j) adds its kernel to the density at every x_i: the influences are
    term_j + sum_i K(x_i - x_j) / ((n-1) p_(-i)(x_i)) and -sum_i K(x_i - y_j) / (n q(x_i)), where
    sums weighted by 1/p are again log-sum-exps.
    """
    n = len(x)
    h_x, h_y = (KernelDensity(bandwidth).fit(z).bandwidth_ for z in (x, y))  # type: ignore[arg-type]
    log_p = leave_one_out(function, x, [h_x], "gaussian", None)[0]
    if progress is not None:
        progress(0.25)
    log_q = evaluate(function, y, x, h_y, "gaussian", None, part(progress, 0.25, 0.5))
    terms = log_p - log_q
    d = x.shape[1]
    by_x = log_kernel_sums(function, x, None, [h_x], "gaussian", -log_p)[0]
    by_x = np.exp(by_x - log_integral("gaussian", h_x, d)) / (n - 1)
    by_y = log_kernel_sums(function, x, y, [h_y], "gaussian", -log_q)[0]
    by_y = np.exp(by_y - log_integral("gaussian", h_y, d)) / n
    if progress is not None:
        progress(1.0)
    record = provenance(function, x, y, method="kde", bandwidth_x=h_x, bandwidth_y=h_y)
    return Estimate(math.fsum(terms) / n, _stderr(terms + by_x, by_y), record)


def _stderr(influence_x: Vector, influence_y: Vector) -> float | None:
    """Return the standard error of what moves by these influences over n and m."""
    if len(influence_y) < 2:
        return None
    variance = sum(float(i.var(ddof=1)) / len(i) for i in (influence_x, influence_y))
    return math.sqrt(variance)
