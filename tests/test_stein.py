"""The kernel Stein discrepancy against explicit derivatives, its closed form, and its test."""

import importlib
import math

import numpy as np
import pytest
import scipy.stats

import reference
from parzen import Gaussian, InverseMultiquadric, Normal, kernel_stein_discrepancy, stein_test

module = importlib.import_module("parzen.metrics.stein_kernel")
stein = importlib.import_module("parzen.metrics.stein")


def gaussian(h):
    def k(a, b):
        return np.exp(-((a - b) @ (a - b)) / (2 * h * h))

    def gradient(a, b):
        return -(a - b) / h**2 * k(a, b)

    def trace(a, b):
        return k(a, b) * (len(a) / h**2 - (a - b) @ (a - b) / h**4)

    return k, gradient, trace


def multiquadric(c, beta):
    def base(a, b):
        return c * c + (a - b) @ (a - b)

    def gradient(a, b):
        return 2 * beta * base(a, b) ** (beta - 1) * (a - b)

    def trace(a, b):
        r = (a - b) @ (a - b)
        return -2 * beta * len(a) * base(a, b) ** (beta - 1) - 4 * beta * (beta - 1) * r * base(
            a, b
        ) ** (beta - 2)

    return lambda a, b: base(a, b) ** beta, gradient, trace


def stein_matrix(x, scores, kernel):
    if isinstance(kernel, InverseMultiquadric):
        return reference.stein_matrix(x, scores, *multiquadric(kernel.c, kernel.beta))
    several = [reference.stein_matrix(x, scores, *gaussian(h)) for h in np.ravel(kernel.bandwidth)]
    return np.mean(several, axis=0)


