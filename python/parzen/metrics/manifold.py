"""Precision, recall, density, coverage: overlap of two samples' nearest-neighbour balls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from parzen import _core
from parzen._arrays import as_pair, center_of, distance_magnitude, extent, fit_range
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer

if TYPE_CHECKING:
    import numpy as np
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
    real: object, fake: object, *, k: int = 3, progress: Progress | None = None
) -> PrecisionRecall:
    """Return precision, recall, density and coverage of fake samples against real ones.

    The ball of a sample reaches to its k-th nearest neighbour in its own set, itself not counted;
    a point on the radius is inside, for all four.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d).
    k
        1 <= k < n, m.
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
    radii_x = _core.nearest(x, None, k, center=center, progress=part(progress, 0.0, first))[:, -1]
    radii_y = _core.nearest(y, None, k, center=center, progress=part(progress, first, second))[
        :, -1
    ]
    fakes_held, balls_about_fake, _, balls_about_real = _core.ball_counts(
        x,
        radii_x.copy(),
        y,
        radii_y.copy(),
        center=center,
        progress=part(progress, second, 1.0),
    )
    if progress is not None:
        progress(1.0)
    record = provenance("precision_recall", x, y, k=k)
    return PrecisionRecall(
        _mean(balls_about_fake > 0, record),
        _mean(balls_about_real > 0, record),
        _mean(balls_about_fake / k, record),
        _mean(fakes_held > 0, record),
    )


def _mean(terms: NDArray[np.float64] | NDArray[np.bool_], record: dict[str, object]) -> Estimate:
    return Estimate(terms.mean(), terms.std(ddof=1) / math.sqrt(len(terms)), record)
