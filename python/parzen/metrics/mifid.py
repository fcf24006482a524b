"""The memorization-informed Frechet distance: FID over how far samples are from copies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._copies import warn_of_copies
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_positive, as_seed, check_choice
from parzen.metrics.covariance import total_variance
from parzen.metrics.directions import nonzero_rows, unit_rows
from parzen.metrics.fid_jackknife import replicates
from parzen.metrics.frechet import distance, warn_of_bias
from parzen.metrics.jackknife import Rows, jackknife, two_sample_blocks

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

# |fid(x, x)| is at most this part of the traces of the covariances.
FRECHET_ROUNDING = 1e-10
ESTIMAND = "its expectation at this m, beside this real sample"
LEAST_DISTANCE = 1e-14  # added to the divisor, as torchmetrics does: copies divide by no zero


def mifid(
    real: object,
    fake: object,
    *,
    cosine_distance_eps: float = 0.1,
    over: Literal["fake", "real"] = "fake",
    blocks: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimate:
    """Return the memorization-informed FID: FID divided by the mean distance to the nearest copy.

    MiFID = FID / D, D = mean_j min_i 1 - |cos(x_i, y_j)| where that is below
    `cosine_distance_eps`, and 1 elsewhere: a generator that hands out training samples has a low
    FID, and a high MiFID.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), n, m >= 2; `real` those that the generator was trained on.
    cosine_distance_eps
        In (0, 1]: D from which on nothing counts as memorized.
    over
        ``"fake"``: D is the mean over fake samples of the distance to the nearest real one, as in
        the paper. ``"real"``: over real samples, to the nearest fake one, as in torchmetrics, whose
        number it gives.
    blocks
        Of the standard error, by the jackknife: the fake sample is split at random into so many
        blocks, and FID and D are taken again without each of them; n, m >= 2 `blocks`. It costs
        so many Frechet distances more. None: no standard error.
    seed
        Of the blocks; the value itself does not depend on it.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        In the squared unit of the features; FID and D before the threshold are in its provenance.
        Where FID is no more than rounding (1e-10 of the covariances' traces) it is 0, also for
        copies, and has no standard error. The standard error is that of another fake sample beside
        the same real one, which is what the generator was trained on and no draw of the moment; it
        holds on the side of the threshold on which D is.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described, or a sample has rows of zeros only. Other
        rows of zeros have no direction: D leaves them out, and the provenance counts them.

    Warns
    -----
    SmallSampleWarning
        Where n or m is below 2 d, as `fid` does.
    CopiedSampleWarning
        Where D is no more than 1e-14, which is added to it: all are copies, of any length. Of one
        sample twice FID is 0, and so is MiFID, the best value that there is.

    References
    ----------
    Bai, Lin, Raffel and Kan, "On training sample memorization: lessons from benchmarking
    generative modeling with a large-scale competition", KDD 2021. The jackknife: Busing, Meijer
    and van der Leeden, "Delete-m jackknife for unequal m", Statistics and Computing 9, 1999.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 500, 8))
    >>> copies = real[:250] + 1e-3 * fake[:250]
    >>> parzen.mifid(real, copies) > 100 * parzen.mifid(real, fake)
    True
    """
    eps = as_positive("mifid: cosine_distance_eps", cosine_distance_eps)
    if eps > 1.0:
        raise ValueError(f"mifid: cosine_distance_eps is {eps}, expected a number in (0, 1]")
    check_choice("mifid: over", over, ("fake", "real"))
    x, y = as_pair(real, fake, function="mifid", names=("real", "fake"), min_rows=2)
    random = np.random.default_rng(as_seed("mifid: seed", seed))
    sizes = len(x), len(y)
    parts = None if blocks is None else two_sample_blocks("mifid", sizes, blocks, random)
    check_range("mifid", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    warn_of_bias("mifid", len(x), len(y), x.shape[1], stacklevel=3)
    directions = [_directions(name, rows) for name, rows in (("real", x), ("fake", y))]
    first = 1.0 if parts is None else 2.0 / (2.0 + len(parts[1]))  # the part of the value itself
    center = center_of(x, y).astype(np.float64)
    frechet, method = distance(x, y, center, 1, part(progress, 0.0, 0.5 * first))
    among, queries = directions if over == "fake" else directions[::-1]
    step = part(progress, 0.5 * first, first)
    distances = nearest_cosine_distances(among, queries, step)
    nearest = float(distances.mean(dtype=np.float64))
    if nearest <= LEAST_DISTANCE:
        one, other = ("fake", "real") if over == "fake" else ("real", "fake")
        warn_of_copies(
            f"mifid: every {one} sample has the direction of a {other} one (D is {nearest:.3g}): "
            f"they are copies, and MiFID is FID over the {LEAST_DISTANCE:g} that is added to D"
        )
    record = provenance(
        "mifid",
        x,
        y,
        method=method,
        cosine_distance_eps=eps,
        over=over,
        fid=frechet,
        distance=nearest,
        zero_rows=[len(x) - len(directions[0]), len(y) - len(directions[1])],
        blocks=blocks,
        seed=seed,
    )
    value, stderr = 0.0, None
    if frechet > FRECHET_ROUNDING * (total_variance(x, center) + total_variance(y, center)):

        def quotient(frechet: Any, distance: Any) -> Any:
            return frechet / (distance + LEAST_DISTANCE if nearest < eps else 1.0)

        value = float(quotient(frechet, nearest))
        if not math.isfinite(value):
            raise ValueError("mifid: the quotient overflows float64; rescale the features")
        if parts is not None:
            _, _, frechets = replicates(x, y, [[], parts[1]], 1, part(progress, first, 1.0))
            number = np.cumsum(kept := nonzero_rows(y)) - 1  # of each row with a direction
            inside = [number[rows[kept[rows]]] for rows in parts[1]]
            without = (
                _means_without(inside, distances)
                if over == "fake"
                else _means_to_the_rest(inside, *directions)
            )
            stderr = _stderr(value, quotient(frechets, without), parts[1])
            record |= {"degrees_of_freedom": len(parts[1]) - 1, "estimand": ESTIMAND}
    if progress is not None:
        progress(1.0)
    return Estimate(value, stderr, record)


def _stderr(value: float, without: NDArray[np.float64], blocks: Rows) -> float | None:
    """Return the jackknife's; None where a block has all directions, and nothing is left."""
    stderr = math.sqrt(jackknife(value, without, [len(rows) for rows in blocks]).variance)
    return stderr if math.isfinite(stderr) else None


