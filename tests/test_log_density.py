"""The log-sum-exp over samples, against the float64 reference on the same inputs."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

import reference
from parzen import _core

SHAPES = [
    (1, 1, 1),
    (5, 3, 2),
    (33, 13, 8),
    (30, 40, 9),
    (300, 170, 64),
    (50, 37, 600),
    (2000, 5, 20),
    (3, 2000, 20),
]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-11}  # times max(1, |value|)


def expected_logs(x, q, h, log_weights=0.0):
    exponents = -reference.squared_distances(x, q) / (2 * h * h) + np.reshape(log_weights, (-1, 1))
    return logsumexp(exponents, axis=0)


def assert_logs(found, expected, dtype):
    np.testing.assert_array_less(
        np.abs(found - expected), TOLERANCE[dtype] * np.maximum(1.0, np.abs(expected))
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_several_bandwidths_and_weights(shape, dtype):
    n, m, d = shape
    rng = np.random.default_rng(n)
    x, q = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    log_weights = 5.0 * rng.standard_normal(n)
    bandwidths = [0.1, 0.5, 1.0, math.sqrt(d), 100.0]
    for center in (None, x.mean(axis=0)):
        plain = _core.log_density(x, q, bandwidths, center=center)
        weighted = _core.log_density(x, q, bandwidths, log_weights=log_weights, center=center)
        assert plain.shape == weighted.shape == (5, m)
        for b, h in enumerate(bandwidths):
            assert_logs(plain[b], expected_logs(x, q, h), dtype)
            assert_logs(weighted[b], expected_logs(x, q, h, log_weights), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(2, 1), (40, 3), (150, 64)], ids=str)
def test_leaving_one_out(shape, dtype):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    exponents = -reference.squared_distances(x, x) / (2 * 0.7**2)
    np.fill_diagonal(exponents, -np.inf)
    assert_logs(_core.log_density(x, None, [0.7])[0], logsumexp(exponents, axis=0), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_high_dimension_and_small_bandwidth(dtype):
    # Exponents near -2000: a sum of exponentials would be 0 and its logarithm -inf.
    x, q = np.random.default_rng(0).standard_normal((2, 1000, 512)).astype(dtype)
    found = _core.log_density(x, q, [0.5], center=x.mean(axis=0))[0]
    assert found.max() < -1000.0
    assert_logs(found, expected_logs(x, q, 0.5), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("d", [1, 32])
def test_the_nearest_sample_may_come_last(dtype, d):
    # Every sample is closer than the one before by far more than the head room: the reference
    # moves at every tile.
    x = np.linspace(1000.0, 1.0, 400)[:, None] * np.ones(d)
    x = x.astype(dtype)
    q = np.zeros((3, d), dtype)
    for samples in (x, x[::-1].copy()):
        assert_logs(_core.log_density(samples, q, [0.5])[0], expected_logs(samples, q, 0.5), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_one_point(dtype):
    x, q = np.array([[1.0, 2.0]], dtype), np.array([[1.0, 2.0], [4.0, 6.0]], dtype)
    np.testing.assert_allclose(_core.log_density(x, q, [2.0])[0], [0.0, -25.0 / 8.0], rtol=1e-6)


def test_more_queries_than_a_slab():
    rng = np.random.default_rng(0)
    x, q = (
        rng.standard_normal((100, 3)).astype(np.float32),
        rng.standard_normal((40_000, 3)).astype(np.float32),
    )
    assert_logs(_core.log_density(x, q, [0.5])[0], expected_logs(x, q, 0.5), np.float32)


def test_many_samples_sum_without_drift():
    # A running float32 sum of 200,000 equal terms would be off by 1e-3.
    x = np.zeros((200_000, 1), np.float32)
    found = _core.log_density(x, np.full((1, 1), 0.3, np.float32), [1.0])
    np.testing.assert_allclose(
        found, math.log(200_000) - np.float64(np.float32(0.3)) ** 2 / 2, rtol=1e-7
    )
