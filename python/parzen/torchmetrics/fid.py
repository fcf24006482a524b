"""Frechet Inception Distance, from moments that are updated batch by batch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from parzen._estimate import Estimate, __version__
from parzen.metrics.frechet import distance_of_moments, warn_of_bias

from . import gaussian
from .networks import LAYERS, Weights, declared_width
from .two_samples import TwoSampleMetric

RAW_SUMS = ("num_samples", "sum", "cov_sum")


class FrechetInceptionDistance(TwoSampleMetric):
    """FID as a metric of torchmetrics; see `parzen.fid` for the number.

    The states are ``real_moments`` and ``fake_moments``, (d + 1, d + 1) in float64: count, mean and
    scatter about the mean, which merge across batches and processes without the cancellation of
    sums of squares. torchmetrics' ``real_features_sum``, ``real_features_cov_sum`` and
    ``real_features_num_samples`` (and those of fake) can be read, and its checkpoints be loaded.

    Parameters
    ----------
    feature
        64, 192, 768 or 2048, a layer of Inception; or a `torch.nn.Module` from images to (n, d).
    reset_real_features
        Whether `reset` forgets the real images too.
    normalize
        Whether images are floats in 0..1, and not uint8.
    input_img_size
        Of the image that a network without ``num_features`` is asked for its width with.
    feature_extractor_weights_path
        As `parzen.vision.InceptionV3` takes them: None for the published file, its path, a state
        dict, or ``"random"``.
    antialias
        Whether images are resized with antialiasing, or as TensorFlow 1 did.
    **kwargs
        Of `torchmetrics.Metric`.

    Raises
    ------
    ValueError, TypeError
        Where arguments are not as described. `compute` raises RuntimeError where there are fewer
        than 2 images of a kind.

    Warns
    -----
    SmallSampleWarning
        From `compute`, where a kind has fewer than 2 d images.

    Examples
    --------
    >>> import torch
    >>> from parzen.torchmetrics import FrechetInceptionDistance
    >>> fid = FrechetInceptionDistance(torch.nn.Flatten(), normalize=True, input_img_size=(1, 2, 2))
    >>> images = torch.rand(100, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    >>> fid.update(images, real=True)
    >>> fid.update(images + 1, real=False)
    >>> fid.compute()
    tensor(4.)
    """

    plot_lower_bound: float = 0.0

    real_moments: Tensor
    fake_moments: Tensor

    def __init__(
        self,
        feature: int | torch.nn.Module = 2048,
        reset_real_features: bool = True,
        normalize: bool = False,
        input_img_size: tuple[int, int, int] = (3, 299, 299),
        feature_extractor_weights_path: Weights = None,
        antialias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            feature,
            LAYERS,
            normalize,
            feature_extractor_weights_path,
            antialias,
            reset_real_features=reset_real_features,
            **kwargs,
        )
        d = declared_width(self._label, self.inception)
        if d is None:
            # Noise, for of an image of zeros a network may make NaN; not of the global generator.
            random = torch.Generator("cpu").manual_seed(0)
            probe = torch.rand(1, *input_img_size, generator=random, device="cpu").to(self.device)
            with torch.no_grad():
                d = self._extract(probe if normalize else (255 * probe).byte()).shape[1]
            self.orig_dtype = None
        for side in ("real", "fake"):
            self.add_state(f"{side}_moments", gaussian.no_rows(d), dist_reduce_fx=gaussian.merged)
        self._wide_states = ("real_moments", "fake_moments")

    def _add(self, features: Tensor, side: str) -> None:
        """Add features (n, d) to one side."""
        state = getattr(self, f"{side}_moments")
        d = len(state) - 1
        if features.shape[1] != d:
            raise ValueError(
                f"{self._label}: the network returned {features.shape[1]} columns, expected {d}"
            )
        setattr(self, f"{side}_moments", gaussian.with_rows(state, features.to(state.device)))

    def compute(self) -> Tensor:
        """Return FID, a scalar of the features' type.

        Raises
        ------
        RuntimeError
            Where there are fewer than 2 real or fake images.
        """
        states = (self.real_moments, self.fake_moments)
        n, m = (gaussian.count(state) for state in states)
        if min(n, m) < 2:
            raise RuntimeError(
                f"{self._label}: there are {n} real and {m} fake images, expected at least 2 of "
                f"each. A batch alone has one kind: add it by update, not by a call"
            )
        d = len(self.real_moments) - 1
        warn_of_bias(self._label, n, m, d, stacklevel=3)
        real, fake = (
            (gaussian.mean(state).cpu().numpy(), gaussian.covariance(state).cpu().numpy())
            for state in states
        )
        squared = distance_of_moments(real, fake)
        if not math.isfinite(squared):
            raise ValueError(f"{self._label}: the distance overflows float64; rescale the features")
        record = {"metric": "fid", "n": n, "m": m, "d": d, "method": "moments", "ddof": 1}
        record |= {**self._network_record(), "version": __version__}
        self._estimated = Estimate(squared, None, record)
        (value,) = self._numbers(self._estimated)
        return value

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for side in ("real", "fake"):
            names = [f"{prefix}{side}_features_{part}" for part in RAW_SUMS]
            if all(name in state_dict for name in names):
                raw = [state_dict.pop(name) for name in names]
                state_dict[f"{prefix}{side}_moments"] = gaussian.from_raw_sums(*raw)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def real_features_num_samples(self) -> Tensor:
        """The number of real images."""
        return gaussian.raw_sums(self.real_moments)[0]

    @property
    def real_features_sum(self) -> Tensor:
        """The sum of the features of real images, (d,)."""
        return gaussian.raw_sums(self.real_moments)[1]

    @property
    def real_features_cov_sum(self) -> Tensor:
        """The sum of x x' over the features x of real images, (d, d)."""
        return gaussian.raw_sums(self.real_moments)[2]

    @property
    def fake_features_num_samples(self) -> Tensor:
        """The number of fake images."""
        return gaussian.raw_sums(self.fake_moments)[0]

    @property
    def fake_features_sum(self) -> Tensor:
        """The sum of the features of fake images, (d,)."""
        return gaussian.raw_sums(self.fake_moments)[1]

    @property
    def fake_features_cov_sum(self) -> Tensor:
        """The sum of x x' over the features x of fake images, (d, d)."""
        return gaussian.raw_sums(self.fake_moments)[2]
