"""The error bar and the bias of FID, against leaving out blocks by hand and against simulation."""

import warnings

import numpy as np
import pytest

import parzen
from parzen import Estimate
from parzen.metrics.fid_jackknife import enough_for
from parzen.metrics.jackknife import blocks_of, jackknife

SHAPES = [(120, 90, 5), (300, 77, 12), (40, 35, 60), (30, 400, 50), (61, 200, 55)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_moments_taken_off_are_fid_of_what_remains(shape, ddof, rng):
    n, m, d = shape
    x, y = rng.normal(size=(n, d)) + 100.0, 1.2 * rng.normal(size=(m, d)) + 99.0
    found = parzen.fid_jackknife(x, y, blocks=4, ddof=ddof, seed=3)
    whole = parzen.fid(x, y, ddof=ddof)
    np.testing.assert_allclose(found.value, whole, rtol=1e-12)
    random = np.random.default_rng(3)
    variance, bias = 0.0, 0.0
    for side, sample in enumerate((x, y)):
        blocks = blocks_of(len(sample), 4, random)
        left = []
        for rows in blocks:
            rest = np.delete(sample, rows, axis=0)
            left.append(parzen.fid(*((rest, y) if side == 0 else (x, rest)), ddof=ddof))
        part = jackknife(whole, left, [len(rows) for rows in blocks])
        variance, bias = variance + part.variance, bias + part.bias
    np.testing.assert_allclose(found.value.stderr, np.sqrt(variance), rtol=1e-9)
    np.testing.assert_allclose(found.corrected, whole - bias, rtol=1e-9)
    assert found.corrected.stderr == (found.value.stderr if min(n, m) >= 2 * d else None)
    assert found.value.provenance["degrees_of_freedom"] == 6


def test_of_a_mean_the_jackknife_is_the_textbook_standard_error(rng):
    x = rng.normal(size=40) + 5.0
    left = [np.delete(x, i).mean() for i in range(40)]
    found = jackknife(x.mean(), left, [1] * 40)
    assert found.variance == pytest.approx(x.var(ddof=1) / 40, rel=1e-12)
    assert abs(found.bias) < 1e-12


def test_of_a_variance_the_jackknife_takes_off_the_bias(rng):
    x = rng.normal(size=40)
    left = [np.delete(x, i).var() for i in range(40)]
    found = jackknife(x.var(), left, [1] * 40)
    assert x.var() - found.bias == pytest.approx(x.var(ddof=1), rel=1e-12)


def test_blocks_of_unequal_size_of_a_mean(rng):
    x = rng.normal(size=23)
    blocks = blocks_of(23, 5, rng)
    assert sorted(np.concatenate(blocks)) == list(range(23))
    assert {len(rows) for rows in blocks} == {4, 5}
    left = [np.delete(x, rows).mean() for rows in blocks]
    assert abs(jackknife(x.mean(), left, [len(rows) for rows in blocks]).bias) < 1e-15


def test_interval_and_correction_by_simulation():
    d, n, repeats = 6, 120, 300
    shift, scale = 0.4, 1.3
    truth = d * (shift**2 + (scale - 1.0) ** 2)
    rng = np.random.default_rng(5)
    found = [
        parzen.fid_jackknife(rng.normal(size=(n, d)), scale * rng.normal(size=(n, d)) + shift)
        for _ in range(repeats)
    ]
    expectation = np.mean([result.value for result in found])
    assert expectation > 1.05 * truth  # FID is biased
    corrected = np.mean([result.corrected for result in found])
    spread = np.std([result.corrected for result in found]) / np.sqrt(repeats)
    assert abs(corrected - truth) < 4 * spread

    def share(estimates, value):
        return np.mean([low <= value <= high for low, high in (e.interval() for e in estimates)])

    # A binomial of 300 at 0.95 has standard deviation 0.013.
    assert 0.91 < share([result.corrected for result in found], truth) < 0.99
    assert 0.91 < share([result.value for result in found], expectation) < 0.99


def test_seed_progress_protocol_and_type(rng):
    x, y = rng.normal(size=(2, 80, 4)).astype(np.float32)
    seen = []
    first = parzen.fid_jackknife(x, y, progress=seen.append)
    assert first == parzen.fid_jackknife(x, y)
    assert first.value.stderr != parzen.fid_jackknife(x, y, seed=1).value.stderr
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    protocol = parzen.fid_jackknife(x, y, protocol="stylegan3")
    np.testing.assert_allclose(protocol.value, parzen.fid(x, y, ddof=0), rtol=1e-12)
    assert protocol.value.provenance["protocol"] == "stylegan3"


@pytest.mark.parametrize("names", [("real",), ("fake",), ("real", "fake")], ids=str)
def test_what_too_few_samples_leave_of_the_bias_is_said(names, rng):
    d = 16

    def result(few):
        sizes = [few if name in names else 5 * d for name in ("real", "fake")]
        x, y = (rng.normal(size=(n, d)) for n in sizes)
        return parzen.fid_jackknife(x, y + 0.5, blocks=4)

    has = ", ".join(f"{name} has 79" for name in names)
    words = rf"fid_jackknife: {has} samples of 16 features; below 80 .* in `corrected`, .* narrow"
    with pytest.warns(parzen.SmallSampleWarning, match=rf"{words}\. Pass n, m >= 80"):
        assert result(79).corrected.stderr > 0.0
    has = ", ".join(f"{name} has 8" for name in names)
    words = rf"{has} samples of 16 features; below 32 .* has no standard error\. Pass n, m >= 80"
    with pytest.warns(parzen.SmallSampleWarning, match=words) as caught:
        found = result(8)
    assert caught[0].filename == __file__
    assert found.value.stderr > 0.0
    with pytest.raises(ValueError, match="no standard error"):
        found.corrected.interval()
    assert result(80).corrected.stderr > 0.0


def test_more_features_need_more_samples_each():
    # By docs/statistics.md 1.0 standard errors of the bias are left of 5 d samples at d = 1024.
    assert [enough_for(d) for d in (1, 256, 2048)] == [5, 1280, 40960]
    assert 12 * 1024 < enough_for(1024) < 13 * 1024
    # d (d/n)^1.5, what is left beside the standard error, is no larger than at d = 256.
    for d in (300, 1024, 4096):
        assert d * (d / enough_for(d)) ** 1.5 == pytest.approx(256 * 0.2**1.5, rel=0.01)


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_what_is_left_of_the_bias():
    rng = np.random.default_rng(6)
    d, truth = 32, 32 * 0.25

    def left(n, repeats):
        found = [
            parzen.fid_jackknife(rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.5, blocks=8)
            for _ in range(repeats)
        ]
        bias = np.mean([result.value for result in found]) - truth
        return (np.mean([result.corrected for result in found]) - truth) / bias

    assert left(16, 10) > 0.25  # why there is no standard error
    assert abs(left(64, 60)) < 0.05
    assert abs(left(160, 60)) < 0.05


def test_too_few_for_the_blocks(rng):
    x = rng.normal(size=(30, 2))
    with pytest.raises(ValueError, match=r"fake has 7 samples for 10 blocks; .* pass blocks<=3"):
        parzen.fid_jackknife(x, x[:7])
    with pytest.raises(ValueError, match="blocks is 1, expected an integer >= 2"):
        parzen.fid_jackknife(x, x.copy(), blocks=1)


def test_identical_samples_have_no_error_bar_to_speak_of(rng):
    x = rng.normal(size=(50, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = parzen.fid_jackknife(x, x.copy())
    assert abs(found.value) < 1e-12
    assert found.value.stderr >= 0.0


class TestInterval:
    def test_normal_and_student(self):
        low, high = Estimate(3.0, 0.5).interval(0.95)
        assert (low, high) == pytest.approx((3 - 0.5 * 1.959964, 3 + 0.5 * 1.959964), rel=1e-6)
        low, high = Estimate(3.0, 0.5, {"degrees_of_freedom": 4}).interval(0.95)
        assert (low, high) == pytest.approx((3 - 0.5 * 2.776445, 3 + 0.5 * 2.776445), rel=1e-6)

    def test_errors(self):
        with pytest.raises(ValueError, match=r"no standard error of Estimate\(3\.0\) is known"):
            Estimate(3.0).interval()
        with pytest.raises(ValueError, match="level is 95, expected a number between 0 and 1"):
            Estimate(3.0, 0.5).interval(95)
