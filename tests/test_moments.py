"""Moments up to order 3 and the exact MMDs from them, against pairs and against formulas."""

import itertools
import math
import pickle

import numpy as np
import pytest

import parzen
import reference
from parzen import Moments, Polynomial, _core
from parzen._arrays import center_of
from parzen.metrics.mmd import pair_sums
from parzen.metrics.moments import STDERR_ROWS, cheaper

# d around tiles and slices, n = 1, both sides of a depth step, n != m.
SHAPES = [
    (1, 1, 1),
    (5, 3, 2),
    (300, 257, 3),
    (40, 70, 12),
    (33, 20, 31),
    (256, 300, 65),
    (9, 8, 97),
]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}  # of mean k


def pair(shape, dtype, shift=0.3):
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    x, y = rng.normal(shift, 1.0, (n, d)), rng.normal(0.0, 1.1, (m, d))
    return x.astype(dtype), y.astype(dtype)


def packed(x, degree, center=0.0):
    """The tensor sum_i z_i^(x degree), z = [1, x - center], entry by entry in the stored order."""
    z = np.concatenate([np.ones((len(x), 1)), x.astype(np.float64) - center], axis=1)
    size = z.shape[1]
    if degree == 1:
        return z.sum(axis=0)
    if degree == 2:
        return np.array([z[:, b] @ z[:, c] for b in range(size) for c in range(b, size)])
    return np.concatenate(
        [(z[:, a] * z[:, b]) @ z[:, b:] for b in range(size) for a in range(b + 1)]
    )


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_tensor_entry_by_entry(shape, degree, dtype, wide):
    x, _ = pair(shape, dtype)
    expected = packed(x, degree)
    sums, powers = np.ones(len(expected)), np.zeros(degree + 1)
    _core.moments(x, sums, degree, norm_powers=powers, wide=wide)
    # An entry is a sum of n products of `degree` numbers: relative to the sum of magnitudes.
    magnitude = packed(np.abs(x), degree) + 1.0
    unit = 1e-6 if dtype == np.float32 and not wide else 1e-14
    assert (np.abs(sums - 1.0 - expected) <= unit * magnitude).all()
    norms = np.square(x.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(powers, [(norms**t).sum() for t in range(degree + 1)], rtol=1e-13)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_tensor_of_more_than_one_slice(degree):
    # d = 700: several slices of columns, wide rows, a run of rows across the second index.
    x, _ = pair((20, 1, 700 if degree < 3 else 530), np.float64)
    columns = x.shape[1]
    center = np.linspace(-1.0, 1.0, columns)
    sums = np.zeros(math.comb(columns + degree, degree))
    _core.moments(x, sums, degree, center=center)
    expected = packed(x, degree, center)
    assert np.abs(sums - expected).max() <= 1e-13 * np.abs(expected).max() * len(x)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_norms_are_means_of_the_kernel(shape, degree, dtype):
    x, y = pair(shape, dtype)
    for gamma, coef0 in ((1.0 / shape[2], 1.0), (0.3, 0.0), (2.0, 0.5)):
        kxx, kyy, kxy = (
            reference.polynomial(a, b, degree, gamma, coef0) for a, b in ((x, x), (y, y), (x, y))
        )
        found = _core.moment_norms(x, y, _core.Polynomial(degree, gamma, coef0))
        expected = (
            reference.mmd_biased(kxx, kyy, kxy),
            kxx.mean(),
            kyy.mean(),
            np.diag(kxx).mean(),
            np.diag(kyy).mean(),
        )
        scale = max(np.abs(kxx).mean(), np.abs(kyy).mean())
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale * 4)


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_mmd_is_that_of_pairs(degree, dtype, estimator):
    x, y = pair((800, 700, 20), dtype)
    kernel = Polynomial(degree, 0.1, 0.7)
    there = parzen.mmd(x, y, kernel=kernel, estimator=estimator, method="moments")
    pairs = parzen.mmd(x, y, kernel=kernel, estimator=estimator, method="pairs")
    scale = reference.polynomial(x, x, degree, 0.1, 0.7).mean()
    assert abs(there.squared - pairs.squared) <= TOLERANCE[dtype] * scale
    assert there.squared.provenance["method"] == "moments"
    if estimator == "biased":
        assert there.stderr is None
    else:  # so few rows: from all of them
        assert there.stderr == pytest.approx(pairs.stderr, rel=1e-5)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_equal_distributions_lose_no_digits(dtype):
    # Near the null MMD^2 is a thousand times smaller than the mean of k.
    rng = np.random.default_rng(5)
    x, y = np.abs(rng.normal(size=(2, 3000, 32))).astype(dtype)
    exact = parzen.mmd(
        x.astype(np.float64), y.astype(np.float64), kernel=Polynomial(), method="pairs"
    ).squared
    k = reference.polynomial(x[:200], y[:200]).mean()
    found = parzen.kid(x, y, subsets=None, method="moments").mean
    assert abs(exact) < 1e-2 * k
    assert abs(found - exact) <= TOLERANCE[dtype] * k
    same = parzen.mmd(x, x, kernel=Polynomial(), estimator="biased", method="moments").squared
    assert same == 0.0


