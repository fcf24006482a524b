"""The differences of several models' Frechet distance to one real sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtr

from parzen._estimate import Estimate, part, provenance
from parzen.metrics.fid_jackknife import replicates
from parzen.metrics.jackknife import blocks_of, jackknife

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples


class FIDModels:
    """FID of each model to the real sample, corrected for its bias, and tests of differences.

    The blocks of the real sample are the same for all models: what its noise does to both sides
    of a difference cancels.
    """

    test = "Student's t"

    def __init__(
        self,
        real: AnySamples,
        models: list[AnySamples],
        blocks: int,
        seed: int,
        progress: Progress | None,
    ) -> None:
        self.real, self.models, self.blocks = real, models, blocks
        random = np.random.default_rng(seed)
        shared = blocks_of(len(real), blocks, random)
        self.sizes = [[len(rows) for rows in shared]]
        self.found = []
        for i, model in enumerate(models):
            own = blocks_of(len(model), blocks, random)
            self.sizes.append([len(rows) for rows in own])
            step = part(progress, i / len(models), (i + 1) / len(models))
            self.found.append(replicates(real, model, [shared, own], ddof=1, progress=step))

    def value(self, i: int) -> Estimate:
        """Return FID of a model, less its estimated bias."""
        whole, by_real, by_model = self.found[i]
        sides = [jackknife(whole, by_real, self.sizes[0])]
        sides.append(jackknife(whole, by_model, self.sizes[i + 1]))
        freedom = 2 * (self.blocks - 1)
        return _estimate(whole, sides, self._record(freedom, self.models[i]))

    def difference(self, i: int, j: int, progress: Progress | None) -> tuple[Estimate, float]:
        """Return the corrected FID of model i less that of j, and the p-value of no difference."""
        (a, a_by_real, a_by_model), (b, b_by_real, b_by_model) = self.found[i], self.found[j]
        sides = [
            jackknife(a - b, a_by_real - b_by_real, self.sizes[0]),
            jackknife(a, a_by_model, self.sizes[i + 1]),
            jackknife(-b, -b_by_model, self.sizes[j + 1]),
        ]
        freedom = 3 * (self.blocks - 1)
        gap = _estimate(a - b, sides, self._record(freedom, self.models[i], self.models[j]))
        if progress is not None:
            progress(1.0)
        assert gap.stderr is not None
        t = abs(gap) / gap.stderr if gap.stderr > 0.0 else math.copysign(math.inf, abs(gap))
        return gap, 1.0 if gap == 0.0 else 2.0 * float(stdtr(freedom, -t))

    def _record(self, freedom: int, *models: AnySamples) -> dict[str, Any]:
        facts = {"blocks": self.blocks, "degrees_of_freedom": freedom}
        record = provenance("fid, corrected", self.real, models[0], **facts)
        if len(models) > 1:
            record["m"] = tuple(len(model) for model in models)
        return record


def _estimate(whole: float, sides: list[Any], record: dict[str, Any]) -> Estimate:
    bias = math.fsum(side.bias for side in sides)
    stderr = math.sqrt(math.fsum(side.variance for side in sides))
    return Estimate(whole - bias, stderr, record)
