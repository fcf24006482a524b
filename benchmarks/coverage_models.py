"""What pairs of models are claimed to differ, and what FID's correction leaves of its bias.

Two tables of docs/statistics.md, by `python -m benchmarks.coverage`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import parzen
from parzen import Estimate

N, D = 150, 5
DIMENSIONS = {64: 5, 256: 25, 1024: 500}  # to how many replications of the others one is made


@dataclass(frozen=True)
class Claim:
    """Two models of which it is counted how often one is claimed nearer."""

    models: str
    name: str
    draw: Callable[[np.random.Generator], parzen.ModelDifference]


@dataclass(frozen=True)
class Correction:
    """A number of samples, as a multiple of their dimension, and what is left of FID's bias."""

    ratio: float

    @property
    def name(self) -> str:
        """For -k."""
        return f"`fid_jackknife(...).corrected`, n = {self.ratio:g} d"


def of_models(
    metric: Any, first: float, second: float, n: int = N
) -> Callable[[np.random.Generator], parzen.ModelDifference]:
    """Return the difference of two models, shifted from the real samples along one axis."""

    def draw(rng: np.random.Generator) -> parzen.ModelDifference:
        real, *samples = rng.standard_normal((3, n, D))
        for sample, shift in zip(samples, (first, second), strict=True):
            sample[:, 0] += shift
        models = dict(zip("ab", samples, strict=True))
        options = {"metric": metric, "seed": int(rng.integers(2**31))}
        if metric != "fid":
            options["permutations"] = 199
        return parzen.compare_models(models, real, **options).differences[0]

    return draw


def exact(metric: Any, n: int) -> Callable[[np.random.Generator], float]:
    """Return the p-value that should be uniform for two models of one distribution."""
    draw = of_models(metric, 0.7, 0.7, n)

    def p_value(rng: np.random.Generator) -> float:
        found = draw(rng)
        return found.asymptotic if found.permutation is None else found.permutation

    return p_value


CLAIMS = [
    Claim(models, f"`compare_models`, {metric.upper()}", of_models(metric, *shifts))
    for models, shifts in (
        ("of one distribution, that of the real", (0.0, 0.0)),
        ("of one distribution, 1 from the real", (1.0, 1.0)),
        ("equally far, different: 1 to either side", (1.0, -1.0)),
        ("the real one, and 0.5 from it", (0.0, 0.5)),
        ("0.7 and 1.2, to the same side", (0.7, 1.2)),
        ("0.7 and 1.2, to either side", (0.7, -1.2)),
    )
    for metric in ("kid", "mmd", "fid")
]


CORRECTIONS = [Correction(ratio) for ratio in (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)]


def claims(case: Claim, replications: int, seed: int) -> list[str]:
    """Return the line of the table: how often one is claimed nearer, and by permutation alone."""
    rng = np.random.default_rng(seed)
    found = [case.draw(rng) for _ in range(replications)]

    def share(p_values: list[Estimate]) -> str:
        claimed = np.mean([p <= 0.05 for p in p_values])
        error = np.sqrt(claimed * (1.0 - claimed) / replications)
        return f"{claimed:.1%} ± {error:.1%}"

    alone = [pair.permutation for pair in found if pair.permutation is not None]
    claimed = share([pair.p_value for pair in found])
    return [case.name, case.models, claimed, share(alone) if alone else ""]


def left_of_bias(case: Correction, replications: int, seed: int) -> list[str]:
    """Return the line of the table: what is left of the bias, as a share and in stderrs."""
    rng = np.random.default_rng(seed)
    cells = []
    for d, fewer in DIMENSIONS.items():
        n = round(case.ratio * d)
        truth = d * (0.3**2 + 0.1**2)
        found = [
            parzen.fid_jackknife(
                rng.standard_normal((n, d)), 1.1 * rng.standard_normal((n, d)) + 0.3
            )
            for _ in range(max(replications // fewer, 2))
        ]
        corrected = np.array([float(result.corrected) for result in found])
        bias = np.mean([float(result.value) for result in found]) - truth
        left = corrected.mean() - truth
        error = corrected.std(ddof=1) / np.sqrt(len(found))
        stderr = np.sqrt(np.mean([result.value.stderr**2 for result in found]))
        share = f"{left / bias:.1%} ± {error / bias:.1%}"
        cells += [share, f"{left / stderr:.1f}"]
    return [f"{case.ratio:g}", *cells]
