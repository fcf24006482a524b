"""Distances of features: every peer's FID and KID beside ours, with the reasons of differences."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benchmarks.parity_entry import PATCHED, Entry, Reason, Values

SUBSETS, SUBSET_SIZE, SEED = 10, 60, 2020

FLOAT32_KERNELS = (
    "KID is a small difference of means of kernel values, which on float32 features both compute "
    "in float32; theirs adds them up in float32 too, ours in float64"
)
FLOAT32_MEANS = "theirs: means of float32 features summed in float32; ours: moments in float64"
SINGULAR = (
    "theirs: the root of a singular product, whose zero eigenvalues come out as about 1e-16 of the "
    "largest and their roots as 1e-8; ours: singular values of the samples, no such roots"
)


def tensors(*arrays: Any) -> list[Any]:
    import torch

    return [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]


def statistics(x: Any) -> tuple[Any, Any]:
    return np.mean(x, axis=0, dtype=np.float64), np.cov(x, rowvar=False)


def four(x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    return (*statistics(x), *statistics(y))


def exact_fid(x: Any, y: Any) -> Values:
    """Return the FID with the root as the singular values of the centred samples' product."""
    a, b = (z - z.mean(axis=0) for z in (x, y))
    a, b = a / np.sqrt(len(a) - 1), b / np.sqrt(len(b) - 1)
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    gap = x.mean(axis=0) - y.mean(axis=0)
    return {"fid": gap @ gap + np.square(a).sum() + np.square(b).sum() - 2.0 * root}


