"""Arrays of every kind into the public functions, which take what can be read as real numbers.

Here a few fixed examples; `make fuzz` goes on with random ones.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import parzen
import reference
from fuzz_arrays import (
    DEGREES,
    NUMBERS,
    OTHERS,
    PUBLIC,
    READABLE,
    SEVERAL,
    arrays,
    assert_finite,
    mostly,
    outcome,
)


@st.composite
def public_kernels(draw):
    kind = draw(st.sampled_from(["Polynomial", "Gaussian", "RationalQuadratic", "Energy"]))
    if kind == "Polynomial":
        gamma = draw(st.one_of(st.none(), NUMBERS))
        return kind, {"degree": draw(DEGREES), "gamma": gamma, "coef0": draw(NUMBERS)}
    if kind == "Gaussian":
        one = st.one_of(st.just("median"), NUMBERS, SEVERAL)
        return kind, {"bandwidth": draw(one)}
    if kind == "RationalQuadratic":
        return kind, {"alpha": draw(NUMBERS), "length_scale": draw(NUMBERS)}
    return kind, {}


def is_within(value, expected, bound, dtype):
    return not np.isfinite(expected) or abs(value - expected) <= bound * (
        1e-3 if dtype == np.float32 else 1e-8
    )


@given(PUBLIC, public_kernels(), st.sampled_from(["unbiased", "biased"]))
def test_mmd(pair, drawn, estimator):
    kind, parameters = drawn
    kernel = outcome(lambda: getattr(parzen, kind)(**parameters), [], [*parameters, kind])
    if kernel is None:
        return

    def call(x, y):
        return parzen.mmd(x, y, kernel=kernel, estimator=estimator)

    result = outcome(call, pair, ("mmd: x", "mmd: y", "mmd: values up to", "bandwidth", "median"))
    if result is None:
        return
    assert_finite(result.squared, result.stderr)
    x, y = (np.asarray(a, dtype=float) for a in pair)
    with np.errstate(all="ignore"):
        if kind == "Gaussian" and not isinstance(kernel.bandwidth, str):
            matrix = lambda a, b: reference.gaussian(a, b, kernel.bandwidth)  # noqa: E731
        elif kind == "Energy":
            matrix = reference.energy
        else:
            return
        matrices = matrix(x, x), matrix(y, y), matrix(x, y)
        expected = getattr(reference, f"mmd_{estimator}")(*matrices)
        bound = max(np.abs(k).max() for k in matrices)
    dtype = np.dtype(result.squared.provenance["dtype"])
    assert is_within(result.squared, expected, bound, dtype), (result, expected)


@given(PUBLIC, DEGREES, NUMBERS, NUMBERS, mostly(st.sampled_from([None, 2, 3]), st.integers(0, 40)))
def test_kid(pair, degree, gamma, coef0, size):
    options = {"subsets": None} if size is None else {"subsets": 3, "subset_size": size}

    def call(x, y):
        return parzen.kid(x, y, degree=degree, gamma=gamma, coef0=coef0, **options)

    names = ("real", "fake", "degree", "gamma", "coef0", "subset_size", "kid: values up to")
    result = outcome(call, pair, names)
    if result is not None:
        assert_finite(*result)


@given(PUBLIC)
def test_fid(pair):
    result = outcome(parzen.fid, pair, ("fid: real", "fid: fake", "fid: values up to"))
    if result is None:
        return
    assert_finite(result)
    x, y = (np.asarray(a, dtype=float) for a in pair)
    scale = max(np.abs(x).max(), np.abs(y).max())
    if 1e-3 < scale < 1e4:
        expected = reference.fid(x, y)
        assert abs(result - expected) <= 1e-6 * scale**2 * x.shape[1], (result, expected)


@given(PUBLIC, mostly(st.integers(1, 2), st.integers(-1, 8)))
def test_precision_recall(pair, k):
    def call(x, y):
        return parzen.precision_recall(x, y, k=k)

    names = ("real", "fake", "k is", "precision_recall: values up to")
    result = outcome(call, pair, names)
    if result is not None:
        assert_finite(*result)
        for part in (result.precision, result.recall, result.coverage):
            assert 0.0 <= part <= 1.0
        assert result.density >= 0.0


@given(PUBLIC, st.one_of(NUMBERS, st.sampled_from(["scott", "silverman"])), st.booleans(), NUMBERS)
def test_densities(pair, bandwidth, weighted, heaviest):
    x, q = pair
    weights = np.append(np.ones(max(len(x) - 1, 0)), heaviest) if weighted else None
    names = ("x", "X", "queries", "bandwidth", "weight", "log_density:", "KernelDensity:")

    def estimator(x, q):
        density = parzen.KernelDensity(bandwidth).fit(x, sample_weight=weights)
        return density.score_samples(q)

    def function(x, q):
        return parzen.log_density(x, q, bandwidth=bandwidth, weights=weights)

    for call in (estimator, function):
        logs = outcome(call, pair, names)
        if logs is None:
            continue
        assert logs.shape == (len(q),)
        assert_finite(logs)
        if isinstance(bandwidth, str):
            continue
        with np.errstate(all="ignore"):
            expected = reference.log_density(
                np.asarray(x, float), np.asarray(q, float), bandwidth, weights
            )
        good = np.isfinite(expected)
        single = all(a.dtype.kind == "f" and a.itemsize <= 4 for a in pair)
        u = np.finfo(np.float32 if single else np.float64).eps
        error = np.abs(logs - expected)[good]
        assert (error <= 1e3 * u * x.shape[1] * (1.0 + np.abs(expected[good]))).all(), error.max()


@given(arrays([*READABLE, *OTHERS]), mostly(st.integers(1, 3), st.integers(-1, 12)), st.booleans())
def test_inception_score(logits, splits, shuffle):
    def call(a):
        return parzen.inception_score(a, splits=splits, shuffle=shuffle)

    names = ("logits", "splits", "inception_score: values up to")
    result = outcome(call, [logits], names)
    if result is not None:
        assert_finite(*result)
        classes = logits.shape[1]
        assert 1.0 - 1e-9 <= result.mean <= classes * (1.0 + 1e-9)


PROPERTIES = [value for name, value in list(globals().items()) if name.startswith("test_")]
