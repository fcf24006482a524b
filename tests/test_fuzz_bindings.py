"""Arrays of every kind into the bindings, which read native arrays of an exact type as they are.

Here a few fixed examples; `make fuzz` goes on with random ones.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import parzen
import reference
from fuzz_arrays import (
    AS_THEY_ARE,
    DEGREES,
    FLOATS,
    NUMBERS,
    OTHERS,
    READABLE,
    SEVERAL,
    arrays,
    assert_finite,
    check_message,
    mostly,
    outcome,
    pairs,
)
from parzen import _core


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


PROPERTIES = [value for name, value in list(globals().items()) if name.startswith("test_")]
