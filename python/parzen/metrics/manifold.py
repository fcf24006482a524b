"""Precision, recall, density, coverage: overlap of two samples' nearest-neighbour balls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from parzen import _core
from parzen._arrays import as_pair, center_of, distance_magnitude, extent, fit_range
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, check_choice
from parzen.protocols import AnyProtocol, recorded, rules_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from parzen._core import Progress


class PrecisionRecall(NamedTuple):
    """How far two samples cover each other.

    Attributes
    ----------
    precision
        The share of fake samples inside some real ball.
    recall
        The share of real samples inside some fake ball.
    density
        The mean number of real balls that hold a fake sample, over k; near 1 for equal
        distributions, not bounded by 1.
    coverage
        The share of real balls that hold a fake sample.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def precision_recall(
    real: object,
    fake: object,
    *,
    k: int = 3,
    boundary: Literal["inside", "outside"] = "inside",
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> PrecisionRecall:
    """Return precision, recall, density and coverage of fake samples against real ones.

    The ball of a sample reaches to its k-th nearest neighbour in its own set, itself not counted.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d).
    k
        1 <= k < n, m.
    boundary
        Whether a point just on the radius counts as inside, for all four: ``"inside"``, as
        torch-fidelity has it, or ``"outside"``, as prdc does. It matters where there are ties.
    protocol
        A package whose k and boundary are taken instead; see `parzen.protocol`.
    progress
        Called with the fraction done.

    Returns
    -------
    PrecisionRecall
        Four pure numbers. Their standard errors are those of a mean over the samples that are
        counted (fake for precision and density, real for recall and coverage), with the balls
        held fixed: a lower bound, since the balls are random too.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described or k is not below n and m.

    References
    ----------
    Kynkaanniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019, equation 2. Naeem et al., "Reliable fidelity and diversity metrics for
    generative models", ICML 2020, equations 3 and 4.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 400, 4))
    >>> parzen.precision_recall(real, fake / 10).recall < 0.1
    True
    >>> tuple(map(float, parzen.precision_recall(real, real)[:2]))
    (1.0, 1.0)
    """
    x, y = as_pair(real, fake, function="precision_recall", names=("real", "fake"), min_rows=2)
    k = as_integer("precision_recall: k", k, 1)
    check_choice("precision_recall: boundary", boundary, ("inside", "outside"))
    if protocol is not None:
        given = {"k": (k, 3), "boundary": (boundary, "inside")}
        rules = rules_of("precision_recall", protocol, "precision_recall", **given)
        k, boundary = rules.k, rules.boundary
    for name, rows in (("real", len(x)), ("fake", len(y))):
        if k >= rows:
            raise ValueError(
                f"precision_recall: k is {k}, {name} has {rows} samples; pass k<={rows - 1}"
            )
    x, y = fit_range("precision_recall", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    # One center for all three calls: a pair's squared distance then has the same bits as a radius
    # and as a distance.
    center = center_of(x, y)
    n, m = len(x), len(y)
    pairs = n * n / 2 + m * m / 2 + n * m
    first, second = n * n / 2 / pairs, 1.0 - n * m / pairs
    radii = []
    for sample, step in ((x, part(progress, 0.0, first)), (y, part(progress, first, second))):
        farthest = _core.nearest(sample, None, k, center=center, progress=step)[:, -1].copy()
        if boundary == "outside":  # strictly within r^2 is within the number below it
            farthest = np.where(
                farthest > 0.0, np.nextafter(farthest, 0.0), farthest.dtype.type(-1)
            )
        radii.append(farthest)
    fakes_held, balls_about_fake, _, balls_about_real = _core.ball_counts(
        x,
        radii[0],
        y,
        radii[1],
        center=center,
        progress=part(progress, second, 1.0),
    )
    if progress is not None:
        progress(1.0)
    record = provenance("precision_recall", x, y, k=k, boundary=boundary, **recorded(protocol))
    return PrecisionRecall(
        _mean(balls_about_fake > 0, record),
        _mean(balls_about_real > 0, record),
        _mean(balls_about_fake / k, record),
        _mean(fakes_held > 0, record),
    )


def _mean(terms: NDArray[np.float64] | NDArray[np.bool_], record: dict[str, object]) -> Estimate:
    return Estimate(terms.mean(), terms.std(ddof=1) / math.sqrt(len(terms)), record)
