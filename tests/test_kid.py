"""KID against torch-fidelity's draws and estimator, and the estimate from all samples."""

import numpy as np
import pytest

import parzen
import reference
from parzen import Polynomial
from parzen.metrics import kid_subsets


def features(rng, n, m, d, dtype=np.float64):
    # As Inception's: non-negative, with a mean of the size of the spread.
    real = np.abs(rng.normal(size=(n, d)))
    fake = np.abs(1.05 * rng.normal(size=(m, d)))
    return real.astype(dtype), fake.astype(dtype)


@pytest.mark.parametrize(
    "kernel", [{}, {"degree": 2, "gamma": 0.1, "coef0": 0.5}], ids=["defaults", "quadratic"]
)
def test_subsets_are_those_of_torch_fidelity(kernel, rng):
    real, fake = features(rng, 300, 250, 64)
    mean, std = parzen.kid(real, fake, subsets=7, subset_size=100, **kernel)
    expected = reference.kid_subsets(real, fake, 7, 100, 2020, **kernel)
    assert mean == pytest.approx(expected[0], rel=1e-9)
    assert std == pytest.approx(expected[1], rel=1e-9)
    assert mean.provenance["seed"] == 2020
    other = parzen.kid(real, fake, subsets=7, subset_size=100, seed=1, **kernel)
    expected = reference.kid_subsets(real, fake, 7, 100, 1, **kernel)
    assert other.mean == pytest.approx(expected[0], rel=1e-9)


