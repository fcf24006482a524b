"""SciPy's Gaussian kernel density estimate with a full covariance.

Whitened by the Cholesky factor L of a kernel's covariance the kernel is round, so that the density
is that of `parzen.log_density` at bandwidth 1, over |L|.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.special import ndtr

from parzen._arrays import as_samples
from parzen.metrics.log_density import as_weights, evaluate

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class gaussian_kde:
    """Kernel density estimate with the interface of ``scipy.stats.gaussian_kde``.

    All sums are in logarithms, so that `logpdf` is finite far from the samples, and in float64.

    Parameters
    ----------
    dataset
        (d, n), a column a sample; or (n,), of one dimension.
    bw_method
        The factor of the covariance's root: ``"scott"`` (None too), neff^(-1/(d+4));
        ``"silverman"``, (neff (d+2)/4)^(-1/(d+4)); a number; or a callable of this object.
    weights
        (n,), >= 0; None: equal.

    Attributes
    ----------
    dataset, d, n, weights, neff
        As given; neff = 1 / sum w^2 of the weights, which add up to 1.
    factor, covariance, inv_cov, cho_cov, log_det
        Of each kernel: the covariance of the samples (with weights, unbiased) times the square of
        the factor, its inverse, its Cholesky factor, and the logarithm of |2 pi covariance|.

    Raises
    ------
    ValueError, TypeError
        Where arguments are not as described, or d > n.
    numpy.linalg.LinAlgError
        Where the samples lie in a subspace.

    References
    ----------
    Scott, "Multivariate Density Estimation", 1992, section 6.3; SciPy 1.17.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.scipy import gaussian_kde
    >>> samples = np.random.default_rng(0).normal(size=(2, 500))
    >>> density = gaussian_kde(samples)
    >>> bool(density([0.0, 0.0])[0] > density([2.0, 2.0])[0])
    True
    """

    def __init__(
        self,
        dataset: object,
        bw_method: str | float | Callable[[gaussian_kde], float] | None = None,
        weights: object = None,
    ) -> None:
        self.dataset = np.atleast_2d(np.asarray(dataset))
        self._x = _rows("dataset.T", self.dataset.T, min_rows=2)
        self.n, self.d = self._x.shape
        if self.d > self.n:
            raise ValueError(
                f"gaussian_kde: dataset has {self.d} dimensions and {self.n} samples, whose "
                f"covariance is singular; each column is a sample: pass dataset.T if rows are"
            )
        self._uneven = weights is not None
        if self._uneven:
            given = as_weights("gaussian_kde: weights", weights, self.n)
            self.weights: Vector = given / math.fsum(given)
        else:
            self.weights = np.full(self.n, 1.0 / self.n)
        self.neff = float(1.0 / (self.weights @ self.weights))
        covariance = np.cov(self._x, rowvar=False, aweights=self.weights)
        self._data_covariance: Matrix = np.atleast_2d(covariance)
        self._data_factor = _factor(self._data_covariance)
        self.set_bandwidth(bw_method)

    def scotts_factor(self) -> float:
        """Return neff^(-1/(d+4))."""
        return float(self.neff ** (-1.0 / (self.d + 4)))

    def silverman_factor(self) -> float:
        """Return (neff (d+2)/4)^(-1/(d+4))."""
        return float((self.neff * (self.d + 2.0) / 4.0) ** (-1.0 / (self.d + 4)))

    def covariance_factor(self) -> float:
        """Return the factor: Scott's, unless `set_bandwidth` or a subclass has another."""
        return self.scotts_factor()

    def set_bandwidth(
        self, bw_method: str | float | Callable[[gaussian_kde], float] | None = None
    ) -> None:
        """Set the factor by the method, as the constructor's; None keeps the one there is."""
        if bw_method is None:
            pass
        elif isinstance(bw_method, str) and bw_method in ("scott", "silverman"):
            rules = {"scott": self.scotts_factor, "silverman": self.silverman_factor}
            self._set_rule(rules[bw_method])
        elif callable(bw_method):
            rule = bw_method
            self._set_rule(lambda: rule(self))
        elif np.isscalar(bw_method) and not isinstance(bw_method, str):
            number = float(bw_method)  # type: ignore[arg-type]
            self._set_rule(lambda: number)
        else:
            raise ValueError(
                f"gaussian_kde: bw_method is {bw_method!r}, expected 'scott', 'silverman', a "
                f"number or a callable"
            )
        self.factor = float(self.covariance_factor())
        if not 0.0 < self.factor < math.inf:
            raise ValueError(f"gaussian_kde: the factor is {self.factor}, expected a number > 0")
        self.covariance: Matrix = self._data_covariance * self.factor**2
        self.cho_cov: Matrix = self._data_factor * self.factor
        self.log_det = _log_det(self.cho_cov)
        self._white = _whitened(self.cho_cov, self._x)

    def _set_rule(self, rule: Callable[[], float]) -> None:
        self.covariance_factor = rule  # type: ignore[method-assign]

    @property
    def inv_cov(self) -> Matrix:
        """The inverse of the covariance."""
        inverse: Matrix = scipy.linalg.cho_solve((self.cho_cov, True), np.eye(self.d))
        return inverse

    def evaluate(self, points: object) -> Vector:
        """Return the density at points (d, m): (m,); at one point where they are (d,)."""
        return np.exp(self.logpdf(points))

    __call__ = evaluate

    def pdf(self, x: object) -> Vector:
        """Return what `evaluate` does."""
        return self.evaluate(x)

    def logpdf(self, x: object) -> Vector:
        """Return the log-density at points (d, m), in nats: (m,)."""
        return self._log_density(self.cho_cov, self._white, self._points(x))

    def integrate_gaussian(self, mean: object, cov: object) -> np.float64:
        """Return the integral of the density times that of a Gaussian: mean (d,), cov (d, d)."""
        center = np.atleast_1d(np.squeeze(np.asarray(mean, dtype=np.float64)))
        spread = np.atleast_2d(np.asarray(cov, dtype=np.float64))
        if center.shape != (self.d,) or spread.shape != (self.d, self.d):
            raise ValueError(
                f"integrate_gaussian: mean and cov have shapes {center.shape} and {spread.shape}, "
                f"expected ({self.d},) and ({self.d}, {self.d})"
            )
        factor = _factor(self.covariance + spread)
        white = _whitened(factor, self._x)
        return np.float64(np.exp(self._log_density(factor, white, center[np.newaxis])[0]))

    def integrate_kde(self, other: Any) -> np.float64:
        """Return the integral of the product of this density and another `gaussian_kde`."""
        if other.d != self.d:
            raise ValueError(f"integrate_kde: other has d = {other.d}, expected {self.d}")
        factor = _factor(self.covariance + other.covariance)
        white, points = _whitened(factor, self._x), np.asarray(other.dataset, dtype=np.float64).T
        return np.float64(np.exp(self._log_density(factor, white, points)) @ other.weights)

    def integrate_box_1d(self, low: float, high: float) -> np.float64:
        """Return the integral from low to high; of one dimension."""
        if self.d != 1:
            raise ValueError(f"integrate_box_1d: d is {self.d}, expected 1")
        x, deviation = self._x[:, 0], self.cho_cov[0, 0]
        inside = ndtr((high - x) / deviation) - ndtr((low - x) / deviation)
        return np.float64(self.weights @ inside)

    def integrate_box(
        self,
        low_bounds: object,
        high_bounds: object,
        maxpts: int | None = None,
        *,
        rng: Any = None,
    ) -> np.float64:
        """Return the integral over a box, by SciPy's distribution function of the normal law."""
        from scipy.stats import multivariate_normal

        low, high = np.asarray(low_bounds) - self._x, np.asarray(high_bounds) - self._x
        options = {} if rng is None else {"rng": rng}
        inside = multivariate_normal.cdf(
            high, lower_limit=low, cov=self.covariance, maxpts=maxpts, **options
        )
        return np.float64(self.weights @ np.atleast_1d(inside))

    def resample(self, size: int | None = None, seed: Any = None) -> Matrix:
        """Draw (d, size) from the density, as SciPy does.

        Parameters
        ----------
        size
            How many; None: neff, rounded down.
        seed
            A seed of the legacy generator, a generator, or None: NumPy's global one.
        """
        count = int(self.neff) if size is None else size
        random = np.random.mtrand._rand if seed is None or seed is np.random else seed
        if not isinstance(random, np.random.Generator | np.random.RandomState):
            random = np.random.RandomState(random)
        noise = random.multivariate_normal(np.zeros(self.d), self.covariance, size=count)
        chosen = random.choice(self.n, size=count, p=self.weights)
        drawn: Matrix = self._x[chosen].T + noise.T
        return drawn

    def marginal(self, dimensions: object) -> gaussian_kde:
        """Return the density of some of the dimensions, by their numbers."""
        wanted = np.atleast_1d(np.asarray(dimensions))
        if not np.issubdtype(wanted.dtype, np.integer):
            raise ValueError(f"marginal: dimensions is {dimensions!r}, expected integers")
        if not ((wanted >= -self.d) & (wanted < self.d)).all():
            raise ValueError(f"marginal: dimensions is {dimensions!r}, there are {self.d}")
        if len(np.unique(wanted % self.d)) != len(wanted):
            raise ValueError(f"marginal: dimensions is {dimensions!r}, which repeats one")
        weights = self.weights if self._uneven else None
        return gaussian_kde(self.dataset[wanted], self.factor, weights)

    def _log_density(self, factor: Matrix, white: Matrix, points: Matrix) -> Vector:
        queries = _whitened(factor, points)
        weights = self.weights if self._uneven else None
        density = evaluate("gaussian_kde", white, queries, 1.0, "gaussian", weights)
        found: Vector = density - np.log(np.diagonal(factor)).sum()
        return found

    def _points(self, given: object) -> Matrix:
        points = np.atleast_2d(np.asarray(given))
        if points.shape[0] == 1 and points.shape[1] == self.d:
            points = points.reshape(self.d, 1)  # one point, given as a row
        if points.shape[0] != self.d:
            raise ValueError(
                f"points have dimension {points.shape[0]}, dataset has dimension {self.d}"
            )
        return _rows("points.T", points.T)


def _rows(name: str, array: NDArray[Any], min_rows: int = 1) -> Matrix:
    rows = as_samples(name, array, function="gaussian_kde", min_rows=min_rows)
    return rows.astype(np.float64, copy=False)


def _factor(covariance: Matrix) -> Matrix:
    try:
        factor: Matrix = scipy.linalg.cholesky(covariance, lower=True)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            "gaussian_kde: the covariance is not positive definite: the samples lie in a subspace; "
            "project them onto it first, as by principal components"
        ) from error
    return factor


def _log_det(factor: Matrix) -> float:
    """Return log |2 pi L L'|."""
    return float(2.0 * np.log(np.diagonal(factor) * math.sqrt(2.0 * math.pi)).sum())


def _whitened(factor: Matrix, rows: Matrix) -> Matrix:
    """Return L^-1 x of each row x."""
    white: Matrix = scipy.linalg.solve_triangular(factor, rows.T, lower=True, check_finite=False)
    return np.ascontiguousarray(white.T)
