"""Whether samples of p show what a mean over them is of: effective sizes, and the mean of q/p."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Vector = NDArray[np.float64]

# Of samples of N(0, 1) against q = N(s, 1), by simulation of the reverse KL and chi-squared
# divergences (20 to 100 000 samples): no alarm at s <= 1 but for 1 % of 20 samples, and one in 95 %
# of 50 samples, and in all of 500 or more, at s >= 3. Between the two an alarm becomes as likely as
# the 95 % intervals become wrong: they hold 87 % at s = 1.5, and 47 to 72 % at s = 3.
FEW, FEW_OF, RARE = 100, 10, 100  # below 100, and below a tenth of n; or below a hundredth of n
FAR, SLACK = 5.0, 0.01  # standard errors, and what rounding of float32 log-densities may add


def effective_sizes(log_weights: Vector) -> Vector:
    """Return (sum w)^2 / sum w^2 of each row of log-weights, in [1, k]; 0 where all are -inf.

    Kong, "A note on importance sampling using standardized weights", 1992.
    """
    sums = np.asarray(logsumexp(log_weights, axis=1))
    possible = sums > -np.inf
    sizes = np.zeros(len(log_weights))
    # log w is at most log of the sum, so that twice it, less twice the sum, does not overflow.
    shares = log_weights[possible] - sums[possible, None]
    sizes[possible] = np.exp(-np.asarray(logsumexp(2.0 * shares, axis=1)))
    return sizes


def few(log_terms: Vector) -> float | None:
    """Return the effective number of terms, of log |terms|, where it is too small; else None."""
    n = len(log_terms)
    size = float(effective_sizes(log_terms[None])[0])
    return size if 0.0 < size < max(min(FEW, n / FEW_OF), n / RARE) else None


def mean_if_missed(log: Vector) -> float | None:
    """Return the mean of q/p, of log = log p/q, where samples of p tell it from 1; else None.

    Over p it is the mass of q where p is not 0: less where no sample of p shows the rest.
    """
    if len(log) < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        ratios = np.exp(-log)
        mean, stderr = float(ratios.mean()), float(ratios.std(ddof=1)) / math.sqrt(len(log))
    return None if abs(mean - 1.0) <= FAR * stderr + SLACK else mean
