"""The gradient of a Gaussian kernel density estimate's logarithm: its score function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_pair, center_of, check_range, extent
from parzen.metrics.kernels import bandwidth_magnitude
from parzen.metrics.log_density import as_bandwidth, as_weights

if TYPE_CHECKING:
    from parzen._core import Progress

Matrix = NDArray[np.float64]

QUERY_ROWS, SAMPLE_ROWS = 512, 2048  # of a block of pairs: 8 MB


def log_density_gradient(
    x: object,
    queries: object,
    *,
    bandwidth: float,
    weights: object = None,
    progress: Progress | None = None,
) -> Matrix:
    """Return the score of a Gaussian kernel density estimate: the gradient of `log_density`.

    grad log p(q) = (mean of x under weights w_i exp(-|x_i - q|^2 / 2h^2), less q) / h^2, without
    an n x m matrix.

    Parameters
    ----------
    x
        The samples (n, d) that the density is made of.
    queries
        Where it is taken: (m, d).
    bandwidth
        h > 0, in the unit of the samples.
    weights
        (n,), >= 0 and not all 0; None: equal.
    progress
        Called with the fraction done.

    Returns
    -------
    array
        (m, d), float64, in nats per unit of the samples.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described.

    References
    ----------
    Fukunaga and Hostetler, "The estimation of the gradient of a density function", IEEE
    Transactions on Information Theory 21, 1975: h^2 times it is the mean shift.

    Examples
    --------
    >>> import parzen
    >>> parzen.log_density_gradient([[0.0]], [[3.0], [-1.0]], bandwidth=2.0).tolist()
    [[-0.75], [0.25]]
    """
    function = "log_density_gradient"
    h = as_bandwidth(f"{function}: bandwidth", bandwidth)
    a, b = as_pair(x, queries, function=function, names=("x", "queries"), independent=False)
    check_range(function, bandwidth_magnitude([h], a.shape[1], *extent(a, b)), a, b)
    log_weights = np.zeros(len(a))
    if weights is not None:
        with np.errstate(divide="ignore"):
            log_weights = np.log(as_weights(f"{function}: weights", weights, len(a)))
        kept = log_weights > -np.inf
        a, log_weights = a[kept], log_weights[kept]
    center = center_of(a).astype(np.float64)
    result = np.empty((len(b), a.shape[1]))
    for start in range(0, len(b), QUERY_ROWS):
        rows = slice(start, start + QUERY_ROWS)
        query = (b[rows] - center) / h
        result[rows] = (_local_means(a, query, h, center, log_weights) - query) / h
        if progress is not None:
            progress(min(rows.stop, len(b)) / len(b))
    return result


def _local_means(
    x: NDArray[np.floating], query: Matrix, h: float, center: Matrix, log_weights: Matrix
) -> Matrix:
    """Return the means of (x - center)/h under the weights that each query gives.

    |q|^2 is common to all weights of a query and left out; what has been added is rescaled
    whenever a larger exponent comes (Milakov and Gimelshein, "Online normalizer calculation for
    softmax", 2018, algorithm 3).
    """
    top = np.full((len(query), 1), -np.inf)
    total, sums = np.zeros((len(query), 1)), np.zeros_like(query)
    for start in range(0, len(x), SAMPLE_ROWS):
        rows = slice(start, start + SAMPLE_ROWS)
        z = (x[rows] - center) / h
        exponents = query @ z.T + (log_weights[rows] - 0.5 * np.einsum("ij,ij->i", z, z))
        higher = np.maximum(top, exponents.max(axis=1, keepdims=True))
        faded = np.exp(top - higher)
        shares = np.exp(exponents - higher)
        total = faded * total + shares.sum(axis=1, keepdims=True)
        sums = faded * sums + shares @ z
        top = higher
    means: Matrix = sums / total
    return means
