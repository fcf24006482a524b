"""Frechet distance, FID and matrix square root: closed forms, singular covariances, refusals."""

import math
import re
import warnings

import numpy as np
import pytest
from scipy.stats import ortho_group

import parzen
import reference
from parzen import IndefiniteWarning, SmallSampleWarning


def rotated(eigenvalues, seed=0):
    q = ortho_group.rvs(len(eigenvalues), random_state=seed)
    sigma = (q * eigenvalues) @ q.T
    return (sigma + sigma.T) / 2.0


def quiet_fid(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        return parzen.fid(x, y)


def test_one_dimension_by_hand():
    # N(1, 4) and N(3, 9): (1 - 3)^2 + (2 - 3)^2.
    value = parzen.frechet_distance([1], [[4]], [3], [[9]])
    assert value == pytest.approx(5.0, rel=1e-15)
    assert value.provenance == {
        "metric": "frechet_distance",
        "d": 1,
        "version": parzen.__version__,
    }


@pytest.mark.parametrize("d", [1, 2, 17, 64])
def test_commuting_covariances(d, rng):
    # With equal eigenvectors the distance is |mu1 - mu2|^2 + sum (sqrt(a) - sqrt(b))^2.
    a, b, mu1, mu2 = rng.uniform(0.5, 2.0, size=(4, d))
    if d == 1:
        sigma1, sigma2 = np.diag(a), np.diag(b)
    else:
        sigma1, sigma2 = rotated(a), rotated(b)
    expected = np.sum((mu1 - mu2) ** 2) + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert parzen.frechet_distance(mu1, sigma1, mu2, sigma2) == pytest.approx(
        expected, abs=1e-13 * d
    )


def test_covariances_that_do_not_commute(rng):
    d = 40
    sigma1, sigma2 = rotated(rng.uniform(0.1, 2.0, d), 1), rotated(rng.uniform(0.1, 2.0, d), 2)
    mu = rng.normal(size=d)
    expected = reference.frechet(mu, sigma1, 0 * mu, sigma2)
    assert parzen.frechet_distance(mu, sigma1, 0 * mu, sigma2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e14, 1e20, np.inf])
