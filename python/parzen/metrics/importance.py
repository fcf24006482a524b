"""The importance-weighted bound on a latent variable model's log-likelihood."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from parzen._arrays import as_logs
from parzen._estimate import Estimate, freedom_of, provenance
from parzen.metrics.log_likelihood import LogLikelihood
from parzen.metrics.support import effective_sizes


class ImportanceWeightedBound(NamedTuple):
    """An importance-weighted bound on a mean log-likelihood.

    Attributes
    ----------
    bound
        The mean of log (sum_j w_j / k) over the data, in nats: in expectation no more than the mean
        log-likelihood, and never less for a larger k.
    effective_sample_size
        The mean of (sum_j w_j)^2 / sum_j w_j^2 over the data, each in [1, k], or 0 for a datum
        whose log-weights are all -inf: never NaN. Near 1 one weight is most of the sum, and the
        bound is loose.
    """

    bound: Estimate
    effective_sample_size: Estimate


def importance_weighted_bound(log_weights: object) -> ImportanceWeightedBound:
    """Return the importance-weighted (IWAE) bound from log-weights.

    Parameters
    ----------
    log_weights
        (n, k): log p(x, z_j) - log q(z_j | x) in nats, for each datum at k draws z_j of q. -inf is
        allowed. k = 1 is the evidence lower bound (ELBO).

    Returns
    -------
    ImportanceWeightedBound
        ``bound`` and ``effective_sample_size``, each with its standard error over the n data. The
        bound's includes the draws; what the bound is below the likelihood by it does not.

    Raises
    ------
    ValueError, TypeError
        Where log-weights are not as described.

    References
    ----------
    Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016: their bound
    L_k, which grows with k. Effective sample size: Kong, "A note on importance sampling using
    standardized weights", 1992.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> result = parzen.importance_weighted_bound(np.full((10, 5), -90.0))
    >>> round(result.bound, 12), round(result.effective_sample_size, 12)
    (-90.0, 5.0)
    """
    function = "importance_weighted_bound"
    meaning = "log-weights (n, k), one row for each datum"
    logs = as_logs("log_weights", log_weights, function=function, meaning=meaning)
    if logs.ndim != 2:
        raise ValueError(f"{function}: log_weights has shape {logs.shape}, expected (n, k)")
    logs = logs.astype(np.float64)
    sums, sizes = np.asarray(logsumexp(logs, axis=1)), effective_sizes(logs)
    bounds = LogLikelihood()._add(function, sums - math.log(logs.shape[1]))
    mean = bounds._result(function, 1, 0.0).log_likelihood
    n = len(logs)
    record = provenance(function, logs) | freedom_of(n)
    stderr = None if n < 2 else float(sizes.std(ddof=1)) / math.sqrt(n)
    return ImportanceWeightedBound(
        Estimate(mean, mean.stderr, record), Estimate(sizes.mean(), stderr, record)
    )
