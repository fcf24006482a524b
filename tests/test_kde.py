"""Kernel density against the naive formula, closed forms and scikit-learn; the estimator."""

import math
import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal

import parzen
import reference
from parzen.metrics import radial

KERNELS = radial.KERNELS
COMPACT = radial.COMPACT

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
        ({"kernel": "biweight"}, ValueError, "kernel is 'biweight', expected 'gaussian' or 'expo"),
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
            "is 'scot', expected 'scott' or 'silverman' or 'cv' or a number > 0 or a sequence of",
        ),
        (
            lambda x: parzen.KernelDensity(-1).fit(x),
            ValueError,
            r"bandwidth is -1.0, expected a finite number > 0",
        ),
        (
            lambda x: parzen.KernelDensity(kernel="biweight").fit(x),
            ValueError,
            "KernelDensity: kernel is 'biweight', expected 'gaussian' or 'exponential' or",
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 16, 64, 512])
def test_every_kernel_follows_its_formula(d, kernel, dtype, rng):
    x, q = (rng.normal(size=(n, d)).astype(dtype) for n in (120, 30))
    w = rng.exponential(size=len(x))
    h = 3.0 * math.sqrt(2.0 * d)  # of a compact kernel's support, which nothing is near the edge of
    for weights in (None, w):
        values = parzen.log_density(x, q, bandwidth=h, kernel=kernel, weights=weights)
        assert_close(values, reference.log_density(x, q, h, weights, kernel), dtype)
    far = parzen.log_density(x, q + dtype(1e3 * h), bandwidth=h, kernel=kernel)
    if kernel in COMPACT:
        assert (far == -np.inf).all()
    else:
        assert_close(far, reference.log_density(x, q + dtype(1e3 * h), h, None, kernel), dtype)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 3, 16, 64, 512, 4096])
def test_integrals_and_spreads_follow_from_quadrature(d, kernel):
    found = radial.log_integral(kernel, 0.3, d)
    assert found == pytest.approx(reference.log_kernel_integral(kernel, 0.3, d), rel=1e-11)
    # E r^2 = d M(d+2) / M(d) by quadrature too, the sphere's surface taken off.
    surfaces = math.log(2 * math.pi) - math.log(d)  # of d + 2 less of d
    moments = (reference.log_kernel_integral(kernel, 1.0, p) for p in (d + 2, d))
    ratio = math.exp(next(moments) - next(moments) - surfaces)
    assert radial.spread(kernel, d) ** 2 * d == pytest.approx(ratio, rel=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_density_integrates_to_one(kernel):
    x, w, h = np.array([[0.0], [1.0], [1.5]]), [1.0, 2.0, 0.5], 0.4

    def density(t):
        return math.exp(parzen.log_density(x, [[t]], bandwidth=h, kernel=kernel, weights=w)[0])

    corners = sorted({float(c) for t in x[:, 0] for c in (t - h, t, t + h)})
    ends = (-0.4, 1.9) if kernel in COMPACT else (-15.0, 17.0)
    corners = [c for c in corners if ends[0] < c < ends[1]]
    pieces = zip([ends[0], *corners], [*corners, ends[1]], strict=True)
    total = sum(quad(density, a, b, epsabs=1e-9)[0] for a, b in pieces)
    assert total == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [3, 16])
def test_a_density_of_many_dimensions_integrates_to_one(d, kernel, rng):
    # Importance sampling from a wider kernel of the same centre: E p/g = 1.
    x, n = np.zeros((1, d)), 20_000
    g = parzen.KernelDensity(1.2 if kernel in COMPACT else 1.05, kernel).fit(x)
    q = g.sample(n, rng)
    p = parzen.log_density(x, q, bandwidth=1.0, kernel=kernel)
    ratio = np.exp(p - g.score_samples(q))
    assert abs(ratio.mean() - 1.0) <= 5.0 * ratio.std() / math.sqrt(n)


def test_weights_of_any_ratio_beside_a_compact_kernel():
    x, w = np.array([[0.0], [5.0]], np.float32), [1.0, 1e-60]
    values = parzen.log_density(x, x, bandwidth=1.0, kernel="tophat", weights=w)
    np.testing.assert_allclose(values, [-math.log(2.0), math.log(1e-60) - math.log(2.0)])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 16, 300])
def test_draws_have_the_law_of_the_kernel(d, kernel):
    n, h = 20_000, 0.5
    model = parzen.KernelDensity(h, kernel).fit(np.full((1, d), 3.0))
    offsets = (model.sample(n, random_state=1) - 3.0) / h
    r = np.sqrt(np.square(offsets).sum(axis=1))
    if kernel in COMPACT:
        assert r.max() <= 1.0 + 1e-12

    def share(a, b):  # of the radii, by the formula, in [a, b]
        top = max(d - 1.0, 0.5) if kernel == "exponential" else math.sqrt(d)
        peak = d / (d + 2.0) if kernel in COMPACT else top
        scale = (d - 1.0) * math.log(peak)
        k = reference.PROFILES[kernel]
        log_k = {"exponential": lambda t: -t, "gaussian": lambda t: -t * t / 2}.get(
            kernel, lambda t: math.log(max(float(k(t)), 1e-300))
        )
        offset = log_k(peak)
        return quad(
            lambda t: math.exp((d - 1.0) * math.log(t) - scale + log_k(t) - offset), a, b, limit=200
        )[0]

    cuts = np.quantile(r, [0.1, 0.5, 0.9])
    ends = (1e-300, 1.0) if kernel in COMPACT else (1e-300, float(r.max()) * 1.5)
    parts = [share(a, b) for a, b in zip([ends[0], *cuts], [*cuts, ends[1]], strict=True)]
    below = np.cumsum(parts)[:3] / sum(parts)
    # 5 standard errors of a share of n draws.
    assert (np.abs(below - [0.1, 0.5, 0.9]) <= 5.0 * np.sqrt([0.09 / n, 0.25 / n, 0.09 / n])).all()

    # And the direction is uniform: mean 0, variance 1/d of each coordinate.
    directions = offsets / r[:, None]
    assert np.abs(directions.mean(axis=0)).max() <= 6.0 / math.sqrt(n * d)
    assert np.abs(np.square(directions).mean(axis=0) * d - 1.0).max() <= 6.0 * math.sqrt(2.0 / n)
    assert isinstance(model.sample(2, np.random.RandomState(0)), np.ndarray)


def test_a_score_outside_the_support(rng):
    model = parzen.KernelDensity(0.5, "tophat").fit(rng.normal(size=(20, 2)))
    total = model.score([[0.0, 0.0], [50.0, 0.0]])
    assert total == -math.inf
    assert total.stderr is None
    assert total.provenance["kernel"] == "tophat"
