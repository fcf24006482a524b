"""The Kernel Inception Distance: of all samples, of 100 subsets, and by moments."""

import numpy as np
import pytest
import torch

import parzen
from benchmarks import rivals
from benchmarks.conftest import features, normal
from benchmarks.contest import Work, size

D = size(2048, 64)
SUBSETS, SUBSET = 100, size(1000, 50)


def torch_fidelity(x, y, key="kernel_inception_distance_mean"):
    from torch_fidelity.metric_kid import kid_features_to_metric

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    options = {"kid_subsets": SUBSETS, "kid_subset_size": SUBSET, "verbose": False}
    return kid_features_to_metric(a, b, **options)[key]


def subsets_exactly(x, y):
    """torch-fidelity's draws, in float64."""
    random = np.random.RandomState(2020)
    values = []
    for _ in range(SUBSETS):
        pair = (z[random.choice(len(z), SUBSET, replace=False)] for z in (x, y))
        values.append(rivals.kid(*(a.astype(np.float64) for a in pair)))
    return np.mean(values)


@pytest.mark.parametrize("n", [size(5000, 200), size(50_000, 300)])
def test_kid(contest, n):
    x, y = features(n, D, 1), features(n, D, 2) * np.float32(1.02)
    drawn = subsets_exactly(x, y)
    subset = {"subsets": SUBSETS, "subset_size": SUBSET}
    works = {
        "parzen, 100 subsets": Work(
            lambda: parzen.kid(x, y, **subset), error=lambda kid: abs(kid.mean - drawn)
        ),
        "torch-fidelity, 100 subsets": Work(
            lambda: torch_fidelity(x, y), error=lambda kid: abs(kid - drawn)
        ),
    }
    small = n == size(5000, 200)
    if small:
        exact = rivals.kid(x.astype(np.float64), y.astype(np.float64))
        works |= {
            "parzen, all samples with standard error": Work(
                lambda: parzen.kid(x, y, subsets=None), error=lambda kid: abs(kid.mean - exact)
            ),
            "NumPy, all samples, in place": Work(
                lambda: rivals.kid(x, y), error=lambda kid: abs(kid - exact)
            ),
            "NumPy, all samples, as the formula": Work(
                lambda: rivals.kid(x, y, in_place=False), error=lambda kid: abs(kid - exact)
            ),
        }
    title = f"KID, n = m = {n:,}, d = {D}, float32; subsets of {SUBSET}; absolute error"
    contest("kid" if small else "kid of many", title, works, rounds=3 if small else 2)


def test_moments(contest):
    n, d = size(200_000, 400), size(64, 8)
    x, y = normal(n, d, 1), normal(n, d, 2) * np.float32(1.01)
    exact = rivals.moments_kid(x, y)

    def work(method, rounds):
        return Work(
            lambda: parzen.kid(x, y, subsets=None, method=method),
            error=lambda kid: abs(kid.mean - exact),
            rounds=rounds,
        )

    title = f"full KID, n = m = {n:,}, d = {d}, float32; absolute error"
    contest(
        "moments",
        title,
        {"parzen, moments": work("moments", 3), "parzen, all pairs": work("pairs", 1)},
        rounds=3,
    )
