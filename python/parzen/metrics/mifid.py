"""The memorization-informed Frechet distance: FID over how far samples are from copies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._copies import warn_of_copies
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_positive, check_choice
from parzen.metrics.covariance import mean_about
from parzen.metrics.directions import BLOCK_ROWS, nonzero_rows, unit_rows
from parzen.metrics.frechet import distance, warn_of_bias

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

# |fid(x, x)| is at most this part of the traces of the covariances.
FRECHET_ROUNDING = 1e-10
LEAST_DISTANCE = 1e-14  # added to the divisor, as torchmetrics does: copies divide by no zero


def mifid(
    real: object,
    fake: object,
    *,
    cosine_distance_eps: float = 0.1,
    over: Literal["fake", "real"] = "fake",
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
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        In the squared unit of the features; FID and D before the threshold are in its provenance.
        No standard error is known. Where FID is no more than rounding (1e-10 of the covariances'
        traces) it is 0, also for copies.

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
    generative modeling with a large-scale competition", KDD 2021.

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
    check_range("mifid", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    warn_of_bias("mifid", len(x), len(y), x.shape[1], stacklevel=3)
    directions = [_directions(name, rows) for name, rows in (("real", x), ("fake", y))]
    center = center_of(x, y).astype(np.float64)
    frechet, method = distance(x, y, center, 1, part(progress, 0.0, 0.5))
    among, queries = directions if over == "fake" else directions[::-1]
    nearest = float(
        nearest_cosine_distances(among, queries, part(progress, 0.5, 1.0)).mean(dtype=np.float64)
    )
    if progress is not None:
        progress(1.0)
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
    )
    if frechet <= FRECHET_ROUNDING * (_total_variance(x, center) + _total_variance(y, center)):
        return Estimate(0.0, None, record)
    value = frechet / (nearest + LEAST_DISTANCE if nearest < eps else 1.0)
    if not math.isfinite(value):
        raise ValueError("mifid: the quotient overflows float64; rescale the features")
    return Estimate(value, None, record)


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


def _total_variance(x: Samples, center: NDArray[np.float64]) -> float:
    """Return the trace of the covariance."""
    mean = center + mean_about(x, center)
    total = 0.0
    for start in range(0, len(x), BLOCK_ROWS):
        total += float(np.square(x[start : start + BLOCK_ROWS] - mean).sum())
    return total / (len(x) - 1)


def _directions(name: str, x: Samples) -> Samples:
    """Return rows of length 1, in float64: rounded to float32 near ones lose half their digits."""
    kept = nonzero_rows(x)
    if not kept.any():
        raise ValueError(f"mifid: {name} has rows of zeros only, which have no direction")
    directions: Samples = unit_rows(x if kept.all() else x.compress(kept, axis=0), np.float64)
    return directions
