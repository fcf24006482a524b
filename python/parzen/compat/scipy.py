"""``scipy.linalg.sqrtm`` and ``scipy.stats.gaussian_kde``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

import parzen
from parzen.compat._gaussian_kde import gaussian_kde

__all__ = ["gaussian_kde", "sqrtm"]


def sqrtm(A: object, disp: bool = True, blocksize: int = 64) -> Any:
    """Return the square root of a matrix, as ``scipy.linalg.sqrtm`` did up to SciPy 1.17.

    A symmetric positive semidefinite matrix, as a covariance is, takes `parzen.sqrtm`'s way; its
    root is real, symmetric and accurate where the matrix is singular. All others are SciPy's:
    complex ones, stacks of them, indefinite ones, and every asymmetric one. Such is the product of
    two covariances, of which FID codes take the root for its trace: this keeps them running, at
    SciPy's speed. The fast way to their number is `parzen.frechet_distance`.

    Parameters
    ----------
    A
        (d, d), or a stack of them.
    disp
        False: return the error estimate too; SciPy 1.18 has removed this argument.
    blocksize
        Of no effect, as in SciPy since 1.16.

    Returns
    -------
    array, or array and float
        The root, float32 of float32; and |R R - A|_F^2 / |A|_F.

    References
    ----------
    Deadman, Higham and Ralha, "Blocked Schur algorithms for computing the matrix square root",
    2013; for symmetric ones Higham, "Functions of Matrices", 2008, section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.scipy import sqrtm
    >>> sqrtm(np.diag([4.0, 9.0])).round(12)
    array([[2., 0.],
           [0., 3.]])
    >>> root, error = sqrtm(np.array([[1.0, 3.0], [1.0, 4.0]]), disp=False)
    >>> bool(error < 1e-12)
    True
    """
    a = np.asarray(A)
    root = _root_of_covariance(a)
    if root is None:
        # Without `disp` in any version, so that none warns of it or knows it no longer.
        root = np.asarray(scipy.linalg.sqrtm(np.atleast_2d(a)))
    if disp:
        return root
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        gap = np.linalg.norm(root @ root - a) ** 2 / np.linalg.norm(a)
    return root, float(gap) if np.isfinite(gap) else float("inf")


def _root_of_covariance(a: NDArray[Any]) -> NDArray[Any] | None:
    """Return the root of a symmetric positive semidefinite matrix, None of another one."""
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.size == 0 or a.dtype.kind not in "fiu":
        return None
    values = a.astype(np.float64, copy=False)
    if not np.isfinite(values).all() or not np.array_equal(values, values.T):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", parzen.IndefiniteWarning)
        try:
            root = parzen.sqrtm(values)
        except (ValueError, parzen.IndefiniteWarning):  # its root is complex
            return None
    return root.astype(np.float32 if a.dtype == np.float32 else np.float64, copy=False)
