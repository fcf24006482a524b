"""What the metrics between real and fake images share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .feature_metric import FeatureMetric
from .options import as_flag


class TwoSampleMetric(FeatureMetric):
    """A metric between real and fake images."""

    higher_is_better: bool = False

    def __init__(self, *args: Any, reset_real_features: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reset_real_features = as_flag(
            f"{self._label}: reset_real_features", reset_real_features
        )
        # Metrics whose states are equal share them in a MetricCollection, and are reset together:
        # one that keeps its real images must not be taken for one that forgets them.
        kept = torch.tensor(int(not self.reset_real_features))
        self.add_state("real_is_kept", kept, dist_reduce_fx="max")

    def update(self, imgs: Tensor, real: bool) -> None:
        """Add a batch of images.

        Parameters
        ----------
        imgs
            uint8 (n, 3, h, w); with ``normalize=True`` floats in 0..1. What a network of your own
            takes.
        real
            Whether they are real; else fake.

        Raises
        ------
        TypeError, ValueError
            Where images or features are not as described; nothing has been added then.
        """
        self._add(self._extract(imgs), "real" if real else "fake")

    def _add(self, features: Tensor, side: str) -> None:
        """Add features (n, d) to one side."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all samples, the real ones unless ``reset_real_features=False``."""
        kept = {} if self.reset_real_features else self._real_defaults()
        for name in kept:
            del self._defaults[name]
        super().reset()
        self._defaults.update(kept)

    def _real_defaults(self) -> dict[str, Any]:
        return {name: value for name, value in self._defaults.items() if name.startswith("real_")}

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        incoming_state = {"real_is_kept": self.real_is_kept, **incoming_state}
        if self._in_forward and not self.reset_real_features:
            # The reset before the batch has kept them: added once more they would count twice.
            incoming_state = {**incoming_state, **self._real_defaults()}
        super()._reduce_states(incoming_state)
