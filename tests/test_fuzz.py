"""Arrays of every kind into the bindings and the public functions.

Shapes (none too), strides, types, NaN, infinities, huge and denormal values: either an error that
names the argument, or an answer of the right shape, finite, near the reference where that has one.
Nothing crashes, no input changes. Here a few fixed examples; `make fuzz` goes on with random ones.
"""

import tempfile
import warnings

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import parzen
import reference
from parzen import _core

TINY = np.finfo(np.float64).smallest_subnormal
PALETTES = {
    "moderate": [0.0, -1.5, 0.25, 3.0, 16.0],
    "equal": [2.0],
    "far": [1e6, 1e6 + 1.0, 1e6 - 0.5],
    "huge": [1e38, -3e38, 1e19, 1.0],
    "beyond": [1e308, -1e308, 1e200, 1e160],
    "small": [1e-30, -1e-38, 1e-44, 0.0],
    "denormal": [TINY, -TINY, 1e-310, 1e-200, 0.0],
    "not finite": [np.nan, np.inf, -np.inf, 1.0],
    "mixed": [1e-300, 1e30, 1.0, -0.0, 1e-8],
}
FLOATS = ["f4", "f8"]
READABLE = ["f2", "i1", "i8", "u4", ">f4", ">f8", ">i2", "g"]
OTHERS = ["c8", "c16", "?", "O", "U3", "S3", "M8[s]", "m8[s]", [("a", "f4"), ("b", "f4")], "V4"]


def memory_map(a):
    if a.size == 0 or a.dtype.hasobject:
        return a
    with tempfile.NamedTemporaryFile() as file:
        mapped = np.memmap(file.name, a.dtype, "w+", shape=a.shape)
    mapped[...] = a
    return mapped


def misaligned(a):
    if a.dtype.hasobject:
        return a
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
    copy = np.ndarray(a.shape, a.dtype, raw.data)
    copy[...] = a
    return copy


def spread(a, step):
    """Return the values of `a` as every other one of a larger array."""
    wide = np.zeros(tuple(n * abs(s) for n, s in zip(a.shape, step, strict=True)), a.dtype)
    view = wide[tuple(slice(None, None, s) for s in step)]
    view[...] = a
    return view


def read_only(a):
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T,
    "rows backwards": lambda a: a[::-1],
    "columns backwards": lambda a: a[:, ::-1],
    "every other row": lambda a: spread(a, (2, 1)),
    "every other column": lambda a: spread(a, (1, 3)),
    "one row repeated": lambda a: np.broadcast_to(a[:1], a.shape) if len(a) else a,
    "one column repeated": lambda a: np.broadcast_to(a[:, :1], a.shape) if a.shape[1] else a,
    "overlapping rows": lambda a: (
        as_strided(a, (a.shape[0], 1), (a.itemsize, a.itemsize)) if a.size else a
    ),
    "misaligned": misaligned,
    "read-only": read_only,
    "memory map": memory_map,
    "matrix": lambda a: a.view(np.matrix) if a.dtype.fields is None else a,
}
AS_THEY_ARE = ("C", "every other row", "one row repeated", "read-only", "memory map")


def mostly(usual, odd):
    """Draw what is accepted far more often than what is refused, or answers would be rare."""
    return st.integers(0, 9).flatmap(lambda roll: odd if roll == 9 else usual)


def number_of(least, usual, most):
    return mostly(st.integers(max(least, 3), usual), st.integers(least, most))


@st.composite
def arrays(draw, dtypes, layouts=tuple(LAYOUTS), least=0, shape=None):
    """Draw an array (n, d) from a palette of values; Hypothesis shrinks the recipe."""
    dtype = np.dtype(draw(mostly(st.sampled_from(FLOATS), st.sampled_from(dtypes))))
    if shape is None:
        shape = draw(number_of(least, 12, 70)), draw(number_of(min(least, 1), 9, 300))
    palette = PALETTES[draw(st.one_of(st.just("moderate"), st.sampled_from(list(PALETTES))))]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.choice(palette, shape)
    scattered = draw(st.booleans())
    with warnings.catch_warnings():  # values that the type does not hold become what they become
        warnings.simplefilter("ignore")
        if scattered:
            values = values * random.standard_normal(shape)
        if dtype.fields is not None or dtype.kind == "V":
            values = np.zeros(shape, dtype)
        else:
            values = np.array(values if dtype.kind not in "mM" else np.zeros(shape, int), dtype)
    layout = draw(mostly(st.sampled_from(AS_THEY_ARE), st.sampled_from(layouts)))
    return LAYOUTS[layout](values)


