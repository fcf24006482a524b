"""CMMD: the squared MMD of embeddings as directions, times a thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parzen._arrays import as_pair, center_of
from parzen._estimate import Estimate, provenance
from parzen.metrics.directions import check_directions, unit_rows
from parzen.metrics.kernels import Gaussian
from parzen.metrics.mmd import described, pair_sums
from parzen.protocols import AnyProtocol, CMMDRules, recorded, rules_of

if TYPE_CHECKING:
    from parzen._core import Progress


def cmmd(
    real: object,
    fake: object,
    *,
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Return the CMMD of two samples of embeddings.

    1000 times the biased squared MMD with the Gaussian kernel of bandwidth 10, between rows divided
    by their length. Always in float64: kernel values then lie between 0.98 and 1, and their
    differences are what is looked at.

    Parameters
    ----------
    real, fake
        Embeddings (n, d) and (m, d), as of CLIP ViT-L/14 at 336 pixels; n and m may differ.
    protocol
        A package whose bandwidth and scale are taken instead; see `parzen.protocol`.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        A pure number. The standard error is that of the unbiased estimate, which differs by the
        mean of the diagonals, a constant to first order; None where n or m is below 4. Where the
        distributions are equal the estimate is about 1000 (1 - mean k) (1/n + 1/m), not 0.

    Raises
    ------
    ValueError, TypeError
        Where embeddings are not as described, or a row of zeros has no direction.

    References
    ----------
    Jayasumana et al., "Rethinking FID: towards a better evaluation metric for image generation",
    CVPR 2024.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 300, 16))
    >>> parzen.cmmd(real, fake + 0.5) > 5 * parzen.cmmd(real, fake)
    True
    """
    rules = CMMDRules() if protocol is None else rules_of("cmmd", protocol, "cmmd")
    x, y = as_pair(real, fake, function="cmmd", names=("real", "fake"))
    for name, rows in (("real", x), ("fake", y)):
        check_directions("cmmd", name, rows, "drop them")
    kernel = Gaussian(rules.bandwidth)
    a, b = unit_rows(x, np.float64), unit_rows(y, np.float64)
    sums = pair_sums(a, b, kernel, center=center_of(a, b), progress=progress)
    stderr = sums.stderr()
    record = provenance(
        "cmmd", x, y, scale=rules.scale, kernel=described(kernel), **recorded(protocol)
    )
    return Estimate(
        rules.scale * sums.biased(), None if stderr is None else rules.scale * stderr, record
    )
