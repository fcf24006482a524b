"""The normal distribution and its closed-form divergences, against SciPy and quadrature."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats

import parzen
from parzen import Normal


def normal(rng, d):
    return Normal(rng.normal(size=d), np.cov(rng.normal(size=(d, 3 * d + 2))).reshape(d, d))


@pytest.mark.parametrize("d", [1, 2, 7])
def test_log_density_and_score(d, rng):
    p = normal(rng, d)
    x = rng.normal(size=(20, d))
    expected = scipy.stats.multivariate_normal(p.mean, p.covariance).logpdf(x)
    np.testing.assert_allclose(p.log_density(x), expected, rtol=1e-12)
    step = 1e-6
    slopes = [(p.log_density(x + e) - p.log_density(x - e)) / (2 * step) for e in step * np.eye(d)]
    np.testing.assert_allclose(p.score(x).T, slopes, rtol=1e-6, atol=1e-7)


def test_variances_are_a_diagonal_covariance(rng):
    mean, variances = rng.normal(size=5), rng.uniform(0.5, 2.0, size=5)
    short, full = Normal(mean, variances), Normal(mean, np.diag(variances))
    other = normal(rng, 5)
    x = rng.normal(size=(9, 5))
    np.testing.assert_allclose(short.log_density(x), full.log_density(x), rtol=1e-14)
    np.testing.assert_allclose(short.score(x), full.score(x), rtol=1e-13)
    for f in ("kl", "reverse-kl", "hellinger"):
        value = parzen.f_divergence(full, other, f)
        assert parzen.f_divergence(short, other, f) == pytest.approx(value, rel=1e-12)
        value = parzen.f_divergence(full, Normal(0.0 * mean, np.eye(5)), f)
        short_other = Normal(0.0 * mean, np.ones(5))
        assert parzen.f_divergence(short, short_other, f) == pytest.approx(value, rel=1e-12)


def kl_by_the_formula(p, q):
    inverse, shift = np.linalg.inv(q.covariance), q.mean - p.mean
    logs = np.linalg.slogdet(q.covariance)[1] - np.linalg.slogdet(p.covariance)[1]
    trace = np.trace(inverse @ p.covariance) - len(shift)
    return 0.5 * (trace + shift @ inverse @ shift + logs)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_kl(d, rng):
    p, q = normal(rng, d), normal(rng, d)
    assert parzen.kl_divergence(p, q) == pytest.approx(kl_by_the_formula(p, q), rel=1e-10)
    assert parzen.kl_divergence(p, p) == pytest.approx(0.0, abs=1e-24)
    reverse = parzen.f_divergence(p, q, "reverse-kl")
    assert reverse == pytest.approx(parzen.kl_divergence(q, p), rel=1e-10)
    assert parzen.kl_divergence(p, q).provenance["method"] == "closed form"


def test_kl_ignores_a_change_of_axes(rng):
    p, q = normal(rng, 4), normal(rng, 4)
    a, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    moved = [Normal(a @ n.mean + b, a @ n.covariance @ a.T) for n in (p, q)]
    for f in ("kl", "reverse-kl", "hellinger"):
        value = parzen.f_divergence(p, q, f)
        assert parzen.f_divergence(*moved, f) == pytest.approx(value, rel=1e-9)


def test_kl_of_neighbours_keeps_its_digits():
    # (v - 1 - log v)/2 = e^2/4 (1 - 2e/3 + ...): the plain formula is pure rounding here.
    v = 1.0 + 2.0**-27
    with mpmath.workdps(50):
        expected = (mpmath.mpf(v) - 1 - mpmath.log(mpmath.mpf(v))) / 2
    found = parzen.kl_divergence(Normal([0.0], [v]), Normal([0.0], [1.0]))
    assert abs(found - expected) <= 1e-7 * expected  # sqrt(v) squared is off by 1e-16 of 1e-8
    found = parzen.kl_divergence(Normal([1e-100], [1.0]), Normal([0.0], [1.0]))
    assert found == pytest.approx(0.5e-200, rel=1e-14)


@pytest.mark.parametrize("alpha", [-0.2, 0.0, 0.3, 0.5, 1.0 - 1e-7, 1.0, 1.0 + 1e-7, 1.4])
def test_alpha_by_quadrature(alpha):
    p, q = Normal([0.3], [0.7]), Normal([-0.2], [1.1])

    def integrand(x):
        a, b = (mpmath.npdf(x, float(n.mean[0]), math.sqrt(n.covariance[0])) for n in (p, q))
        t = a / b
        if alpha == 1:
            return b * (t * mpmath.log(t) - t + 1)
        if alpha == 0:
            return b * (t - 1 - mpmath.log(t))
        return b * (t**alpha - 1 - alpha * (t - 1)) / (mpmath.mpf(alpha) * (alpha - 1))

    with mpmath.workdps(40):
        expected = mpmath.quad(integrand, [-30, -10, -3, 0, 3, 10, 30])
    assert abs(parzen.f_divergence(p, q, "alpha", alpha=alpha) - expected) <= 1e-12 * expected


def test_an_integral_that_diverges():
    wide, narrow = Normal([0.0], [2.0]), Normal([0.0], [1.0])
    assert parzen.f_divergence(wide, narrow, "chi-squared") == math.inf
    assert parzen.f_divergence(narrow, wide, "chi-squared") < math.inf
    # exp(m^2) - 1 of two of equal spread
    moved = parzen.f_divergence(Normal([2.0], [1.0]), narrow, "chi-squared")
    assert moved == pytest.approx(math.expm1(4.0), rel=1e-14)
    assert parzen.f_divergence(Normal([99.0], [1.0]), narrow, "chi-squared") == math.inf


def test_scales_far_apart():
    wide, narrow = Normal(0.0, 1e300), Normal(0.0, 1e-300)
    for f in ("kl", "hellinger"):
        with pytest.raises(ValueError, match="f_divergence: p and q are so different in scale"):
            parzen.f_divergence(wide, narrow, f)
    far = Normal(1e200, 1.0)
    assert parzen.kl_divergence(far, Normal(0.0, 1.0)) == math.inf
    assert parzen.f_divergence(far, Normal(0.0, 1.0), "hellinger") == 1.0


@pytest.mark.parametrize("f", ["jensen-shannon", "total-variation", lambda t: t - 1])
def test_no_closed_form(f):
    with pytest.raises(ValueError, match="of two Normal has no closed form; pass samples="):
        parzen.f_divergence(Normal([0.0], [1.0]), Normal([1.0], [1.0]), f)


def test_a_normal_does_not_change():
    mean = np.zeros(2)
    p = Normal(mean, np.eye(2))
    mean[0] = 5.0
    assert p.mean[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        p.mean[0] = 5.0


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_has_the_moments_of_the_samples(offset, dtype, rng):
    x = (rng.normal(size=(50, 4)) + offset).astype(dtype)
    wide = x.astype(np.float64)
    for ddof in (0, 1):
        p = Normal.fit(x, ddof=ddof)
        np.testing.assert_allclose(p.mean, wide.mean(axis=0), rtol=1e-12, atol=1e-12)
        expected = np.cov(wide - offset, rowvar=False, ddof=ddof)
        np.testing.assert_allclose(p.covariance, expected, rtol=1e-9, atol=1e-10)
    assert Normal.fit(x[:, :1]).covariance.shape == (1, 1)


@pytest.mark.parametrize("diagonal", [True, False])
def test_sample_draws_from_the_density(diagonal, rng):
    p = Normal(rng.normal(size=3), [0.5, 1.0, 4.0]) if diagonal else normal(rng, 3)
    x = p.sample(20_000, seed=5)
    np.testing.assert_array_equal(x, p.sample(20_000, seed=5))
    assert not np.array_equal(x, p.sample(20_000, seed=6))
    # x and (x - mean)(x - mean)' have means of 4 standard deviations at most.
    covariance = np.diag(p.covariance) if diagonal else p.covariance
    deviations = np.sqrt(covariance.diagonal())
    assert (np.abs(x.mean(axis=0) - p.mean) < 4.0 * deviations / math.sqrt(20_000)).all()
    bound = 4.0 * math.sqrt(2.0 / 20_000) * np.outer(deviations, deviations)
    assert (np.abs(np.cov(x, rowvar=False) - covariance) < bound).all()
    found = parzen.kl_divergence(p, Normal.fit(x), samples=x)
    assert abs(found) < 4.0 * found.stderr


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Normal.fit(np.eye(3)), ValueError, "samples has 3 rows of 3 numbers: .* singular"),
        (lambda: Normal.fit(np.ones((9, 2))), ValueError, "not positive definite"),
        (lambda: Normal.fit(np.ones(9)), ValueError, r"Normal.fit: samples has shape \(9,\)"),
        (lambda: Normal.fit(np.eye(3), ddof=-1), ValueError, "ddof is -1"),
        (lambda: Normal(0.0, 1.0).sample(0), ValueError, "Normal.sample: n is 0"),
        (lambda: Normal(0.0, 1.0).sample(1, seed=None), TypeError, "Normal.sample: seed is None"),
    ],
)
def test_fits_and_draws_that_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        ([[0.0]], [1.0], r"mean has shape \(1, 1\), expected \(d,\)"),
        ([0.0, 0.0], [1.0], r"covariance has shape \(1,\), expected \(2, 2\) or \(2,\)"),
        ([0.0, 0.0], [1.0, 0.0], r"has the variance 0 in column 1, expected numbers > 0"),
        ([0.0, 0.0], [[1.0, 0.5], [0.4, 1.0]], r"not symmetric: \[0, 1\] is 0.5, \[1, 0\] is 0.4"),
        ([0.0, 0.0], np.ones((2, 2)), r"not positive definite.*singular where n <= d"),
        ([0.0, np.nan], np.eye(2), r"mean has 1 value that is NaN or infinity"),
    ],
)
def test_what_is_refused(mean, covariance, message):
    with pytest.raises(ValueError, match=f"Normal: .*{message}"):
        Normal(mean, covariance)


def test_samples_of_another_dimension():
    with pytest.raises(ValueError, match=r"Normal: x has shape \(3, 1\), expected \(n, 2\)"):
        Normal([0.0, 0.0], np.eye(2)).log_density(np.zeros((3, 1)))
