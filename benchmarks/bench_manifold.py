"""Precision, recall, density and coverage of n = 5000 features of d = 2048."""

import contextlib
import io

import numpy as np

import parzen
from benchmarks.conftest import features
from benchmarks.contest import Work, size

N, D, K = size(5000, 200), size(2048, 64), 3


def test_precision_recall(contest):
    x, y = features(N, D, 1), features(N, D, 2) * np.float32(1.02)
    # In float64 the whole way; prdc counts strictly inside, which without ties is the same.
    exact = np.array(parzen.precision_recall(x.astype(np.float64), y.astype(np.float64), k=K))

    def prdc():
        from prdc import compute_prdc

        with contextlib.redirect_stdout(io.StringIO()):
            result = compute_prdc(x, y, nearest_k=K)
        return [result[name] for name in ("precision", "recall", "density", "coverage")]

    functions = {"parzen": lambda: parzen.precision_recall(x, y, k=K), "prdc": prdc}
    works = {
        name: Work(run, lambda values: np.abs(np.array(values) - exact).max())
        for name, run in functions.items()
    }
    title = f"precision, recall, density, coverage, n = m = {N}, d = {D}, k = {K}, float32"
    contest("manifold", title, works, rounds=3)
