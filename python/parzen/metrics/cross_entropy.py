"""Log-probabilities and cross-entropies of targets under logits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from parzen._arrays import as_array, as_logs
from parzen._estimate import Estimate
from parzen._options import as_integer
from parzen.metrics.discrete import as_distributions
from parzen.metrics.log_likelihood import LogLikelihood
from parzen.metrics.logits import check_logits

if TYPE_CHECKING:
    from parzen._core import Samples

Vector = NDArray[np.float64]

CHUNK_NUMBERS = 2**20


def log_probs_of(
    logits: object, targets: object, *, mask: object = None, ignore_index: int = -100
) -> Vector:
    """Return the log-probability that logits give each target, in the shape of the targets.

    A log-softmax in float64, which subtracts the largest logit first: logits of 1e4 are as good as
    of 1, and log p is finite where p underflows.

    Parameters
    ----------
    logits
        (..., classes), before the softmax, or log-probabilities, which it leaves as they are. -inf
        is allowed: a class that cannot be.
    targets
        (...), integers in [0, classes), or `ignore_index`.
    mask
        (...), booleans or 0 and 1: which targets count; None: all.
    ignore_index
        Targets of this value do not count, as in PyTorch.

    Returns
    -------
    array
        (...), float64, in nats; a `numpy.ma.MaskedArray` where some targets do not count, with
        these masked (and NaN beneath; ``.compressed()`` is the others, flat). `perplexity`,
        `negative_log_likelihood` and `LogLikelihood.update` take it as it is, and its rows for the
        groups of their standard errors.

    Warns
    -----
    LogitsWarning
        Where every row of logits is one of probabilities: take their logarithms.

    Raises
    ------
    ValueError, TypeError
        Where shapes do not fit, a target that counts is out of range, none does, or a row of logits
        that counts is -inf throughout.

    References
    ----------
    Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions", IMA
    Journal of Numerical Analysis 41, 2021.

    Examples
    --------
    >>> import parzen
    >>> parzen.log_probs_of([[0.0, 0.0], [1e4, 0.0], [0.0, 0.0]], [0, 1, -100]).round(4).tolist()
    [-0.6931, -10000.0, None]
    """
    function = "log_probs_of"
    values = _logits(function, logits)
    given = as_array("targets", targets, function=function)
    wanted = _integers(function, given, values.shape[:-1], ignore_index)
    logs = _log_probs(function, values, wanted, mask, ignore_index)
    check_logits(function, values)
    return logs


def cross_entropy(
    logits: object, targets: object, *, mask: object = None, ignore_index: int = -100
) -> Estimate:
    """Return the mean cross-entropy -E[log p(target)] of targets under logits, in nats.

    Parameters
    ----------
    logits, mask, ignore_index
        As in `log_probs_of`.
    targets
        As in `log_probs_of`; or probabilities (..., classes), floats of the shape of the logits:
        then the mean of -sum_c t_c log p_c, which is entropy(t) + KL(t || p).

    Returns
    -------
    Estimate
        In nats; its exponential is the perplexity. inf where a target has probability 0. The
        standard error is that of independent rows: of targets (n, t) each row, a text, is a group
        whose terms may be correlated, as in `perplexity`.

    Warns
    -----
    LogitsWarning
        As `log_probs_of`.

    Raises
    ------
    ValueError, TypeError
        As `log_probs_of`; where probabilities are negative or do not sum to 1.

    References
    ----------
    Cover and Thomas, "Elements of Information Theory", 2006, section 5.4: the code length of data
    under a wrong model.

    Examples
    --------
    >>> import parzen
    >>> round(parzen.cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1]), 4)
    0.6931
    >>> round(parzen.cross_entropy([[0.0, 0.0]], [[0.3, 0.7]]), 4)
    0.6931
    """
    function = "cross_entropy"
    values = _logits(function, logits)
    given = as_array("targets", targets, function=function)
    if given.shape == values.shape and given.dtype.kind == "f":
        logs = _expected_logs(function, values, given, mask)
    else:
        wanted = _integers(function, given, values.shape[:-1], ignore_index)
        logs = _log_probs(function, values, wanted, mask, ignore_index)
    check_logits(function, values)
    return LogLikelihood()._add(function, logs)._result(function, 1, 0.0).negative_log_likelihood


def _logits(function: str, logits: object) -> Samples:
    values = as_logs("logits", logits, function=function, meaning="logits (..., classes)")
    if values.ndim == 0:
        raise ValueError(f"{function}: logits is a single number, expected (..., classes)")
    return values


def _integers(
    function: str, values: NDArray[Any], shape: tuple[int, ...], ignore_index: object
) -> NDArray[np.int64]:
    as_integer(f"{function}: ignore_index", ignore_index, -(2**31))
    if values.dtype.kind not in "iu":
        raise TypeError(
            f"{function}: targets has dtype {values.dtype}, expected integers: indices of classes"
        )
    if values.shape != shape:
        raise ValueError(
            f"{function}: targets has shape {values.shape}, expected {shape}: one for each row of "
            f"logits"
        )
    return values.astype(np.int64)


def _counted(function: str, mask: object, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones(shape, dtype=bool)
    values = as_array("mask", mask, function=function)
    if values.shape != shape:
        raise ValueError(f"{function}: mask has shape {values.shape}, expected {shape}")
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise ValueError(f"{function}: mask has values other than 0 and 1, expected booleans")
    return values.astype(bool)


def _log_probs(
    function: str,
    logits: Samples,
    targets: NDArray[np.int64],
    mask: object,
    ignore_index: int,
) -> Vector:
    classes = logits.shape[-1]
    counted = _counted(function, mask, targets.shape) & (targets != ignore_index)
    outside = counted & ((targets < 0) | (targets >= classes))
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"{function}: targets has {int(targets[place])} at {list(place)}, expected indices in "
            f"[0, {classes}), or ignore_index={ignore_index}"
        )
    rows = _rows(function, counted)
    chosen, flat = targets.reshape(-1)[rows], logits.reshape(-1, classes)
    result = np.empty(len(rows))
    for part in _parts(len(rows), classes):
        logs = _log_softmax(function, flat, rows[part])
        result[part] = np.take_along_axis(logs, chosen[part, None], axis=1)[:, 0]
    return _in_place(result, rows, targets.shape)


def _expected_logs(function: str, logits: Samples, targets: NDArray[Any], mask: object) -> Vector:
    """Return sum_c t_c log p_c of each row that counts, 0 log 0 = 0."""
    classes = logits.shape[-1]
    rows = _rows(function, _counted(function, mask, logits.shape[:-1]))
    flat, soft = logits.reshape(-1, classes), targets.reshape(-1, classes)[rows]
    mass = as_distributions("targets", soft, function=function, log=False)[0].mass
    result = np.empty(len(rows))
    for part in _parts(len(rows), classes):
        logs = _log_softmax(function, flat, rows[part])
        shares = mass[part]
        terms = np.multiply(shares, logs, out=np.zeros_like(logs), where=shares > 0.0)
        result[part] = terms.sum(axis=1)
    return _in_place(result, rows, logits.shape[:-1])


def _rows(function: str, counted: NDArray[np.bool_]) -> NDArray[np.intp]:
    rows = np.flatnonzero(counted)
    if len(rows) == 0:
        raise ValueError(f"{function}: no target counts: all are masked or ignored")
    return rows


def _in_place(values: Vector, rows: NDArray[np.intp], shape: tuple[int, ...]) -> Vector:
    """Return values in the shape of the targets, masked where there are none."""
    if len(rows) == math.prod(shape):
        return values.reshape(shape)
    placed = np.full(math.prod(shape), np.nan)
    placed[rows] = values
    masked = np.ones(placed.shape, dtype=bool)
    masked[rows] = False
    return np.ma.MaskedArray(placed, masked).reshape(shape)


def _parts(rows: int, classes: int) -> list[slice]:
    size = max(1, CHUNK_NUMBERS // classes)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _log_softmax(function: str, logits: Samples, rows: NDArray[np.intp]) -> Vector:
    some = logits[rows].astype(np.float64)
    empty = some.max(axis=1) == -np.inf
    if empty.any():
        raise ValueError(
            f"{function}: logits is -inf in all classes of row {int(rows[empty.argmax()])}; "
            f"expected at least one class that can be"
        )
    return np.asarray(log_softmax(some, axis=1))
