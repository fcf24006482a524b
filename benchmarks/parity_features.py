"""Entry points that take features: every peer's, beside ours, with the reasons of differences."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import parzen
from benchmarks import rivals
from benchmarks.parity_entry import PATCHED, Entry, Reason, Values

SUBSETS, SUBSET_SIZE, SEED = 10, 80, 2020

FLOAT32_KERNELS = (
    "theirs: kernel values and their sums in float32, of which KID is a small difference; "
    "ours: products in float32, sums in float64"
)
FLOAT32_MEANS = "theirs: means of float32 features summed in float32; ours: moments in float64"
SINGULAR = (
    "theirs: the root of a singular product, whose zero eigenvalues come out as about 1e-16 of the "
    "largest and their roots as 1e-8; ours: singular values of the samples, no such roots"
)
FLOAT32_SCORE = "theirs: softmax and means in float32; ours: in float64"
FLOAT32_COSINES = "theirs: cosines near 1 and their means in float32; ours: in float64"


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

    from parzen import compat  # noqa: F401
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

    def torchmetrics_fid(x: Any, y: Any) -> Values:
        metric = torchmetrics.image.fid.FrechetInceptionDistance(feature=identity(x.shape[1]))
        for features, real in zip(tensors(x, y), (True, False), strict=True):
            metric.update(features, real=real)
        return {"fid": metric.compute().item()}

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
            torchmetrics_fid,
            {PATCHED: None, 'parzen.fid(protocol="torchmetrics")': native("torchmetrics")},
            exactly=exact_fid,
            reasons=(singular,),
        ),
    ]


def kid_entries() -> list[Entry]:
    import cleanfid.fid
    import torch
    import torch_fidelity.metric_kid as fidelity
    import torchmetrics.image.kid

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

    def torchmetrics_kid(x: Any, y: Any) -> Values:
        metric = torchmetrics.image.kid.KernelInceptionDistance(
            feature=identity(x.shape[1]), subsets=SUBSETS, subset_size=SUBSET_SIZE
        )
        for features, real in zip(tensors(x, y), (True, False), strict=True):
            metric.update(features, real=real)
        torch.manual_seed(SEED)
        return dict(zip(("mean", "std"), (v.item() for v in metric.compute()), strict=True))

    def clean_kid(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            np.random.seed(SEED)  # noqa: NPY002: theirs draws from the global generator
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

    float32 = (Reason("*float32", 1e-2, FLOAT32_KERNELS),)
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
            torchmetrics_kid,
            {
                PATCHED: None,
                'parzen.kid(protocol="torchmetrics")': native("torchmetrics", "mean", "std"),
            },
            reasons=float32,
        ),
    ]


def other_entries() -> list[Entry]:
    import prdc
    import torch
    import torch_fidelity.metric_isc
    import torch_fidelity.metric_prc
    import torchmetrics.image.inception
    import torchmetrics.image.mifid
    import vendi_score.vendi

    from parzen.compat import prdc as our_prdc
    from parzen.compat import torch_fidelity as our_fidelity

    def fidelity_score(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.isc_features_to_metric(*tensors(8.0 * x))
            return {"mean": found["inception_score_mean"], "std": found["inception_score_std"]}

        return run

    def torchmetrics_score(x: Any, y: Any) -> Values:
        metric = torchmetrics.image.inception.InceptionScore(feature=identity(x.shape[1]))
        metric.update(*tensors(8.0 * x))
        torch.manual_seed(SEED)
        return dict(zip(("mean", "std"), (v.item() for v in metric.compute()), strict=True))

    def native_score(protocol: str) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = parzen.inception_score(8.0 * x, protocol=protocol, seed=SEED)
            return {"mean": found.mean, "std": found.std}

        return run

    def fidelity_prc(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.prc_features_to_metric(*tensors(y, x), verbose=False)
            return {name: found[name] for name in ("precision", "recall", "f_score")}

        return run

    def native_prc(x: Any, y: Any) -> Values:
        precision, recall, *_ = parzen.precision_recall(x, y, protocol="torch-fidelity")
        f_score = 2.0 * precision * recall / max(1e-5, precision + recall)
        return {"precision": precision, "recall": recall, "f_score": f_score}

    def torchmetrics_mifid(x: Any, y: Any) -> Values:
        kind = torchmetrics.image.mifid.MemorizationInformedFrechetInceptionDistance
        metric = kind(feature=identity(x.shape[1]))
        for features, real in zip(tensors(x, y), (True, False), strict=True):
            metric.update(features, real=real)
        return {"mifid": metric.compute().item()}

    vendi = vendi_score.vendi
    singular = Reason("*rank deficient*", 1e-4, SINGULAR)
    return [
        Entry(
            "torch-fidelity",
            "isc_features_to_metric",
            fidelity_score(torch_fidelity.metric_isc),
            {
                "parzen.compat.torch_fidelity": fidelity_score(our_fidelity),
                'parzen.inception_score(protocol="torch-fidelity")': native_score("torch-fidelity"),
            },
        ),
        Entry(
            "torchmetrics",
            "InceptionScore",
            torchmetrics_score,
            {'parzen.inception_score(protocol="torchmetrics")': native_score("torchmetrics")},
            reasons=(Reason("*float32", 1e-4, FLOAT32_SCORE),),
        ),
        Entry(
            "torch-fidelity",
            "prc_features_to_metric",
            fidelity_prc(torch_fidelity.metric_prc),
            {
                PATCHED: None,
                "parzen.compat.torch_fidelity": fidelity_prc(our_fidelity),
                'parzen.precision_recall(protocol="torch-fidelity")': native_prc,
            },
        ),
        Entry(
            "prdc",
            "compute_prdc",
            lambda x, y: prdc.compute_prdc(x, y, nearest_k=5),
            {
                PATCHED: None,
                "parzen.compat.prdc": lambda x, y: our_prdc.compute_prdc(x, y, nearest_k=5),
                'parzen.precision_recall(boundary="outside")': lambda x, y: parzen.precision_recall(
                    x, y, k=5, boundary="outside"
                )._asdict(),
            },
        ),
        Entry(
            "torchmetrics",
            "MemorizationInformedFrechetInceptionDistance",
            torchmetrics_mifid,
            {
                PATCHED: None,
                "parzen.mifid": lambda x, y: {"mifid": parzen.mifid(x, y, over="real")},
            },
            reasons=(singular, Reason("*float32", 1e-4, FLOAT32_COSINES)),
        ),
        Entry(
            "vendi-score",
            "vendi.score_X",
            lambda x, y: {"score": vendi.score_X(x)},
            {
                PATCHED: None,
                "parzen.vendi_score": lambda x, y: {"score": parzen.vendi_score(x, groups=None)},
            },
        ),
        Entry(
            "vendi-score",
            "vendi.score_dual(q=2)",
            lambda x, y: {"score": vendi.score_dual(x, q=2)},
            {
                PATCHED: None,
                "parzen.vendi_score(q=2)": lambda x, y: {
                    "score": parzen.vendi_score(x, q=2, groups=None)
                },
            },
        ),
    ]


def density_entries() -> list[Entry]:
    """On low-dimensional samples: the fake ones are where the density is asked for."""
    import scipy.linalg
    import scipy.stats
    from sklearn.neighbors import KernelDensity

    def sklearn(kernel: str, **options: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            density = KernelDensity(bandwidth=1.5, kernel=kernel, **options).fit(x)
            return {"log-density": density.score_samples(y)}

        return run

    def native(kernel: str) -> Any:
        return lambda x, y: {"log-density": parzen.log_density(x, y, bandwidth=1.5, kernel=kernel)}

    def whitened(x: Any, y: Any) -> tuple[Any, Any]:
        """SciPy's window has the shape of the covariance; of whitened samples it is round."""
        root = np.linalg.cholesky(np.cov(x, rowvar=False))
        return tuple(np.linalg.solve(root, (z - x.mean(axis=0)).T).T for z in (x, y))

    def scipy_density(x: Any, y: Any) -> Values:
        x, y = whitened(x, y)
        return {"log-density": scipy.stats.gaussian_kde(x.T).logpdf(y.T)}

    def our_density(x: Any, y: Any) -> Values:
        x, y = whitened(x, y)
        return {"log-density": parzen.KernelDensity("scott").fit(x).score_samples(y)}

    kernels = ("gaussian", "exponential", "tophat", "epanechnikov", "linear", "cosine")
    return [
        *(
            Entry(
                "scikit-learn",
                f'KernelDensity("{kernel}")',
                sklearn(kernel),
                {PATCHED: None, f'parzen.log_density("{kernel}")': native(kernel)},
                exactly=(lambda x, y: {"log-density": rivals.log_density(x, y, 1.5)})
                if kernel == "gaussian"
                else None,
            )
            for kernel in kernels
        ),
        Entry(
            "SciPy",
            "stats.gaussian_kde",
            scipy_density,
            {'parzen.KernelDensity("scott")': our_density},
        ),
        Entry(
            "SciPy",
            "linalg.sqrtm",
            lambda x, y: {"root": scipy.linalg.sqrtm(np.cov(x, rowvar=False)).real},
            {"parzen.sqrtm": lambda x, y: {"root": parzen.sqrtm(np.cov(x, rowvar=False))}},
        ),
    ]


def identity(width: int) -> Any:
    """Return a feature extractor that takes features for images, as torchmetrics allows."""
    import torch

    module = torch.nn.Identity()
    module.num_features = width
    return module
