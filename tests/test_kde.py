"""Kernel density against the naive formula, closed forms and scikit-learn; the estimator."""

import math
import pickle
import warnings

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal

import parzen
import reference

# The bounds of the design, relative to max(1, |log-density|).
BOUND = {np.float32: 1e-5, np.float64: 1e-11}


def assert_close(values, expected, dtype):
    assert values.dtype == np.float64
    assert values.shape == expected.shape
    assert np.max(np.abs(values - expected) / np.maximum(1.0, np.abs(expected))) <= BOUND[dtype]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "d", "h"),
    [(1, 1, 1, 1.0), (1, 70, 3, 0.3), (90, 1, 2, 0.1), (65, 33, 17, 2.0), (200, 50, 2049, 20.0)],
)
def test_follows_the_formula(dtype, n, m, d, h, rng):
    x, q = rng.normal(size=(n, d)).astype(dtype), (2 * rng.normal(size=(m, d))).astype(dtype)
    assert_close(parzen.log_density(x, q, bandwidth=h), reference.log_density(x, q, h), dtype)
    w = rng.exponential(size=n)
    weighted = parzen.log_density(x, q, bandwidth=h, weights=w)
    assert_close(weighted, reference.log_density(x, q, h, w), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_512_dimensions_and_a_narrow_window(dtype, rng):
    # The case in which distances by products are off by 1900 nats.
    x, q = (rng.normal(size=(n, 512)).astype(dtype) for n in (1000, 40))
    assert_close(parzen.log_density(x, q, bandwidth=0.5), reference.log_density(x, q, 0.5), dtype)
    itself = parzen.log_density(x, x[:40], bandwidth=0.5)
    assert_close(itself, reference.log_density(x, x[:40], 0.5), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_far_origin_costs_nothing(dtype, rng):
    # Rounded after the shift: the reference sees the same rounded samples.
    x, q = ((rng.normal(size=(n, 8)) + 1e4).astype(dtype) for n in (300, 30))
    assert_close(parzen.log_density(x, q, bandwidth=0.3), reference.log_density(x, q, 0.3), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_close_pairs(dtype, rng):
    x = (10.0 * rng.normal(size=(100, 64))).astype(dtype)
    q = (x[:40] + 1e-3 / 8.0 * rng.normal(size=(40, 64))).astype(dtype)
    assert_close(parzen.log_density(x, q, bandwidth=1e-3), reference.log_density(x, q, 1e-3), dtype)


@pytest.mark.parametrize("d", [1, 5, 300])
def test_one_point_is_a_normal_density(d, rng):
    mean, q = rng.normal(size=d), rng.normal(size=(20, d))
    values = parzen.log_density(mean[None], q, bandwidth=0.7)
    expected = multivariate_normal(mean, 0.49 * np.eye(d)).logpdf(q)
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    peak = parzen.log_density(mean[None], mean[None], bandwidth=0.7)
    assert peak[0] == pytest.approx(-d * math.log(0.7 * math.sqrt(2 * math.pi)), rel=1e-15)


def test_integrates_to_one():
    x, w = np.array([[0.0], [1.0], [1.5]]), [1.0, 2.0, 0.5]

    def density(t):
        return math.exp(parzen.log_density(x, [[t]], bandwidth=0.4, weights=w)[0])

    assert quad(density, -6, 8, points=[0.0, 1.0, 1.5])[0] == pytest.approx(1.0, abs=1e-7)


def test_far_queries_do_not_underflow(rng):
    x = rng.normal(size=(50, 3))
    q = np.array([[1e6, 0, 0], [0, -1e30, 0]])
    values = parzen.log_density(x, q, bandwidth=1.0)
    np.testing.assert_allclose(values, reference.log_density(x, q, 1.0), rtol=1e-12)


def test_weights(rng):
    x, q = rng.normal(size=(30, 3)), rng.normal(size=(20, 3))
    w = rng.integers(0, 4, size=30)
    repeated = parzen.log_density(np.repeat(x, w, axis=0), q, bandwidth=0.5)
    values = parzen.log_density(x, q, bandwidth=0.5, weights=w)
    np.testing.assert_allclose(values, repeated, rtol=1e-13)
    for scale in (1e-300, 1e300):
        scaled = parzen.log_density(x, q, bandwidth=0.5, weights=scale * w)
        np.testing.assert_allclose(scaled, values, rtol=1e-12)
    one = np.zeros(30)
    one[7] = 3.0
    values = parzen.log_density(x, q, bandwidth=0.5, weights=one)
    alone = parzen.log_density(x[7:8], q, bandwidth=0.5)
    np.testing.assert_allclose(values, alone, rtol=1e-14)


def test_a_query_does_not_depend_on_the_others(rng):
    x, q = rng.normal(size=(100, 5)), rng.normal(size=(64, 5))
    together = parzen.log_density(x, q, bandwidth=0.5)
    alone = np.concatenate([parzen.log_density(x, q[i : i + 1], bandwidth=0.5) for i in range(64)])
    np.testing.assert_allclose(together, alone, rtol=1e-14)


@pytest.mark.parametrize("h", [1e-19, 1e19, 1e-30])
def test_float32_windows_beyond_its_range_are_widened(h, rng):
    x, q = rng.normal(size=(20, 3)).astype("f"), rng.normal(size=(10, 3)).astype("f")
    np.testing.assert_allclose(
        parzen.log_density(x, q, bandwidth=h), reference.log_density(x, q, h), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bandwidth": 0}, ValueError, r"bandwidth is 0.0, expected a finite number > 0"),
        ({"bandwidth": -1}, ValueError, r"log_density: bandwidth is -1.0"),
        ({"bandwidth": np.nan}, ValueError, "log_density: bandwidth is nan"),
        ({"bandwidth": "scott"}, TypeError, "log_density: bandwidth is 'scott', expected a number"),
        ({"bandwidth": [1.0]}, TypeError, r"log_density: bandwidth is \[1.0\], expected a number"),
        ({"bandwidth": 1e-200}, ValueError, r"log_density: values up to .* would overflow"),
        ({"kernel": "tophat"}, ValueError, "log_density: kernel is 'tophat', expected 'gaussian'"),
        ({"weights": [1.0]}, ValueError, r"weights has shape \(1,\), expected \(3,\): one weight"),
        ({"weights": [1, 2, -1]}, ValueError, "weights has negative values, the first in row 2"),
        ({"weights": [0, 0, 0]}, ValueError, "log_density: weights is zero everywhere"),
        ({"weights": [1, np.nan, 1]}, ValueError, "log_density: weights has 1 value that is NaN"),
        ({"weights": ["a", "b", "c"]}, TypeError, "log_density: weights has dtype <U1"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.log_density(np.eye(3), np.eye(3), **{"bandwidth": 1.0, **options})


def test_samples_that_are_refused():
    with pytest.raises(
        ValueError, match="log_density: x has 3 columns, queries has 2; expected the same d"
    ):
        parzen.log_density(np.eye(3), np.ones((4, 2)), bandwidth=1.0)
    with pytest.raises(ValueError, match=r"log_density: queries has 0 samples \(shape=\(0, 3\)\)"):
        parzen.log_density(np.eye(3), np.ones((0, 3)), bandwidth=1.0)


def test_progress_ends_at_one(rng):
    seen = []
    parzen.log_density(*rng.normal(size=(2, 50, 3)), bandwidth=1.0, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("d", [1, 4])
def test_rules_of_thumb(d, rng):
    n = 50
    x = rng.normal(size=(n, d)) * np.arange(1, d + 1) + 1e3
    spread = math.sqrt(np.trace(np.atleast_2d(np.cov(x, rowvar=False))) / d)
    scott = spread * n ** (-1 / (d + 4))
    silverman = scott * (4 / (d + 2)) ** (1 / (d + 4))
    assert parzen.KernelDensity().fit(x).bandwidth_ == pytest.approx(scott, rel=1e-12)
    assert parzen.KernelDensity("silverman").fit(x).bandwidth_ == pytest.approx(
        silverman, rel=1e-12
    )
    assert parzen.KernelDensity(0.5).fit(x).bandwidth_ == 0.5

    w = rng.exponential(size=n)
    spread = math.sqrt(np.trace(np.atleast_2d(np.cov(x, rowvar=False, aweights=w))) / d)
    effective = w.sum() ** 2 / np.sum(w**2)
    weighted = parzen.KernelDensity().fit(x, sample_weight=w).bandwidth_
    assert weighted == pytest.approx(spread * effective ** (-1 / (d + 4)), rel=1e-12)


def test_the_rule_leaves_float32_samples_in_float32(rng):
    x = (1e4 + rng.normal(size=(5000, 3))).astype(np.float32)
    spread = math.sqrt(x.var(axis=0, ddof=1, dtype=np.float64).mean())
    h = parzen.KernelDensity().fit(x).bandwidth_
    assert h == pytest.approx(spread * 5000 ** (-1 / 7), rel=1e-9)


def test_estimator_scores(rng):
    x, q, w = rng.normal(size=(80, 3)), rng.normal(size=(30, 3)), rng.exponential(size=80)
    model = parzen.KernelDensity(0.4).fit(x, sample_weight=w)
    values = model.score_samples(q)
    np.testing.assert_array_equal(values, parzen.log_density(x, q, bandwidth=0.4, weights=w))
    total = model.score(q)
    assert total == pytest.approx(values.sum(), rel=1e-13)
    assert total.stderr == pytest.approx(values.std(ddof=1) * math.sqrt(30), rel=1e-13)
    assert model.score(q[:1]).stderr is None
    # float32 samples meet float64 queries.
    mixed = parzen.KernelDensity(0.4).fit(x.astype("f")).score_samples(q)
    assert_close(mixed, reference.log_density(x.astype("f"), q, 0.4), np.float64)


def test_samples_have_the_moments_of_the_density(rng):
    x, w = rng.normal(size=(10, 2)).astype(np.float32), rng.integers(0, 3, size=10)
    model = parzen.KernelDensity(0.5).fit(x, sample_weight=w)
    drawn = model.sample(100_000, random_state=1)
    assert drawn.shape == (100_000, 2)
    assert drawn.dtype == np.float32
    mean = np.average(x, axis=0, weights=w)
    variance = np.average((x - mean) ** 2, axis=0, weights=w) + 0.25
    # 5 standard errors: of a mean sqrt(v/n), of a variance at most sqrt(2/n) v with light tails.
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * np.sqrt(variance.max() / 1e5))
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=5 * math.sqrt(2 / 1e5))


def test_sampling_is_seeded(rng):
    model = parzen.KernelDensity().fit(rng.normal(size=(10, 2)))
    np.testing.assert_array_equal(model.sample(5, 3), model.sample(5, 3))
    np.testing.assert_array_equal(
        model.sample(5, np.random.default_rng(3)), model.sample(5, random_state=3)
    )
    assert model.sample(5, np.random.RandomState(3)).shape == (5, 2)
    assert not np.array_equal(model.sample(5), model.sample(5))


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (
            lambda x: parzen.KernelDensity("scot").fit(x),
            ValueError,
            "bandwidth is 'scot', expected 'scott' or 'silverman' or a number > 0",
        ),
        (
            lambda x: parzen.KernelDensity(-1).fit(x),
            ValueError,
            r"bandwidth is -1.0, expected a finite number > 0",
        ),
        (
            lambda x: parzen.KernelDensity(kernel="epanechnikov").fit(x),
            ValueError,
            "KernelDensity: kernel is 'epanechnikov', expected 'gaussian'",
        ),
        (
            lambda x: parzen.KernelDensity().fit(x[:1]),
            ValueError,
            "bandwidth 'scott' needs a spread, there is 1 sample",
        ),
        (
            lambda x: parzen.KernelDensity().fit(x, sample_weight=[0, 1, 0, 0, 0]),
            ValueError,
            "needs a spread, there is 1 sample",
        ),
        (
            lambda x: parzen.KernelDensity().fit(0 * x),
            ValueError,
            "bandwidth 'scott' is 0, all samples are equal",
        ),
        (
            lambda x: parzen.KernelDensity().fit(x, sample_weight=[1]),
            ValueError,
            r"KernelDensity: sample_weight has shape \(1,\)",
        ),
        (
            lambda x: parzen.KernelDensity().score_samples(x),
            ValueError,
            r"KernelDensity: call fit\(X\) first",
        ),
        (
            lambda x: parzen.KernelDensity().sample(),
            ValueError,
            r"KernelDensity: call fit\(X\) first",
        ),
        (
            lambda x: parzen.KernelDensity().fit(x).score_samples(x[:, :1]),
            ValueError,
            "X has 1 features, but KernelDensity is expecting 2 features as input",
        ),
        (
            lambda x: parzen.KernelDensity().fit(x).sample(0),
            ValueError,
            "KernelDensity: n_samples is 0, expected an integer >= 1",
        ),
        (
            lambda x: parzen.KernelDensity().set_params(width=1),
            ValueError,
            "KernelDensity: parameter is 'width', expected 'bandwidth' or 'kernel'",
        ),
    ],
)
def test_estimator_refusals(use, error, message, rng):
    with pytest.raises(error, match=message):
        use(rng.normal(size=(5, 2)))


def test_estimator_parameters(rng):
    model = parzen.KernelDensity(0.5)
    assert model.get_params() == {"bandwidth": 0.5, "kernel": "gaussian"}
    assert repr(model.set_params(bandwidth=2)) == "KernelDensity(bandwidth=2, kernel='gaussian')"
    x = rng.normal(size=(5, 2))
    copy = pickle.loads(pickle.dumps(model.fit(x)))
    np.testing.assert_array_equal(copy.score_samples(x), model.score_samples(x))


@pytest.mark.parametrize("d", [1, 2, 4])  # at d = 8 it is off by 1e-4 nats
def test_agrees_with_scikit_learn_in_few_dimensions(d, rng):
    neighbors = pytest.importorskip("sklearn.neighbors")
    x, q, w = rng.normal(size=(200, d)), rng.normal(size=(40, d)), rng.uniform(0.5, 2, size=200)
    for weights in (None, w):
        theirs = neighbors.KernelDensity(bandwidth=0.4).fit(x, sample_weight=weights)
        ours = parzen.KernelDensity(0.4).fit(x, sample_weight=weights)
        np.testing.assert_allclose(ours.score_samples(q), theirs.score_samples(q), rtol=1e-9)
        assert ours.score(q) == pytest.approx(theirs.score(q), rel=1e-9)
    scott = neighbors.KernelDensity(bandwidth="scott").fit(x).bandwidth_
    spread = math.sqrt(x.var(axis=0, ddof=1).mean())  # theirs leaves the spread out
    assert parzen.KernelDensity("scott").fit(x).bandwidth_ == pytest.approx(scott * spread)


def test_serves_scikit_learn_as_an_estimator(rng):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    x = rng.normal(size=(60, 2))
    search = GridSearchCV(parzen.KernelDensity(), {"bandwidth": [0.01, 0.5, 20.0]}).fit(x)
    assert search.best_params_ == {"bandwidth": 0.5}
    assert clone(parzen.KernelDensity(0.5)).bandwidth == 0.5

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks skipped, and of a class of no base class
        if not hasattr(checks, "estimator_checks_generator"):
            pytest.skip("scikit-learn is older than 1.6")
        results = checks.check_estimator(
            parzen.KernelDensity(),
            expected_failed_checks={"check_dtype_object": "arrays of objects are refused"},
            on_skip=None,
        )
    assert len(results) > 30
