"""Discrete distributions: how they come in, and what f-divergences compare of two of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from parzen._arrays import as_float64, as_logs

Vector = NDArray[np.float64]

# How far from 1 a sum may be: about what a softmax over 1e5 classes leaves in the type, and far
# less than a histogram that was never normalised. What is left is divided out.
TOLERANCE, FLOAT32_TOLERANCE = 1e-6, 1e-4


class Distributions(NamedTuple):
    """One distribution a row: its probabilities (n, k) and their logarithms, -inf of 0."""

    mass: Vector
    log_mass: Vector


class Ratio(NamedTuple):
    """Two distributions entry by entry: p, q and, without cancellation, p/q - 1 and log p/q."""

    p: Distributions
    q: Distributions
    excess: Vector
    log: Vector


def as_distributions(
    name: str, array: object, *, function: str, log: bool
) -> tuple[Distributions, bool]:
    """Return distributions, and whether a single one came: (k,) is the row of a (1, k)."""
    where = f"{function}: {name}"
    if log:
        raw = as_logs(name, array, function=function, meaning="log-probabilities (k,) or (n, k)")
        values, size = raw.astype(np.float64), raw.itemsize
    else:
        values = as_float64(name, array, function=function, shape=None, meaning="")
        size = getattr(getattr(array, "dtype", None), "itemsize", 8)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            f"{where} has shape {values.shape}, expected (k,) for one distribution or (n, k) for "
            f"one a row"
        )
    rows = np.atleast_2d(values)
    if log:
        totals = logsumexp(rows, axis=1, keepdims=True)
        with np.errstate(over="ignore"):
            _check_totals(where, np.exp(totals), size)
        logs = rows - totals
        return Distributions(np.exp(logs), logs), values.ndim == 1
    if rows.min() < 0.0:
        row, column = np.argwhere(rows < 0.0)[0]
        raise ValueError(
            f"{where} has negative probabilities, the first ({rows[row, column]:.6g}) in row "
            f"{row}; pass log=True if these are log-probabilities"
        )
    with np.errstate(over="ignore"):
        totals = rows.sum(axis=1, keepdims=True)
    _check_totals(where, totals, size)
    mass = rows / totals
    with np.errstate(divide="ignore"):
        return Distributions(mass, np.log(mass)), values.ndim == 1


def as_ratio(p: object, q: object, *, function: str, log: bool) -> tuple[Ratio, bool]:
    """Return p against q, and whether both are single; one against many rows is repeated."""
    a, one_p = as_distributions("p", p, function=function, log=log)
    b, one_q = as_distributions("q", q, function=function, log=log)
    if a.mass.shape[1] != b.mass.shape[1]:
        raise ValueError(
            f"{function}: p has {a.mass.shape[1]} probabilities a row, q has {b.mass.shape[1]}; "
            f"expected the same k"
        )
    if len(a.mass) != len(b.mass) and not (one_p or one_q):
        raise ValueError(
            f"{function}: p has {len(a.mass)} rows, q has {len(b.mass)}; expected as many, or a "
            f"single distribution (k,)"
        )
    shape = (max(len(a.mass), len(b.mass)), a.mass.shape[1])
    a, b = (Distributions(*(np.broadcast_to(part, shape) for part in given)) for given in (a, b))
    return compared(a, b, logs_exact=log), one_p and one_q


def compared(p: Distributions, q: Distributions, *, logs_exact: bool) -> Ratio:
    """Return the ratio of two distributions.

    Where p and q are near each other p - q is exact, and so is log p - log q: p/q - 1 is taken
    from what was given, because the other has the rounding of a logarithm or an exponential.
    """
    with np.errstate(all="ignore"):  # 0/0 and log 0 - log 0 are NaN: entries that neither has
        log = p.log_mass - q.log_mass
        excess = np.expm1(log) if logs_exact else (p.mass - q.mass) / q.mass
    return Ratio(p, q, excess, log)


def swapped(ratio: Ratio) -> Ratio:
    """Return q against p."""
    with np.errstate(all="ignore"):
        # q/p - 1 = -s/(1 + s)
        return Ratio(ratio.q, ratio.p, -ratio.excess / (1.0 + ratio.excess), -ratio.log)


def _check_totals(where: str, totals: Vector, size: int) -> None:
    tolerance = TOLERANCE if size >= 8 else FLOAT32_TOLERANCE
    wrong = ~(np.abs(totals[:, 0] - 1.0) <= tolerance)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{where} is not normalised: row {row} sums to {totals[row, 0]:.8g}, expected 1 to "
            f"{tolerance:g}; divide it by its sum"
        )
