"""The curves of docs/roofline.png: rates over d = 1 to 4096. A figure and no table."""

import numpy as np
import pytest

import parzen
from benchmarks import rivals
from benchmarks.bench_kde import scikit_learn
from benchmarks.bench_pairs import kernel_sum
from benchmarks.conftest import normal
from benchmarks.contest import SMOKE, Work, size


@pytest.mark.parametrize("d", [2**i for i in range(13)])
def test_roofline(contest, d):
    n = 200 if SMOKE else max(1500, min(12_000, int((1e10 / d) ** 0.5)))
    x, q, few = normal(n, d, 0), normal(n, d, 1), normal(size(100, 5), d, 2)
    h = d**0.5
    parts = np.array_split(q, 8)
    works = {
        "polynomial sum": kernel_sum("polynomial", n, d, "float32"),
        "Gaussian sum": kernel_sum("Gaussian", n, d, "float32"),
        "KDE": Work(lambda: parzen.log_density(x, q, bandwidth=h), pairs=float(n) * n),
        "NumPy, polynomial": Work(
            lambda: [rivals.polynomial(x, part).sum(dtype=np.float64) for part in parts],
            pairs=float(n) * n,
        ),
        "NumPy, Gaussian": Work(
            lambda: [rivals.gaussian(x, part, h).sum(dtype=np.float64) for part in parts],
            pairs=float(n) * n,
        ),
    }
    if d <= 512:
        works["scikit-learn, KDE"] = Work(
            lambda: scikit_learn(x, few), pairs=float(n) * len(few), rounds=1
        )
    for work in works.values():
        work.info = {"figure": "roofline", "d": d}
    contest(f"roofline {d}", "", works, rounds=3)
