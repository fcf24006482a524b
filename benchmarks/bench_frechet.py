"""The Frechet distance of two Gaussians in d = 2048, from statistics as FID has them."""

import contextlib
import io
import warnings

import numpy as np
import pytest
import torch

import parzen
from benchmarks.conftest import features
from benchmarks.contest import Work, size

D = size(2048, 64)
ROWS = size(10_000, 500)


def known(decades):
    """Covariances with common eigenvectors: the distance is sum (sqrt a - sqrt b)^2."""
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((D, D)))
    a = np.logspace(0, -decades, D)
    b = rng.permutation(a)
    s1, s2 = (q * a) @ q.T, (q * b) @ q.T
    return (np.zeros(D), (s1 + s1.T) / 2, np.zeros(D), (s2 + s2.T) / 2), np.square(
        np.sqrt(a) - np.sqrt(b)
    ).sum()


def of_features():
    """Moments of many rows a side; the reference is the singular values of L1'L2."""
    moments = []
    for seed in (1, 2):
        x = features(ROWS, D, seed).astype(np.float64) * (1.0 if seed == 1 else 1.05)
        moments += [x.mean(axis=0), np.cov(x, rowvar=False)]
    mu1, s1, mu2, s2 = moments
    root = np.linalg.svd(np.linalg.cholesky(s1).T @ np.linalg.cholesky(s2), compute_uv=False).sum()
    return tuple(moments), np.square(mu1 - mu2).sum() + np.trace(s1) + np.trace(s2) - 2.0 * root


CASES = {
    "moments of 10,000 rows": of_features,
    "known distance, condition 1e3": lambda: known(3),
    "known distance, condition 1e12": lambda: known(12),
}


def contestants(statistics):
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    mu1, s1, mu2, s2 = statistics
    tensors = [torch.from_numpy(np.asarray(a)) for a in statistics]
    first, second = {"mu": mu1, "sigma": s1}, {"mu": mu2, "sigma": s2}
    key = "frechet_inception_distance"
    return {
        "parzen": lambda: parzen.frechet_distance(mu1, s1, mu2, s2),
        "torchmetrics": lambda: float(_compute_fid(*tensors)),
        "torch-fidelity": lambda: fid_statistics_to_metric(first, second, False)[key],
        "pytorch-fid": lambda: calculate_frechet_distance(mu1, s1, mu2, s2),
    }


def quiet(function):
    """scipy's sqrtm prints and warns where a matrix is nearly singular."""

    def run():
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return function()

    return run


@pytest.mark.parametrize("case", CASES)
def test_frechet_distance(contest, case):
    statistics, exact = CASES[case]()
    traces = np.trace(statistics[1]) + np.trace(statistics[3])
    works = {
        name: Work(quiet(run), lambda value: abs(value - exact) / traces)
        for name, run in contestants(statistics).items()
    }
    title = f"Fréchet distance, d = {D}, {case}, float64; error relative to the traces"
    rounds = 3 if case == "moments of 10,000 rows" else 1
    contest(f"frechet {case}", title, works, rounds=rounds)
