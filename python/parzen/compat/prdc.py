"""``from prdc import compute_prdc``: the prdc package's function."""

from __future__ import annotations

import numpy as np

import parzen

__all__ = ["compute_prdc"]


def compute_prdc(
    real_features: object, fake_features: object, nearest_k: int
) -> dict[str, np.float64]:
    """Return precision, recall, density and coverage as prdc does.

    A ball's boundary is outside it (strictly less), for all four. Nothing is printed, no n x m
    matrix is made, and float32 features are compared in float32.

    Parameters
    ----------
    real_features, fake_features
        (n, d) and (m, d).
    nearest_k
        1 <= nearest_k < n, m.

    Returns
    -------
    dict
        ``precision``, ``recall``, ``density``, ``coverage``.

    Raises
    ------
    ValueError, TypeError
        Where features are not as described or nearest_k is not below n and m.

    References
    ----------
    Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020;
    its package prdc 0.2.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.prdc import compute_prdc
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 400, 4))
    >>> sorted(compute_prdc(real, fake, nearest_k=5))
    ['coverage', 'density', 'precision', 'recall']
    """
    found = parzen.precision_recall(real_features, fake_features, k=nearest_k, boundary="outside")
    return {name: np.float64(value) for name, value in found._asdict().items()}
