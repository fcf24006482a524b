"""The log-likelihoods of a stream, part by part, and the numbers that they come to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from parzen._arrays import FLOAT64_LIMIT, as_logs
from parzen._estimate import Estimate, __version__
from parzen._options import as_integer, as_number

LOG2 = math.log(2.0)


class Likelihood(NamedTuple):
    """What the log-likelihoods of a held-out sample say.

    Attributes
    ----------
    log_likelihood
        Their mean, in nats.
    negative_log_likelihood
        Minus that: the cross-entropy of data and model.
    perplexity
        exp(-mean / dims) = 2^(-mean of log2 p / dims).
    bits_per_dim
        -mean / (dims log 2) + offset.
    """

    log_likelihood: Estimate
    negative_log_likelihood: Estimate
    perplexity: Estimate
    bits_per_dim: Estimate


class LogLikelihood:
    """Log-likelihoods of a stream: their mean, its standard error, perplexity and bits per dim.

    Parts may come in any order and from several processes: the result is that of all at once, to
    rounding (1e-12).

    References
    ----------
    Means and squares are merged as by Chan, Golub and LeVeque, "Algorithms for computing the
    sample variance", American Statistician 37, 1983.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> stream = parzen.LogLikelihood()
    >>> for p in (0.5, 0.25, 0.125):
    ...     stream = stream.update([np.log(p)])
    >>> round(stream.result().perplexity, 12), stream.n
    (4.0, 3)
    """

    def __init__(self) -> None:
        self._finite, self._impossible = 0, 0  # how many are finite, how many -inf
        self._mean, self._squares = 0.0, 0.0  # of the finite; of their deviations from it

    @property
    def n(self) -> int:
        """How many log-likelihoods were seen."""
        return self._finite + self._impossible

    def update(self, log_probs: object) -> LogLikelihood:
        """Add log-likelihoods, in nats: any shape, -inf allowed. Returns itself.

        Raises
        ------
        ValueError, TypeError
            Where there are none, or NaN or +inf among them.
        """
        return self._add("LogLikelihood", log_probs)

    def merge(self, other: LogLikelihood) -> LogLikelihood:
        """Add what another has seen. Returns itself.

        Raises
        ------
        TypeError
            Where `other` is no `LogLikelihood`.
        """
        if not isinstance(other, LogLikelihood):
            raise TypeError(
                f"LogLikelihood: other is a {type(other).__name__}, expected a LogLikelihood"
            )
        self._impossible += other._impossible
        self._combine(other._finite, other._mean, other._squares)
        return self

    def result(self, *, dims: int = 1, offset: float = 0.0) -> Likelihood:
        """Return the four numbers, with standard errors; those of perplexity to first order.

        Parameters
        ----------
        dims
            Dimensions of what each log-likelihood is of: 1 for tokens, 3 x 32 x 32 for images.
        offset
            Added to the bits per dimension, as in `bits_per_dim`.

        Raises
        ------
        ValueError, TypeError
            Where nothing was seen yet, or options are not as described.
        """
        return self._result("LogLikelihood", dims, offset)

    def _add(self, function: str, log_probs: object, name: str = "log_probs") -> LogLikelihood:
        logs = as_logs(name, log_probs, function=function, meaning="log-likelihoods in nats")
        values = logs.astype(np.float64).ravel()
        finite = values[values > -np.inf]
        if finite.size > 0:
            largest = float(np.abs(finite).max())
            if largest > FLOAT64_LIMIT:
                raise ValueError(
                    f"{function}: {name} has {largest:.3g} in magnitude, expected numbers whose "
                    f"sum float64 can hold"
                )
            mean = math.fsum(finite) / finite.size
            with np.errstate(over="ignore"):
                self._combine(finite.size, mean, float(np.square(finite - mean).sum()))
        self._impossible += values.size - finite.size
        return self

    def _combine(self, count: int, mean: float, squares: float) -> None:
        total = self._finite + count
        if count == 0:
            return
        shift, share = mean - self._mean, count / total
        self._squares += squares + shift * shift * self._finite * share
        self._mean += shift * share
        self._finite = total

    def _result(self, function: str, dims: object, offset: object) -> Likelihood:
        dims = as_integer(f"{function}: dims", dims, 1)
        offset = as_number(f"{function}: offset", offset)
        if not math.isfinite(offset):
            raise ValueError(f"{function}: offset is {offset}, expected a finite number")
        if self.n == 0:
            raise ValueError(f"{function}: there are no log-likelihoods yet; call update first")
        record: dict[str, Any] = {"metric": function, "n": self.n, "dims": dims, "offset": offset}
        record["version"] = __version__
        mean, stderr = self._mean, None
        if self._impossible > 0:
            mean = -math.inf
        elif self.n > 1:
            stderr = math.sqrt(self._squares / (self.n - 1) / self.n)
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(-mean / dims))
        known = stderr is not None and math.isfinite(perplexity)
        bits = dims * LOG2
        return Likelihood(
            Estimate(mean, stderr, record),
            Estimate(-mean, stderr, record),
            Estimate(perplexity, perplexity * (stderr or 0.0) / dims if known else None, record),
            Estimate(-mean / bits + offset, None if stderr is None else stderr / bits, record),
        )
