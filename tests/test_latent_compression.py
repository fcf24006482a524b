"""Rate and distortion of reconstructions, and the dimensions in use."""

import math

import numpy as np
import pytest

import reference_latent as reference

latent = pytest.importorskip("parzen.latent")


def images(rng, n=6, shape=(13, 16)):
    return rng.uniform(size=(n, *shape))


def test_a_known_error_has_its_distortion(rng):
    x = images(rng, 4)
    (point,) = latent.rate_distortion(x, [(0.5, x + 0.1)], data_range=1.0)
    assert point.rate == 0.5
    assert point.rate.stderr is None
    assert point.mse == pytest.approx(0.01, rel=1e-12)
    assert point.psnr == pytest.approx(20.0, rel=1e-12)
    assert point.psnr.stderr == pytest.approx(0.0, abs=1e-9)


def test_means_and_standard_errors_are_over_samples(rng):
    x = rng.normal(size=(30, 7))
    y, bits = x + rng.normal(size=x.shape), rng.uniform(1.0, 2.0, size=30)
    (point,) = latent.rate_distortion(x, [(bits, y)], data_range=3.0)
    errors = np.square(x - y).mean(axis=1)
    decibels = 10.0 * np.log10(9.0 / errors)
    for found, values in ((point.rate, bits), (point.mse, errors), (point.psnr, decibels)):
        assert found == pytest.approx(values.mean(), rel=1e-12)
        assert found.stderr == pytest.approx(values.std(ddof=1) / math.sqrt(30), rel=1e-12)
    assert point.ssim is None


def test_ssim_is_that_of_wang_et_al(rng):
    x = images(rng, 3)
    y = np.clip(x + 0.2 * rng.normal(size=x.shape), 0.0, 1.0)
    (point,) = latent.rate_distortion(x, [(1.0, y)], data_range=1.0)
    values = [reference.ssim(a, b, 1.0) for a, b in zip(x, y, strict=True)]
    assert point.ssim == pytest.approx(np.mean(values), abs=1e-9)
    assert point.ssim.stderr == pytest.approx(np.std(values, ddof=1) / math.sqrt(3), rel=1e-6)


def test_colours(rng):
    x = images(rng, 2, (12, 14, 3))
    y = np.clip(x + 0.1 * rng.normal(size=x.shape), 0.0, 1.0)
    (last,) = latent.rate_distortion(x, [(1, y)], data_range=1, channels="last")
    first = latent.rate_distortion(
        np.moveaxis(x, -1, 1), [(1, np.moveaxis(y, -1, 1))], data_range=1, channels="first"
    )[0]
    assert first == pytest.approx(last, abs=1e-12)
    values = [reference.ssim(x[i, ..., c], y[i, ..., c], 1.0) for i in range(2) for c in range(3)]
    assert last.ssim == pytest.approx(np.mean(values), abs=1e-9)


def test_bytes_have_a_range_of_255(rng):
    x = rng.integers(0, 256, size=(5, 12, 12)).astype(np.uint8)
    y = x ^ np.uint8(4)  # no pixel wraps round
    (point,) = latent.rate_distortion(x, [(1.0, y)])
    assert point.mse == 16.0
    assert point.psnr == pytest.approx(20.0 * math.log10(255.0 / 4.0))
    (scaled,) = latent.rate_distortion(x / 255, [(1.0, y / 255)], data_range=1.0)
    assert scaled.ssim == pytest.approx(point.ssim, abs=1e-12)


def test_an_exact_reconstruction(rng):
    x = images(rng)
    (point,) = latent.rate_distortion(x, [(8.0, x)], data_range=1.0)
    assert (point.mse, point.psnr, point.ssim) == (0.0, math.inf, 1.0)
    assert point.psnr.stderr is None


def test_the_curve_is_in_the_order_of_rates(rng):
    x = images(rng)
    noisy = [(bits, x + rng.normal(size=x.shape) / 2**bits) for bits in (3, 1, 5)]
    curve = latent.rate_distortion(x, iter(noisy), data_range=1.0)
    assert [float(point.rate) for point in curve] == [1.0, 3.0, 5.0]
    assert curve[0].mse > curve[1].mse > curve[2].mse
    assert curve[0].ssim < curve[1].ssim < curve[2].ssim


def test_a_single_sample_has_no_standard_error(rng):
    x = images(rng, 1)
    (point,) = latent.rate_distortion(x, [([2.0], x + 0.1)], data_range=1.0)
    assert [value.stderr for value in point] == [None] * 4


