"""Sums of kernels over pairs, against the float64 reference on the same inputs."""

import math

import numpy as np
import pytest

import reference
from parzen import _core

# n = 1, fewer rows than a tile, edge tiles, d = 1, both sides of a depth step and of the switch to
# differences, n != m.
SHAPES = [
    (1, 1, 1),
    (5, 3, 2),
    (13, 33, 7),
    (12, 32, 8),
    (64, 16, 9),
    (100, 70, 64),
    (37, 50, 256),
    (50, 37, 257),
    (65, 40, 2049),
    (1500, 1300, 20),
    (3, 700, 30),
]
# Relative to the mean kernel value: a few units of roundoff, times the degree for the powers.
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


def kernels(d):
    h = math.sqrt(d)
    return {
        "linear": (_core.Polynomial(1, 1 / d, 1.0), lambda x, y: reference.polynomial(x, y, 1)),
        "quadratic": (
            _core.Polynomial(2, 1 / d, 0.5),
            lambda x, y: reference.polynomial(x, y, 2, coef0=0.5),
        ),
        "cubic": (_core.Polynomial(3, 1 / d, 1.0), lambda x, y: reference.polynomial(x, y)),
        "degree 7": (
            _core.Polynomial(7, 0.5 / d, 1.0),
            lambda x, y: reference.polynomial(x, y, 7, 0.5 / d),
        ),
        "gaussian": (_core.Gaussian([h]), lambda x, y: reference.gaussian(x, y, h)),
        "three bandwidths": (
            _core.Gaussian([h, h / 2, 3.0]),
            lambda x, y: reference.gaussian(x, y, [h, h / 2, 3.0]),
        ),
        "rational quadratic": (
            _core.RationalQuadratic(0.7, h),
            lambda x, y: reference.rational_quadratic(x, y, 0.7, h),
        ),
        "energy": (_core.Energy(), reference.energy),
    }


def samples(n, m, d, dtype, shift=0.0):
    rng = np.random.default_rng(1000 * n + d)
    x = (rng.standard_normal((n, d)) + shift).astype(dtype)
    y = (rng.standard_normal((m, d)) + 0.2 + shift).astype(dtype)
    x[0] = y[0]  # one pair at distance exactly 0
    return x, y


def center(x, y):
    return np.concatenate([x, y]).mean(axis=0, dtype=np.float64).astype(x.dtype)


@pytest.mark.parametrize("name", kernels(1))
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rectangle(shape, dtype, name):
    kernel, formula = kernels(shape[2])[name]
    x, y = samples(*shape, dtype)
    expected = formula(x, y)
    scale = np.abs(expected).mean()
    tolerance = TOLERANCE[dtype]
    for c in (None, center(x, y)):
        rows, columns, diagonal, squares = _core.kernel_sum(x, y, kernel, center=c)
        assert diagonal is None
        np.testing.assert_allclose(
            rows / len(y), expected.mean(axis=1), rtol=tolerance, atol=tolerance * scale
        )
        np.testing.assert_allclose(
            columns / len(x), expected.mean(axis=0), rtol=tolerance, atol=tolerance * scale
        )
        np.testing.assert_allclose(squares, np.square(expected).sum(), rtol=4 * tolerance)


@pytest.mark.parametrize("name", kernels(1))
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_triangle(shape, dtype, name):
    kernel, formula = kernels(shape[2])[name]
    x, y = samples(*shape, dtype)
    expected = formula(x, x)
    diagonal = np.diag(expected).copy()
    np.fill_diagonal(expected, 0.0)
    scale = np.abs(expected).mean()
    tolerance = TOLERANCE[dtype]
    for c in (None, center(x, y)):
        rows, columns, own, squares = _core.kernel_sum(x, None, kernel, center=c)
        assert columns is None
        np.testing.assert_allclose(
            rows / len(x), expected.mean(axis=1), rtol=tolerance, atol=tolerance * scale
        )
        np.testing.assert_allclose(own, diagonal, rtol=1e-13)
        np.testing.assert_allclose(squares, np.square(expected).sum(), rtol=4 * tolerance)


def test_one_row_has_no_pairs():
    rows, _, diagonal, squares = _core.kernel_sum(
        np.array([[3.0, 4.0]]), None, _core.Polynomial(2, 1.0, 0.0)
    )
    assert rows == 0.0
    assert squares == 0.0
    assert diagonal == 625.0


def test_the_two_sides_may_change_places():
    x, y = samples(300, 200, 17, np.float32)
    one = _core.kernel_sum(x, y, _core.Gaussian([2.0]))
    other = _core.kernel_sum(y, x, _core.Gaussian([2.0]))
    np.testing.assert_allclose(one[0], other[1], rtol=1e-6)
    np.testing.assert_allclose(one[1], other[0], rtol=1e-6)


@pytest.mark.parametrize("d", [4, 64])
def test_more_columns_than_a_slab(d):
    # 16384 columns, or 16 MB of them, are packed at a time.
    rng = np.random.default_rng(0)
    y = rng.standard_normal((40_000, d)).astype(np.float32)
    x = y[::4000].copy()
    h = math.sqrt(d)
    rows, columns, _, _ = _core.kernel_sum(x, y, _core.Gaussian([h]))
    expected = reference.gaussian(x, y, h)
    np.testing.assert_allclose(rows, expected.sum(axis=1), rtol=2e-6)
    np.testing.assert_allclose(columns, expected.sum(axis=0), rtol=2e-6)
    own = _core.kernel_sum(y, None, _core.Gaussian([h]))[0]
    np.testing.assert_allclose(own[::4000], expected.sum(axis=1) - 1.0, rtol=2e-6)


