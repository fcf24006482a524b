"""KL divergence from samples, by neighbours, beside scikit-learn's trees; the Stein discrepancy."""

import numpy as np

import parzen
from benchmarks.conftest import normal
from benchmarks.contest import Work, size

N, D, K = size(20_000, 300), 64, 5
TENTH = "scikit-learn, kd_tree, a tenth of the queries"


def trees(x, y, algorithm, queries=N):
    """Return the estimate of Wang, Kulkarni and Verdú with scikit-learn's neighbours.

    `queries`: of so many rows of x, among all of them. A tree takes minutes for all.
    """
    from sklearn.neighbors import NearestNeighbors

    def farthest(points, queries, k):
        found = NearestNeighbors(n_neighbors=k, algorithm=algorithm, n_jobs=-1).fit(points)
        return found.kneighbors(queries)[0][:, -1]

    some = x[:queries]
    own, other = farthest(x, some, K + 1), farthest(y, some, K)  # the first neighbour is itself
    return x.shape[1] * np.log(other / own).mean() + np.log(len(y) / (len(x) - 1))


def test_kl_from_samples(contest):
    x, y = normal(N, D, 0), normal(N, D, 1) + np.float32(0.1)
    exact = parzen.kl_divergence_from_samples(x.astype(np.float64), y.astype(np.float64), k=K)
    functions = {
        "parzen, with standard error": lambda: parzen.kl_divergence_from_samples(x, y, k=K),
        TENTH: lambda: trees(x, y, "kd_tree", N // 10),
        "scikit-learn, brute": lambda: trees(x, y, "brute"),
    }
    works = {
        name: Work(run, lambda value: abs(value - exact), pairs=2.0 * N * N)
        for name, run in functions.items()
    }
    works[TENTH].rounds = 1
    title = f"KL divergence from samples, n = m = {N:,}, d = {D}, k = {K}, float32; error in nats"
    contest("kl", title, works, rounds=3)
