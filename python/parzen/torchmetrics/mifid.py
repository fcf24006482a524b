"""The memorization-informed FID, from the features of all images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import parzen
from parzen._estimate import Estimate
from parzen._options import as_positive

from .networks import LAYERS, Weights
from .options import as_value
from .two_samples import TwoSampleMetric


class MemorizationInformedFrechetInceptionDistance(TwoSampleMetric):
    """MiFID as a metric of torchmetrics; see `parzen.mifid` for the number, ``over="real"``.

    Parameters
    ----------
    feature
        64, 192, 768 or 2048, a layer of Inception; or a `torch.nn.Module` from images to (n, d).
    reset_real_features
        Whether `reset` forgets the real images too.
    normalize
        Whether images are floats in 0..1, and not uint8.
    cosine_distance_eps
        In (0, 1]: the mean distance from which on nothing counts as memorized.
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
        Where arguments are not as described; from `compute`, where there are fewer than 2 images
        of a kind, or one has features of zeros only.

    Warns
    -----
    SmallSampleWarning
        From `compute`, where a kind has fewer than 2 d images.

    Examples
    --------
    >>> import torch
    >>> from parzen.torchmetrics import MemorizationInformedFrechetInceptionDistance
    >>> mifid = MemorizationInformedFrechetInceptionDistance(torch.nn.Flatten())
    >>> images = torch.rand(100, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    >>> mifid.update(images, real=True)
    >>> mifid.update(1.01 * images + 1e-4 * images.flip(0), real=False)
    >>> bool(mifid.compute() > 1e4)
    True
    """

    real_features: list[Tensor]
    fake_features: list[Tensor]

    def __init__(
        self,
        feature: int | torch.nn.Module = 2048,
        reset_real_features: bool = True,
        normalize: bool = False,
        cosine_distance_eps: float = 0.1,
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
        eps = as_value(as_positive, f"{self._label}: cosine_distance_eps", cosine_distance_eps)
        if eps > 1.0:
            raise ValueError(
                f"{self._label}: cosine_distance_eps is {eps}, expected a number in (0, 1]"
            )
        self.cosine_distance_eps = eps
        for side in ("real", "fake"):
            self.add_state(f"{side}_features", [], dist_reduce_fx="cat")

    def _add(self, features: Tensor, side: str) -> None:
        """Add features (n, d) to one side."""
        getattr(self, f"{side}_features").append(features)

    def compute(self) -> Tensor:
        """Return MiFID, a scalar of the features' type.

        Raises
        ------
        ValueError
            Where there are fewer than 2 images of a kind.
        """
        # In float64: directions rounded to float32 would leave 1 - cos of copies no digits.
        real, fake = (self._rows(f"{side}_features").double() for side in ("real", "fake"))
        eps = self.cosine_distance_eps
        found = parzen.mifid(real, fake, cosine_distance_eps=eps, over="real")
        record = found.provenance | self._network_record()
        self._estimated = Estimate(found, found.stderr, record)
        (value,) = self._numbers(self._estimated)
        return value
