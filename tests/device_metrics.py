"""The calls that take samples on a CUDA device, for the tests to compare with the CPU's numbers."""

import numpy as np

import parzen
from parzen import Energy, Gaussian, KernelDensity, Moments, Polynomial, RationalQuadratic

N, M, D = 61, 48, 12
KINDS = [(np.float32, 5), (np.float32, D), (np.float64, D)]  # distances of few columns are direct
IDS = ["float32, d = 5", "float32", "float64"]


def samples(rng, dtype, d=D):
    x = rng.normal(size=(N, d)) + 2.0
    y = 1.2 * rng.normal(size=(M, d)) + 2.2
    return x.astype(dtype), y.astype(dtype)


def assert_near(there, here, like):
    """Agreement to the rounding of the samples' type: 1e-6 and 1e-12 of numbers of order one."""
    tolerance = 3e-6 if like.dtype == np.float32 else 1e-12
    there, here = np.asarray(there, dtype=float), np.asarray(here, dtype=float)
    np.testing.assert_allclose(there, here, rtol=tolerance, atol=tolerance)


def fitted(x, queries, bandwidth, **options):
    density = KernelDensity(bandwidth, **options).fit(x)
    score = density.score(queries)
    return [density.bandwidth_, *density.score_samples(queries), score, score.stderr]


LABELS = [np.arange(N) % 3, np.arange(M) % 3]
METRICS = {
    "kid": lambda x, y: parzen.kid(x, y, subsets=None),
    "kid by moments": lambda x, y: parzen.kid(x, y, subsets=None, method="moments"),
    "kid of subsets": lambda x, y: parzen.kid(x, y, subsets=7, subset_size=20),
    "kid_by_class": lambda x, y: [
        e
        for value in [parzen.kid_by_class(x, LABELS[0], y, LABELS[1])]
        for e in (value.mean, value.mean.stderr, *value.classes.values())
    ],
    "Moments": lambda x, y: Moments().update(x).mmd(Moments().update(y)).squared,
    "mmd, median": parzen.mmd,
    "mmd, several": lambda x, y: parzen.mmd(x, y, kernel=Gaussian([1.0, 2.0])),
    "mmd, quadratic": lambda x, y: parzen.mmd(x, y, kernel=Polynomial(2), method="pairs"),
    "mmd, rational": lambda x, y: parzen.mmd(x, y, kernel=RationalQuadratic(1.0, 2.0)),
    "mmd, energy": lambda x, y: parzen.mmd(x, y, kernel=Energy()),
    "mmd, biased": lambda x, y: parzen.mmd(x, y, estimator="biased").squared,
    "mmd_test": lambda x, y: (lambda t: [t.squared, t.p_value, *t.null])(
        parzen.mmd_test(x, y, permutations=30)
    ),
    "log_density": lambda x, y: parzen.log_density(x, y, bandwidth=0.8),
    "log_density, weighted": lambda x, y: parzen.log_density(
        x, y, bandwidth=0.8, weights=np.arange(N) % 4
    ),
    "log_density, cosine": lambda x, y: parzen.log_density(x, y, bandwidth=9.0, kernel="cosine"),
    "KernelDensity, scott": lambda x, y: fitted(x, y, "scott"),
    "KernelDensity, silverman": lambda x, y: fitted(x, y, "silverman"),
    "KernelDensity, compared": lambda x, y: fitted(x, y, [0.3, 0.9, 2.0]),
    "precision_recall": parzen.precision_recall,
    "precision_recall, halves": lambda x, y: (lambda p: [*p, *(e.stderr for e in p)])(
        parzen.precision_recall(x, y, halves=3)
    ),
    "fid": parzen.fid,
    "fid_by_class": lambda x, y: parzen.fid_by_class(x, LABELS[0], y, LABELS[1]).mean,
    "fid_jackknife": lambda x, y: (lambda f: [*f, f.value.stderr])(
        parzen.fid_jackknife(x, y, blocks=3)
    ),
    "fd_infinity": lambda x, y: parzen.fd_infinity(x, y, points=4, least=16)[0],
    "compare_models": lambda x, y: (lambda r: [*r.values.values(), r.differences[0].difference])(
        parzen.compare_models({"a": y[:20], "b": y[20:]}, x, permutations=19)
    ),
    "compare_models, fid": lambda x, y: [
        *parzen.compare_models(
            {"a": y[:24], "b": y[24:]}, x, metric="fid", blocks=2
        ).values.values()
    ],
    "kl_divergence_from_samples": parzen.kl_divergence_from_samples,
}
