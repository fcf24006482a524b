"""Parzen window log-densities: beside scikit-learn and NumPy, and for few queries."""

import numpy as np
import pytest

import parzen
from benchmarks import rivals
from benchmarks.conftest import normal
from benchmarks.contest import Work, size

N, M, H = size(10_000, 300), size(2_000, 50), 0.5


def scikit_learn(x, q):
    from sklearn.neighbors import KernelDensity

    return KernelDensity(bandwidth=H).fit(x).score_samples(q)


def exactly(x, q, h):
    return rivals.log_density(x.astype(np.float64), q.astype(np.float64), h)


@pytest.mark.parametrize("d", [2, 16, 64, 512])
def test_log_density(contest, d):
    x, q = normal(N, d, 0), normal(M, d, 1)
    exact = exactly(x, q, H)
    functions = {
        "parzen": lambda: parzen.log_density(x, q, bandwidth=H),
        "NumPy, chunked": lambda: rivals.log_density(x, q, H),
        "scikit-learn": lambda: scikit_learn(x, q),
    }
    works = {
        name: Work(run, lambda logs: np.abs(logs - exact).max(), pairs=float(N) * M)
        for name, run in functions.items()
    }
    works["scikit-learn"].rounds = 2 if d == 512 else 3
    title = f"KDE log-density, n = {N:,}, m = {M:,}, d = {d}, h = {H}, float32; error in nats"
    contest(f"kde {d}", title, works)


@pytest.mark.parametrize("m", [1, 4, 16, 64, 2000])
def test_few_queries(contest, m):
    n, d, h = size(1_000_000, 2000), 64, 4.0
    x, q = normal(n, d, 0), normal(m, d, 1)
    exact = exactly(x, q[:1], h)
    functions = {f"parzen, m = {m}": lambda: parzen.log_density(x, q, bandwidth=h)}
    if m <= 64:
        functions[f"NumPy, query by query, m = {m}"] = lambda: rivals.log_density(x, q, h, parts=m)
    works = {
        name: Work(run, lambda logs: np.abs(logs[:1] - exact).max(), pairs=float(n) * m)
        for name, run in functions.items()
    }
    title = f"KDE log-density, n = {n:,}, few queries, d = {d}, float32; error in nats"
    contest(f"queries {m}", title, works, rounds=3)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_small_samples(contest, n):
    x, y = normal(n, 64, 0), normal(n, 64, 1)
    exact = rivals.kid(x.astype(np.float64), y.astype(np.float64))
    functions = {
        f"parzen, n = {n}": lambda: parzen.kid(x, y, subsets=None).mean,
        f"NumPy, n = {n}": lambda: rivals.kid(x, y),
    }
    works = {
        name: Work(run, lambda kid: abs(kid - exact), pairs=4.0 * n * n)
        for name, run in functions.items()
    }
    title = "full KID with standard error, few samples, n = m, d = 64, float32; absolute error"
    contest(f"small {n}", title, works)