WAYS = {"subsets in one pass": True, "subsets one by one": False}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("n", "m", "size"), [(90, 61, 50), (61, 90, 61), (130, 140, 2)])
def test_both_ways_give_the_same_answer(way, n, m, size, rng, monkeypatch):
    real, fake = features(rng, n, m, 64)
    monkeypatch.setattr(kid_subsets, "one_pass_is_cheaper", lambda *_: WAYS[way])
    mean, std = parzen.kid(real, fake, subsets=40, subset_size=size)
    assert mean.provenance["method"] == way
    expected = reference.kid_subsets(real, fake, 40, size, 2020)
    assert mean == pytest.approx(expected[0], rel=1e-9)
    assert std == pytest.approx(expected[1], rel=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_float32_both_ways(way, rng, monkeypatch):
    real, fake = features(rng, 300, 250, 512, np.float32)
    monkeypatch.setattr(kid_subsets, "one_pass_is_cheaper", lambda *_: WAYS[way])
    result = parzen.kid(real, fake, subsets=3, subset_size=200)
    expected = reference.kid_subsets(real.astype(np.float64), fake.astype(np.float64), 3, 200, 2020)
    assert abs(result.mean - expected[0]) <= 1e-6 * reference.polynomial(real, fake).mean()


def test_the_cheaper_way_is_taken():
    # At d = 2048: n <= subset_size sqrt(subsets), about.
    assert kid_subsets.one_pass_is_cheaper(9_800, 9_800, 2048, 100, 1000)
    assert not kid_subsets.one_pass_is_cheaper(10_100, 10_100, 2048, 100, 1000)
    assert not kid_subsets.one_pass_is_cheaper(50_000, 50_000, 2048, 100, 1000)
    assert kid_subsets.one_pass_is_cheaper(1000, 1000, 8, 100, 1000)
    assert not kid_subsets.one_pass_is_cheaper(5000, 5000, 2048, 100, 100)


def test_chunks_change_no_bit(rng, monkeypatch):
    real, fake = features(rng, 50, 40, 8)
    options = {"subsets": 30, "subset_size": 20}
    whole = parzen.kid(real, fake, **options)
    monkeypatch.setattr(kid_subsets, "chunk_size", lambda rows, d: 7)
    monkeypatch.setattr(kid_subsets, "one_pass_is_cheaper", lambda *_: True)
    assert parzen.kid(real, fake, **options) == whole
    assert whole.mean.provenance["method"] == "subsets in one pass"


def test_the_first_argument_is_drawn_first(rng):
    real, fake = features(rng, 120, 110, 8)
    options = {"subsets": 3, "subset_size": 50}
    there, back = parzen.kid(real, fake, **options), parzen.kid(fake, real, **options)
    assert there.mean != back.mean
    assert back.mean == pytest.approx(reference.kid_subsets(fake, real, 3, 50, 2020)[0], rel=1e-9)


def test_a_subset_as_large_as_the_sample(rng):
    real, fake = features(rng, 60, 60, 8)
    mean, std = parzen.kid(real, fake, subsets=3, subset_size=60)
    full = parzen.kid(real, fake, subsets=None)
    assert mean == pytest.approx(full.mean, rel=1e-10)
    assert std <= 1e-10 * mean  # three times the same samples in another order


def test_float32(rng):
    real, fake = features(rng, 300, 250, 512, np.float32)
    result = parzen.kid(real, fake, subsets=3, subset_size=200)
    expected = reference.kid_subsets(real.astype(np.float64), fake.astype(np.float64), 3, 200, 2020)
    k = reference.polynomial(real, fake).mean()
    assert abs(result.mean - expected[0]) <= 1e-6 * k


@pytest.mark.parametrize(("n", "m"), [(4, 9), (150, 80)])
def test_all_samples(n, m, rng):
    real, fake = features(rng, n, m, 16)
    result = parzen.kid(real, fake, subsets=None)
    same = parzen.mmd(real, fake, kernel=Polynomial())
    assert result.mean == same.squared
    assert result.std == same.stderr == result.mean.stderr
    assert result.mean.provenance["method"] == "pairs"


def test_few_samples_have_no_standard_error():
    result = parzen.kid(np.eye(3), 2 * np.eye(3), subsets=None)
    assert result.std is None
    assert result.mean.stderr is None


def test_the_mean_of_all_samples_is_unbiased(rng):
    values = [parzen.kid(*rng.normal(size=(2, 20, 4)), subsets=None).mean for _ in range(400)]
    assert abs(np.mean(values)) < 4.0 * np.std(values) / 20.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {},
            ValueError,
            r"kid: real has 12 samples, subset_size is 1000; pass subset_size<=12 or subsets=None",
        ),
        (
            {"subset_size": 11},
            ValueError,
            "kid: fake has 10 samples, subset_size is 11; pass subset_size<=10",
        ),
        ({"subset_size": 1}, ValueError, "kid: subset_size is 1, expected an integer >= 2"),
        ({"subset_size": 5.0}, TypeError, r"kid: subset_size is 5.0, expected an integer"),
        ({"subsets": 0}, ValueError, "kid: subsets is 0, expected an integer >= 1"),
        ({"subsets": "all"}, TypeError, "kid: subsets is 'all', expected an integer"),
        ({"subset_size": 5, "seed": None}, TypeError, "kid: seed is None"),
        (
            {"subset_size": 5, "seed": 2**32},
            ValueError,
            "kid: seed is 4294967296, expected an integer <= 4294967295",
        ),
        (
            {"subsets": None, "subset_size": 1000},
            ValueError,
            "kid: subset_size=1000 has no effect on subsets=None, .*; leave it out",
        ),
        (
            {"protocol": "torch-fidelity"},
            ValueError,
            "kid: real has 12 samples, subset_size is 1000; pass more samples, leave the protocol "
            "out, or change it by dataclasses.replace",
        ),
        ({"degree": 0}, ValueError, "Polynomial: degree is 0"),
        ({"gamma": -1.0}, ValueError, r"Polynomial: gamma is -1.0"),
        ({"coef0": -1.0}, ValueError, r"Polynomial: coef0 is -1.0"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.kid(np.ones((12, 3)), np.ones((10, 3)), **options)


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match=r"kid: fake has 1 sample .* a minimum of 2"):
        parzen.kid(np.ones((5, 3)), np.ones((1, 3)), subsets=None)


def test_progress_counts_subsets(rng, monkeypatch):
    monkeypatch.setattr(kid_subsets, "one_pass_is_cheaper", lambda *_: False)
    seen = []
    parzen.kid(*rng.normal(size=(2, 50, 3)), subsets=4, subset_size=20, progress=seen.append)
    assert seen == sorted(seen)
    assert {0.25, 0.5, 0.75, 1.0} <= set(seen)


def test_progress_in_one_pass(rng):
    seen = []
    parzen.kid(*rng.normal(size=(2, 50, 3)), subsets=20, subset_size=40, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_tiny_gamma_on_huge_samples():
    # <x, y> = 2e60 is no float32, gamma <x, y> is nearly nothing.
    real = np.array([[16.0, 3.0], [-1.5, -1.5], [0.0, 0.0]], np.float32)
    fake = np.array([[1e30, 1e30], [0.0, 1.0], [0.0, 0.0]], np.float32)
    for gamma in (1e-160, 1e-61):
        mean, _ = parzen.kid(real, fake, degree=1, gamma=gamma, subsets=None)
        wide = [a.astype(np.float64) for a in (real, fake)]
        expected = parzen.kid(*wide, degree=1, gamma=gamma, subsets=None)
        assert mean == expected.mean
        assert mean.provenance["dtype"] == "float64"
