"""The kernel Stein discrepancy of samples from a density known by its score, and its test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import check_range, distance_magnitude, extent
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_number, as_seed, check_choice
from parzen._shares import share_stderr
from parzen.metrics.densities import as_drawn, as_scores, is_density, scores_at
from parzen.metrics.mmd import centred_within, described
from parzen.metrics.stein_kernel import InverseMultiquadric, SteinBase, SteinPairs, ready

if TYPE_CHECKING:
    from parzen._core import Progress

Vector = NDArray[np.float64]

INVERSE_MULTIQUADRIC = InverseMultiquadric()
SIGN_COLUMNS = 256  # sums over pairs are taken of so many bootstraps at a time


class SteinDiscrepancy(NamedTuple):
    """A squared kernel Stein discrepancy.

    Attributes
    ----------
    squared
        KSD^2, in the unit of the kernel times nats^2 per squared unit of the samples. The unbiased
        estimate can be negative.
    stderr
        The standard error of `squared`; None below 4 samples.
    """

    squared: Estimate
    stderr: float | None

    @property
    def distance(self) -> float:
        """The discrepancy itself, sqrt(max(squared, 0))."""
        return math.sqrt(max(self.squared, 0.0))


class SteinTest(NamedTuple):
    """A wild bootstrap test with the squared kernel Stein discrepancy.

    Attributes
    ----------
    squared
        KSD^2, unbiased, with its standard error.
    p_value
        (1 + number of `null` >= `squared`) / (1 + bootstraps). Its standard error is that of the
        random draw of signs; where p is 1, 1/(2(bootstraps + 1)).
    null
        (bootstraps,) values of KSD^2 with random signs.
    """

    squared: Estimate
    p_value: Estimate
    null: Vector


def kernel_stein_discrepancy(
    x: object,
    scores: object,
    *,
    kernel: SteinBase = INVERSE_MULTIQUADRIC,
    estimator: Literal["unbiased", "biased"] = "unbiased",
    progress: Progress | None = None,
) -> SteinDiscrepancy:
    """Return the squared kernel Stein discrepancy of samples from a density known by its score.

    KSD^2 = E u(x, x') with the Stein kernel u = s_x.s_x' k + s_x.grad_x' k + s_x'.grad_x k +
    tr grad_x grad_x' k, where s = grad log p. It is 0 where x has the density p; p's normalising
    constant is not needed, nor are samples of p.

    Parameters
    ----------
    x
        Samples (n, d).
    scores
        s at each of them: (n, d), or a function of (n, d) that returns it (a torch tensor x goes
        in as a tensor); or what has a score: a `Normal`, a fitted `KernelDensity` with the Gaussian
        kernel, a torch distribution or flow, whose ``log_prob`` is differentiated.
    kernel
        An `InverseMultiquadric` or a `Gaussian`, whose median bandwidth is that of x.
    estimator
        ``"unbiased"`` (a U-statistic, n >= 2) leaves the pairs of a row with itself out;
        ``"biased"`` (a V-statistic) keeps them and is never negative but for rounding.
    progress
        Called with the fraction done.

    Returns
    -------
    SteinDiscrepancy
        ``squared``, ``stderr`` and ``distance``. Near 0 the estimate is not normally distributed:
        test with `stein_test`.

    Raises
    ------
    ValueError, TypeError
        Where samples, scores or options are not as described.
    RuntimeError
        Where the score function raises an error, which is its cause.

    References
    ----------
    Liu, Lee and Jordan, "A kernelized Stein discrepancy for goodness-of-fit tests", ICML 2016
    (definition and both estimators). Chwialkowski, Strathmann and Gretton, "A kernel test of
    goodness of fit", ICML 2016. The kernel: Gorham and Mackey, "Measuring sample quality with
    kernels", ICML 2017.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> right = parzen.kernel_stein_discrepancy(x, -x)
    >>> abs(right.squared) < 4 * right.stderr
    True
    >>> parzen.kernel_stein_discrepancy(x, 1.0 - x).squared > 0.5
    True
    """
    function = "kernel_stein_discrepancy"
    check_choice(f"{function}: estimator", estimator, ("unbiased", "biased"))
    least = 2 if estimator == "unbiased" else 1
    pairs, record = _pairs(function, x, scores, kernel, least)
    record["estimator"] = estimator
    rows, squares, _ = _sums(pairs, None, progress)
    if estimator == "unbiased":
        stderr = _stderr(rows, squares)
        return SteinDiscrepancy(Estimate(_unbiased(rows), stderr, record), stderr)
    # A V-statistic is (n-1)/n times the U-statistic of u_ij + (u_ii + u_jj)/(2(n-1)).
    n, diagonal = len(rows), pairs.diagonal()
    value = math.fsum([*rows, *diagonal]) / (n * n)
    stderr = _stderr(rows, squares, 0.5 * diagonal * (n - 2) / max(n - 1, 1))
    stderr = None if stderr is None else stderr * (n - 1) / n
    return SteinDiscrepancy(Estimate(value, stderr, record), stderr)


def stein_test(
    x: object,
    scores: object,
    *,
    kernel: SteinBase = INVERSE_MULTIQUADRIC,
    bootstraps: int = 1000,
    flip: float = 0.5,
    seed: int = 0,
    progress: Progress | None = None,
) -> SteinTest:
    """Test whether samples have the density that a score function belongs to.

    The unbiased KSD^2 is compared with its values where every u(x_i, x_j) is multiplied by
    w_i w_j, w random signs. All bootstraps share one pass over the pairs.

    Parameters
    ----------
    x, scores, kernel
        As in `kernel_stein_discrepancy`, n >= 2.
    bootstraps
        An integer >= 1; the smallest p-value is 1 / (1 + bootstraps).
    flip
        The probability that a sign differs from that of the row before. 0.5 is for independent
        rows; for a Markov chain in its order, a smaller one: about the inverse of the lag at
        which its rows are no longer correlated.
    seed
        Of the signs.
    progress
        Called with the fraction done.

    Returns
    -------
    SteinTest
        ``squared``, ``p_value`` and ``null``. The level holds for large n.

    Raises
    ------
    ValueError, TypeError
        Where samples, scores or options are not as described.
    RuntimeError
        Where the score function raises an error, which is its cause.

    References
    ----------
    Chwialkowski, Strathmann and Gretton, "A kernel test of goodness of fit", ICML 2016 (the wild
    bootstrap: signs and, for chains, `flip`; the diagonal that their V-statistic adds is the same
    on both sides of the comparison). Liu, Lee and Jordan, "A kernelized Stein discrepancy for
    goodness-of-fit tests", ICML 2016. The p-value: Phipson and Smyth, "Permutation
    p-values should never be zero", 2010, equation 2.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> parzen.stein_test(x, -x).p_value > 0.05
    True
    >>> float(parzen.stein_test(x, 1.0 - x, bootstraps=199).p_value)
    0.005
    """
    function = "stein_test"
    bootstraps = as_integer(f"{function}: bootstraps", bootstraps, 1)
    flip = as_number(f"{function}: flip", flip)
    if not 0.0 < flip <= 0.5:
        raise ValueError(f"{function}: flip is {flip}, expected a number in (0, 0.5]")
    seed = as_seed(f"{function}: seed", seed)
    pairs, record = _pairs(function, x, scores, kernel, 2)
    n = len(pairs.x)
    signs = _signs(n, bootstraps, flip, seed)
    rows, squares, totals = _sums(pairs, signs, progress)
    squared, null = _unbiased(rows), totals / (n * (n - 1))
    # All signs equal, or all but for rounding: a tie.
    ties = np.abs(null - squared) <= 1e-13 * math.sqrt(squares / (n * (n - 1)))
    null[ties] = squared
    p = (1 + np.count_nonzero(null >= squared)) / (1 + bootstraps)
    p_stderr = share_stderr(p, math.sqrt(p * (1.0 - p) / bootstraps), bootstraps)
    record |= {"bootstraps": bootstraps, "flip": flip, "seed": seed}
    return SteinTest(
        Estimate(squared, _stderr(rows, squares), record),
        Estimate(p, p_stderr, {**record, "range": [0.0, 1.0]}),
        null,
    )


def _pairs(
    function: str, x: object, scores: object, kernel: object, least: int
) -> tuple[SteinPairs, dict[str, Any]]:
    drawn = as_drawn("x", x, function=function, min_rows=least)
    samples = drawn.array
    if is_density(scores):
        s = scores_at("scores", scores, drawn, function=function)
    else:
        s = as_scores("scores", scores, function=function, shape=samples.shape)
    d, (peak, span) = samples.shape[1], extent(samples)
    steepest = float(np.abs(s).max())
    check_range(function, distance_magnitude(d, peak, span), samples)
    settled = ready(function, kernel, samples)
    with np.errstate(over="ignore"):  # squares of u are summed
        u = d * np.float64(max(1.0, span, steepest)) ** 2 * settled._magnitude(d, peak, span)
        check_range(function, float(u * u), samples, s)
    record = provenance(function, samples, kernel=described(settled))
    return SteinPairs(samples, s, settled), record


def _sums(
    pairs: SteinPairs, signs: NDArray[np.int8] | None, progress: Progress | None
) -> tuple[Vector, float, Vector]:
    """Return row sums and sum of squares of u off the diagonal, and sum w_i w_j u_ij of signs."""
    n = len(pairs.x)
    bootstraps = 0 if signs is None else signs.shape[1]
    rows, squares, totals = np.zeros(n), [], np.zeros(bootstraps)
    for above, beside, u in pairs.blocks(progress):
        twice = 1.0 if above == beside else 2.0
        rows[above] += u.sum(axis=1)
        if above != beside:
            rows[beside] += u.sum(axis=0)
        squares.append(twice * float(np.vdot(u, u)))
        for start in range(0, bootstraps, SIGN_COLUMNS):
            assert signs is not None
            some = slice(start, start + SIGN_COLUMNS)
            left, right = (signs[r, some].astype(np.float64) for r in (above, beside))
            totals[some] += twice * np.einsum("ij,ij->j", left, u @ right)
    return rows, math.fsum(squares), totals


def _signs(n: int, bootstraps: int, flip: float, seed: int) -> NDArray[np.int8]:
    """Return (n, bootstraps) of -1 and 1, each the one above it but for flips."""
    random = np.random.default_rng(seed)
    signs = np.empty((n, bootstraps), dtype=np.int8)
    for column in range(bootstraps):
        flips = random.random(n) < np.where(np.arange(n) == 0, 0.5, flip)
        signs[:, column] = 1 - 2 * (np.cumsum(flips) % 2)
    return signs


def _unbiased(rows: Vector) -> float:
    n = len(rows)
    return math.fsum(rows) / (n * (n - 1))


def _stderr(rows: Vector, squares: float, added: Vector | None = None) -> float | None:
    """Return the standard error of the U-statistic of u, or of u_ij plus terms of i and of j.

    As of an unbiased MMD^2 with one sample (see `parzen.metrics.mmd.PairSums.stderr`). Terms of one
    row alone, given as what they add to the row sums, change the first order only.
    """
    n = len(rows)
    if n < 4:
        return None
    h = (rows if added is None else rows + added) / (n - 1)
    first = 4.0 * float(h.var(ddof=1)) / n
    second = 2.0 * centred_within(rows, squares) / (n * (n - 1))
    return math.sqrt(first - min(max(second, 0.0), first / 2.0))