X = np.zeros((4, 12, 12))


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (
            [(1.0, X)],
            {"data_range": None},
            ValueError,
            "data_range is None, which is 255 for uint8",
        ),
        ([(1.0, X)], {"data_range": 0}, ValueError, "data_range is 0.0, expected a finite number"),
        ([(1.0, X[:3])], {}, ValueError, r"reconstructions\[0\] has shape \(3, 12, 12\), expected"),
        ([(1.0, X * np.nan)], {}, ValueError, r"reconstructions\[0\] has 576 values that are NaN"),
        (
            [(1.0, X.astype(np.uint8))],
            {},
            ValueError,
            r"reconstructions\[0\] is uint8 and the other",
        ),
        ([(-1.0, X)], {}, ValueError, r"rate of reconstructions\[0\] is -1.0, expected bits >= 0"),
        ([([1.0, 2.0], X)], {}, ValueError, r"rate of reconstructions\[0\] has shape \(2,\)"),
        ([X], {}, TypeError, r"reconstructions\[0\] is ndarray, expected a pair"),
        ([], {}, ValueError, "reconstructions is empty"),
        ([(1.0, X)], {"channels": "last"}, ValueError, "channels is 'last'; expected"),
        ([(1.0, X)], {"channels": "rgb"}, ValueError, "channels is 'rgb', expected 'first' or"),
    ],
)
def test_what_rate_distortion_refuses(given, options, error, message):
    with pytest.raises(error, match=f"rate_distortion: .*{message}"):
        latent.rate_distortion(X, given, **{"data_range": 1.0, **options})


def test_images_too_small_for_ssim():
    x = np.zeros((3, 8, 12))
    with pytest.raises(
        ValueError, match=r"8 by 12 are too small for the window of 11 .* ssim=False"
    ):
        latent.rate_distortion(x, [(1.0, x)], data_range=1.0)
    (point,) = latent.rate_distortion(x, [(1.0, x + 1.0)], data_range=1.0, ssim=False)
    assert point.ssim is None
    with pytest.raises(ValueError, match="ssim is of images"):
        latent.rate_distortion(x[0], [(1.0, x[0])], data_range=1.0, ssim=True)


# Dimensions in use.


def test_active_units(rng):
    means = rng.normal(size=(4000, 4)) * [1.0, 0.12, 0.08, 0.0] + [0.0, 5.0, 0.0, 0.1]
    found = latent.active_units(means)
    assert found.active == 2
    assert found.variances == pytest.approx(means.var(axis=0, ddof=1))
    assert latent.active_units(means, threshold=0.0).active == 3
    assert latent.active_units(means, threshold=2).active == 0


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_equal_directions_count_one_each(rank, rng):
    basis = rng.normal(size=(40, rank))
    basis, _ = np.linalg.qr(basis - basis.mean(axis=0))
    codes = basis @ np.linalg.qr(rng.normal(size=(8, 8)))[0][:rank]
    for count in (latent.effective_rank(codes), latent.participation_ratio(codes)):
        assert count == pytest.approx(rank, rel=1e-9)


def test_spectra(rng):
    codes = rng.normal(size=(50, 6)) * [3.0, 1.0, 1.0, 0.5, 0.1, 0.0] + 7.0
    centred = codes - codes.mean(axis=0)
    found = latent.effective_rank(codes)
    assert found == pytest.approx(reference.effective_rank(centred), rel=1e-9)
    as_it_is = latent.effective_rank(codes, centered=False)
    assert as_it_is == pytest.approx(reference.effective_rank(codes), rel=1e-9)
    ratio = latent.participation_ratio(codes)
    assert ratio == pytest.approx(reference.participation_ratio(codes), rel=1e-9)
    for change in (codes * 1e-60, codes * 1e60, codes[:, ::-1], codes - 7.0):
        assert latent.effective_rank(change) == pytest.approx(found, rel=1e-9)
        assert latent.participation_ratio(change) == pytest.approx(ratio, rel=1e-9)


def test_fewer_rows_than_columns(rng):
    codes = rng.normal(size=(5, 30))
    assert latent.effective_rank(codes) == pytest.approx(
        reference.effective_rank(codes - codes.mean(axis=0)), rel=1e-9
    )
    assert latent.participation_ratio(codes) <= 4.0


@pytest.mark.parametrize("scales", [[2.0, 1.0, 0.5], [1.0, 1.0, 1.0], [1.0, 0.1, 0.0]])
@pytest.mark.parametrize("score", [latent.effective_rank, latent.participation_ratio])
def test_standard_errors_are_those_of_new_samples(score, scales, rng):
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    found = [score((rng.normal(size=(300, 3)) * scales) @ turn) for _ in range(200)]
    values, errors = np.array(found), np.mean([value.stderr for value in found])
    if scales == [1.0, 1.0, 1.0]:  # the largest value there is: both are of order 1/n
        assert errors < 10 / 300
        assert values.std() < 10 / 300
    else:
        assert errors == pytest.approx(values.std(), rel=0.2)


@pytest.mark.parametrize("score", [latent.effective_rank, latent.participation_ratio])
def test_equal_rows_have_no_dimension(score):
    with pytest.raises(ValueError, match="all rows of codes are equal"):
        score(np.full((10, 3), 0.1))
    assert latent.effective_rank(np.full((10, 3), 0.1), centered=False) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="codes is zero"):
        latent.effective_rank(np.zeros((10, 3)), centered=False)


def test_thresholds_that_are_refused():
    for threshold in (-0.1, math.inf, math.nan):
        with pytest.raises(ValueError, match="active_units: threshold is"):
            latent.active_units(np.eye(3), threshold=threshold)
