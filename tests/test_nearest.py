"""Nearest neighbours and ball counts, against the float64 reference on the same inputs."""

import numpy as np
import pytest

import reference
from parzen import _core

SHAPES = [
    (4, 1, 1),
    (5, 3, 2),
    (33, 13, 8),
    (30, 40, 9),
    (300, 170, 64),
    (50, 37, 600),
    (2000, 5, 20),
    (5, 2000, 20),
]
TOLERANCE = {np.float32: 5e-6, np.float64: 1e-13}  # of a squared distance


def pair(shape, dtype):
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("k", [1, 3, 4])
def test_nearest(shape, dtype, k):
    x, q = pair(shape, dtype)
    for center in (None, x.mean(axis=0)):
        found = _core.nearest(x, q, k, center=center)
        assert found.dtype == dtype
        expected = np.sort(reference.squared_distances(x, q), axis=0)[:k].T
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nearest_others(shape, dtype):
    x, _ = pair(shape, dtype)
    squared = reference.squared_distances(x, x)
    np.fill_diagonal(squared, np.inf)
    expected = np.sort(squared, axis=0)[:3].T
    np.testing.assert_allclose(_core.nearest(x, None, 3), expected, rtol=TOLERANCE[dtype])


def test_as_many_neighbours_as_there_are():
    x, q = pair((70, 9, 12), np.float64)
    found = _core.nearest(x, q, 70)
    np.testing.assert_allclose(
        found, np.sort(reference.squared_distances(x, q), axis=0).T, rtol=1e-13
    )
    assert _core.nearest(x, None, 69).shape == (70, 69)


def test_duplicates_are_neighbours_at_distance_zero():
    x = np.repeat(np.random.default_rng(0).standard_normal((20, 33)), 3, axis=0).astype(np.float32)
    found = _core.nearest(x, None, 3, center=x.mean(axis=0))
    np.testing.assert_array_equal(found[:, :2], 0.0)
    assert (found[:, 2] > 0.0).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [*SHAPES, (9000, 40_000, 1)], ids=str)
def test_the_numbers_are_those_of_the_rows_at_these_distances(shape, dtype):
    x, q = pair(shape, dtype)
    for queries, k in ((q, 4), (None, 3)):
        squared, numbers = _core.nearest(x, queries, k, numbers=True)
        np.testing.assert_array_equal(squared, _core.nearest(x, queries, k))
        exact = x.astype(np.float64)
        towards = exact if queries is None else q.astype(np.float64)
        gaps = exact[numbers] - towards[:, None]
        np.testing.assert_allclose(squared, np.square(gaps).sum(axis=2), rtol=TOLERANCE[dtype])
        ordered = np.sort(numbers, axis=1)
        assert (np.diff(ordered, axis=1) > 0).all()
        assert queries is not None or (numbers != np.arange(len(x))[:, None]).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("d", [2, 33])
def test_of_equal_distances_the_smaller_number_comes_first(dtype, d):
    # 21 points, each 2000 times: over the slabs, groups and parts of the schedule.
    points = np.random.default_rng(0).integers(-3, 4, (21, d)).astype(dtype)
    points[:, 0] = np.arange(21)
    x = np.tile(points, (2000, 1))
    _, numbers = _core.nearest(x, points, 5, numbers=True)
    np.testing.assert_array_equal(numbers, np.arange(21)[:, None] + 21 * np.arange(5))
    _, numbers = _core.nearest(x, None, 2, numbers=True)
    first = np.arange(len(x)) % 21
    expected = np.stack([first, first + 21], axis=1)
    expected[:21, 0] += 21  # itself is left out
    expected[:21, 1] += 21
    expected[21:42, 1] += 21
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scales_stretch_the_distances_to_their_rows(shape, dtype):
    x, q = pair(shape, dtype)
    scales = np.random.default_rng(1).uniform(0.1, 10.0, len(x)).astype(dtype)
    expected = reference.squared_distances(x, q) * scales.astype(np.float64)[:, None]
    found, numbers = _core.nearest(x, q, 3, scales=scales, numbers=True)
    np.testing.assert_array_equal(found, _core.nearest(x, q, 3, scales=scales))
    np.testing.assert_allclose(found, np.sort(expected, axis=0)[:3].T, rtol=2 * TOLERANCE[dtype])
    at = np.take_along_axis(expected.T, numbers, axis=1)
    np.testing.assert_allclose(found, at, rtol=2 * TOLERANCE[dtype])


