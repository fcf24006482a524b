"""What a device must give, whatever it is: every operation against the float64 reference."""

import math

import numpy as np
from scipy.special import logsumexp

import reference
from parzen import _core
from test_kernel_quadratic import draw, pack
from test_kernel_sum import center, kernels, samples
from test_log_density import COMPACT, assert_logs, bounds_of_sums
from test_moments import packed
from test_nearest import between

DTYPES = [np.float32, np.float64]
# Relative to the mean kernel value, as on the CPU.
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}
SQUARED = {np.float32: 5e-6, np.float64: 1e-13}  # of a squared distance


def check_kernel_sum(device, shape, dtype, name, precision="full"):
    kernel, formula = kernels(shape[2])[name]
    x, y = samples(*shape, dtype)
    # An error of <x,y> counts `degree` times in its power.
    tolerance = TOLERANCE[dtype] * (3.5 if name == "degree 7" else 1.0)
    on = {"precision": precision}
    for c in (None, center(x, y)):
        for other in (y, None):
            expected = formula(x, x if other is None else other)
            diagonal = np.diag(expected).copy()
            if other is None:
                np.fill_diagonal(expected, 0.0)
            scale = np.abs(expected).mean()
            there = None if other is None else device.matrix(other, **on)
            rows, columns, own, squares = _core.kernel_sum(
                device.matrix(x, **on), there, kernel, center=c
            )
            bounds = {"rtol": tolerance, "atol": tolerance * scale}
            np.testing.assert_allclose(rows / len(expected.T), expected.mean(axis=1), **bounds)
            if other is None:
                assert columns is None
                np.testing.assert_allclose(own, diagonal, rtol=1e-13)
            else:
                assert own is None
                np.testing.assert_allclose(columns / len(x), expected.mean(axis=0), **bounds)
            np.testing.assert_allclose(squares, np.square(expected).sum(), rtol=4 * tolerance)


def check_mmd(device, n, m, d, name, precision="full", tolerance=1e-6):
    """The bound that is promised: an error of at most 1e-6 of the mean kernel value."""
    kernel, formula = kernels(d)[name]
    x, y = samples(n, m, d, np.float32)
    c = center(x, y)
    on_x, on_y = device.matrix(x, precision=precision), device.matrix(y, precision=precision)
    xx = _core.kernel_sum(on_x, None, kernel, center=c)[0].sum() / (n * (n - 1))
    yy = _core.kernel_sum(on_y, None, kernel, center=c)[0].sum() / (m * (m - 1))
    xy = _core.kernel_sum(on_x, on_y, kernel, center=c)[0].sum() / (n * m)
    kxx, kyy, kxy = formula(x, x), formula(y, y), formula(x, y)
    error = abs(xx + yy - 2.0 * xy - reference.mmd_unbiased(kxx, kyy, kxy))
    assert error <= tolerance * np.abs(kxy).mean()
    return error / np.abs(kxy).mean()


