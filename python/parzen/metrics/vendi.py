"""The Vendi score: how many different samples there are, as an effective number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.special import logsumexp

from parzen._arrays import as_float64, as_samples, check_range, extent
from parzen._estimate import Estimate, __version__, provenance
from parzen._options import as_integer, as_number, as_seed
from parzen.metrics.directions import check_directions, unit_rows
from parzen.metrics.frechet import ROUGHNESS, symmetric
from parzen.metrics.jackknife import blocks_of, jackknife

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
# X X' or X' X of all rows but the given ones (None: of all), and how many they are.
Without = Callable[[NDArray[np.intp] | None], tuple[Matrix, int]]

BLOCK_ROWS = 4096


def vendi_score(
    x: object,
    *,
    q: float | Literal["inf"] = 1,
    normalize: bool = True,
    blocks: int | None = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimate:
    """Return the Vendi score of samples with the cosine kernel.

    exp of the order-q Renyi entropy of the eigenvalues of K / n, K = X X' with rows of length 1:
    n samples that are orthogonal score n, copies of one sample 1. Where d < n the same nonzero
    eigenvalues are taken of X' X / n, which is summed over blocks of rows: any n.

    Parameters
    ----------
    x
        Samples (n, d).
    q
        The order, >= 0 or infinity (``"inf"`` too): 1 is the Shannon entropy, 0 counts the nonzero
        eigenvalues (a rank), infinity takes the largest. Small orders weigh rare modes more. Order
        2, n^2 / |K|_F^2, needs no eigenvalues.
    normalize
        Whether rows are divided by their length. False takes them as they are: the score is a
        number of samples only where their lengths are 1.
    blocks
        Of the standard error, by the jackknife: all rows are split at random into so many blocks,
        and the score is taken again without each of them. It costs as many more decompositions of
        a min(n, d) matrix. None: no standard error.
    seed
        Of the blocks; the score itself does not depend on it.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        Between 1 and min(n, d), for rows of length 1. No standard error at order 0, whose rank
        does not vary smoothly, nor of a single row. It is that of the score at this n, not of the
        distance to the score of the whole distribution, below which a small sample stays.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described, or a row of zeros has no direction.

    References
    ----------
    Friedman and Dieng, "The Vendi score: a diversity evaluation metric for machine learning",
    TMLR 2023, definition 3.1. Other orders: Pasarkar and Dieng, "Cousins of the Vendi score",
    AISTATS 2024. The jackknife: Busing, Meijer and van der Leeden, "Delete-m jackknife for
    unequal m", Statistics and Computing 9, 1999.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x = np.repeat(np.eye(5), 20, axis=0)
    >>> round(parzen.vendi_score(x), 12)
    5.0
    >>> round(parzen.vendi_score(np.ones((100, 3)), q=2), 12)
    1.0
    """
    order = _order("vendi_score: q", q)
    parts, seed = _jackknife_options("vendi_score", blocks, seed)
    samples = as_samples("x", x, function="vendi_score")
    n, d = samples.shape
    if normalize:
        check_directions("vendi_score", "x", samples, "drop them, or pass normalize=False")
    else:
        peak = extent(samples)[0]
        if peak == 0.0:
            raise ValueError("vendi_score: x is zero everywhere, which has no score")
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            square = np.float64(peak) ** 2
            magnitude = float(max(float(n) * d * square, 1.0 / square**2))
        check_range("vendi_score", magnitude, samples)
    without = _covariance(samples, normalize) if d < n else _gram(samples, normalize)
    value, stderr = _score(without, n, order, normalize, parts, seed, progress)
    record = provenance(
        "vendi_score",
        samples,
        q=_named(order),
        normalize=bool(normalize),
        blocks=blocks,
        seed=seed,
        **_freedom(stderr, n, parts),
    )
    return Estimate(value, stderr, record)


def vendi_score_from_kernel(
    kernel: object,
    *,
    q: float | Literal["inf"] = 1,
    normalize: bool = False,
    blocks: int | None = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimate:
    """Return the Vendi score of a matrix of similarities.

    Parameters
    ----------
    kernel
        (n, n), symmetric positive semidefinite, with ones on the diagonal. Eigenvalues between
        -1e-6 of the largest, as rounded kernels have them, and 0 count as 0.
    q
        As in `vendi_score`.
    normalize
        Whether k_ij is divided by sqrt(k_ii k_jj) first, which puts ones on the diagonal.
    blocks, seed
        Of the standard error, as in `vendi_score`; it costs `blocks` more decompositions of an
        (n, n) matrix.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        Between 1 and n.

    Raises
    ------
    ValueError, TypeError
        Where the matrix is not as described (of order 2, for which no eigenvalues are taken, an
        indefinite one is noticed by entries above 1 only), or an option is not.

    References
    ----------
    Friedman and Dieng, "The Vendi score: a diversity evaluation metric for machine learning",
    TMLR 2023, definition 3.1.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> parzen.vendi_score_from_kernel(np.eye(4), blocks=None)
    Estimate(4.0)
    """
    function = "vendi_score_from_kernel"
    order = _order(f"{function}: q", q)
    parts, seed = _jackknife_options(function, blocks, seed)
    k = as_float64("kernel", kernel, function=function, shape=None, meaning="")
    if k.ndim != 2 or k.shape[0] != k.shape[1] or k.size == 0:
        raise ValueError(f"{function}: kernel has shape {k.shape}, expected (n, n)")
    k = _unit_diagonal(function, symmetric(f"{function}: kernel", k), normalize)
    n = len(k)

    def without(rows: NDArray[np.intp] | None) -> tuple[Matrix, int]:
        if rows is None:
            return k, n
        kept = np.delete(np.arange(n), rows)
        return k[np.ix_(kept, kept)], len(kept)

    value, stderr = _score(without, n, order, True, parts, seed, progress)
    record = {
        "metric": function,
        "n": n,
        "q": _named(order),
        "normalize": bool(normalize),
        "blocks": blocks,
        "seed": seed,
        **_freedom(stderr, n, parts),
        "version": __version__,
    }
    return Estimate(value, stderr, record)


def renyi_entropy(weights: Vector, q: float, total: float) -> float:
    """Return log(sum w^q) / (1 - q) of weights > 0 that add up to `total`, in nats.

    Near q = 1 the sum is 1 + s with s = sum w (w^(q-1) - 1), which expm1 has to full precision
    however close q is; elsewhere powers are taken in logarithms, since w^q underflows.
    """
    logs = np.log(weights)
    if q == 1.0:
        return -float(weights @ logs)
    if q == math.inf:
        return -float(logs.max())
    if abs(q - 1.0) < 0.5 and abs(total - 1.0) < 0.5:
        excess = (total - 1.0) + float(weights @ np.expm1((q - 1.0) * logs))
        return math.log1p(excess) / (1.0 - q)
    return float(logsumexp(q * logs)) / (1.0 - q)


def _score(
    without: Without,
    n: int,
    q: float,
    normalized: bool,
    blocks: int,
    seed: int,
    progress: Progress | None,
) -> tuple[float, float | None]:
    """Return the score and its standard error by leaving out blocks of rows."""
    blocks = 0 if q == 0.0 else min(blocks, n if n > 1 else 0)
    value = _of_matrix(*without(None), q, normalized, checked=False)
    if progress is not None:
        progress(1.0 / (blocks + 1))
    if blocks == 0:
        return value, None
    left_out = blocks_of(n, blocks, np.random.default_rng(seed))
    scores = []
    for rows in left_out:
        scores.append(_of_matrix(*without(rows), q, normalized, checked=True))
        if progress is not None:
            progress((len(scores) + 1) / (blocks + 1))
    variance = jackknife(value, scores, [len(rows) for rows in left_out]).variance
    return value, math.sqrt(variance) if math.isfinite(variance) else None


def _of_matrix(matrix: Matrix, count: int, q: float, normalized: bool, *, checked: bool) -> float:
    if not matrix.any():
        return math.nan  # of rows that were not normalised, all but zeros were left out
    if q == 2.0:  # the sum of the squared eigenvalues
        entropy = -2.0 * math.log(float(np.linalg.norm(matrix)) / count)
    else:
        eigenvalues = scipy.linalg.eigvalsh(matrix, check_finite=False) / count
        if not checked:
            _check_definite(float(eigenvalues[0]), float(eigenvalues[-1]))
        # What rounding leaves of a zero would count: for orders below 1, as much as a sample.
        size = max(count, len(eigenvalues))
        rounding = size * np.finfo(np.float64).eps * eigenvalues[-1]
        weights = eigenvalues[eigenvalues > rounding]
        if q == 0.0:
            return float(len(weights))
        total = 1.0 if normalized else float(np.trace(matrix)) / count
        entropy = renyi_entropy(weights, q, total)
    try:
        return math.exp(entropy)
    except OverflowError:
        raise ValueError(
            "vendi_score: the score overflows float64; the lengths of rows are far from 1: "
            "pass normalize=True"
        ) from None


def _check_definite(lowest: float, largest: float) -> None:
    if lowest < -ROUGHNESS * largest:
        raise ValueError(
            f"vendi_score_from_kernel: kernel is not positive semidefinite: an eigenvalue is "
            f"{lowest / largest:.3g} of the largest, expected at least {-ROUGHNESS:g}"
        )


def _covariance(x: Samples, normalize: bool) -> Without:
    """Return X'X by blocks of rows; without a block, by taking that block's X'X off."""

    def product(rows: NDArray[np.intp] | slice) -> Matrix:
        chosen = x[rows]
        total = np.zeros((x.shape[1], x.shape[1]))
        for start in range(0, len(chosen), BLOCK_ROWS):
            block = _rows(chosen[start : start + BLOCK_ROWS], normalize)
            total += block.T @ block
        return total

    whole = product(slice(None))

    def without(rows: NDArray[np.intp] | None) -> tuple[Matrix, int]:
        return (whole, len(x)) if rows is None else (whole - product(rows), len(x) - len(rows))

    return without


