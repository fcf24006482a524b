"""Arrays of every kind into the metrics of memorization, diversity and transport: see test_fuzz."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import parzen
from fuzz_arrays import PUBLIC, assert_finite, mostly, outcome

ORDERS = mostly(st.sampled_from([0, 0.5, 1, 2, math.inf]), st.sampled_from([1e-9, 1 + 1e-9, 300.0]))


@given(PUBLIC, ORDERS, st.booleans())
def test_vendi_score(pair, q, normalize):
    def call(x):
        return parzen.vendi_score(x, q=q, normalize=normalize, blocks=3)

    result = outcome(call, pair[:1], ("vendi_score: x", "vendi_score: values", "pass normalize"))
    if result is not None:
        assert_finite(result, result.stderr)
        if normalize:
            assert 1 - 1e-9 <= result <= min(np.shape(pair[0])) + 1e-9


@given(PUBLIC, st.sampled_from(["fake", "real"]))
def test_mifid(pair, over):
    def call(x, y):
        return parzen.mifid(x, y, over=over)

    result = outcome(call, pair, ("mifid: real", "mifid: fake", "mifid: values", "mifid: the quot"))
    if result is not None:
        assert_finite(result)
        assert result >= 0.0


@given(PUBLIC)
def test_cmmd(pair):
    result = outcome(parzen.cmmd, pair, ("cmmd: real", "cmmd: fake"))
    if result is not None:
        assert_finite(result, result.stderr)
        assert result >= -1e-9


@given(PUBLIC, mostly(st.sampled_from([1, 2]), st.sampled_from([1.5, 40, 1e6])))
def test_sliced_wasserstein(pair, p):
    def call(x, y):
        return parzen.sliced_wasserstein(x, y, p=p, projections=4)

    names = ("sliced_wasserstein: x", "sliced_wasserstein: y", "sliced_wasserstein: values")
    result = outcome(call, pair, names)
    if result is not None:
        assert_finite(result, result.stderr)
        assert result >= 0.0


@given(PUBLIC, mostly(st.just(1), st.integers(-1, 8)))
def test_realism_and_authenticity(pair, k):
    def call(x, y):
        return parzen.realism(x, y, k=k)

    scores = outcome(
        call, pair, ("realism: real", "realism: fake", "realism: k", "realism: values")
    )
    if scores is not None:
        assert scores.shape == (len(pair[1]),)
        assert (scores >= 0.0).all()  # infinity for copies, never NaN
    share = outcome(
        parzen.authenticity, pair, ("authenticity: real", "authenticity: fake", "values up to")
    )
    if share is not None:
        assert 0.0 <= share <= 1.0


@given(PUBLIC, PUBLIC)
def test_data_copying_test_and_fld(pair, other):
    samples = [*pair, other[0]]
    names = ("train", "test", "fake", "values up to")
    result = outcome(parzen.data_copying_test, samples, names)
    if result is not None:
        assert_finite(result.z, result.p_value)
    divergence = outcome(parzen.fld, samples, names)
    if divergence is not None:
        assert_finite(*divergence, divergence.value.stderr, divergence.gap.stderr)


@given(PUBLIC, st.integers(1, 4))
def test_by_class_and_fd_infinity(pair, classes):
    def labels(a):
        return np.arange(len(a)) % classes

    names = ("real", "fake", "values up to")
    for function in (parzen.fid_by_class, parzen.kid_by_class):

        def call(x, y, function=function):
            in_x, in_y = (labels(np.atleast_1d(a)) for a in (x, y))
            return function(x, in_x, y, in_y)

        result = outcome(call, pair, (*names, "kid: values"))
        if result is not None:
            assert_finite(result.mean, *result.classes.values())
    line = outcome(parzen.fd_infinity, pair, names)
    if line is not None:
        assert_finite(line.value, line.slope, line.value.stderr, line.distances)


PROPERTIES = [check for name, check in list(globals().items()) if name.startswith("test_")]
