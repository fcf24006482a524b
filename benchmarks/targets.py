"""What was asked for, as data: a row is a line of the summary in docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = tuple[str, str]  # the key of a contest, the name of a contestant


@dataclass(frozen=True)
class Target:
    """At least `asked` times the peer's time (or memory) over ours, or of our rate over its.

    Without a peer `asked` is the most megabytes, or seconds, that may be taken.
    """

    work: str
    by: Literal["time", "rate", "memory"]
    asked: float
    ours: Result
    peer: Result | None


PEAK = "multiply-adds alone"


def _pairs() -> list[Target]:
    rows = []
    for d in (256, 2048):
        for kernel in ("polynomial", "Gaussian"):
            ours = (f"pairs {d}", f"{kernel} sum, float32")
            peer = (f"pairs {d}", "NumPy's matrix product, float32")
            rows.append(Target(f"{kernel} sum, float32, d = {d}", "rate", 0.95, ours, peer))
    for kernel, asked in (("polynomial", 0.85), ("Gaussian", 0.75)):
        ours, peer = (("pairs 64", f"{name}, float32") for name in (f"{kernel} sum", PEAK))
        rows.append(Target(f"{kernel} sum, float32, d = 64", "rate", asked, ours, peer))
    for d in (64, 256, 2048):
        for kernel in ("polynomial", "Gaussian"):
            results = [(f"pairs {d}", f"{kernel} sum, {dtype}") for dtype in ("float64", "float32")]
            rows.append(Target(f"{kernel} sum, float64, d = {d}", "rate", 0.45, *results))
    return rows


def _beside(work: str, key: str, ours: str, *peers: tuple[str, float]) -> list[Target]:
    return [Target(work, "time", asked, (key, ours), (key, peer)) for peer, asked in peers]


MEMORY = (
    "mmd, Gaussian",
    "mmd, energy",
    "kid, all pairs",
    "kid, moments",
    "log_density",
    "precision_recall",
    "mmd_test, 20 permutations",
)
FULL = "parzen, all samples with standard error"
KDE = {2: 80.0, 16: 100.0, 64: 200.0, 512: 200.0}  # times scikit-learn
TORCH_FIDELITY = "torch-fidelity, 100 subsets"
FRECHET = "frechet moments of 10,000 rows"

TARGETS: list[Target] = [
    *_pairs(),
    *(
        target
        for d, asked in KDE.items()
        for target in _beside(
            f"KDE, float32, d = {d}", f"kde {d}", "parzen", ("scikit-learn", asked)
        )
    ),
    *_beside("KDE, float32, d = 64", "kde 64", "parzen", ("NumPy, chunked", 8.0)),
    *_beside(
        "full KID, n = 5000, d = 2048",
        "kid",
        FULL,
        ("NumPy, all samples, in place", 1.1),
        ("NumPy, all samples, as the formula", 1.1),
        (TORCH_FIDELITY, 4.0),
    ),
    Target(
        "full KID, n = 5000, d = 2048: memory",
        "memory",
        10.0,
        ("memory of kid", "kid, all pairs"),
        ("memory of kid", "NumPy, full KID in place"),
    ),
    *_beside("KID of 100 subsets, n = 5000", "kid", "parzen, 100 subsets", (TORCH_FIDELITY, 3.5)),
    *_beside(
        "KID of 100 subsets, n = 50,000",
        "kid of many",
        "parzen, 100 subsets",
        (TORCH_FIDELITY, 1.2),
    ),
    *_beside(
        "full KID by moments, n = 200,000, d = 64",
        "moments",
        "parzen, moments",
        ("parzen, all pairs", 100.0),
    ),
    *_beside(
        "Fréchet distance, d = 2048",
        FRECHET,
        "parzen",
        ("torchmetrics", 4.5),
        ("pytorch-fid", 17.0),
    ),
    *(
        Target(
            f"covariance, n = 50,000, d = 2048, {ours}, beside {syrk}",
            "rate",
            0.85,
            ("covariance", f"parzen, {ours}"),
            ("covariance", f"{syrk}, the product alone"),
        )
        for ours, syrk in (
            ("moments, float32", "ssyrk"),
            ("FID's moments, float32 in float64", "dsyrk"),
            ("moments, float64", "dsyrk"),
        )
    ),
    *_beside("precision_recall, n = 5000, d = 2048", "manifold", "parzen", ("prdc", 5.0)),
    *_beside(
        "mmd_test, n = 5000, d = 64, 1000 permutations",
        "mmd_test",
        "parzen",
        ("NumPy, K stored, one product", 2.0),
    ),
    # A tenth of the queries: twice their time is twenty times that of all.
    *_beside(
        "KL from samples, n = 20,000, d = 64, all queries",
        "kl",
        "parzen, with standard error",
        ("scikit-learn, kd_tree, a tenth of the queries", 2.0),
    ),
    Target("report of 10,000 codes", "time", 60.0, ("latent", "parzen.latent.report"), None),
    Target(
        "mmd_test, n = 5000, d = 64: memory",
        "memory",
        10.0,
        ("memory of mmd_test", "mmd_test"),
        ("memory of mmd_test", "NumPy, permutation test"),
    ),
    *(
        Target(f"memory, n = 100,000, d = 64: {case}", "memory", 64.0, ("memory", case), None)
        for case in MEMORY
    ),
]