def check_kernel_quadratic(device, shape, vectors, dtype, name):
    n, m, d = shape
    kernel, formula = kernels(d)[name]
    x, y = samples(*shape, dtype)
    rng = np.random.default_rng(vectors)
    u, v = draw(rng, n, vectors), draw(rng, m, vectors)
    for other, right in ((y, v), (None, None)):
        k = formula(x, x if other is None else other)
        if other is None:
            np.fill_diagonal(k, 0.0)
        members = u if right is None else right
        there = None if other is None else device.matrix(other)
        values, sums = _core.kernel_quadratic(
            device.matrix(x), there, kernel, pack(u), None if right is None else pack(right)
        )
        expected = reference.quadratic(k, u, members)
        scale = np.minimum(
            np.abs(k).mean() * k.size, np.abs(k).max() * u.sum(axis=0) * members.sum(axis=0)
        )
        assert (np.abs(values - expected) <= 2 * TOLERANCE[dtype] * scale + 1e-300).all()
        alone, _ = _core.kernel_quadratic(
            device.matrix(x),
            there,
            kernel,
            pack(u[:, -1:]),
            None if right is None else pack(right[:, -1:]),
        )
        assert alone[0] == values[-1]
        for ours, theirs in zip(
            sums, _core.kernel_sum(device.matrix(x), there, kernel), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def check_log_density(device, shape, dtype, precision="full"):
    n, m, d = shape
    rng = np.random.default_rng(n)
    x, q = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    log_weights = 5.0 * rng.standard_normal(n)
    bandwidths = [0.1, 1.0, math.sqrt(d), 100.0]
    for same in (False, True) if n > 1 else (False,):
        queries = x if same else q
        squared = reference.squared_distances(x, queries)
        for weights in (None, log_weights):
            logs = np.reshape(0.0 if weights is None else weights, (-1, 1))
            for name in ("gaussian", "exponential"):
                found = _core.log_density(
                    device.matrix(x, precision=precision),
                    None if same else device.matrix(q, precision=precision),
                    bandwidths,
                    kernel=name,
                    log_weights=weights,
                    center=x.mean(axis=0),
                )
                for b, h in enumerate(bandwidths):
                    ratios = np.sqrt(squared) / h
                    exponents = logs - (ratios**2 / 2.0 if name == "gaussian" else ratios)
                    if same:
                        np.fill_diagonal(exponents, -np.inf)
                    assert_logs(found[b], logsumexp(exponents, axis=0), dtype)


def check_compact(device, d, dtype):
    rng = np.random.default_rng(d)
    x, q = (rng.standard_normal((n, d)).astype(dtype) for n in (140, 50))
    log_weights = 3.0 * rng.standard_normal(len(x))
    bandwidths = [math.sqrt(2.0 * d) * t for t in (0.1, 0.9, 1.0, 4.0)]
    for kernel in COMPACT:
        found = _core.log_density(
            device.matrix(x), device.matrix(q), bandwidths, kernel=kernel, log_weights=log_weights
        )
        for b, h in enumerate(bandwidths):
            low, high = bounds_of_sums(x, q, h, kernel, dtype, log_weights)
            assert (np.exp(found[b]) >= low).all()
            assert (np.exp(found[b]) <= high).all()
            assert (found[b][high == 0.0] == -np.inf).all()


def check_nearest(device, shape, dtype, k):
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    x, q = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    if k <= n:
        expected = np.sort(reference.squared_distances(x, q), axis=0)[:k].T
        found = _core.nearest(device.matrix(x), device.matrix(q), k, center=x.mean(axis=0))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=SQUARED[dtype])
    if k < n:
        squared = reference.squared_distances(x, x)
        np.fill_diagonal(squared, np.inf)
        expected = np.sort(squared, axis=0)[:k].T
        found = _core.nearest(device.matrix(x), None, k, center=x.mean(axis=0))
        np.testing.assert_allclose(found, expected, rtol=SQUARED[dtype])