@st.composite
def pairs(draw, dtypes, layouts=tuple(LAYOUTS), least=0):
    """Two arrays, mostly of one width and one type."""
    x = draw(arrays(dtypes, layouts, least))
    strangers = draw(mostly(st.just(False), st.just(True)))
    shape = None if strangers else (draw(number_of(least, 12, 40)), x.shape[1])
    y = draw(arrays(dtypes, layouts, least, shape=shape))
    if strangers or y.dtype.kind != "f" or x.dtype.kind != "f":
        return x, y
    with np.errstate(over="ignore"):
        return x, y if y.dtype == x.dtype else y.astype(x.dtype, order="C")


ODD = [1e-3, 1e3, 1e-20, 1e20, 1e-160, 1e160, 1e-300, 1e308, TINY, 0.0, -1.0, np.nan, np.inf]
NUMBERS = mostly(st.sampled_from([1.0, 2.0, 0.5]), st.sampled_from(ODD))
SEVERAL = mostly(st.lists(NUMBERS, min_size=1, max_size=3), st.just([]))
DEGREES = mostly(st.integers(1, 4), st.sampled_from([7, 50, 2**31 - 1, 0, -1]))


def snapshot(arguments):
    return [np.asarray(a).tobytes() for a in arguments if not np.asarray(a).dtype.hasobject]


def check_message(error, names):
    if not any(name in str(error) for name in names):
        raise AssertionError(f"this error names no argument: {error}") from error


