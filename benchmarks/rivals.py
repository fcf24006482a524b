"""The plain ways that a person would write with NumPy, as fast as NumPy lets them be."""

import math

import numpy as np


def polynomial(a, b, *, in_place=True):
    """The cubic kernel matrix. In place: two matrices at a time, and no power function."""
    if not in_place:
        return (a @ b.T / a.shape[1] + 1.0) ** 3
    k = a @ b.T  # a syrk where b is a
    k *= 1.0 / a.shape[1]
    k += 1.0
    cube = k * k
    cube *= k
    return cube


def gaussian(a, b, bandwidth):
    """The Gaussian kernel matrix in place, distances by products."""
    k = a @ b.T
    k *= -2.0
    k += (b**2).sum(axis=1)
    k += (a**2).sum(axis=1)[:, None]
    k *= -1.0 / (2.0 * bandwidth**2)
    return np.exp(k, out=k)


def kid(x, y, *, in_place=True):
    """The unbiased MMD^2: three stored matrices in the input's type, summed in float64."""
    means = []
    for z in (x, y):
        n, k = len(z), polynomial(z, z, in_place=in_place)
        means.append((k.sum(dtype=np.float64) - np.trace(k, dtype=np.float64)) / (n * (n - 1)))
        del k
    return sum(means) - 2.0 * polynomial(x, y, in_place=in_place).mean(dtype=np.float64)


def moments_kid(x, y):
    """The same from third moments, in float64: n d^3 operations and no pairs at all."""

    def tensor(a):
        d = a.shape[1]
        total, diagonal = np.zeros((d + 1, d + 1, d + 1)), 0.0
        for start in range(0, len(a), 8192):
            rows = a[start : start + 8192].astype(np.float64) / math.sqrt(d)
            rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
            diagonal += ((rows**2).sum(axis=1) ** 3).sum()
            for i in range(d + 1):
                total[i] += (rows * rows[:, i : i + 1]).T @ rows
        return total / len(a), diagonal / len(a)

    (mu_x, own_x), (mu_y, own_y) = tensor(x), tensor(y)
    n, m = len(x), len(y)
    within = (np.vdot(mu_x, mu_x) - own_x) / (n - 1) + (np.vdot(mu_y, mu_y) - own_y) / (m - 1)
    return np.square(mu_x - mu_y).sum() + within


def mmd_test(x, y, bandwidth, permutations, seed=0):
    """A permutation test with K stored and one product; returns the statistic and its null."""
    n, m = len(x), len(y)
    z = np.concatenate([x, y])
    k = gaussian(z, z, bandwidth)
    groups = np.zeros((1 + permutations, n + m), dtype=x.dtype)
    groups[:, :n] = 1.0
    groups[1:] = np.random.default_rng(seed).permuted(groups[1:], axis=1)
    rows = k.sum(axis=1, dtype=np.float64)
    xx = np.einsum("pi,pi->p", groups, groups @ k, dtype=np.float64)  # k is symmetric
    xy = groups @ rows - xx
    yy = rows.sum() - xx - 2.0 * xy
    own = 1.0  # of the kernel with itself
    squared = (xx - n * own) / (n * (n - 1)) + (yy - m * own) / (m * (m - 1)) - 2.0 * xy / (n * m)
    return squared[0], squared[1:]


def log_density(x, q, bandwidth, parts=10):
    """Chunked, in the input's type: distances by products, then a log-sum-exp."""
    from scipy.special import logsumexp

    h2, d = 2.0 * bandwidth**2, x.shape[1]
    norms = (x**2).sum(axis=1)[:, None]
    logs = [
        logsumexp((norms + (part**2).sum(axis=1) - 2.0 * x @ part.T) / -h2, axis=0)
        for part in np.array_split(q, min(parts, len(q)))
    ]
    shift = math.log(len(x)) + d * math.log(bandwidth * math.sqrt(2.0 * math.pi))
    return np.concatenate(logs) - shift
