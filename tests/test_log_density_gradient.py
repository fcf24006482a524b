"""The score of a kernel density estimate, against the formula and differences of log_density."""

import importlib

import numpy as np
import pytest

import parzen
import reference
from parzen import log_density_gradient

module = importlib.import_module("parzen.metrics.log_density_gradient")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("bandwidth", [0.05, 0.7, 30.0])
def test_by_the_formula(dtype, weighted, bandwidth, rng):
    x, q = rng.normal(size=(2, 70, 5)).astype(dtype)
    w = np.where(rng.random(70) < 0.2, 0.0, rng.random(70)) if weighted else None
    found = log_density_gradient(x, q, bandwidth=bandwidth, weights=w)
    wide = x.astype(np.float64), q.astype(np.float64)
    expected = reference.log_density_gradient(*wide, bandwidth, w)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11 / bandwidth)


def test_it_is_the_slope_of_the_log_density(rng):
    x, q = rng.normal(size=(40, 3)), rng.normal(size=(6, 3))
    step = 1e-5
    slopes = [
        parzen.log_density(x, q + e, bandwidth=0.6) - parzen.log_density(x, q - e, bandwidth=0.6)
        for e in step * np.eye(3)
    ]
    found = log_density_gradient(x, q, bandwidth=0.6)
    np.testing.assert_allclose(found.T, np.array(slopes) / (2 * step), rtol=1e-6, atol=1e-6)


def test_blocks_change_nothing_but_rounding(rng, monkeypatch):
    x, q = rng.normal(size=(100, 3)), 5.0 * rng.normal(size=(50, 3))
    whole = log_density_gradient(x, q, bandwidth=0.1)
    monkeypatch.setattr(module, "QUERY_ROWS", 7)
    monkeypatch.setattr(module, "SAMPLE_ROWS", 13)
    seen = []
    parts = log_density_gradient(x, q, bandwidth=0.1, progress=seen.append)
    np.testing.assert_allclose(parts, whole, rtol=1e-11, atol=1e-9)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_far_from_all_samples():
    # All exponentials are 0 in float64, and the nearest sample is what counts.
    found = log_density_gradient([[0.0], [1.0]], [[1e4]], bandwidth=0.1)
    np.testing.assert_allclose(found, [[(1.0 - 1e4) / 0.01]], rtol=1e-12)


def test_far_from_the_origin(rng):
    x = np.round(rng.normal(size=(30, 2)) * 64) / 64
    near = log_density_gradient(x, x + 0.25, bandwidth=0.3)
    far = log_density_gradient(x + 2.0**20, x + 0.25 + 2.0**20, bandwidth=0.3)
    np.testing.assert_allclose(far, near, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth is 0.0, expected a finite number > 0"),
        ({"bandwidth": 1.0, "weights": [1.0]}, r"weights has shape \(1,\), expected \(3,\)"),
        ({"bandwidth": 1.0, "weights": [1.0, -1.0, 1.0]}, "weights has negative values"),
        ({"bandwidth": 1e-200}, "overflow or underflow"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=f"log_density_gradient: .*{message}"):
        log_density_gradient(np.eye(3), np.eye(3), **options)