@pytest.mark.parametrize("d", [10, 100])
def test_a_gaussian_is_at_no_distance_from_itself(condition, d):
    eigenvalues = np.zeros(d)
    eigenvalues[: d // 2] = 1.0
    if condition < np.inf:
        eigenvalues = np.logspace(0, -math.log10(condition), d)
    sigma, mu = rotated(eigenvalues), np.ones(d)
    value = parzen.frechet_distance(mu, sigma, mu, sigma)
    assert isinstance(value, float)
    assert abs(value) <= 1e-10 * np.trace(sigma)


def test_singular_covariances_in_different_directions():
    # Rank one each: Tr (S1 S2)^(1/2) = |<u, v>|.
    u, v = np.array([3.0, 0.0, 4.0]), np.array([1.0, 2.0, 2.0])
    value = parzen.frechet_distance(0 * u, np.outer(u, u), 0 * v, np.outer(v, v))
    assert value == pytest.approx(25.0 + 9.0 - 2.0 * 11.0, rel=1e-7)
    zero = np.zeros((3, 3))
    assert parzen.frechet_distance(0 * u, zero, 0 * u, np.eye(3)) == 3.0
    assert parzen.frechet_distance(u, zero, v, zero) == np.sum((u - v) ** 2)


@pytest.mark.parametrize("scale", [1e-150, 1e-60, 1e60, 1e150])
def test_any_scale_of_covariance(scale, rng):
    d = 6
    sigma1, sigma2 = rotated(rng.uniform(1, 2, d), 1), rotated(rng.uniform(1, 2, d), 2)
    zero = np.zeros(d)
    expected = reference.frechet(zero, sigma1, zero, sigma2)
    value = parzen.frechet_distance(zero, scale * sigma1, zero, scale * sigma2)
    assert value == pytest.approx(scale * expected, rel=1e-11)
    mixed = parzen.frechet_distance(zero, scale * sigma1, zero, sigma2)
    assert mixed == pytest.approx(max(scale, 1.0) * d * 1.5, rel=0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "d"),
    [
        (200, 300, 8),
        (9000, 5000, 3),
        (50, 40, 1),
        (10, 12, 40),  # both thin
        (10, 500, 40),  # one thin, the other by a root of its covariance
        (90, 30, 40),  # one thin, the other by its rows
        (40, 41, 40),
        (2, 2, 5),
    ],
)
def test_fid_follows_the_formula(dtype, n, m, d, rng):
    x = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1.0).astype(dtype)
    y = (rng.normal(size=(m, d)) @ rng.normal(size=(d, d))).astype(dtype)
    expected = reference.fid(x, y)
    value = quiet_fid(x, y)
    # The reference squares the singular values of thin samples; sqrt(rounding) is what it knows.
    thin = min(n, m) <= d
    assert value == pytest.approx(expected, rel=1e-6 if thin else 1e-11)
    assert quiet_fid(y, x) == pytest.approx(value, rel=1e-11)
    assert value.stderr is None
    assert value.provenance["method"] == ("rows" if thin else "covariances")


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@pytest.mark.parametrize(("n", "d"), [(500, 20), (20, 60), (21, 20), (20, 20), (30, 20), (2, 9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_and_shifted_samples_have_a_closed_form(n, d, dtype, rng):
    # y = 2 x + 1: |mu + 1|^2 + Tr S. Exact for n < d as for n > d.
    x = rng.integers(-512, 512, size=(n, d)).astype(dtype) / 256
    trace = np.trace(np.cov(x, rowvar=False, dtype=np.float64))
    shift = x.astype(np.float64).mean(axis=0) + 1.0
    assert quiet_fid(x, 2 * x + 1) == pytest.approx(shift @ shift + trace, rel=1e-13)
    assert quiet_fid(x, x[::-1] + 1) == pytest.approx(d, abs=1e-12 * trace)
    assert abs(quiet_fid(x, x)) <= 1e-12 * trace


@pytest.mark.parametrize(("n", "d"), [(400, 30), (20, 30)])
def test_a_far_origin_costs_nothing(n, d, rng):
    # Multiples of 1/1024 and a power of two: the shifted samples are the same samples.
    x, y = rng.integers(-4096, 4096, size=(2, n, d)) / 1024
    near, far = quiet_fid(x, y), quiet_fid(x + 2.0**20, y + 2.0**20)
    assert far == pytest.approx(near, rel=1e-9)
    near, far = (quiet_fid((x + c).astype("f"), (y + c).astype("f")) for c in (0, 8192))
    assert far == pytest.approx(near, rel=1e-9)


def test_means_keep_their_digits(rng):
    # Summed from 0 the means would be off by 1e-5, and FID by twice that.
    x = rng.integers(-4096, 4096, size=(20_000, 2)) / 1024 + 2.0**30
    assert parzen.fid(x, x[rng.permutation(20_000)] + 1.0) == pytest.approx(2.0, rel=1e-10)
    x = rng.integers(-4096, 4096, size=(21, 40)) / 1024 + 2.0**30
    assert quiet_fid(x, x + 1.0) == pytest.approx(40.0, rel=1e-12)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_fid_of_nearly_singular_samples(rng):
    # Columns that repeat others and columns that are constant, as dead features are.
    x, y = rng.normal(size=(2, 400, 5))
    wide_x, wide_y = (np.hstack([z, z, np.full((400, 3), 7.0)]) for z in (x, y))
    assert quiet_fid(wide_x, wide_y) == pytest.approx(2.0 * quiet_fid(x, y), rel=1e-7)
    assert abs(quiet_fid(wide_x, wide_x)) <= 1e-10 * 10.0
    scales = np.logspace(0, -7, 40)  # a covariance of condition 1e14
    z = rng.normal(size=(500, 40)) * scales
    assert abs(quiet_fid(z, z)) <= 1e-10 * np.sum(scales**2)


def test_fid_of_gaussian_samples_tends_to_the_closed_form(rng):
    n, d = 20_000, 4
    x, y = rng.normal(size=(n, d)), 2.0 * rng.normal(size=(n, d)) + 0.5
    # |shift|^2 + sum (1 - 2)^2 = 1 + 4; a standard error of a few times 1/sqrt(n).
    assert parzen.fid(x, y) == pytest.approx(5.0, abs=0.15)


def test_fid_warns_of_its_bias(rng):
    x, y = rng.normal(size=(50, 20)), rng.normal(size=(39, 20))
    with pytest.warns(
        SmallSampleWarning, match="fid: fake has 39 samples of 20 features; FID is biased upwards"
    ):
        parzen.fid(x, y)
    parzen.fid(x, x[:40])  # warnings are errors here
    # The bias that the documentation states, (d/4n + d/4m) Tr S, with its lesser terms: to second
    # order the covariances give |S1 - S2|^2/4 and the means |mu1 - mu2|^2.
    d, n = 30, 300
    values = [parzen.fid(*rng.normal(size=(2, n, d))) for _ in range(5)]
    expected = d * (d + 1) / (2 * n) + 2 * d / n
    assert np.mean(values) == pytest.approx(expected, rel=0.1)


def test_fid_of_extreme_values(rng):
    x, y = rng.normal(size=(2, 50, 3))
    expected = parzen.fid(x, y)
    for scale in (1e-30, 1e30):
        value = parzen.fid((scale * x).astype(np.float32), (scale * y).astype(np.float32))
        assert value == pytest.approx(scale**2 * expected, rel=1e-5)
    with pytest.raises(
        ValueError, match=r"fid: values up to .* would overflow or underflow float64"
    ):
        parzen.fid(1e150 * x, 1e150 * y)
    with pytest.raises(ValueError, match=r"fid: real has 1 sample .* a minimum of 2"):
        parzen.fid(x[:1], y)


def test_fid_progress(rng):
    for d in (3, 60):
        seen = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmallSampleWarning)
            parzen.fid(*rng.normal(size=(2, 50, d)), progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == 1.0


@pytest.mark.parametrize("d", [1, 3, 50])
def test_sqrtm_squares_to_its_argument(d, rng):
    a = rng.normal(size=(d, d + 2))
    sigma = a @ a.T
    root = parzen.sqrtm(sigma)
    assert root.dtype == np.float64
    np.testing.assert_allclose(root @ root, sigma, atol=1e-13 * np.trace(sigma))
    np.testing.assert_array_equal(root, root.T)
    assert np.linalg.eigvalsh(root).min() > 0.0


def test_sqrtm_of_easy_matrices():
    np.testing.assert_array_equal(parzen.sqrtm(np.zeros((3, 3))), np.zeros((3, 3)))
    np.testing.assert_allclose(parzen.sqrtm([[4, 0], [0, 0]]), [[2, 0], [0, 0]], atol=1e-15)
    u = np.array([[1.0], [2.0], [2.0]])  # a projection times 9
    np.testing.assert_allclose(parzen.sqrtm(u @ u.T), u @ u.T / 3.0, atol=1e-7)
    for scale in (1e-280, 1e280):
        np.testing.assert_allclose(parzen.sqrtm([[scale]]), [[math.sqrt(scale)]], rtol=1e-15)


def test_the_largest_numbers():
    largest = np.finfo(float).max
    np.testing.assert_allclose(parzen.sqrtm([[largest]]), [[math.sqrt(largest)]], rtol=1e-15)
    with pytest.raises(ValueError, match="sigma2 are so large that their distance overflows"):
        parzen.frechet_distance([0.0], [[largest]], [0.0], [[largest]])
    with pytest.raises(ValueError, match="sigma2 are so large that their distance overflows"):
        parzen.frechet_distance([1e200], [[1.0]], [-1e200], [[1.0]])
    with pytest.raises(
        ValueError, match=r"sqrtm: sigma is not symmetric: \[0, 1\] is 1.79769e\+308"
    ):
        parzen.sqrtm([[1.0, largest], [-largest, 1.0]])


def test_slightly_negative_eigenvalues_warn():
    sigma = rotated(np.array([1.0, 0.5, -1e-8]))
    with pytest.warns(IndefiniteWarning, match="sqrtm: sigma has eigenvalues down to -1e-08"):
        root = parzen.sqrtm(sigma)
    np.testing.assert_allclose(root @ root, sigma, atol=2e-8)
    with pytest.warns(
        IndefiniteWarning, match="frechet_distance: sigma1 or sigma2 has eigenvalues"
    ):
        value = parzen.frechet_distance(np.zeros(3), sigma, np.zeros(3), sigma)
    assert abs(value) <= 2.0 * 3e-8
    # Rounding is no reason to warn: warnings are errors here.
    parzen.sqrtm(rotated(np.array([1.0, 0.5, 0.0])))


@pytest.mark.parametrize(
    ("sigma", "error", "message"),
    [
        (
            rotated(np.array([1.0, 0.5, -1e-5])),
            ValueError,
            "is not positive semidefinite: an eigenvalue is -1e-05 of the largest, "
            "expected at least -1e-06",
        ),
        (-np.eye(3), ValueError, "is not positive semidefinite"),
        (
            np.array([[1.0, 0.5, 0], [0.4, 1, 0], [0, 0, 1]]),
            ValueError,
            "is not symmetric: [0, 1] is 0.5, [1, 0] is 0.4",
        ),
        (np.ones((3, 2)), ValueError, "has shape (3, 2), expected"),
        (np.ones(3), ValueError, "has shape (3,), expected"),
        (np.full((3, 3), np.nan), ValueError, "has 9 values that are NaN or infinity"),
        (1j * np.eye(3), ValueError, "Complex data not supported"),
        (np.eye(3).astype(object), TypeError, "dtype object"),
    ],
)
def test_covariances_that_are_refused(sigma, error, message):
    with pytest.raises(error, match="^sqrtm: sigma.*" + re.escape(message)):
        parzen.sqrtm(sigma)
    with pytest.raises(error, match="^frechet_distance: sigma1.*" + re.escape(message)):
        parzen.frechet_distance(np.zeros(3), sigma, np.zeros(3), np.eye(3))
    with pytest.raises(error, match="^frechet_distance: .*sigma2.*" + re.escape(message)):
        parzen.frechet_distance(np.zeros(3), np.eye(3), np.zeros(3), sigma)


def test_means_that_are_refused():
    with pytest.raises(ValueError, match=r"mu1 has shape \(1, 2\), expected \(d,\)"):
        parzen.frechet_distance([[0, 0]], np.eye(2), [0, 0], np.eye(2))
    with pytest.raises(
        ValueError, match=r"mu2 has shape \(3,\), expected \(2,\): mu1 has 2 numbers"
    ):
        parzen.frechet_distance([0, 0], np.eye(2), [0, 0, 0], np.eye(2))
    with pytest.raises(
        ValueError, match=r"sigma2 has shape \(3, 3\), expected \(2, 2\): mu1 has 2"
    ):
        parzen.frechet_distance([0, 0], np.eye(2), [0, 0], np.eye(3))
    with pytest.raises(ValueError, match="mu2 has 1 value that is NaN or infinity"):
        parzen.frechet_distance([0, 0], np.eye(2), [0, np.nan], np.eye(2))


def test_scalars_are_one_dimension():
    expected = parzen.frechet_distance([1.0], [[4.0]], [3.0], [[9.0]])
    assert expected == pytest.approx(5.0)
    assert parzen.frechet_distance(1.0, 4.0, 3.0, 9.0) == expected
    assert parzen.frechet_distance(1.0, [[4.0]], np.float64(3.0), 9) == expected
    with pytest.raises(ValueError, match=r"mu2 has shape \(1,\), expected \(2,\)"):
        parzen.frechet_distance([0, 0], np.eye(2), 0.0, np.eye(2))
    with pytest.raises(ValueError, match=r"sigma1 has shape \(1,\), expected \(2, 2\)"):
        parzen.frechet_distance([0, 0], 1.0, [0, 0], np.eye(2))


def test_float32_statistics_are_good_enough(rng):
    x = rng.normal(size=(500, 20)) @ rng.normal(size=(20, 20))
    mu, sigma = x.mean(axis=0), np.cov(x, rowvar=False)
    expected = parzen.frechet_distance(mu, sigma, 2 * mu, 4 * sigma)
    value = parzen.frechet_distance(*(s.astype(np.float32) for s in (mu, sigma, 2 * mu, 4 * sigma)))
    assert value == pytest.approx(expected, rel=1e-5)
