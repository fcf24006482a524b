"""Precision, recall, density and coverage against the naive formula and cases by hand."""

import math

import numpy as np
import pytest

import parzen
import reference


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "d", "k"),
    [(4, 5, 1, 3), (2, 2, 3, 1), (60, 90, 2, 3), (130, 65, 33, 5), (40, 40, 600, 7)],
)
def test_follows_the_formula(dtype, n, m, d, k, rng):
    real = rng.normal(size=(n, d)).astype(dtype)
    fake = (0.9 * rng.normal(size=(m, d)) + 0.1).astype(dtype)
    # Counts: equal unless a distance is within rounding of a radius, which continuous data are not.
    assert parzen.precision_recall(real, fake, k=k) == pytest.approx(
        reference.precision_recall(real, fake, k), rel=1e-14
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_ties_are_inside(dtype, k, rng):
    # Small integers: distances and radii tie everywhere, and all arithmetic on them is exact.
    real = rng.integers(-3, 4, size=(80, 2)).astype(dtype)
    fake = rng.integers(-2, 6, size=(70, 2)).astype(dtype)
    assert tuple(parzen.precision_recall(real, fake, k=k)) == pytest.approx(
        reference.precision_recall(real, fake, k), rel=1e-14
    )


def test_a_case_by_hand():
    # Real balls of k = 1: radius 1 about 0 and 1, 3 about 4.
    # Fake balls: radius 0.1 about 1.0 and 1.1, 4.9 about 6.
    real, fake = np.array([[0.0], [1.0], [4.0]]), np.array([[1.0], [1.1], [6.0]])
    precision, recall, density, coverage = parzen.precision_recall(real, fake, k=1)
    assert precision == 1.0  # 1.0 lies on the radius of 0 and of 4
    assert recall == pytest.approx(2 / 3)  # 0 is outside
    assert density == pytest.approx((3 + 2 + 1) / 3)
    assert coverage == 1.0


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_sample_covers_itself(dtype, offset, rng):
    x = (rng.normal(size=(150, 20)) + offset).astype(dtype)
    result = parzen.precision_recall(x, x)
    assert result.precision == result.recall == result.coverage == 1.0
    # Each ball holds its center and k more: (k + 1) / k, which ties could only raise.
    assert result.density == pytest.approx(4 / 3, abs=1e-12)
    assert tuple(parzen.precision_recall(x, x[::-1])) == tuple(result)


def test_apart_and_collapsed(rng):
    x = rng.normal(size=(100, 3))
    assert tuple(parzen.precision_recall(x, x + 100.0)) == (0.0, 0.0, 0.0, 0.0)
    collapsed = parzen.precision_recall(x, 1e-3 * rng.normal(size=(100, 3)))
    assert collapsed.precision > 0.9
    assert collapsed.recall < 0.05
    assert collapsed.coverage < 0.5


def test_identical_rows():
    # All distances and radii are exactly 0, in spite of the rounded center.
    x = np.full((10, 3), 1 / 3)
    assert tuple(parzen.precision_recall(x, x[:7])) == (1.0, 1.0, pytest.approx(10 / 3), 1.0)


def test_equal_distributions(rng):
    # Naeem et al. 2020: for equal distributions E density = 1, and for n = m
    # E coverage = 1 - prod (n-i)/(2n-i), i <= k.
    n, k, d = 400, 3, 8
    results = [parzen.precision_recall(*rng.normal(size=(2, n, d)), k=k) for _ in range(30)]
    density = np.array([result.density for result in results])
    coverage = np.array([result.coverage for result in results])
    expected = 1.0 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    assert abs(density.mean() - 1.0) < 4 * density.std() / math.sqrt(30)
    assert abs(coverage.mean() - expected) < 4 * coverage.std() / math.sqrt(30)
    # With balls held fixed the standard error is a lower bound, and not far below.
    for name in ("precision", "recall", "density", "coverage"):
        values = [getattr(result, name) for result in results]
        claimed = np.mean([value.stderr for value in values])
        assert 0.4 < claimed / np.std(values) < 1.4


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_float32_beyond_its_squares_is_widened(scale, rng):
    real, fake = (scale * rng.normal(size=(2, 50, 3))).astype(np.float32)
    expected = reference.precision_recall(real, fake, 3)
    assert tuple(parzen.precision_recall(real, fake)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, "precision_recall: k is 0, expected an integer >= 1"),
        (3.0, TypeError, r"precision_recall: k is 3.0, expected an integer"),
        (5, ValueError, "precision_recall: k is 5, fake has 5 samples; pass k<=4"),
        (6, ValueError, "precision_recall: k is 6, real has 6 samples; pass k<=5"),
    ],
)
def test_options_that_are_refused(k, error, message):
    with pytest.raises(error, match=message):
        parzen.precision_recall(np.ones((6, 2)), np.ones((5, 2)), k=k)