@pytest.mark.parametrize("d", [3, 64])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_rows_read_by_stride(d, dtype):
    x, y = samples(90, 80, d, dtype)
    wide = np.full((90, d + 5), np.nan, dtype)
    wide[:, :d] = x
    np.testing.assert_array_equal(
        _core.kernel_sum(wide[:, :d], y, _core.Gaussian([1.0]))[0],
        _core.kernel_sum(x, y, _core.Gaussian([1.0]))[0],
    )
    doubled = np.repeat(x, 2, axis=0)
    np.testing.assert_array_equal(
        _core.kernel_sum(doubled[::2], y, _core.Gaussian([1.0]))[0],
        _core.kernel_sum(x, y, _core.Gaussian([1.0]))[0],
    )


@pytest.mark.parametrize("d", [2, 64, 700])
def test_data_far_from_the_origin(d):
    # |x|^2 is 1e8 d and float32 has steps of 1/1024 there, which the inputs are already rounded to:
    # nothing more may be lost.
    x, y = samples(200, 150, d, np.float32, shift=1e4)
    h = math.sqrt(d)
    expected = reference.gaussian(x, y, h).sum(axis=1)
    rows = _core.kernel_sum(x, y, _core.Gaussian([h]), center=center(x, y))[0]
    np.testing.assert_allclose(rows, expected, rtol=2e-6)


@pytest.mark.parametrize("d", [5, 64, 512])
def test_pairs_that_nearly_coincide(d):
    # Distances of 1e-3 between points of norm sqrt(d): by products all digits would be gone.
    rng = np.random.default_rng(d)
    x = rng.standard_normal((100, d)).astype(np.float32)
    y = (x + 1e-3 / math.sqrt(d) * rng.standard_normal((100, d))).astype(np.float32)
    squared = np.square(x.astype(np.float64) - y.astype(np.float64)).sum(axis=1)
    found = _core.nearest(x, y, 1)[:, 0]
    np.testing.assert_allclose(found, squared, rtol=1e-5)
    h = 5e-4
    near = np.exp(-squared / (2 * h * h))  # every other pair contributes less than 1e-300
    np.testing.assert_allclose(_core.kernel_sum(x, y, _core.Gaussian([h]))[0], near, rtol=1e-4)


def test_equal_rows_are_at_distance_zero():
    x = np.full((50, 100), 0.1, np.float32)
    rows, _, _, squares = _core.kernel_sum(x, None, _core.Gaussian([1e-6]))
    np.testing.assert_array_equal(rows, 49.0)
    assert squares == 50 * 49


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_kernel_values_that_underflow_are_zero(dtype):
    x = np.arange(40, dtype=dtype)[:, None] * dtype(1e3)
    rows, _, _, squares = _core.kernel_sum(x, None, _core.Gaussian([1.0]))
    np.testing.assert_array_equal(rows, 0.0)
    assert squares == 0.0


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_gaussian_values_over_the_whole_range(dtype):
    # exp to a few units in the last place, from 1 down to the smallest normal number.
    low = -87.0 if dtype is np.float32 else -708.0
    exponents = np.linspace(low, 0.0, 2000)
    x = np.sqrt(-2.0 * exponents).astype(dtype)[:, None]
    values = _core.kernel_sum(x, np.zeros((1, 1), dtype), _core.Gaussian([1.0]))[0]
    expected = np.exp(-np.square(x[:, 0].astype(np.float64)) / 2.0)
    # The rounding of the exponent, |t| u, is exp's own condition; 2 ulp come on top.
    u = np.finfo(dtype).eps / 2
    np.testing.assert_array_less(
        np.abs(values / expected - 1.0), (3.0 * np.abs(exponents) + 4.0) * u
    )


def test_many_columns_against_few_rows():
    x, y = samples(2, 5000, 40, np.float64)
    rows, columns, _, _ = _core.kernel_sum(x, y, _core.Energy())
    np.testing.assert_allclose(rows, reference.energy(x, y).sum(axis=1), rtol=1e-13)
    np.testing.assert_allclose(columns, reference.energy(x, y).sum(axis=0), rtol=1e-13)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_exponential_is_right_to_two_units(dtype):
    # exp(-x^2/2) one pair a row: two units of roundoff, and one for each unit of the argument,
    # which is rounded itself.
    x = np.linspace(0.0, 12.0, 20_001).astype(dtype)[:, None]
    found = _core.kernel_sum(x, np.zeros((1, 1), dtype), _core.Gaussian([1.0]))[0]
    argument = np.square(x[:, 0].astype(np.longdouble)) / 2
    exact = np.exp(-argument)
    unit = np.finfo(dtype).eps / 2
    normal = exact > np.finfo(dtype).tiny
    error = np.abs(found - exact)[normal] / exact[normal]
    assert (error <= unit * (4 + 4 * argument[normal])).all()
    assert np.max(error[argument[normal] < 0.25]) <= 4 * unit  # two ulp
    assert (found[~normal] <= 2 * np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("bandwidth", [1e-2, 1e-5, 1e-10, 1e-15])
def test_far_pairs_are_exactly_zero(dtype, bandwidth):
    # Arguments of the exponential to -1e30, far beyond those that have a fraction.
    x, y = samples(30, 40, 9, dtype)
    for kernel in (_core.Gaussian([bandwidth]), _core.Gaussian([bandwidth, 2 * bandwidth])):
        rows, columns, _, squares = _core.kernel_sum(x, y, kernel)
        assert (rows[0], columns[0], squares) == (1.0, 1.0, 1.0)  # the pair of equal rows
        assert not rows[1:].any()
        assert not columns[1:].any()
