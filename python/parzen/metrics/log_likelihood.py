"""The log-likelihoods of a stream, part by part, and the numbers that they come to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from parzen._arrays import FLOAT64_LIMIT, as_logs
from parzen._estimate import Estimate, __version__
from parzen._options import as_integer, as_number
from parzen.metrics.groups import GroupedSums, group_numbers, grouped_sums

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
    sample variance", American Statistician 37, 1983. Standard errors of groups: Liang and Zeger,
    "Longitudinal data analysis using generalized linear models", Biometrika 73, 1986.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> stream = parzen.LogLikelihood()
    >>> for p in (0.5, 0.25, 0.125):
    ...     stream = stream.update([np.log(p)])
    >>> round(stream.result().perplexity, 12), stream.n
    (4.0, 3)
    >>> stream
    LogLikelihood(n=3, mean=-1.3863)
    """

    def __init__(self) -> None:
        self._sums, self._impossible = GroupedSums(), 0  # of the finite; how many are -inf

    def __repr__(self) -> str:
        mean = -math.inf if self._impossible else self._sums.mean
        return f"LogLikelihood(n={self.n}" + (f", mean={mean:.5g})" if self.n else ")")

    @property
    def n(self) -> int:
        """How many log-likelihoods were seen."""
        return self._sums.count + self._impossible

    def update(self, log_probs: object, *, groups: object = None) -> LogLikelihood:
        """Add log-likelihoods, in nats, -inf allowed. Returns itself.

        Parameters
        ----------
        log_probs, groups
            As in `perplexity`. A group comes in one part: those of another part are others, even
            where their labels are the same.

        Raises
        ------
        ValueError, TypeError
            Where there are none, or NaN or +inf among them.
        """
        return self._add("LogLikelihood", log_probs, groups=groups)

    def merge(self, other: LogLikelihood) -> LogLikelihood:
        """Add what another has seen. Returns itself.

        Raises
        ------
        TypeError, ValueError
            Where `other` is no `LogLikelihood`, or this one itself, which would count twice.
        """
        if not isinstance(other, LogLikelihood):
            raise TypeError(
                f"LogLikelihood: other is a {type(other).__name__}, expected a LogLikelihood"
            )
        if other is self:
            raise ValueError(
                "LogLikelihood: other is this one itself; expected what another part of the data "
                "gave, since each log-likelihood counts once"
            )
        self._impossible += other._impossible
        self._sums.add(other._sums)
        return self

    def result(self, dims: int = 1, *, offset: float = 0.0) -> Likelihood:
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

    def _add(
        self, function: str, log_probs: object, name: str = "log_probs", groups: object = None
    ) -> LogLikelihood:
        masked: Any = log_probs if isinstance(log_probs, np.ma.MaskedArray) else None
        given = log_probs if masked is None else masked.filled(0.0)
        logs = as_logs(name, given, function=function, meaning="log-likelihoods in nats")
        group_of = group_numbers(function, name, logs.shape, groups)
        counted = np.ones(logs.shape, bool) if masked is None else ~np.ma.getmaskarray(masked)
        if not counted.any():
            raise ValueError(f"{function}: {name} has no value that is not masked")
        finite = counted & (logs > -np.inf)
        self._impossible += int(counted.sum() - finite.sum())
        values = logs[finite].astype(np.float64)
        group_of = None if group_of is None else group_of[finite.ravel()]
        if values.size > 0:
            largest = float(np.abs(values).max())
            if largest > FLOAT64_LIMIT:
                raise ValueError(
                    f"{function}: {name} has {largest:.3g} in magnitude, expected numbers whose "
                    f"sum float64 can hold"
                )
            with np.errstate(over="ignore"):
                self._sums.add(grouped_sums(values, group_of))
        return self

    def _result(self, function: str, dims: object, offset: object) -> Likelihood:
        dims = as_integer(f"{function}: dims", dims, 1)
        offset = as_number(f"{function}: offset", offset)
        if not math.isfinite(offset):
            raise ValueError(f"{function}: offset is {offset}, expected a finite number")
        if self.n == 0:
            raise ValueError(f"{function}: there are no log-likelihoods yet; call update first")
        record: dict[str, Any] = {"metric": function, "n": self.n, "dims": dims, "offset": offset}
        record["version"] = __version__
        mean, stderr = -math.inf, None
        if self._impossible == 0:
            mean, stderr = self._sums.mean, self._sums.stderr()
            record["groups"] = self._sums.groups
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
