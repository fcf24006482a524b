"""How many dimensions of a latent space are in use."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from parzen._estimate import Estimate, provenance
from parzen._options import as_number
from parzen.latent._arrays import Codes, as_codes


class ActiveUnits(NamedTuple):
    """Which latent units vary with the input.

    Attributes
    ----------
    active
        How many units' posterior means have a variance above the threshold.
    variances
        (c,) the variance of each unit's posterior mean over the inputs.
    """

    active: Estimate
    variances: NDArray[np.float64]


def active_units(means: object, *, threshold: float = 0.01) -> ActiveUnits:
    """Return how many latent units vary with the input: Var_x(E[u | x]) > threshold.

    Parameters
    ----------
    means
        (n, c) posterior means, one row an input; no draws from the posterior, whose noise counts.
    threshold
        A variance, >= 0.

    Returns
    -------
    ActiveUnits
        ``active`` and ``variances`` (ddof 1).

    Raises
    ------
    ValueError, TypeError
        Where means or threshold are not as described.

    References
    ----------
    Burda et al., "Importance weighted autoencoders", ICLR 2016 (arXiv 2015): the activity of a
    latent unit.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> means = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 0.5, 0.01]
    >>> latent.active_units(means).active
    Estimate(2.0)
    """
    z = as_codes(means, function="active_units")
    threshold = as_number("active_units: threshold", threshold)
    if not 0.0 <= threshold < math.inf:
        raise ValueError(f"active_units: threshold is {threshold}, expected a finite number >= 0")
    variances = z.var(axis=0, ddof=1)
    # The rounding of a mean is no variance, whatever the threshold.
    active = (variances > threshold) & (np.ptp(z, axis=0) > 0.0)
    record = provenance("active_units", z, threshold=threshold)
    return ActiveUnits(Estimate(int(np.count_nonzero(active)), None, record), variances)


def effective_rank(codes: object, *, centered: bool = True) -> Estimate:
    """Return the effective rank of codes: exp of the entropy of the normalised singular values.

    Parameters
    ----------
    codes
        (n, c) numbers, not all rows equal.
    centered
        Take the columns' means off first, so that a mere offset is no dimension. False: of the
        matrix as it is, as RankMe (Garrido et al., ICML 2023) has it but for its 1e-7.

    Returns
    -------
    Estimate
        1 to min(n, c); of few rows biased downwards. The standard error is first order.

    Raises
    ------
    ValueError, TypeError
        Where codes are not as described.

    References
    ----------
    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007,
    equations 1 to 3.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> codes = np.random.default_rng(0).normal(size=(2000, 3)) @ np.ones((3, 5)) / 3
    >>> round(latent.effective_rank(codes), 6)
    1.0
    """
    z = as_codes(codes, function="effective_rank")
    rows, singular = _spectrum("effective_rank", z, centered=centered)
    total = singular.sum()
    shares = singular / total
    entropy = entr(shares).sum()
    # exp(H)/dsigma = -exp(H) (log p + H) / sum, times sigma: p log p -> 0 with sigma.
    slopes = math.exp(entropy) * (entr(shares) - shares * entropy)
    record = provenance("effective_rank", z, centered=bool(centered))
    return Estimate(math.exp(entropy), _spectral_stderr(rows, slopes), record)


def participation_ratio(codes: object) -> Estimate:
    """Return the participation ratio of codes: (sum of l)^2 / sum of l^2.

    The l are the eigenvalues of their covariance.

    Parameters
    ----------
    codes
        (n, c) numbers, not all rows equal.

    Returns
    -------
    Estimate
        1 to min(n - 1, c); of few rows biased downwards. The standard error is first order.

    Raises
    ------
    ValueError, TypeError
        Where codes are not as described.

    References
    ----------
    Gao et al., "A theory of multineuronal dimensionality, dynamics and measurement", bioRxiv
    214262, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> codes = np.random.default_rng(0).normal(size=(5000, 4)) * [1.0, 1.0, 1.0, 0.01]
    >>> round(latent.participation_ratio(codes), 1)
    3.0
    """
    z = as_codes(codes, function="participation_ratio")
    rows, singular = _spectrum("participation_ratio", z, centered=True)
    shares = np.square(singular) / np.square(singular).sum()
    ratio = 1.0 / np.square(shares).sum()
    # With l = sigma^2: sigma d/dsigma = 2 l d/dl = 4 p (ratio - ratio^2 p).
    slopes = 4.0 * ratio * shares * (1.0 - ratio * shares)
    return Estimate(ratio, _spectral_stderr(rows, slopes), provenance("participation_ratio", z))


def _spectrum(
    function: str, codes: Codes, *, centered: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return root n times the left singular vectors, and the singular values over the largest."""
    matrix = codes - codes.mean(axis=0) if centered else codes
    if centered:
        matrix[:, np.ptp(codes, axis=0) == 0.0] = 0.0  # not the rounding of a mean
    if not matrix.any():
        what = "all rows of codes are equal" if centered else "codes is zero"
        raise ValueError(f"{function}: {what}; there is no dimension to count")
    left, singular, _ = np.linalg.svd(matrix / np.abs(matrix).max(), full_matrices=False)
    return left * math.sqrt(len(codes)), singular / singular[0]


def _spectral_stderr(rows: NDArray[np.float64], slopes: NDArray[np.float64]) -> float:
    """Return the first-order standard error of a function of singular values.

    A row's influence on an eigenvalue l of the covariance is its squared projection less l, that
    is l (u^2 - 1) with u its entry of root n times the left singular vector; on sigma = sqrt(l) it
    is sigma (u^2 - 1) / 2. `slopes` are the derivatives times sigma. A symmetric smooth function
    of the spectrum may have repeated eigenvalues.
    """
    influence = (np.square(rows) - 1.0) @ slopes / 2.0
    return float(influence.std(ddof=1) / math.sqrt(len(rows)))