def test_auto_takes_the_cheaper_way():
    assert cheaper(200_000, 200_000, 64, 3)
    assert not cheaper(5_000, 5_000, 2048, 3)
    assert not cheaper(50_000, 50_000, 2048, 3)
    assert cheaper(50_000, 50_000, 2048, 2)
    assert not cheaper(STDERR_ROWS, STDERR_ROWS, 2, 1)
    assert not cheaper(10**6, 10**6, 8, 4)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000, 3)).astype(np.float32)
    result = parzen.kid(x, 1.1 * y, subsets=None)
    assert result.mean.provenance["method"] == "moments"
    assert result.mean.provenance["stderr_rows"] == (STDERR_ROWS, STDERR_ROWS)
    pairs = parzen.kid(x, 1.1 * y, subsets=None, method="pairs")
    assert result.mean == pytest.approx(pairs.mean, abs=1e-6)
    assert result.std == pytest.approx(pairs.std, rel=0.1)


def test_a_stream_is_its_samples():
    x, y = pair((500, 400, 17), np.float64)
    for degree in (1, 2, 3):
        kernel = Polynomial(degree, 0.2, 1.5)
        parts = [Moments(degree).update(part) for part in np.array_split(x, 3)]
        stream = parts[0].merge(parts[1]).merge(parts[2])
        other = pickle.loads(pickle.dumps(Moments(degree).update(y[:100]))).update(y[100:])
        assert (stream.n, other.n) == (500, 400)
        for estimator in ("unbiased", "biased"):
            found = stream.mmd(other, kernel=kernel, estimator=estimator)
            expected = parzen.mmd(x, y, kernel=kernel, estimator=estimator, method="pairs")
            scale = reference.polynomial(x, x, degree, 0.2, 1.5).mean()
            assert abs(found.squared - expected.squared) <= 1e-13 * scale
            assert found.stderr is None
    assert stream.mmd(other).squared == pytest.approx(
        parzen.mmd(x, y, kernel=Polynomial()).squared, abs=1e-12
    )


def test_merging_with_an_empty_stream():
    x, _ = pair((30, 1, 4), np.float64)
    state = Moments().update(x)
    for merged in (state.merge(Moments()), Moments().merge(state)):
        np.testing.assert_array_equal(merged.sums, state.sums)
    assert Moments().merge(Moments()).n == 0


def test_symmetry_permutation_and_scale(rng):
    x, y = pair((120, 90, 10), np.float64)
    options = {"kernel": Polynomial(3, 0.1, 1.0), "method": "moments"}
    value = parzen.mmd(x, y, **options).squared
    assert parzen.mmd(y, x, **options).squared == pytest.approx(value, rel=1e-12)
    order, columns = rng.permutation(120), rng.permutation(10)
    assert parzen.mmd(x[order][:, columns], y[:, columns], **options).squared == pytest.approx(
        value, rel=1e-10
    )
    scaled = {"kernel": Polynomial(3, 0.1 / 4.0, 1.0), "method": "moments"}
    assert parzen.mmd(2.0 * x, 2.0 * y, **scaled).squared == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_extreme_scales_are_widened_or_left_to_pairs(dtype):
    x, y = pair((50, 40, 5), dtype)
    for scale in (1e-12, 1e12):
        kernel = Polynomial(3, 0.2 / scale**2, 1.0)
        scaled = (x * dtype(scale), y * dtype(scale))
        found = parzen.mmd(*scaled, kernel=kernel, method="moments").squared
        exact = parzen.mmd(
            *(a.astype(np.float64) for a in scaled), kernel=kernel, method="pairs"
        ).squared
        assert found == pytest.approx(exact, rel=1e-5)


