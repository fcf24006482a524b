"""Density estimates and the square root: scikit-learn's and SciPy's beside ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import parzen
from benchmarks.parity_entry import PATCHED, Entry, Reason, Values

COSINE = (
    "theirs: the integral of the cosine kernel is wrong in more than one dimension, and not a "
    "number in four; ours: the integral over the ball"
)
NO_SUPPORT = (
    "theirs: where no sample is within the kernel's support, the logarithm of rounding; ours: -inf"
)


def exact_density(kernel: str, bandwidth: float) -> Any:
    """Return the plain sum, with the kernel's integral by quadrature, for one bandwidth."""
    from scipy.integrate import quad
    from scipy.special import gammaln

    profiles = {
        "gaussian": lambda r: np.exp(-(r**2) / 2),
        "exponential": lambda r: np.exp(-r),
        "tophat": lambda r: 1.0 * (r < 1),
        "epanechnikov": lambda r: np.maximum(1 - r**2, 0),
        "linear": lambda r: np.maximum(1 - r, 0),
        "cosine": lambda r: np.cos(np.pi / 2 * np.minimum(r, 1)) * (r < 1),
    }
    profile, compact = profiles[kernel], kernel not in ("gaussian", "exponential")

    def run(x: Any, y: Any) -> Values:
        d = x.shape[1]
        radial = quad(lambda r: r ** (d - 1) * profile(r), 0, 1 if compact else 50, epsrel=1e-12)[0]
        sphere = np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2)
        distances = np.linalg.norm(y[:, None] - x[None], axis=2) / bandwidth
        with np.errstate(divide="ignore"):
            sums = np.log(profile(distances).mean(axis=1))
        return {"log-density": sums - np.log(radial) - sphere - d * np.log(bandwidth)}

    return run


def density_entries() -> list[Entry]:
    """On low-dimensional samples: the fake ones are where the density is asked for."""
    import scipy.linalg
    import scipy.stats
    from sklearn.neighbors import KernelDensity

    from parzen.compat import scipy as our_scipy
    from parzen.compat import sklearn as our_sklearn

    def estimator(kind: Any, kernel: str) -> Any:
        def run(x: Any, y: Any) -> Values:
            return {"log-density": kind(bandwidth=1.5, kernel=kernel).fit(x).score_samples(y)}

        return run

    def native(kernel: str) -> Any:
        return lambda x, y: {"log-density": parzen.log_density(x, y, bandwidth=1.5, kernel=kernel)}

    def whitened_density(x: Any, y: Any) -> Values:
        """SciPy's window has the shape of the covariance; of whitened samples it is round."""
        root = np.linalg.cholesky(covariance(x))
        a, b = (np.linalg.solve(root, (z - x.mean(axis=0)).T).T for z in (x, y))
        logs = parzen.KernelDensity("scott").fit(a).score_samples(b)
        return {"log-density": logs - np.log(root.diagonal()).sum()}

    def covariance(x: Any) -> Any:
        return np.atleast_2d(np.cov(x, rowvar=False))

    def density_of(module: Any) -> Any:
        return lambda x, y: {"log-density": module.gaussian_kde(x.T).logpdf(y.T)}

    kernels = ("gaussian", "exponential", "tophat", "epanechnikov", "linear", "cosine")
    return [
        *(
            Entry(
                "scikit-learn",
                f'KernelDensity("{kernel}")',
                estimator(KernelDensity, kernel),
                {
                    PATCHED: None,
                    "parzen.compat.sklearn": estimator(our_sklearn.KernelDensity, kernel),
                    f'parzen.log_density("{kernel}")': native(kernel),
                },
                exactly=exact_density(kernel, 1.5),
                reasons=(
                    Reason("*", math.inf, COSINE)
                    if kernel == "cosine"
                    else Reason("*d = 4", math.inf, NO_SUPPORT),
                ),
            )
            for kernel in kernels
        ),
        Entry(
            "SciPy",
            "stats.gaussian_kde",
            density_of(scipy.stats),
            {
                "parzen.compat.scipy": density_of(our_scipy),
                'parzen.KernelDensity("scott"), whitened': whitened_density,
            },
        ),
        Entry(
            "SciPy",
            "linalg.sqrtm",
            lambda x, y: {"root": scipy.linalg.sqrtm(covariance(x))},
            {
                "parzen.compat.scipy": lambda x, y: {"root": our_scipy.sqrtm(covariance(x))},
                "parzen.sqrtm": lambda x, y: {"root": parzen.sqrtm(covariance(x))},
            },
        ),
    ]
