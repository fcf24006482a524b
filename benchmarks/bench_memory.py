"""What calls need beyond inputs and outputs, each in its own process; docs/scaling.png."""

import pytest

from benchmarks.contest import size
from benchmarks.memory import measure

N, D = size(100_000, 500), size(64, 8)
REDUCTIONS = (
    "mmd, Gaussian",
    "mmd, energy",
    "kid, all pairs",
    "kid, moments",
    "log_density",
    "precision_recall",
    "mmd_test, 20 permutations",
    "fid",
)
FULL_KID = ("kid, all pairs", "NumPy, full KID in place", "NumPy, full KID as the formula")
SCALING = {
    "kid, all pairs": 100_000,
    "kid, moments": 1_000_000,
    "torch-fidelity, 100 subsets": 1_000_000,
    "NumPy, full KID in place": 20_000,
}
STEPS = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)


@pytest.mark.parametrize("case", REDUCTIONS)
def test_reduction(keep, case):
    title = f"memory beyond inputs and outputs, n = m = {N:,}, d = {D}, float32"
    keep("memory", title, case, **measure(case, N, D))


@pytest.mark.parametrize("case", FULL_KID)
def test_full_kid(keep, case):
    n, d = size(5000, 500), size(2048, 64)
    title = f"memory beyond inputs and outputs: full KID, n = m = {n}, d = {d}, float32"
    keep("memory of kid", title, case, **measure(case, n, d))


@pytest.mark.parametrize("case", ["mmd_test", "NumPy, permutation test"])
def test_permutation_test(keep, case):
    n = size(5000, 500)
    title = f"memory beyond inputs and outputs: permutation test, n = m = {n}, d = 64, float32"
    keep("memory of mmd_test", title, case, **measure(case, n, 64))


@pytest.mark.parametrize("case", SCALING)
def test_scaling(keep, case):
    for n in STEPS[: size(len(STEPS), 2)]:
        if n <= SCALING[case]:
            keep("scaling", "", case, figure="scaling", n=n, d=D, **measure(case, n, D))
