"""The specification: every metric by its formula, naively, in float64, with whole n x m matrices.

Inputs are taken as they are, already rounded to their type. Squared distances come from
differences, never from products.
"""

import math

import mpmath
import numpy as np
from scipy.integrate import quad
from scipy.special import gammaln, logsumexp


def squared_distances(x, y):
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return np.stack([np.square(y - row).sum(axis=1) for row in x])


def polynomial(x, y, degree=3, gamma=None, coef0=1.0):
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    gamma = 1.0 / x.shape[1] if gamma is None else gamma
    return (gamma * (x @ y.T) + coef0) ** degree


def gaussian(x, y, bandwidth):
    d2 = squared_distances(x, y)
    return np.mean([np.exp(-d2 / (2.0 * h * h)) for h in np.atleast_1d(bandwidth)], axis=0)


def rational_quadratic(x, y, alpha, length_scale):
    return (1.0 + squared_distances(x, y) / (2.0 * alpha * length_scale**2)) ** -alpha


def energy(x, y):
    return -np.sqrt(squared_distances(x, y))


def median_bandwidth(x, y):
    z = np.concatenate([x, y])
    return float(np.median(np.sqrt(squared_distances(z, z)[np.triu_indices(len(z), 1)])))


def total(k):
    return math.fsum(k.ravel())


def mmd_unbiased(kxx, kyy, kxy):
    n, m = kxy.shape
    xx = (total(kxx) - total(np.diag(kxx))) / (n * (n - 1))
    yy = (total(kyy) - total(np.diag(kyy))) / (m * (m - 1))
    return xx + yy - 2.0 * total(kxy) / (n * m)


def mmd_biased(kxx, kyy, kxy):
    n, m = kxy.shape
    return total(kxx) / n**2 + total(kyy) / m**2 - 2.0 * total(kxy) / (n * m)


def centred_within(k):  # U-centred: Szekely and Rizzo 2014, definition 2
    n = len(k)
    k = k - np.diag(np.diag(k))
    rows = k.sum(axis=1)
    a = k - rows[:, None] / (n - 2) - rows / (n - 2) + k.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(a, 0.0)
    return np.square(a).sum() / (n * (n - 3))


def mmd_stderr(kxx, kyy, kxy):
    """4 Var(h_x)/n + 4 Var(h_y)/m less the second-order terms, from explicitly centred kernels."""
    n, m = kxy.shape

    def off_diagonal_means(k):
        return (k.sum(axis=1) - np.diag(k)) / (len(k) - 1)

    def centred_across(k):
        n, m = k.shape
        a = k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()
        return np.square(a).sum() / ((n - 1) * (m - 1))

    h_x = off_diagonal_means(kxx) - kxy.mean(axis=1)
    h_y = off_diagonal_means(kyy) - kxy.mean(axis=0)
    first = 4.0 * np.var(h_x, ddof=1) / n + 4.0 * np.var(h_y, ddof=1) / m
    second = (
        2.0 * centred_within(kxx) / (n * (n - 1))
        + 2.0 * centred_within(kyy) / (m * (m - 1))
        + 4.0 * centred_across(kxy) / (n * m)
    )
    return math.sqrt(first - min(max(second, 0.0), first / 2.0))


def mmd_unbiased_of(k, members):
    """Of the matrix over all rows and the booleans of the first sample."""
    a, b = np.flatnonzero(members), np.flatnonzero(~members)
    return mmd_unbiased(k[np.ix_(a, a)], k[np.ix_(b, b)], k[np.ix_(a, b)])


def quadratic(k, u, v=None):
    """u_p' K v_p of each column of booleans; of u_p with itself without the diagonal."""
    if v is None:
        k, v = k - np.diag(np.diag(k)), u
    return np.array([total(k[np.ix_(a, b)]) for a, b in zip(u.T, v.T, strict=True)])


def kid_subsets(real, fake, subsets, subset_size, seed, **kernel):
    """torch-fidelity's draws and estimator."""
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x = real[random.choice(len(real), subset_size, replace=False)]
        y = fake[random.choice(len(fake), subset_size, replace=False)]
        pairs = (x, x), (y, y), (x, y)
        values.append(mmd_unbiased(*(polynomial(a, b, **kernel) for a, b in pairs)))
    return np.mean(values), np.std(values)


def psd_root(sigma):
    w, v = np.linalg.eigh(sigma)
    return (v * np.sqrt(np.maximum(w, 0.0))) @ v.T


def frechet(mu1, sigma1, mu2, sigma2):
    root = np.linalg.svd(psd_root(sigma1) @ psd_root(sigma2), compute_uv=False).sum()
    return np.sum((mu1 - mu2) ** 2) + np.trace(sigma1) + np.trace(sigma2) - 2.0 * root


