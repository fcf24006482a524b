"""The bandwidth by leave-one-out likelihood, against the naive loop over samples."""

import math

import numpy as np
import pytest

import parzen
import reference
from parzen.metrics import bandwidth as bandwidths
from parzen.metrics.log_density import leave_one_out
from parzen.metrics.radial import COMPACT, KERNELS, spread

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-11}  # times max(1, |value|)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("d", [1, 16, 64])
def test_leave_one_out_follows_the_formula(d, dtype, kernel, rng):
    x, w = rng.normal(size=(25, d)).astype(dtype), rng.exponential(size=25)
    # Wide enough that no pair is near the edge of a compact kernel.
    compared = [5.0 * math.sqrt(2.0 * d), 20.0 * math.sqrt(2.0 * d)]
    for weights in (None, w):
        found = leave_one_out("KernelDensity", x, compared, kernel, weights)
        for values, h in zip(found, compared, strict=True):
            expected = reference.leave_one_out(x, h, weights, kernel)
            bound = TOLERANCE[dtype] * np.maximum(1.0, np.abs(expected))
            assert (np.abs(values - expected) <= bound).all()


def test_a_weight_that_is_nearly_all(rng):
    x, w = rng.normal(size=(10, 2)), np.full(10, 1e-18)
    w[4] = 1.0
    values = leave_one_out("KernelDensity", x, [1.0], "gaussian", w)[0]
    np.testing.assert_allclose(values, reference.leave_one_out(x, 1.0, w), rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_sequence_is_compared_in_one_pass(kernel, rng):
    x, w = rng.normal(size=(60, 2)), rng.integers(0, 3, size=60).astype(float)
    compared = [4.0, 0.02, 1.1, 40.0, 1.1]
    model = parzen.KernelDensity(compared, kernel).fit(x, sample_weight=w)
    np.testing.assert_array_equal(model.cv_bandwidths_, [0.02, 1.1, 4.0, 40.0])
    kept = w > 0
    for h, found in zip(model.cv_bandwidths_, model.cv_log_likelihoods_, strict=True):
        values = reference.leave_one_out(x[kept], h, w[kept], kernel)
        assert found == pytest.approx(np.average(values, weights=w[kept]), rel=1e-9)
    assert model.bandwidth_ == model.cv_bandwidths_[model.cv_log_likelihoods_.argmax()]
    assert model.provenance_["rule"] == "cv"
    assert model.provenance_["bandwidth"] == model.bandwidth_
    assert model.score(x).provenance["rule"] == "cv"
    assert model.set_params(bandwidth=0.5).fit(x).provenance_["rule"] == "given"
    assert not hasattr(model, "cv_bandwidths_")


@pytest.mark.parametrize("kernel", KERNELS)
def test_cv_searches_about_scott(kernel, rng):
    x = rng.normal(size=(200, 3))
    model = parzen.KernelDensity("cv", kernel).fit(x)
    compared, likelihoods = model.cv_bandwidths_, model.cv_log_likelihoods_
    middle = parzen.KernelDensity("scott").fit(x).bandwidth_ / spread(kernel, 3)
    assert len(compared) == len(likelihoods) == 29
    assert (np.diff(compared) > 0.0).all()
    assert compared[[0, -1]] == pytest.approx([middle / 10.0, 10.0 * middle])
    assert model.bandwidth_ == compared[likelihoods.argmax()]
    # The refinement: the neighbours of the best are 5 % away.
    best = int(likelihoods.argmax())
    assert compared[best + 1] / compared[best] == pytest.approx(10.0**0.02)
    wide, narrow = (
        parzen.KernelDensity(h, kernel).fit(x[:100]).score(x[100:])
        for h in (5.0 * model.bandwidth_, 0.2 * model.bandwidth_)
    )
    assert parzen.KernelDensity(model.bandwidth_, kernel).fit(x[:100]).score(x[100:]) > max(
        wide, narrow
    )


def test_cv_finds_what_is_best_for_normal_samples():
    # For d = 1 the asymptotically best h is 1.06 sigma n^(-1/5) (Silverman 1986, equation 3.28).
    x = np.random.default_rng(3).normal(size=(4000, 1))
    assert parzen.KernelDensity("cv").fit(x).bandwidth_ == pytest.approx(
        1.06 * 4000**-0.2, rel=0.25
    )


@pytest.mark.parametrize("kernel", ["gaussian", "cosine"])
def test_cv_in_many_dimensions(kernel, rng):
    x = rng.normal(size=(80, 512)).astype(np.float32)
    model = parzen.KernelDensity("cv", kernel).fit(x)
    assert np.isfinite(model.cv_log_likelihoods_[-1])
    assert np.isfinite(model.bandwidth_)


def test_repeated_samples_drive_the_bandwidth_to_the_edge(rng):
    x = np.repeat(rng.normal(size=(30, 2)), 2, axis=0)
    with pytest.warns(
        parzen.BandwidthWarning, match=r"is the smallest of the 21 compared; .*repeated samples"
    ) as caught:
        model = parzen.KernelDensity("cv").fit(x)
    assert caught[0].filename == __file__
    assert model.bandwidth_ == model.cv_bandwidths_[0]
    with pytest.warns(parzen.BandwidthWarning, match="is the largest of the 2 compared; pass larg"):
        parzen.KernelDensity([1e-3, 2e-3]).fit(rng.normal(size=(30, 2)))
    parzen.KernelDensity([0.5]).fit(x)  # nothing to choose from: no edge


@pytest.mark.parametrize("kernel", COMPACT)
def test_a_sample_that_is_out_of_every_support(kernel, rng):
    x = rng.uniform(size=(40, 2))
    x[13] = 1e6
    with pytest.raises(ValueError, match=r"no bandwidth up to 2 gives kernel .*row 13 of X has no"):
        parzen.KernelDensity([0.5, 2.0], kernel).fit(x)
    w = np.ones(40)
    w[[2, 13]] = 0.0
    model = parzen.KernelDensity([1e-3, 1.0, 50.0], kernel).fit(x, sample_weight=w)
    assert model.bandwidth_ == 1.0
    x[14], w[2] = -1e6, 0.0
    with pytest.raises(ValueError, match="row 14 of X has no other sample so near"):
        parzen.KernelDensity([0.5, 2.0], kernel).fit(x, sample_weight=w)


@pytest.mark.parametrize(
    ("wanted", "x", "message"),
    [
        ("cv", np.ones((1, 2)), "bandwidth 'cv' needs a spread, there is 1 sample"),
        ("cv", np.ones((9, 2)), "bandwidth 'cv' is 0, all samples are equal"),
        ([0.1, 1.0], np.ones((1, 2)), r"leaving one out needs 2 samples \(of weight > 0\)"),
        ([], np.eye(3), "bandwidth is an empty sequence"),
        ([0.1, -1.0], np.eye(3), r"bandwidth\[1\] is -1.0, expected a finite number > 0"),
        ([0.1, np.inf], np.eye(3), r"bandwidth\[1\] is inf, expected a finite number > 0"),
        ("loo", np.eye(3), "bandwidth is 'loo', expected 'scott' or 'silverman' or 'cv' or"),
    ],
)
def test_what_is_refused(wanted, x, message):
    with pytest.raises(ValueError, match=message):
        parzen.KernelDensity(wanted).fit(x)
    with pytest.raises(TypeError, match=r"bandwidth\[0\] is 'a', expected a number"):
        parzen.KernelDensity(["a"]).fit(np.eye(3))


def test_the_fine_grid_ends_before_the_next_of_the_coarse_one():
    next_step = bandwidths.FINE_RATIO ** (bandwidths.FINE_STEPS + 1)
    assert next_step == pytest.approx(bandwidths.COARSE_RATIO)
