"""The pair engine against the matrix product of the same run: how near to the arithmetic limit."""

import math

import numpy as np
import pytest

from parzen import _core

GEMM_SIZE = 4096
SIZES = {2: 30_000, 16: 30_000, 64: 20_000, 256: 12_000, 2048: 5_000}
KERNELS = {
    "polynomial sum": lambda d: _core.Polynomial(3, 1.0 / d, 1.0),
    "Gaussian sum": lambda d: _core.Gaussian([math.sqrt(d)]),
}
TYPES = {"float32": np.float32, "float64": np.float64}


@pytest.mark.parametrize("dtype", TYPES)
def test_matrix_product(contest, dtype):
    a = np.random.default_rng(0).standard_normal((GEMM_SIZE, GEMM_SIZE)).astype(TYPES[dtype])
    exact = a[:8].astype(np.float64) @ a.astype(np.float64)
    contest(
        f"sums over all pairs, {dtype}",
        f"NumPy's matrix product, {GEMM_SIZE}³",
        lambda: a @ a,
        error=lambda c: np.abs(c[:8] - exact).max() / np.abs(exact).max(),
        flops=2.0 * GEMM_SIZE**3,
    )


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_sum(contest, kernel, d, dtype):
    n = SIZES[d] // (2 if dtype == "float64" else 1)
    x, y = np.random.default_rng(0).standard_normal((2, n, d)).astype(TYPES[dtype])
    center = x.mean(axis=0)
    few, all_y = x[:64].astype(np.float64), y.astype(np.float64)
    products = few @ all_y.T
    if kernel == "polynomial sum":
        exact = ((products / d + 1.0) ** 3).mean(axis=1)
    else:
        squared = (few**2).sum(axis=1)[:, None] + (all_y**2).sum(axis=1) - 2.0 * products
        exact = np.exp(-squared / (2.0 * d)).mean(axis=1)
    contest(
        f"sums over all pairs, {dtype}",
        f"{kernel}, n = m = {n:,}, d = {d}",
        lambda: _core.kernel_sum(x, y, KERNELS[kernel](d), center=center),
        error=lambda sums: np.abs(sums[0][:64] / n - exact).max() / np.abs(exact).mean(),
        flops=2.0 * n * n * d,
        pairs=float(n) * n,
    )