def fid(real, fake):
    x, y = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    sigmas = (np.atleast_2d(np.cov(z, rowvar=False)) for z in (x, y))
    sigma1, sigma2 = sigmas
    return frechet(x.mean(axis=0), sigma1, y.mean(axis=0), sigma2)


# k(r), r = |x - q| / h.
PROFILES = {
    "gaussian": lambda r: np.exp(-(r**2) / 2.0),
    "exponential": lambda r: np.exp(-r),
    "tophat": lambda r: np.where(r < 1.0, 1.0, 0.0),
    "epanechnikov": lambda r: np.maximum(1.0 - r**2, 0.0),
    "linear": lambda r: np.maximum(1.0 - r, 0.0),
    "cosine": lambda r: np.where(r < 1.0, np.sin(np.pi * (1.0 - np.minimum(r, 1.0)) / 2.0), 0.0),
}


def log_profiles(x, queries, bandwidth, kernel):
    """log k of every pair; the first two not by way of k, which underflows."""
    ratios = np.sqrt(squared_distances(x, queries)) / bandwidth
    if kernel == "gaussian":
        return -(ratios**2) / 2.0
    if kernel == "exponential":
        return -ratios
    with np.errstate(divide="ignore"):
        return np.log(PROFILES[kernel](ratios))


def log_kernel_integral(kernel, bandwidth, d):
    """The surface of the sphere times the integral of r^(d-1) k(r), by quadrature."""
    if kernel == "gaussian":
        return d * math.log(bandwidth * math.sqrt(2.0 * math.pi))
    # Of r^(d-1) k(r) / its size at the peak, which no d takes out of range.
    if kernel == "exponential":
        peak, ends = max(d - 1.0, 0.5), (0.0, d + 60.0 + 12.0 * math.sqrt(d))
    else:
        peak, ends = d / (d + 2.0), (0.0, 1.0)

    def log_integrand(r):
        log_k = -r if kernel == "exponential" else math.log(float(PROFILES[kernel](r)))
        return (d - 1.0) * math.log(r) + log_k

    height = log_integrand(peak)
    radial, _ = quad(
        lambda r: math.exp(log_integrand(r) - height) if ends[0] < r < ends[1] else 0.0,
        *ends,
        points=[peak],
        limit=500,
        epsabs=0.0,
        epsrel=1e-12,
    )
    surface = math.log(2.0) + d / 2.0 * math.log(math.pi) - gammaln(d / 2.0)
    return d * math.log(bandwidth) + surface + height + math.log(radial)


def log_density(x, queries, bandwidth, weights=None, kernel="gaussian"):
    n, d = np.shape(x)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    logs = log_profiles(x, queries, bandwidth, kernel)
    with np.errstate(divide="ignore"):
        log_sums = logsumexp(logs, axis=0, b=w[:, None])
    return log_sums - math.log(w.sum()) - log_kernel_integral(kernel, bandwidth, d)


def leave_one_out(x, bandwidth, weights=None, kernel="gaussian"):
    """The log-density at each sample of the estimate made of all the others."""
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    others = [np.arange(len(x)) != i for i in range(len(x))]
    return np.array(
        [
            log_density(x[rest], x[i : i + 1], bandwidth, w[rest], kernel)[0]
            for i, rest in enumerate(others)
        ]
    )


