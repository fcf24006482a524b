"""The Frechet distance of two Gaussians, and that of the moments of two samples: FID."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg

from parzen import _core
from parzen._arrays import (
    as_float64,
    as_pair,
    center_of,
    check_range,
    distance_magnitude,
    extent,
)
from parzen._device import DeviceSamples
from parzen._estimate import Estimate, __version__, part, provenance
from parzen._options import as_integer
from parzen._samples import on_host
from parzen.metrics import torch_roots
from parzen.metrics.covariance import BLOCK, Matrix, Vector, mean_about, mean_and_covariance
from parzen.protocols import AnyProtocol, recorded, rules_of

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

# A covariance of float32 statistics is symmetric and positive to about this, relative to its
# largest entry.
ROUGHNESS = 1e-6


class SmallSampleWarning(UserWarning):
    """A sample is small beside its dimension, which makes FID too large."""


class IndefiniteWarning(UserWarning):
    """A covariance had slightly negative eigenvalues, which were set to zero."""


def fid(
    real: object,
    fake: object,
    *,
    ddof: int = 1,
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Return the Frechet distance between the Gaussians that have the moments of two samples.

    FID = |mu_1 - mu_2|^2 + Tr S_1 + Tr S_2 - 2 Tr (S_1 S_2)^(1/2), all in float64.
    Samples with n <= d, whose covariance is singular, are taken exactly: nothing is added to a
    diagonal and nothing is complex.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), n, m >= 2.
    ddof
        The covariances divide by n - ddof: 1 or 0.
    protocol
        A package whose divisor is taken instead; see `parzen.protocol`.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        A squared distance, in the squared unit of the features. No standard error is known.
        Rounding may leave a number just below zero for equal samples; it is returned as it is.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described.

    Warns
    -----
    SmallSampleWarning
        Where n or m is below 2 d: FID is biased upwards, by about
        (d/(4n) + d/(4m)) Tr S where both covariances S are equal and isotropic.

    References
    ----------
    Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017,
    equation 6. The bias: Chong and Forsyth, "Effectively unbiased FID and Inception Score", CVPR
    2020.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 1000, 4))
    >>> value = parzen.fid(real, fake + 1.0)
    >>> 3.5 < value < 4.5
    True
    """
    x, y, ddof = samples_for("fid", real, fake, ddof, protocol)
    warn_of_bias("fid", len(x), len(y), x.shape[1], stacklevel=3)
    center = center_of(x, y).astype(np.float64)
    value, method = distance(x, y, center, ddof, progress)
    record = provenance("fid", x, y, method=method, ddof=ddof, **recorded(protocol))
    return Estimate(value, None, record)


