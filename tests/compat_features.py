"""Features on which the functions of parzen.compat are compared with other packages'."""

import numpy as np

# n, m, d: more rows than columns, equal n, one side rank deficient, both, one column.
SHAPES = [(700, 600, 64), (300, 300, 16), (400, 40, 64), (50, 40, 64), (90, 70, 1)]


def inception_like(rng, n, m, d):
    """Non-negative, correlated, their mean as large as their spread."""
    mix = rng.normal(size=(d, d)) / np.sqrt(d)
    return tuple(np.abs(s * rng.normal(size=(k, d)) @ mix) for k, s in ((n, 1.0), (m, 1.1)))


def naive_statistics(x):
    """Mean and covariance, ddof 1."""
    x = np.asarray(x, dtype=np.float64)
    return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))


def naive_frechet(mu1, sigma1, mu2, sigma2):
    """By the eigenvalues of the product, those that rounding made negative taken as zero."""
    eigenvalues = np.linalg.eigvals(sigma1 @ sigma2).real
    shift = mu1 - mu2
    traces = np.trace(sigma1) + np.trace(sigma2)
    return shift @ shift + traces - 2.0 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()


def root_error(sigma1, sigma2):
    """Bound what rounding of a singular product does to the trace of its root.

    Each eigenvalue is off by eps |S1 S2|, and its root by the root of that where it is zero.
    """
    eps = np.finfo(np.float64).eps
    return 2.0 * len(sigma1) * np.sqrt(len(sigma1) * eps * np.linalg.norm(sigma1 @ sigma2))
