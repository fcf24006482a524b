"""The generators of f-divergences: D_f(p || q) = sum q f(p/q), f convex, f(1) = 0.

Each is taken of discrete distributions, entry by entry; of the log-ratio at samples from p; and,
where there is a closed form, of two Gaussians.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from parzen._options import as_number, check_choice
from parzen.metrics.densities import called
from parzen.metrics.discrete import Distributions, Ratio, Vector, compared, swapped
from parzen.metrics.normal import Aligned
from parzen.metrics.support import effective_sizes, mean_if_missed

SERIES_REACH, SERIES_TERMS = 0.25, 26  # 0.25^26 is 2e-16
LOG2 = math.log(2.0)


@dataclass(frozen=True)
class Alpha:
    """The alpha-divergence (sum p^a q^(1-a) - 1) / (a (a - 1)), times `scale`.

    a = 1 is KL(p || q), a = 0 is KL(q || p), 2 half of the chi-squared divergence and 1/2 four
    times the squared Hellinger distance: Cichocki and Amari, "Families of alpha- beta- and
    gamma-divergences", Entropy 12, 2010.
    """

    alpha: float
    scale: float = 1.0

    @property
    def counts_missed(self) -> bool:
        """Whether mass of q counts where p has none, which no sample of p shows."""
        return self.alpha <= 0.0

    def heavy(self, log: Vector, values: Vector) -> Vector | None:
        """Return log |terms| of the sampled mean, None where their variance is finite.

        E (q/p)^(2(1-a)) over p is at most 1 for a in [1/2, 1].
        """
        del values
        return None if 0.5 <= self.alpha <= 1.0 else (self.alpha - 1.0) * log

    def terms(self, ratio: Ratio) -> Vector:
        """Return what each entry adds, none of it negative.

        (p^a q^(1-a) - a p - (1-a) q) / (a (a-1)) sums to the same and is 0 where p = q. With
        w = (a-1) log(p/q) it is p expm1(w) / (a (a-1)) + (q - p)/a, which is safe at a = 1 (and,
        with p and q swapped, at 0) but loses all digits as p/q -> 1. There it is q times
        sum_k c_k s^k, s = p/q - 1, c_2 = 1/2, c_(k+1) = c_k (a-k)/(k+1): the binomial series.
        """
        if self.alpha < 0.5:
            return Alpha(1.0 - self.alpha, self.scale).terms(swapped(ratio))
        a, (p, q, s, log) = self.alpha, ratio
        with np.errstate(all="ignore"):
            if a == 1.0:
                gain = p.mass * log
            else:
                w = (a - 1.0) * log
                # p and e^w apart may leave the range where their product does not.
                powers = np.where(w > 1.0, np.exp(p.log_mass + w) - p.mass, p.mass * np.expm1(w))
                gain = powers / (a - 1.0)
            terms = gain / a + (q.mass - p.mass) / a
            terms = np.where(p.log_mass == -np.inf, q.mass / a, terms)
            lost = p.mass / (1.0 - a) if a < 1.0 else np.inf
            terms = np.where(log == np.inf, lost, terms)
        near = np.abs(s) < SERIES_REACH / max(1.0, a)
        terms[near] = q.mass[near] * self._series(s[near])
        result: Vector = self.scale * terms
        return result

    def _series(self, s: Vector) -> Vector:
        term = 0.5 * s * s
        total = term
        for k in range(2, SERIES_TERMS):
            term = term * (s * ((self.alpha - k) / (k + 1)))
            total = total + term
        return total

    def sampled(self, log: Vector) -> Vector:
        """Return what has D for its mean over p, of log = log p/q.

        Without the terms linear in q/p, whose mean is known but whose variance may be infinite.
        """
        a = self.alpha
        with np.errstate(all="ignore"):
            if a == 1.0:
                values = log
            elif a == 0.0:
                values = np.where(log == np.inf, 0.0, -log * np.exp(-log))
            else:
                values = np.expm1((a - 1.0) * log) / (a * (a - 1.0))
        result: Vector = self.scale * values
        return result

    def of_normals(self, aligned: Aligned) -> float | None:
        """Return the closed form: Gil, Alajaji and Linder, Information Sciences 249, 2013.

        In axes where q is standard and p has variances v and means m, with b = 1 - a, the
        logarithm of the integral of p^a q^b is the sum of
        (b log v - log(1 + b (v - 1)) - a b m^2 / (1 + b (v - 1))) / 2;
        the integral diverges where some 1 + b (v - 1) <= 0. At a = 1 and 0 it is the KL
        divergence, the sum of (v - 1 - log v + m^2) / 2.
        """
        a, b, (v, m) = self.alpha, 1.0 - self.alpha, aligned
        if a == 0.0:  # in axes where p is standard
            v, m = 1.0 / v, m / np.sqrt(v)
        if a in (0.0, 1.0):
            ones = np.ones_like(v)
            spread = compared(
                Distributions(v, np.log(v)), Distributions(ones, 0.0 * ones), logs_exact=False
            )
            with np.errstate(over="ignore"):
                return self.scale * math.fsum(Alpha(0.0).terms(spread) + m * m) / 2.0
        with np.errstate(over="ignore"):
            mixed = 1.0 + b * (v - 1.0)
            if mixed.min() <= 0.0:
                return math.inf
            logs = b * np.log(v) - np.log1p(b * (v - 1.0)) - a * b * m * m / mixed
            return float(self.scale * np.expm1(math.fsum(logs) / 2.0) / (a * -b))


class JensenShannon:
    """(KL(p || r) + KL(q || r)) / 2 with r = (p + q)/2, in nats: from 0 to log 2."""

    counts_missed = False

    def heavy(self, log: Vector, values: Vector) -> Vector | None:
        """Return None: with the weight of w - 1 that `sampled` gives it no term is heavy."""
        del log, values
        return None

    def terms(self, ratio: Ratio) -> Vector:
        """Return what each entry adds."""
        p, q, *_ = ratio
        log_middle = np.logaddexp(p.log_mass, q.log_mass) - LOG2
        middle = Distributions((p.mass + q.mass) / 2.0, log_middle)
        with np.errstate(all="ignore"):
            # p/r - 1 = (p - q)/(p + q) = -(q/r - 1)
            s = ratio.excess / (2.0 + ratio.excess)
            to_p = Ratio(p, middle, s, p.log_mass - log_middle)
            to_q = Ratio(q, middle, -s, q.log_mass - log_middle)
        kl = Alpha(1.0)
        result: Vector = (kl.terms(to_p) + kl.terms(to_q)) / 2.0
        return result

    def sampled(self, log: Vector) -> Vector:
        """Return what has D for its mean over p, of log = log p/q.

        (log(p/r) + w log(q/r)) / 2 with w = q/p is
        (2 log 2 - log(1 + w) - w log(1 + 1/w)) / 2 + (w - 1) log(2)/2.
        The mean of w - 1 is 0, its variance may be infinite: where p and q are far apart that of
        the rest alone is the smaller, where they are near that of all by far (its error is then of
        second order, as D is). So w - 1 counts by the effective share of the weights, n_eff/n,
        which estimates 1/(1 + var w); and not at all where the samples show its mean not to be 0.
        By what is then added the mean changes by at most log(2)/2 n_eff/n |mean w - 1|.
        """
        n = len(log)
        with np.errstate(over="ignore", invalid="ignore"):
            w = np.exp(-log)
            both = np.where(w < np.inf, w * np.logaddexp(0.0, log), 1.0)
            both = np.where(log == np.inf, 0.0, both)
        values: Vector = (2.0 * LOG2 - np.logaddexp(0.0, -log) - both) / 2.0
        if n < 2 or mean_if_missed(log) is not None:
            return values
        share = float(effective_sizes(-log[None])[0]) / n
        return values + 0.5 * LOG2 * share * (w - 1.0)

    def of_normals(self, aligned: Aligned) -> float | None:
        """There is no closed form."""
        return None


class TotalVariation:
    """sum |p - q| / 2, from 0 to 1."""

    counts_missed = False

    def heavy(self, log: Vector, values: Vector) -> Vector | None:
        """Return None: the terms are within [0, 1]."""
        del log, values
        return None

    def terms(self, ratio: Ratio) -> Vector:
        """Return what each entry adds."""
        return np.asarray(np.abs(ratio.p.mass - ratio.q.mass) / 2.0)

    def sampled(self, log: Vector) -> Vector:
        """Return max(0, 1 - q/p): the mass that p has more than q, within [0, 1]."""
        with np.errstate(over="ignore"):
            return np.maximum(-np.expm1(-log), 0.0)

    def of_normals(self, aligned: Aligned) -> float | None:
        """There is no closed form."""
        return None


@dataclass(frozen=True)
class Custom:
    """A function of the ratio p/q given by the user, and its slope at infinity, if known."""

    function: str
    f: Callable[[Any], object]
    slope: float | None

    def __post_init__(self) -> None:
        if not abs(at_one := float(self._of(np.ones(1))[0])) <= 1e-9:
            raise ValueError(
                f"{self.function}: f(1) is {at_one:.6g}, expected 0: subtract it from f"
            )

    @property
    def counts_missed(self) -> bool:
        """Whether f(0) is not 0, by the least t at which t log t is not yet NaN."""
        least = np.full(1, sys.float_info.min)
        with np.errstate(all="ignore"):
            at_zero: Any = called(self.f, least, what=f"{self.function}: f")
        return bool(np.abs(np.asarray(at_zero, dtype=np.float64)).max() > 1e-9)

    def heavy(self, log: Vector, values: Vector) -> Vector | None:
        """Return log |values|."""
        del log
        with np.errstate(divide="ignore"):
            return np.log(np.abs(values))

    def terms(self, ratio: Ratio) -> Vector:
        """Return q f(p/q), and p lim f(t)/t where q is 0."""
        p, q = ratio.p.mass, ratio.q.mass
        with np.errstate(all="ignore"):
            t = np.where(p == q, 1.0, p / q)  # 0/0 too: neither has the entry
        lost = t == np.inf
        terms = q * self._of(np.where(lost, 1.0, t))
        if lost.any():
            terms[lost] = p[lost] * self._slope()
        return terms

    def sampled(self, log: Vector) -> Vector:
        """Return q/p f(p/q)."""
        with np.errstate(over="ignore", invalid="ignore"):
            inverse, t = np.exp(-log), np.exp(log)
            lost = t == np.inf
            values = inverse * self._of(np.where(lost, 1.0, t))
        if np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise ValueError(
                f"{self.function}: log(p/q) is {log[row]:.6g} at sample {row}: q/p f(p/q) leaves "
                f"float64; pass a name as f where there is one"
            )
        if lost.any():
            values[lost] = self._slope()
        return values

    def of_normals(self, aligned: Aligned) -> float | None:
        """There is no closed form."""
        return None

    def _of(self, t: Vector) -> Vector:
        with np.errstate(all="ignore"):
            given = called(self.f, t, what=f"{self.function}: f")
        values = np.array(given, dtype=np.float64)
        if values.shape != t.shape:
            raise ValueError(
                f"{self.function}: f gave an array of shape {values.shape} for one of shape "
                f"{t.shape}; expected one value for each ratio p/q"
            )
        if np.isnan(values).any():
            ratio = t.flat[int(np.isnan(values).argmax())]
            raise ValueError(
                f"{self.function}: f({ratio:.6g}) is NaN; write t log t as "
                f"scipy.special.xlogy(t, t), which is 0 at 0"
            )
        return values

    def _slope(self) -> float:
        if self.slope is None:
            raise ValueError(
                f"{self.function}: q is 0 where p is not, which adds p lim f(t)/t (t -> inf); "
                f"pass slope=<that limit>, math.inf where there is none"
            )
        return self.slope


Generator = Alpha | JensenShannon | TotalVariation | Custom

NAMED: dict[str, Generator] = {
    "kl": Alpha(1.0),
    "reverse-kl": Alpha(0.0),
    "jensen-shannon": JensenShannon(),
    "total-variation": TotalVariation(),
    "hellinger": Alpha(0.5, scale=0.25),
    "chi-squared": Alpha(2.0, scale=2.0),
}


ALIASES = {
    "kullback-leibler": "kl",
    "rkl": "reverse-kl",
    "js": "jensen-shannon",
    "jsd": "jensen-shannon",
    "tv": "total-variation",
    "tvd": "total-variation",
    "squared-hellinger": "hellinger",
    "chi2": "chi-squared",
    "chi-square": "chi-squared",
    "pearson": "chi-squared",
}


def as_name(f: str) -> str:
    """Return the name that is meant, in whatever case, or short; an unknown one as it came."""
    name = f.lower().replace("_", "-").replace(" ", "-")
    name = ALIASES.get(name, name)
    return name if name in (*NAMED, "alpha") else f


def as_generator(function: str, f: object, alpha: object, slope: object) -> Generator:
    """Return the generator that a name or a function stands for."""
    if alpha is not None and f != "alpha":
        raise ValueError(f"{function}: alpha is for f='alpha', f is {f!r}; leave alpha out")
    if slope is not None and not callable(f):
        raise ValueError(f"{function}: slope is for a function f, f is {f!r}; leave slope out")
    if callable(f):
        limit = None if slope is None else as_number(f"{function}: slope", slope)
        if limit is not None and math.isnan(limit):
            raise ValueError(f"{function}: slope is nan, expected lim f(t)/t, t -> inf")
        return Custom(function, f, limit)
    check_choice(f"{function}: f", f, (*NAMED, "alpha"), ", or a function of p/q")
    if f != "alpha":
        return NAMED[str(f)]
    if alpha is None:
        raise ValueError(f"{function}: f='alpha' needs a number: pass alpha=0.5, for example")
    number = as_number(f"{function}: alpha", alpha)
    if not math.isfinite(number):
        raise ValueError(f"{function}: alpha is {number}, expected a finite number")
    return Alpha(number)
