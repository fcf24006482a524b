"""Divergences by sampling of densities that are far apart: what samples of p do not show."""

import math
import warnings

import numpy as np
import pytest
from scipy.special import xlogy

import parzen
from parzen import Normal, SupportWarning
from parzen.metrics.support import effective_sizes, mean_if_missed

P = Normal([0.0], [1.0])


def far(shift):
    return Normal([float(shift)], [1.0])


def jensen_shannon(shift):
    """By the trapezoid rule, whose error is of the tails' size for a smooth integrand."""
    t = np.linspace(-15.0, shift + 15.0, 20_001)
    p, q = (np.exp(-((t - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (0.0, shift))
    r = (p + q) / 2
    return (xlogy(p, p / r) + xlogy(q, q / r)).sum() / 2 * (t[1] - t[0])


def alarms(divergence, shift, rng, n, times=20, **options):
    """Return how many of so many samples are warned of."""
    found = 0
    for _ in range(times):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            parzen.f_divergence(
                P, far(shift), divergence, samples=rng.normal(size=(n, 1)), **options
            )
        found += any(issubclass(w.category, SupportWarning) for w in caught)
    return found


@pytest.mark.parametrize("shift", [0.1, 1.0, 3.0, 4.0, 6.0, 10.0])
def test_jensen_shannon_of_any_two(shift, rng):
    truth = jensen_shannon(shift)
    found = [
        parzen.f_divergence(P, far(shift), "js", samples=rng.normal(size=(5000, 1)))
        for _ in range(20)
    ]
    errors = np.array([float(e) - truth for e in found])
    stderr = math.sqrt(np.mean([e.stderr**2 for e in found]))
    assert math.sqrt(np.mean(errors**2)) < 1.6 * stderr + 1e-6  # chi-squared of 20: at 1e-4
    assert abs(errors.mean()) < 4.0 * stderr / math.sqrt(20) + 1e-6


def test_jensen_shannon_of_the_nearly_equal_has_an_error_of_second_order(rng):
    x = rng.normal(size=(5000, 1))
    found = parzen.f_divergence(P, far(0.01), "js", samples=x)
    assert found == pytest.approx(0.01**2 / 8, rel=0.1)
    assert found.stderr < 0.05 * found


def test_jensen_shannon_where_no_sample_of_p_shows_half_of_q(rng):
    x = rng.normal(size=(5000, 1))

    def half_elsewhere(x):
        return P.log_density(x) - math.log(2.0)

    truth = (math.log(4 / 3) + math.log(2 / 3) / 2 + math.log(2.0) / 2) / 2
    assert parzen.f_divergence(P, half_elsewhere, "js", samples=x) == pytest.approx(truth)
    with pytest.warns(SupportWarning, match=r"the mean of q/p over the 5000 samples is 0.5, and 1"):
        parzen.f_divergence(P, half_elsewhere, "reverse-kl", samples=x)
    with pytest.warns(SupportWarning, match=r"the mean of q/p"):
        parzen.f_divergence(P, half_elsewhere, lambda t: np.abs(t - 1), samples=x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # which count nothing where p is 0
        for f in ("kl", "tv", "hellinger", "chi2", lambda t: xlogy(t, t)):
            parzen.f_divergence(P, half_elsewhere, f, samples=x)


@pytest.mark.parametrize(
    ("divergence", "options"),
    [
        ("reverse-kl", {}),
        ("chi-squared", {}),
        ("alpha", {"alpha": -1.0}),
        ("alpha", {"alpha": 3.0}),
        (lambda t: -np.log(t), {}),
        (lambda t: (t - 1) ** 2, {}),
    ],
)
def test_few_samples_that_carry_the_mean_are_warned_of(divergence, options, rng):
    for n in (500, 5000):
        assert alarms(divergence, 0.5, rng, n, **options) == 0
        for shift in (3.0, 6.0, 10.0):
            assert alarms(divergence, shift, rng, n, **options) == 20


def test_divergences_of_finite_variance_are_not_warned_of(rng):
    for divergence in ("kl", "js", "tv", "hellinger"):
        for shift in (0.0, 1.0, 6.0):
            assert alarms(divergence, shift, rng, 500) == 0
    assert alarms("reverse-kl", 1.0, rng, 500, times=100) <= 1
    assert alarms("reverse-kl", 0.0, rng, 500) == 0


def test_a_function_that_is_nan_near_zero_is_taken(rng):
    x = rng.normal(size=(50, 1))
    value = parzen.f_divergence(P, far(0.1), lambda t: (1 / t**2 - 1) / (1 / t**2 + 1), samples=x)
    assert math.isfinite(value)


def test_what_the_warning_says():
    x = np.random.default_rng(0).normal(size=(5000, 1))
    with pytest.warns(SupportWarning, match=r"f_divergence: \d+(\.\d+)? of the 5000 samples, in"):
        parzen.f_divergence(P, far(3.0), "reverse-kl", samples=x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parzen.f_divergence(P, far(3.0), "reverse-kl", samples=x)
    assert [w.filename for w in caught] == [__file__]


def test_effective_sizes_and_the_mean_of_ratios(rng):
    assert effective_sizes(np.array([[0.0, 0.0], [0.0, -np.inf], [-np.inf, -np.inf]])) == (
        pytest.approx([2.0, 1.0, 0.0])
    )
    assert mean_if_missed(np.zeros(1)) is None
    assert mean_if_missed(np.array([0.0, -800.0])) == math.inf
    assert mean_if_missed(np.full(9, math.log(2.0))) == pytest.approx(0.5)
    assert mean_if_missed(1e-3 * rng.normal(size=1000)) is None
