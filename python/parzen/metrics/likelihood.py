"""Likelihood of held-out data, and what it says of compression: perplexity, bits per dimension."""

from __future__ import annotations

import math

from parzen._estimate import Estimate
from parzen._options import as_integer, as_number
from parzen.metrics.log_likelihood import LogLikelihood


def expected_log_likelihood(log_likelihoods: object, *, groups: object = None) -> Estimate:
    """Return the mean of held-out log-likelihoods, in nats, with its standard error.

    Parameters
    ----------
    log_likelihoods
        Of held-out samples, in nats: (n,), or (n, ...) with the terms of one sample in a row. -inf
        is allowed. The mean is over all terms.
    groups
        As in `perplexity`.

    Returns
    -------
    Estimate
        In nats; -inf, without a standard error, where the model gives a sample no probability.

    Raises
    ------
    ValueError, TypeError
        Where there are none, or NaN or +inf among them.

    References
    ----------
    Theis, van den Oord and Bethge, "A note on the evaluation of generative models", ICLR 2016,
    section 3.1.

    Examples
    --------
    >>> import parzen
    >>> parzen.expected_log_likelihood([-1.0, -2.0, -3.0])
    Estimate(-2.0, stderr=0.577)
    """
    function = "expected_log_likelihood"
    stream = LogLikelihood()._add(function, log_likelihoods, "log_likelihoods", groups)
    return stream._result(function, 1, 0.0).log_likelihood


def negative_log_likelihood(log_likelihoods: object, *, groups: object = None) -> Estimate:
    """Return minus the mean of held-out log-likelihoods: the cross-entropy of data and model.

    Parameters
    ----------
    log_likelihoods, groups
        As in `expected_log_likelihood`.

    Returns
    -------
    Estimate
        In nats, with its standard error.

    Raises
    ------
    ValueError, TypeError
        As `expected_log_likelihood`.

    References
    ----------
    Theis, van den Oord and Bethge, "A note on the evaluation of generative models", ICLR 2016,
    section 3.1.

    Examples
    --------
    >>> import parzen
    >>> parzen.negative_log_likelihood([-1.0, -2.0, -3.0])
    Estimate(2.0, stderr=0.577)
    """
    function = "negative_log_likelihood"
    stream = LogLikelihood()._add(function, log_likelihoods, "log_likelihoods", groups)
    return stream._result(function, 1, 0.0).negative_log_likelihood


def perplexity(log_probs: object, dims: int = 1, *, groups: object = None) -> Estimate:
    """Return the perplexity exp(-E[log p] / dims) = 2^(-E[log2 p] / dims).

    The number of equally likely outcomes that would be as hard to predict: per token where each
    log-probability is of one (a mean over all tokens), per dimension where it is of `dims` numbers.

    Parameters
    ----------
    log_probs
        Natural logarithms of what the model gave each outcome: (n,), or (n, t) with a text in each
        row; masked entries of a masked array do not count. -inf is allowed. From logits:
        `log_probs_of`.
    dims
        Dimensions (or tokens) that each log-probability is of.
    groups
        Where terms may be correlated, as the tokens of a text are: a label for each row (number or
        name), those of one label being independent of the others. None: the rows of an array of two
        dimensions or more are the groups (a text each), a flat array has terms of their own.

    Returns
    -------
    Estimate
        inf where an outcome had no probability or the number leaves float64. The standard error is
        first order, and of independent groups (``provenance["groups"]`` of them) whose own terms
        may depend on each other in any way. None of a single group.

    Raises
    ------
    ValueError, TypeError
        Where there are none, NaN or +inf among them, or dims is no integer >= 1; where each row has
        `dims` terms, more than one: these are of one dimension, and dims 1, or the sums of rows to
        be passed.

    References
    ----------
    Jelinek et al., "Perplexity: a measure of the difficulty of speech recognition tasks", Journal
    of the Acoustical Society of America 62, 1977.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> round(parzen.perplexity(np.log([0.25, 0.25, 0.25])), 12)
    4.0
    >>> texts = np.repeat(np.log([[0.5], [0.1], [0.4]]), 100, axis=1)  # each a single number
    >>> round(parzen.perplexity(texts).stderr, 1), round(parzen.perplexity(texts.ravel()).stderr, 1)
    (1.9, 0.2)
    """
    stream = LogLikelihood()._add("perplexity", log_probs, groups=groups)
    return stream._result("perplexity", dims, 0.0).perplexity


def bits_per_dim(
    log_likelihoods: object, dims: int, *, offset: float = 0.0, groups: object = None
) -> Estimate:
    """Return the bits per dimension -E[log p] / (dims log 2) + offset.

    What a lossless compressor that knows the model needs. A density over scaled, dequantised pixels
    is one per unit of the scaled data: the offset puts it back to the integer pixels, log2 of the
    levels per unit. For 8-bit images scaled to [0, 1] it is 8, to [-1, 1] it is 7:
    ``offset=parzen.dequantization_offset(levels=256, low=-1.0)``.

    Parameters
    ----------
    log_likelihoods
        Of whole samples, in nats: (n,). -inf is allowed.
    dims
        Numbers in a sample, 3 x 32 x 32 for a CIFAR-10 image.
    offset
        Bits per dimension to add; 0 where the model is of integers, or of densities in their unit.
    groups
        As in `perplexity`.

    Returns
    -------
    Estimate
        In bits, with its standard error; an upper bound for the discrete model's where pixels were
        dequantised with uniform noise.

    Raises
    ------
    ValueError, TypeError
        As `perplexity` (log-likelihoods of single pixels (n, 784), with dims 784); where the offset
        is not finite.

    References
    ----------
    Theis, van den Oord and Bethge, "A note on the evaluation of generative models", ICLR 2016,
    section 3.1; Papamakarios, Pavlakou and Murray, "Masked autoregressive flow for density
    estimation", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> uniform = np.zeros(10)  # a density of 1 over [0, 1]^3072: all 256 values alike
    >>> float(parzen.bits_per_dim(uniform, 3072, offset=parzen.dequantization_offset()))
    8.0
    """
    stream = LogLikelihood()._add("bits_per_dim", log_likelihoods, "log_likelihoods", groups)
    return stream._result("bits_per_dim", dims, offset).bits_per_dim


def dequantization_offset(*, levels: int = 256, low: float = 0.0, high: float = 1.0) -> float:
    """Return log2(levels / (high - low)): bits per dimension from scaled data back to integers.

    Parameters
    ----------
    levels
        Integer values of a pixel before scaling, 256 for 8 bits.
    low, high
        The interval that they, dequantised, were scaled to: [0, 1], or [-1, 1].

    Returns
    -------
    float
        The `offset` of `bits_per_dim`, in bits.

    Raises
    ------
    ValueError, TypeError
        Where levels is no integer >= 2, or high is not above low.

    References
    ----------
    Theis, van den Oord and Bethge, "A note on the evaluation of generative models", ICLR 2016,
    section 3.1.

    Examples
    --------
    >>> import parzen
    >>> parzen.dequantization_offset(), parzen.dequantization_offset(low=-1.0)
    (8.0, 7.0)
    """
    function = "dequantization_offset"
    levels = as_integer(f"{function}: levels", levels, 2)
    low, high = as_number(f"{function}: low", low), as_number(f"{function}: high", high)
    if not 0.0 < high - low < math.inf:
        raise ValueError(f"{function}: low is {low}, high is {high}; expected low < high, finite")
    return math.log2(levels) - math.log2(high - low)
