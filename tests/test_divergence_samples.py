"""The divergence from samples alone: by the formulas, and on Gaussians of known divergence."""

import math

import numpy as np
import pytest

import parzen
import reference
from parzen import Normal, kl_divergence_from_samples

METHODS = [{"k": 1}, {"k": 5}, {"method": "kde"}]


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("shape", [(40, 30, 1), (150, 200, 3), (60, 50, 20)], ids=str)
def test_neighbors_by_the_formula(k, shape, rng):
    n, m, d = shape
    x, y = rng.normal(size=(n, d)), 1.3 * rng.normal(size=(m, d)) + 0.2
    value = kl_divergence_from_samples(x, y, k=k)
    assert value == pytest.approx(reference.kl_by_neighbors(x, y, k), rel=1e-11)
    assert value.provenance["k"] == k


def test_densities_by_the_formula(rng):
    x, y = rng.normal(size=(80, 2)), 1.5 * rng.normal(size=(60, 2)) + 0.5
    value = kl_divergence_from_samples(x, y, method="kde", bandwidth=0.4)
    assert value == pytest.approx(reference.kl_by_densities(x, y, 0.4, 0.4), rel=1e-11)
    by_rule = kl_divergence_from_samples(x, y, method="kde")
    h_x, h_y = (parzen.KernelDensity().fit(z).bandwidth_ for z in (x, y))
    assert by_rule == pytest.approx(reference.kl_by_densities(x, y, h_x, h_y), rel=1e-11)
    assert by_rule.provenance["bandwidth_x"] == h_x
    assert by_rule.provenance["bandwidth_y"] == h_y


@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize(("d", "shift", "scale"), [(1, 1.0, 1.0), (2, 0.0, 2.0), (3, 0.0, 1.0)])
def test_gaussians(options, d, shift, scale, rng):
    n = 3000
    x = rng.normal(size=(n, d))
    y = scale * rng.normal(size=(n, d)) - shift * np.eye(d)[0]
    p, q = Normal(np.zeros(d), np.ones(d)), Normal(-shift * np.eye(d)[0], np.full(d, scale**2))
    value = kl_divergence_from_samples(x, y, **options)
    # 0.02 for the bias, which goes with the squared width of the smoothing.
    assert abs(value - parzen.kl_divergence(p, q)) < 4.0 * value.stderr + 0.02
    assert value.stderr < 0.1


@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_standard_error(options, shift, rng):
    found = [
        kl_divergence_from_samples(x + shift * np.eye(2)[0], y, **options)
        for x, y in rng.normal(size=(150, 2, 150, 2))
    ]
    ratio = np.mean([e.stderr for e in found]) / np.std(found)
    assert 0.8 < ratio < 1.6


@pytest.mark.parametrize("options", METHODS[1:], ids=str)
def test_float32(options, rng):
    x, y = rng.normal(size=(2, 200, 6)).astype(np.float32)
    value = kl_divergence_from_samples(x, y, **options)
    wide = kl_divergence_from_samples(x.astype(np.float64), y.astype(np.float64), **options)
    assert value == pytest.approx(wide, abs=1e-5)
    assert value.provenance["dtype"] == "float32"


def test_neighbors_far_from_the_origin(rng):
    # Distances a millionth of the distance to 0: what |x|^2 - 2<x, y> + |y|^2 would lose.
    x, y = rng.normal(size=(2, 100, 3))
    near = kl_divergence_from_samples(np.round(x * 64) / 64, np.round(y * 64) / 64 + 1 / 256)
    far = kl_divergence_from_samples(
        np.round(x * 64) / 64 + 2.0**20, np.round(y * 64) / 64 + 1 / 256 + 2.0**20
    )
    assert far == pytest.approx(near, abs=1e-10)


def test_neighbors_ignore_order_scale_and_axes(rng):
    x, y = rng.normal(size=(60, 3)), rng.normal(size=(50, 3)) + 0.3
    value = kl_divergence_from_samples(x, y)
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    for a, b in (
        (x[::-1], np.roll(y, 7, axis=0)),
        (1e5 * x + 3, 1e5 * y + 3),
        (x @ turned, y @ turned),
    ):
        other = kl_divergence_from_samples(a, b)
        assert other == pytest.approx(value, abs=1e-9)
        assert other.stderr == pytest.approx(value.stderr, rel=1e-6)


@pytest.mark.parametrize("options", METHODS[1:], ids=str)
def test_progress(options, rng):
    seen = []
    kl_divergence_from_samples(*rng.normal(size=(2, 300, 2)), progress=seen.append, **options)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_threads_change_no_bit(options, one_and_many_threads, rng):
    x, y = rng.normal(size=(2, 500, 3))
    alone, many = one_and_many_threads(lambda: kl_divergence_from_samples(x, y, **options))
    assert alone == many
    assert alone.stderr == many.stderr


def test_repeated_rows(rng):
    x, y = rng.normal(size=(2, 50, 2))
    x[7] = x[31]
    with pytest.raises(ValueError, match=r"row 7 of x has 1 other rows of x at distance 0.*drop"):
        kl_divergence_from_samples(x, y, k=1)
    assert math.isfinite(kl_divergence_from_samples(x, y, k=2))
    x[7] += 1.0
    y[3] = x[12]
    with pytest.raises(ValueError, match=r"row 12 of x has 1 rows of y at distance 0"):
        kl_divergence_from_samples(x, y, k=1)


@pytest.mark.parametrize(
    ("n", "m", "options", "error", "message"),
    [
        (1, 9, {}, ValueError, r"x has 1 sample, expected at least 2"),
        (5, 9, {}, ValueError, r"k is 5, x has 5 samples; pass k<=4"),
        (9, 4, {}, ValueError, r"k is 5, y has 4 samples; pass k<=4"),
        (9, 9, {"k": 0}, ValueError, r"k is 0, expected an integer >= 1"),
        (9, 9, {"k": 2.0}, TypeError, r"k is 2.0, expected an integer"),
        (
            9,
            9,
            {"bandwidth": 0.3},
            ValueError,
            "bandwidth is of method 'kde', not of 'neighbors'; leave it out",
        ),
        (
            9,
            9,
            {"k": 5, "method": "kde"},
            ValueError,
            "k is of method 'neighbors', not of 'kde'; leave it out",
        ),
        (9, 9, {"method": "knn"}, ValueError, r"method is 'knn', expected 'neighbors' or 'kde'"),
    ],
)
def test_what_is_refused(n, m, options, error, message, rng):
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    with pytest.raises(error, match=f"kl_divergence_from_samples: {message}"):
        kl_divergence_from_samples(x, y, **options)


def test_a_single_y_has_no_standard_error(rng):
    assert kl_divergence_from_samples(rng.normal(size=(9, 2)), [[0.0, 0.1]], k=1).stderr is None
