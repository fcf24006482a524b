"""The bandwidth of a kernel density estimate: by rule of thumb, or by leave-one-out likelihood."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parzen._arrays import center_of, check_range, distance_magnitude, extent
from parzen._device import DeviceSamples
from parzen._options import as_positive, check_choice
from parzen.metrics.covariance import total_variance
from parzen.metrics.log_density import leave_one_out
from parzen.metrics.radial import Vector, spread

if TYPE_CHECKING:
    from parzen._core import Samples
    from parzen._samples import AnySamples

RULES = ("scott", "silverman", "cv")
CHUNK_ROWS = 4096
LEAST_WEIGHT = 1e-300  # of the largest: what is left of a smaller one has lost digits

# The grid of "cv": factors of 10^(1/10) from a tenth to ten times the middle, then of 10^(1/50)
# about the best.
COARSE_STEPS, COARSE_RATIO = 10, 10.0**0.1
FINE_STEPS, FINE_RATIO = 4, 10.0**0.02


class BandwidthWarning(UserWarning):
    """The best bandwidth is the smallest or the largest of those compared."""


class Bandwidth(NamedTuple):
    """A bandwidth and how it was chosen: the bandwidths compared and their likelihoods, if any."""

    value: float
    rule: str
    compared: Vector | None = None
    log_likelihoods: Vector | None = None


def choose_bandwidth(
    wanted: object, x: AnySamples, weights: Vector | None, kernel: str
) -> Bandwidth:
    """Return the bandwidth that `wanted`, a number, a rule's name or a sequence, stands for."""
    what = "KernelDensity: bandwidth"
    if isinstance(wanted, str):
        check_choice(what, wanted, RULES, " or a number > 0 or a sequence of them")
        h = rule_of_thumb(wanted, x, weights)
        if wanted != "cv":
            return Bandwidth(h, wanted)
        middle = h / spread(kernel, x.shape[1])
        steps = np.arange(-COARSE_STEPS, COARSE_STEPS + 1)
        choice = _best(middle * COARSE_RATIO**steps, x, weights, kernel)
        choice = _refined(choice, x, weights, kernel)
    elif isinstance(wanted, Sequence | np.ndarray) and np.ndim(wanted) == 1:
        candidates = [as_positive(f"{what}[{i}]", h) for i, h in enumerate(wanted)]
        if not candidates:
            raise ValueError(f"{what} is an empty sequence, expected at least one number > 0")
        choice = _best(np.unique(candidates), x, weights, kernel)
    else:
        return Bandwidth(as_positive(what, wanted), "given")
    _warn_at_the_edge(choice)
    return choice


def rule_of_thumb(rule: str, x: AnySamples, weights: Vector | None) -> float:
    """Return Scott's or Silverman's bandwidth, with one spread for all columns: sqrt(Tr S/d).

    Scott's also for ``"cv"``, whose grid lies about it.
    """
    n, d = x.shape
    w = np.ones(n) if weights is None else weights / weights.max()
    total, squares = math.fsum(w), math.fsum(w * w)
    effective = total * total / squares
    if effective <= 1.0:
        raise ValueError(
            f"KernelDensity: bandwidth {rule!r} needs a spread, there is 1 sample (of weight > 0); "
            f"pass bandwidth=<number>"
        )
    check_range("KernelDensity", distance_magnitude(d, *extent(x)), x)
    if isinstance(x, DeviceSamples):
        if weights is not None:
            raise ValueError(
                f"KernelDensity: bandwidth {rule!r} has no rule for weighted samples on a device; "
                f"pass bandwidth=<number>, or the samples' .cpu()"
            )
        variance = total_variance(x, center_of(x).astype(np.float64))
    else:
        variance = _weighted_scatter(x, w, total) / (total - squares / total)
    deviation = math.sqrt(variance / d)
    h: float = deviation * effective ** (-1.0 / (d + 4))
    if rule == "silverman":
        h *= (4.0 / (d + 2)) ** (1.0 / (d + 4))
    if h == 0.0:
        raise ValueError(
            f"KernelDensity: bandwidth {rule!r} is 0, all samples are equal; "
            f"pass bandwidth=<number>"
        )
    return h


def _weighted_scatter(x: Samples, w: Vector, total: float) -> float:
    """Return sum_i w_i |x_i - mean|^2, the mean weighted as well."""
    chunks = [slice(start, start + CHUNK_ROWS) for start in range(0, len(x), CHUNK_ROWS)]
    mean = np.sum([w[rows] @ x[rows].astype(np.float64) for rows in chunks], axis=0) / total
    return math.fsum(w[rows] @ np.square(x[rows] - mean).sum(axis=1) for rows in chunks)


def _best(candidates: Vector, x: AnySamples, weights: Vector | None, kernel: str) -> Bandwidth:
    """Return that of the ascending candidates with the largest mean leave-one-out likelihood."""
    rows = np.arange(len(x))
    if weights is not None:
        weights = weights / weights.max()
        rows = np.flatnonzero(weights > LEAST_WEIGHT)
        x, weights = (x if len(rows) == len(x) else x[rows]), weights[rows]
    if len(x) < 2:
        raise ValueError(
            "KernelDensity: a bandwidth chosen by leaving one out needs 2 samples (of weight > 0), "
            "there is 1; pass bandwidth=<number>"
        )
    values = leave_one_out("KernelDensity", x, candidates.tolist(), kernel, weights)
    share = np.full(len(x), 1.0 / len(x)) if weights is None else weights / math.fsum(weights)
    means = np.array([math.fsum(row) for row in values * share])
    best = int(means.argmax())
    if means[best] == -math.inf:
        lonely = rows[int(values[-1].argmin())]
        raise ValueError(
            f"KernelDensity: no bandwidth up to {candidates[-1]:.4g} gives kernel {kernel!r} a "
            f"leave-one-out likelihood above 0, because row {lonely} of X has no other sample so "
            f"near; pass larger ones or kernel='gaussian'"
        )
    return Bandwidth(float(candidates[best]), "cv", candidates, means)


def _refined(coarse: Bandwidth, x: AnySamples, weights: Vector | None, kernel: str) -> Bandwidth:
    """Return the best of the coarse grid and of a finer one about its best."""
    assert coarse.compared is not None
    assert coarse.log_likelihoods is not None
    if coarse.value in coarse.compared[[0, -1]]:
        return coarse
    steps = np.array([s for s in range(-FINE_STEPS, FINE_STEPS + 1) if s != 0])
    fine = _best(coarse.value * FINE_RATIO**steps, x, weights, kernel)
    compared = np.concatenate([coarse.compared, fine.compared])
    means = np.concatenate([coarse.log_likelihoods, fine.log_likelihoods])
    order = np.argsort(compared)
    compared, means = compared[order], means[order]
    return Bandwidth(float(compared[means.argmax()]), "cv", compared, means)


def _warn_at_the_edge(choice: Bandwidth) -> None:
    assert choice.compared is not None
    if len(choice.compared) == 1 or choice.value not in choice.compared[[0, -1]]:
        return
    where, advice = "largest", "pass larger ones"
    if choice.value == choice.compared[0]:
        where, advice = (
            "smallest",
            "pass smaller ones, or drop repeated samples: they drive it to 0",
        )
    warnings.warn(
        f"KernelDensity: the best bandwidth, {choice.value:.4g}, is the {where} of the "
        f"{len(choice.compared)} compared; {advice}",
        BandwidthWarning,
        stacklevel=5,  # the caller of fit
    )
