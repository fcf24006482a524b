"""Tr (S_1 S_2)^(1/2) by torch, on the device that the samples are on."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2.0
TOLERATED = 1e-10  # worst-case error, relative to the two traces: as on the host


def trace_sqrt_product(
    sigma1: NDArray[np.float64], sigma2: NDArray[np.float64], like: Any
) -> float | None:
    """Return the sum of the roots of the eigenvalues of L'S_2 L, S_1 = LL', on a tensor's device.

    An eigenvalue is known to about u w_max, its root to min(sqrt(u w_max), u w_max / (2 sqrt w)).
    None where these add up to more than is tolerated, or S_1 has no Cholesky factor: the slower
    ways are the host's, `parzen._core.trace_sqrt_product`.
    """
    linalg = sys.modules["torch"].linalg
    double = sys.modules["torch"].float64
    s1, s2 = (like.new_tensor(sigma, dtype=double) for sigma in (sigma1, sigma2))
    lower, failed = linalg.cholesky_ex(s1)
    if int(failed):
        return None
    product = lower.mT @ s2 @ lower
    w: NDArray[np.float64] = linalg.eigvalsh(product).cpu().numpy()  # the lower triangle is read
    noise = UNIT_ROUNDOFF * float(w[-1])
    if w[0] < -len(w) * noise:
        return None
    roots = np.sqrt(np.maximum(w, 0.0))
    with np.errstate(divide="ignore"):
        error = float(np.minimum(math.sqrt(noise), noise / (2.0 * roots)).sum())
    scale = float(np.trace(sigma1) + np.trace(sigma2))
    return math.fsum(roots) if error <= TOLERATED * scale else None