def inception_scores(logits, splits):
    """exp(E KL(p(c|x) || p(c))) of each split, in the order given."""
    logits = np.asarray(logits, dtype=np.float64)
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    p, n = np.exp(log_p), len(logits)
    scores = []
    for i in range(splits):
        rows = slice(i * n // splits, (i + 1) * n // splits)
        kl = p[rows] * (log_p[rows] - np.log(p[rows].mean(axis=0)))
        scores.append(np.exp(kl.sum(axis=1).mean()))
    return np.array(scores)


def sharpness_and_diversity(logits):
    logits = np.asarray(logits, dtype=np.float64)
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    marginal = np.exp(log_p).mean(axis=0)
    sharpness = np.exp((np.exp(log_p) * log_p).sum(axis=1).mean())
    return sharpness, np.exp(-(marginal * np.log(marginal)).sum())


def precision_recall(real, fake, k):
    def radii(x):
        d2 = squared_distances(x, x)
        np.fill_diagonal(d2, np.inf)
        return np.sort(d2, axis=1)[:, k - 1]

    across = squared_distances(real, fake)
    in_real = across <= radii(real)[:, None]
    in_fake = across <= radii(fake)[None, :]
    return (
        in_real.any(axis=0).mean(),
        in_fake.any(axis=1).mean(),
        in_real.sum(axis=0).mean() / k,
        in_real.any(axis=1).mean(),
    )


def unit(x):
    x = np.asarray(x, dtype=np.float64)
    return x / np.sqrt(np.square(x).sum(axis=1, keepdims=True))


def vendi(k, q):
    """exp of the order-q entropy of the eigenvalues of K / n, by the definition for each q."""
    w = np.linalg.eigvalsh(k / len(k))
    w = w[w > len(k) * np.finfo(np.float64).eps * w.max()]
    if q == 1:
        return np.exp(-(w * np.log(w)).sum())
    if q == np.inf:
        return 1.0 / w.max()
    return (w**q).sum() ** (1.0 / (1.0 - q))


def cosine_distances(x, y):
    return 1.0 - np.abs(unit(x) @ unit(y).T)


def mifid(real, fake, eps=0.1, over="fake"):
    distances = cosine_distances(real, fake)
    distance = distances.min(axis=0 if over == "fake" else 1).mean()
    return fid(real, fake) / (distance if distance < eps else 1.0)


def cmmd(real, fake):
    x, y = unit(real), unit(fake)
    return 1000.0 * mmd_biased(*(gaussian(a, b, 10.0) for a, b in ((x, x), (y, y), (x, y))))


def wasserstein_1d(u, v, p):
    """Both samples repeated to one length, where the optimal plan pairs sorted values."""
    u, v = np.sort(np.repeat(u, len(v))), np.sort(np.repeat(v, len(u)))
    return (np.abs(u - v) ** p).mean() ** (1.0 / p)


def radii(x, k):
    """Distances to the k-th nearest other row."""
    d2 = squared_distances(x, x)
    np.fill_diagonal(d2, np.inf)
    return np.sqrt(np.sort(d2, axis=1)[:, k - 1])


def realism(real, fake, k):
    r = radii(real, k)
    kept = r <= np.median(r)
    return (r[kept, None] / np.sqrt(squared_distances(real[kept], fake))).max(axis=0)


def authenticity(real, fake):
    d2 = squared_distances(real, fake)
    return (radii(real, 1)[d2.argmin(axis=0)] < np.sqrt(d2.min(axis=0))).mean()


def mixture_log_density(x, centers, variances):
    d = x.shape[1]
    exponents = -0.5 * squared_distances(x, centers) / variances
    return logsumexp(exponents - 0.5 * d * np.log(2.0 * np.pi * variances), axis=1) - math.log(
        len(centers)
    )


def alpha_divergence(p, q, alpha):
    """In 60 digits; 1 and 0 are the KL divergences."""
    with mpmath.workdps(60):
        p, q = ([mpmath.mpf(float(v)) for v in row] for row in (p, q))
        p, q = ([v / sum(row) for v in row] for row in (p, q))
        if alpha == 0:
            p, q, alpha = q, p, 1
        if alpha == 1:
            pairs = [(a, b) for a, b in zip(p, q, strict=True) if a > 0]
            return (
                mpmath.inf
                if any(b == 0 for _, b in pairs)
                else sum(a * mpmath.log(a / b) for a, b in pairs)
            )
        alpha = mpmath.mpf(alpha)
        total = mpmath.mpf(0)
        for a, b in zip(p, q, strict=True):
            if (a == 0 and alpha < 0 and b > 0) or (b == 0 and alpha > 1 and a > 0):
                return mpmath.inf
            if a > 0 and b > 0:
                total += a**alpha * b ** (1 - alpha)
        return (total - 1) / (alpha * (alpha - 1))


def kl_by_neighbors(x, y, k):
    """Wang, Kulkarni and Verdu 2009, equation 5."""
    n, d = x.shape
    within = squared_distances(x, x)
    np.fill_diagonal(within, np.inf)
    rho = np.sqrt(np.sort(within, axis=1)[:, k - 1])
    nu = np.sqrt(np.sort(squared_distances(x, y), axis=1)[:, k - 1])
    return d / n * np.log(nu / rho).sum() + math.log(len(y) / (n - 1))


def kl_by_densities(x, y, h_x, h_y):
    return np.mean(leave_one_out(x, h_x) - log_density(y, x, h_y))


def log_density_gradient(x, queries, bandwidth, weights=None):
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    rows = []
    for q in queries:
        offsets = x - q
        logs = -np.square(offsets).sum(axis=1) / (2 * bandwidth**2)
        share = w * np.exp(logs - logs[w > 0].max())
        rows.append(share @ offsets / share.sum() / bandwidth**2)
    return np.array(rows)


def stein_matrix(x, scores, kernel, kernel_gradient, kernel_trace):
    """u(x_i, x_j) from k, its gradient in x and the trace of its mixed second derivatives."""
    n = len(x)
    u = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b, s, t = x[i], x[j], scores[i], scores[j]
            by_b = kernel_gradient(b, a)
            by_a = kernel_gradient(a, b)
            u[i, j] = s @ t * kernel(a, b) + s @ by_b + t @ by_a + kernel_trace(a, b)
    return u
