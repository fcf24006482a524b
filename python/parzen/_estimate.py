"""What a metric gives back: a number that carries its standard error and how it came about."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from parzen._samples import computation

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

__version__ = version("parzen")


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
        """Return a confidence interval, value -+ quantile x stderr.

        The quantile is the normal one, or Student's where the provenance has degrees of freedom
        because the standard error itself is from few numbers. What the interval is for is said
        by the provenance's ``estimand``, where it is not the obvious.

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
            Where there is no standard error, or `level` is no such share.

        Examples
        --------
        >>> from parzen import Estimate
        >>> [round(end, 3) for end in Estimate(1.0, stderr=0.1).interval()]
        [0.804, 1.196]
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"interval: level is {level!r}, expected a number between 0 and 1")
        if self.stderr is None:
            raise ValueError(f"interval: no standard error of {self!r} is known")
        from scipy.special import ndtri, stdtrit

        freedom = self.provenance.get("degrees_of_freedom")
        tail = 0.5 + level / 2.0
        quantile = ndtri(tail) if freedom is None else stdtrit(freedom, tail)
        reach = float(quantile) * self.stderr
        return float(self) - reach, float(self) + reach

    def __repr__(self) -> str:
        error = "" if self.stderr is None else f", stderr={self.stderr:.3g}"
        return f"Estimate({float(self)!r}{error})"

    def __str__(self) -> str:
        return float.__repr__(self)

    def __reduce__(self) -> tuple[type[Estimate], tuple[float, float | None, dict[str, Any]]]:
        return Estimate, (float(self), self.stderr, self.provenance)


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


def part(progress: Progress | None, start: float, stop: float) -> Callable[[float], None] | None:
    """Return a callback for a stretch of a computation, given as two fractions of the whole."""
    if progress is None:
        return None
    return lambda fraction: progress(start + (stop - start) * fraction)
