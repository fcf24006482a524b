"""Kullback-Leibler and f-divergences: discrete, of Gaussians, and of densities by sampling."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import xlogy

from parzen._estimate import Estimate, __version__, freedom_of, provenance
from parzen.metrics.densities import as_drawn, is_density, log_densities
from parzen.metrics.discrete import Vector, as_distributions, as_ratio
from parzen.metrics.generators import Alpha, Generator, as_generator, as_name
from parzen.metrics.normal import Normal, aligned
from parzen.metrics.support import few, mean_if_missed


class SupportWarning(UserWarning):
    """A distribution has mass where the other has none, or too little for a mean over samples.

    A divergence is then infinite, or its samples do not show what it is made of.
    """


def kl_divergence(
    p: object, q: object, *, samples: object = None, log: bool = False
) -> Estimate | Vector:
    """Return the Kullback-Leibler divergence KL(p || q) = E_p log(p/q), in nats.

    Of two discrete distributions, or of many, a row each; of two Gaussians in closed form; or of
    any two densities, as a mean over samples of p. For samples alone, without densities, see
    `kl_divergence_from_samples`.

    Parameters
    ----------
    p, q
        Probabilities (k,), or (n, k) with a distribution in each row; one of them may be (k,)
        against the other's rows. Or two `Normal`. Or, with `samples`, log-densities: functions of
        (n, d) that return (n,), or objects with a method ``log_density`` (a `Normal`),
        ``score_samples`` (`KernelDensity` and scikit-learn's density estimators), ``logpdf``
        (SciPy's frozen distributions) or ``log_prob`` (torch distributions and flows).
    samples
        (n, d) drawn from p; None: p and q are probabilities or `Normal`. Functions get them as
        they came, a torch tensor as a tensor; objects in the type and on the device that they take.
    log
        Whether p and q are log-probabilities (nats, -inf allowed), as a log-softmax gives them:
        right where the probabilities themselves would underflow.

    Returns
    -------
    Estimate or array
        In [0, inf], inf where q is 0 and p is not (0 log 0 = 0). With `samples`: with a standard
        error, and possibly negative. (n,) of distributions in rows. Digits are kept as p and q
        come near: of distributions that differ by 1e-8, those of the difference.

    Warns
    -----
    SupportWarning
        Where the divergence is infinite, because one of the two is 0 where the other is not.

    Raises
    ------
    ValueError, TypeError
        Where shapes do not fit, a probability is negative or NaN, a row does not sum to 1 (to
        1e-6, of float32 1e-4; what is left is divided out), or a sample is one that p cannot give.
    RuntimeError
        Where a log-density raises an error, which is its cause.

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22,
    1951.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> round(parzen.kl_divergence([0.5, 0.5, 0.0], [0.25, 0.5, 0.25]), 4)
    0.3466
    >>> p, q = parzen.Normal([0.0], [1.0]), parzen.Normal([1.0], [1.0])
    >>> parzen.kl_divergence(p, q)
    Estimate(0.5)
    >>> x = np.random.default_rng(0).normal(size=(10_000, 1))
    >>> value = parzen.kl_divergence(p, lambda x: q.log_density(x), samples=x)
    >>> abs(value - 0.5) < 4 * value.stderr
    True
    """
    return _divergence("kl_divergence", p, q, Alpha(1.0), samples, log, {})


def f_divergence(
    p: object,
    q: object,
    f: str | Callable[[Any], object],
    *,
    alpha: float | None = None,
    slope: float | None = None,
    samples: object = None,
    log: bool = False,
) -> Estimate | Vector:
    """Return the f-divergence D_f(p || q) = sum q f(p/q).

    Parameters
    ----------
    p, q, samples, log
        As in `kl_divergence`; samples are drawn from p, and D_f is then the mean of q/p f(p/q).
        Where q has mass that p has not, no sample shows it.
    f
        A name, or a convex function of the ratio (arrays in, arrays out) with f(1) = 0.
        ``"kl"`` KL(p || q), ``"reverse-kl"`` KL(q || p); ``"jensen-shannon"`` the mean of KL from
        each to (p + q)/2, up to log 2; ``"total-variation"`` sum |p - q| / 2, up to 1;
        ``"hellinger"`` the squared distance sum (sqrt p - sqrt q)^2 / 2, up to 1;
        ``"chi-squared"`` sum (p - q)^2 / q; ``"alpha"`` (sum p^a q^(1-a) - 1) / (a (a - 1)), which
        is KL(p || q) at a = 1 and KL(q || p) at a = 0. In any case, and short: ``"js"``, ``"tv"``,
        ``"chi2"``, ``"rkl"``.
    alpha
        a, any finite number, of ``"alpha"``.
    slope
        lim f(t)/t, t to infinity, of a function f: what p counts where q is 0.

    Returns
    -------
    Estimate or array
        As `kl_divergence`; in nats where f is a logarithm. Of two `Normal` all but Jensen-Shannon,
        total variation and a function f have a closed form; inf where the integral diverges.

    Warns
    -----
    SupportWarning
        Where the divergence is infinite, because one of the two is 0 where the other is not. Where
        few of the samples carry the mean (fewer, in effect, than 100 and a tenth of them, or a
        hundredth), or the mean of q/p is not 1, so that they miss mass of q that counts: value and
        standard error may then be far too small.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `kl_divergence`; where f is no known name, f(1) is not 0 or a value of it NaN; where q
        is 0, p is not, and the slope of a function f is not given.

    References
    ----------
    Csiszar, "Information-type measures of difference of probability distributions", Studia
    Scientiarum Mathematicarum Hungarica 2, 1967. The alpha family: Cichocki and Amari, "Families
    of alpha- beta- and gamma-divergences", Entropy 12, 2010.

    Examples
    --------
    >>> import parzen
    >>> p, q = [0.5, 0.5], [0.25, 0.75]
    >>> parzen.f_divergence(p, q, "total-variation")
    Estimate(0.25)
    >>> round(parzen.f_divergence(p, q, lambda t: (t - 1) ** 2), 4)
    0.3333
    >>> round(parzen.f_divergence(p, q, "alpha", alpha=2.0), 4)
    0.1667
    """
    if isinstance(f, str):
        f = as_name(f)
    generator = as_generator("f_divergence", f, alpha, slope)
    facts: dict[str, Any] = {"f": f if isinstance(f, str) else getattr(f, "__name__", repr(f))}
    if alpha is not None:
        facts["alpha"] = float(alpha)
    return _divergence("f_divergence", p, q, generator, samples, log, facts)


def entropy(p: object, *, log: bool = False) -> Estimate | Vector:
    """Return the Shannon entropy -sum p log p of discrete distributions, in nats.

    Parameters
    ----------
    p
        Probabilities (k,), or (n, k) with a distribution in each row.
    log
        Whether p are log-probabilities.

    Returns
    -------
    Estimate or array
        In [0, log k]; (n,) of distributions in rows.

    Raises
    ------
    ValueError, TypeError
        As `kl_divergence`.

    References
    ----------
    Shannon, "A mathematical theory of communication", Bell System Technical Journal 27, 1948,
    section 6.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> parzen.entropy([0.5, 0.25, 0.25]) / np.log(2)
    1.5
    """
    given, single = as_distributions("p", p, function="entropy", log=log)
    if log:  # a mass that underflows has a finite logarithm
        terms = np.multiply(
            given.mass, given.log_mass, out=np.zeros_like(given.mass), where=given.mass > 0.0
        )
    else:
        terms = xlogy(given.mass, given.mass)
    values: Vector = 0.0 - terms.sum(axis=1)
    if not single:
        return values
    return Estimate(values[0], None, provenance("entropy", given.mass))


def _divergence(
    function: str,
    p: object,
    q: object,
    generator: Generator,
    samples: object,
    log: bool,
    facts: dict[str, Any],
) -> Estimate | Vector:
    if samples is not None:
        return _sampled(function, p, q, generator, samples, facts)
    if isinstance(p, Normal) and isinstance(q, Normal):
        value = generator.of_normals(aligned(function, p, q))
        if value is None:
            raise ValueError(
                f"{function}: f={facts['f']!r} of two Normal has no closed form; pass "
                f"samples=<drawn from p>"
            )
        record = {"metric": function, "d": p.mean.size, **facts, "version": __version__}
        return Estimate(value, None, {**record, "method": "closed form"})
    for name, given in (("p", p), ("q", q)):
        if is_density(given):
            raise TypeError(
                f"{function}: {name} is a density; pass samples=<drawn from p> with two densities, "
                f"or two Normal, or two arrays of probabilities"
            )
    return _discrete(function, p, q, generator, log, facts)


def _discrete(
    function: str, p: object, q: object, generator: Generator, log: bool, facts: dict[str, Any]
) -> Estimate | Vector:
    ratio, single = as_ratio(p, q, function=function, log=log)
    terms = generator.terms(ratio)
    infinite = np.isposinf(terms)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        because = "p/q leaves float64"
        advice = ""
        if np.isinf(ratio.log[infinite]).all():
            because = "only one of p and q is 0"
            advice = "; where that is a matter of few counts, smooth them"
        _warn(
            f"{function}: infinite, because {because} in {int(infinite.sum())} of "
            f"{infinite.size} entries, the first in entry {column} of row {row}{advice}"
        )
    values: Vector = terms.sum(axis=1)
    if not single:
        return values
    record = provenance(function, ratio.p.mass, method="discrete", **facts)
    return Estimate(values[0], None, record)


def _sampled(
    function: str,
    p: object,
    q: object,
    generator: Generator,
    samples: object,
    facts: dict[str, Any],
) -> Estimate:
    x = as_drawn("samples", samples, function=function)
    n = len(x.array)
    log_p, log_q = (
        log_densities(name, given, x, function=function) for name, given in (("p", p), ("q", q))
    )
    impossible = log_p == -np.inf
    if impossible.any():
        raise ValueError(
            f"{function}: p has density 0 at {int(impossible.sum())} of the {n} samples, the "
            f"first in row {int(impossible.argmax())}; expected samples drawn from p"
        )
    values = generator.sampled(log_p - log_q)
    infinite = np.isposinf(values)
    if infinite.any():
        because = "q has density 0" if (log_q[infinite] == -np.inf).all() else "p/q overflows"
        _warn(
            f"{function}: infinite, because {because} at {int(infinite.sum())} of the {n} samples "
            f"of p, the first in row {int(infinite.argmax())}"
        )
    elif (doubt := _doubt(generator, log_p - log_q, values)) is not None:
        _warn(f"{function}: {doubt}")
    record = provenance(function, x.array, method="samples of p", **facts) | freedom_of(n)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, stderr = float(values.mean()), None
        if n > 1 and math.isfinite(mean):
            stderr = float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, stderr, record)


def _doubt(generator: Generator, log: Vector, values: Vector) -> str | None:
    """Return what of the divergence the samples do not show, None where they do."""
    n = len(log)
    advice = (
        '"jensen-shannon", "total-variation" and "hellinger" can be had of any two, '
        "KL(q || p) by kl_divergence(q, p, samples=<drawn from q>)"
    )
    heavy = generator.heavy(log, values)
    if heavy is not None and (size := few(heavy)) is not None:
        return (
            f"{size:.3g} of the {n} samples, in effect, carry the mean: p and q are too far apart "
            f"for it (or the samples not drawn from p), value and standard error may be far too "
            f"small; {advice}"
        )
    if generator.counts_missed and (mean := mean_if_missed(log)) is not None:
        return (
            f"the mean of q/p over the {n} samples is {mean:.3g}, and 1 where they are drawn from "
            f"p and see all mass of q: what they do not see is missing in the value; {advice}"
        )
    return None


def _warn(message: str) -> None:
    """Warn in the line that called the public function: below it are three of this module."""
    warnings.warn(message, SupportWarning, stacklevel=5)
