"""Mutual information gap: how far the best code for a factor is ahead of the second best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_number, as_seed
from parzen.latent._arrays import as_codes_and_factors
from parzen.latent.bootstrap import REPLICATES, as_replicates, replicates, stderr
from parzen.latent.mutual_information import BINS, Information, binned, information


class MIG(NamedTuple):
    """A mutual information gap.

    Attributes
    ----------
    gap
        The mean over the factors, 0 to 1 (corrected, it may exceed 1), with its bootstrap standard
        error. ``gap.interval()`` of the plain gap is for its expectation at this n, which is too
        low; of the corrected one, the basic bootstrap's, for the gap of the distribution.
    per_factor
        (k,) the gap of each factor.
    """

    gap: Estimate
    per_factor: NDArray[np.float64]


def mig(
    codes: object,
    factors: object,
    *,
    bins: int = BINS,
    corrected: bool = False,
    bootstraps: int = REPLICATES,
    level: float = 0.95,
    seed: int = 0,
) -> MIG:
    """Return the mutual information gap of codes about factors.

    Of each factor v the gap is (I(z1; v) - I(z2; v)) / H(v), with z1 and z2 the two codes that
    tell most about it: 1 where one code tells all and no other anything.

    Parameters
    ----------
    codes
        (n, c) numbers, c >= 2; posterior means as a rule.
    factors
        (n, k) integers, each factor with two values or more.
    bins
        Each code is cut into so many bins of equal width.
    corrected
        Take the bias of finite samples off mutual information and entropy (Miller and Madow). The
        plain number is disentanglement_lib's; it is too low by about (bins - 1)(K - 1)/(2 n H) for
        a factor of K values and good codes, since the second-best code seems to tell something.
    bootstraps
        How many times rows are drawn again for the error bars; 0: none. The bins stay.
    level
        Of the interval that ``gap.interval(level)`` of the corrected gap gives; any other level is
        refused there. Its ends are those of the bootstrap distribution about the plain gap, turned
        round at the estimate: a bias of the estimator shifts them the right way. The plain gap has
        Wilson's interval of the standard error, at any level.
    seed
        Of the bootstrap.

    Returns
    -------
    MIG
        ``gap`` and ``per_factor``. Where all gaps drawn again are equal they tell nothing, and
        there is neither a standard error nor an interval.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Chen et al., "Isolating sources of disentanglement in variational autoencoders", NeurIPS 2018,
    equation 6. Interval: Davison and Hinkley, "Bootstrap methods and their application", 1997,
    equation 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> plain, better = latent.mig(factors, factors), latent.mig(factors, factors, corrected=True)
    >>> round(plain.gap, 3), round(better.gap, 3)
    (0.996, 0.999)
    >>> turned = factors @ [[1.0, -1.0], [1.0, 1.0]]
    >>> latent.mig(turned, factors).gap < 0.05
    True
    """
    z, found = as_codes_and_factors(codes, factors, function="mig", least_codes=2)
    bins = as_integer("mig: bins", bins, 2)
    bootstraps = as_replicates("mig", bootstraps)
    seed = as_seed("mig: seed", seed)
    level = as_number("mig: level", level)
    if not 0.0 < level < 1.0:
        raise ValueError(f"mig: level is {level}, expected a number between 0 and 1")
    bin_of = binned(z, bins)
    plain = gaps(information(bin_of, found, bins)).mean()
    per_factor = gaps(information(bin_of, found, bins, corrected=corrected))
    if not corrected:
        per_factor = np.clip(per_factor, 0.0, 1.0)  # off by rounding only
    gap = float(per_factor.mean())

    def again(rows: NDArray[np.int64]) -> float:
        return float(
            gaps(information(bin_of[rows], found.take(rows), bins, corrected=corrected)).mean()
        )

    values = replicates(again, len(z), bootstraps, seed)
    error = stderr(values)
    record = provenance(
        "mig",
        z,
        factors=len(found.sizes),
        bins=bins,
        corrected=bool(corrected),
        bootstraps=bootstraps,
        seed=seed,
    )
    if not corrected:
        record |= {"range": [0.0, 1.0], "estimand": "its expectation at this n: see corrected=True"}
    elif error is not None:
        # In the bootstrap's world the rows are the population: the truth is their plain gap.
        tails = np.quantile(values - plain, [(1.0 + level) / 2.0, (1.0 - level) / 2.0])
        low, high = gap - tails
        record["interval"] = {"level": level, "low": float(low), "high": float(high)}
    return MIG(Estimate(gap, error, record), per_factor)


def gaps(found: Information) -> NDArray[np.float64]:
    """Return the gap of each factor; 0 of a factor whose drawn rows have one value only."""
    *_, second, first = np.sort(found.mutual, axis=0)
    relative: NDArray[np.float64] = np.zeros_like(first)
    np.divide(first - second, found.entropy, out=relative, where=found.entropy > 0.0)
    return relative
