"""Mutual information of binned codes with discrete factors, and what sampling adds to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, rel_entr

from parzen._options import as_integer
from parzen.latent._arrays import Codes, Factors, Indices, as_codes_and_factors

BINS = 20
ROUNDING = 1e-14  # nats; what is left of terms that cancel: then nothing is told


class Information(NamedTuple):
    """What c binned codes and k factors say of each other, in nats.

    Attributes
    ----------
    mutual
        (c, k) mutual information of the rows' empirical distribution.
    entropy
        (k,) entropy of the factors.
    """

    mutual: NDArray[np.float64]
    entropy: NDArray[np.float64]


def mutual_information(
    codes: object, factors: object, *, bins: int = BINS, corrected: bool = False
) -> NDArray[np.float64]:
    """Return the mutual information of every code with every factor.

    Parameters
    ----------
    codes
        (n, c) numbers.
    factors
        (n, k) integers.
    bins
        Each code is cut into so many bins of equal width between its smallest and largest value.
    corrected
        Take off the bias of finite samples after Miller and Madow. The values may then be
        negative.

    Returns
    -------
    numpy.ndarray
        (c, k) nats. A constant code has exactly 0.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Miller, "Note on the bias of information estimates", 1955; Paninski, "Estimation of entropy and
    mutual information", Neural Computation 15, 2003, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> latent.mutual_information(factors, factors).round(1)
    array([[1.4, 0. ],
           [0. , 1.4]])
    """
    z, found = as_codes_and_factors(codes, factors, function="mutual_information")
    bins = as_integer("mutual_information: bins", bins, 2)
    return information(binned(z, bins), found, bins, corrected=corrected).mutual


def binned(codes: Codes, bins: int) -> Indices:
    """Return the bin of each number, 0 to bins - 1, as disentanglement_lib cuts them.

    That is ``digitize(x, histogram(x, bins)[1][:-1])`` for each column: the largest value falls
    into the last bin, and a constant code into one.
    """
    bin_of = np.empty(codes.shape, dtype=np.int64)
    for i, x in enumerate(codes.T):
        bin_of[:, i] = np.digitize(x, np.histogram_bin_edges(x, bins)[:-1]) - 1
    # A value just below the first edge, by rounding, belongs to the first bin.
    np.maximum(bin_of, 0, out=bin_of)
    return bin_of


def information(
    bin_of: Indices, factors: Factors, bins: int, *, corrected: bool = False
) -> Information:
    """Return mutual information and entropies from counts.

    The first-order bias of an entropy from counts is -(K - 1)/2n for K values that occur
    (Miller, 1955); so that of the mutual information H(z) + H(v) - H(z, v) is
    (K_zv - K_z - K_v + 1)/2n. With independent z and v all K_z K_v pairs occur and it is
    (K_z - 1)(K_v - 1)/2n; where z tells v it is negative, and the corrected value is the
    corrected entropy: the correction suits each pair's own dependence.
    """
    n, c = bin_of.shape
    k, most = len(factors.sizes), int(factors.sizes.max())
    offsets = np.arange(k)
    of_value = np.bincount((offsets * most + factors.numbered).ravel(), minlength=k * most)
    of_value = of_value.reshape(k, most)
    p_value = of_value / n
    occupied = np.count_nonzero(of_value, axis=1)
    mutual = np.empty((c, k))
    for i in range(c):  # one code at a time: its table is small
        cells = (bin_of[:, i, None] + bins * offsets) * most + factors.numbered
        joint = np.bincount(cells.ravel(), minlength=k * bins * most).reshape(k, bins, most)
        p_bin = joint[0].sum(axis=1) / n
        terms = rel_entr(joint / n, p_bin[:, None] * p_value[:, None, :])
        mutual[i] = terms.sum(axis=(1, 2))
        mutual[i, mutual[i] < ROUNDING] = 0.0
        if corrected:
            pairs = np.count_nonzero(joint, axis=(1, 2))
            mutual[i] -= (pairs - np.count_nonzero(p_bin) - occupied + 1) / (2 * n)
    entropy = entr(p_value).sum(axis=1)
    if corrected:
        entropy += (occupied - 1) / (2 * n)
    return Information(mutual, entropy)
