"""Authenticity: the share of fake samples that are no copies of training samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from parzen import _core
from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._estimate import Estimate, part, provenance
from parzen._shares import share_stderr

if TYPE_CHECKING:
    from parzen._core import Progress


def authenticity(real: object, fake: object, *, progress: Progress | None = None) -> Estimate:
    """Return the share of fake samples that are authentic.

    A fake sample is authentic where its nearest real sample is farther from it than from that
    real sample's own nearest real neighbour.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), n >= 2; `real` those that the generator was trained on.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        Between 0 (copies) and 1. Fresh samples of the real distribution are not at 1: at 1/3 in
        one dimension, at more in more, so that the authenticity of a held-out sample is
        what to compare with. Its standard error is that of a mean over the fake samples, with the
        real ones held fixed; of exactly 0 or 1, where these show no spread, 1/(2(m+1)). None of
        one fake sample.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described.

    References
    ----------
    Alaa, van Breugel, Saveliev and van der Schaar, "How faithful is your synthetic data?
    Sample-level metrics for evaluating and auditing generative models", ICML 2022.
    Jiralerspong et al. (NeurIPS 2023) report 100 times it, less 50, as AuthPct.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 500, 8))
    >>> float(parzen.authenticity(real, real + 1e-3 * fake))
    0.0
    >>> parzen.authenticity(real, fake) > 0.4
    True
    """
    x, y = as_pair(real, fake, function="authenticity", names=("real", "fake"))
    if len(x) < 2:
        raise ValueError("authenticity: real has 1 sample, expected at least 2")
    check_range("authenticity", distance_magnitude(x.shape[1], *extent(x, y)), x, y)
    estimand = "the share of all fake samples, real ones held fixed"
    record = provenance("authenticity", x, y, range=[0.0, 1.0], estimand=estimand)
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    share = len(x) / (len(x) + len(y))
    center, step = center_of(x, y), part(progress, 0.0, share)
    own = _core.nearest(x, None, 1, center=center, progress=step)[:, 0]
    step = part(progress, share, 1.0)
    squared, nearest = _core.nearest(x, y, 1, numbers=True, center=center, progress=step)
    authentic = own[nearest[:, 0]] < squared[:, 0]
    value, m = float(authentic.mean()), len(y)
    if m < 2:
        return Estimate(value, None, record)
    stderr = float(authentic.std(ddof=1)) / math.sqrt(m)
    return Estimate(value, share_stderr(value, stderr, m), record)
