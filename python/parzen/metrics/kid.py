"""Kernel Inception Distance: the squared MMD of two feature samples with a polynomial kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from parzen._arrays import as_pair, center_of
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_seed, check_choice
from parzen.metrics.kernels import Polynomial
from parzen.metrics.kid_subsets import (
    one_pass_is_cheaper,
    subset_draws,
    values_in_one_pass,
    values_one_by_one,
)
from parzen.metrics.mmd import by_moments, chosen_method, described, pair_sums, ready

if TYPE_CHECKING:
    from parzen._core import Progress


class KID(NamedTuple):
    """A Kernel Inception Distance.

    Attributes
    ----------
    mean
        The squared MMD: its mean over subsets, or that of all samples.
    std
        Over subsets: their standard deviation (ddof 0), a spread and no standard error. Of all
        samples: the standard error of `mean`, None where a sample has fewer than 4 rows.
    """

    mean: Estimate
    std: Estimate | None


def kid(
    real: object,
    fake: object,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    subsets: int | None = 100,
    subset_size: int = 1000,
    seed: int = 2020,
    method: Literal["auto", "pairs", "moments"] = "auto",
    progress: Progress | None = None,
) -> KID:
    """Return the Kernel Inception Distance of two samples of features.

    KID = MMD^2 with k(x, y) = (gamma <x, y> + coef0)^degree, unbiased. It can be negative.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d); n and m may differ.
    degree, gamma, coef0
        Of the kernel; gamma None: 1/d.
    subsets, subset_size
        The number and size of random subsets. They share one pass over all pairs where that is
        cheaper, with n = m up to about subset_size sqrt(subsets); the answer is the same to
        rounding. ``subsets=None`` takes all pairs of all samples: the estimate of least variance,
        with a true standard error and nothing random about it; prefer it where no published
        number is to be matched.
    seed
        Of the subsets, drawn as torch-fidelity draws them, `real` first: on the same float64
        features ``kid(a, b)`` is ``kid_features_to_metric(a, b)`` to rounding.
    method
        Of ``subsets=None``: over all pairs or from moments, as in `mmd`.
    progress
        Called with the fraction done.

    Returns
    -------
    KID
        ``mean`` and ``std``.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described; where a sample is smaller than
        `subset_size`.

    References
    ----------
    Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 300, 16))
    >>> result = parzen.kid(real, 1.5 * fake, subsets=None)
    >>> result.mean > 5 * result.std
    True
    >>> parzen.kid(real, fake, subsets=10, subset_size=100).mean.provenance["seed"]
    2020
    """
    check_choice("kid: method", method, ("auto", "pairs", "moments"))
    if subsets is not None and method != "auto":
        raise ValueError(f"kid: method {method!r} is for all samples; pass subsets=None with it")
    pair = as_pair(real, fake, function="kid", names=("real", "fake"), min_rows=2)
    x, y, kernel = ready("kid", Polynomial(degree, gamma, coef0), *pair)
    if subsets is None:
        way = chosen_method("kid", method, kernel, x, y)
        record = provenance("kid", x, y, method=way, subsets=None, kernel=described(kernel))
        if way == "moments":
            assert isinstance(kernel, Polynomial)
            mean, stderr = by_moments("kid", x, y, kernel, "unbiased", record, progress)
        else:
            sums = pair_sums(x, y, kernel, center=center_of(x, y), progress=progress)
            stderr = sums.stderr()
            mean = Estimate(sums.unbiased(), stderr, record)
        return KID(mean, None if stderr is None else Estimate(stderr, None, mean.provenance))

    subsets = as_integer("kid: subsets", subsets, 1)
    size = as_integer("kid: subset_size", subset_size, 2)
    seed = as_seed("kid: seed", seed)
    for name, rows in (("real", len(x)), ("fake", len(y))):
        if rows < size:
            raise ValueError(
                f"kid: {name} has {rows} samples, subset_size is {size}; "
                f"pass subset_size<={rows} or subsets=None"
            )
    together = one_pass_is_cheaper(len(x), len(y), x.shape[1], subsets, size)
    record = provenance(
        "kid",
        x,
        y,
        method="subsets in one pass" if together else "subsets one by one",
        subsets=subsets,
        subset_size=size,
        seed=seed,
        kernel=described(kernel),
    )
    center = center_of(x, y)
    draws = subset_draws(len(x), len(y), subsets, size, seed)
    compute = values_in_one_pass if together else values_one_by_one
    values = compute(x, y, kernel, draws, subsets, size, center=center, progress=progress)
    return KID(Estimate(values.mean(), None, record), Estimate(values.std(), None, record))
