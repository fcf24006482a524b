"""Kernel density estimation: the Parzen window log-density, and an estimator of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from parzen import _core
from parzen._arrays import (
    as_float64,
    as_pair,
    as_samples,
    center_of,
    check_range,
    distance_magnitude,
    extent,
    fit_range,
    one_type,
)
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_positive, check_choice
from parzen.metrics.kernels import bandwidth_magnitude

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]

KERNELS = ("gaussian",)
CHUNK_ROWS = 4096


def log_density(
    x: object,
    queries: object,
    *,
    bandwidth: float,
    kernel: str = "gaussian",
    weights: object = None,
    progress: Progress | None = None,
) -> Vector:
    """Return the log-density of a kernel density estimate.

    log p(q) = log sum_i w_i exp(-|x_i - q|^2 / (2 h^2)) - log sum_i w_i - d log(h sqrt(2 pi)), a
    log-sum-exp over all pairs that neither underflows far from the samples nor stores them.

    Parameters
    ----------
    x
        The samples (n, d) that the density is made of.
    queries
        Where it is taken: (m, d).
    bandwidth
        h > 0, in the unit of the samples.
    kernel
        ``"gaussian"``.
    weights
        (n,), >= 0 and not all 0; None: equal.
    progress
        Called with the fraction done.

    Returns
    -------
    array
        (m,), float64, in nats.

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
    >>> parzen.log_density([[0.0], [1.0]], [[0.0], [50.0]], bandwidth=1.0).round(3).tolist()
    [-1.138, -1202.112]
    """
    check_choice("log_density: kernel", kernel, KERNELS)
    h = as_positive("log_density: bandwidth", bandwidth)
    a, b = as_pair(x, queries, function="log_density", names=("x", "queries"))
    w = None if weights is None else _weights("log_density: weights", weights, len(a))
    return _log_density("log_density", a, b, h, w, progress)


class KernelDensity:
    """Kernel density estimate with the interface of scikit-learn's, which need not be installed.

    Parameters
    ----------
    bandwidth
        A number > 0; ``"scott"``: sqrt(Tr S / d) n^(-1/(d+4)), S the covariance of the samples
        (ddof 1); ``"silverman"``: that times (4/(d+2))^(1/(d+4)). With weights S is weighted and
        n is (sum w)^2 / sum w^2.
    kernel
        ``"gaussian"``.

    Attributes
    ----------
    bandwidth_
        The number in use, after `fit`.
    n_features_in_
        d, after `fit`.

    References
    ----------
    Scott, "Multivariate Density Estimation", 1992, section 6.3; Silverman, "Density
    Estimation for Statistics and Data Analysis", 1986, section 4.3.2.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> density = parzen.KernelDensity().fit(x)
    >>> round(density.bandwidth_, 2)
    0.35
    >>> density.score_samples([[0.0, 0.0]]) > density.score_samples([[3.0, 3.0]])
    array([ True])
    >>> density.sample(3, random_state=0).shape
    (3, 2)
    """

    bandwidth_: float
    n_features_in_: int

    def __init__(self, bandwidth: float | str = "scott", kernel: str = "gaussian") -> None:
        self.bandwidth = bandwidth
        self.kernel = kernel

    def fit(self, X: object, y: object = None, sample_weight: object = None) -> KernelDensity:
        """Keep the samples and choose the bandwidth.

        Parameters
        ----------
        X
            Samples (n, d).
        y
            Ignored.
        sample_weight
            (n,), >= 0 and not all 0; None: equal.

        Returns
        -------
        KernelDensity
            Itself.

        Raises
        ------
        ValueError, TypeError
            Where samples, weights or parameters are not as described; where a rule for the
            bandwidth meets a single sample or no spread.
        """
        check_choice("KernelDensity: kernel", self.kernel, KERNELS)
        x = as_samples("X", X, function="KernelDensity")
        w = None
        if sample_weight is not None:
            w = _weights("KernelDensity: sample_weight", sample_weight, len(x))
        if isinstance(self.bandwidth, str):
            h = rule_of_thumb(self.bandwidth, x, w)
        else:
            h = as_positive("KernelDensity: bandwidth", self.bandwidth)
        self._x, self._weights = x, w
        self.bandwidth_ = h
        self.n_features_in_ = x.shape[1]
        return self

    def score_samples(self, X: object) -> Vector:
        """Return the log-density at each row of X (m, d): (m,), in nats."""
        queries = self._queries(X)
        x, queries = one_type(self._x, queries)
        return _log_density("KernelDensity", x, queries, self.bandwidth_, self._weights, None)

    def score(self, X: object, y: object = None) -> Estimate:
        """Return the total log-likelihood of the rows of X (m, d), in nats, with standard error."""
        values = self.score_samples(X)
        m = len(values)
        stderr = None if m < 2 else float(values.std(ddof=1) * math.sqrt(m))
        record = provenance("log_likelihood", self._x, bandwidth=self.bandwidth_, m=m)
        return Estimate(math.fsum(values), stderr, record)

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw from the density: a sample chosen by weight, plus Gaussian noise of the bandwidth.

        Parameters
        ----------
        n_samples
            How many.
        random_state
            A seed, a NumPy generator, or None for a different draw each time.

        Returns
        -------
        array
            (n_samples, d), in the type of the fitted samples.
        """
        self._check_fitted()
        count = as_integer("KernelDensity: n_samples", n_samples, 1)
        random = (
            random_state
            if isinstance(random_state, np.random.Generator | np.random.RandomState)
            else np.random.default_rng(random_state)
        )
        p = None
        if self._weights is not None:
            p = self._weights / self._weights.max()
            p /= math.fsum(p)
        rows = self._x[random.choice(len(self._x), count, p=p)]
        noise = self.bandwidth_ * random.standard_normal(rows.shape)
        return np.add(rows, noise, dtype=np.float64).astype(rows.dtype)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        return {"bandwidth": self.bandwidth, "kernel": self.kernel}

    def set_params(self, **params: Any) -> KernelDensity:
        """Set constructor parameters; an unknown name is a ValueError."""
        for name, value in params.items():
            check_choice("KernelDensity: parameter", name, tuple(self.get_params()))
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"KernelDensity(bandwidth={self.bandwidth!r}, kernel={self.kernel!r})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "bandwidth_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags  # type: ignore[import-untyped]

        target = TargetTags(required=False)
        return Tags(estimator_type="density_estimator", target_tags=target)

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise ValueError("KernelDensity: call fit(X) first")

    def _queries(self, X: object) -> Samples:
        self._check_fitted()
        queries = as_samples("X", X, function="KernelDensity")
        if queries.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {queries.shape[1]} features, but KernelDensity is expecting "
                f"{self.n_features_in_} features as input"
            )
        return queries


