"""Realism and authenticity against their formulas, closed forms and ties."""

import math

import numpy as np
import pytest

import parzen
import reference

SHAPES = [(5, 1, 1), (60, 90, 2), (33, 41, 40)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
@pytest.mark.parametrize("k", [1, 3])
def test_realism_follows_the_formula(dtype, n, m, d, k, rng):
    real = rng.normal(size=(n, d)).astype(dtype)
    fake = (1.2 * rng.normal(size=(m, d))).astype(dtype)
    expected = reference.realism(real, fake, k)
    np.testing.assert_allclose(parzen.realism(real, fake, k=k), expected, rtol=1e-9)


def test_realism_by_hand():
    # Radii (k = 1) 1, 1, 2, 7; the median is 1.5: the balls about 0 and 1 are kept. So a copy of 1
    # has infinity, and one of 3 what the ball about 1 gives.
    real = [[0.0], [1.0], [3.0], [10.0]]
    values = parzen.realism(real, [[1.0], [1.5], [3.0], [-4.0]], k=1)
    np.testing.assert_allclose(values, [math.inf, 2.0, 0.5, 0.25])


def test_realism_says_what_precision_says(rng):
    # Without the median (all radii alike on a grid) R >= 1 exactly where a ball holds the sample.
    real = np.stack(np.meshgrid(*[np.arange(12.0)] * 2), axis=-1).reshape(-1, 2)
    fake = rng.integers(-3, 15, size=(200, 2)) + rng.choice([0.0, 0.5], size=(200, 2))
    inside = parzen.realism(real, fake, k=1) >= 1.0
    assert inside.mean() == parzen.precision_recall(real, fake, k=1).precision
    assert 0.1 < inside.mean() < 0.9


def test_repeated_samples_and_copies():
    real = np.zeros((6, 2))
    assert parzen.realism(real, [[0.0, 0.0], [1.0, 0.0]]).tolist() == [math.inf, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_authenticity_follows_the_formula(dtype, n, m, d, rng):
    real = rng.normal(size=(n, d)).astype(dtype)
    fake = (1.1 * rng.normal(size=(m, d))).astype(dtype)
    value = parzen.authenticity(real, fake)
    assert value == reference.authenticity(real, fake)
    if m > 1:
        binomial = math.sqrt(value * (1 - value) / (m - 1))
        assert value.stderr == pytest.approx(binomial or 0.5 / (m + 1))


def test_authenticity_of_copies_and_of_far_samples(rng):
    real, fake = rng.normal(size=(2, 100, 5))
    assert parzen.authenticity(real, real[::-1]) == 0.0
    assert parzen.authenticity(real + 1e7, real + 1e7) == 0.0
    far = parzen.authenticity(real, fake + 100.0)
    assert (far, far.stderr) == (1.0, 0.5 / 101)
    assert far.interval() == (pytest.approx(100 / (100 + 1.959964**2)), 1.0)
    some = np.concatenate([real[:30], fake[:70] + 100.0])
    assert parzen.authenticity(real, some) == pytest.approx(0.7)


def test_realism_of_copies(rng):
    real = rng.normal(size=(51, 3))
    distances = reference.squared_distances(real, real)
    radii = np.sort(distances, axis=1)[:, 3]
    copies = parzen.realism(real, real.copy())
    np.testing.assert_array_equal(np.isinf(copies), radii <= np.median(radii))


def test_authenticity_on_the_radius_is_a_copy():
    # 0 and 1 are each other's nearest; -1 is at distance 1 from 0.
    assert parzen.authenticity([[0.0], [1.0]], [[-1.0], [-1.25]]) == 0.5


def test_authenticity_of_equal_distributions(rng):
    one, values, many = (
        [parzen.authenticity(*rng.normal(size=(2, 200, d))) for _ in range(30)] for d in (1, 6, 200)
    )
    # On a line: a point uniform in a gap of law Gamma(2), at u g/2 from its nearer end, whose other
    # gap is exponential. P(it is less) = 1 - E exp(-u g/2) = 1 - E (1 + u/2)^-2 = 1/3.
    assert abs(np.mean(one) - 1 / 3) < 4.0 * np.std(one, ddof=1) / math.sqrt(30)
    assert np.mean(one) < np.mean(values) < np.mean(many)
    claimed = np.mean([value.stderr for value in values])
    assert 0.5 < claimed / np.std(values, ddof=1) < 1.5


@pytest.mark.parametrize("function", [parzen.realism, parzen.authenticity])
def test_progress_ends_at_one(function, rng):
    seen = []
    function(*rng.normal(size=(2, 50, 3)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_what_is_refused():
    with pytest.raises(ValueError, match="realism: k is 3, real has 3 samples; pass k<=2"):
        parzen.realism(np.eye(3), np.eye(3))
    with pytest.raises(TypeError, match=r"realism: k is 1.0, expected an integer"):
        parzen.realism(np.eye(3), np.eye(3), k=1.0)
    for function in (parzen.realism, parzen.authenticity):
        name = function.__name__
        with pytest.raises(ValueError, match=f"{name}: real has 1 sample"):
            function(np.eye(3)[:1], np.eye(3))
        with pytest.raises(ValueError, match=f"{name}: values up to .* would overflow"):
            function(1e200 * np.eye(3), np.eye(3), **({"k": 1} if name == "realism" else {}))