def nearest_cosine_distances(
    among: Samples, queries: Samples, progress: Progress | None = None
) -> NDArray[np.floating]:
    """Return min_i 1 - |cos(x_i, q)| of each query, of rows of length 1: (m,).

    1 - cos = |u - v|^2 / 2 for u and v of length 1, which the engine has to full precision where
    1 - <u, v> cancels; the negative of v gives the other sign.
    """
    signs = (1, -1) if min(among.min(), queries.min()) < 0.0 else (1,)
    found = [
        _core.nearest(
            among, sign * queries, 1, progress=part(progress, i / len(signs), (i + 1) / len(signs))
        )[:, 0]
        for i, sign in enumerate(signs)
    ]
    halves: NDArray[np.floating] = np.minimum.reduce(found) / 2
    return halves


def _means_without(blocks: Rows, distances: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean distance of the fake samples without each block of them: (blocks,)."""
    rests = [np.delete(distances, rows).astype(np.float64) for rows in blocks]
    return np.array([rest.mean() if len(rest) else np.nan for rest in rests])


def _means_to_the_rest(blocks: Rows, real: Samples, fake: Samples) -> NDArray[np.float64]:
    """Return the mean distance of the real samples to the fake ones without each block: (blocks,).

    The nearest of all blocks but one is the least of the nearest in each.
    """
    within = np.full((len(blocks), len(real)), np.nan)
    for some, rows in zip(within, blocks, strict=True):
        if len(rows):
            some[:] = nearest_cosine_distances(fake[rows], real)
    rests = [np.delete(within, b, axis=0) for b in range(len(blocks))]
    return np.array([np.fmin.reduce(rest).mean() for rest in rests])  # past blocks without one


def _directions(name: str, x: Samples) -> Samples:
    """Return rows of length 1, in float64: rounded to float32 near ones lose half their digits."""
    kept = nonzero_rows(x)
    if not kept.any():
        raise ValueError(f"mifid: {name} has rows of zeros only, which have no direction")
    directions: Samples = unit_rows(x if kept.all() else x.compress(kept, axis=0), np.float64)
    return directions
