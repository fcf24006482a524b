"""The differences of several models' Frechet distance to one real sample."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from parzen._estimate import Estimate, part, provenance
from parzen.metrics.fid_jackknife import LEAST, enough_for, few, replicates
from parzen.metrics.frechet import SmallSampleWarning
from parzen.metrics.jackknife import Jackknife, blocks_of, jackknife, together

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples


class FIDModels:
    """FID of each model to the real sample, corrected for its bias, and tests of differences.

    The blocks of the real sample are the same for all models: what its noise does to both sides
    of a difference cancels. So does, in models that are alike, what the correction leaves of the
    bias: it depends on m, so that every model is taken at as many random rows as the smallest has.
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
        self.real, self.blocks = real, blocks
        random = np.random.default_rng(seed)
        shared = blocks_of(len(real), blocks, random)
        self.sizes = [[len(rows) for rows in shared]]
        self.given = [len(model) for model in models]
        self.models = _of_equal_size(models, random)
        self.found = []
        for i, model in enumerate(self.models):
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
        return _estimate(whole, sides, self._record(freedom, i))

    def difference(self, i: int, j: int, progress: Progress | None) -> tuple[Estimate, None]:
        """Return the corrected FID of model i less that of j; there are no permutations of it."""
        (a, a_by_real, a_by_model), (b, b_by_real, b_by_model) = self.found[i], self.found[j]
        sides = [
            jackknife(a - b, a_by_real - b_by_real, self.sizes[0]),
            jackknife(a, a_by_model, self.sizes[i + 1]),
            jackknife(-b, -b_by_model, self.sizes[j + 1]),
        ]
        freedom = 3 * (self.blocks - 1)
        gap = _estimate(a - b, sides, self._record(freedom, i, j))
        if progress is not None:
            progress(1.0)
        return gap, None

    def _record(self, freedom: int, *models: int) -> dict[str, Any]:
        given = tuple(self.given[i] for i in models)
        return provenance(
            "fid, corrected",
            self.real,
            self.models[models[0]],
            given=given if len(given) > 1 else given[0],
            blocks=self.blocks,
            degrees_of_freedom=freedom,
        )


def _of_equal_size(models: list[AnySamples], random: np.random.Generator) -> list[AnySamples]:
    """Return random rows of each model, as many as the smallest has; of that one, all."""
    m = min(len(model) for model in models)
    return [
        model if len(model) == m else model[np.sort(random.choice(len(model), m, replace=False))]
        for model in models
    ]


def _estimate(whole: float, sides: list[Jackknife], record: dict[str, Any]) -> Estimate:
    found = together(sides)
    return Estimate(whole - found.bias, math.sqrt(found.variance), record)


def too_few(sizes: Mapping[str, int], d: int) -> str:
    """Return why FID cannot be corrected of so few rows, in words; nothing where it can."""
    small = few(sizes, LEAST * d, d)
    return small and f"{small}; FID cannot be freed of its bias below {LEAST * d} ({LEAST} d)"


def check_sizes(function: str, real: AnySamples, models: Mapping[str, AnySamples]) -> None:
    """Refuse samples whose FID cannot be corrected, warn where a part of its bias is left."""
    d = real.shape[1]
    sizes = {"real": len(real), **{f"models[{name!r}]": len(s) for name, s in models.items()}}
    if missing := too_few(sizes, d):
        raise ValueError(
            f"{function}: {missing}: pass more samples, or metric='kid', which is unbiased"
        )
    if small := few(sizes, enough := enough_for(d), d):
        warnings.warn(
            f"{function}: {small}; below {enough} up to 2 % of FID's bias is left in `values`, "
            f"beside which their intervals may be too narrow; in differences of models that are "
            f"alike it cancels. Pass more samples, or metric='kid', which is unbiased",
            SmallSampleWarning,
            stacklevel=3,
        )
