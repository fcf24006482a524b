"""Exact polynomial MMD from moments: linear in the number of samples, from the rows or a stream."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import as_samples, extent, fit_range
from parzen._estimate import Estimate, __version__
from parzen._options import as_integer, check_choice
from parzen.metrics.kernels import Polynomial

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

Vector = NDArray[np.float64]

MAX_DEGREE = 3
STDERR_ROWS = 4096  # a side: the standard error is then itself good to about a percent
STDERR_SEED = 0


class MMD(NamedTuple):
    """A squared maximum mean discrepancy.

    Attributes
    ----------
    squared
        MMD^2, in the unit of the kernel. The unbiased estimate can be negative.
    stderr
        The standard error of `squared`; None for the biased estimate, where a sample has fewer
        than 4 rows, and from `Moments`.
    """

    squared: Estimate
    stderr: float | None

    @property
    def distance(self) -> float:
        """The distance, sqrt(max(squared, 0))."""
        return math.sqrt(max(self.squared, 0.0))


class Moments:
    """All moments of a stream of samples up to an order: exact polynomial MMDs without the samples.

    k(x, y) = (gamma <x, y> + coef0)^p is an inner product of the p-fold tensors of
    [sqrt(gamma) x, sqrt(coef0)], so that a mean over pairs of samples is a product of two mean
    tensors. The tensor of [1, x] that is kept serves every gamma and coef0. It has
    D, D(D+1)/2 or D(D+1)(D+2)/6 numbers for orders 1 to 3, D = d + 1: 0.4 MB at d = 64, 180 MB at
    d = 512, 11 GB at d = 2048.

    Parameters
    ----------
    degree
        The order, 1 to 3: that of the kernel.

    Attributes
    ----------
    n
        How many samples were seen.
    sums
        The packed symmetric tensor, (size,) float64, or None before the first samples.
    norm_powers
        sum_i |x_i|^(2t), t = 0 to degree: (degree + 1,).

    Raises
    ------
    ValueError, TypeError
        Where the degree is none of 1, 2, 3.

    References
    ----------
    Gretton et al., "A kernel two-sample test", JMLR 13, 2012, lemma 4: MMD^2 is the squared
    distance of two means in feature space, which for these kernels has finite dimension.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 1000, 8))
    >>> first, second = parzen.Moments(), parzen.Moments()
    >>> for part in np.split(x, 4):
    ...     first = first.update(part)
    >>> value = first.mmd(second.update(y)).squared
    >>> abs(value - parzen.kid(x, y, subsets=None).mean) < 1e-12
    True
    """

    def __init__(self, degree: int = 3) -> None:
        self.degree = as_integer("Moments: degree", degree, 1, MAX_DEGREE)
        self.sums: Vector | None = None
        self.norm_powers: Vector = np.zeros(self.degree + 1)

    @property
    def n(self) -> int:
        """How many samples were seen."""
        return int(self.norm_powers[0])

    def update(self, x: object, *, progress: Progress | None = None) -> Moments:
        """Add samples (n, d); returns itself.

        Products are taken in the type of `x`, float32 or float64, and added in float64. Where the
        computation is interrupted, nothing has been added.
        """
        samples = as_samples("x", x, function="Moments.update", on_device=True)
        size = _size(self.degree, samples.shape[1])
        if self.sums is not None and len(self.sums) != size:
            raise ValueError(
                f"Moments.update: x has {samples.shape[1]} columns, expected {self._columns()} "
                f"as before"
            )
        (samples,) = fit_range("Moments.update", magnitude(self.degree, samples), samples)
        sums, powers = np.zeros(size), np.zeros(self.degree + 1)
        _core.moments(samples, sums, self.degree, norm_powers=powers, progress=progress)
        self.sums = sums if self.sums is None else np.add(self.sums, sums, out=sums)
        self.norm_powers = self.norm_powers + powers
        return self

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both streams together; neither changes."""
        self._check_comparable("merge", other)
        merged = Moments(self.degree)
        parts = [state.sums for state in (self, other) if state.sums is not None]
        merged.sums = np.sum(parts, axis=0) if parts else None
        merged.norm_powers = self.norm_powers + other.norm_powers
        return merged

    def mmd(
        self,
        other: Moments,
        *,
        kernel: Polynomial | None = None,
        estimator: Literal["unbiased", "biased"] = "unbiased",
    ) -> MMD:
        """Return the squared maximum mean discrepancy of two streams, as `parzen.mmd` does.

        Parameters
        ----------
        other
            The other stream's moments, of the same degree and d.
        kernel
            A `Polynomial` of this degree; None: gamma 1/d, coef0 1.
        estimator
            ``"unbiased"`` or ``"biased"``.

        Returns
        -------
        MMD
            ``stderr`` is None: a standard error needs rows.

        Raises
        ------
        ValueError, TypeError
            Where degrees, dimensions or the estimator do not fit, or a stream has too few samples.
        """
        kernel = Polynomial(self.degree) if kernel is None else kernel
        if not isinstance(kernel, Polynomial) or kernel.degree != self.degree:
            raise ValueError(
                f"Moments.mmd: kernel is {kernel!r}, expected a Polynomial of degree {self.degree}"
            )
        check_choice("Moments.mmd: estimator", estimator, ("unbiased", "biased"))
        self._check_comparable("mmd", other)
        least = 2 if estimator == "unbiased" else 1
        if min(self.n, other.n) < least:
            raise ValueError(
                f"Moments.mmd: the streams have {self.n} and {other.n} samples, "
                f"expected at least {least}"
            )
        gamma = 1.0 / self._columns() if kernel.gamma is None else kernel.gamma
        norms = _norms(self, other, gamma, kernel.coef0)
        record = {
            "metric": "mmd",
            "n": self.n,
            "m": other.n,
            "d": self._columns(),
            "method": "moments",
            "estimator": estimator,
            "kernel": {"name": "Polynomial", "degree": self.degree, "gamma": gamma}
            | {"coef0": kernel.coef0},
            "version": __version__,
        }
        return MMD(Estimate(squared(norms, self.n, other.n, estimator), None, record), None)

    def _columns(self) -> int:
        assert self.sums is not None
        return next(d for d in range(1, len(self.sums)) if _size(self.degree, d) == len(self.sums))

    def _check_comparable(self, function: str, other: object) -> None:
        if not isinstance(other, Moments):
            raise TypeError(f"Moments.{function}: other is {other!r}, expected Moments")
        sizes = {len(state.sums) for state in (self, other) if state.sums is not None}
        if self.degree != other.degree or len(sizes) > 1:
            raise ValueError(
                f"Moments.{function}: degrees {self.degree} and {other.degree}, tensors of "
                f"{sorted(sizes)} numbers; expected the same degree and d"
            )


