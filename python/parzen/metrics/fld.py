"""Feature Likelihood Divergence: how likely test samples are under windows on the fake ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from parzen._arrays import check_range, distance_magnitude, extent
from parzen._copies import COPIES, are_given_twice, copied_shares, warn_of_copies
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, as_seed
from parzen.metrics.squared_distances import distance_blocks
from parzen.metrics.train_test_fake import as_train_test_fake

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]

KEPT_DISTANCES = 2**26  # as many are kept between iterations (512 MB); more are computed again
MOST_ITERATIONS = 200
GAIN = 1e-5  # in nats a dimension, a thousandth of the unit of FLD: the fit stops below it
LOG_VARIANCES = (-40.0, 40.0)
BACKGROUND_SHRINKAGE = 0.9**2  # of squared distances from the mean of the training sample


class FLD(NamedTuple):
    """A Feature Likelihood Divergence.

    Attributes
    ----------
    value
        100 times what the test sample loses in log-likelihood a dimension, in nats, against the
        baseline of training samples in the place of fake ones; near 0 for a perfect generator.
        Positive where fidelity, diversity or novelty is missing.
    gap
        100 times the mean log-likelihood a dimension of test less that of training samples: the
        more negative, the more the generator has memorized.
    """

    value: Estimate
    gap: Estimate


def fld(
    train: object,
    test: object,
    fake: object,
    *,
    fake_size: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> FLD:
    """Return the Feature Likelihood Divergence of a generator.

    A Gaussian window on each fake sample, each with its own variance, fitted to the training sample
    by maximum likelihood; the log-likelihood of the test sample under it. A window on a copy of a
    training sample shrinks to nothing and explains no test sample.

    Parameters
    ----------
    train, test, fake
        Features (l, d), (n, d) and (m, d): what the generator was trained on, what it was not, and
        what it made; l >= 4, n >= 2. All are standardised by the mean and the standard deviation of
        the test sample.
    fake_size
        Of more fake samples so many are drawn.
    seed
        Of that draw, and of the halves of the baseline.
    progress
        Called with the fraction done; the number of iterations is not known beforehand.

    Returns
    -------
    FLD
        ``value`` and ``gap``. The standard errors are those of means over the test (and training)
        samples with the fitted windows held fixed: lower bounds.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described.

    Warns
    -----
    CopiedSampleWarning
        Where two of the three are one array. Where more than 1 in 100 fake samples are, to the bit,
        training samples, beyond the share of the test samples that are: they are memorized, which
        `value` and `gap` then show.

    References
    ----------
    Jiralerspong, Bose, Gemp, Qin, Bachrach and Gidel, "Feature likelihood divergence: evaluating
    the generalization of generative models using samples", NeurIPS 2023. The fit:
    Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
    Journal of the Royal Statistical Society B 39, 1977.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> train, test, fake = np.random.default_rng(0).normal(size=(3, 400, 4))
    >>> good, copies = parzen.fld(train, test, fake), parzen.fld(train, test, train + 1e-3 * fake)
    >>> good.value < 20 < copies.value
    True
    """
    function = "fld"
    most = as_integer(f"{function}: fake_size", fake_size, 1)
    seed = as_seed(f"{function}: seed", seed)
    a, b, c = as_train_test_fake(function, train, test, fake, min_rows=(4, 2, 1))
    warned = are_given_twice((train, fake), (a, c))
    random = np.random.default_rng(seed)
    if len(c) > most:
        c = c[np.sort(random.choice(len(c), most, replace=False))]
    facts = {"train": len(a), "fake_size": most, "seed": seed}
    record = provenance(function, b, c, lower_bound="the fitted windows are held fixed", **facts)
    a, b, c = _standardised(a, b, c)
    record["copies"], by_chance = copied_shares(a, c, b)
    if not warned and record["copies"] - by_chance > COPIES:
        warn_of_copies(
            f"{function}: {record['copies']:.0%} of the fake samples are exact copies of training "
            f"samples: the generator has memorized them, or is train given in the place of fake?"
        )
    d = b.shape[1]
    windows = _fitted(c, a, part(progress, 0.0, 0.5))
    of_test, of_train = windows.log_density(b) / d, windows.log_density(a) / d
    order = random.permutation(len(a))
    half = min(len(c), len(a) // 2)
    baseline = _fitted(a[order[:half]], a[order[half:]], part(progress, 0.5, 1.0))
    lost = 100.0 * (baseline.log_density(b) / d - of_test)
    if progress is not None:
        progress(1.0)
    gap = 100.0 * float(of_test.mean() - of_train.mean())
    gap_error = 100.0 * math.hypot(*(_standard_error(terms) for terms in (of_test, of_train)))
    return FLD(
        Estimate(lost.mean(), _standard_error(lost), record), Estimate(gap, gap_error, record)
    )


@dataclass(frozen=True)
class Windows:
    """An equal mixture of round Gaussians: at centers (m, d), with log-variances (m,)."""

    centers: Vector
    log_variances: Vector

    def log_density(self, queries: Vector) -> Vector:
        """Return the log-density at each query, in nats: (n,)."""
        density = np.empty(len(queries))
        for some, squared in distance_blocks(self.centers, queries):
            density[some] = logsumexp(self.log_windows(squared), axis=1)
        return density

    def log_windows(self, squared: Vector) -> Vector:
        """Return log N(q; c_j, v_j) / m from squared distances (queries, m)."""
        m, d = self.centers.shape
        constants = -0.5 * d * (self.log_variances + math.log(2.0 * math.pi)) - math.log(m)
        logs: Vector = squared * (-0.5 * np.exp(-self.log_variances)) + constants
        return logs


def _fitted(centers: Vector, x: Vector, progress: Progress | None) -> Windows:
    """Return windows whose variances maximise the likelihood of x, by expectation maximisation.

    With r_ij the share of window j in the density at x_i, v_j becomes
    sum_i r_ij |x_i - c_j|^2 / (d sum_i r_ij): no step makes the likelihood smaller. As in the
    authors' fit a background takes part, one more Gaussian about the mean of x with a variance of
    its own: outliers then do not widen the nearest window. It is no part of the windows returned.
    """
    d = x.shape[1]
    from_mean = BACKGROUND_SHRINKAGE * np.square(x - x.mean(axis=0)).sum(axis=1)
    blocks = _Blocks(centers, x)
    nearest = np.full(len(centers), np.inf)
    for _, squared in blocks:
        np.minimum(nearest, squared.min(axis=0), out=nearest)
    # Where a window is the only one at its nearest sample, that distance is its best variance.
    log_variances, background = np.log((nearest + 1e-3) / d), 0.0
    before = -math.inf
    for iteration in range(MOST_ITERATIONS):
        windows = Windows(centers, np.clip(log_variances, *LOG_VARIANCES))
        likelihood = 0.0
        weights, sums = np.zeros(len(centers)), np.zeros(len(centers))
        outlying = np.empty(len(x))
        for some, squared in blocks:
            logs = windows.log_windows(squared)
            behind = -0.5 * from_mean[some] * math.exp(-background)
            behind -= 0.5 * d * (background + math.log(2.0 * math.pi))
            totals = np.logaddexp(logsumexp(logs, axis=1), behind)
            shares = np.exp(logs - totals[:, None])
            weights += shares.sum(axis=0)
            sums += np.einsum("ij,ij->j", shares, squared)
            outlying[some] = np.exp(behind - totals)
            likelihood += float(totals.sum())
        likelihood /= len(x) * d
        if progress is not None:
            progress(1.0 - 0.9**iteration)
        if likelihood - before < GAIN:
            break
        before = likelihood
        # A window with no share keeps its variance.
        with np.errstate(divide="ignore", invalid="ignore"):
            updated = np.log(sums / d) - np.log(weights)
        log_variances = np.where(weights > 1e-300, updated, windows.log_variances)
        if outlying.sum() > 0.0 and (spread := float(outlying @ from_mean)) > 0.0:
            background = math.log(spread / (d * float(outlying.sum())))
            background = min(max(background, LOG_VARIANCES[0]), LOG_VARIANCES[1])
    return windows


class _Blocks(Iterable[tuple[slice, Vector]]):
    """Squared distances of some rows of x at a time to all centers, kept where they are few."""

    def __init__(self, centers: Vector, x: Vector) -> None:
        self.pair = centers, x
        few = len(centers) * len(x) <= KEPT_DISTANCES
        self.kept = list(distance_blocks(*self.pair)) if few else None

    def __iter__(self) -> Iterator[tuple[slice, Vector]]:
        return distance_blocks(*self.pair) if self.kept is None else iter(self.kept)


def _standardised(*samples: Samples) -> list[Vector]:
    """Return all by the mean and standard deviation (ddof 1) of the second, the test sample."""
    test = samples[1].astype(np.float64)
    mean, deviation = test.mean(axis=0), test.std(axis=0, ddof=1)
    # Of a constant column rounding may leave a deviation, of denormal numbers underflow none.
    deviation[(np.ptp(test, axis=0) == 0.0) | (deviation == 0.0)] = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        found = [(s - mean) / deviation for s in samples]
        check_range("fld", distance_magnitude(test.shape[1], *extent(*found)), *found)
    return found


def _standard_error(terms: Vector) -> float:
    return float(terms.std(ddof=1)) / math.sqrt(len(terms))
