"""``from vendi_score import vendi``: the Vendi score package's functions.

Its conventions: negative eigenvalues count as 0, rows and weights are taken as they are where no
normalisation is asked for, and nothing is scaled to add up to 1. Eigenvalues that are rounding
alone (below the size of the matrix times 2e-16, relative to the largest) count as 0 too, where the
package counts those above 0: of order 0 each would be as much as a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from parzen._arrays import as_float64, as_samples, check_range, extent
from parzen._options import as_number
from parzen.compat._unused import refuse
from parzen.metrics.directions import unit_rows
from parzen.metrics.frechet import symmetric
from parzen.metrics.vendi import renyi_entropy

__all__ = [
    "entropy_q",
    "intdiv",
    "intdiv_K",
    "intdiv_X",
    "normalize_K",
    "score",
    "score_K",
    "score_X",
    "score_dual",
    "weight_K",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Similarity = Callable[[Any, Any], float]


def score(
    samples: Sequence[Any],
    k: Similarity,
    q: float | str = 1,
    p: object = None,
    normalize: bool = False,
) -> np.float64:
    """Return the Vendi score of samples with a similarity function.

    Parameters
    ----------
    samples
        A sequence of n things.
    k
        The similarity of two of them; symmetric, 1 of equal ones. It is called n (n + 1) / 2 times.
    q, p, normalize
        As in `score_K`.

    Examples
    --------
    >>> from parzen.compat import vendi_score as vendi
    >>> float(vendi.score(["a", "b", "a", "b"], lambda a, b: float(a == b)).round(12))
    2.0
    """
    return score_K(_similarities(samples, k), q=q, p=p, normalize=normalize)


def score_K(K: object, q: float | str = 1, p: object = None, normalize: bool = False) -> np.float64:
    """Return the Vendi score of a matrix of similarities.

    Parameters
    ----------
    K
        (n, n), symmetric. Negative eigenvalues count as 0.
    q
        The order, a number or ``"inf"``.
    p
        Probabilities (n,); None: 1 / n each.
    normalize
        Whether k_ij is divided by sqrt(k_ii k_jj) first.

    Returns
    -------
    float
        An effective number of samples.

    Raises
    ------
    ValueError, TypeError
        Where arguments are not as described; a sparse matrix is refused.
    """
    k = _square("score_K", K)
    if normalize:
        k = normalize_K(k)
    return _effective_number(weight_K(k, p), q)


def score_X(X: object, q: float | str = 1, p: object = None, normalize: bool = True) -> np.float64:
    """Return the Vendi score of samples (n, d) with the cosine kernel: always of order 1.

    Parameters
    ----------
    X
        Samples (n, d).
    q
        1, the default: the package ignores it. Other orders are `score_dual`'s, or
        `parzen.vendi_score`'s.
    p
        Probabilities (n,); None: 1 / n each.
    normalize
        Whether rows are divided by their lengths; rows of zeros stay.
    """
    refuse("score_X", "is ignored by vendi-score, and score_dual has it", q=(q, 1))
    return _of_rows("score_X", X, 1, p, normalize)


def score_dual(X: object, q: float | str = 1, normalize: bool = True) -> np.float64:
    """Return the Vendi score of samples (n, d) with the cosine kernel, of any order.

    Parameters are those of `score_X` and the order q.
    """
    return _of_rows("score_dual", X, q, None, normalize)


def weight_K(K: object, p: object = None) -> Matrix:
    """Return K / n, or k_ij sqrt(p_i p_j)."""
    k = _square("weight_K", K)
    if p is None:
        return k / len(k)
    roots = np.sqrt(_probabilities("weight_K", p, len(k)))
    return k * roots * roots[:, np.newaxis]


def normalize_K(K: object) -> Matrix:
    """Return k_ij / sqrt(k_ii k_jj)."""
    k = _square("normalize_K", K)
    diagonal = k.diagonal()
    if diagonal.min() <= 0.0:
        i = int(diagonal.argmin())
        raise ValueError(
            f"normalize_K: K[{i}, {i}] is {diagonal[i]:.6g}, expected a number > 0 to divide by"
        )
    roots = np.sqrt(diagonal)
    return k / roots / roots[:, np.newaxis]


def entropy_q(p: object, q: float | str = 1) -> np.float64:
    """Return the Renyi entropy of order q of the positive numbers in p, in nats."""
    values = as_float64("p", p, function="entropy_q", shape=None, meaning="").ravel()
    kept = values[values > 0.0]
    return np.float64(renyi_entropy(kept, _order("entropy_q", q), math.fsum(kept)))


def intdiv_K(K: object, q: float = 1, p: object = None) -> np.float64:
    """Return the internal diversity 1 - sum p_i p_j k_ij^q of a matrix of similarities."""
    k = _square("intdiv_K", K)
    n = len(k)
    weights = np.full(n, 1.0 / n) if p is None else _probabilities("intdiv_K", p, n)
    return np.float64(1.0 - weights @ k ** as_number("intdiv_K: q", q) @ weights)


def intdiv_X(X: object, q: float = 1, p: object = None, normalize: bool = True) -> np.float64:
    """Return the internal diversity of samples (n, d) with the cosine kernel."""
    rows = _rows("intdiv_X", X, normalize)
    return intdiv_K(rows @ rows.T, q, p)


def intdiv(elems: Sequence[Any], k: Similarity, q: float = 1, p: object = None) -> np.float64:
    """Return the internal diversity of samples with a similarity function."""
    return intdiv_K(_similarities(elems, k), q, p)


def _of_rows(function: str, X: object, q: float | str, p: object, normalize: bool) -> np.float64:
    """Return the score of rows x_i sqrt(p_i), by the smaller of the two products of them."""
    rows = _rows(function, X, normalize)
    n, d = rows.shape
    if p is not None:
        rows = rows * np.sqrt(_probabilities(function, p, n))[:, np.newaxis]
    product = rows.T @ rows if d < n else rows @ rows.T
    if p is None:
        product /= n
    return _effective_number(product, q)


def _effective_number(matrix: Matrix, q: float | str) -> np.float64:
    eigenvalues: NDArray[Any] = scipy.linalg.eigvalsh(matrix, check_finite=False)
    rounding = len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues[-1]
    kept = eigenvalues[eigenvalues > rounding]
    if kept.size == 0:
        raise ValueError("the similarities have no eigenvalue above 0, and so no score")
    entropy = np.float64(renyi_entropy(kept, _order("score", q), math.fsum(kept)))
    found: np.float64 = np.exp(entropy)
    return found


def _order(function: str, q: float | str) -> float:
    return math.inf if q == "inf" else as_number(f"{function}: q", q)


def _rows(function: str, X: object, normalize: bool) -> Matrix:
    x = as_samples("X", X, function=function)
    n, d = x.shape
    if normalize:
        rows: Matrix = unit_rows(x, np.float64)
        return rows
    peak = extent(x)[0]
    check_range(function, float(n) * d * peak * peak, x)
    return x.astype(np.float64, copy=False)


def _square(function: str, K: object) -> Matrix:
    k = as_float64("K", K, function=function, shape=None, meaning="")
    if k.ndim != 2 or k.shape[0] != k.shape[1] or k.size == 0:
        raise ValueError(f"{function}: K has shape {k.shape}, expected (n, n)")
    return symmetric(f"{function}: K", k)


def _probabilities(function: str, p: object, n: int) -> Vector:
    values = as_float64("p", p, function=function, shape=(n,), meaning="one number a sample")
    if values.min() < 0.0:
        raise ValueError(f"{function}: p has negative values, the first at {values.argmin()}")
    return values


def _similarities(samples: Sequence[Any], k: Similarity) -> Matrix:
    n = len(samples)
    matrix = np.empty((n, n))
    for i in range(n):
        for j in range(i, n):
            matrix[i, j] = matrix[j, i] = k(samples[i], samples[j])
    return matrix