def samples_for(
    function: str, real: object, fake: object, ddof: int, protocol: AnyProtocol | None
) -> tuple[AnySamples, AnySamples, int]:
    """Return the samples and the divisor's ddof, checked."""
    ddof = as_integer(f"{function}: ddof", ddof, 0, 1)
    if protocol is not None:
        ddof = rules_of(function, protocol, "fid", ddof=(ddof, 1)).ddof
    x, y = as_pair(
        real, fake, function=function, names=("real", "fake"), min_rows=2, on_device=True
    )
    check_range(function, distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    return x, y, ddof


def warn_of_bias(function: str, n: int, m: int, d: int, stacklevel: int) -> None:
    """Warn where n real or m fake samples are few beside their dimension."""
    for name, rows in (("real", n), ("fake", m)):
        if rows < 2 * d:
            warnings.warn(
                f"{function}: {name} has {rows} samples of {d} features; FID is biased upwards "
                f"where n is small beside d. Compare it only at equal n, or use kid, which is "
                f"unbiased",
                SmallSampleWarning,
                stacklevel=stacklevel,
            )


def distance(
    x: AnySamples, y: AnySamples, center: Vector, ddof: int, progress: Progress | None = None
) -> tuple[float, str]:
    """Return the squared distance of two samples' moments, and how it was had."""
    share = len(x) / (len(x) + len(y))
    first, second = part(progress, 0.0, 0.9 * share), part(progress, 0.9 * share, 0.9)
    if min(len(x), len(y)) <= x.shape[1]:
        method = "rows"
        mean_x, factor_x = _factor(x, center, ddof, first)
        mean_y, factor_y = _factor(y, center, ddof, second)
        traces = float(np.vdot(factor_x, factor_x) + np.vdot(factor_y, factor_y))
        root = float(scipy.linalg.svdvals(factor_x @ factor_y.T, check_finite=False).sum())
        shift = mean_x - mean_y
        value = float(shift @ shift) + traces - 2.0 * root
    else:
        method = "covariances"
        moments_x = mean_and_covariance(x, center, ddof, first)
        moments_y = mean_and_covariance(y, center, ddof, second)
        value = distance_of_moments(moments_x, moments_y, beside=x)
    if progress is not None:
        progress(1.0)
    return value, method


def distance_of_moments(
    first: tuple[Vector, Matrix], second: tuple[Vector, Matrix], *, beside: AnySamples | None = None
) -> float:
    """Return the squared distance of two pairs of mean and covariance.

    Computed on the device of the samples `beside`, if torch can do it there.
    """
    shift = first[0] - second[0]
    root, _ = _trace_sqrt_product(first[1], second[1], beside)
    return float(shift @ shift + np.trace(first[1]) + np.trace(second[1])) - 2.0 * root


def frechet_distance(mu1: object, sigma1: object, mu2: object, sigma2: object) -> Estimate:
    """Return the squared Frechet (2-Wasserstein) distance of two Gaussians.

    |mu_1 - mu_2|^2 + Tr S_1 + Tr S_2 - 2 Tr (S_1 S_2)^(1/2).

    Parameters
    ----------
    mu1, mu2
        Means (d,).
    sigma1, sigma2
        Covariances (d, d), symmetric positive semidefinite, singular ones too. Scalars, of means
        too, are d = 1.

    Returns
    -------
    Estimate
        The squared distance, in the squared unit of the means.

    Raises
    ------
    ValueError, TypeError
        Where shapes do not fit, a value is not finite, or a covariance is asymmetric or
        indefinite (an eigenvalue below -1e-6 of the largest).

    Warns
    -----
    IndefiniteWarning
        Where eigenvalues between that and rounding were set to zero.

    References
    ----------
    Dowson and Landau, "The Frechet distance between multivariate normal
    distributions", Journal of Multivariate Analysis 12, 1982, equation 4.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> parzen.frechet_distance([0, 0], np.eye(2), [3, 0], 4 * np.eye(2))
    Estimate(11.0)
    """
    function = "frechet_distance"
    a = as_float64("mu1", mu1, function=function, shape=None, meaning="")
    if a.ndim != 1 or a.size == 0:
        raise ValueError(f"{function}: mu1 has shape {a.shape}, expected (d,)")
    b = as_float64("mu2", mu2, function=function, shape=None, meaning="")
    if b.shape != a.shape:
        raise ValueError(
            f"{function}: mu2 has shape {b.shape}, expected {a.shape}: mu1 has {a.size} numbers"
        )
    sigma_a = _covariance("sigma1", sigma1, function, a.size)
    sigma_b = _covariance("sigma2", sigma2, function, a.size)
    root, worst = _trace_sqrt_product(sigma_a, sigma_b)
    _check_definite(f"{function}: sigma1 or sigma2", worst)
    with np.errstate(over="ignore"):
        shift = a - b
        value = float(shift @ shift + np.trace(sigma_a) + np.trace(sigma_b)) - 2.0 * root
    if not math.isfinite(value):
        raise ValueError(
            f"{function}: mu1, sigma1, mu2, sigma2 are so large that their distance overflows "
            f"float64; rescale them"
        )
    return Estimate(value, None, {"metric": function, "d": a.size, "version": __version__})


def sqrtm(sigma: object) -> Matrix:
    """Return the square root of a symmetric positive semidefinite matrix.

    R = V max(w, 0)^(1/2) V' from sigma = V w V', so that R R = sigma; never complex.

    Parameters
    ----------
    sigma
        A matrix (d, d), symmetric positive semidefinite.

    Returns
    -------
    array
        (d, d), float64, symmetric positive semidefinite.

    Raises
    ------
    ValueError, TypeError
        Where sigma is not square, finite, symmetric and (to -1e-6 of the largest eigenvalue)
        positive semidefinite.

    Warns
    -----
    IndefiniteWarning
        Where eigenvalues between that and rounding were set to zero.

    References
    ----------
    Higham, "Functions of Matrices", 2008, section 6.1.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> parzen.sqrtm(np.diag([4.0, 9.0])).round(12)
    array([[2., 0.],
           [0., 3.]])
    """
    scaled, exponent = _scaled(_covariance("sigma", sigma, "sqrtm", None))
    root, worst = _core.psd_sqrt(scaled)
    _check_definite("sqrtm: sigma", worst)
    return np.ldexp(root, exponent)


def _factor(
    x: AnySamples, center: Vector, ddof: int, progress: Progress | None
) -> tuple[Vector, Matrix]:
    """Return the mean and an F with F'F = the covariance: centred rows, a root where many.

    Tr (S_1 S_2)^(1/2) is the sum of the singular values of F_1 F_2'. From the rows themselves this
    is exact where a covariance would be singular, since small singular values are never squared.
    """
    n, d = x.shape
    if n > 4 * d:
        mean, sigma = mean_and_covariance(x, center, ddof, progress)
        scaled, exponent = _scaled(sigma)
        return mean, np.ldexp(_core.psd_sqrt(scaled)[0], exponent)
    mean = mean_about(x, center)
    if progress is not None:
        progress(1.0)
    return mean, (on_host(x) - center - mean) / math.sqrt(n - ddof)


def _trace_sqrt_product(
    sigma1: Matrix, sigma2: Matrix, beside: AnySamples | None = None
) -> tuple[float, float]:
    """Return Tr (S_1 S_2)^(1/2) and the worst relative negative eigenvalue; any scale is safe."""
    scaled1, exponent1 = _scaled(sigma1)
    scaled2, exponent2 = _scaled(sigma2)
    root, worst = _on_device(scaled1, scaled2, beside), 0.0
    if root is None:
        root, worst = _core.trace_sqrt_product(scaled1, scaled2)
    return math.ldexp(root, exponent1 + exponent2), worst


def _on_device(sigma1: Matrix, sigma2: Matrix, beside: AnySamples | None) -> float | None:
    tensor = beside.torch_tensor if isinstance(beside, DeviceSamples) else None
    return None if tensor is None else torch_roots.trace_sqrt_product(sigma1, sigma2, tensor)


def _scaled(sigma: Matrix) -> tuple[Matrix, int]:
    """Return sigma / 4^e, and e: 0 unless products of two such matrices could leave the range."""
    largest = float(sigma.diagonal().max())  # of a semidefinite matrix no entry is larger
    if 1e-100 < largest < 1e100:
        return sigma, 0
    exponent = math.frexp(float(np.abs(sigma).max()))[1] // 2
    return np.ldexp(sigma, -2 * exponent), exponent


def _covariance(name: str, sigma: object, function: str, d: int | None) -> Matrix:
    values = as_float64(name, sigma, function=function, shape=None, meaning="")
    if d == 1 and values.shape == (1,):  # a scalar
        values = values.reshape(1, 1)
    if d is not None and values.shape != (d, d):
        raise ValueError(
            f"{function}: {name} has shape {values.shape}, expected {(d, d)}: mu1 has {d} numbers"
        )
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.size == 0:
        raise ValueError(f"{function}: {name} has shape {values.shape}, expected (d, d)")
    return symmetric(f"{function}: {name}", values)


def symmetric(what: str, values: Matrix) -> Matrix:
    """Return (values + values') / 2, block by block: whole transposes would miss the cache."""
    starts = range(0, len(values), BLOCK)
    blocks = [
        (i, j, slice(i, i + BLOCK), slice(j, j + BLOCK)) for i in starts for j in starts if i <= j
    ]
    if all(np.array_equal(values[r, c], values[c, r].T) for _, _, r, c in blocks):
        return values
    result = np.empty_like(values)
    widest, at = 0.0, (0, 0)
    for i, j, rows, columns in blocks:
        above, below = values[rows, columns] / 2.0, values[columns, rows].T / 2.0
        gap = np.abs(above - below)
        if gap.max() > widest:
            widest = float(gap.max())
            row, column = np.unravel_index(gap.argmax(), gap.shape)
            at = (i + int(row), j + int(column))
        result[rows, columns] = above + below
        result[columns, rows] = result[rows, columns].T
    if widest > ROUGHNESS * max(values.max(), -values.min()) / 2.0:
        i, j = at
        raise ValueError(
            f"{what} is not symmetric: [{i}, {j}] is {values[i, j]:.6g}, "
            f"[{j}, {i}] is {values[j, i]:.6g}"
        )
    return result


def _check_definite(what: str, worst: float) -> None:
    if worst < -ROUGHNESS:
        raise ValueError(
            f"{what} is not positive semidefinite: an eigenvalue is {worst:.3g} of the largest, "
            f"expected at least {-ROUGHNESS:g}"
        )
    if worst < 0.0:
        warnings.warn(
            f"{what} has eigenvalues down to {worst:.3g} of the largest; they were set to zero",
            IndefiniteWarning,
            stacklevel=3,
        )
