"""Sliced Wasserstein distances: closed forms, unequal sizes, extremes."""

import math

import numpy as np
import pytest
from scipy import stats

import parzen
import reference


@pytest.mark.parametrize("p", [1, 1.5, 2, 7])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 5), (4, 6), (7, 3), (1, 9), (12, 35)])
def test_one_dimension_is_exact(p, n, m, rng):
    x, y = rng.normal(size=(n, 1)), rng.normal(size=(m, 1)) + 0.5
    value = parzen.sliced_wasserstein(x, y, p=p, projections=3)
    assert value == pytest.approx(reference.wasserstein_1d(x[:, 0], y[:, 0], p), rel=1e-12)
    assert value.stderr is None  # both directions of a line are one, and show no spread
    if p == 1:
        assert value == pytest.approx(stats.wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-12)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_follows_the_formula(p, rng):
    x, y = rng.normal(size=(20, 5)), 2.0 * rng.normal(size=(31, 5))
    value = parzen.sliced_wasserstein(x, y, p=p, projections=40, seed=7)
    t = np.random.default_rng(7).standard_normal((40, 5))
    t /= np.linalg.norm(t, axis=1, keepdims=True)
    powers = np.array([reference.wasserstein_1d(x @ u, y @ u, p) ** p for u in t])
    assert value == pytest.approx(powers.mean() ** (1 / p), rel=1e-12)
    # By the delta method.
    expected = powers.std(ddof=1) / math.sqrt(40) * powers.mean() ** (1 / p - 1) / p
    assert value.stderr == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("p", [1, 2, 4])
def test_shifted_samples(p, rng):
    # Each W_p is |<t, c>|, and the mean of |<t, c>|^p over the sphere is known.
    d, c = 6, np.array([3.0, 0, -1, 0, 2, 0])
    x = rng.normal(size=(50, d)) + 1e6
    value = parzen.sliced_wasserstein(x, x + c, p=p, projections=2000)
    moment = math.exp(
        math.lgamma((p + 1) / 2) + math.lgamma(d / 2) - math.lgamma((p + d) / 2)
    ) / math.sqrt(math.pi)
    expected = np.linalg.norm(c) * moment ** (1 / p)
    assert abs(value - expected) < 4 * value.stderr < 0.1 * expected


def test_the_standard_error_is_the_spread_over_seeds(rng):
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) * [1, 2, 3, 4]
    values = [parzen.sliced_wasserstein(x, y, projections=50, seed=s) for s in range(100)]
    claimed = np.mean([value.stderr for value in values])
    assert 0.75 < claimed / np.std(values, ddof=1) < 1.3
    with pytest.warns(parzen.LowerBoundWarning, match="the samples are held fixed, the directions"):
        values[0].interval()


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_is_a_distance_of_distributions(rng):
    x, y, z = rng.normal(size=(3, 24, 3)) * np.array([1, 2, 3])[:, None, None]
    distance = parzen.sliced_wasserstein
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-14)
    assert distance(x, rng.permutation(x)) == 0.0
    assert distance(x, x).stderr == 0.0
    assert distance(np.repeat(x, 5, axis=0), y) == pytest.approx(distance(x, y), rel=1e-12)
    assert distance(x, z) <= distance(x, y) + distance(y, z)


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_the_scale_is_carried_through(scale, rng):
    x, y = rng.normal(size=(2, 10, 3))
    for p in (1, 50.5):
        value = parzen.sliced_wasserstein(x, y, p=p)
        scaled = parzen.sliced_wasserstein(scale * x, scale * y, p=p)
        assert scaled == pytest.approx(scale * value, rel=1e-12)
        assert scaled.stderr == pytest.approx(scale * value.stderr, rel=1e-9)


def test_blocks_change_nothing(rng, monkeypatch):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3))
    seen = []
    whole = parzen.sliced_wasserstein(x, y, progress=seen.append)
    assert seen == [1.0]
    monkeypatch.setattr("parzen.metrics.sliced_wasserstein.BLOCK_NUMBERS", 200)
    assert parzen.sliced_wasserstein(x, y, progress=seen.append) == pytest.approx(whole, rel=1e-13)
    assert len(seen) == 65
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"p": 0.5}, ValueError, "sliced_wasserstein: p is 0.5, expected a finite number >= 1"),
        ({"p": math.inf}, ValueError, "sliced_wasserstein: p is inf"),
        ({"p": None}, TypeError, "sliced_wasserstein: p is None, expected a number"),
        ({"projections": 0}, ValueError, "projections is 0, expected an integer >= 1"),
        ({"seed": "a"}, TypeError, "sliced_wasserstein: seed is 'a'"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.sliced_wasserstein(np.eye(3), np.eye(3), **options)


def test_one_direction_has_no_standard_error(rng):
    assert parzen.sliced_wasserstein(*rng.normal(size=(2, 5, 3)), projections=1).stderr is None
