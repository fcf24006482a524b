"""Precision, recall, density, coverage: overlap of two samples' nearest-neighbour balls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from parzen import _core
from parzen._arrays import as_pair, center_of, distance_magnitude, extent, fit_range
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, as_seed, check_choice
from parzen._shares import share_stderr
from parzen.protocols import AnyProtocol, recorded, rules_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from parzen._core import Progress
    from parzen._samples import AnySamples

    Terms: TypeAlias = NDArray[np.float64] | NDArray[np.bool_]


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
    halves: int = 0,
    seed: int = 0,
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
    halves
        From how many random halves of both samples the standard errors are taken, at a quarter of
        the cost each; 20 are enough. 0: standard errors that hold the balls fixed.
    seed
        Of the halves.
    progress
        Called with the fraction done.

    Returns
    -------
    PrecisionRecall
        Four pure numbers. With ``halves=0`` their standard errors are those of a mean over the
        samples that are counted (fake for precision and density, real for recall and coverage),
        with the balls held fixed: a lower bound, half of the truth or less, since the balls are
        random too; `Estimate.interval` warns of it. With halves they are the spread over these:
        that of a half is, to first order, sqrt(2) times that of the whole, of which a half without
        replacement shows 1/sqrt(2). A share of exactly 0 or 1 that shows no spread has 1/(2(n+1)),
        n the samples counted (see `Estimate.interval`); a density of 0 has none.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described or k is not below n and m.

    References
    ----------
    Kynkaanniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019, equation 2. Naeem et al., "Reliable fidelity and diversity metrics for
    generative models", ICML 2020, equations 3 and 4. Halves: Shao and Wu, "A general theory for
    jackknife variance estimation", Annals of Statistics 17, 1989: the delete-d jackknife holds for
    statistics that are not smooth, with d of the order of n.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 400, 4))
    >>> parzen.precision_recall(real, fake / 10).recall < 0.1
    True
    >>> tuple(map(float, parzen.precision_recall(real, real[::-1])[:2]))
    (1.0, 1.0)
    """
    x, y = as_pair(
        real, fake, function="precision_recall", names=("real", "fake"), min_rows=2, on_device=True
    )
    k = as_integer("precision_recall: k", k, 1)
    check_choice("precision_recall: boundary", boundary, ("inside", "outside"))
    halves, seed = _halves(halves), as_seed("precision_recall: seed", seed)
    if protocol is not None:
        given = {"k": (k, 3), "boundary": (boundary, "inside")}
        rules = rules_of("precision_recall", protocol, "precision_recall", **given)
        k, boundary = rules.k, rules.boundary
    for name, rows in (("real", len(x)), ("fake", len(y))):
        if k >= rows:
            raise ValueError(
                f"precision_recall: k is {k}, {name} has {rows} samples; pass k<={rows - 1}"
            )
        if halves and k >= rows // 2:
            raise ValueError(
                f"precision_recall: k is {k}, half of {name} has {rows // 2} samples; pass halves=0"
            )
    x, y = fit_range("precision_recall", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    share = 4.0 / (4.0 + halves)  # a pair of halves is a quarter of the pairs
    terms = _terms(x, y, k, boundary, part(progress, 0.0, share))
    facts = {"k": k, "boundary": boundary, **recorded(protocol)}
    if halves == 0:
        fixed = {"lower_bound": "the balls are held fixed; pass halves=20"}
        record = provenance("precision_recall", x, y, **fixed, **facts)
        return _estimates(terms, [v.std(ddof=1) / math.sqrt(len(v)) for v in terms], record)
    freedom = {"halves": halves, "seed": seed, "degrees_of_freedom": halves - 1}
    record = provenance("precision_recall", x, y, **freedom, **facts)
    random = np.random.default_rng(seed)
    found = np.empty((halves, 4))
    for i in range(halves):
        half_x, half_y = (
            z[np.sort(random.choice(len(z), len(z) // 2, replace=False))] for z in (x, y)
        )
        step = part(progress, *(share + (1.0 - share) * np.array([i, i + 1]) / halves))
        found[i] = [values.mean() for values in _terms(half_x, half_y, k, boundary, step)]
    return _estimates(terms, found.std(axis=0, ddof=1).tolist(), record)


def _terms(
    x: AnySamples, y: AnySamples, k: int, boundary: str, progress: Callable[[float], None] | None
) -> tuple[Terms, Terms, Terms, Terms]:
    """Return what precision, recall, density and coverage are the means of."""
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
        x, radii[0], y, radii[1], center=center, progress=part(progress, second, 1.0)
    )
    if progress is not None:
        progress(1.0)
    return balls_about_fake > 0, balls_about_real > 0, balls_about_fake / k, fakes_held > 0


def _halves(halves: object) -> int:
    number = as_integer("precision_recall: halves", halves, 0)
    if number == 1:
        raise ValueError("precision_recall: halves is 1, expected 0 or at least 2")
    return number


def _estimates(
    terms: tuple[Terms, Terms, Terms, Terms], errors: list[float], record: dict[str, object]
) -> PrecisionRecall:
    found = {}
    for name, values, error in zip(PrecisionRecall._fields, terms, errors, strict=True):
        value = float(values.mean())
        if name == "density":
            # That no ball holds a sample says nothing of how many would hold another.
            found[name] = Estimate(value, error if value > 0.0 else None, record)
        else:
            error = share_stderr(value, float(error), len(values))
            found[name] = Estimate(value, error, {**record, "range": [0.0, 1.0]})
    return PrecisionRecall(**found)
