"""The importance-weighted bound, against a model whose likelihood is known."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from parzen import importance_weighted_bound


def test_by_the_formula(rng):
    logs = rng.normal(size=(30, 8))
    w = np.exp(logs)
    found = importance_weighted_bound(logs)
    bounds, sizes = np.log(w.mean(axis=1)), w.sum(axis=1) ** 2 / np.square(w).sum(axis=1)
    assert found.bound == pytest.approx(bounds.mean(), rel=1e-13)
    assert found.bound.stderr == pytest.approx(bounds.std(ddof=1) / math.sqrt(30), rel=1e-12)
    assert found.effective_sample_size == pytest.approx(sizes.mean(), rel=1e-13)
    assert found.effective_sample_size.stderr == pytest.approx(
        sizes.std(ddof=1) / math.sqrt(30), rel=1e-12
    )
    assert found.bound.provenance["metric"] == "importance_weighted_bound"


@pytest.mark.parametrize("shift", [-1e5, 1e5])
def test_weights_beyond_float64(shift, rng):
    logs = rng.normal(size=(10, 4))
    near, far = importance_weighted_bound(logs), importance_weighted_bound(logs + shift)
    assert far.bound == pytest.approx(near.bound + shift, rel=1e-14)
    assert far.effective_sample_size == pytest.approx(near.effective_sample_size, rel=1e-9)


def test_the_bound_grows_with_k_up_to_the_likelihood(rng):
    # z ~ N(0, 1), x | z ~ N(z, 1), so that x ~ N(0, 2); q(z | x) = N(0, 1), which ignores x.
    x = math.sqrt(2.0) * rng.normal(size=(3000, 1))
    truth = (-0.25 * x**2 - 0.5 * math.log(4 * math.pi)).mean()
    z = rng.normal(size=(3000, 256))
    logs = -0.5 * (x - z) ** 2 - 0.5 * math.log(2 * math.pi)
    bounds = [importance_weighted_bound(logs[:, :k]).bound for k in (1, 4, 32, 256)]
    assert bounds == sorted(bounds)
    # E over x of KL(N(0, 1) || N(x/2, 1/2)) = (2 - 1 - log 2 + 2 (x/2)^2)/2, with E x^2 = 2
    gap = (2.0 - math.log(2.0)) / 2.0
    assert abs(truth - gap - bounds[0]) < 4.0 * bounds[0].stderr
    assert bounds[-1] == pytest.approx(truth, abs=0.02)


def test_one_draw_is_the_elbo(rng):
    logs = rng.normal(size=(40, 1))
    found = importance_weighted_bound(logs)
    assert found.bound == pytest.approx(logs.mean(), rel=1e-13)
    assert found.effective_sample_size == 1.0


def test_effective_sample_sizes():
    assert importance_weighted_bound([[0.0, 0.0, -np.inf, -np.inf]]).effective_sample_size == 2.0
    assert importance_weighted_bound([[0.0, -800.0]]).effective_sample_size == 1.0
    even = importance_weighted_bound(np.full((3, 7), -1e4))
    assert even.effective_sample_size == pytest.approx(7.0, rel=1e-11)


def test_no_weight_at_all():
    found = importance_weighted_bound([[-np.inf, -np.inf], [0.0, 0.0]])
    assert found.bound == -math.inf
    assert found.bound.stderr is None
    assert found.effective_sample_size == 1.0


def test_float32(rng):
    logs = rng.normal(size=(10, 5)).astype(np.float32)
    expected = (logsumexp(logs.astype(np.float64), axis=1) - math.log(5)).mean()
    assert importance_weighted_bound(logs).bound == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        ([0.0, 1.0], r"log_weights has shape \(2,\), expected \(n, k\)"),
        (np.zeros((3, 0)), r"log_weights is empty \(shape=\(3, 0\)\)"),
        ([[0.0, np.nan]], r"log_weights has 1 value .*at \[0, 1\]"),
    ],
)
def test_what_is_refused(logs, message):
    with pytest.raises(ValueError, match=f"importance_weighted_bound: {message}"):
        importance_weighted_bound(logs)
