"""Smallest and largest of each column, and that nothing which is not finite goes unseen."""

import numpy as np
import pytest

from parzen import _core

# One value, narrow rows read many at once with and without a remainder, wide rows, several tasks.
SHAPES = [
    (1, 1),
    (3, 1),
    (255, 1),
    (1000, 3),
    (77, 64),
    (5, 300),
    (2, 5000),
    (200_003, 2),
    (3000, 257),
]


def samples(shape, dtype):
    return np.random.default_rng(shape[0]).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bounds(shape, dtype):
    x = samples(shape, dtype)
    wide = samples((shape[0], shape[1] + 3), dtype)
    for rows in (x, x[::2], wide[:, 1 : 1 + shape[1]], -np.abs(x) - 1, np.abs(x) + 1):
        low, high = _core.column_bounds(rows)
        assert low.dtype == high.dtype == np.float64
        np.testing.assert_array_equal(low, rows.min(axis=0))
        np.testing.assert_array_equal(high, rows.max(axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_wherever_it_is(shape, dtype, value):
    x = samples(shape, dtype)
    rng = np.random.default_rng(1)
    places = [
        (0, 0),
        (shape[0] - 1, shape[1] - 1),
        *zip(*(rng.integers(s, size=20) for s in shape), strict=True),
    ]
    for place in places:
        kept, x[place] = x[place], value
        for bound in _core.column_bounds(x):
            assert np.flatnonzero(np.isnan(bound)).tolist() == [place[1]]
        x[place] = kept


def test_the_number_of_threads_changes_no_bit_not_even_of_zero_and_nan():
    random = np.random.default_rng(0)
    x = np.where(random.random((400_000, 3)) < 0.5, 0.0, -0.0)
    x[:, 1] = np.where(random.random(400_000) < 0.5, np.nan, -np.nan)
    x[random.integers(0, 400_000, 100), 1] = np.inf
    threads = _core.get_num_threads()
    try:
        found = set()
        for count in (1, 2, 3, 8):
            _core.set_num_threads(count)
            found.add(b"".join(bound.tobytes() for bound in _core.column_bounds(x)))
    finally:
        _core.set_num_threads(threads)
    bounds = np.array([0.0, np.nan, 0.0])
    assert found == {2 * bounds.tobytes()}
