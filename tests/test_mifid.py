"""MiFID against its formula, with copies, opposite and zero rows."""

import math
import warnings

import numpy as np
import pytest

import parzen
import reference
from parzen import SmallSampleWarning
from parzen.metrics.jackknife import blocks_of


def features(rng, n, m, d, dtype=np.float64):
    """Half of the fake samples close to real ones, the others the same again."""
    real = rng.normal(size=(n, d))
    fake = 1.1 * real[np.arange(m) % n] * rng.choice([-1, 2], size=(m, 1))
    fake += 0.05 * rng.normal(size=(m, d))
    return real.astype(dtype), fake.astype(dtype)


@pytest.mark.parametrize("over", ["fake", "real"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d"), [(60, 50, 5), (200, 333, 17)])
def test_follows_the_formula(over, dtype, n, m, d, rng):
    real, fake = features(rng, n, m, d, dtype)
    value = parzen.mifid(real, fake, over=over)
    # Directions are rounded to the samples' type: 1 - cos is off by that times sqrt(2 (1 - cos)).
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    assert value == pytest.approx(reference.mifid(real, fake, over=over), rel=tolerance)
    assert value.provenance["distance"] < 0.1
    assert value.provenance["fid"] == parzen.fid(real, fake)


def test_far_from_copies_it_is_fid(rng):
    real, fake = rng.normal(size=(2, 400, 16))
    value = parzen.mifid(real, fake)
    assert value == parzen.fid(real, fake)
    assert value.provenance["distance"] > 0.1
    near = parzen.mifid(real, fake, cosine_distance_eps=1)
    assert near == pytest.approx(parzen.fid(real, fake) / value.provenance["distance"], rel=1e-12)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_opposite_rows_are_copies(rng):
    real = rng.normal(size=(100, 4))
    value = parzen.mifid(real, -3.0 * real)
    assert value.provenance["distance"] < 1e-15
    assert value > 1e12  # FID over 1e-14 and what rounding leaves


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_what_is_close_keeps_its_digits(rng):
    # An angle t: 1 - cos t = t^2 / 2, of which 1 - <u, v> would keep no digit at t = 1e-9.
    angles = np.linspace(0.1, 1.4, 40)
    rows = [np.stack([np.cos(a), np.sin(a)], axis=1) for a in (angles, angles + 1e-9)]
    distance = parzen.mifid(rows[0], 5.0 * rows[1]).provenance["distance"]
    assert distance == pytest.approx(5e-19, rel=1e-5)  # angles themselves are rounded to 1e-16


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_the_same_sample_is_zero(rng):
    x = rng.normal(size=(50, 4))
    for copies in (x, x[::-1]):
        assert parzen.mifid(x, copies) == 0.0
    assert parzen.mifid(1e-8 * x, 1e-8 * x + 1e-8) > 0.0  # scaled FIDs are no rounding


def test_the_scale_is_that_of_fid(rng):
    real, fake = features(rng, 60, 60, 4)
    value = parzen.mifid(real, fake)
    for scale in (1e-20, 1e20):
        assert parzen.mifid(scale * real, scale * fake) == pytest.approx(scale**2 * value, rel=1e-9)


def test_rows_of_zeros_are_left_out(rng):
    real, fake = features(rng, 60, 60, 4)
    with_zeros = np.concatenate([fake, np.zeros((3, 4))])
    value = parzen.mifid(real, with_zeros)
    assert value.provenance["zero_rows"] == [0, 3]
    assert value.provenance["distance"] == parzen.mifid(real, fake).provenance["distance"]
    with pytest.raises(ValueError, match="mifid: real has rows of zeros only"):
        parzen.mifid(np.zeros((9, 4)), fake)


def test_small_samples_are_warned_of(rng):
    real, fake = rng.normal(size=(2, 10, 8))
    with pytest.warns(SmallSampleWarning) as seen:
        parzen.mifid(real, fake)
    assert "mifid: real has 10 samples of 8 features" in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        assert math.isfinite(parzen.mifid(real, fake[:2]))


def naive_stderr(real, fake, over, blocks, seed, eps=0.1):
    """The jackknife by the metric itself: without each block, on the same side of the threshold."""
    random = np.random.default_rng(seed)
    blocks_of(len(real), blocks, random)
    parts = blocks_of(len(fake), blocks, random)
    memorized = parzen.mifid(real, fake, over=over).provenance["distance"] < eps
    side = {"cosine_distance_eps": 1.0 if memorized else 1e-9, "over": over}
    whole = parzen.mifid(real, fake, **side)
    found = [parzen.mifid(real, np.delete(fake, rows, axis=0), **side) for rows in parts]
    h = len(fake) / np.array([len(rows) for rows in parts])
    pseudo = h * whole - (h - 1.0) * found
    center = np.sum(pseudo / h)
    return np.sqrt(np.mean((pseudo - center) ** 2 / (h - 1.0)))


@pytest.mark.parametrize("over", ["fake", "real"])
@pytest.mark.parametrize(("n", "m", "d", "near"), [(60, 83, 4, True), (80, 61, 16, False)])
def test_the_error_bar_is_the_jackknifes(over, n, m, d, near, rng):
    real, fake = features(rng, n, m, d) if near else rng.normal(size=(2, 90, d))
    real, fake = real[:n].copy(), fake[:m].copy()
    fake[3] = real[7] = 0.0
    value = parzen.mifid(real, fake, over=over, blocks=7, seed=5)
    assert value == parzen.mifid(real, fake, over=over)
    assert value.stderr == pytest.approx(naive_stderr(real, fake, over, 7, 5), rel=1e-9)
    assert value.provenance["degrees_of_freedom"] == 6
    assert (value.provenance["blocks"], value.provenance["seed"]) == (7, 5)


@pytest.mark.parametrize("over", ["fake", "real"])
def test_the_error_bar_is_the_spread_of_other_fake_samples(over, rng):
    # Of a generator that copies: the two samples are not independent, and the real one is fixed.
    real = rng.normal(size=(200, 4))

    def generated():
        return 1.2 * real[rng.integers(200, size=150)] + 0.2 * rng.normal(size=(150, 4))

    found = [parzen.mifid(real, generated(), over=over, blocks=10) for _ in range(80)]
    claimed = np.sqrt(np.mean([value.stderr**2 for value in found]))
    # The spread of 80 is known to 8 %, and leaving out neighbours says a little too much.
    assert 0.75 < claimed / np.std(found, ddof=1) < 1.35


def test_without_blocks_there_is_no_error_bar(rng):
    real, fake = rng.normal(size=(2, 60, 4))
    assert parzen.mifid(real, fake).stderr is None
    same = real[::-1].copy()
    with pytest.warns(parzen.CopiedSampleWarning):
        assert parzen.mifid(real, same, blocks=3).stderr is None  # of a FID that is rounding
    lonely = np.zeros((8, 2))
    lonely[0] = 1.0  # a block without which there is no direction left
    for over in ("fake", "real"):
        options = {"cosine_distance_eps": 1, "over": over, "blocks": 4}
        assert parzen.mifid(real[:8, :2], lonely, **options).stderr is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cosine_distance_eps": 0}, ValueError, r"cosine_distance_eps is 0.0, expected"),
        ({"cosine_distance_eps": 1.5}, ValueError, r"1.5, expected a number in \(0, 1\]"),
        ({"cosine_distance_eps": "a"}, TypeError, "mifid: cosine_distance_eps is 'a'"),
        ({"over": "both"}, ValueError, "mifid: over is 'both', expected 'fake' or 'real'"),
        ({"blocks": 1}, ValueError, "mifid: blocks is 1, expected an integer >= 2"),
        ({"blocks": 2}, ValueError, "mifid: real has 3 samples for 2 blocks; .* pass blocks<=1"),
        ({"seed": -1}, ValueError, "mifid: seed is -1"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.mifid(np.eye(3), 2 * np.eye(3), **options)


@pytest.mark.parametrize("blocks", [None, 5])
def test_progress_ends_at_one(rng, blocks):
    seen = []
    parzen.mifid(*rng.normal(size=(2, 50, 3)), blocks=blocks, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
