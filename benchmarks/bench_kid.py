"""The Kernel Inception Distance of n = 5000 features of d = 2048."""

import numpy as np
import pytest
import torch

import parzen
from benchmarks.conftest import features

N, D = 5000, 2048


@pytest.fixture(scope="module")
def samples():
    return features(N, D, 1), features(N, D, 2) * np.float32(1.02)


def numpy_kid(x, y):
    """The plain way: three stored matrices in the input's type, summed in float64."""

    def kernel(a, b):
        return (a @ b.T / D + 1.0) ** 3

    n = len(x)
    within = [
        (k.sum(dtype=np.float64) - np.trace(k)) / (n * (n - 1))
        for k in (kernel(x, x), kernel(y, y))
    ]
    return sum(within) - 2.0 * kernel(x, y).mean(dtype=np.float64)


@pytest.fixture(scope="module")
def exact(samples):
    return numpy_kid(*(a.astype(np.float64) for a in samples))


@pytest.mark.parametrize("who", ["parzen", "NumPy", "torch-fidelity"])
def test_full_kid(contest, samples, exact, who):
    x, y = samples
    group = f"KID, n = m = {N}, d = {D}, float32"
    if who == "parzen":
        contest(
            group,
            "parzen, all samples with standard error",
            lambda: parzen.kid(x, y, subsets=None),
            error=lambda kid: abs(kid.mean - exact),
        )
    elif who == "NumPy":
        contest(
            group,
            "NumPy, all samples, three stored matrices",
            lambda: numpy_kid(x, y),
            error=lambda kid: abs(kid - exact),
        )
    else:
        from torch_fidelity.metric_kid import kid_features_to_metric

        a, b = torch.from_numpy(x), torch.from_numpy(y)
        contest(
            group,
            "torch-fidelity, 100 subsets of 1000",
            lambda: kid_features_to_metric(
                a, b, kid_subsets=100, kid_subset_size=1000, verbose=False
            ),
            error=lambda kid: abs(kid["kernel_inception_distance_mean"] - exact),
            rounds=3,
        )


@pytest.mark.parametrize("who", ["parzen", "torch-fidelity"])
def test_subsets(contest, samples, who):
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = samples
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    wide = torch.from_numpy(x.astype(np.float64)), torch.from_numpy(y.astype(np.float64))
    key = "kernel_inception_distance_mean"
    options = {"kid_subsets": 20, "kid_subset_size": 1000, "verbose": False}
    exact = kid_features_to_metric(*wide, **options)[key]
    group = f"KID, 20 subsets of 1000, n = m = {N}, d = {D}, float32"
    if who == "parzen":
        contest(
            group,
            "parzen, the same subsets",
            lambda: parzen.kid(x, y, subsets=20),
            error=lambda kid: abs(kid.mean - exact),
        )
    else:
        contest(
            group,
            "torch-fidelity",
            lambda: kid_features_to_metric(a, b, **options),
            error=lambda kid: abs(kid[key] - exact),
        )
