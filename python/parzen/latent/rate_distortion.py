"""Rate and distortion: what reconstructions cost in bits, and how far off they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_float64
from parzen._estimate import Estimate, __version__
from parzen._extras import needed_by
from parzen._options import as_positive, check_choice

WINDOW = 11  # of a Gaussian of sigma 1.5, cut at 3.5 sigma: Wang et al., section III.B


class RatePoint(NamedTuple):
    """One point of a rate-distortion curve.

    Attributes
    ----------
    rate
        Bits a pixel or dimension, as given: the mean.
    mse
        Mean squared error, in squared units of the data.
    psnr
        Mean peak signal-to-noise ratio, dB; infinite where a reconstruction is exact.
    ssim
        Mean structural similarity, up to 1; None where it was not asked for.
    """

    rate: Estimate
    mse: Estimate
    psnr: Estimate
    ssim: Estimate | None


def rate_distortion(
    originals: object,
    reconstructions: Iterable[tuple[object, object]],
    *,
    data_range: float | None = None,
    channels: str | None = None,
    ssim: bool | None = None,
) -> tuple[RatePoint, ...]:
    """Return rate and distortion of reconstructions, in the order of their rates.

    Parameters
    ----------
    originals
        Images (n, h, w) or, with `channels`, in colour; or vectors (n, d).
    reconstructions
        Pairs (rate, reconstruction). A rate is bits a pixel or dimension, >= 0: a number, or (n,)
        of them; a reconstruction is like `originals` in shape and, where one of them is uint8,
        type.
    data_range
        The width of the range that values may take: 1 for images in [0, 1]. None: 255, for uint8
        only.
    channels
        Of images in colour: "last" for (n, h, w, c), "first" for (n, c, h, w).
    ssim
        Whether to compute the structural similarity: Wang et al.'s, a Gaussian window of 11 by 11,
        sigma 1.5, population covariances, K1 = 0.01, K2 = 0.03; of colours the mean. None: of
        images, not of vectors.

    Returns
    -------
    tuple of RatePoint
        Each the mean over the n samples, with its standard error: of one sample, of an infinite
        mean, or of a rate that is one number, there is none.

    Raises
    ------
    ValueError, TypeError
        Where arrays or options are not as described; where images are too small for SSIM.
    ModuleNotFoundError
        Where SSIM is wanted and there is no scikit-image.

    References
    ----------
    Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE
    Transactions on Image Processing 13, 2004, equation 13.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> random = np.random.default_rng(0)
    >>> images = random.uniform(size=(20, 16, 16))
    >>> noisy = [(bits, images + random.normal(size=images.shape) / 2**bits) for bits in (5, 2)]
    >>> coarse, fine = latent.rate_distortion(images, noisy, data_range=1.0)
    >>> float(coarse.rate), round(coarse.psnr), round(fine.psnr)
    (2.0, 12, 30)
    """
    whole = "rate_distortion"
    x = as_float64("originals", originals, function=whole, shape=None, meaning="samples")
    axis, with_ssim = _layout(x, channels, ssim)
    width = _data_range(originals, data_range)
    points = []
    for number, (rate, reconstruction) in enumerate(_pairs(reconstructions)):
        name = f"reconstructions[{number}]"
        if _is_uint8(originals) != _is_uint8(reconstruction):
            raise ValueError(
                f"{whole}: one of originals and {name} is uint8 and the other is not; "
                f"bring both to one type and one range"
            )
        y = as_float64(name, reconstruction, function=whole, shape=x.shape, meaning="as originals")
        errors = np.square(x - y).reshape(len(x), -1).mean(axis=1)
        with np.errstate(divide="ignore"):
            decibels = 20.0 * math.log10(width) - 10.0 * np.log10(errors)
        record = {
            "metric": whole,
            "n": len(x),
            "shape": list(x.shape[1:]),
            "data_range": width,
            "version": __version__,
        }
        similar = None
        if with_ssim:
            similar = _mean(
                [_similarity(a, b, width, axis) for a, b in zip(x, y, strict=True)], record
            )
        bits = _rates(f"rate of {name}", rate, len(x))
        points.append(
            RatePoint(_mean(bits, record), _mean(errors, record), _mean(decibels, record), similar)
        )
    if not points:
        raise ValueError(
            f"{whole}: reconstructions is empty; expected pairs (rate, reconstruction)"
        )
    return tuple(sorted(points, key=lambda point: point.rate))


def _layout(
    x: NDArray[np.float64], channels: str | None, ssim: bool | None
) -> tuple[int | None, bool]:
    """Return the axis of the channels in one sample and whether SSIM is wanted."""
    if channels is not None:
        check_choice("rate_distortion: channels", channels, ("first", "last"), " or None")
    images = x.ndim == (3 if channels is None else 4)
    if x.size == 0 or not (images or (x.ndim == 2 and channels is None)):
        expected = (
            "(n, d) or (n, h, w), or with channels='first' or 'last' (n, c, h, w) or (n, h, w, c)"
        )
        raise ValueError(
            f"rate_distortion: originals has shape {x.shape}, channels is {channels!r}; "
            f"expected {expected}"
        )
    wanted = images if ssim is None else bool(ssim)
    if wanted and not images:
        raise ValueError("rate_distortion: ssim is of images; of vectors (n, d) pass ssim=False")
    axis = None if channels is None else (0 if channels == "first" else 2)
    sides = [side for number, side in enumerate(x.shape[1:]) if number != axis]
    if wanted and min(sides) < WINDOW:
        raise ValueError(
            f"rate_distortion: images of {sides[0]} by {sides[1]} are too small for the window of "
            f"{WINDOW} by {WINDOW} of ssim; pass ssim=False"
        )
    return axis, wanted


def _data_range(originals: object, data_range: float | None) -> float:
    if data_range is not None:
        return as_positive("rate_distortion: data_range", data_range)
    if not _is_uint8(originals):
        raise ValueError(
            "rate_distortion: data_range is None, which is 255 for uint8 only; pass the width of "
            "the range of values, 1.0 for images in [0, 1]"
        )
    return 255.0


def _is_uint8(array: object) -> bool:
    return str(getattr(array, "dtype", "")).endswith("uint8")  # NumPy's or torch's


def _pairs(reconstructions: Any) -> Iterable[tuple[object, object]]:
    for number, pair in enumerate(reconstructions):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"rate_distortion: reconstructions[{number}] is {type(pair).__name__}, "
                f"expected a pair (rate, reconstruction)"
            )
        yield pair[0], pair[1]


def _rates(name: str, rate: object, n: int) -> NDArray[np.float64]:
    shape = None if np.ndim(rate) == 0 else (n,)  # type: ignore[arg-type]
    bits = as_float64(name, rate, function="rate_distortion", shape=shape, meaning="one a sample")
    if (bits < 0.0).any():
        raise ValueError(f"rate_distortion: {name} is {bits.min()}, expected bits >= 0")
    return bits.reshape(-1)


def _similarity(
    a: NDArray[np.float64], b: NDArray[np.float64], data_range: float, axis: int | None
) -> float:
    with needed_by("rate_distortion: ssim", "latent", "pass ssim=False"):
        from skimage.metrics import structural_similarity
    similarity: Any = structural_similarity
    return float(
        similarity(
            a,
            b,
            data_range=data_range,
            channel_axis=axis,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def _mean(values: list[float] | NDArray[np.float64], record: dict[str, object]) -> Estimate:
    mean = float(np.mean(values))
    error = None
    if len(values) > 1 and math.isfinite(mean):
        error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Estimate(mean, error, record)
