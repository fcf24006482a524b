"""The permutation test against enumeration, the naive statistic, and its own promises."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import kstest

import parzen
import reference
from parzen import Energy, Gaussian, Polynomial
from test_mmd import BOUND, KERNELS


def assignments(n, m, permutations, seed):
    """The draws: rows of the smaller sample."""
    random = np.random.default_rng(seed)
    members = np.zeros((permutations, n + m), dtype=bool)
    for row in members:
        row[random.choice(n + m, min(n, m), replace=False, shuffle=False)] = True
    return members


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "d"), [(2, 2, 1), (5, 4, 3), (33, 70, 7), (129, 40, 64), (400, 5, 20)]
)
def test_every_statistic_follows_the_formula(name, dtype, n, m, d, rng):
    kernel, formula = KERNELS[name]
    x = rng.normal(size=(n, d)).astype(dtype)
    y = (1.2 * rng.normal(size=(m, d)) + 0.1).astype(dtype)
    result = parzen.mmd_test(x, y, kernel=kernel, permutations=25, seed=3)
    z = np.concatenate([x, y])
    k = formula(z, z)
    expected = [reference.mmd_unbiased_of(k, members) for members in assignments(n, m, 25, 3)]
    scale = np.abs(k).mean()
    if min(n, m) < 6:  # the values of few pairs are far from the mean
        scale = np.abs(k).max()
    # Twice the bound: one for the value, one where it was set to the tied `squared`.
    assert np.abs(result.null - expected).max() <= 2 * BOUND[dtype] * scale
    same = parzen.mmd(x, y, kernel=kernel).squared
    assert abs(result.squared - same) <= BOUND[dtype] * scale
    if same.stderr is None:
        assert result.squared.stderr is None
    else:
        assert result.squared.stderr == pytest.approx(
            same.stderr, rel=1e-6, abs=100 * BOUND[dtype] * scale / math.sqrt(min(n, m))
        )
    expected_p = (1 + np.count_nonzero(result.null >= result.squared)) / 26
    assert result.p_value == expected_p
    assert result.p_value.stderr == (math.sqrt(expected_p * (1 - expected_p) / 25) or 0.5 / 26)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_draw_is_of_all_assignments(dtype, rng):
    x, y = rng.normal(size=(3, 2)).astype(dtype), rng.normal(size=(4, 2)).astype(dtype) + dtype(0.5)
    result = parzen.mmd_test(x, y, kernel=Energy(), permutations=7000)
    z = np.concatenate([x, y])
    k = reference.energy(z, z)
    every = []
    for chosen in itertools.combinations(range(7), 3):
        members = np.isin(np.arange(7), chosen)
        every.append(reference.mmd_unbiased_of(k, members))
    every = np.sort(every)
    nearest = np.abs(result.null[:, None] - every).argmin(axis=1)
    assert np.abs(result.null - every[nearest]).max() <= 2 * BOUND[dtype] * np.abs(k).max()
    counts = np.bincount(nearest, minlength=35)
    assert np.square(counts - 200).sum() / 200 < 60.0  # chi-squared of 34 degrees: p = 0.004
    exact = np.mean(every >= reference.mmd_unbiased_of(k, np.arange(7) < 3) - 1e-12)
    assert abs(result.p_value - exact) < 4 * result.p_value.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(40, 40), (15, 60), (600, 600)])
def test_ties_are_ties(dtype, shape, rng):
    # Rows of 0 and 1 only: the statistic depends on how many ones the first sample has.
    n, m = shape
    x, y = (rng.random((size, 1)) < 0.5 for size in shape)
    z = np.concatenate([x, y]).astype(dtype)
    kernel = Gaussian(0.7)
    result = parzen.mmd_test(z[:n], z[n:], kernel=kernel, permutations=300, seed=1)
    k = float(np.exp(-1 / (2 * 0.7**2)))

    def exact(ones):  # of the smaller sample
        size, rest = sorted(shape)
        others = int(z.sum()) - ones
        a, b = size - ones, rest - others
        within = 1 - (1 - k) * 2 * ones * a / (size * (size - 1))
        within += 1 - (1 - k) * 2 * others * b / (rest * (rest - 1))
        return within - 2 + 2 * (1 - k) * (ones * b + others * a) / (size * rest)

    members = assignments(n, m, 300, 1)
    values = np.array([exact(int(z[row].sum())) for row in members])
    given = exact(int((x if n <= m else y).sum()))
    tied = np.abs(values - given) < 1e-12
    assert 5 < tied.sum() < 300
    np.testing.assert_array_equal(result.null == result.squared, tied)
    np.testing.assert_array_equal(result.null > result.squared, (values > given) & ~tied)


def test_equal_assignments_have_equal_bits(rng):
    x, y = rng.normal(size=(2, 2, 3))
    null = parzen.mmd_test(x, y, permutations=500).null
    assert len(np.unique(null)) <= 6


def test_p_values_are_uniform_when_nothing_differs(rng):
    found = [
        parzen.mmd_test(
            rng.normal(size=(14, 2)), rng.normal(size=(9, 2)), permutations=99, seed=seed
        ).p_value
        for seed in range(300)
    ]
    # Steps of 1/100; uniform noise of a step makes them continuous.
    assert kstest(np.array(found) - rng.random(300) / 100, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_shift_is_found(dtype, rng):
    x, y = rng.normal(size=(2, 200, 16)).astype(dtype)
    assert parzen.mmd_test(x, y + dtype(0.3), permutations=199).p_value == 1 / 200
    assert parzen.mmd_test(x, x[::-1], permutations=199).p_value > 0.9


def test_both_orders_agree(rng):
    x, y = rng.normal(size=(80, 3)), 1.3 * rng.normal(size=(110, 3))
    there = parzen.mmd_test(x, y, permutations=2000)
    back = parzen.mmd_test(y, x, permutations=2000, seed=1)
    assert there.squared == pytest.approx(back.squared, rel=1e-10)
    spread = math.hypot(there.p_value.stderr, back.p_value.stderr)
    assert abs(there.p_value - back.p_value) < 4 * spread + 1e-9
    assert kstest(there.null, back.null).pvalue > 0.01


def test_seeds(rng):
    x, y = rng.normal(size=(2, 30, 3))
    one, same, other = (parzen.mmd_test(x, y, permutations=50, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.null, same.null)
    assert not np.array_equal(one.null, other.null)
    # More permutations go on where fewer stopped.
    more = parzen.mmd_test(x, y, permutations=80)
    np.testing.assert_array_equal(more.null[:50], one.null)


def test_chunks_change_no_bit(rng, monkeypatch):
    x, y = rng.normal(size=(2, 40, 3))
    whole = parzen.mmd_test(x, y, permutations=100)
    module = __import__("parzen.metrics.mmd_test", fromlist=["chunk_size"])
    monkeypatch.setattr(module, "chunk_size", lambda rows, d: 17)
    seen = []
    parts = parzen.mmd_test(x, y, permutations=100, progress=seen.append)
    np.testing.assert_array_equal(whole.null, parts.null)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_number_of_threads_changes_no_bit(rng, one_and_many_threads):
    x, y = rng.normal(size=(2, 500, 8)).astype(np.float32)
    alone, many = one_and_many_threads(lambda: parzen.mmd_test(x, y, permutations=70))
    np.testing.assert_array_equal(alone.null, many.null)
    assert alone.p_value == many.p_value


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"permutations": 0},
            ValueError,
            "mmd_test: permutations is 0, expected an integer >= 1",
        ),
        ({"permutations": 10.0}, TypeError, "mmd_test: permutations is 10.0, expected an integer"),
        ({"seed": -1}, ValueError, "mmd_test: seed is -1, expected an integer >= 0"),
        ({"seed": None}, TypeError, "mmd_test: seed is None"),
        ({"kernel": "rbf"}, TypeError, "mmd_test: kernel is 'rbf', expected Gaussian"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.mmd_test(np.eye(3), np.eye(3), **options)


def test_samples_that_are_refused():
    with pytest.raises(ValueError, match="mmd_test: x has 1 sample"):
        parzen.mmd_test(np.ones((1, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="the median distance is 0"):
        parzen.mmd_test(np.ones((4, 3)), np.ones((4, 3)))


def test_constant_samples_are_all_ties():
    result = parzen.mmd_test(np.ones((4, 3)), np.ones((5, 3)), kernel=Gaussian(1.0), permutations=9)
    assert result.p_value == 1.0
    assert result.p_value.stderr == 0.5 / 10
    low, high = result.p_value.interval()
    assert 0.6 < low < high == 1.0


def test_provenance(rng):
    x, y = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(6, 3)).astype(np.float32)
    result = parzen.mmd_test(x, y, kernel=Polynomial(), permutations=10, seed=4)
    assert {**result.squared.provenance, "range": [0.0, 1.0]} == result.p_value.provenance
    assert result.squared.provenance == {
        "metric": "mmd_test",
        "n": 5,
        "m": 6,
        "d": 3,
        "dtype": "float32",
        "method": "pairs",
        "estimator": "unbiased",
        "permutations": 10,
        "seed": 4,
        "kernel": {"name": "Polynomial", "degree": 3, "gamma": 1 / 3, "coef0": 1.0},
        "device": "cpu",
        "version": parzen.__version__,
    }
