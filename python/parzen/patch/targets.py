"""The functions of other packages that ours can stand in for, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parzen.patch import replacements

Function = Callable[..., Any]


@dataclass(frozen=True)
class Target:
    """A function of a module, or a method: ``"Class.method"``.

    Attributes
    ----------
    module, name
        Where it is.
    signatures
        The names of its parameters, in the versions that we know.
    make
        Takes the original and returns what stands in for it.
    optional
        Whether a module without it is nothing to speak of.
    """

    module: str
    name: str
    signatures: tuple[tuple[str, ...], ...]
    make: Callable[[Function], Function]
    optional: bool = False


STATISTICS = ("mu1", "sigma1", "mu2", "sigma2")
FEATURES = ("features_1", "features_2", "kwargs")


def _same(peer: str, module: str, name: str, *parameters: str) -> Target:
    """Return a target that `parzen.compat` has under the same name."""
    return Target(module, name, (parameters,), replacements.compat(peer, name))


TARGETS = (
    _same("pytorch_fid", "pytorch_fid.fid_score", "calculate_frechet_distance", *STATISTICS, "eps"),
    _same("cleanfid", "cleanfid.fid", "frechet_distance", *STATISTICS, "eps"),
    _same(
        "cleanfid",
        "cleanfid.fid",
        "kernel_distance",
        *("feats1", "feats2", "num_subsets", "max_subset_size"),
    ),
    _same(
        "torch_fidelity",
        "torch_fidelity.metric_fid",
        "fid_statistics_to_metric",
        *("stat_1", "stat_2", "verbose"),
    ),
    _same("torch_fidelity", "torch_fidelity.metric_kid", "kid_features_to_metric", *FEATURES),
    _same("torch_fidelity", "torch_fidelity.metric_prc", "prc_features_to_metric", *FEATURES),
    Target(
        "torchmetrics.image.fid", "_compute_fid", (STATISTICS,), replacements.torchmetrics_frechet
    ),
    Target(
        "torchmetrics.image.kid",
        "KernelInceptionDistance.compute",
        (("self",),),
        replacements.torchmetrics_kid,
    ),
    Target(
        "prdc.prdc",
        "compute_prdc",
        (("real_features", "fake_features", "nearest_k"),),
        replacements.prdc,
    ),
    _same("vendi_score", "vendi_score.vendi", "score_X", "X", "q", "p", "normalize"),
    _same("vendi_score", "vendi_score.vendi", "score_dual", "X", "q", "normalize"),
    Target(
        "sklearn.neighbors._kde",
        "KernelDensity.score_samples",
        (("self", "X"),),
        replacements.kernel_density,
    ),
)