def test_a_row_whose_scaled_distance_overflows_has_no_number():
    x, q = np.array([[0.0], [1.0]]), np.array([[1.0], [1e9]])
    squared, numbers = _core.nearest(x, q, 2, scales=np.full(2, 1e300), numbers=True)
    np.testing.assert_array_equal(squared, [[0.0, 1e300], [np.inf, np.inf]])
    np.testing.assert_array_equal(numbers, [[1, 0], [-1, -1]])


def test_scales_belong_to_rows_that_are_not_the_queries():
    x = np.zeros((5, 2))
    with pytest.raises(ValueError, match="expected queries beside them"):
        _core.nearest(x, None, 1, scales=np.ones(5))
    with pytest.raises(ValueError, match="length 5"):
        _core.nearest(x, x, 1, scales=np.ones(4))


def between(squared):
    """Squared radii between two neighbouring distances of each row: rounding matters to few."""
    ordered, middle = np.sort(squared, axis=1), squared.shape[1] // 2
    return (ordered[:, middle] + ordered[:, middle - 1]) / 2 if middle else ordered[:, 0] * 1.01


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ball_counts(shape, dtype):
    x, y = pair(shape, dtype)
    squared = reference.squared_distances(x, y)
    x_radii, y_radii = between(squared), between(squared.T)
    x_holds, y_held, y_holds, x_held = _core.ball_counts(
        x, x_radii.astype(dtype), y, y_radii.astype(dtype)
    )
    for by_center, by_point, distances, radii in (
        (x_holds, y_held, squared, x_radii[:, None]),
        (y_holds, x_held, squared.T, y_radii[:, None]),
    ):
        inside = distances <= radii
        doubtful = np.abs(distances - radii) <= 1e-5 * radii
        assert (np.abs(by_center - inside.sum(axis=1)) <= doubtful.sum(axis=1)).all()
        assert (np.abs(by_point - inside.sum(axis=0)) <= doubtful.sum(axis=0)).all()
        assert doubtful.mean() < 0.01


def test_more_columns_than_a_slab():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((100, 2)), rng.standard_normal((40_000, 2))
    squared = reference.squared_distances(x, y)
    x_radii, y_radii = np.full(100, 0.5), rng.uniform(0.0, 1.0, 40_000)
    x_holds, y_held, y_holds, x_held = _core.ball_counts(x, x_radii, y, y_radii)
    np.testing.assert_array_equal(x_holds, (squared <= 0.5).sum(axis=1))
    np.testing.assert_array_equal(y_held, (squared <= 0.5).sum(axis=0))
    np.testing.assert_array_equal(y_holds, (squared <= y_radii).sum(axis=0))
    np.testing.assert_array_equal(x_held, (squared <= y_radii).sum(axis=1))
    others = _core.nearest(y, None, 2)
    few = rng.choice(len(y), 50)
    distances = reference.squared_distances(y[few], y)
    expected = np.sort(distances, axis=1)[:, 1:3]
    np.testing.assert_allclose(others[few], expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(100, 2), (500, 8), (500, 9), (333, 64), (120, 700)], ids=str)
def test_the_boundary_is_inside_to_the_last_bit(shape, dtype):
    # The ball about x_i out to its third neighbour holds x_i and three others, since |x_i - x_j|
    # has one value everywhere.
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    center = x.mean(axis=0)
    radii = _core.nearest(x, None, 3, center=center)[:, 2].copy()
    x_holds, y_held, y_holds, x_held = _core.ball_counts(x, radii, x, radii, center=center)
    np.testing.assert_array_equal(x_holds, 4.0)
    np.testing.assert_array_equal(y_holds, 4.0)
    assert y_held.sum() == x_held.sum() == 4 * len(x)
    # As queries in another order and among others, the same points give the same bits.
    mixed = np.concatenate([x[::-1], x[:50] + dtype(100.0)])
    none = np.zeros(len(mixed), dtype)
    found = _core.ball_counts(x, radii, mixed, none, center=center)
    np.testing.assert_array_equal(found[0], 4.0)
    found = _core.ball_counts(mixed, none, x, radii, center=center)
    np.testing.assert_array_equal(found[2], 4.0)


def test_balls_of_radius_zero_hold_equal_points():
    x = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
    radii = np.zeros(40, np.float32)
    for counts in _core.ball_counts(x, radii, x, radii):
        np.testing.assert_array_equal(counts, 1.0)
