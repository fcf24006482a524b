"""The kernels of a density, as functions k(r) of r = |x - q| / h with k(0) = 1.

Their integrals over R^d and the laws of their radii follow from the moments
M(p) = integral of r^(p-1) k(r) dr over r > 0: the integral over R^d is the area of the unit sphere
times M(d), and E r^2 = M(d + 2) / M(d). Everything is in logarithms: at d = 4096 the areas and
moments themselves leave the range of float64.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Random: TypeAlias = np.random.Generator | np.random.RandomState

COMPACT = ("tophat", "epanechnikov", "linear", "cosine")  # k(r) = 0 for r >= 1
KERNELS = ("gaussian", "exponential", *COMPACT)


def log_integral(kernel: str, h: float, d: int) -> float:
    """Return the logarithm of the integral of k(|x| / h) over R^d."""
    if kernel == "gaussian":
        return d * math.log(h * math.sqrt(2.0 * math.pi))
    log_area = math.log(2.0) + 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d)
    return d * math.log(h) + log_area + log_moment(kernel, d)


def log_moment(kernel: str, p: int) -> float:
    """Return log M(p), the logarithm of the integral of r^(p-1) k(r) over r > 0."""
    if kernel == "gaussian":
        return (0.5 * p - 1.0) * math.log(2.0) + math.lgamma(0.5 * p)
    if kernel == "exponential":
        return math.lgamma(p)
    if kernel == "tophat":
        return -math.log(p)
    if kernel == "epanechnikov":
        return math.log(2.0 / (p * (p + 2.0)))
    if kernel == "linear":
        return -math.log(p * (p + 1.0))
    # Cosine, with e = 1 - r: integral of (1-e)^(p-1) sin(pi e/2) de, the sine's series term by
    # term: sum over k of (-1)^k (pi/2)^(2k+1) (p-1)! / (p+2k+1)!. Alternating, but each term is at
    # most a fifth of the one before: nothing cancels. (Integrating by parts instead recurs over
    # p and cancels more and more.)
    term = total = 1.0
    k = 0
    while abs(term) > 1e-18:
        term *= -((0.5 * math.pi) ** 2) / ((p + 2 * k + 2.0) * (p + 2 * k + 3.0))
        total += term
        k += 1
    return math.log(0.5 * math.pi * total / (p * (p + 1.0)))


def spread(kernel: str, d: int) -> float:
    """Return the standard deviation of each coordinate of the kernel at h = 1: sqrt(E r^2 / d)."""
    if kernel == "gaussian":
        return 1.0
    return math.sqrt(math.exp(log_moment(kernel, d + 2) - log_moment(kernel, d)) / d)


def draw_offsets(kernel: str, shape: tuple[int, int], random: Random) -> Vector:
    """Draw from the kernel at h = 1, normalised to a density over R^d: shape (count, d).

    A direction uniform on the sphere times a radius of density r^(d-1) k(r) / M(d).
    """
    offsets: Vector = random.standard_normal(shape)
    if kernel == "gaussian":
        return offsets
    count, d = shape
    norms = np.sqrt(np.square(offsets).sum(axis=1))
    norms[norms == 0.0] = 1.0
    offsets *= (_draw_radii(kernel, d, count, random) / norms)[:, None]
    return offsets


def _draw_radii(kernel: str, d: int, count: int, random: Random) -> Vector:
    radii: Vector
    if kernel == "exponential":
        radii = random.standard_gamma(d, count)
    elif kernel == "tophat":
        radii = random.beta(d, 1.0, count)
    elif kernel == "epanechnikov":
        radii = np.sqrt(random.beta(0.5 * d, 2.0, count))
    elif kernel == "linear":
        radii = random.beta(d, 2.0, count)
    else:
        radii = _draw_cosine_radii(d, count, random)
    return radii


def _draw_cosine_radii(d: int, count: int, random: Random) -> Vector:
    # From the linear kernel's law, kept with probability sin(pi e/2) / (pi e/2), e = 1 - r, the
    # ratio of the two densities to its supremum: at least 2/pi of the draws are kept for any d.
    radii = np.empty(count)
    missing = np.arange(count)
    while missing.size:
        inside = random.beta(2.0, d, missing.size)
        kept = random.uniform(size=missing.size) < np.sinc(0.5 * inside)
        radii[missing[kept]] = 1.0 - inside[kept]
        missing = missing[~kept]
    return radii
