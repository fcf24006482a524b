"""The functions of other packages that ours can stand in for, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parzen.patch import frechet, kid, others

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

TARGETS = (
    Target(
        "pytorch_fid.fid_score",
        "calculate_frechet_distance",
        ((*STATISTICS, "eps"),),
        frechet.of_statistics,
    ),
    Target("cleanfid.fid", "frechet_distance", ((*STATISTICS, "eps"),), frechet.of_statistics),
    Target(
        "cleanfid.fid",
        "kernel_distance",
        (("feats1", "feats2", "num_subsets", "max_subset_size"),),
        kid.clean_fid,
    ),
    Target(
        "torch_fidelity.metric_fid",
        "fid_statistics_to_metric",
        (("stat_1", "stat_2", "verbose"),),
        frechet.torch_fidelity,
    ),
    Target("torch_fidelity.metric_kid", "kid_features_to_metric", (FEATURES,), kid.torch_fidelity),
    Target(
        "torch_fidelity.metric_prc",
        "prc_features_to_metric",
        (FEATURES,),
        others.torch_fidelity_precision_recall,
    ),
    Target("torchmetrics.image.fid", "_compute_fid", (STATISTICS,), frechet.torchmetrics),
    Target(
        "torchmetrics.image.kid",
        "KernelInceptionDistance.compute",
        (("self",),),
        kid.torchmetrics,
    ),
    Target(
        "prdc.prdc", "compute_prdc", (("real_features", "fake_features", "nearest_k"),), others.prdc
    ),
    Target("vendi_score.vendi", "score_X", (("X", "q", "p", "normalize"),), others.vendi_of_gram),
    Target("vendi_score.vendi", "score_dual", (("X", "q", "normalize"),), others.vendi_dual),
    Target(
        "sklearn.neighbors._kde",
        "KernelDensity.score_samples",
        (("self", "X"),),
        others.kernel_density,
    ),
)