def rule_of_thumb(rule: str, x: Samples, weights: Vector | None) -> float:
    """Return Scott's or Silverman's bandwidth, with one spread for all columns: sqrt(Tr S/d)."""
    check_choice("KernelDensity: bandwidth", rule, ("scott", "silverman"), " or a number > 0")
    n, d = x.shape
    w = np.ones(n) if weights is None else weights / weights.max()
    total, squares = math.fsum(w), math.fsum(w * w)
    effective = total * total / squares
    if effective <= 1.0:
        raise ValueError(
            f"KernelDensity: bandwidth {rule!r} needs a spread, there is 1 sample (of weight > 0); "
            f"pass bandwidth=<number>"
        )
    check_range("KernelDensity", distance_magnitude(d, *extent(x)), x)
    chunks = [slice(start, start + CHUNK_ROWS) for start in range(0, n, CHUNK_ROWS)]
    mean = np.sum([w[rows] @ x[rows].astype(np.float64) for rows in chunks], axis=0) / total
    scatter = math.fsum(w[rows] @ np.square(x[rows] - mean).sum(axis=1) for rows in chunks)
    spread = math.sqrt(scatter / (total - squares / total) / d)
    h: float = spread * effective ** (-1.0 / (d + 4))
    if rule == "silverman":
        h *= (4.0 / (d + 2)) ** (1.0 / (d + 4))
    if h == 0.0:
        raise ValueError(
            f"KernelDensity: bandwidth {rule!r} is 0, all samples are equal; "
            f"pass bandwidth=<number>"
        )
    return h


def _log_density(
    function: str,
    x: Samples,
    queries: Samples,
    h: float,
    weights: Vector | None,
    progress: Progress | None,
) -> Vector:
    log_weights, log_total = None, math.log(len(x))
    if weights is not None:
        kept = weights > 0.0
        x = x if kept.all() else x.compress(kept, axis=0)
        log_weights = np.log(weights[kept])
        log_total = float(logsumexp(log_weights))
    d = x.shape[1]
    magnitude = bandwidth_magnitude((h,), d, *extent(x, queries))
    # The center is that of the samples alone, so that a query's density does not depend on the
    # other queries.
    x, queries = fit_range(function, magnitude, x, queries)
    log_sums = _core.log_density(
        x, queries, [h], log_weights=log_weights, center=center_of(x), progress=progress
    )
    if progress is not None:
        progress(1.0)
    density: Vector = log_sums[0] - log_total - d * math.log(h * math.sqrt(2.0 * math.pi))
    return density


def _weights(what: str, weights: object, n: int) -> Vector:
    function, name = what.split(": ")
    w = as_float64(name, weights, function=function, shape=(n,), meaning="one weight a sample")
    if w.min() < 0.0:
        raise ValueError(f"{what} has negative values, the first in row {int((w < 0.0).argmax())}")
    if w.max() == 0.0:
        raise ValueError(f"{what} is zero everywhere, expected at least one weight > 0")
    return w
