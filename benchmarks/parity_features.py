"""Entry points that take features: every peer's, beside ours, with the reasons of differences."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

import parzen
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
FLOAT32_SCORE = "theirs: softmax and means in float32; ours: in float64"
FLOAT32_EIGENVALUES = "theirs: eigenvalues of a float32 matrix; ours: of a float64 one"
COSINE = (
    "theirs: the integral of the cosine kernel is wrong in more than one dimension, and not a "
    "number in four; ours: the integral over the ball"
)
NO_SUPPORT = (
    "theirs: where no sample is within the kernel's support, the logarithm of rounding; ours: -inf"
)
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


def exact_mifid(x: Any, y: Any) -> Values:
    """Return the FID over the mean distance of a real sample to its nearest fake one."""
    a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    memorized = (1.0 - np.abs(a @ b.T)).min(axis=1).mean()
    return {"mifid": exact_fid(x, y)["fid"] / (memorized if memorized < 0.1 else 1.0)}


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


def other_entries() -> list[Entry]:
    import prdc
    import torch
    import torch_fidelity.metric_isc
    import torch_fidelity.metric_prc
    import torchmetrics.image.inception
    import torchmetrics.image.mifid
    import vendi_score.vendi

    import parzen.torchmetrics
    from parzen.compat import prdc as our_prdc
    from parzen.compat import torch_fidelity as our_fidelity
    from parzen.compat import vendi_score as our_vendi

    def fidelity_score(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.isc_features_to_metric(*tensors(8.0 * x))
            return {"mean": found["inception_score_mean"], "std": found["inception_score_std"]}

        return run

    def score_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            metric = module.InceptionScore(feature=identity(x.shape[1]))
            metric.update(*tensors(8.0 * x))
            torch.manual_seed(SEED)
            return dict(zip(("mean", "std"), (v.item() for v in metric.compute()), strict=True))

        return run

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

    def mifid_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            kind = module.MemorizationInformedFrechetInceptionDistance
            return {"mifid": updated(kind(feature=identity(x.shape[1])), x, y).compute().item()}

        return run

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
            score_of(torchmetrics.image.inception),
            {
                "parzen.torchmetrics": score_of(parzen.torchmetrics),
                'parzen.inception_score(protocol="torchmetrics")': native_score("torchmetrics"),
            },
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
            mifid_of(torchmetrics.image.mifid),
            {
                PATCHED: None,
                "parzen.torchmetrics": mifid_of(parzen.torchmetrics),
                "parzen.mifid": lambda x, y: {"mifid": parzen.mifid(x, y, over="real")},
            },
            exactly=exact_mifid,
            reasons=(singular, Reason("*float32", 1e-4, FLOAT32_COSINES)),
        ),
        Entry(
            "vendi-score",
            "vendi.score_X",
            lambda x, y: {"score": vendi.score_X(x)},
            {
                PATCHED: None,
                "parzen.compat.vendi_score": lambda x, y: {"score": our_vendi.score_X(x)},
                "parzen.vendi_score": lambda x, y: {"score": parzen.vendi_score(x, blocks=None)},
            },
            reasons=(Reason("*float32", 1e-4, FLOAT32_EIGENVALUES),),
        ),
        Entry(
            "vendi-score",
            "vendi.score_dual(q=2)",
            lambda x, y: {"score": vendi.score_dual(x, q=2)},
            {
                PATCHED: None,
                "parzen.compat.vendi_score": lambda x, y: {"score": our_vendi.score_dual(x, q=2)},
                "parzen.vendi_score(q=2)": lambda x, y: {
                    "score": parzen.vendi_score(x, q=2, blocks=None)
                },
            },
        ),
    ]


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
