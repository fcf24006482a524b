"""Modularity: whether each code tells about one factor only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_seed
from parzen.latent._arrays import as_codes_and_factors
from parzen.latent.bootstrap import REPLICATES, as_replicates, replicates, stderr
from parzen.latent.mutual_information import BINS, binned, information


def modularity(
    codes: object,
    factors: object,
    *,
    bins: int = BINS,
    bootstraps: int = REPLICATES,
    seed: int = 0,
) -> Estimate:
    """Return the modularity of codes about factors.

    Of each code it is 1 - sum of I^2 over the factors but its best / (I_best^2 (k - 1)), with the
    mutual informations I of `mutual_information`; of all, the mean.

    Parameters
    ----------
    codes
        (n, c) numbers. A constant code counts 0, as in disentanglement_lib.
    factors
        (n, k) integers, k >= 2, each factor with two values or more.
    bins
        Each code is cut into so many bins of equal width.
    bootstraps
        How many times rows are drawn again for the standard error; 0: none. The bins stay.
    seed
        Of the bootstrap.

    Returns
    -------
    Estimate
        0 to 1.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Ridgeway and Mozer, "Learning deep disentangled embeddings with the F-statistic loss", NeurIPS
    2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> latent.modularity(factors, factors) > 0.99
    True
    >>> latent.modularity(factors @ [[1.0, -1.0], [1.0, 1.0]], factors) < 0.1
    True
    """
    z, found = as_codes_and_factors(codes, factors, function="modularity", least_factors=2)
    bins = as_integer("modularity: bins", bins, 2)
    bootstraps = as_replicates("modularity", bootstraps)
    seed = as_seed("modularity: seed", seed)
    bin_of = binned(z, bins)

    def score(rows: NDArray[np.int64]) -> float:
        return float(modularities(information(bin_of[rows], found.take(rows), bins).mutual).mean())

    value = modularities(information(bin_of, found, bins).mutual).mean()
    values = replicates(score, len(z), bootstraps, seed)
    record = provenance(
        "modularity", z, factors=len(found.sizes), bins=bins, bootstraps=bootstraps, seed=seed
    )
    return Estimate(value, stderr(values), record)


def modularities(mutual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the modularity of each code from mutual informations (c, k)."""
    best = mutual.max(axis=1, keepdims=True)
    # Of the ratios to the best, which is one of them: small squares do not underflow.
    ratios = np.divide(mutual, best, out=np.zeros_like(mutual), where=best > 0.0)
    others = (np.square(ratios).sum(axis=1) - 1.0) / (mutual.shape[1] - 1)
    return np.where(best[:, 0] > 0.0, 1.0 - others, 0.0)
