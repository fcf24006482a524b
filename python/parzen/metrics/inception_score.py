"""Inception Score, and the two factors that it is the product of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, xlogy

from parzen._arrays import as_samples, check_range, extent
from parzen._estimate import Estimate, freedom_of, provenance
from parzen._options import as_integer, as_seed
from parzen.metrics.draws import permutations
from parzen.metrics.logits import check_logits
from parzen.protocols import AnyProtocol, InceptionScoreRules, recorded, rules_of

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]

CHUNK_ROWS = 1024


class InceptionScore(NamedTuple):
    """An Inception Score.

    Attributes
    ----------
    mean, std
        Over the splits; std with ddof 0, unless a protocol has another. The standard error of
        `mean` is that of a mean over splits.
    sharpness
        exp(E sum_c p(c|x) log p(c|x)) over the whole sample, in (0, 1]: 1 where every x has one
        certain class.
    diversity
        exp(-sum_c p(c) log p(c)) over the whole sample, in [1, classes]: the effective number of
        classes. sharpness x diversity is the Inception Score of one split.
    """

    mean: Estimate
    std: Estimate
    sharpness: Estimate
    diversity: Estimate


def inception_score(
    logits: object,
    *,
    splits: int = 10,
    shuffle: bool = True,
    seed: int = 2020,
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> InceptionScore:
    """Return the Inception Score exp(E KL(p(c|x) || p(c))) of a classifier's logits.

    Parameters
    ----------
    logits
        (n, classes), before the softmax; of any size, as 1e4.
    splits
        The score is taken of each of so many equal parts, i n // splits to (i + 1) n // splits.
    shuffle, seed
        Rows are shuffled first, as torch-fidelity shuffles them.
    protocol
        A package whose splits, shuffle and ddof are taken instead; see `parzen.protocol`. A
        shuffle by a global generator is the one after seeding it with `seed`.
    progress
        Called with the fraction done.

    Returns
    -------
    InceptionScore
        ``mean``, ``std``, ``sharpness``, ``diversity``; pure numbers.

    Warns
    -----
    LogitsWarning
        Where every row is one of probabilities: take their logarithms.

    Raises
    ------
    ValueError, TypeError
        Where logits or options are not as described, or n < splits.

    References
    ----------
    Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 4.
    The score depends on n: Barratt and Sharma, "A note on the Inception Score", 2018.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> result = parzen.inception_score(1e4 * np.eye(10), splits=1)
    >>> round(result.mean, 12), round(result.diversity, 12), round(result.sharpness, 12)
    (10.0, 10.0, 1.0)
    """
    values = as_samples("logits", logits, function="inception_score")
    rules = InceptionScoreRules(
        as_integer("inception_score: splits", splits, 1), shuffle="numpy" if shuffle else None
    )
    if protocol is not None:
        given = {"splits": (splits, 10), "shuffle": (shuffle, True)}
        rules = rules_of("inception_score", protocol, "inception_score", **given)
    seed = as_seed("inception_score: seed", seed)
    n = len(values)
    if rules.split_size is None and n < rules.splits:
        raise ValueError(
            f"inception_score: logits has {n} rows, splits is {rules.splits}; pass splits<={n}"
        )
    check_range("inception_score", extent(values)[0], values)
    check_logits("inception_score", values)
    order = permutations(rules.shuffle, seed)(n) if rules.shuffle else np.arange(n)
    return score_of(values, order, rules, seed, recorded(protocol), progress)


def score_of(
    values: Samples,
    order: NDArray[Any],
    rules: InceptionScoreRules,
    seed: int | None,
    origin: dict[str, str],
    progress: Progress | None,
) -> InceptionScore:
    """Return the score of rows in a given order; `seed` and `origin` are for the record."""
    n, classes = values.shape
    bounds = _boundaries(n, rules)
    splits = len(bounds) - 1
    facts = {"splits": splits, "shuffle": rules.shuffle is not None, "seed": seed, **origin}
    record = provenance("inception_score", values, None, **facts)

    certainty = np.empty(n)  # sum_c p log p, of each row
    totals = np.zeros((splits, classes))  # sum of p over the rows of each split
    for i in range(splits):
        for rows, log_p in _chunks(values, order, bounds[i], bounds[i + 1]):
            p = np.exp(log_p)
            certainty[rows] = np.einsum("ij,ij->i", p, log_p)
            totals[i] += p.sum(axis=0)
            if progress is not None:
                progress(0.5 * rows.stop / n)

    scores = np.empty(splits)
    for i in range(splits):
        lo, hi = bounds[i], bounds[i + 1]
        scores[i] = np.exp(certainty[lo:hi].mean() + _entropy(totals[i] / (hi - lo)))

    marginal = totals.sum(axis=0) / n
    log_marginal = np.log(marginal, out=np.zeros(classes), where=marginal > 0.0)
    surprise = np.empty(
        n
    )  # -sum_c p log p(c), of each row: what the marginal entropy is the mean of
    for rows, log_p in _chunks(values, order, 0, n):
        surprise[rows] = -np.exp(log_p) @ log_marginal
        if progress is not None:
            progress(0.5 + 0.5 * rows.stop / n)

    stderr = None if splits == 1 else float(scores.std(ddof=1) / np.sqrt(splits))
    over_splits = {**record, "degrees_of_freedom": splits - 1}
    return InceptionScore(
        Estimate(scores.mean(), stderr, over_splits if splits > 1 else record),
        Estimate(scores.std(ddof=rules.ddof) if splits > rules.ddof else 0.0, None, record),
        _exponential(certainty.mean(), certainty, record),
        _exponential(_entropy(marginal), surprise, record),
    )


def _boundaries(n: int, rules: InceptionScoreRules) -> list[int]:
    if rules.split_size is None and rules.boundaries == "even":
        return [i * n // rules.splits for i in range(rules.splits + 1)]
    rows = rules.split_size or -(-n // rules.splits)
    return [*range(0, n, rows), n]


def _chunks(
    logits: Samples, order: NDArray[Any], start: int, stop: int
) -> Iterator[tuple[slice, Vector]]:
    """Yield log p(c|x) in float64 for rows `start` to `stop` of the shuffled sample.

    log_softmax subtracts the largest logit first: no exponential overflows, and log p is finite
    where p underflows to 0.
    """
    for lo in range(start, stop, CHUNK_ROWS):
        rows = slice(lo, min(lo + CHUNK_ROWS, stop))
        yield rows, log_softmax(logits[order[rows]].astype(np.float64), axis=1)


def _entropy(p: Vector) -> float:
    """Return -sum p log p, with 0 log 0 = 0: a class that underflows everywhere adds nothing."""
    return -float(xlogy(p, p).sum())


def _exponential(exponent: float, terms: Vector, record: dict[str, object]) -> Estimate:
    """Return exp(exponent); to first order its relative error is that of the mean of `terms`."""
    value = float(np.exp(exponent))
    n = len(terms)
    stderr = None if n < 2 else value * float(terms.std(ddof=1)) / np.sqrt(n)
    return Estimate(value, stderr, {**record, "interval_scale": "log", **freedom_of(n)})
