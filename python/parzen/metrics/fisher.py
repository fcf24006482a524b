"""The Fisher divergence: how far apart two score functions are."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from parzen._estimate import Estimate, __version__, provenance
from parzen.metrics.densities import as_drawn, as_scores, is_density, scores_at
from parzen.metrics.normal import Normal, check_same_d, full_root

Matrix = NDArray[np.float64]


def fisher_divergence(p: object, q: object, *, samples: object = None) -> Estimate:
    """Return the Fisher divergence E_p |grad log p(x) - grad log q(x)|^2.

    It needs no normalising constant of p or q, and is 0 where p = q.

    Parameters
    ----------
    p, q
        Two `Normal`, in closed form. Or, with `samples`, score functions: functions of (n, d) that
        return (n, d); a `Normal`; a fitted `KernelDensity` with the Gaussian kernel; a torch
        distribution or flow, whose ``log_prob`` is differentiated. Or arrays (n, d): the scores of
        both at the same samples of p.
    samples
        (n, d) drawn from p. Functions get them as they came: a torch tensor as a tensor.

    Returns
    -------
    Estimate
        In nats^2 per squared unit of the samples; from samples or scores with its standard error.

    Raises
    ------
    ValueError, TypeError
        Where shapes do not fit or p and q are not as described.
    RuntimeError
        Where a score function raises an error, which is its cause.

    References
    ----------
    Hyvarinen, "Estimation of non-normalized statistical models by score matching", JMLR 6, 2005,
    equation 2, which has half of it. Johnson, "Information Theory and the Central Limit Theorem",
    2004.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> p, q = parzen.Normal([0.0], [1.0]), parzen.Normal([3.0], [1.0])
    >>> parzen.fisher_divergence(p, q)
    Estimate(9.0)
    >>> x = np.random.default_rng(0).normal(size=(500, 1))
    >>> float(parzen.fisher_divergence(p, lambda x: 3.0 - x, samples=x))
    9.0
    """
    function = "fisher_divergence"
    if samples is None and isinstance(p, Normal) and isinstance(q, Normal):
        record = {"metric": function, "d": p.mean.size, "version": __version__}
        with np.errstate(over="ignore", invalid="ignore"):
            value = _of_normals(function, p, q)
        _check_finite(function, value)
        return Estimate(value, None, {**record, "method": "closed form"})
    if samples is None:
        for name, given in (("p", p), ("q", q)):
            if is_density(given):
                raise TypeError(
                    f"{function}: {name} is a density's; pass samples=<drawn from p> with two "
                    f"score functions, or two Normal, or two arrays of scores"
                )
        a, b = (as_scores(n, s, function=function, shape=None) for n, s in (("p", p), ("q", q)))
        if a.shape != b.shape:
            raise ValueError(
                f"{function}: p has shape {a.shape}, q has {b.shape}; expected scores of both at "
                f"the same samples"
            )
    else:
        x = as_drawn("samples", samples, function=function)
        a, b = (
            scores_at(f"the score of {name}", given, x, function=function)
            for name, given in (("p", p), ("q", q))
        )
    with np.errstate(over="ignore"):
        terms = np.square(a - b).sum(axis=1)
    _check_finite(function, float(terms.sum()))
    stderr = None if len(a) < 2 else float(terms.std(ddof=1)) / math.sqrt(len(a))
    return Estimate(terms.mean(), stderr, provenance(function, a, method="samples of p"))


def _check_finite(function: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{function}: the squared scores overflow float64; rescale the samples")


def _of_normals(function: str, p: Normal, q: Normal) -> float:
    """Return |S_q^-1 (S_p - S_q) L_p^-T|^2 + |S_q^-1 (mu_p - mu_q)|^2, S_p = L_p L_p'.

    The difference of the scores at mu_p + L_p z is (S_p^-1 - S_q^-1) L_p z and a constant. Written
    with S_p - S_q, the difference of inverses keeps its digits where they are nearly equal.
    """
    check_same_d(function, p, q)
    shift = p.mean - q.mean
    if p.covariance.ndim == q.covariance.ndim == 1:
        variance = q.covariance
        spread = (p.covariance - variance) / (variance * np.sqrt(p.covariance))
        return math.fsum(np.square(spread)) + math.fsum(np.square(shift / variance))
    root_p, root_q = full_root(p), full_root(q)
    cov_p, cov_q = (np.diag(c) if c.ndim == 1 else c for c in (p.covariance, q.covariance))
    both = np.column_stack([cov_p - cov_q, shift])
    solved = scipy.linalg.cho_solve((root_q, True), both)
    spread = scipy.linalg.solve_triangular(root_p, solved[:, :-1].T, lower=True)
    return float(np.square(spread).sum() + np.square(solved[:, -1]).sum())
