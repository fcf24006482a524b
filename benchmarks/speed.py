"""The time of every public call at a small and a large size, kept to be compared: `make speed`.

`make bench` holds us beside the peers; this holds us beside ourselves. pytest-benchmark keeps each
run in .benchmarks and shows the last one beside it, so that a commit that slows a call is seen.
"""

import numpy as np
import pytest

import parzen
from benchmarks.conftest import features, normal
from benchmarks.contest import size

SMALL, LARGE = 50, size(5000, 200)
KERNELS = {
    "polynomial": parzen.Polynomial(),
    "gaussian": parzen.Gaussian(8.0),
    "rational": parzen.RationalQuadratic(1.0, 8.0),
    "energy": parzen.Energy(),
}
CALLS = {
    "fid": parzen.fid,
    "kid": lambda x, y: parzen.kid(x, y, subset_size=min(len(x), 1000)),
    "kid, all samples": lambda x, y: parzen.kid(x, y, subsets=None),
    "mmd_test": lambda x, y: parzen.mmd_test(x, y, permutations=100),
    "precision_recall": parzen.precision_recall,
    "log_density": lambda x, y: parzen.log_density(x, y, bandwidth=1.0),
    "KernelDensity, cv": lambda x, y: parzen.KernelDensity("cv").fit(x),
    "inception_score": lambda x, y: parzen.inception_score(x),
}
CALLS |= {
    f"mmd, {name}": lambda x, y, k=k: parzen.mmd(x, y, kernel=k) for name, k in KERNELS.items()
}


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning", "ignore::parzen.BandwidthWarning")
@pytest.mark.parametrize("d", [64, 2048])
@pytest.mark.parametrize("n", [SMALL, LARGE])
@pytest.mark.parametrize("name", CALLS)
def test_call(benchmark, name, n, d):
    x, y = features(n, d, 0), features(n, d, 1)
    benchmark.group = f"n = m = {n}, d = {d}"
    benchmark.pedantic(CALLS[name], (x, y), rounds=5 if n == LARGE else 20, warmup_rounds=1)


@pytest.mark.parametrize("d", [64, 2048])
def test_sqrtm(benchmark, d):
    x = normal(2 * d, d, 0, np.float64)
    benchmark.group = "square roots"
    benchmark.pedantic(parzen.sqrtm, (x.T @ x,), rounds=5, warmup_rounds=1)
