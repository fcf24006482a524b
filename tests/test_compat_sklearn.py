"""parzen.compat.sklearn.KernelDensity against scikit-learn's."""

import inspect

import numpy as np
import pytest

import parzen
from parzen.compat.sklearn import KernelDensity

KERNELS = ("gaussian", "exponential", "tophat", "epanechnikov", "linear", "cosine")

neighbors = pytest.importorskip("sklearn.neighbors")


@pytest.fixture(params=[1, 3], ids="d={}".format)
def x(request, rng):
    return rng.normal(size=(200, request.param)) @ rng.normal(size=(request.param,) * 2)


def test_signature_is_theirs():
    def bare(function):
        parameters = inspect.signature(function).parameters.values()
        return {p.name: (p.default, p.kind) for p in parameters}

    assert bare(KernelDensity) == bare(neighbors.KernelDensity)
    assert KernelDensity().get_params() == neighbors.KernelDensity().get_params()
    for name in ("fit", "score_samples", "score", "sample"):
        ours, theirs = (bare(getattr(c, name)) for c in (KernelDensity, neighbors.KernelDensity))
        assert ours == theirs


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_log_density(x, kernel, weighted, rng):
    weights = rng.uniform(size=len(x)) if weighted else None
    queries = x[:20] + 0.1
    theirs = neighbors.KernelDensity(kernel=kernel, bandwidth=1.5).fit(x, sample_weight=weights)
    ours = KernelDensity(kernel=kernel, bandwidth=1.5).fit(x, sample_weight=weights)
    with np.errstate(divide="ignore"):
        expected = theirs.score_samples(queries)
    np.testing.assert_allclose(ours.score_samples(queries), expected, rtol=1e-9, atol=1e-9)
    assert ours.score(queries) == pytest.approx(expected.sum(), rel=1e-9)
    assert ours.bandwidth_ == theirs.bandwidth_
    assert ours.n_features_in_ == theirs.n_features_in_


def test_default_bandwidth_is_1(x):
    assert KernelDensity().fit(x).bandwidth_ == 1.0


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_have_no_spread_and_no_weights(x, rule):
    weights = np.linspace(0.0, 1.0, len(x))
    theirs = neighbors.KernelDensity(bandwidth=rule).fit(x, sample_weight=weights)
    ours = KernelDensity(bandwidth=rule).fit(100.0 * x, sample_weight=weights)
    assert ours.bandwidth_ == pytest.approx(theirs.bandwidth_, rel=1e-15)
    n, d = x.shape
    factor = {"scott": 1.0, "silverman": (d + 2) / 4}[rule]
    assert ours.bandwidth_ == pytest.approx((n * factor) ** (-1 / (d + 4)), rel=1e-15)
    assert parzen.KernelDensity(rule).fit(100.0 * x).bandwidth_ > ours.bandwidth_


def test_float32(x):
    single = x.astype(np.float32)
    theirs = neighbors.KernelDensity(bandwidth=0.5).fit(single).score_samples(single)
    ours = KernelDensity(bandwidth=0.5).fit(single).score_samples(single)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", ["gaussian", "tophat"])
def test_draws_are_theirs(x, kernel, weighted, rng):
    weights = rng.uniform(size=len(x)) if weighted else None
    options = {"kernel": kernel, "bandwidth": 0.3}
    theirs = neighbors.KernelDensity(**options).fit(x, sample_weight=weights)
    ours = KernelDensity(**options).fit(x, sample_weight=weights)
    expected = theirs.sample(7, random_state=4)
    np.testing.assert_allclose(ours.sample(7, random_state=4), expected, rtol=1e-12)
    np.random.seed(4)
    np.testing.assert_allclose(ours.sample(7), expected, rtol=1e-12)
    generator = np.random.RandomState(4)
    np.testing.assert_allclose(ours.sample(7, generator), expected, rtol=1e-12)


def test_other_kernels_draw_too(x):
    drawn = KernelDensity(kernel="linear").fit(x.astype(np.float32)).sample(5, 0)
    assert drawn.shape == (5, x.shape[1])
    assert drawn.dtype == np.float64


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"metric": "manhattan"}, ValueError, "metric is 'manhattan'"),
        ({"metric_params": {"p": 3}}, ValueError, "metric_params="),
        ({"algorithm": "brute"}, ValueError, "algorithm is 'brute'"),
        ({"bandwidth": "cv"}, ValueError, "bandwidth is 'cv'"),
        ({"bandwidth": [0.1, 0.2]}, TypeError, "bandwidth is"),
        ({"bandwidth": 0.0}, ValueError, "bandwidth is 0.0"),
        ({"atol": -1.0}, ValueError, "atol is -1.0"),
        ({"rtol": "low"}, TypeError, "rtol is 'low'"),
        ({"leaf_size": 0}, ValueError, "leaf_size is 0"),
        ({"breadth_first": "yes"}, TypeError, "breadth_first is 'yes'"),
        ({"kernel": "box"}, ValueError, "kernel is 'box'"),
    ],
)
def test_options(x, options, error, message):
    with pytest.raises(error, match=message):
        KernelDensity(**options).fit(x)


def test_options_that_change_nothing(x):
    given = {
        "algorithm": "ball_tree",
        "metric": "l2",
        "atol": 1e-3,
        "rtol": 0.1,
        "breadth_first": False,
        "leaf_size": 7,
        "metric_params": {},
    }
    found = KernelDensity(**given).fit(x).score_samples(x)
    np.testing.assert_array_equal(found, KernelDensity().fit(x).score_samples(x))


def test_in_a_grid_search(x):
    selection = pytest.importorskip("sklearn.model_selection")
    grid = {"bandwidth": [0.05, 0.5, 5.0]}
    found = [
        selection.GridSearchCV(c(), grid, cv=3).fit(x).best_params_
        for c in (KernelDensity, neighbors.KernelDensity)
    ]
    assert found[0] == found[1]


def test_repr():
    assert repr(KernelDensity()) == "KernelDensity()"
    assert repr(KernelDensity(rtol=0.1)) == "KernelDensity(rtol=0.1)"
