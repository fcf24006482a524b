"""Realism: how deep inside the manifold of real samples each fake one lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._estimate import part
from parzen._options import as_integer

if TYPE_CHECKING:
    from parzen._core import Progress


def realism(
    real: object, fake: object, *, k: int = 3, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return the realism of each fake sample.

    R(y) = max_i r_i / |x_i - y| over real balls, r_i the distance from x_i to its k-th nearest
    neighbour among the real samples, itself not counted. At least 1 where y is in some ball.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d).
    k
        1 <= k < n.
    progress
        Called with the fraction done.

    Returns
    -------
    array
        (m,), float64. Of the balls only those take part whose radius is at most the median: large
        ones, in sparse regions and around outliers, would make anything realistic. Infinity for a
        copy of a real sample whose ball takes part, so that a mean may be infinite: quantiles are
        not. No value tells copies from good samples; `authenticity` does.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described or k is not below n.

    References
    ----------
    Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models",
    NeurIPS 2019, section 5.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real = np.random.default_rng(0).normal(size=(500, 4))
    >>> inside, outside = parzen.realism(real, [[0.0] * 4, [9.0] * 4])
    >>> bool(inside > 1 > outside)
    True
    """
    k = as_integer("realism: k", k, 1)
    x, y = as_pair(real, fake, function="realism", names=("real", "fake"))
    if k >= len(x):
        raise ValueError(
            f"realism: k is {k}, real has {len(x)} samples; pass k<={len(x) - 1}"
            if len(x) > 1
            else "realism: real has 1 sample, expected at least 2"
        )
    check_range("realism", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    share = len(x) / (len(x) + len(y))
    center, step = center_of(x, y), part(progress, 0.0, share)
    squared_radii = _core.nearest(x, None, k, center=center, progress=step)[:, -1]
    kept = squared_radii <= np.median(squared_radii)
    balls, x = squared_radii[kept], x[kept]
    # The largest r^2 / |x - y|^2 is the smallest distance in units of each ball's radius. A ball of
    # no radius, about repeated samples, is near to copies only.
    with np.errstate(divide="ignore", over="ignore"):
        scales = np.minimum(1.0 / balls, np.finfo(np.float64).max)
    closest, ball = (
        found[:, 0]
        for found in _core.nearest(
            x, y, 1, numbers=True, scales=scales, center=center, progress=part(progress, share, 1.0)
        )
    )
    with np.errstate(divide="ignore"):
        scores: NDArray[np.float64] = 1.0 / np.sqrt(closest)
    scores[(closest > 0.0) & (balls[ball] == 0.0)] = 0.0
    return scores