KERNELS = [
    InverseMultiquadric(),
    InverseMultiquadric(c=0.3, beta=-0.9),
    Gaussian(1.5),
    Gaussian([0.5, 2.0]),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("d", [1, 4])
def test_by_derivatives(kernel, d, rng, monkeypatch):
    x, scores = rng.normal(size=(30, d)) + 100.0, rng.normal(size=(30, d))
    u = stein_matrix(x, scores, kernel)
    off = u - np.diag(np.diag(u))
    for rows in (512, 7):
        monkeypatch.setattr(module, "BLOCK_ROWS", rows)
        unbiased = kernel_stein_discrepancy(x, scores, kernel=kernel)
        assert unbiased.squared == pytest.approx(off.sum() / (30 * 29), rel=1e-10, abs=1e-12)
        biased = kernel_stein_discrepancy(x, scores, kernel=kernel, estimator="biased")
        assert biased.squared == pytest.approx(u.mean(), rel=1e-10)
        assert biased.distance == math.sqrt(biased.squared)
        # First order, with twice the second order taken off once.
        h, n = off.sum(axis=1) / 29, 30
        second = 2.0 * reference.centred_within(u) / (n * (n - 1))
        first = 4.0 * h.var(ddof=1) / n
        expected = math.sqrt(first - min(max(second, 0.0), first / 2))
        assert unbiased.stderr == pytest.approx(expected, rel=1e-9)
        # A V-statistic is (n-1)/n times the U-statistic of this kernel.
        as_u = u + (np.diag(u)[:, None] + np.diag(u)) / (2 * (n - 1))
        as_u -= np.diag(np.diag(as_u))
        first = 4.0 * (as_u.sum(axis=1) / (n - 1)).var(ddof=1) / n
        expected = math.sqrt(first - min(max(second, 0.0), first / 2)) * (n - 1) / n
        assert biased.stderr == pytest.approx(expected, rel=1e-9)


def test_the_expectation_of_a_gaussian_kernel(rng):
    # x ~ N(m, 1), p = N(0, 1): u = E k (m^2 ...) has the closed form m^2 h / sqrt(h^2 + 2), since
    # the score's error is the constant m and E u = m^2 E k(x, x').
    m, h = 0.7, 1.3
    x = rng.normal(size=(3000, 1)) + m
    found = kernel_stein_discrepancy(x, Normal(0.0, 1.0), kernel=Gaussian(h))
    assert abs(found.squared - m * m * h / math.sqrt(h * h + 2.0)) < 4.0 * found.stderr
    right = kernel_stein_discrepancy(x, Normal(m, 1.0), kernel=Gaussian(h))
    assert abs(right.squared) < 4.0 * right.stderr


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_standard_error(estimator, shift, rng):
    found = [
        kernel_stein_discrepancy(x + shift, lambda x: -x, estimator=estimator)
        for x in rng.normal(size=(300, 80, 2))
    ]
    spread = np.std([f.squared for f in found])
    assert np.mean([f.stderr for f in found]) == pytest.approx(spread, rel=0.2)


def test_scores_may_be_arrays_functions_or_a_normal(rng):
    x = rng.normal(size=(20, 3))
    p = Normal(np.ones(3), np.eye(3))
    for scores in (p, p.score, p.score(x), 1.0 - x):
        found = kernel_stein_discrepancy(x, scores)
        assert found.squared == pytest.approx(kernel_stein_discrepancy(x, p).squared, rel=1e-12)
    assert found.squared.provenance["kernel"]["name"] == "InverseMultiquadric"


def test_the_median_bandwidth_is_that_of_the_samples(rng):
    x = rng.normal(size=(50, 3))
    h = reference.median_bandwidth(x[:25], x[25:])
    found = kernel_stein_discrepancy(x, -x, kernel=Gaussian())
    assert found.squared == pytest.approx(
        kernel_stein_discrepancy(x, -x, kernel=Gaussian(h)).squared, rel=1e-10
    )
    assert found.squared.provenance["kernel"]["bandwidth"] == pytest.approx(h)


def test_few_samples():
    x = np.array([[0.0], [1.0], [3.0]])
    assert kernel_stein_discrepancy(x, -x).stderr is None
    assert kernel_stein_discrepancy(x[:1], -x[:1], estimator="biased").squared == 1.0  # trace at 0
    with pytest.raises(ValueError, match="x has 1 sample"):
        kernel_stein_discrepancy(x[:1], -x[:1])


def test_float32_and_order(rng):
    x = rng.normal(size=(100, 5)).astype(np.float32)
    value = kernel_stein_discrepancy(x, -x)
    order = rng.permutation(100)
    again = kernel_stein_discrepancy(x[order].astype(np.float64), -x[order])
    assert value.squared == pytest.approx(again.squared, rel=1e-10)


# The test.


def test_null_values_by_hand(rng, monkeypatch):
    x = rng.normal(size=(25, 2))
    monkeypatch.setattr(module, "BLOCK_ROWS", 6)
    monkeypatch.setattr(stein, "SIGN_COLUMNS", 4)
    result = stein_test(x, -x, bootstraps=9, seed=3)
    signs = stein._signs(25, 9, 0.5, 3).astype(float)
    u = stein_matrix(x, -x, InverseMultiquadric())
    np.fill_diagonal(u, 0.0)
    expected = [w @ u @ w / (25 * 24) for w in signs.T]
    np.testing.assert_allclose(result.null, expected, rtol=1e-10)
    assert result.p_value == (1 + np.sum(np.array(expected) >= u.sum() / 600)) / 10
    assert result.squared == kernel_stein_discrepancy(x, -x).squared
    same = stein_test(x, -x, bootstraps=9, seed=3)
    np.testing.assert_array_equal(same.null, result.null)
    assert not np.array_equal(stein_test(x, -x, bootstraps=9, seed=4).null, result.null)


def test_signs_flip_as_often_as_asked():
    for flip in (0.5, 0.1):
        signs = stein._signs(2000, 50, flip, 0)
        assert set(np.unique(signs)) == {-1, 1}
        changes = (signs[1:] != signs[:-1]).mean()
        assert changes == pytest.approx(flip, abs=4 * math.sqrt(flip / 1e5))
        assert abs(signs[0].mean()) < 0.6


@pytest.mark.parametrize("kernel", [InverseMultiquadric(), Gaussian()], ids=str)
def test_p_values_are_uniform_under_the_null(kernel, rng):
    p = [
        float(stein_test(x, -x, kernel=kernel, bootstraps=99, seed=i).p_value)
        for i, x in enumerate(rng.normal(size=(300, 60, 2)))
    ]
    # 99 bootstraps leave 100 possible values: spread each over its step.
    spread = np.array(p) - rng.random(300) / 100
    assert scipy.stats.kstest(spread, "uniform").pvalue > 0.01


def test_a_chain_needs_fewer_flips(rng):
    # An autoregression of N(0, 1): correlated rows reject too often with independent signs.
    rejections = {0.5: 0, 0.05: 0}
    for i in range(60):
        x = np.empty((200, 1))
        x[0] = rng.normal()
        for t in range(1, 200):
            x[t] = 0.8 * x[t - 1] + 0.6 * rng.normal()
        for flip in rejections:
            rejections[flip] += stein_test(x, -x, bootstraps=99, flip=flip, seed=i).p_value <= 0.05
    assert rejections[0.5] >= 12
    assert rejections[0.05] <= 9


def test_power(rng):
    x = rng.normal(size=(200, 2))
    assert stein_test(x, 0.5 - x, bootstraps=199).p_value == 1 / 200
    # Variance 1, not 1.6
    assert stein_test(x, -x / 1.6, bootstraps=199).p_value <= 0.05


def test_progress(rng, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 10)
    seen = []
    x = rng.normal(size=(45, 2))
    stein_test(x, -x, bootstraps=3, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 15


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bootstraps": 0}, ValueError, "bootstraps is 0, expected an integer >= 1"),
        ({"flip": 0.0}, ValueError, r"flip is 0.0, expected a number in \(0, 0.5\]"),
        ({"flip": 0.7}, ValueError, r"flip is 0.7, expected a number in \(0, 0.5\]"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"kernel": "imq"}, TypeError, "kernel is 'imq', expected InverseMultiquadric or Gaussian"),
        ({"kernel": Gaussian(1e-200)}, ValueError, "overflow or underflow"),
        ({"kernel": InverseMultiquadric(1e-200)}, ValueError, "overflow or underflow"),
        ({"kernel": InverseMultiquadric(1e100, -2)}, ValueError, "overflow or underflow"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=f"stein_test: .*{message}"):
        stein_test(np.eye(5), -np.eye(5), **options)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros((5, 4)), r"scores has shape \(5, 4\), expected \(5, 5\)"),
        (np.full((5, 5), np.nan), r"scores has 25 values that are NaN"),
        (lambda x: x[:, 0], r"scores has shape \(5,\), expected \(5, 5\)"),
        (np.full((5, 5), 1e200), r"overflow"),
    ],
)
def test_scores_that_are_refused(scores, message):
    with pytest.raises(ValueError, match=f"kernel_stein_discrepancy: .*{message}"):
        kernel_stein_discrepancy(np.eye(5), scores)


@pytest.mark.parametrize(
    ("options", "message"), [({"c": 0.0}, "c is 0.0"), ({"beta": 0.5}, "beta is 0.5, expected a")]
)
def test_kernels_that_are_refused(options, message):
    with pytest.raises(ValueError, match=f"InverseMultiquadric: {message}"):
        InverseMultiquadric(**options)