def squared(norms: tuple[float, ...], n: int, m: int, estimator: str) -> float:
    """Return MMD^2 from |mu_x - mu_y|^2, |mu_x|^2, |mu_y|^2 and the mean diagonals of k.

    The unbiased estimate differs from the biased one by 1/(n-1) of a difference of two numbers of
    the size of k: rounding there is rounding of k over n.
    """
    distance, xx, yy, diagonal_x, diagonal_y = norms
    if estimator == "biased":
        return distance
    return distance + (xx - diagonal_x) / (n - 1) + (yy - diagonal_y) / (m - 1)


def cheaper(n: int, m: int, d: int, degree: int) -> bool:
    """Whether moments take clearly less arithmetic than pairs: by the shapes, never by a clock.

    A pair costs d multiply-adds, a sample a padded simplex of the tensor at about 80 % of that
    rate, and the standard error the pairs of its subsample.
    """
    if degree > MAX_DEGREE or max(n, m) <= STDERR_ROWS:
        return False
    pairs = 0.5 * (n + m) ** 2 * d
    tensor = 1.25 * (n + m) * (d + 17.0) ** degree / math.factorial(degree)
    return 1.5 * (tensor + 0.5 * (2 * STDERR_ROWS) ** 2 * d) < pairs


def magnitude(degree: int, *arrays: AnySamples) -> float:
    """Bound what products of `degree` values, summed over a few hundred samples, reach."""
    peak = extent(*arrays)[0]
    with np.errstate(over="ignore", divide="ignore"):
        product = np.float64(peak) ** degree
        return float(max(1e4 * product, 1e12 / product if peak > 0.0 else 0.0, 1.0))


def subsample(x: AnySamples, random: np.random.Generator) -> AnySamples:
    """Return all rows or STDERR_ROWS of them."""
    if len(x) <= STDERR_ROWS:
        return x
    return x[np.sort(random.choice(len(x), STDERR_ROWS, replace=False))]


def _size(degree: int, d: int) -> int:
    return math.comb(d + degree, degree)


def _norms(first: Moments, second: Moments, gamma: float, coef0: float) -> tuple[float, ...]:
    """Return the five numbers of `squared`, block by block of the packed tensors."""
    d, p = first._columns(), first.degree
    assert first.sums is not None
    assert second.sums is not None
    index_weight = np.full(d + 1, gamma)
    index_weight[0] = coef0
    distance, xx, yy, start = [], [], [], 0
    for last in range(1 if p == 1 else d + 1):  # the middle index, or the first of two
        columns = index_weight[last:] if p > 1 else index_weight
        multiple = np.ones((last + 1 if p == 3 else 1, len(columns)))
        rows = np.ones(len(multiple))
        if p > 1:
            multiple[:, 1:] *= 2.0
            rows *= index_weight[last]
        if p == 3:  # six orders of three indices, three where two of them are equal
            multiple[:-1] *= 3.0
            multiple[-1, 1:] *= 1.5
            rows *= index_weight[: last + 1]
        weight = (multiple * columns * rows[:, None]).ravel()
        block = slice(start, start := start + len(weight))
        x, y = first.sums[block] / first.n, second.sums[block] / second.n
        distance.append(float(weight @ np.square(x - y)))
        xx.append(float(weight @ np.square(x)))
        yy.append(float(weight @ np.square(y)))

    def diagonal(state: Moments) -> float:
        factors = [math.comb(p, t) * gamma**t * coef0 ** (p - t) for t in range(p + 1)]
        return float(np.dot(factors, state.norm_powers)) / state.n

    sums = (math.fsum(distance), math.fsum(xx), math.fsum(yy))
    return (*sums, diagonal(first), diagonal(second))
