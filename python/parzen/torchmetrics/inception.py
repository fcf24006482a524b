"""Inception Score, from the logits of all images."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from parzen._arrays import as_samples, check_range, extent
from parzen._options import as_integer
from parzen.metrics.inception_score import score_of
from parzen.metrics.logits import check_logits
from parzen.protocols import rules_of

from .draws import global_permutation
from .feature_metric import FeatureMetric
from .networks import LAYERS_AND_LOGITS, Feature, Weights
from .options import as_value


class InceptionScore(FeatureMetric):
    """Inception Score as a metric of torchmetrics; see `parzen.inception_score` for the number.

    Images are shuffled by the global ``torch.randperm`` as in torchmetrics: after the same
    ``torch.manual_seed`` the number is the same. In several processes each draws its own.

    Parameters
    ----------
    feature
        ``"logits_unbiased"``, or another layer of Inception: 64, 192, 768, 2048; or a
        `torch.nn.Module` from images to logits (n, classes).
    splits
        The score is taken of each of at most so many parts of ceil(n / splits) images.
    normalize
        Whether images are floats in 0..1, and not uint8; such become uint8 for a network of your
        own too.
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
        Where arguments are not as described; from `compute`, where there are no images.

    Examples
    --------
    >>> import torch
    >>> from parzen.torchmetrics import InceptionScore
    >>> score = InceptionScore(torch.nn.Flatten(), splits=2)
    >>> score.update(1e3 * torch.eye(10).repeat(20, 1))
    >>> mean, std = score.compute()
    >>> bool(8 < mean <= 10)
    True
    """

    higher_is_better: bool = True
    plot_lower_bound: float = 0.0
    bytes_for_any_network: bool = True

    features: list[Tensor]

    def __init__(
        self,
        feature: Feature = "logits_unbiased",
        splits: int = 10,
        normalize: bool = False,
        feature_extractor_weights_path: Weights = None,
        antialias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            feature,
            LAYERS_AND_LOGITS,
            normalize,
            feature_extractor_weights_path,
            antialias,
            **kwargs,
        )
        self.splits = as_value(as_integer, f"{self._label}: splits", splits, 1)
        self.add_state("features", [], dist_reduce_fx="cat")

    def update(self, imgs: Tensor) -> None:
        """Add a batch of images.

        Parameters
        ----------
        imgs
            uint8 (n, 3, h, w); with ``normalize=True`` floats in 0..1. What a network of your own
            takes.

        Raises
        ------
        TypeError, ValueError
            Where images or features are not as described; nothing has been added then.
        """
        self.features.append(self._extract(imgs))

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation (ddof 1) over splits.

        Scalars of the features' type; the deviation of one split is NaN.

        Raises
        ------
        ValueError
            Where there are no images.
        """
        name = self._label
        logits = as_samples("logits", self._rows("features"), function=name)
        check_range(name, extent(logits)[0], logits)
        check_logits(name, logits)
        order = global_permutation(len(logits))
        rules = dataclasses.replace(
            rules_of(name, "torchmetrics", "inception_score"), splits=self.splits
        )
        found = score_of(logits, order, rules, None, self._network_record(), None)
        self._estimated = found
        parts = found.mean.provenance["splits"]
        mean, std = self._numbers(found.mean, found.std if parts > 1 else None)
        return mean, std
