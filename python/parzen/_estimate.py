"""What a metric gives back: a number that carries its standard error and how it came about."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from parzen._samples import computation
from parzen._shares import wilson

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

__version__ = version("parzen")

LARGEST_EXPONENT = 709.0


class LowerBoundWarning(UserWarning):
    """A standard error, and an interval that is made of it, leaves out some of the noise."""


class Estimate(float):
    """A float with a standard error and a provenance.

    Arithmetic, formatting, comparison and JSON see the number alone.

    Parameters
    ----------
    value
        The number.
    stderr
        Its standard error, in the same unit; None where no estimate of it is known.
    provenance
        How it was computed: metric, sizes, type, method, parameters, seed, package version.

    Examples
    --------
    >>> from parzen import Estimate
    >>> value = Estimate(0.25, stderr=0.01)
    >>> value
    Estimate(0.25, stderr=0.01)
    >>> value.stderr, value * 2
    (0.01, 0.5)
    """

    __slots__ = ("provenance", "stderr")

    stderr: float | None
    provenance: dict[str, Any]

    def __new__(
        cls, value: float, stderr: float | None = None, provenance: dict[str, Any] | None = None
    ) -> Estimate:
        self = super().__new__(cls, value)
        self.stderr = None if stderr is None else float(stderr)
        self.provenance = {} if provenance is None else dict(provenance)
        return self

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval, as a rule value -+ quantile x stderr.

        The quantile is the normal one, or Student's where the provenance has degrees of freedom
        because the standard error itself is from few numbers. A number of a bounded ``range`` (a
        share, a p-value) has Wilson's interval, which does not leave it. A number that is the
        exponential of another (``interval_scale`` is ``"log"``: a perplexity) has the
        exponentials of that one's ends, which are positive. Where the provenance has an
        ``interval``, of a bootstrap, it is that one. What the interval is for is said by the
        provenance's ``estimand``, where it is not the obvious.

        Parameters
        ----------
        level
            The share of such intervals that hold what is estimated, 0 < level < 1.

        Returns
        -------
        tuple of float
            Low and high.

        Raises
        ------
        ValueError
            Where there is no standard error, `level` is no such share, or it is not the level of
            the bootstrap's interval.

        Warns
        -----
        LowerBoundWarning
            Where the standard error is a lower bound, so that the interval is too short: the
            provenance's ``lower_bound`` says what was held fixed, and what to do.

        References
        ----------
        Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
        the American Statistical Association 22, 1927.

        Examples
        --------
        >>> from parzen import Estimate
        >>> [round(end, 3) for end in Estimate(1.0, stderr=0.1).interval()]
        [0.804, 1.196]
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"interval: level is {level!r}, expected a number between 0 and 1")
        facts = self.provenance
        if "interval" in facts:
            return _taken(facts["interval"], level)
        if self.stderr is None:
            raise ValueError(f"interval: no standard error of {self!r} is known")
        if "lower_bound" in facts:
            warnings.warn(
                f"interval: the standard error of {facts.get('metric', 'this')} is a lower bound, "
                f"and the interval too short: {facts['lower_bound']}",
                LowerBoundWarning,
                stacklevel=2,
            )
        from scipy.special import ndtri, stdtrit

        freedom = facts.get("degrees_of_freedom")
        tail = 0.5 + level / 2.0
        quantile = float(ndtri(tail) if freedom is None else stdtrit(freedom, tail))
        if "range" in facts:
            low, high = facts["range"]
            width = high - low
            ends = wilson((float(self) - low) / width, self.stderr / width, quantile)
            return low + width * ends[0], low + width * ends[1]
        reach = quantile * self.stderr
        if facts.get("interval_scale") == "log" and self > 0.0:  # to first order, d log x = dx / x
            factor = math.exp(min(reach / float(self), LARGEST_EXPONENT))
            return float(self) / factor, float(self) * factor
        return float(self) - reach, float(self) + reach

    def __repr__(self) -> str:
        error = "" if self.stderr is None else f", stderr={self.stderr:.3g}"
        return f"Estimate({float(self)!r}{error})"

    def __str__(self) -> str:
        return float.__repr__(self)

    def __reduce__(self) -> tuple[type[Estimate], tuple[float, float | None, dict[str, Any]]]:
        return Estimate, (float(self), self.stderr, self.provenance)


def _taken(interval: dict[str, float], level: float) -> tuple[float, float]:
    """Return the ends of an interval that was taken at one level, where that is the level."""
    taken = interval["level"]
    if not math.isclose(level, taken):
        raise ValueError(
            f"interval: level is {level}, the bootstrap's interval was taken at {taken:g}; pass "
            f"level={taken:g}, or the wanted level to the metric"
        )
    return interval["low"], interval["high"]


def provenance(
    metric: str, x: AnySamples, y: AnySamples | None = None, **facts: object
) -> dict[str, Any]:
    """Return what a reader needs to compute the number again."""
    sizes = {"n": x.shape[0]} if y is None else {"n": x.shape[0], "m": y.shape[0]}
    return {
        "metric": metric,
        **sizes,
        "d": x.shape[1],
        "dtype": str(x.dtype),
        **facts,
        **computation(x),
        "version": __version__,
    }


def freedom_of(numbers: int) -> dict[str, int]:
    """Return what provenance says of the standard error of a mean over independent numbers.

    `Estimate.interval` takes Student's quantile for it: of 5 numbers the normal one holds 88 %.
    """
    return {"degrees_of_freedom": numbers - 1} if numbers > 1 else {}


def part(progress: Progress | None, start: float, stop: float) -> Callable[[float], None] | None:
    """Return a callback for a stretch of a computation, given as two fractions of the whole."""
    if progress is None:
        return None
    return lambda fraction: progress(start + (stop - start) * fraction)
