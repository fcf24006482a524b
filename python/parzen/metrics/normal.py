"""The multivariate normal distribution: what it is compared with in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from parzen._arrays import (
    as_float64,
    as_samples,
    center_of,
    check_range,
    distance_magnitude,
    extent,
)
from parzen._options import as_integer, as_seed
from parzen.metrics.covariance import mean_and_covariance

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

ASYMMETRY = 1e-6  # of the largest entry: what float32 statistics have


class Aligned(NamedTuple):
    """A normal distribution in axes where another is standard: variances and means, (d,) each."""

    variances: Vector
    means: Vector


@dataclass(frozen=True, eq=False)
class Normal:
    """A normal distribution N(mean, covariance).

    Parameters
    ----------
    mean
        (d,); a number where d = 1.
    covariance
        (d, d), symmetric positive definite; or (d,), the variances of independent columns; or a
        number, that of the one column.

    Raises
    ------
    ValueError, TypeError
        Where shapes do not fit, a value is not finite, or the covariance is asymmetric or not
        positive definite.

    References
    ----------
    Anderson, "An Introduction to Multivariate Statistical Analysis", 2003, section 2.3.

    Examples
    --------
    >>> import parzen
    >>> p = parzen.Normal([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    >>> p.log_density([[0.0, 2.0]]).round(3).tolist()
    [-3.031]
    >>> p.score([[1.0, 2.0]]).tolist()
    [[-1.0, -0.5]]
    """

    mean: Vector
    covariance: Matrix
    _root: Matrix = field(init=False, repr=False)  # lower, or the standard deviations (d,)

    def __post_init__(self) -> None:
        mean = as_float64("mean", self.mean, function="Normal", shape=None, meaning="")
        if mean.ndim != 1 or mean.size == 0:
            raise ValueError(f"Normal: mean has shape {mean.shape}, expected (d,)")
        d = mean.size
        cov = as_float64("covariance", self.covariance, function="Normal", shape=None, meaning="")
        if cov.shape not in ((d,), (d, d)):
            raise ValueError(
                f"Normal: covariance has shape {cov.shape}, expected ({d}, {d}) or ({d},): "
                f"mean has {d} numbers"
            )
        root = self._factor(cov)
        for name, value in (("mean", mean), ("covariance", cov), ("_root", root)):
            value = value.copy()
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @staticmethod
    def _factor(cov: Matrix) -> Matrix:
        if cov.ndim == 1:
            if cov.min() <= 0.0:
                raise ValueError(
                    f"Normal: covariance has the variance {cov.min():.6g} in column "
                    f"{int(cov.argmin())}, expected numbers > 0"
                )
            return np.sqrt(cov)
        gap = np.abs(cov - cov.T)
        if gap.max() > ASYMMETRY * np.abs(cov).max():
            i, j = (int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape))
            raise ValueError(
                f"Normal: covariance is not symmetric: [{i}, {j}] is {cov[i, j]:.6g}, "
                f"[{j}, {i}] is {cov[j, i]:.6g}"
            )
        try:
            root: Matrix = scipy.linalg.cholesky(cov / 2.0 + cov.T / 2.0, lower=True)
        except scipy.linalg.LinAlgError as error:
            raise ValueError(
                "Normal: covariance is not positive definite, as it has to be for a density; of n "
                "samples it is singular where n <= d"
            ) from error
        return root

    @classmethod
    def fit(cls, samples: object, *, ddof: int = 1) -> Normal:
        """Return the normal distribution that has the mean and the covariance of samples.

        Parameters
        ----------
        samples
            (n, d), n > d, of which no column depends on the others.
        ddof
            The covariance is divided by n - ddof; 0: of largest likelihood.

        Returns
        -------
        Normal
            With a covariance (d, d).

        Raises
        ------
        ValueError, TypeError
            Where samples are not as described, or too few.

        Examples
        --------
        >>> import numpy as np, parzen
        >>> x = np.random.default_rng(0).normal(size=(1000, 2))
        >>> parzen.kl_divergence(parzen.Normal.fit(x), parzen.Normal([0, 0], [1, 1])) < 0.01
        True
        """
        ddof = as_integer("Normal.fit: ddof", ddof, 0)
        x = as_samples("samples", samples, function="Normal.fit", min_rows=2)
        n, d = x.shape
        if n <= max(d, ddof):
            raise ValueError(
                f"Normal.fit: samples has {n} rows of {d} numbers: their covariance is singular; "
                f"expected more than {max(d, ddof)} rows"
            )
        check_range("Normal.fit", distance_magnitude(d, *extent(x)), x)
        center = center_of(x).astype(np.float64)
        shift, covariance = mean_and_covariance(x, center, ddof)
        return cls(center + shift, covariance)

    def sample(self, n: int, seed: int = 0) -> Matrix:
        """Return n draws: (n, d), float64.

        Parameters
        ----------
        n
            An integer >= 1.
        seed
            Of the draws.

        Examples
        --------
        >>> import parzen
        >>> parzen.Normal([0.0, 5.0], [1.0, 4.0]).sample(3, seed=1).shape
        (3, 2)
        """
        n, seed = as_integer("Normal.sample: n", n, 1), as_seed("Normal.sample: seed", seed)
        z = np.random.default_rng(seed).standard_normal((n, self.mean.size))
        return self.mean + (z * self._root if self._root.ndim == 1 else z @ self._root.T)

    def log_density(self, x: object) -> Vector:
        """Return the log-density at each row of x (n, d): (n,), in nats."""
        z, root = self._whitened(x), self._root
        scales = root if root.ndim == 1 else root.diagonal()
        constant = math.fsum(np.log(scales)) + 0.5 * len(scales) * math.log(2.0 * math.pi)
        return np.asarray(-0.5 * np.einsum("ij,ij->i", z, z) - constant)

    def score(self, x: object) -> Matrix:
        """Return the gradient of the log-density at each row of x (n, d): (n, d)."""
        z = self._whitened(x)
        if self._root.ndim == 1:
            return -z / self._root
        solved = scipy.linalg.solve_triangular(self._root, z.T, lower=True, trans="T")
        return np.ascontiguousarray(-solved.T)

    def _whitened(self, x: object) -> Matrix:
        samples = as_samples("x", x, function="Normal").astype(np.float64, copy=False)
        if samples.shape[1] != self.mean.size:
            raise ValueError(f"Normal: x has shape {samples.shape}, expected (n, {self.mean.size})")
        centred = samples - self.mean
        if self._root.ndim == 1:
            return centred / self._root
        return np.asarray(scipy.linalg.solve_triangular(self._root, centred.T, lower=True).T)


def aligned(function: str, p: Normal, q: Normal) -> Aligned:
    """Return p in axes where q is standard.

    With S = L L' of each, they are the left singular vectors of L_q^-1 L_p, whose singular values
    are p's standard deviations: nothing is inverted or squared that need not be.
    """
    check_same_d(function, p, q)
    shift = p.mean - q.mean
    with np.errstate(over="ignore", invalid="ignore"):
        if p._root.ndim == q._root.ndim == 1:
            deviations, means = p._root / q._root, shift / q._root
        else:
            both = np.column_stack([full_root(p), shift])
            solved = scipy.linalg.solve_triangular(full_root(q), both, lower=True)
            axes, deviations, _ = scipy.linalg.svd(solved[:, :-1])
            means = axes.T @ solved[:, -1]
        variances = np.square(deviations)
    if not (variances.min() > 0.0 and np.isfinite(variances).all() and np.isfinite(means).all()):
        raise ValueError(
            f"{function}: p and q are so different in scale that their ratio leaves float64, or "
            f"one of them is singular to rounding"
        )
    return Aligned(variances, means)


def full_root(p: Normal) -> Matrix:
    """Return the lower L (d, d) with L L' the covariance."""
    return np.diag(p._root) if p._root.ndim == 1 else p._root


def check_same_d(function: str, p: Normal, q: Normal) -> None:
    """Refuse two of different dimension."""
    if p.mean.size != q.mean.size:
        raise ValueError(
            f"{function}: p has d = {p.mean.size}, q has d = {q.mean.size}; expected the same d"
        )
