"""Samples that are hard on rounding, and references in the next wider type on the same inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

TYPES = {"float32": np.float32, "float64": np.float64}
# What a reference is computed in. On machines without a wider long double the second row says less.
WIDE = {"float32": np.float64, "float64": np.longdouble}
ROWS = {"float32": (257, 190), "float64": (101, 70)}  # no multiples of a tile
DATA = {
    "normal": "standard normal, h = √d",
    "far": "the same, shifted by 10⁴",
    "narrow": "standard normal, h = √d/5",
    "window": "standard normal, h = 1/2 (log-densities only)",
    "groups": "16 groups of rows, every coordinate shifted by ±2 to ±250, h = √d",
    "near": "every row of y at 0.001 from one of x, h = 0.001",
    "equal": "half of the rows of y are rows of x, h = √d",
}
ALPHA = 0.7


@dataclass(frozen=True)
class Sample:
    """Two samples and all pairs of them in the wide type, by differences."""

    x: Any
    y: Any
    h: float
    squared: tuple[Any, Any, Any]  # x with x, y with y, x with y
    inner: tuple[Any, Any, Any]

    @property
    def d(self) -> int:
        return int(self.x.shape[1])

    def kernel(self, name: str) -> tuple[Any, Any, Any]:
        """Return the kernel matrices xx, yy, xy."""
        if name == "polynomial":
            return tuple((k / self.d + 1) ** 3 for k in self.inner)  # type: ignore[return-value]
        if name == "Gaussian":
            return tuple(np.exp(-s / (2.0 * self.h**2)) for s in self.squared)  # type: ignore[return-value]
        if name == "rational quadratic":
            length = 2.0 * ALPHA * self.h**2
            return tuple((1 + s / length) ** -ALPHA for s in self.squared)  # type: ignore[return-value]
        return tuple(-np.sqrt(s) for s in self.squared)  # type: ignore[return-value]

    def unbiased(self, name: str) -> tuple[float, float]:
        """Return MMD^2 and the mean of |k|."""
        xx, yy, xy = self.kernel(name)
        within = [(total(k) - total(np.diag(k))) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
        size = float(np.mean([np.abs(k).mean() for k in (xx, yy, xy)]))
        return float(sum(within) - 2 * total(xy) / xy.size), size

    def log_density(self) -> Any:
        """Return the log-density of x at the rows of y."""
        exponents = -self.squared[2] / (2.0 * self.h**2)
        top = exponents.max(axis=0)
        sums = np.log(np.exp(exponents - top).sum(axis=0)) + top
        return sums - math.log(len(self.x)) - self.d * math.log(self.h * math.sqrt(2.0 * math.pi))


def total(values: Any) -> Any:
    """Add exactly (float64), or pairwise in the wider type."""
    if values.dtype == np.float64:
        return math.fsum(values.ravel())
    return values.sum()


def samples(data: str, d: int, dtype: str) -> tuple[Any, Any, float]:
    """Return x, y and a bandwidth."""
    n, m = ROWS[dtype]
    rng = np.random.default_rng(1000 + d)
    x, y, h = rng.standard_normal((n, d)), rng.standard_normal((m, d)), math.sqrt(d)
    if data == "far":
        x, y = x + 1e4, y + 1e4
    elif data == "narrow":
        h /= 5.0
    elif data == "window":
        h = 0.5
    elif data == "groups":
        shifts = np.outer([1.0, -1.0], [2.0, 4.0, 7.5, 15.0, 31.0, 60.0, 120.0, 250.0]).ravel()
        x += shifts[np.arange(n) % 16, None]
        y += shifts[np.arange(m) % 16, None]
    elif data == "near":
        step = rng.standard_normal((m, d))
        x = x.astype(TYPES[dtype])
        y = x[:m] + 1e-3 * step / np.linalg.norm(step, axis=1)[:, None]
        h = 1e-3
    elif data == "equal":
        y[: m // 2] = x[: m // 2]
    return x.astype(TYPES[dtype]), y.astype(TYPES[dtype]), h


def prepare(data: str, d: int, dtype: str) -> Sample:
    """Return samples with their references."""
    x, y, h = samples(data, d, dtype)
    a, b = x.astype(WIDE[dtype]), y.astype(WIDE[dtype])
    pairs = ((a, a), (b, b), (a, b))
    squared = tuple(_squared_distances(*pair) for pair in pairs)
    inner = tuple(p @ q.T for p, q in pairs)
    return Sample(x, y, h, squared, inner)  # type: ignore[arg-type]


def _squared_distances(a: Any, b: Any) -> Any:
    out = np.empty((len(a), len(b)), dtype=a.dtype)
    for row, where in zip(a, out, strict=True):
        difference = b - row
        np.einsum("ij,ij->i", difference, difference, out=where)
    return out


def fid(x: Any, y: Any) -> tuple[float, float]:
    """Return FID and the sum of traces: singular values of factors, nothing squared."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a, b = (a - mean_a) / math.sqrt(len(a) - 1), (b - mean_b) / math.sqrt(len(b) - 1)
    traces = np.square(a).sum() + np.square(b).sum()
    if len(a) > a.shape[1]:
        a, b = np.linalg.qr(a, mode="r"), np.linalg.qr(b, mode="r")
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(np.square(mean_a - mean_b).sum() + traces - 2.0 * root), float(traces)
