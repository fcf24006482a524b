"""Standard errors and intervals of shares, against SciPy's and by simulation."""

import math

import numpy as np
import pytest
import scipy.stats

from parzen import Estimate, LowerBoundWarning
from parzen._shares import share_stderr, wilson

SHARE = {"range": [0.0, 1.0]}


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (1, 7), (3, 10), (40, 50), (999, 1000)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_interval_is_wilsons(hits, trials, level):
    p = hits / trials
    value = Estimate(p, share_stderr(p, math.sqrt(p * (1 - p) / trials), trials), SHARE)
    expected = scipy.stats.binomtest(hits, trials).proportion_ci(level, method="wilson")
    assert value.interval(level) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)
    other = Estimate(1 - p, value.stderr, SHARE)  # what is counted does not matter
    mirrored = [1.0 - end for end in reversed(value.interval(level))]
    assert other.interval(level) == pytest.approx(mirrored, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.02, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("stderr", [1e-12, 1e-3, 0.3, 0.6])
def test_an_interval_stays_in_its_range(p, stderr):
    low, high = Estimate(p, stderr, SHARE).interval()
    assert 0.0 <= low <= p <= high <= 1.0
    assert low < high
    wide = Estimate(2.0 * p - 1.0, 2.0 * stderr, {"range": [-1.0, 1.0]}).interval()
    assert wide == pytest.approx((2.0 * low - 1.0, 2.0 * high - 1.0), abs=1e-9)


def test_far_from_the_ends_it_is_the_normal_one():
    assert wilson(0.4, 1e-4, 1.96) == pytest.approx((0.4 - 1.96e-4, 0.4 + 1.96e-4), rel=1e-6)
    assert wilson(0.4, 0.0, 1.96) == (0.4, 0.4)


def test_students_quantile_widens_it():
    plain = Estimate(0.9, 0.02, SHARE).interval()
    few = Estimate(0.9, 0.02, {**SHARE, "degrees_of_freedom": 3}).interval()
    assert few[0] < plain[0] < plain[1] < few[1] <= 1.0


@pytest.mark.parametrize("p", [0.01, 0.05, 0.5])
def test_it_holds_as_often_as_it_says(p, rng):
    n = 60
    inside = 0
    for hits in rng.binomial(n, p, size=2000):
        terms = np.arange(n) < hits
        share = float(terms.mean())
        error = share_stderr(share, float(terms.std(ddof=1)) / math.sqrt(n), n)
        low, high = Estimate(share, error, SHARE).interval()
        inside += low <= p <= high
    # value -+ 1.96 stderr holds in 45 % at p = 0.01: whenever nothing is hit, it is a point.
    assert 0.9 < inside / 2000 <= 0.995


def test_a_lower_bound_is_no_interval_in_silence():
    value = Estimate(0.4, 0.1, {"metric": "recall", "lower_bound": "the balls are held fixed"})
    with pytest.warns(LowerBoundWarning, match="of recall is a lower bound.*balls are held") as w:
        low, high = value.interval()
    assert w[0].filename == __file__
    assert (low, high) == pytest.approx((0.204, 0.596), abs=1e-3)


def test_the_bootstraps_interval_is_given_at_its_level():
    value = Estimate(0.4, 0.1, {"interval": {"level": 0.9, "low": 0.3, "high": 0.6}})
    assert value.interval(0.9) == (0.3, 0.6)
    with pytest.raises(ValueError, match=r"level is 0.95, the bootstrap's .* taken at 0.9; pass"):
        value.interval()