def check_neighbours(device, shape, dtype, k):
    """Whose distances they are, at scales of their own too; of equal distances the smaller."""
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    x, q = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    scales = rng.uniform(0.5, 2.0, n).astype(dtype)
    scales[n // 2] = np.inf
    cases = [(x, q, None), (x, None, None), (np.repeat(x, 2, axis=0), None, None), (x, q, scales)]
    for rows, queries, weights in cases:
        there = device.matrix(rows), None if queries is None else device.matrix(queries)
        c = rows.mean(axis=0)
        squared, numbers = _core.nearest(*there, k, numbers=True, scales=weights, center=c)
        np.testing.assert_array_equal(squared, _core.nearest(*there, k, scales=weights, center=c))
        exact = reference.squared_distances(rows, rows if queries is None else queries)
        if queries is None:
            np.fill_diagonal(exact, np.inf)
        if weights is not None:
            exact *= weights[:, None].astype(np.float64)
        expected = np.take_along_axis(exact, numbers.T, axis=0).T
        np.testing.assert_allclose(squared, expected, rtol=SQUARED[dtype])
        kept = np.sort(exact, axis=0)[:k].T
        np.testing.assert_allclose(squared, kept, rtol=SQUARED[dtype])
        tied = squared[:, 1:] == squared[:, :-1]
        assert (numbers[:, 1:] > numbers[:, :-1])[tied].all()
    doubled = np.repeat(x[:9], 40, axis=0)  # many more of the same distance than are asked for
    _, numbers = _core.nearest(device.matrix(doubled), device.matrix(x[:9]), 3, numbers=True)
    np.testing.assert_array_equal(numbers, 40 * np.arange(9)[:, None] + np.arange(3))
    _, numbers = _core.nearest(device.matrix(doubled), None, 2, numbers=True)
    own = np.arange(len(doubled))
    first = own // 40 * 40
    low = np.where(own == first, first + 1, first)
    high = np.where(own <= first + 1, first + 2, first + 1)
    np.testing.assert_array_equal(numbers, np.stack([low, high], axis=1))
    lost = _core.nearest(
        device.matrix(x), device.matrix(q), 1, numbers=True, scales=np.full(n, np.inf, dtype)
    )[1]
    assert (lost == -1).all()


def check_ball_counts(device, shape, dtype):
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    x, y = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    squared = reference.squared_distances(x, y)
    x_radii, y_radii = between(squared).astype(dtype), between(squared.T).astype(dtype)
    counts = _core.ball_counts(device.matrix(x), x_radii, device.matrix(y), y_radii)
    in_x, in_y = squared <= x_radii[:, None], squared <= y_radii
    doubtful = (np.abs(squared - x_radii[:, None]) <= 1e-5 * squared) | (
        np.abs(squared - y_radii) <= 1e-5 * squared
    )
    for found, inside, axis in zip(counts, (in_x, in_x, in_y, in_y), (1, 0, 0, 1), strict=True):
        assert (np.abs(found - inside.sum(axis=axis)) <= doubtful.sum(axis=axis)).all()


def check_boundary(device, shape, dtype):
    """|x_i - x_j| has one value, whichever of the two is the row and whatever the operation."""
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    c = x.mean(axis=0)
    radii = _core.nearest(device.matrix(x), None, 3, center=c)[:, 2].copy()
    counts = _core.ball_counts(device.matrix(x), radii, device.matrix(x), radii, center=c)
    np.testing.assert_array_equal(counts[0], 4.0)
    np.testing.assert_array_equal(counts[2], 4.0)
    mixed = np.concatenate([x[::-1], x[:50] + dtype(100.0)])
    none = np.zeros(len(mixed), dtype)
    found = _core.ball_counts(device.matrix(x), radii, device.matrix(mixed), none, center=c)
    np.testing.assert_array_equal(found[0], 4.0)


def check_near_pairs(device, d):
    rng = np.random.default_rng(d)
    x = rng.standard_normal((140, d)).astype(np.float32)
    y = (x + 1e-3 / math.sqrt(d) * rng.standard_normal(x.shape)).astype(np.float32)
    squared = np.square(x.astype(np.float64) - y.astype(np.float64)).sum(axis=1)
    found = _core.nearest(device.matrix(x), device.matrix(y), 1)[:, 0]
    np.testing.assert_allclose(found, squared, rtol=1e-5)
    # Some warps do pairs again while others have gone on to add up what they have.
    few = np.concatenate([y[:7], rng.standard_normal((130, d)).astype(np.float32)])
    found = _core.kernel_sum(device.matrix(x), device.matrix(few), _core.Energy())[0]
    expected = -np.sqrt(reference.squared_distances(x, few)).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    doubled = np.repeat(x[:50], 3, axis=0)
    found = _core.nearest(device.matrix(doubled), None, 3)
    np.testing.assert_array_equal(found[:, :2], 0.0)
    assert (found[:, 2] > 0.0).all()


def check_moments(device, shape, dtype, degree, precision="full"):
    n, m, d = shape
    rng = np.random.default_rng(n + d)
    x = rng.normal(0.3, 1.0, (n, d)).astype(dtype)
    y = rng.normal(0.0, 1.1, (m, d)).astype(dtype)
    middle = np.linspace(-1.0, 1.0, d).astype(dtype)
    for wide, c in ((False, None), (True, middle)):
        shift = 0.0 if c is None else c.astype(np.float64)
        expected = packed(x, degree, shift)
        magnitude = packed(np.abs(x - shift), degree) + 1.0
        sums, powers = np.ones(len(expected)), np.zeros(degree + 1)
        _core.moments(
            device.matrix(x, precision=precision),
            sums,
            degree,
            norm_powers=powers,
            wide=wide,
            center=None if c is None else c.astype(np.float64),
        )
        unit = 1e-6 if dtype == np.float32 and not wide else 1e-14
        assert (np.abs(sums - 1.0 - expected) <= unit * magnitude).all()
        norms = np.square(x.astype(np.float64)).sum(axis=1)
        np.testing.assert_allclose(
            powers, [(norms**t).sum() for t in range(degree + 1)], rtol=1e-13
        )
    for gamma, coef0 in ((1.0 / d, 1.0), (0.3, 0.0)):
        kxx, kyy, kxy = (
            reference.polynomial(a, b, degree, gamma, coef0) for a, b in ((x, x), (y, y), (x, y))
        )
        found = _core.moment_norms(
            device.matrix(x, precision=precision),
            device.matrix(y, precision=precision),
            _core.Polynomial(degree, gamma, coef0),
        )
        expected = (
            reference.mmd_biased(kxx, kyy, kxy),
            kxx.mean(),
            kyy.mean(),
            np.diag(kxx).mean(),
            np.diag(kyy).mean(),
        )
        scale = 4 * max(np.abs(kxx).mean(), np.abs(kyy).mean())
        bound = 1e-6 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * scale)


