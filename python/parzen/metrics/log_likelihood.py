"""The log-likelihoods of a stream, part by part, and the numbers that they come to."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.special import chdtri

from parzen._arrays import FLOAT64_LIMIT, as_logs
from parzen._estimate import Estimate, LowerBoundWarning, __version__, freedom_of
from parzen._options import as_integer, as_number
from parzen.metrics.groups import (
    GroupedSums,
    LabelledGroups,
    Numbers,
    grouped_sums,
    label_numbers,
    row_numbers,
)

LOG2 = math.log(2.0)

FALSE_ALARMS = 1e-3  # of streams of independent terms
TOLERATED = 1.5  # a standard error that is 0.8 of the right one


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

    Parts may come in any order and from several processes: the mean is that of all at once, to
    rounding (1e-12), and so is its standard error, as long as each group is the same in both. A
    flat part (n,) has n terms that are independent, as those of n images are. The tokens of a text
    are not: one text is a row of its own, ``update(row[None])``, several of one length the rows of
    an array, and a text that comes in several parts has a label, the same in all: ``groups=``.

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
        # Of the finite: flat parts by term and by part, rows, labels; and how many are -inf.
        self._flat, self._parts, self._rows = GroupedSums(), GroupedSums(), GroupedSums()
        self._labelled, self._impossible = LabelledGroups(), 0
        self._widths: set[int] = set()  # terms in a row of the parts

    def __repr__(self) -> str:
        mean = -math.inf if self._impossible else self._sums().mean
        return f"LogLikelihood(n={self.n}" + (f", mean={mean:.5g})" if self.n else ")")

    @property
    def n(self) -> int:
        """How many log-likelihoods were seen."""
        seen = self._flat.count + self._rows.count + self._labelled.count
        return seen + self._impossible

    def update(self, log_probs: object, *, groups: object = None) -> LogLikelihood:
        """Add log-likelihoods, in nats, -inf allowed. Returns itself.

        Parameters
        ----------
        log_probs, groups
            As in `perplexity`. Labels hold for the whole stream: rows of one label are one group,
            whatever part they come in (so that numbers which start anew in each part join what is
            apart). Without labels each row of an array of two dimensions is a group, and no row of
            another part belongs to it.

        Raises
        ------
        ValueError, TypeError
            Where there are none, or NaN or +inf among them.
        """
        return self._add("LogLikelihood", log_probs, groups=groups)

    def merge(self, other: LogLikelihood) -> LogLikelihood:
        """Add what another has seen, groups of the same label as one. Returns itself.

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
        self._flat.add(other._flat)
        self._parts.add(other._parts)
        self._rows.add(other._rows)
        self._labelled.merge(other._labelled)
        self._widths |= other._widths
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
            Where nothing was seen yet, options are not as described, or each row that was seen has
            `dims` terms, more than one: a term is then of one dimension.

        Warns
        -----
        LowerBoundWarning
            Where the terms of flat parts are alike within a part and not between them, as those of
            one text are: the standard error, of independent terms, is then too small.
        """
        if self._impossible == 0:
            self._check_flat_parts()
        return self._result("LogLikelihood", dims, offset)

    def _add(
        self, function: str, log_probs: object, name: str = "log_probs", groups: object = None
    ) -> LogLikelihood:
        masked: Any = log_probs if isinstance(log_probs, np.ma.MaskedArray) else None
        given = log_probs if masked is None else masked.filled(0.0)
        logs = as_logs(name, given, function=function, meaning="log-likelihoods in nats")
        labels: list[Any] = []
        group_of: Numbers | None = None
        if groups is not None:
            group_of, labels = label_numbers(function, name, logs.shape, groups)
        elif logs.ndim > 1:
            group_of = row_numbers(logs.shape)
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
                if group_of is None:
                    self._flat.add(grouped_sums(values, None))
                    self._parts.add(grouped_sums(values, np.zeros(values.size, np.intp)))
                elif groups is None:
                    self._rows.add(grouped_sums(values, group_of))
                else:
                    self._labelled.add(values, group_of, labels)
        self._widths.add(math.prod(logs.shape[1:]))
        return self

    def _sums(self) -> GroupedSums:
        sums = self._labelled.sums()
        sums.add(self._rows)
        sums.add(self._flat)
        return sums

    def _check_flat_parts(self) -> None:
        """Warn where flat parts differ by more than independent terms make them.

        The variance by parts over that by terms is then about chi-squared over its degrees of
        freedom, one less than the parts, of which a few large ones count as few.
        """
        by_part, by_term = self._parts.stderr(), self._flat.stderr()
        if not by_part or not by_term:
            return
        freedom = max(self._parts.count**2 / self._parts.sizes - 1.0, 1.0)
        expected = float(chdtri(freedom, FALSE_ALARMS)) / freedom
        if (by_part / by_term) ** 2 > max(expected, TOLERATED):
            warnings.warn(
                f"LogLikelihood: the terms of a flat part are alike; if parts are texts, the "
                f"standard error is {by_part:.3g}, not {by_term:.3g}: add a text by "
                f"update(row[None]), or with groups=<a label for each row>",
                LowerBoundWarning,
                stacklevel=3,
            )

    def _result(self, function: str, dims: object, offset: object) -> Likelihood:
        dims = as_integer(f"{function}: dims", dims, 1)
        offset = as_number(f"{function}: offset", offset)
        if not math.isfinite(offset):
            raise ValueError(f"{function}: offset is {offset}, expected a finite number")
        if self.n == 0:
            raise ValueError(f"{function}: there are no log-likelihoods yet; call update first")
        if dims > 1 and self._widths == {dims}:
            raise ValueError(
                f"{function}: dims is {dims} and each row has {dims} terms, which are then of one "
                f"dimension each; pass dims=1, or their sums over a row, one for each sample"
            )
        record: dict[str, Any] = {"metric": function, "n": self.n, "dims": dims, "offset": offset}
        record["version"] = __version__
        mean, stderr = -math.inf, None
        if self._impossible == 0:
            sums = self._sums()
            mean, stderr = sums.mean, sums.stderr()
            record |= {"groups": sums.groups, **freedom_of(sums.groups)}
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(-mean / dims))
        known = stderr is not None and math.isfinite(perplexity)
        bits = dims * LOG2
        exponential = {**record, "interval_scale": "log"}
        return Likelihood(
            Estimate(mean, stderr, record),
            Estimate(-mean, stderr, record),
            Estimate(
                perplexity, perplexity * (stderr or 0.0) / dims if known else None, exponential
            ),
            Estimate(-mean / bits + offset, None if stderr is None else stderr / bits, record),
        )
