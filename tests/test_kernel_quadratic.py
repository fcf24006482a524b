"""Sums of kernels over many subsets, against the float64 reference on the same inputs."""

import numpy as np
import pytest

import reference
from parzen import _core
from test_kernel_sum import center, kernels, samples

# n = 1, edge tiles, one slab of few and of many panels, several blocks, n != m.
SHAPES = [
    (1, 1, 1, 1),
    (5, 3, 2, 7),
    (13, 33, 7, 1),
    (100, 70, 64, 64),
    (37, 50, 257, 7),
    (130, 700, 3, 1000),
    (450, 400, 20, 1500),
]
# Relative to the mean |k| and the pairs of a subset: kernel_sum's bound, with the sums of up to 48
# rows of a tile in the samples' own type.
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


def pack(members):
    return np.packbits(members, axis=0, bitorder="little")


def draw(rng, rows, vectors):
    """Subsets of all densities; the first two are the empty and the full one."""
    members = rng.random((rows, vectors)) < rng.random(vectors)
    members[:, :1] = False
    members[:, 1:2] = True
    return members


def check(found, expected, k, u, v, tolerance):
    # Of few pairs the largest value is the scale, of many the mean.
    scale = np.minimum(
        np.abs(k).mean() * u.shape[0] * v.shape[0], np.abs(k).max() * u.sum(0) * v.sum(0)
    )
    assert np.all(np.abs(found - expected) <= tolerance * scale + 1e-300)


def check_same(ours, theirs, dtype):
    """The compiler may fuse other products and sums than in kernel_sum."""
    if theirs is None:
        assert ours is None
    else:
        size = np.abs(theirs).max() + 1e-300
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * size)


@pytest.mark.parametrize("name", kernels(1))
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_over_subsets(shape, dtype, name):
    n, m, d, vectors = shape
    kernel, formula = kernels(d)[name]
    x, y = samples(n, m, d, dtype)
    rng = np.random.default_rng(vectors)
    u, v = draw(rng, n, vectors), draw(rng, m, vectors)
    some = slice(0, 40)  # of the reference
    c = center(x, y)

    values, sums = _core.kernel_quadratic(x, y, kernel, pack(u), pack(v), center=c)
    k = formula(x, y)
    expected = reference.quadratic(k, u[:, some], v[:, some])
    check(values[some], expected, k, u[:, some], v[:, some], TOLERANCE[dtype])
    assert values.shape == (vectors,)
    assert values[0] == 0.0
    for ours, theirs in zip(sums, _core.kernel_sum(x, y, kernel, center=c), strict=True):
        check_same(ours, theirs, dtype)

    values, sums = _core.kernel_quadratic(x, None, kernel, pack(u), None, center=c)
    k = formula(x, x)
    expected = reference.quadratic(k, u[:, some])
    check(values[some], expected, k, u[:, some], u[:, some], TOLERANCE[dtype])
    for ours, theirs in zip(sums, _core.kernel_sum(x, None, kernel, center=c), strict=True):
        check_same(ours, theirs, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_full_subset_is_the_sum_of_all_pairs(dtype):
    x, y = samples(1500, 1300, 20, dtype)
    for other in (y, None):
        full = pack(np.ones((len(x), 1), bool)), pack(np.ones((1300, 1), bool))
        (value,), (rows, *_) = _core.kernel_quadratic(
            x, other, _core.Gaussian([4.0]), full[0], full[1] if other is not None else None
        )
        # The same kernel values in another order: roundings of tile sums, which average out.
        assert value == pytest.approx(rows.sum(), rel=1e-7 if dtype is np.float32 else 1e-14)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_what_other_vectors_there_are_changes_no_bit(dtype):
    x, y = samples(300, 200, 9, dtype)
    rng = np.random.default_rng(0)
    u, v = draw(rng, 300, 50), draw(rng, 200, 50)
    u[:, 40], v[:, 40] = u[:, 7], v[:, 7]
    kernel = _core.Gaussian([3.0])
    together, _ = _core.kernel_quadratic(x, y, kernel, pack(u), pack(v))
    assert together[7] == together[40]
    for p in (0, 7, 49):
        (alone,), _ = _core.kernel_quadratic(
            x, y, kernel, pack(u[:, p : p + 1]), pack(v[:, p : p + 1])
        )
        assert alone == together[p]


def test_bits_behind_the_last_row_are_nothing():
    x, y = samples(13, 11, 4, np.float64)
    u, v = np.full((2, 3), 255, np.uint8), np.full((2, 3), 255, np.uint8)
    values, (rows, *_) = _core.kernel_quadratic(x, y, _core.Energy(), u, v)
    np.testing.assert_allclose(values, rows.sum(), rtol=1e-14)


def test_bits_that_do_not_fit_are_refused():
    x = np.zeros((9, 2))
    kernel, bits = _core.Energy(), np.zeros((2, 3), np.uint8)
    for bad in (bits[:1], bits[0], bits[:, :0]):
        with pytest.raises(ValueError, match=r"u: expected shape \(2, vectors >= 1\)"):
            _core.kernel_quadratic(x, None, kernel, bad, None)
    with pytest.raises(ValueError, match=r"v: expected shape"):
        _core.kernel_quadratic(x, x, kernel, bits, bits[:, :2])
    for y, v in ((x, None), (None, bits)):
        with pytest.raises(ValueError, match="v: expected with y"):
            _core.kernel_quadratic(x, y, kernel, bits, v)
    with pytest.raises(TypeError):
        _core.kernel_quadratic(x, None, kernel, bits.astype(float), None)