def check_column_bounds(device, shape, dtype):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    low, high = _core.column_bounds(device.matrix(x))
    np.testing.assert_array_equal(low, x.min(axis=0))
    np.testing.assert_array_equal(high, x.max(axis=0))
    x[-1, 0] = np.nan
    x[0, -1] = -np.inf
    low, high = _core.column_bounds(device.matrix(x))
    for bounds in (low, high):
        assert np.isnan(bounds[0])
        assert np.isnan(bounds[-1])
        assert np.isfinite(bounds[1:-1]).all()


def check_strides(device, dtype):
    """Rows further apart than they are long, and rows that are not at the start."""
    x, y = samples(90, 80, 11, dtype)
    wide = np.full((90, 16), np.nan, dtype)
    wide[:, 3:14] = x
    for kernel in (_core.Gaussian([3.0]), _core.Polynomial(2, 0.1, 1.0)):
        ours = _core.kernel_sum(device.matrix(wide[:, 3:14]), device.matrix(y), kernel)
        theirs = _core.kernel_sum(device.matrix(x), device.matrix(y), kernel)
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def check_scaling(device, n):
    """Rows are scaled by powers of two on their way to the tensor cores, and back."""
    x, y = samples(n, n - 30, 40, np.float32)
    kernel = _core.Gaussian([6.0])
    expected = _core.kernel_sum(device.matrix(x), device.matrix(y), kernel)
    for factor in (2.0**-45, 2.0**-14, 2.0**45):
        scaled = (device.matrix(np.float32(factor) * z) for z in (x, y))
        found = _core.kernel_sum(*scaled, _core.Gaussian([6.0 * factor]))
        for ours, theirs in zip(found[:2], expected[:2], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    few = x[:, :5]  # rows of very different sizes, each at its own scale
    few = few * np.float32(10.0) ** np.arange(-20, n - 20, dtype=np.float32).clip(-20, 14)[:, None]
    found = _core.kernel_sum(device.matrix(few), None, _core.Polynomial(1, 1.0, 0.0))[0]
    k = reference.polynomial(few, few, 1, 1.0, 0.0)
    np.fill_diagonal(k, 0.0)
    bound = 2e-6 * np.linalg.norm(few, axis=1) * np.linalg.norm(few, axis=1).sum()
    assert (np.abs(found - k.sum(axis=1)) <= bound).all()


def check_repeats(device, n):
    """The same bits from run to run."""
    x, y = samples(n, n - 30, 40, np.float32)
    first = _core.kernel_sum(device.matrix(x), device.matrix(y), _core.Gaussian([6.0]))
    for _ in range(3):
        again = _core.kernel_sum(device.matrix(x), device.matrix(y), _core.Gaussian([6.0]))
        for ours, theirs in zip(again[:2], first[:2], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert again[3] == first[3]