def _gram(x: Samples, normalize: bool) -> Without:
    units = _rows(x, normalize)
    whole = units @ units.T

    def without(rows: NDArray[np.intp] | None) -> tuple[Matrix, int]:
        if rows is None:
            return whole, len(x)
        kept = np.delete(np.arange(len(x)), rows)
        return whole[np.ix_(kept, kept)], len(kept)

    return without


def _unit_diagonal(function: str, k: Matrix, normalize: bool) -> Matrix:
    diagonal = k.diagonal()
    if normalize:
        if diagonal.min() <= 0.0:
            raise ValueError(
                f"{function}: kernel[{diagonal.argmin()}, {diagonal.argmin()}] is "
                f"{diagonal.min():.6g}, expected a number > 0 to divide by"
            )
        roots = np.sqrt(diagonal)
        k = k / roots[:, None] / roots
    else:
        worst = int(np.abs(diagonal - 1.0).argmax())
        if abs(diagonal[worst] - 1.0) > ROUGHNESS:
            raise ValueError(
                f"{function}: kernel[{worst}, {worst}] is {diagonal[worst]:.6g}, expected 1: the "
                f"similarity of a sample to itself; pass normalize=True to divide by the diagonal"
            )
    i, j = np.unravel_index(int(np.abs(k).argmax()), k.shape)
    if abs(k[i, j]) > 1.0 + ROUGHNESS:
        raise ValueError(
            f"{function}: kernel[{i}, {j}] is {k[i, j]:.6g}, larger than its diagonal allows: it "
            f"is not positive semidefinite"
        )
    return k


def _order(what: str, q: object) -> float:
    order = math.inf if q == "inf" else as_number(what, q)
    if not order >= 0.0:
        raise ValueError(f"{what} is {order}, expected a number >= 0 or infinity")
    return order


def _named(order: float) -> float | str:
    return "inf" if order == math.inf else order  # which JSON has no number for


def _freedom(stderr: float | None, n: int, blocks: int) -> dict[str, Any]:
    return {} if stderr is None else {"degrees_of_freedom": min(blocks, n) - 1}


def _jackknife_options(function: str, blocks: object, seed: object) -> tuple[int, int]:
    parts = 0 if blocks is None else as_integer(f"{function}: blocks", blocks, 2)
    return parts, as_seed(f"{function}: seed", seed)


def _rows(x: Samples, normalize: bool) -> NDArray[Any]:
    return unit_rows(x, np.float64) if normalize else x.astype(np.float64, copy=False)
