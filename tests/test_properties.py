"""Properties that hold for any samples: symmetry, permutation, translation, scaling, threads."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import parzen
import reference
from parzen import Energy, Gaussian, Polynomial, RationalQuadratic

# Multiples of 1/64 in [-8, 8]: sums of a few, and shifts by 1e4, are exact in float32. Many tie.
ELEMENTS = st.integers(-512, 512).map(lambda i: i / 64)
DTYPES = st.sampled_from([np.float32, np.float64])
KERNELS = st.sampled_from(
    [
        Polynomial(),
        Polynomial(1),
        Gaussian(2.0),
        Gaussian([1, 4]),
        RationalQuadratic(1, 2),
        Energy(),
    ]
)
EPSILON = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-13}


@st.composite
def pairs(draw, min_rows=2, max_rows=24):
    d, dtype = draw(st.integers(1, 5)), draw(DTYPES)

    def sample():
        rows = draw(st.integers(min_rows, max_rows))
        return draw(hnp.arrays(np.float64, (rows, d), elements=ELEMENTS)).astype(dtype)

    return sample(), sample()


def largest(kernel, x, y):
    """Bound |k|, which rounding errors are measured by."""
    z = np.concatenate([x, y]).astype(np.float64)
    norm = np.square(z).sum(axis=1).max()
    if isinstance(kernel, Polynomial):
        return (norm / z.shape[1] + 1.0) ** kernel.degree
    return 2.0 * np.sqrt(norm) if kernel == Energy() else 1.0


@given(pairs(), KERNELS)
def test_mmd_is_symmetric_and_ignores_order(pair, kernel):
    x, y = pair
    bound = 4 * EPSILON[x.dtype] * largest(kernel, x, y)
    value = parzen.mmd(x, y, kernel=kernel)
    for a, b in ((y, x), (x[::-1], np.roll(y, 1, axis=0)), (np.flip(x, 1), np.flip(y, 1))):
        assert abs(parzen.mmd(a, b, kernel=kernel).squared - value.squared) <= bound
    assert value.stderr is None or 0.0 <= value.stderr < np.inf


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@given(pairs(min_rows=1), KERNELS)
def test_biased_mmd_is_a_distance(pair, kernel):
    x, y = pair
    bound = 4 * EPSILON[x.dtype] * largest(kernel, x, y)
    assert parzen.mmd(x, y, kernel=kernel, estimator="biased").squared >= -bound
    assert abs(parzen.mmd(x, x, kernel=kernel, estimator="biased").squared) <= bound
    # Samples repeated are the same distribution.
    repeated = parzen.mmd(np.repeat(x, 2, axis=0), y, kernel=kernel, estimator="biased")
    once = parzen.mmd(x, y, kernel=kernel, estimator="biased")
    assert abs(repeated.squared - once.squared) <= bound


@given(pairs(), st.sampled_from([Gaussian(2.0), RationalQuadratic(1, 2), Energy()]))
def test_distance_kernels_ignore_a_translation(pair, kernel):
    x, y = pair
    far_x, far_y = x + x.dtype.type(1e4), y + y.dtype.type(1e4)
    # The shifted samples are exact and so is their center: not a bit changes.
    value = parzen.mmd(x, y, kernel=kernel)
    assert parzen.mmd(far_x, far_y, kernel=kernel) == value


@given(pairs())
def test_scaling(pair):
    x, y = pair
    eight = x.dtype.type(8)
    # By a power of two every product scales exactly.
    for kernel, scaled, factor in (
        (Gaussian(2.0), Gaussian(16.0), 1.0),
        (RationalQuadratic(1, 2), RationalQuadratic(1, 16), 1.0),
        (Energy(), Energy(), 8.0),
        (Polynomial(gamma=64.0), Polynomial(gamma=1.0), 1.0),
    ):
        small = parzen.mmd(x, y, kernel=kernel).squared
        large = parzen.mmd(eight * x, eight * y, kernel=scaled).squared
        bound = EPSILON[x.dtype] * factor * largest(kernel, x, y)
        if isinstance(kernel, Polynomial):
            bound *= (64 * x.shape[1]) ** 3
        assert abs(large - factor * small) <= bound


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
@given(pairs())
def test_fid(pair):
    x, y = pair
    z = np.concatenate([x, y]).astype(np.float64)
    trace = np.square(z - z.mean(axis=0)).sum() / min(len(x) - 1, len(y) - 1)
    # Small integers make covariances singular, where a root knows half of the digits.
    bound = 1e-6 * trace
    value = parzen.fid(x, y)
    assert isinstance(value, float)
    assert value >= -bound
    for a, b in ((y, x), (x[::-1], y), (x + x.dtype.type(64), y + x.dtype.type(64)), (-x, -y)):
        assert abs(parzen.fid(a, b) - value) <= bound
    eight = x.dtype.type(8)
    assert abs(parzen.fid(eight * x, eight * y) - 64 * value) <= 64 * bound
    assert abs(parzen.fid(x, x)) <= 1e-10 * trace


@given(pairs(min_rows=1), st.floats(0.5, 8.0))
def test_log_density(pair, h):
    x, q = pair
    values = parzen.log_density(x, q, bandwidth=h)
    close = {"rtol": EPSILON[x.dtype] * 10, "atol": EPSILON[x.dtype] * 10}
    far = x.dtype.type(1e4)
    np.testing.assert_array_equal(parzen.log_density(x + far, q + far, bandwidth=h), values)
    np.testing.assert_allclose(parzen.log_density(x[::-1], q, bandwidth=h), values, **close)
    np.testing.assert_allclose(
        parzen.log_density(8 * x, 8 * q, bandwidth=8 * h) + x.shape[1] * np.log(8.0),
        values,
        **close,
    )
    # Nowhere higher than at the peak of a single kernel.
    assert values.max() <= -x.shape[1] * np.log(h * np.sqrt(2 * np.pi)) + 1e-6


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@given(pairs(min_rows=4), st.integers(1, 3))
def test_precision_recall(pair, k):
    x, y = pair
    value = parzen.precision_recall(x, y, k=k)
    back = parzen.precision_recall(y, x, k=k)
    assert (back.precision, back.recall) == (value.recall, value.precision)
    # On a grid all distances are exact, however many tie.
    assert tuple(value) == pytest.approx(reference.precision_recall(x, y, k), rel=1e-14)
    assert tuple(parzen.precision_recall(x[::-1], y[::-1], k=k)) == pytest.approx(tuple(value))
    assert tuple(parzen.precision_recall(8 * x, 8 * y, k=k)) == tuple(value)
    far = x.dtype.type(1e4)
    assert tuple(parzen.precision_recall(x + far, y + far, k=k)) == tuple(value)
    assert min(value) >= 0.0
    assert max(value.precision, value.recall, value.coverage) <= 1.0
    assert (value.precision > 0) == (value.density > 0) == (value.coverage > 0)
    itself = parzen.precision_recall(x, x, k=k)
    assert itself[:2] == (1.0, 1.0)
    assert itself.coverage == 1.0
    assert itself.density >= (k + 1) / k - 1e-12


@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 20), st.integers(1, 6)), elements=ELEMENTS))
def test_inception_score(logits):
    value = parzen.inception_score(logits, splits=2, shuffle=False)
    classes = logits.shape[1]
    assert 1.0 - 1e-12 <= value.mean <= classes + 1e-12
    assert 1.0 / classes - 1e-12 <= value.sharpness <= 1.0 + 1e-12
    assert 1.0 - 1e-12 <= value.diversity <= classes + 1e-12
    rows = np.arange(len(logits))[:, None] * 1000.0  # a softmax ignores what is added to a row
    shifted = parzen.inception_score(logits + rows, splits=2, shuffle=False)
    assert tuple(shifted) == pytest.approx(tuple(value), rel=1e-12, abs=1e-12)
    mirrored = parzen.inception_score(logits[:, ::-1], splits=2, shuffle=False)
    assert tuple(mirrored) == pytest.approx(tuple(value), rel=1e-12, abs=1e-12)


@given(pairs())
def test_median_bandwidth_ignores_order(pair):
    x, y = pair
    z = np.concatenate([x, y])
    distances = np.sqrt(np.square(z[:, None] - z).sum(axis=2))[np.triu_indices(len(z), 1)]
    assume(np.median(distances) > 0)

    def bandwidth(a, b):
        return parzen.mmd(a, b).squared.provenance["kernel"]["bandwidth"]

    assert bandwidth(x, y) == pytest.approx(np.median(distances), rel=1e-6)
    assert bandwidth(y[::-1], x) == pytest.approx(bandwidth(x, y), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [5, 700])
def test_threads_change_no_bit(dtype, n, one_and_many_threads, rng):
    x, y = rng.normal(size=(2, n, 33)).astype(dtype)

    def metrics():
        return [
            *parzen.mmd(x, y),
            *parzen.mmd(x, y, kernel=RationalQuadratic(1, 5)),
            *parzen.kid(x, y, subsets=None),
            *parzen.kid(x, y, subsets=3, subset_size=n // 2),
            *parzen.log_density(x, y, bandwidth=0.5),
            *parzen.precision_recall(x, y),
        ]

    alone, many = one_and_many_threads(metrics)
    assert alone == many


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_threads_and_what_goes_through_lapack(one_and_many_threads, rng):
    x, y = rng.normal(size=(2, 300, 100))
    alone, many = one_and_many_threads(lambda: parzen.fid(x, y))
    assert alone == pytest.approx(many, rel=1e-12)
