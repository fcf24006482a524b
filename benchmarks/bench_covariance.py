"""FID's moments against BLAS's symmetric product of the same data: what a covariance costs."""

import numpy as np
from scipy.linalg.blas import dsyrk, ssyrk

from benchmarks.conftest import normal
from benchmarks.contest import Work, size
from parzen import _core
from parzen._arrays import center_of
from parzen.metrics.covariance import mean_and_covariance

N, D = size(50_000, 500), size(2048, 64)
COLUMNS = 32  # of the covariance that are checked
STARTS = np.cumsum([D + 1, *range(D, 1, -1)])  # of its rows in the packed moments


def test_covariance(contest):
    works = {}
    for dtype, syrk, peer in ((np.float32, ssyrk, "ssyrk"), (np.float64, dsyrk, "dsyrk")):
        x = normal(N, D, 1, dtype)
        x += dtype(0.5)  # features are not centred
        wide = x.astype(np.float64)
        wide -= wide.mean(axis=0)
        exact = wide.T @ wide[:, :COLUMNS] / (N - 1)
        del wide
        plain = x.T.astype(np.float64) @ x[:, :COLUMNS].astype(np.float64)

        def covariance(x=x):
            """Of products in the input's type, as the norms of moments take them."""
            total = np.zeros(D + 1)
            _core.moments(x, total, 1)
            center = total[1:] / N
            sums = np.zeros((D + 1) * (D + 2) // 2)
            _core.moments(x, sums, 2, center=center)
            return [sums[start : start + D - row] / (N - 1) for row, start in enumerate(STARTS)]

        def fid_moments(x=x):
            return mean_and_covariance(x, center_of(x).astype(np.float64), 1)[1]

        def theirs(x=x, syrk=syrk):
            return syrk(1.0, x.T)  # the upper triangle of x' x; x.T is no copy

        def our_error(sigma, exact=exact):
            rows = (sigma[c][-(D - c) :] for c in range(COLUMNS))  # from the diagonal on
            errors = [np.abs(row - exact[c:, c]).max() for c, row in enumerate(rows)]
            return max(errors) / np.abs(exact).max()

        def their_error(product, plain=plain):
            upper = np.triu(np.ones((COLUMNS, D), dtype=bool))
            return np.abs(product[:COLUMNS] - plain.T)[upper].max() / np.abs(plain).max()

        flops = float(N) * D * (D + 1)
        name = np.dtype(dtype).name
        works[f"parzen, moments, {name}"] = Work(covariance, our_error, flops=flops)
        works[f"parzen, FID's moments, {name} in float64"] = Work(
            fid_moments, our_error, flops=flops
        )
        works[f"{peer}, the product alone"] = Work(theirs, their_error, flops=flops)
    title = f"covariance, n = {N:,}, d = {D}; error relative to the largest entry"
    contest("covariance", title, works, rounds=3)
