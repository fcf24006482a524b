"""The permutation test of the MMD, beside NumPy with the kernel matrix stored and one product."""

import numpy as np

import parzen
from benchmarks import rivals
from benchmarks.conftest import normal
from benchmarks.contest import Work, size

N, D, H = size(5000, 200), 64, 8.0
PERMUTATIONS = size(1000, 50)


def test_mmd_test(contest):
    x, y = normal(N, D, 1), normal(N, D, 2) * np.float32(1.02)
    exact, _ = rivals.mmd_test(x.astype(np.float64), y.astype(np.float64), H, 1)
    kernel = parzen.Gaussian(H)
    title = f"permutation test, n = m = {N}, d = {D}, {PERMUTATIONS} permutations, float32"
    contest(
        "mmd_test",
        f"{title}; error of MMD²",
        {
            "parzen": Work(
                lambda: parzen.mmd_test(x, y, kernel=kernel, permutations=PERMUTATIONS),
                error=lambda test: abs(test.squared - exact),
            ),
            "NumPy, K stored, one product": Work(
                lambda: rivals.mmd_test(x, y, H, PERMUTATIONS),
                error=lambda test: abs(test[0] - exact),
            ),
        },
    )