def frechet_entries() -> list[Entry]:
    import cleanfid.fid
    import pytorch_fid.fid_score
    import torch_fidelity.metric_fid as fidelity
    import torchmetrics.image.fid

    import parzen.torchmetrics
    from parzen.compat import cleanfid as our_clean
    from parzen.compat import pytorch_fid as our_pytorch
    from parzen.compat import torch_fidelity as our_fidelity

    key = fidelity.KEY_METRIC_FID
    singular = Reason("*rank deficient*", 1e-4, SINGULAR)

    def fidelity_fid(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = (module.fid_features_to_statistics(t) for t in tensors(x, y))
            return {"fid": module.fid_statistics_to_metric(*found, verbose=False)[key]}

        return run

    def fid_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            metric = updated(module.FrechetInceptionDistance(feature=identity(x.shape[1])), x, y)
            return {"fid": metric.compute().item()}

        return run

    def native(protocol: str) -> Any:
        return lambda x, y: {"fid": parzen.fid(x, y, protocol=protocol)}

    def of_four(function: Any) -> Any:
        return lambda x, y: {"fid": function(*four(x, y))}

    return [
        Entry(
            "pytorch-fid",
            "fid_score.calculate_frechet_distance",
            lambda x, y: {"fid": pytorch_fid.fid_score.calculate_frechet_distance(*four(x, y))},
            {
                PATCHED: None,
                "parzen.compat.pytorch_fid": of_four(our_pytorch.calculate_frechet_distance),
                "parzen.frechet_distance": of_four(parzen.frechet_distance),
            },
            exactly=exact_fid,
            reasons=(singular,),
        ),
        Entry(
            "clean-fid",
            "fid.fid_from_feats",
            lambda x, y: {"fid": cleanfid.fid.fid_from_feats(x, y)},
            {
                PATCHED: None,
                "parzen.compat.cleanfid": lambda x, y: {"fid": our_clean.fid_from_feats(x, y)},
                'parzen.fid(protocol="clean-fid")': native("clean-fid"),
            },
            exactly=exact_fid,
            reasons=(singular, Reason("*float32", 1e-4, FLOAT32_MEANS)),
        ),
        Entry(
            "torch-fidelity",
            "fid_features_to_statistics, fid_statistics_to_metric",
            fidelity_fid(fidelity),
            {
                PATCHED: None,
                "parzen.compat.torch_fidelity": fidelity_fid(our_fidelity),
                'parzen.fid(protocol="torch-fidelity")': native("torch-fidelity"),
            },
            exactly=exact_fid,
            reasons=(singular, Reason("*float32", 1e-4, FLOAT32_MEANS)),
        ),
        Entry(
            "torchmetrics",
            "FrechetInceptionDistance",
            fid_of(torchmetrics.image.fid),
            {
                PATCHED: None,
                "parzen.torchmetrics": fid_of(parzen.torchmetrics),
                'parzen.fid(protocol="torchmetrics")': native("torchmetrics"),
            },
            exactly=exact_fid,
            reasons=(singular,),
        ),
    ]


def kid_entries() -> list[Entry]:
    import cleanfid.fid
    import torch
    import torch_fidelity.metric_kid as fidelity
    import torchmetrics.image.kid

    import parzen.torchmetrics
    from parzen.compat import cleanfid as our_clean
    from parzen.compat import torch_fidelity as our_fidelity

    keys = (fidelity.KEY_METRIC_KID_MEAN, fidelity.KEY_METRIC_KID_STD)

    def fidelity_kid(module: Any, **options: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.kid_features_to_metric(
                *tensors(x, y),
                kid_subsets=SUBSETS,
                kid_subset_size=SUBSET_SIZE,
                verbose=False,
                **options,
            )
            return dict(zip(("mean", "std"), (found[key] for key in keys), strict=True))

        return run

    def kid_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            options = {"subsets": SUBSETS, "subset_size": SUBSET_SIZE}
            kind = module.KernelInceptionDistance
            metric = updated(kind(feature=identity(x.shape[1]), **options), x, y)
            torch.manual_seed(SEED)
            return dict(zip(("mean", "std"), (v.item() for v in metric.compute()), strict=True))

        return run

    def clean_kid(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            np.random.seed(SEED)  # noqa: NPY002
            return {"mean": module.kernel_distance(x, y, SUBSETS, SUBSET_SIZE)}

        return run

    def native(protocol: str, *names: str) -> Any:
        rules = parzen.protocol(protocol)
        fewer = dataclasses.replace(rules.kid, subsets=SUBSETS, subset_size=SUBSET_SIZE)
        mine = dataclasses.replace(rules, kid=fewer)

        def run(x: Any, y: Any) -> Values:
            found = parzen.kid(x, y, protocol=mine, seed=SEED)
            return {name: getattr(found, name) for name in names}

        return run

    float32 = (Reason("*float32", 1e-3, FLOAT32_KERNELS, both=True),)
    return [
        Entry(
            "torch-fidelity",
            "kid_features_to_metric",
            fidelity_kid(fidelity),
            {
                PATCHED: None,
                "parzen.compat.torch_fidelity": fidelity_kid(our_fidelity),
                'parzen.kid(protocol="torch-fidelity")': native("torch-fidelity", "mean", "std"),
            },
            reasons=float32,
        ),
        Entry(
            "torch-fidelity",
            'kid_features_to_metric(kid_kernel="rbf")',
            fidelity_kid(fidelity, kid_kernel="rbf"),
            {
                PATCHED: None,
                "parzen.compat.torch_fidelity": fidelity_kid(our_fidelity, kid_kernel="rbf"),
            },
            reasons=float32,
        ),
        Entry(
            "clean-fid",
            "fid.kernel_distance",
            clean_kid(cleanfid.fid),
            {
                PATCHED: None,
                "parzen.compat.cleanfid": clean_kid(our_clean),
                'parzen.kid(protocol="clean-fid")': native("clean-fid", "mean"),
            },
            reasons=float32,
        ),
        Entry(
            "torchmetrics",
            "KernelInceptionDistance",
            kid_of(torchmetrics.image.kid),
            {
                PATCHED: None,
                "parzen.torchmetrics": kid_of(parzen.torchmetrics),
                'parzen.kid(protocol="torchmetrics")': native("torchmetrics", "mean", "std"),
            },
            reasons=float32,
        ),
    ]


def updated(metric: Any, x: Any, y: Any) -> Any:
    """Return a metric of torchmetrics' kind that has seen real and fake features."""
    for features, real in zip(tensors(x, y), (True, False), strict=True):
        metric.update(features, real=real)
    return metric


def identity(width: int) -> Any:
    """Return a feature extractor that takes features for images, as torchmetrics allows."""
    import torch

    module = torch.nn.Identity()
    module.num_features = width
    return module