def outcome(call, arguments, names, errors=(TypeError, ValueError)):
    """Return call(*arguments), or None where it raised an error that names an argument."""
    before = snapshot(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", parzen.SmallSampleWarning)
            warnings.simplefilter("ignore", parzen.IndefiniteWarning)
            return call(*arguments)
    except errors as error:
        check_message(error, names)
        return None
    finally:
        assert snapshot(arguments) == before


def assert_finite(*values):
    for value in values:
        assert value is None or np.isfinite(value).all()


# The bindings read native arrays of an exact type as they are.


def native(kernel):
    """Turn a drawn (name, parameters...) into a kernel of the engine, or None if it is refused."""
    name, *parameters = kernel
    try:
        return getattr(_core, name)(*parameters)
    except ValueError as error:
        check_message(error, WORDS[name])


WORDS = {
    "Polynomial": ("degree", "gamma", "coef0"),
    "Gaussian": ("bandwidths",),
    "RationalQuadratic": ("alpha", "length_scale"),
    "Energy": (),
}
NATIVE_KERNELS = st.one_of(
    st.tuples(st.just("Polynomial"), DEGREES, NUMBERS, NUMBERS),
    st.tuples(st.just("Gaussian"), SEVERAL),
    st.tuples(st.just("RationalQuadratic"), NUMBERS, NUMBERS),
    st.just(("Energy",)),
)


def reductions(kernel, k, bandwidths, center, weights):
    """Every reduction of the engine with these parameters, as functions of x and y (or None)."""

    def radii(x):
        return np.ascontiguousarray(np.abs(x[:, 0])) if np.ndim(x) == 2 and x.shape[1] else x

    def memberships(x):
        return np.full((-(-len(x) // 8), 3), 0b10110, np.uint8)

    return {
        "kernel_sum": lambda x, y: _core.kernel_sum(x, y, kernel, center=center),
        "log_density": lambda x, y: _core.log_density(
            x, y, bandwidths, log_weights=weights, center=center
        ),
        "nearest": lambda x, y: _core.nearest(x, y, k, center=center),
        "ball_counts": lambda x, y: _core.ball_counts(
            x, radii(x), *((x, radii(x)) if y is None else (y, radii(y))), center=center
        ),
        "kernel_quadratic": lambda x, y: _core.kernel_quadratic(
            x, y, kernel, memberships(x), None if y is None else memberships(y), center=center
        )[0],
        "moment_norms": lambda x, y: _core.moment_norms(x, x if y is None else y, kernel),
        "column_bounds": lambda x, y: _core.column_bounds(x),
    }


NAMES = ("x", "y", "queries", "k:", "center", "bandwidths", "log_weights", "squared_radii", "arg")
NAMES += ("degree", "kernel", "incompatible")


@given(
    pairs([*READABLE, *OTHERS]),
    st.booleans(),
    NATIVE_KERNELS,
    mostly(st.integers(1, 2), st.sampled_from([5, 69, 0, -1, 2**31 - 1, 2**31])),
    SEVERAL,
    mostly(st.sampled_from([None, "right"]), arrays(FLOATS, shape=(3, 1))),
    mostly(st.sampled_from([None, "right"]), arrays(FLOATS, shape=(5, 1))),
)
def test_bindings(pair, alone, drawn, k, bandwidths, center, weights):
    x, y = pair[0], None if alone else pair[1]
    if isinstance(center, str):
        center = np.zeros(x.shape[-1], x.dtype if x.dtype.kind == "f" else float)
    elif center is not None:
        center = center[:, 0]
    if isinstance(weights, str):
        weights = np.linspace(-3.0, 3.0, len(x))
    elif weights is not None:
        weights = weights[:, 0]
    kernel = native(drawn)
    if kernel is None:
        return
    arguments = [x] if y is None else [x, y]
    threads = _core.get_num_threads()
    for name, reduction in reductions(kernel, k, bandwidths, center, weights).items():

        def call(x, y=None, reduction=reduction):
            results = reduction(x, y)
            return results if isinstance(results, tuple) else (results,)

        results = outcome(call, arguments, NAMES)
        if results is None:
            continue
        n, m = len(x), len(x if y is None else y)
        shapes = {
            "kernel_sum": [(n,), None if alone else (m,), (n,) if alone else None, ()],
            "log_density": [(len(bandwidths), m)],
            "nearest": [(m, k)],
            "ball_counts": [(n,), (m,), (m,), (n,)],
            "kernel_quadratic": [(3,)],
            "moment_norms": [(), (), (), (), ()],
            "column_bounds": [x.shape[1:], x.shape[1:]],
        }
        assert [None if r is None else np.shape(r) for r in results] == shapes[name]
        try:
            _core.set_num_threads(1 if threads > 1 else 3)
            again = call(*arguments)
        finally:
            _core.set_num_threads(threads)
        for a, b in zip(results, again, strict=True):
            assert (a is b is None) or np.asarray(a).tobytes() == np.asarray(b).tobytes(), name


@given(pairs(FLOATS, AS_THEY_ARE, least=2), st.integers(1, 5), st.booleans())
def test_bindings_beside_the_reference(pair, k, alone):
    x, y = pair
    if x.dtype != y.dtype or x.shape[1] != y.shape[1]:
        return
    with np.errstate(all="ignore"):
        norms = np.square(np.concatenate([x, y]).astype(float)).sum(axis=1).max()
        if not 1e-10 < norms < 1e15:
            return
    # What rounding leaves of a squared distance, of rows no nearer to each other than a 64th of
    # their norms; nearer ones are done again by differences.
    u = np.finfo(x.dtype).eps
    queries = x if alone else y
    d2 = reference.squared_distances(x, queries)
    others = np.array(d2)
    if alone:
        np.fill_diagonal(others, np.inf)
    k = min(k, len(x) - 1)
    found = _core.nearest(x, None if alone else y, k)
    np.testing.assert_allclose(
        found, np.sort(others, axis=0)[:k].T, rtol=1000 * u, atol=1e-8 * u * norms
    )
    h = float(np.sqrt(norms))
    rows, columns, _, squares = _core.kernel_sum(x, None if alone else y, _core.Gaussian([h]))
    values = np.exp(-others / (2 * h * h))
    np.testing.assert_allclose(rows, values.sum(axis=1), rtol=1000 * u, atol=1000 * u)
    if not alone:
        np.testing.assert_allclose(columns, values.sum(axis=0), rtol=1000 * u, atol=1000 * u)
    np.testing.assert_allclose(squares, np.square(values).sum(), rtol=1000 * u, atol=1000 * u)
    logs = _core.log_density(x, None if alone else y, [h])
    np.testing.assert_allclose(logs[0], np.log(values.sum(axis=0)), rtol=1000 * u, atol=1000 * u)
    radii = (np.full(len(samples), norms, x.dtype) for samples in (x, queries))
    x_holds, y_held, y_holds, x_held = _core.ball_counts(x, next(radii), queries, next(radii))
    assert x_holds.sum() == y_held.sum() <= len(x) * len(queries)
    assert y_holds.sum() == x_held.sum() == x_holds.sum()  # all balls are of one radius


@given(arrays([*READABLE, *OTHERS]), st.booleans())
def test_matrix_roots(a, gram):
    if gram and a.dtype.kind == "f" and a.size:
        with np.errstate(all="ignore"):
            a = np.asarray(a) @ np.asarray(a).T
    names = ("sigma", "mu1", "mu2")
    d = a.shape[0] if a.ndim == 2 else 1
    for core in (_core.psd_sqrt, lambda s: _core.trace_sqrt_product(s, s)):
        outcome(core, [a], [*names, "LAPACK"], (TypeError, ValueError, RuntimeError))
    root = outcome(parzen.sqrtm, [a], names)
    if root is not None:
        assert root.shape == (d, d)
        assert_finite(root)
    mean = np.zeros(d)
    value = outcome(parzen.frechet_distance, [mean, a, mean, a], names)
    if value is not None:
        assert abs(value) <= 1e-5 * np.abs(np.asarray(a, float)).max() * d


# The public functions take whatever can be read as real numbers.


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


PUBLIC = pairs([*READABLE, *OTHERS])


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
