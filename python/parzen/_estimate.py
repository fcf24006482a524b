"""What a metric gives back: a number that carries its standard error and how it came about."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

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

    def __repr__(self) -> str:
        error = "" if self.stderr is None else f", stderr={self.stderr:.3g}"
        return f"Estimate({float(self)!r}{error})"

    def __str__(self) -> str:
        return float.__repr__(self)

    def __reduce__(self) -> tuple[type[Estimate], tuple[float, float | None, dict[str, Any]]]:
        return Estimate, (float(self), self.stderr, self.provenance)


def provenance(
    metric: str, x: Samples, y: Samples | None = None, **facts: object
) -> dict[str, Any]:
    """Return what a reader needs to compute the number again."""
    sizes = {"n": x.shape[0]} if y is None else {"n": x.shape[0], "m": y.shape[0]}
    return {
        "metric": metric,
        **sizes,
        "d": x.shape[1],
        "dtype": str(x.dtype),
        **facts,
        "device": "cpu",
        "version": __version__,
    }


def part(progress: Progress | None, start: float, stop: float) -> Callable[[float], None] | None:
    """Return a callback for a stretch of a computation, given as two fractions of the whole."""
    if progress is None:
        return None
    return lambda fraction: progress(start + (stop - start) * fraction)
