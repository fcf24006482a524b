"""The pair engine against the arithmetic limit and the matrix product of the same run."""

import math

import numpy as np
import pytest

from benchmarks.conftest import normal
from benchmarks.contest import SMOKE, Work
from benchmarks.fma_peak import fma_peak, matrix_product
from parzen import _core

SIZES = {2: 30_000, 16: 30_000, 64: 20_000, 256: 12_000, 2048: 5_000}


def kernel(name, d):
    if name == "polynomial":
        return _core.Polynomial(3, 1.0 / d, 1.0)
    return _core.Gaussian([math.sqrt(d)])


def kernel_sum(name, n, d, dtype):
    x, y = normal(n, d, 0, np.dtype(dtype).type), normal(n, d, 1, np.dtype(dtype).type)
    center = x.mean(axis=0)
    few, all_y = x[:64].astype(np.float64), y.astype(np.float64)
    products = few @ all_y.T
    if name == "polynomial":
        exact = ((products / d + 1.0) ** 3).mean(axis=1)
    else:
        squared = (few**2).sum(axis=1)[:, None] + (all_y**2).sum(axis=1) - 2.0 * products
        exact = np.exp(-squared / (2.0 * d)).mean(axis=1)
    return Work(
        lambda: _core.kernel_sum(x, y, kernel(name, d), center=center),
        error=lambda sums: np.abs(sums[0][:64] / n - exact).max() / np.abs(exact).mean(),
        flops=2.0 * n * n * d,
        pairs=float(n) * n,
    )


@pytest.mark.parametrize("d", SIZES)
def test_kernel_sum(contest, d):
    works = {}
    for dtype in ("float32", "float64"):
        n = 300 if SMOKE else SIZES[d] // (2 if dtype == "float64" else 1)
        works[f"multiply-adds alone, {dtype}"] = fma_peak(dtype)
        works[f"NumPy's matrix product, {dtype}"] = matrix_product(dtype)
        for name in ("polynomial", "Gaussian"):
            works[f"{name} sum, {dtype}"] = kernel_sum(name, n, d, dtype)
    contest(
        f"pairs {d}",
        f"sums over all pairs, n = m = {SIZES[d]:,} (float64: half), d = {d}",
        works,
    )
