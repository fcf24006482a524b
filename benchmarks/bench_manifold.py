"""Precision, recall, density and coverage of n = 5000 features of d = 2048."""

import contextlib
import io

import numpy as np
import pytest

import parzen
from benchmarks.conftest import features

N, D, K = 5000, 2048, 3


@pytest.mark.parametrize("who", ["parzen", "prdc"])
def test_precision_recall(contest, who):
    x, y = features(N, D, 1), features(N, D, 2) * np.float32(1.02)
    # In float64 the whole way; prdc counts strictly inside, which without ties is the same.
    exact = np.array(parzen.precision_recall(x.astype(np.float64), y.astype(np.float64), k=K))

    def prdc():
        from prdc import compute_prdc

        with contextlib.redirect_stdout(io.StringIO()):
            result = compute_prdc(x, y, nearest_k=K)
        return [result[name] for name in ("precision", "recall", "density", "coverage")]

    contest(
        f"precision, recall, density, coverage, n = m = {N}, d = {D}, k = {K}, float32",
        who,
        prdc if who == "prdc" else lambda: parzen.precision_recall(x, y, k=K),
        error=lambda values: np.abs(np.array(values) - exact).max(),
        rounds=3,
    )
