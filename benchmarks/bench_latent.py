"""The report of a latent space: 10,000 codes of 10 dimensions, 6 factors."""

import numpy as np

from benchmarks.contest import Work, size
from parzen import latent

N, CODES, FACTORS = size(10_000, 400), 10, 6


def test_report(contest):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 5, (N, FACTORS))
    mixing = rng.standard_normal((FACTORS, CODES))
    codes = (factors - 2.0) @ mixing + 0.5 * rng.standard_normal((N, CODES))
    works = {"parzen.latent.report": Work(lambda: latent.report(codes, factors))}
    title = f"report of {N:,} codes, {CODES} dimensions, {FACTORS} factors"
    contest("latent", title, works, rounds=1)
