"""The Parzen window log-likelihood by which early generative models were compared."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_pair, as_samples
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_positive
from parzen._samples import one_type
from parzen.metrics.bandwidth import BandwidthWarning
from parzen.metrics.log_density import evaluate, leave_one_out, log_kernel_sums
from parzen.metrics.radial import log_integral

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]

BANDWIDTHS: tuple[float, ...] = tuple(np.logspace(-1.0, 0.0, 10).tolist())


def parzen_log_likelihood(
    samples: object,
    test: object,
    validation: object = None,
    *,
    bandwidths: float | Sequence[float] = BANDWIDTHS,
    progress: Progress | None = None,
) -> Estimate:
    """Return the mean log-likelihood of test data under a Parzen window of a model's samples.

    mean over t of log mean_i exp(-|t - s_i|^2 / 2 sigma^2) - d log(sigma sqrt(2 pi)), with sigma
    that of largest mean log-likelihood of the validation data.

    Parameters
    ----------
    samples
        Of the model: (n, d).
    test
        Held-out data (m, d).
    validation
        Held-out data (l, d) that sigma is chosen on, of which published figures take 1000. None:
        sigma is chosen by leaving one out of `samples` (n >= 2), without looking at data.
    bandwidths
        The sigmas compared, in the unit of the samples; the default is ``logspace(-1, 0, 10)``,
        meant for pixels in [0, 1]. A single number: that one, and nothing is chosen.
    progress
        Called with the fraction done.

    Returns
    -------
    Estimate
        In nats, with the standard error std / sqrt(m), std with ddof 0, as published figures have
        it: over test data, for these samples and this sigma. ``provenance["bandwidth"]`` is sigma.
        A low likelihood need not mean bad samples, nor a high one good ones.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described.

    Warns
    -----
    BandwidthWarning
        Where the smallest or the largest of several sigmas is the best.

    References
    ----------
    Breuleux, Bengio and Vincent, "Quickly generating representative samples from an RBM-derived
    process", Neural Computation 23, 2011; Goodfellow et al., "Generative adversarial nets", NeurIPS
    2014, section 5. Its failures: Theis, van den Oord and Bethge, "A note on the evaluation of
    generative models", ICLR 2016.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> samples, test, validation = np.random.default_rng(0).uniform(size=(3, 500, 2))
    >>> value = parzen.parzen_log_likelihood(
    ...     samples, test, validation, bandwidths=[0.01, 0.05, 0.2]
    ... )
    >>> abs(value) < 0.3, value.provenance["bandwidth"]  # the true likelihood is 0
    (True, 0.05)
    """
    function = "parzen_log_likelihood"
    sigmas = _sigmas(function, bandwidths)
    x, t = as_pair(samples, test, function=function, names=("samples", "test"))
    v = None
    if validation is not None:
        v = as_samples("validation", validation, function=function)
        if v.shape[1] != x.shape[1]:
            raise ValueError(
                f"{function}: samples has d = {x.shape[1]}, validation has {v.shape[1]}; expected "
                f"the same d"
            )
    choosing = 0.0 if len(sigmas) == 1 else 0.5
    sigma, rule, likelihoods = sigmas[0], "given", None
    if len(sigmas) > 1:
        rule = "leave one out" if v is None else "validation"
        likelihoods = _mean_likelihoods(function, x, v, sigmas, part(progress, 0.0, choosing))
        best = int(np.argmax(likelihoods))
        sigma = sigmas[best]
        if best in (0, len(sigmas) - 1):
            where, advice = ("smallest", "smaller") if best == 0 else ("largest", "larger")
            warnings.warn(
                f"{function}: the best bandwidth, {sigma:.4g}, is the {where} of the "
                f"{len(sigmas)} compared; pass {advice} ones",
                BandwidthWarning,
                stacklevel=2,
            )
    values = evaluate(function, x, t, sigma, "gaussian", None, part(progress, choosing, 1.0))
    record = provenance(
        function,
        x,
        t,
        bandwidth=sigma,
        rule=rule,
        bandwidths=list(sigmas),
        log_likelihoods=None if likelihoods is None else likelihoods.tolist(),
    )
    return Estimate(math.fsum(values) / len(t), float(values.std()) / math.sqrt(len(t)), record)


def _sigmas(function: str, bandwidths: object) -> list[float]:
    """Return ascending bandwidths, each once."""
    if np.ndim(bandwidths) == 0:  # type: ignore[arg-type]
        return [as_positive(f"{function}: bandwidths", bandwidths)]
    values = list(np.asarray(bandwidths, dtype=object).ravel())
    if not values:
        raise ValueError(f"{function}: bandwidths is empty, expected at least one number > 0")
    return sorted({as_positive(f"{function}: bandwidths[{i}]", h) for i, h in enumerate(values)})


def _mean_likelihoods(
    function: str,
    x: Samples,
    validation: Samples | None,
    sigmas: list[float],
    progress: Progress | None,
) -> Vector:
    """Return the mean log-likelihood under each sigma, all in one pass over the pairs."""
    if validation is None:
        if len(x) < 2:
            raise ValueError(
                f"{function}: to choose a bandwidth without validation data takes 2 samples, there "
                f"is 1; pass validation, or bandwidths=<number>"
            )
        return np.asarray(leave_one_out(function, x, sigmas, "gaussian", None).mean(axis=1))
    a, v = one_type(x, validation)
    sums = log_kernel_sums(function, a, v, sigmas, "gaussian", None, progress)
    constants = [math.log(len(a)) + log_integral("gaussian", h, a.shape[1]) for h in sigmas]
    return np.asarray(sums.mean(axis=1) - constants)