def test_samples_that_are_refused():
    with pytest.raises(ValueError, match=r"precision_recall: values up to .* would overflow"):
        parzen.precision_recall(1e150 * np.eye(5), np.eye(5))
    with pytest.raises(ValueError, match="real has 6 columns, fake has 5"):
        parzen.precision_recall(np.eye(6), np.eye(5))


def test_progress_ends_at_one(rng):
    seen = []
    parzen.precision_recall(*rng.normal(size=(2, 50, 3)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_standard_errors_from_halves_by_simulation():
    rng = np.random.default_rng(3)
    found = [
        parzen.precision_recall(
            rng.normal(size=(80, 4)), 0.8 * rng.normal(size=(90, 4)) + 0.4, halves=16, seed=i
        )
        for i in range(150)
    ]
    for i, name in enumerate(parzen.PrecisionRecall._fields):
        spread = np.std([result[i] for result in found])
        error = np.sqrt(np.mean([result[i].stderr ** 2 for result in found]))
        assert 0.8 < error / spread < 1.5, name  # with the balls held fixed: 0.4 to 0.8
        assert found[0][i].provenance["degrees_of_freedom"] == 15


def test_an_interval_with_the_balls_held_fixed_warns(rng):
    x, y = rng.normal(size=(2, 50, 3))
    with pytest.warns(parzen.LowerBoundWarning, match="balls are held fixed; pass halves=20") as w:
        parzen.precision_recall(x, y).recall.interval()
    assert w[0].filename == __file__
    parzen.precision_recall(x, y, halves=4).recall.interval()


@pytest.mark.parametrize("halves", [0, 8])
@pytest.mark.filterwarnings("ignore::parzen.LowerBoundWarning")
def test_shares_of_zero_and_one_are_not_certain(halves, rng):
    x = rng.normal(size=(60, 3))
    apart = parzen.precision_recall(x, x[:50] + 100.0, halves=halves)
    for name, count in (("precision", 50), ("recall", 60), ("coverage", 60)):
        value = getattr(apart, name)
        assert value == 0.0
        assert value.stderr == 0.5 / (count + 1)
        low, high = value.interval()
        assert low == 0.0
        assert 0.05 < high < 0.11  # Wilson: z^2 / (n + z^2)
    assert apart.density == 0.0
    assert apart.density.stderr is None
    low, high = parzen.precision_recall(x, x.copy(), halves=halves).coverage.interval()
    assert high == 1.0
    assert 0.5 < low < 0.95  # two halves of one sample do differ


def test_halves_change_no_value_and_are_seeded(rng):
    x, y = rng.normal(size=(2, 50, 3))
    fixed, first = parzen.precision_recall(x, y), parzen.precision_recall(x, y, halves=4)
    assert first == fixed
    assert "balls are held fixed" in fixed.recall.provenance["lower_bound"]
    assert "lower_bound" not in first.recall.provenance
    same, other = (parzen.precision_recall(x, y, halves=4, seed=s) for s in (0, 1))
    assert same.recall.stderr == first.recall.stderr
    assert other.recall.stderr != first.recall.stderr
    seen = []
    parzen.precision_recall(x, y, halves=3, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_halves_that_are_too_few_or_too_small(rng):
    x = rng.normal(size=(9, 2))
    with pytest.raises(ValueError, match="halves is 1, expected 0 or at least 2"):
        parzen.precision_recall(x, x, halves=1)
    with pytest.raises(ValueError, match="k is 4, half of real has 4 samples; pass halves=0"):
        parzen.precision_recall(x, x, k=4, halves=5)
