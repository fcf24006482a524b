"""The kernels k(x, y) that a maximum mean discrepancy is taken with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from parzen import _core
from parzen._arrays import FLOAT64_LIMIT, center_of, distance_magnitude
from parzen._options import as_integer, as_number, as_positive, as_seed, check_choice
from parzen._samples import on_host

if TYPE_CHECKING:
    from parzen._samples import AnySamples

MEDIAN_ROWS = 2000
CHUNK_PAIRS = 4096


@dataclass(frozen=True)
class Polynomial:
    """The kernel (gamma <x, y> + coef0)^degree.

    Parameters
    ----------
    degree
        An integer >= 1.
    gamma
        A number > 0; None: 1/d.
    coef0
        A number >= 0. With these signs the kernel is positive semidefinite.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is out of its range or not a number.

    References
    ----------
    The defaults are those of the Kernel Inception Distance: Binkowski et al.,
    "Demystifying MMD GANs", ICLR 2018, section 4.

    Examples
    --------
    >>> from parzen import Polynomial
    >>> Polynomial(degree=2)
    Polynomial(degree=2, gamma=None, coef0=1.0)
    """

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", as_integer("Polynomial: degree", self.degree, 1))
        if self.gamma is not None:
            object.__setattr__(self, "gamma", as_positive("Polynomial: gamma", self.gamma))
        coef0 = as_number("Polynomial: coef0", self.coef0)
        if not 0.0 <= coef0 < math.inf:
            raise ValueError(f"Polynomial: coef0 is {coef0}, expected a finite number >= 0")
        object.__setattr__(self, "coef0", coef0)

    def _resolve(self, x: AnySamples, y: AnySamples) -> Polynomial:
        return (
            self
            if self.gamma is not None
            else Polynomial(self.degree, 1.0 / x.shape[1], self.coef0)
        )

    def _native(self) -> _core.Polynomial:
        assert self.gamma is not None
        return _core.Polynomial(self.degree, self.gamma, self.coef0)

    def _magnitude(self, d: int, peak: float, span: float) -> float:
        gamma = 1.0 / d if self.gamma is None else self.gamma
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            product = gamma * d * np.float64(peak) ** 2
            squared = (product + self.coef0) ** (2.0 * self.degree)
            # The bare product and gamma itself are numbers of the samples' type as well.
            own = min(max(gamma, 1.0 / gamma), FLOAT64_LIMIT)
            bare = max(d * np.float64(peak) ** 2, own)
            if peak == 0.0 and self.coef0 == 0.0:  # every value is 0
                return float(bare)
            return float(max(squared, 1e12 / squared, bare))


@dataclass(frozen=True)
class Gaussian:
    """The kernel exp(-|x - y|^2 / (2 bandwidth^2)).

    Parameters
    ----------
    bandwidth
        A number > 0, in the unit of the samples; a sequence of them: the mean of the kernels;
        ``"median"``: the median of |z_i - z_j|, i < j, over the rows of X and Y together, or over
        2000 of them drawn with `seed` where there are more.
    seed
        Of that draw.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is out of its range or not a number; on use, where the median distance
        is 0.

    References
    ----------
    The median heuristic: Gretton et al., "A kernel two-sample test", JMLR 13, 2012, section 8.

    Examples
    --------
    >>> from parzen import Gaussian
    >>> Gaussian(2)
    Gaussian(bandwidth=2.0, seed=0)
    >>> Gaussian([1, 2, 4]).bandwidth
    (1.0, 2.0, 4.0)
    """

    bandwidth: float | Sequence[float] | str = "median"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", as_seed("Gaussian: seed", self.seed))
        h = self.bandwidth
        if isinstance(h, str):
            remark = ", a number > 0 or a sequence of them"
            check_choice("Gaussian: bandwidth", h, ("median",), remark)
        elif np.ndim(h) == 0:
            object.__setattr__(self, "bandwidth", as_positive("Gaussian: bandwidth", h))
        else:
            values = np.asarray(h, dtype=object).tolist()
            several = tuple(as_positive("Gaussian: bandwidth", value) for value in values)
            if not several:
                raise ValueError("Gaussian: bandwidth is empty, expected at least one number > 0")
            object.__setattr__(self, "bandwidth", several)

    def _resolve(self, x: AnySamples, y: AnySamples) -> Gaussian:
        if self.bandwidth != "median":
            return self
        return Gaussian(median_distance(x, y, seed=self.seed), self.seed)

    def _bandwidths(self) -> tuple[float, ...]:
        h = self.bandwidth
        assert not isinstance(h, str)
        return (h,) if isinstance(h, float) else tuple(h)

    def _native(self) -> _core.Gaussian:
        return _core.Gaussian(list(self._bandwidths()))

    def _magnitude(self, d: int, peak: float, span: float) -> float:
        if self.bandwidth == "median":
            return distance_magnitude(d, peak, span)
        return bandwidth_magnitude(self._bandwidths(), d, peak, span)


@dataclass(frozen=True)
class RationalQuadratic:
    """The kernel (1 + |x - y|^2 / (2 alpha length_scale^2))^-alpha.

    Parameters
    ----------
    alpha, length_scale
        Numbers > 0; `length_scale` in the unit of the samples.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is out of its range or not a number.

    References
    ----------
    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equation 4.19.

    Examples
    --------
    >>> from parzen import RationalQuadratic
    >>> RationalQuadratic(alpha=1, length_scale=2)
    RationalQuadratic(alpha=1.0, length_scale=2.0)
    """

    alpha: float
    length_scale: float

    def __post_init__(self) -> None:
        for name in ("alpha", "length_scale"):
            value = as_positive(f"RationalQuadratic: {name}", getattr(self, name))
            object.__setattr__(self, name, value)

    def _resolve(self, x: AnySamples, y: AnySamples) -> RationalQuadratic:
        return self

    def _native(self) -> _core.RationalQuadratic:
        return _core.RationalQuadratic(self.alpha, self.length_scale)

    def _magnitude(self, d: int, peak: float, span: float) -> float:
        with np.errstate(over="ignore"):
            bandwidth = float(np.sqrt(self.alpha) * np.float64(self.length_scale))
        return bandwidth_magnitude((bandwidth,), d, peak, span)


@dataclass(frozen=True)
class Energy:
    """The kernel -|x - y|; its squared MMD is the energy distance.

    References
    ----------
    Sejdinovic et al., "Equivalence of distance-based and RKHS-based statistics in
    hypothesis testing", Annals of Statistics 41, 2013, section 5.

    Examples
    --------
    >>> from parzen import Energy
    >>> Energy()
    Energy()
    """

    def _resolve(self, x: AnySamples, y: AnySamples) -> Energy:
        return self

    def _native(self) -> _core.Energy:
        return _core.Energy()

    def _magnitude(self, d: int, peak: float, span: float) -> float:
        return distance_magnitude(d, peak, span)


Kernel: TypeAlias = Polynomial | Gaussian | RationalQuadratic | Energy


def check_kernel(function: str, kernel: object) -> None:
    """Refuse what is not a kernel."""
    if not isinstance(kernel, Kernel):
        raise TypeError(
            f"{function}: kernel is {kernel!r}, "
            "expected Gaussian, Polynomial, RationalQuadratic or Energy"
        )


def bandwidth_magnitude(bandwidths: Sequence[float], d: int, peak: float, span: float) -> float:
    """Bound |x-y|^2, 1/(2h^2), its inverse, and their product over all bandwidths."""
    distances = distance_magnitude(d, peak, span)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        doubled = 2.0 * np.asarray(bandwidths) ** 2
        scales = 1.0 / doubled
        reach = scales * d * np.float64(span) ** 2
    return float(
        max(distances, doubled.max(), scales.max(), np.nan_to_num(reach, nan=np.inf).max())
    )


def median_distance(x: AnySamples, y: AnySamples, *, seed: int) -> float:
    """Return the median of |z_i - z_j|, i < j, over at most 2000 rows of X and Y together.

    |a|^2 + |b|^2 - 2<a, b> loses digits where rows lie closer together than to the center: squared
    distances below 2^-10 of |a|^2 + |b|^2 are measured again by differences, as the engine does.
    """
    n, total = len(x), len(x) + len(y)
    if total <= MEDIAN_ROWS:
        rows = np.arange(total)
    else:
        rows = np.sort(np.random.default_rng(seed).choice(total, MEDIAN_ROWS, replace=False))
    parts = on_host(x, rows[rows < n]), on_host(y, rows[rows >= n] - n)
    z = np.concatenate(parts).astype(np.float64)
    z -= center_of(z)
    norms = np.einsum("ij,ij->i", z, z)
    i, j = np.triu_indices(len(z), 1)
    squared = (norms[:, None] + norms - 2.0 * (z @ z.T))[i, j]
    close = np.flatnonzero(squared < (norms[i] + norms[j]) / 1024)
    for start in range(0, len(close), CHUNK_PAIRS):
        pairs = close[start : start + CHUNK_PAIRS]
        squared[pairs] = np.square(z[i[pairs]] - z[j[pairs]]).sum(axis=1)
    median = float(np.median(np.sqrt(squared)))
    if median == 0.0:
        raise ValueError(
            "Gaussian: the median distance is 0: at least half of the pairs of rows are equal; "
            "pass bandwidth=<number>"
        )
    return median
