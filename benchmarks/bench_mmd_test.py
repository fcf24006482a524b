"""A permutation test with 1000 permutations of n = m = 5000 rows of d = 64."""

import math

import numpy as np
import pytest

import parzen

N, D, PERMUTATIONS = 5000, 64, 1000


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(0).standard_normal((2, N, D)).astype(np.float32)


def numpy_test(x, y):
    """The plain way: the matrix of all pairs, stored, times the matrix of all assignments."""
    z = np.concatenate([x, y])
    norms = np.square(z).sum(axis=1)
    k = z @ z.T
    k *= 2
    k -= norms[:, None]
    k -= norms
    k /= np.float32(2 * D)
    np.exp(k, out=k)
    np.fill_diagonal(k, 0)
    random = np.random.default_rng(0)
    members = np.zeros((2 * N, PERMUTATIONS), dtype=np.float32)
    for p in range(PERMUTATIONS):
        members[random.choice(2 * N, N, replace=False, shuffle=False), p] = 1
    within = np.einsum("ip,ip->p", members, k @ members, dtype=np.float64)
    rows = k.sum(axis=1, dtype=np.float64)
    across = rows @ members - within
    outside = rows.sum() - within - 2 * across
    return (within + outside) / (N * (N - 1)) - 2 * across / N**2


@pytest.fixture(scope="module")
def exact(samples):
    return numpy_test(*(a.astype(np.float64) for a in samples))


@pytest.mark.parametrize("who", ["parzen", "NumPy"])
def test_permutations(contest, samples, exact, who):
    kernel = parzen.Gaussian(math.sqrt(D))
    group = f"MMD test, {PERMUTATIONS} permutations, n = m = {N}, d = {D}, float32"
    if who == "parzen":
        contest(
            group,
            "parzen",
            lambda: parzen.mmd_test(*samples, kernel=kernel, permutations=PERMUTATIONS),
            error=lambda found: np.abs(found.null - exact).max(),
        )
    else:
        contest(
            group,
            "NumPy, the stored matrix times all assignments",
            lambda: numpy_test(*samples),
            error=lambda found: np.abs(found - exact).max(),
        )
