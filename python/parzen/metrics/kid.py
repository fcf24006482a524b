"""Kernel Inception Distance: the squared MMD of two feature samples with a polynomial kernel."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, NamedTuple

from parzen._arrays import as_pair, center_of
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_seed, check_choice
from parzen._samples import at_precision
from parzen.metrics.draws import permutations, subset_draws
from parzen.metrics.kernels import Polynomial
from parzen.metrics.kid_subsets import Subsets
from parzen.metrics.mmd import by_moments, chosen_method, described, pair_sums, ready
from parzen.protocols import AnyProtocol, KIDRules, recorded, rules_of

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
    subset_size: int | None = None,
    seed: int = 2020,
    method: Literal["auto", "pairs", "moments"] = "auto",
    precision: Literal["full", "fast"] = "full",
    protocol: AnyProtocol | None = None,
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
        number is to be matched. It has no `subset_size`, which is 1000 where it is None.
    seed
        Of the subsets, drawn as torch-fidelity draws them, `real` first: on the same float64
        features ``kid(a, b)`` is ``kid_features_to_metric(a, b)`` to rounding.
    method
        Of ``subsets=None``: over all pairs or from moments, as in `mmd`.
    precision
        On a CUDA device, of products of float32 samples: ``"full"``, float32's as on the host, or
        ``"fast"``, with factors of 11 bits on the tensor cores; the provenance then has
        ``inner_product_error``, its bound relative to the lengths of the two centred rows. Moments
        are always taken at full precision.
    protocol
        A package whose number, size and draws of subsets are taken instead; see
        `parzen.protocol`. Draws that a package takes from a global generator are those after
        seeding it with `seed`.
    progress
        Called with the fraction done.

    Returns
    -------
    KID
        ``mean`` and ``std``.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described, or one has no effect; where a sample is
        smaller than `subset_size`.

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
    rules = KIDRules()
    if subsets is None and subset_size is not None:
        raise ValueError(
            f"kid: subset_size={subset_size!r} has no effect on subsets=None, which takes all "
            f"samples; leave it out"
        )
    if protocol is not None:
        given = {"subsets": (subsets, 100), "subset_size": (subset_size, None)}
        kernel_given = {"degree": (degree, 3), "gamma": (gamma, None), "coef0": (coef0, 1.0)}
        rules = rules_of("kid", protocol, "kid", **given, **kernel_given)
        subsets, subset_size = rules.subsets, rules.subset_size
    if subsets is not None and method != "auto":
        raise ValueError(f"kid: method {method!r} is for all samples; pass subsets=None with it")
    pair = as_pair(real, fake, function="kid", names=("real", "fake"), min_rows=2, on_device=True)
    pair = at_precision("kid", precision, *pair)
    x, y, kernel = ready("kid", Polynomial(degree, gamma, coef0), *pair)
    if subsets is None:
        way = chosen_method("kid", method, kernel, x, y)
        if way == "moments":
            x, y = at_precision("kid", "full", x, y)
        record = provenance("kid", x, y, method=way, subsets=None, kernel=described(kernel))
        if way == "moments":
            assert isinstance(kernel, Polynomial)
            mean, stderr = by_moments("kid", x, y, kernel, "unbiased", record, progress)
        else:
            sums = pair_sums(x, y, kernel, center=center_of(x, y), progress=progress)
            stderr = sums.stderr()
            mean = Estimate(sums.unbiased(), stderr, record)
        return KID(mean, None if stderr is None else Estimate(stderr, None, mean.provenance))

    size = rules.subset_size
    if subset_size is not None:
        size = as_integer("kid: subset_size", subset_size, 2)
    rules = dataclasses.replace(rules, subsets=as_integer("kid: subsets", subsets, 1))
    seed = as_seed("kid: seed", seed)
    if rules.truncate:
        size = min(size, len(x), len(y))
    for name, rows in (("real", len(x)), ("fake", len(y))):
        if rows < size:
            if protocol is None:
                instead = f"subset_size<={rows} or subsets=None"
            else:  # which settles both
                instead = (
                    "more samples, leave the protocol out, or change it by dataclasses.replace"
                )
            raise ValueError(
                f"kid: {name} has {rows} samples, subset_size is {size}; pass {instead}"
            )
    draws = subset_draws(len(x), len(y), rules, size, permutations(rules.draws, seed))
    values, way = Subsets(x, y, kernel, draws, rules.subsets, size, progress).mmds()
    record = provenance(
        "kid",
        x,
        y,
        method=way,
        subsets=rules.subsets,
        subset_size=size,
        seed=seed,
        kernel=described(kernel),
        **recorded(protocol),
    )
    return KID(Estimate(values.mean(), None, record), Estimate(values.std(), None, record))
