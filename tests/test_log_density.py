"""The log-sum-exp over samples, against the float64 reference on the same inputs."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

import parzen
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


COMPACT = ["tophat", "epanechnikov", "linear", "cosine"]


def bounds_of_sums(x, q, h, kernel, dtype, log_weights):
    """The least and the largest sum that squared distances off by TOLERANCE, relatively, allow.

    Every profile falls with the distance, so it is enough to shrink and to stretch the bandwidth;
    what is added and multiplied is positive, and rounded within TOLERANCE again.
    """
    weights = np.exp(np.broadcast_to(log_weights, len(x)))[:, None]
    ratios = np.sqrt(reference.squared_distances(x, q)) / h
    slack = TOLERANCE[dtype]
    low, high = (
        (weights * reference.PROFILES[kernel](ratios * (1.0 + sign * slack / 2.0))).sum(axis=0)
        for sign in (1, -1)
    )
    return low * (1.0 - slack), high * (1.0 + slack)


@pytest.mark.parametrize("kernel", COMPACT)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("d", [1, 2, 16, 64, 512])
def test_compact_kernels(d, dtype, kernel):
    rng = np.random.default_rng(d)
    x, q = (rng.standard_normal((n, d)).astype(dtype) for n in (230, 70))
    log_weights = 3.0 * rng.standard_normal(len(x))
    # From nothing or little in the support to everything, distances being near sqrt(2 d).
    bandwidths = [math.sqrt(2.0 * d) * t for t in (0.1, 0.8, 0.95, 1.0, 1.1, 4.0)]
    for weights in (None, log_weights):
        found = _core.log_density(x, q, bandwidths, kernel=kernel, log_weights=weights)
        assert not np.isnan(found).any()
        for b, h in enumerate(bandwidths):
            given = 0.0 if weights is None else weights
            low, high = bounds_of_sums(x, q, h, kernel, dtype, given)
            assert (np.exp(found[b]) >= low).all()
            assert (np.exp(found[b]) <= high).all()
            assert (found[b][high == 0.0] == -np.inf).all()
            assert (found[b][low > 0.0] > -np.inf).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("d", [1, 2, 16, 64, 512])
def test_exponential_kernel(d, dtype):
    rng = np.random.default_rng(d)
    x, q = (rng.standard_normal((n, d)).astype(dtype) for n in (230, 70))
    log_weights = 5.0 * rng.standard_normal(len(x))
    bandwidths = [1e-3, 0.1, 1.0, 30.0]
    distances = np.sqrt(reference.squared_distances(x, q))
    for weights in (None, log_weights):
        found = _core.log_density(x, q, bandwidths, kernel="exponential", log_weights=weights)
        for b, h in enumerate(bandwidths):
            exponents = -distances / h + np.reshape(0.0 if weights is None else weights, (-1, 1))
            assert_logs(found[b], logsumexp(exponents, axis=0), dtype)


@pytest.mark.parametrize("kernel", ["exponential", *COMPACT])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(2, 1), (40, 3), (150, 64)], ids=str)
def test_leaving_one_out_of_the_others(shape, dtype, kernel):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    bandwidths = [0.5, 9.0, 20.0]
    found = _core.log_density(x, None, bandwidths, kernel=kernel)
    for j in range(len(x)):
        others = _core.log_density(
            np.delete(x, j, axis=0), x[j : j + 1], bandwidths, kernel=kernel
        )[:, 0]
        nothing = others == -np.inf
        np.testing.assert_array_equal(found[nothing, j], others[nothing])
        # Two orders of sums of positive terms, or exponents up to |value|: roundings of the type.
        bound = 32 * np.finfo(dtype).eps * np.maximum(1.0, np.abs(others[~nothing]))
        assert (np.abs(found[~nothing, j] - others[~nothing]) <= bound).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", ["epanechnikov", "linear", "cosine"])
def test_profiles_to_the_last_digits_up_to_the_edge(kernel, dtype):
    # Distances that are exact in the type, and with them 1 - r: down to 2^-20 from the edge.
    steps = np.concatenate([np.arange(0, 2**20, 4099), 2**20 - np.arange(1, 60)])
    q = (steps / 2**20)[:, None]
    found = _core.log_density(np.zeros((1, 1), dtype), q.astype(dtype), [1.0], kernel=kernel)[0]
    r = q[:, 0]
    with np.errstate(divide="ignore"):
        exact = np.log(
            {
                "epanechnikov": (1.0 - r) * (1.0 + r),
                "linear": 1.0 - r,
                "cosine": np.sin(np.pi * (1.0 - r) / 2.0),
            }[kernel]
        )
    # k is within 2 ulp, of at most eps each, or 1 - r^2 as wrong as r^2 rounded is.
    slack = 2.0 * np.finfo(dtype).eps
    if kernel == "epanechnikov":
        slack = slack / (1.0 - r * r)
    np.testing.assert_array_less(np.abs(found - exact), slack + 4e-15)


@pytest.mark.parametrize("kernel", COMPACT)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("h", [1.0, 0.1, 3.0, 1e-5])
def test_the_edge_is_outside(h, dtype, kernel):
    h = float(dtype(h))
    inside = float(np.nextafter(dtype(h), dtype(0)) if dtype == np.float64 else dtype(h * 0.999999))
    outside = float(np.nextafter(dtype(h), dtype(np.inf)))
    q = np.array([[h], [-h], [outside], [1e3 * h]], dtype)
    for x in (np.zeros((1, 1), dtype), np.zeros((40, 1), dtype)):
        found = _core.log_density(x, q, [h, 0.5 * h], kernel=kernel)
        assert (found == -np.inf).all()
        near = np.array([[inside * (1 - 1e-6)]], dtype)
        assert np.isfinite(_core.log_density(x, near, [h], kernel=kernel)).all()


@pytest.mark.parametrize("kernel", COMPACT)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_weights_are_relative_to_the_largest(kernel, dtype):
    x, q = np.array([[0.0], [5.0]], dtype), np.array([[0.0], [5.0], [9.0]], dtype)
    for shift in (-700.0, 0.0, 600.0):
        found = _core.log_density(
            x, q, [1.0], kernel=kernel, log_weights=np.array([shift, shift - 50.0])
        )
        np.testing.assert_allclose(found[0, :2], [shift, shift - 50.0], rtol=1e-6)
        assert found[0, 2] == -np.inf


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", *COMPACT])
@pytest.mark.parametrize("same", [False, True])
def test_threads_change_no_bit(kernel, same, one_and_many_threads):
    x, q = np.random.default_rng(0).standard_normal((2, 700, 20)).astype(np.float32)
    alone, many = one_and_many_threads(
        lambda: _core.log_density(x, None if same else q, [2.0, 6.0], kernel=kernel)
    )
    np.testing.assert_array_equal(alone, many)


def test_an_unknown_kernel_is_refused():
    x = np.zeros((2, 1))
    with pytest.raises(ValueError, match="kernel: there is no 'biweight'"):
        _core.log_density(x, x, [1.0], kernel="biweight")


@pytest.mark.parametrize("function", [parzen.log_density, parzen.log_density_gradient])
def test_a_rule_is_told_where_rules_are(function):
    message = f"{function.__name__}: bandwidth is 'scott', expected a number; rules are KernelDens"
    with pytest.raises(TypeError, match=message):
        function(np.eye(3), np.eye(3), bandwidth="scott")