def test_number_of_threads_changes_no_bit(one_and_many_threads):
    x, y = pair((3000, 2500, 40), np.float32)
    alone, many = one_and_many_threads(
        lambda: _core.moment_norms(x, y, _core.Polynomial(3, 0.1, 1.0))
    )
    assert alone == many

    def state():
        sums = np.zeros(41 * 42 // 2)
        _core.moments(x, sums, 2, wide=True, center=x.mean(axis=0).astype(np.float64))
        return sums.tobytes()

    alone, many = one_and_many_threads(state)
    assert alone == many


def test_refusals():
    x, y = pair((10, 9, 4), np.float64)
    for degree, error in ((0, ValueError), (4, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match="Moments: degree"):
            Moments(degree)
    state = Moments().update(x)
    with pytest.raises(ValueError, match="x has 3 columns, expected 4"):
        state.update(x[:, :3])
    with pytest.raises(ValueError, match="NaN or infinity"):
        state.update(np.full((2, 4), np.nan))
    assert state.n == 10
    with pytest.raises(TypeError, match="expected Moments"):
        state.mmd(y)
    for other in (Moments(2).update(y), Moments().update(y[:, :3])):
        with pytest.raises(ValueError, match="expected the same degree and d"):
            state.mmd(other)
        with pytest.raises(ValueError, match="expected the same degree and d"):
            state.merge(other)
    for kernel in (Polynomial(2), parzen.Energy()):
        with pytest.raises(ValueError, match="expected a Polynomial of degree 3"):
            state.mmd(Moments().update(y), kernel=kernel)
    with pytest.raises(ValueError, match="estimator"):
        state.mmd(Moments().update(y), estimator="best")
    for one in (Moments(), Moments().update(y[:1])):
        with pytest.raises(ValueError, match="expected at least 2"):
            state.mmd(one)
    for kernel in (Polynomial(4), parzen.Gaussian(1.0)):
        with pytest.raises(ValueError, match="needs a Polynomial of degree 1 to 3"):
            parzen.mmd(x, y, kernel=kernel, method="moments")
    with pytest.raises(ValueError, match="pass subsets=None with it"):
        parzen.kid(x, y, subsets=2, subset_size=5, method="moments")
    with pytest.raises(ValueError, match="method is 'magic'"):
        parzen.kid(x, y, subsets=None, method="magic")
    for sums in (np.zeros(5), np.zeros(30)[::2], np.zeros((15, 1))):
        with pytest.raises(ValueError, match="sums: expected an aligned, contiguous vector"):
            _core.moments(x, sums, 2)
    with pytest.raises(TypeError):
        _core.moments(x, np.zeros(15, np.float32), 2)
    with pytest.raises(ValueError, match="norm_powers"):
        _core.moments(x, np.zeros(15), 2, norm_powers=np.zeros(2))
    with pytest.raises(ValueError, match="center"):
        _core.moments(x, np.zeros(15), 2, center=np.zeros(3))
    for degree in (0, 4):
        with pytest.raises(ValueError, match="degree: expected 1, 2 or 3"):
            _core.moments(x, np.zeros(15), degree)
        if degree:
            with pytest.raises(ValueError, match="degree: expected 1, 2 or 3"):
                _core.moment_norms(x, y, _core.Polynomial(degree, 1.0, 1.0))


@pytest.mark.parametrize(("shift", "low", "high"), [(0.3, 0.9, 1.1), (0.0, 0.9, 4.0)])
def test_the_standard_error_of_a_subsample(shift, low, high):
    # Components from 400 rows put together for 1600, beside the standard error of all 1600. Without
    # a shift the first-order part is 0 and its noise, which cannot be negative, makes it too large.
    rng = np.random.default_rng(3)
    kernel = Polynomial(2, 0.25, 1.0)
    variances = []
    for _ in range(30):
        x, y = rng.normal(size=(1600, 4)), rng.normal(shift, 1.0, (1600, 4))
        full = pair_sums(x, y, kernel, center=center_of(x, y)).stderr()
        few = pair_sums(x[:400], y[:400], kernel, center=center_of(x, y)).stderr_at(1600, 1600)
        variances.append((few**2, full**2))
    few, full = np.mean(variances, axis=0)
    assert low < few / full < high


def test_multiplicities_count_all_tuples():
    # One sample of ones: every entry is 1, and |mu|^2 = (1 + d)^3 counts each tuple of indices.
    for d in (1, 2, 5):
        ones = np.ones((1, d))
        assert _core.moment_norms(ones, ones, _core.Polynomial(3, 1.0, 1.0))[1] == (1 + d) ** 3
        entries = list(itertools.combinations_with_replacement(range(d + 1), 3))
        assert len(Moments().update(ones).sums) == len(entries)
