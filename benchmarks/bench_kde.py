"""Parzen window log-densities: 10,000 samples, 2,000 queries."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

import parzen

N, M = 10_000, 2_000
BANDWIDTH = 0.5


def squared_distances(x, q):
    return (x**2).sum(axis=1)[:, None] + (q**2).sum(axis=1) - 2.0 * x @ q.T


def numpy_log_density(x, q):
    """Chunked NumPy in the input's type: distances by products, then a log-sum-exp."""
    h2 = 2.0 * BANDWIDTH**2
    logs = [logsumexp(-squared_distances(x, part) / h2, axis=0) for part in np.split(q, 10)]
    return (
        np.concatenate(logs)
        - math.log(N)
        - x.shape[1] * math.log(BANDWIDTH * math.sqrt(2.0 * math.pi))
    )


def scikit_learn_log_density(x, q):
    from sklearn.neighbors import KernelDensity

    return KernelDensity(bandwidth=BANDWIDTH).fit(x).score_samples(q)


@pytest.mark.parametrize("who", ["parzen", "scikit-learn", "NumPy"])
@pytest.mark.parametrize("d", [2, 16, 64, 512])
def test_log_density(contest, d, who):
    x = np.random.default_rng(0).standard_normal((N, d)).astype(np.float32)
    q = np.random.default_rng(1).standard_normal((M, d)).astype(np.float32)
    exact = numpy_log_density(x.astype(np.float64), q.astype(np.float64))
    functions = {
        "parzen": lambda: parzen.log_density(x, q, bandwidth=BANDWIDTH),
        "scikit-learn": lambda: scikit_learn_log_density(x, q),
        "NumPy": lambda: numpy_log_density(x, q),
    }
    contest(
        f"KDE log-density, n = {N:,}, m = {M:,}, d = {d}, h = {BANDWIDTH}, float32; error in nats",
        {"NumPy": "NumPy, chunked"}.get(who, who),
        functions[who],
        error=lambda logs: np.abs(logs - exact).max(),
        rounds=2 if who == "scikit-learn" else 5,
        pairs=float(N) * M,
    )
